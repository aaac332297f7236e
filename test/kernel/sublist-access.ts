import type { ReferenceMatch } from '../reference/reference-sublist.ts'
import type { KernelThread } from './kernel-thread.ts'

const SCRATCH_ADDRESSES = 65_536

export interface EntryFacts {
  readonly subject: string
  readonly queue?: string | null
  readonly target: number
  readonly generation?: number
  readonly thread?: number
  readonly weight?: number
}

/** What a sublist says about one entry, as text. */
export function entryText({ target, weight = 0 }: EntryFacts): string {
  return `${target}:${weight}`
}

/** The sublist as its writer and its readers see it. */
export class SublistAccess {
  readonly #thread: KernelThread
  readonly #scratch: number

  constructor(thread: KernelThread) {
    this.#thread = thread
    this.#scratch = thread.exports.allocate(SCRATCH_ADDRESSES * 4)
    if (this.#scratch === 0) throw new RangeError('no memory for matches')
  }

  /** @returns the entry, 0 when it was refused */
  insert({ subject, queue, target, generation = 1, thread = 1, weight = 0 }: EntryFacts): number {
    const name = queue ?? ''
    const [at, queueAt] = this.#thread.place(subject, name)
    return this.#thread.exports.insertEntry(
      ...([
        0,
        at!,
        subject.length,
        queueAt!,
        name.length,
        target,
        generation,
        thread,
        weight,
      ] as const),
    )
  }

  /** Whom a subject reaches, by `entryText`; groups of one name are one. */
  match(subject: string, scratchMax = SCRATCH_ADDRESSES): ReferenceMatch<string> | null {
    const { exports } = this.#thread
    const [at] = this.#thread.place(subject)
    const account = exports.accountAddress(0)
    if (exports.matchNodes(account, at!, subject.length, this.#scratch, scratchMax) === 0) {
      return null
    }
    const count = exports.nodeCount.value
    if (count > scratchMax) throw new RangeError(`${count} nodes match`)
    const plain: string[] = []
    const queues = new Map<string, string[]>()
    for (let i = 0; i < count; i++) {
      const node = this.#word(this.#scratch + i * 4)
      plain.push(...this.#entries(node, 'NODE_ENTRIES'))
      let group = this.#field(node, 'NODE_GROUPS')
      for (; group !== 0; group = this.#field(group, 'GROUP_NEXT')) {
        const name = this.#thread.latin1(
          group + this.#thread.constant('GROUP_NAME'),
          this.#field(group, 'GROUP_NAME_BYTES'),
        )
        const members = queues.get(name) ?? []
        members.push(...this.#entries(group, 'GROUP_ENTRIES'))
        queues.set(name, members)
      }
    }
    return { plain, queues }
  }

  #word(at: number): number {
    return this.#thread.word(at)
  }

  #field(at: number, name: string): number {
    return this.#word(at + this.#thread.constant(name))
  }

  #entries(holder: number, list: string): string[] {
    const entries: string[] = []
    let entry = this.#field(holder, list)
    for (; entry !== 0; entry = this.#field(entry, 'ENTRY_NEXT')) {
      const target = this.#field(entry, 'ENTRY_TARGET')
      entries.push(entryText({ subject: '', target, weight: this.#field(entry, 'ENTRY_WEIGHT') }))
    }
    return entries
  }

  get breakAddress(): number {
    return this.#thread.sublistField('SUBLIST_BREAK')
  }

  get count(): number {
    return this.#thread.sublistField('SUBLIST_COUNT')
  }

  get tableSlots(): number {
    return this.#field(this.#thread.sublistField('SUBLIST_TABLE'), 'TABLE_MASK') + 1
  }
}

/** Two answers are the same, whatever the order in them. */
export function sorted(match: ReferenceMatch<string> | null): unknown {
  if (match === null) return null
  const groups = [...match.queues].map(([name, members]) => [name, members.toSorted()] as const)
  return {
    plain: match.plain.toSorted(),
    queues: groups.toSorted(([a], [b]) => (a < b ? -1 : 1)),
  }
}
