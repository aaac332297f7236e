import type { Kernel } from '../kernel/kernel.ts'
import { threadField } from '../kernel/shared-memory.ts'
import type { LocalInterest } from '../router/leaf/leaf-interest.ts'
import { Security } from './accounts/security.ts'
import type { IoThread, ThreadRole } from './io-thread/io-thread.ts'
import { LeafLinks } from './leaf/leaf-links.ts'
import type { InterestAnnouncer } from './messages/internal-client.ts'
import { RouterReload } from './reload/reconfigure-router.ts'
import { RoutingReports } from './reports/routing-reports.ts'
import { SlotReader } from './subscriptions.ts'
import type { PeerMessage } from './threads/peer-messages.ts'
import type { ThreadStart } from './threads/thread-messages.ts'

/**
 * The routing worker: the only writer of the sublist, owner of the leaf links and of the accounts.
 */
export class RoutingWorker implements ThreadRole, InterestAnnouncer {
  readonly thread: IoThread
  readonly kernel: Kernel
  readonly slots: SlotReader
  readonly security: Security
  readonly leafs: LeafLinks
  readonly reports: RoutingReports
  readonly reload: RouterReload
  readonly #isSuccessor: boolean
  readonly #threadCount: number
  /** Refusals that found no room in a lane: thread, slot, generation, … */
  #refusals: number[] = []

  constructor(thread: IoThread, { settings, accountNames, isSuccessor }: ThreadStart) {
    this.thread = thread
    this.kernel = thread.kernel
    this.slots = new SlotReader(this.kernel)
    this.#isSuccessor = isSuccessor
    this.#threadCount = this.kernel.words[this.kernel.layout.HEADER_THREAD_COUNT >> 2]!
    this.security = new Security({
      thread,
      settings,
      accountNames,
      announcer: this,
      subscriptionsOf: (account) => this.#subscriptionsOf(account),
      countSubscribers: ({ account, subject, queue }) =>
        this.reports.sublist.countInterest(account, subject, queue || undefined),
    })
    this.leafs = new LeafLinks(thread, settings, this.security, this)
    this.reports = new RoutingReports(this.security, this.leafs)
    this.reload = new RouterReload(this)
  }

  /**
   * Makes the sublist from the accounts, and from the slots of all threads (none at the first
   * start), and opens it.
   *
   * @throws BrokerError when the server cannot start as it is configured
   */
  async open(): Promise<void> {
    await this.leafs.acceptor.prepare()
    const { exports } = this.kernel
    if (exports.formatSublist() === 0) {
      throw new RangeError('shared_memory is too small for a sublist')
    }
    await this.security.open()
    if (this.#isSuccessor) await this.security.peers.rejoined(this.#runningThreads())
    for (let thread = 1; thread < this.#threadCount; thread++) {
      if (!this.#isStarting(thread)) this.#readSlots(thread)
    }
    exports.openSublist()
    await this.security.start()
    if (this.#isSuccessor) void this.security.judgeRejoined()
    this.leafs.startRemotes()
  }

  #readSlots(thread: number): void {
    const { exports, layout, words } = this.kernel
    exports.walkSlots(thread)
    for (let slot = exports.nextUsedSlot(); slot !== 0; slot = exports.nextUsedSlot()) {
      words[(slot + layout.SUB_ENTRY) >> 2] = 0
      // First the generation: if its owner ends it meanwhile, the entry leads to nobody.
      const generation = Atomics.load(words, (slot + layout.SUB_GENERATION) >> 2)
      if (this.slots.isActive(slot)) this.#subscribe(thread, slot, generation)
      else exports.applyUnsubscribe(slot)
    }
  }

  #runningThreads(): number[] {
    const threads: number[] = []
    for (let thread = 1; thread < this.#threadCount; thread++) {
      // A dead one has nobody to tell of.
      if (this.#stateOf(thread) === this.kernel.layout.THREAD_STATE_RUNNING) threads.push(thread)
    }
    return threads
  }

  onRecord(from: number, kind: number, slot: number, generation: number): void {
    const { layout, words } = this.kernel
    // A slot may have ended since, or begun another life.
    if (Atomics.load(words, (slot + layout.SUB_GENERATION) >> 2) !== generation) return
    if (kind === layout.RECORD_SUBSCRIBE) {
      if (!this.slots.isActive(slot)) return
      // What its connection may get has changed.
      if (this.slots.hasInterest(slot)) this.#permitAgain(slot)
      else this.#subscribe(from, slot, generation)
    } else if (this.slots.isRetiring(slot)) {
      // Not when it is free already: a new routing worker may have found it before its record.
      this.#unsubscribe(slot)
    }
  }

  #permitAgain(slot: number): void {
    const { exports, layout, words } = this.kernel
    const entry = words[(slot + layout.SUB_ENTRY) >> 2]!
    const connection = this.slots.connection(slot)
    exports.setEntryPermissions(entry, words[(connection + layout.CONNECTION_OUTGOING) >> 2]!)
  }

  #subscribe(thread: number, slot: number, generation: number): void {
    const { exports } = this.kernel
    if (exports.applySubscribe(slot, generation, thread) === 0) {
      this.#refusals.push(thread, slot, generation)
    } else if (this.security.hasLinks) {
      this.#tellLeafs(slot, 1)
    }
  }

