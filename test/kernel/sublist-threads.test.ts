import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KernelThread } from './kernel-thread.ts'
import { CONTROL_STOP, Random, type RealThreads, startThreads } from './real-threads.ts'
import { SublistAccess } from './sublist-access.ts'
import type { ReaderResult, ReaderTask } from './sublist-reader.ts'
import { KERNELS } from './threads.ts'

const READER = new URL('./sublist-reader.ts', import.meta.url)
const CHURN_MS = { checked: 2000, fast: 2000 } as const
const READERS = 2
const ENTRIES_MAX = 400
/** Between two looks at the lanes and the clock. */
const CHANGES_AT_ONCE = 200

/** Subscriptions of each reader; its groups are its own. */
function permanentOf(reader: number): readonly (readonly [subject: string, queue: string])[] {
  const plain = ['a', 'a.b', 'a.b.c', 'a.*', 'a.*.c', '*.b', 'a.>', 'd.>', '*.*.*.d']
  const members = [`a.b q${reader}`, `c.> r${reader}`].map((text) => text.split(' '))
  return [
    ...plain.map((subject) => [subject, ''] as const),
    ...members.map(([subject, queue]) => [subject!, queue!] as const),
  ]
}
const PERMANENT_COUNT = permanentOf(0).length
const SOMETIMES = ['a.b', 'a.*', 'b.>', 'b.c.d', '*.c', 'c', '>']
const TOKENS = ['a', 'b', 'c', 'd', '*', 'x']
const QUEUES = ['', '', 'q0', 'r0', 'q1', 's']

/** Makes and removes entries; what it makes reaches nobody, except for the slots of SOMETIMES. */
class Churn {
  readonly #router: KernelThread
  readonly #sublist: SublistAccess
  readonly #random: Random
  readonly #slots: readonly Int32Array[]
  readonly #entries: { readonly address: number; readonly isLeaf: boolean }[] = []
  /** Entries of the slots of SOMETIMES, 0 = not in the sublist. */
  readonly #present: number[][]
  readonly #deadLink: number
  changes = 0

  constructor(router: KernelThread, slots: readonly Int32Array[], seed: number) {
    this.#router = router
    this.#sublist = new SublistAccess(router)
    this.#random = new Random(seed)
    this.#slots = slots
    this.#present = slots.map(() => SOMETIMES.map(() => 0))
    this.#deadLink = router.connect({ kind: 'leaf', planKey: 1 })
  }

  change(): void {
    this.changes++
    const dice = this.#random.below(100)
    if (dice < 20) this.#toggle(this.#random.below(READERS), this.#random.below(SOMETIMES.length))
    else if (dice < 22) this.#weigh()
    else if (this.#random.below(ENTRIES_MAX) >= this.#entries.length) this.#insert()
    else this.#remove(this.#random.below(this.#entries.length))
    if (this.#random.below(10) === 0) this.#router.exports.reclaim()
  }

  #toggle(reader: number, index: number): void {
    const present = this.#present[reader]!
    if (present[index] !== 0) {
      this.#router.exports.removeEntry(present[index]!)
      present[index] = 0
      return
    }
    const target = this.#slots[reader]![index]!
    present[index] = this.#sublist.insert({
      subject: SOMETIMES[index]!,
      target,
      generation: this.#router.generation(target),
      thread: reader + 1,
    })
  }

  #insert(): void {
    const count = 1 + this.#random.below(5)
    const tokens = Array.from({ length: count }, () => TOKENS[this.#random.below(TOKENS.length)])
    if (this.#random.below(4) === 0) tokens.push('>')
    const isLeaf = this.#random.below(8) === 0
    const reader = this.#random.below(READERS)
    // The generation is wrong: whoever finds the entry must not deliver.
    const target = isLeaf ? this.#deadLink : this.#slots[reader]![SOMETIMES.length]!
    const address = this.#sublist.insert({
      subject: tokens.join('.'),
      queue: QUEUES[this.#random.below(QUEUES.length)]!,
      target,
      generation: 0x7fffffff,
      thread: isLeaf ? 0 : reader + 1,
      weight: isLeaf ? 1 + this.#random.below(5) : 0,
    })
    this.#entries.push({ address, isLeaf })
  }

  #weigh(): void {
    const leafs = this.#entries.filter(({ isLeaf }) => isLeaf)
    if (leafs.length === 0) return
    const { address } = leafs[this.#random.below(leafs.length)]!
    this.#router.exports.setWeight(address, 1 + this.#random.below(9))
  }

  #remove(index: number): void {
    const [entry] = this.#entries.splice(index, 1)
    this.#router.exports.removeEntry(entry!.address)
  }

  end(): void {
    while (this.#entries.length > 0) this.#remove(0)
    this.#present.forEach((present, reader) => {
      present.forEach((entry, index) => {
        if (entry !== 0) this.#toggle(reader, index)
      })
    })
    this.#router.exports.reclaim()
  }

  get breakAddress(): number {
    return this.#sublist.breakAddress
  }
}

function churnFor(threads: RealThreads<ReaderResult>, churn: Churn, durationMs: number): void {
  const { router, control } = threads
  const end = performance.now() + durationMs
  while (performance.now() < end) {
    for (let i = 0; i < CHANGES_AT_ONCE; i++) churn.change()
    router.drainLanes()
  }
  churn.end()
  Atomics.store(control, CONTROL_STOP, 1)
}

for (const { name, module } of KERNELS) {
  test(`threads on the ${name} kernel match rightly while the sublist changes`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 30)
    const bytes = (SOMETIMES.length + 1) * Int32Array.BYTES_PER_ELEMENT
    const buffers = Array.from({ length: READERS }, () => new SharedArrayBuffer(bytes))
    const tasks = buffers.map((slots, reader) => {
      return { permanent: permanentOf(reader), sometimes: SOMETIMES, slots }
    })
    const threads = await startThreads<ReaderTask, ReaderResult>(READER, tasks, seed, { module })
    try {
      const { router, control } = threads
      const slots = buffers.map((buffer) => new Int32Array(buffer))
      const churn = new Churn(router, slots, seed)
      const count = router.sublistField('SUBLIST_COUNT')
      assert.equal(count, PERMANENT_COUNT * READERS)
      Atomics.store(control, CONTROL_STOP, 0)
      churnFor(threads, churn, CHURN_MS[name])
      for (const { published, planMisses, sometimes } of await threads.results) {
        assert.ok(
          published > 1000 && planMisses > 500,
          `${published} messages, ${planMisses} plans`,
        )
        assert.ok(sometimes > 0, 'none of those that come and go ever got anything')
      }
      assert.equal(router.sublistField('SUBLIST_COUNT'), count)
      for (const { slot, delivered } of neverDelivered(router, slots)) {
        assert.equal(delivered, 0n, `slot ${slot} was never in the sublist`)
      }
    } catch (error) {
      throw new Error(`failed with seed ${seed}`, { cause: error })
    } finally {
      await threads.end()
    }
  })
}

function neverDelivered(router: KernelThread, slots: readonly Int32Array[]) {
  return slots.map((own) => {
    const slot = own[SOMETIMES.length]!
    return { slot, delivered: router.long(slot + router.layout.SUB_DELIVERED) }
  })
}
