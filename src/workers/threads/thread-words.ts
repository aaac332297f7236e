import type { Kernel } from '../../kernel/kernel.ts'
import { laneAddress, threadField } from '../../kernel/shared-memory.ts'

/**
 * The words of the threads in shared memory as the main thread uses them: whether a thread runs,
 * how many connections it has, and what a thread that died leaves to be put in order.
 */
export class ThreadWords {
  readonly #kernel: Kernel
  readonly #threadCount: number

  /** @param threadCount the routing worker included */
  constructor(kernel: Kernel, threadCount: number) {
    this.#kernel = kernel
    this.#threadCount = threadCount
  }

  #at(thread: number, field: number): number {
    return threadField(this.#kernel, thread, field) >> 2
  }

  isRunning(thread: number): boolean {
    const { layout, words } = this.#kernel
    const state = Atomics.load(words, this.#at(thread, layout.THREAD_STATE))
    return state === layout.THREAD_STATE_RUNNING
  }

  /** A thread starts here: until it says otherwise its memory is not in order. */
  setAbsent(thread: number): void {
    const { layout, words } = this.#kernel
    Atomics.store(words, this.#at(thread, layout.THREAD_STATE), layout.THREAD_STATE_ABSENT)
  }

  /** From now on nothing more should be sent its way. */
  setDead(thread: number): void {
    const { layout, words } = this.#kernel
    Atomics.store(words, this.#at(thread, layout.THREAD_STATE), layout.THREAD_STATE_DEAD)
  }

  /** It is dead, its connections with it; nobody waits for it to leave a plan. */
  clear(thread: number): void {
    const { layout, words } = this.#kernel
    this.setDead(thread)
    Atomics.store(words, this.#at(thread, layout.THREAD_EPOCH), 0)
    Atomics.store(words, this.#at(thread, layout.THREAD_CONNECTIONS), 0)
    Atomics.store(words, this.#at(thread, layout.THREAD_STALLED_CONNECTIONS), 0)
    if (thread === layout.ROUTER_THREAD) this.#closeSublist()
  }

  /** Connections of a thread, those that are being handed over included. */
  connections(thread: number): number {
    const { layout, words } = this.#kernel
    return Atomics.load(words, this.#at(thread, layout.THREAD_CONNECTIONS))
  }

  /** Connections of all protocol workers. */
  clientConnections(): number {
    let count = 0
    for (let thread = 1; thread < this.#threadCount; thread++) count += this.connections(thread)
    return count
  }

  /** @param change 1: one is on its way to the thread; -1: it will not get there */
  countConnection(thread: number, change: 1 | -1): void {
    const { layout, words } = this.#kernel
    Atomics.add(words, this.#at(thread, layout.THREAD_CONNECTIONS), change)
  }

  /** The running protocol worker with the fewest connections; undefined while none runs. */
  leastLoaded(): number | undefined {
    let best: number | undefined
    for (let thread = 1; thread < this.#threadCount; thread++) {
      if (!this.isRunning(thread)) continue
      if (best === undefined || this.connections(thread) < this.connections(best)) best = thread
    }
    return best
  }

  /** A lane of which both ends are dead. */
  emptyLane(from: number, to: number): void {
    const { layout, words } = this.#kernel
    const lane = laneAddress(this.#kernel, from, to)
    const produced = Atomics.load(words, (lane + layout.LANE_PRODUCER) >> 2)
    Atomics.store(words, (lane + layout.LANE_CONSUMER) >> 2, produced)
  }

  /** No plan holds and none can be made until the new routing worker opens its sublist. */
  #closeSublist(): void {
    const { layout, words } = this.#kernel
    const sublist = words[layout.HEADER_SUBLIST >> 2]!
    Atomics.store(words, (sublist + layout.SUBLIST_ROOT) >> 2, 0)
    const first = words[layout.HEADER_GENERATIONS >> 2]! >> 2
    for (let i = 0; i < layout.GENERATIONS_BYTES >> 2; i++) Atomics.add(words, first + i, 1)
  }
}
