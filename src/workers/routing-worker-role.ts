import type { Kernel } from '../kernel/kernel.ts'
import { threadField } from '../kernel/shared-memory.ts'
import type { InterestChange, LocalInterest } from '../router/leaf/leaf-interest.ts'
import type { IoThread, ThreadRole } from './io-thread.ts'
import { LeafLinks } from './leaf-links.ts'
import { SlotReader } from './subscriptions.ts'
import type { ThreadSettings } from './thread-settings.ts'

/** The routing worker: the only writer of the sublist, and owner of the leaf links. */
export class RoutingWorker implements ThreadRole {
  readonly thread: IoThread
  readonly kernel: Kernel
  readonly slots: SlotReader
  readonly leafs: LeafLinks
  readonly #threadCount: number
  /** Refusals that found no room in a lane: thread, slot, generation, … */
  #refusals: number[] = []

  constructor(thread: IoThread, settings: ThreadSettings) {
    this.thread = thread
    this.kernel = thread.kernel
    this.slots = new SlotReader(this.kernel)
    this.leafs = new LeafLinks(thread, settings, () => this.#localInterest())
    this.#threadCount = this.kernel.words[this.kernel.layout.HEADER_THREAD_COUNT >> 2]!
  }

  /** Makes the sublist from the slots of all threads (none at the first start) and opens it. */
  async open(): Promise<void> {
    await this.leafs.acceptor.prepare()
    const { exports, layout, words } = this.kernel
    if (!exports.formatSublist()) throw new RangeError('shared_memory is too small for a sublist')
    for (let thread = 0; thread < this.#threadCount; thread++) {
      if (thread === layout.ROUTER_THREAD || this.#isStarting(thread)) continue
      exports.walkSlots(thread)
      for (let slot = exports.nextUsedSlot(); slot !== 0; slot = exports.nextUsedSlot()) {
        words[(slot + layout.SUB_ENTRY) >> 2] = 0
        // First the generation: if its owner ends it meanwhile, the entry leads to nobody.
        const generation = Atomics.load(words, (slot + layout.SUB_GENERATION) >> 2)
        if (this.slots.isActive(slot)) this.#subscribe(thread, slot, generation)
        else exports.applyUnsubscribe(slot)
      }
    }
    exports.openSublist()
    this.leafs.startRemotes()
  }

  onRecord(from: number, kind: number, slot: number, generation: number): void {
    const { layout, words } = this.kernel
    // A slot may have ended since, or begun another life.
    if (Atomics.load(words, (slot + layout.SUB_GENERATION) >> 2) !== generation) return
    if (kind === layout.RECORD_SUBSCRIBE) {
      if (this.slots.isActive(slot) && !this.slots.hasInterest(slot)) {
        this.#subscribe(from, slot, generation)
      }
    } else if (this.slots.isRetiring(slot)) {
      // Not when it is free already: a new routing worker may have found it before its record.
      this.#unsubscribe(slot)
    }
  }

  #subscribe(thread: number, slot: number, generation: number): void {
    const { exports } = this.kernel
    if (!exports.applySubscribe(slot, generation, thread)) {
      this.#refusals.push(thread, slot, generation)
    } else if (this.leafs.hasLinks) {
      this.#tellLeafs(slot, 1)
    }
  }

  #unsubscribe(slot: number): void {
    const hadInterest = this.leafs.hasLinks && this.slots.hasInterest(slot)
    const subject = hadInterest ? this.slots.subject(slot) : ''
    const queue = hadInterest ? this.slots.queue(slot) : ''
    this.kernel.exports.applyUnsubscribe(slot)
    if (hadInterest) this.leafs.onInterest(change(subject, queue, -1))
  }

  #tellLeafs(slot: number, delta: number): void {
    this.leafs.onInterest(change(this.slots.subject(slot), this.slots.queue(slot), delta))
  }

  /** The subscriptions of all clients, as they are in the sublist. */
  *#localInterest(): Iterable<LocalInterest> {
    const { exports } = this.kernel
    for (let thread = 1; thread < this.#threadCount; thread++) {
      if (this.#isStarting(thread)) continue
      exports.walkSlots(thread)
      for (let slot = exports.nextUsedSlot(); slot !== 0; slot = exports.nextUsedSlot()) {
        if (!this.slots.hasInterest(slot)) continue
        const queue = this.slots.queue(slot)
        const subject = this.slots.subject(slot)
        yield { subject, queue: queue === '' ? undefined : queue, count: 1 }
      }
    }
  }

  /** The memory of a thread that starts is not in order yet, and it has no subscriptions. */
  #isStarting(thread: number): boolean {
    const { layout, words } = this.kernel
    const state = threadField(this.kernel, thread, layout.THREAD_STATE) >> 2
    return Atomics.load(words, state) === layout.THREAD_STATE_ABSENT
  }

  onExpired(): void {}

  onTurnEnd(): void {
    this.kernel.exports.reclaim()
    if (this.#refusals.length > 0) this.#sendRefusals()
  }

  #sendRefusals(): void {
    const { exports, layout } = this.kernel
    const refusals = this.#refusals
    this.#refusals = []
    for (let at = 0; at < refusals.length; at += 3) {
      const [thread, slot, generation] = refusals.slice(at, at + 3) as [number, number, number]
      if (!exports.sendControl(thread, layout.RECORD_REFUSED, slot, generation)) {
        this.#refusals.push(thread, slot, generation)
        this.thread.awaitRoom(thread)
      }
    }
  }

  awaitsRouter(): boolean {
    return true
  }

  /** Removes the interest of a thread that died. */
  onPeerDied(thread: number): void {
    const { exports } = this.kernel
    exports.walkSlots(thread)
    for (let slot = exports.nextUsedSlot(); slot !== 0; slot = exports.nextUsedSlot()) {
      this.#unsubscribe(slot)
    }
  }
}

function change(subject: string, queue: string, delta: number): InterestChange {
  return { subject, queue: queue === '' ? undefined : queue, delta, origin: 'local' }
}