  #unsubscribe(slot: number): void {
    const hadInterest = this.security.hasLinks && this.slots.hasInterest(slot)
    const account = hadInterest ? this.#accountOf(slot) : 0
    const subject = hadInterest ? this.slots.subject(slot) : ''
    const queue = hadInterest ? this.slots.queue(slot) : ''
    this.kernel.exports.applyUnsubscribe(slot)
    if (hadInterest) this.#tell(account, subject, queue, -1)
  }

  #tellLeafs(slot: number, delta: number): void {
    this.#tell(this.#accountOf(slot), this.slots.subject(slot), this.slots.queue(slot), delta)
  }

  #tell(account: number, subject: string, queue: string, delta: number): void {
    const change = { subject, queue: queue === '' ? undefined : queue, delta, origin: 'local' }
    this.security.onInterest(account, change as typeof change & { origin: 'local' })
  }

  /** Not by way of its connection, which may have ended and be another's by now. */
  #accountOf(slot: number): number {
    const { exports, layout, words } = this.kernel
    return exports.entryAccount(words[(slot + layout.SUB_ENTRY) >> 2]!)
  }

  /** The subscriptions of an account's clients, as they are in the sublist. */
  *#subscriptionsOf(account: number): Iterable<LocalInterest> {
    const { exports } = this.kernel
    for (let thread = 0; thread < this.#threadCount; thread++) {
      if (this.#isStarting(thread)) continue
      exports.walkSlots(thread)
      for (let slot = exports.nextUsedSlot(); slot !== 0; slot = exports.nextUsedSlot()) {
        if (!this.slots.hasInterest(slot) || this.#accountOf(slot) !== account) continue
        const queue = this.slots.queue(slot)
        const subject = this.slots.subject(slot)
        yield { subject, queue: queue === '' ? undefined : queue, count: 1 }
      }
    }
  }

  /** The memory of a thread that starts is not in order yet, and it has no subscriptions. */
  #isStarting(thread: number): boolean {
    return this.#stateOf(thread) === this.kernel.layout.THREAD_STATE_ABSENT
  }

  #stateOf(thread: number): number {
    const { layout, words } = this.kernel
    return Atomics.load(words, threadField(this.kernel, thread, layout.THREAD_STATE) >> 2)
  }

  // ── InterestAnnouncer: of this thread's own clients ───────────────────────────────────────

  /** What this thread announces is in force at once. */
  position(): number {
    return 0
  }

  hasApplied(): boolean {
    return true
  }

  subscribe(slot: number): void {
    const { layout, words } = this.kernel
    const generation = words[(slot + layout.SUB_GENERATION) >> 2]!
    this.#subscribe(this.thread.thread, slot, generation)
  }

  unsubscribe(slot: number): void {
    this.#unsubscribe(slot)
  }

  // ── ThreadRole ────────────────────────────────────────────────────────────────────────────

  onExpired(): void {}

  onTurnEnd(): void {
    this.leafs.events.flush()
    this.kernel.exports.reclaim()
    if (this.#refusals.length > 0) this.#sendRefusals()
  }

  #sendRefusals(): void {
    const { exports, layout } = this.kernel
    const refusals = this.#refusals
    this.#refusals = []
    for (let at = 0; at < refusals.length; at += 3) {
      const [thread, slot, generation] = refusals.slice(at, at + 3) as [number, number, number]
      if (thread === this.thread.thread) {
        this.thread.log.error('A subscription of the broker itself is refused: no memory')
      } else if (exports.sendControl(thread, layout.RECORD_REFUSED, slot, generation) === 0) {
        this.#refusals.push(thread, slot, generation)
        this.thread.awaitRoom(thread)
      }
    }
  }

  awaitsRouter(): boolean {
    return true
  }

  onPeerConnected(thread: number): void {
    this.security.peers.onPeerConnected(thread)
  }

  onPeerMessage(from: number, message: PeerMessage): void {
    this.security.peers.onPeerMessage(from, message)
  }

  /** Removes the interest of a thread that died. */
  onPeerDied(thread: number): void {
    const { exports } = this.kernel
    exports.walkSlots(thread)
    for (let slot = exports.nextUsedSlot(); slot !== 0; slot = exports.nextUsedSlot()) {
      this.#unsubscribe(slot)
    }
    this.security.peers.onPeerDied(thread)
  }
}
