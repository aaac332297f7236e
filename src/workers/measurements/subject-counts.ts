import type { Kernel } from '../../kernel/kernel.ts'
import type { ThreadSubject } from '../../monitor/metrics/measurements.ts'

/** Sets of the plan cache looked at before other events get their turn: some 100 µs. */
const SLICE_SETS = 4096
const WAYS = 4
/** Candidates kept for each one asked for, before the lesser ones are thrown away. */
const SURPLUS = 4

/**
 * How many messages came for each subject: plans count those they were found for. What a plan has
 * counted is taken out when it is asked for, so there must be one asker. A plan that was thrown
 * out of the cache, or never was in it, is missing, with its messages.
 */
export class SubjectCounts {
  readonly #kernel: Kernel
  readonly #arena: number
  #walk: Promise<ThreadSubject[]> | undefined

  constructor(kernel: Kernel, arena: number) {
    this.#kernel = kernel
    this.#arena = arena
  }

  /** Those with the most messages since the last call, most first. */
  take(limit: number): Promise<ThreadSubject[]> {
    this.#walk ??= this.#takeAll(limit).finally(() => {
      this.#walk = undefined
    })
    return this.#walk
  }

  async #takeAll(limit: number): Promise<ThreadSubject[]> {
    const { PLAN_SETS } = this.#kernel.layout
    let found: ThreadSubject[] = []
    for (let from = 0; from < PLAN_SETS; from += SLICE_SETS) {
      found = this.#takeSlice(from, Math.min(from + SLICE_SETS, PLAN_SETS), found, limit)
      await new Promise(setImmediate)
    }
    return most(found, limit)
  }

  #takeSlice(from: number, to: number, before: ThreadSubject[], limit: number): ThreadSubject[] {
    const { layout, words } = this.#kernel
    const plans = words[(this.#arena + layout.ARENA_PLANS) >> 2]!
    const setWords = layout.PLAN_SET_BYTES >> 2
    let found = before
    let least = 0
    const end = (plans >> 2) + to * setWords
    for (let set = (plans >> 2) + from * setWords; set < end; set += setWords) {
      for (let way = set; way < set + WAYS; way++) {
        if (words[way] === 0) continue
        const plan = words[way + WAYS]!
        const msgs = words[(plan + layout.PLAN_MSGS) >> 2]! >>> 0
        if (msgs === 0) continue
        words[(plan + layout.PLAN_MSGS) >> 2] = 0
        if (msgs < least || this.#isFollowUp(plan)) continue
        found.push(this.#read(plan, msgs))
        if (found.length < limit * SURPLUS) continue
        found = most(found, limit)
        least = found.at(-1)?.msgs ?? 0
      }
    }
    return found
  }

  /** What a message becomes behind a mapping, an import or a lane was counted already. */
  #isFollowUp(plan: number): boolean {
    const { layout, words } = this.#kernel
    const bits = layout.PLAN_KEY_TRUSTED | layout.PLAN_KEY_RELAYED | layout.PLAN_KEY_IMPORTED
    return (words[(plan + layout.PLAN_KEY) >> 2]! & bits) !== 0
  }

  #read(plan: number, msgs: number): ThreadSubject {
    const { layout, words, bytes } = this.#kernel
    const at = words[(plan + layout.PLAN_SUBJECT) >> 2]!
    const length = words[(plan + layout.PLAN_SUBJECT_BYTES) >> 2]!
    return {
      account: words[(plan + layout.PLAN_SOURCE) >> 2]!,
      subject: Buffer.from(bytes.subarray(at, at + length)).toString(),
      msgs,
    }
  }
}

function most(subjects: ThreadSubject[], limit: number): ThreadSubject[] {
  return subjects.sort((a, b) => b.msgs - a.msgs).slice(0, limit)
}
