import type { MessagePort } from 'node:worker_threads'
import { durationNs, formatDuration } from '../../base/duration.ts'
import type { Options } from '../../config/options.ts'
import type { Connection } from '../../io/connection.ts'
import type {
  ConnectionHost,
  ConnectionSettings,
  SlowConsumerReason,
} from '../../io/connection-host.ts'
import { Deadlines } from '../../io/deadlines.ts'
import { instantiateKernel, type Kernel } from '../../kernel/kernel.ts'
import { arenaAddress, READ_BYTES, threadField } from '../../kernel/shared-memory.ts'
import { RateLimit } from '../../monitor/log/rate-limit.ts'
import { ThreadLogger } from '../../monitor/log/thread-logger.ts'
import { kernelHost } from '../accounts/kernel-host.ts'
import { SlowReporter } from '../measurements/slow-reporter.ts'
import { SubjectCounts } from '../measurements/subject-counts.ts'
import { ThreadMeasures } from '../measurements/thread-measures.ts'
import type { InternalClient } from '../messages/internal-client.ts'
import { planCacheReport } from '../reports/plan-cache.ts'
import type { PlanCacheReport } from '../reports/report-messages.ts'
import type { PeerMessage } from '../threads/peer-messages.ts'
import type { Failure, PostToMain, ThreadStart } from '../threads/thread-messages.ts'
import { Doorbells } from './doorbells.ts'
import { InboundLanes } from './inbound-lanes.ts'
import { Spinner } from './spinner.ts'
import { type Resumable, Turns } from './turns.ts'

/** Texts up to this long are copied through one buffer of the thread. */
const SCRATCH_BYTES = 64 * 1024
/** Rounds of reading lanes before other events get their turn. */
const ROUNDS_MAX = 8
/** nats-server: a publisher of a slow consumer waits at most this long for each of its reads. */
const STALL_MS = 10
/** While the routing worker is replaced, publishers try again this often. */
const SUBLIST_RETRY_MS = 5
/** Below a sixteenth of the thread's pages memory is scarce. */
const FREE_PAGES_MIN_SHIFT = 4
/** Closing somebody for less would not help. */
const RELIEF_BYTES_MIN = 1024 * 1024
const SEED_MAX = 2 ** 31
/** The last 16 bytes of what 32 bits can address. */
const UNREACHABLE_ADDRESS = 2 ** 32 - 16

/** What a kind of thread does with what the kernel hands to TypeScript. */
export interface ThreadRole {
  /** A control record of a lane: kind RECORD_*. */
  onRecord(from: number, kind: number, slot: number, generation: number): void
  /** A subscription got all it asked for. */
  onExpired(slot: number): void
  /** Called at the end of each turn, before anything is sent. */
  onTurnEnd(): void
  /** A thread died; its lanes are empty by now. */
  onPeerDied(thread: number): void
  /** There is a line to a thread, at the start or to a successor. */
  onPeerConnected(thread: number): void
  onPeerMessage(from: number, message: PeerMessage): void
  /**
   * Asks the routing worker to ring when it has applied what it was sent; false = it already has.
   */
  awaitsRouter(): boolean
}

/**
 * What protocol workers and the routing worker have in common: connections, lanes, doorbells.
 *
 * A turn is what happens between two visits to the event loop: bytes are read and processed, then
 * lanes are committed, sleeping threads rung, dirty connections flushed and own lanes read, until
 * nothing is left; then the thread declares itself asleep. Turns nest; the outermost one ends.
 */
export class IoThread implements ConnectionHost {
  readonly thread: number
  readonly kernel: Kernel
  /** Tells the main thread. */
  readonly post: PostToMain
  readonly deadlines = new Deadlines()
  readonly settings: ConnectionSettings
  readonly log: ThreadLogger
  readonly readAddress: number
  readonly readView: Uint8Array
  nowMs = performance.now()
  /** Times a publisher was made to wait for a slow consumer. */
  stallCount = 0
  outboundTap: ((connection: Connection, frames: Uint8Array) => void) | undefined
  readonly connections: (Connection | undefined)[] = []
  /** Grows with each that comes or goes. */
  connectionChanges = 0
  /** Those that were slow and were kept, see Connection.slowCount. */
  readonly slowConnections = new Set<Connection>()
  /** How many subscriptions all clients of this thread have. */
  clientSubscriptions = 0
  readonly measures: ThreadMeasures
  readonly subjectCounts: SubjectCounts
  readonly #slow: SlowReporter
  readonly #lossyWord: number
  /** By record. */
  readonly #internals = new Map<number, InternalClient>()
  readonly #vacant: number[] = []
  readonly #doorbells: Doorbells
  readonly #lanes: InboundLanes
  readonly #spinner: Spinner
  readonly #scratch: number
  readonly #role: () => ThreadRole
  readonly #connectionsWord: number
  readonly #freePagesWord: number
  readonly #freePagesMin: number
  readonly #dirtyWord: number
  /** Thread with the same event loop. */
  #beside: IoThread | undefined
  /** That one has made room, or applied something. */
  #isCalled = false
  /** Connection closed for its memory, until it is given back. */
  #relieving: Connection | undefined
  readonly #rateLimit = new RateLimit()
  #turnDepth = 0
  #isStallAsked = false
  #isPolling = false
  #laneWaiters: Resumable[] = []
  #routerWaiters: Connection[] = []
  readonly #matching = new Turns(
    () => this.kernel.exports.renewMatching(),
    () => this.kernel.exports.hasMatching() !== 0,
  )

  constructor(start: ThreadStart, post: PostToMain, role: () => ThreadRole) {
    const { options } = start.settings
    this.post = post
    this.thread = start.thread
    this.#role = role
    this.kernel = instantiateKernel(
      start.module,
      start.memory,
      kernelHost(() => this.kernel),
    )
    const { exports, layout, words, bytes } = this.kernel
    if (!exports.attach(this.thread, Math.floor(Math.random() * SEED_MAX))) {
      throw new RangeError(`thread ${this.thread}: shared_memory is too small`)
    }
    exports.setDropOverStallMark(options.noFastProducerStall ? 1 : 0)
    exports.setPacing(1)
    this.settings = {
      pendingBytesMax: options.maxPending,
    }
    this.log = new ThreadLogger({
      debug: options.debug,
      trace: options.trace,
      post: (lines) => post({ type: 'log', lines }),
    })
    this.#scratch = exports.allocate(SCRATCH_BYTES)
    const arena = arenaAddress(this.kernel, this.thread)
    this.readAddress = words[(arena + layout.ARENA_READ) >> 2]!
    this.readView = bytes.subarray(this.readAddress, this.readAddress + READ_BYTES)
    this.#connectionsWord = threadField(this.kernel, this.thread, layout.THREAD_CONNECTIONS) >> 2
    this.#freePagesWord = (arena + layout.ARENA_FREE_PAGES) >> 2
    this.#dirtyWord = (arena + layout.ARENA_DIRTY) >> 2
    this.#freePagesMin = words[this.#freePagesWord]! >> FREE_PAGES_MIN_SHIFT
    this.#lossyWord = threadField(this.kernel, this.thread, layout.THREAD_LOSSY) >> 2
    this.measures = new ThreadMeasures(this.kernel, this.thread)
    this.subjectCounts = new SubjectCounts(this.kernel, arena)
    this.#slow = new SlowReporter(this.kernel, this.connections, (event) =>
      post({ type: 'slow', event }),
    )
    this.#lanes = new InboundLanes(this.kernel, this.thread, this.measures.latency)
    this.#doorbells = new Doorbells(
      this.kernel,
      this.thread,
      () => this.poll(),
      (from, message) => this.#onPeerMessage(from, message),
    )
    this.#spinner = new Spinner(this, this.kernel, this.thread)
    this.#spinner.isAllowed = options.spin
    Atomics.store(
      words,
      threadField(this.kernel, this.thread, layout.THREAD_STATE) >> 2,
      layout.THREAD_STATE_RUNNING,
    )
  }

  /** What a reload of the configuration may change of a thread. */
  useOptions(options: Options): void {
    this.kernel.exports.setDropOverStallMark(options.noFastProducerStall ? 1 : 0)
    this.log.setSwitches(options)
    this.#spinner.isAllowed = options.spin
  }

  /**
   * Another thread has the same event loop. From now on neither rings the other: each serves the
   * other at the end of its own turn, and frames go from one to the other without a lane.
   */
  standBeside(other: IoThread): void {
    this.#beside = other
    this.#doorbells.silence(other.thread)
    this.kernel.exports.standBeside(other.thread)
  }

  connectPeer(thread: number, port: MessagePort): void {
    this.#doorbells.connect(thread, port)
    this.#role().onPeerConnected(thread)
  }

  /** Tells another thread something that concerns one client, not one message. */
  tell(thread: number, message: PeerMessage): void {
    this.#doorbells.send(thread, message)
  }

  #onPeerMessage(from: number, message: PeerMessage): void {
    this.beginTurn()
    this.#role().onPeerMessage(from, message)
    this.endTurn()
  }

  /** A peer died: what it sent is delivered, then nothing of it is read or awaited any more. */
  forgetPeer(thread: number): void {
    const { exports } = this.kernel
    this.beginTurn()
    this.#lanes.readLast(thread, this.#role())
    exports.resetLanes(thread)
    exports.forgetReader(thread)
    this.#doorbells.disconnect(thread)
    this.#role().onPeerDied(thread)
    this.endTurn()
    this.poll()
  }

  // ── connections ───────────────────────────────────────────────────────────────────────────

  add(connection: Connection): number {
    const index = this.#vacant.pop() ?? this.connections.length
    this.connections[index] = connection
    this.connectionChanges += 1
    const { layout, words } = this.kernel
    words[(connection.record + layout.CONNECTION_CID) >> 2] = connection.cid
    return index
  }

  remove(connection: Connection): void {
    this.connections[connection.index] = undefined
    this.connectionChanges += 1
    this.slowConnections.delete(connection)
    this.#vacant.push(connection.index)
    this.uncountConnection()
  }

  /** The main thread counts what it hands over; a thread counts what it dials, or is relayed. */
  countConnection(): void {
    Atomics.add(this.kernel.words, this.#connectionsWord, 1)
  }

  /** For connections that never got a record, too. */
  uncountConnection(): void {
    Atomics.sub(this.kernel.words, this.#connectionsWord, 1)
  }

  /** @param account number, undefined = of all */
  planCacheReport(account: number | undefined): PlanCacheReport {
    return planCacheReport(this.kernel, arenaAddress(this.kernel, this.thread), account)
  }

  /** Clients of the broker itself; see InternalClient. */
  addInternal(client: InternalClient): void {
    this.#internals.set(client.record, client)
  }

  retryLater(connection: Resumable): void {
    const { exports, layout } = this.kernel
    if (exports.status.value === layout.STATUS_LANE_FULL) {
      this.#lanes.await(exports.fullLane.value)
      this.#laneWaiters.push(connection)
    } else if (exports.status.value === layout.STATUS_SPENT) {
      this.#matching.wait(connection)
    } else {
      this.deadlines.after(SUBLIST_RETRY_MS, () => connection.resume())
    }
  }

  /** The connection goes on when the routing worker has applied its SUBs. */
  awaitRouter(connection: Connection): void {
    this.#routerWaiters.push(connection)
  }

  /**
   * Something waits for room in the lane to a thread: there is a turn when there may be some.
   *
   * @param connection goes on then
   */
  awaitRoom(to: number, connection?: Connection): void {
    this.#lanes.await(to)
    if (connection !== undefined) this.#laneWaiters.push(connection)
  }

  onSlowConsumer(
    connection: Connection,
    reason: SlowConsumerReason,
    pendingBytes: number,
    chunks = 1,
  ): void {
    const { layout, words } = this.kernel
    const { pendingBytesMax, writeDeadlineMs } = connection.limits
    const isOutOfMemory = words[(connection.record + layout.CONNECTION_OVERFLOW) >> 2] === 2
    const limit = isOutOfMemory
      ? `shared_memory is exhausted, ${pendingBytes} bytes pending`
      : reason === 'slowConsumerPendingBytes'
        ? `MaxPending of ${pendingBytesMax} Exceeded`
        : `WriteDeadline of ${formatDuration(durationNs(writeDeadlineMs))} exceeded with ${chunks} chunks of ${pendingBytes} total bytes.`
    connection.session.onNotice('info', `Slow Consumer Detected: ${limit}`)
    if (isOutOfMemory || connection === this.#relieving) this.#slow.onClosing(connection, 'memory')
    else if (reason === 'slowConsumerWriteDeadline') {
      this.#slow.onClosing(connection, 'write_deadline')
    } else this.#slow.onClosing(connection, 'max_pending')
    connection.close(reason)
  }

  onIngressPause(pauseMs: number): void {
    this.measures.ingressPauses.record(pauseMs)
  }

  onSlowWrite(connection: Connection): void {
    this.slowConnections.add(connection)
    this.#slow.onSlowWrite(connection)
  }

  inSlices(text: string | Uint8Array, use: (address: number, bytes: number) => void): void {
    const { bytes } = this.kernel
    const source = typeof text === 'string' ? Buffer.from(text) : text
    for (let from = 0; from < source.length; from += SCRATCH_BYTES) {
      const slice = source.subarray(from, from + SCRATCH_BYTES)
      bytes.set(slice, this.#scratch)
      use(this.#scratch, slice.length)
    }
  }

  onOutOfMemory(what: string): void {
    this.log.error(`Shared memory of thread ${this.thread} is exhausted: ${what}`)
  }

  /** For tests: ends the thread as a defect would. */
  fail(how: Failure): never {
    // No memory reaches so far: the copy traps before its first byte.
    if (how === 'trap') this.kernel.exports.copy(UNREACHABLE_ADDRESS, this.readAddress, 16)
    throw new Error('asked to fail')
  }

  // ── turns ─────────────────────────────────────────────────────────────────────────────────

  beginTurn(): void {
    if (this.#turnDepth++ > 0) return
    this.nowMs = performance.now()
    this.#spinner.onTurn(this.nowMs)
    this.#doorbells.wake()
  }

  /** For what does not come from a socket or a lane: answers, timers, other threads. */
  inTurn<T>(run: () => T): T {
    this.beginTurn()
    const result = run()
    this.endTurn()
    return result
  }

  endTurn(): void {
    if (this.#turnDepth > 1) {
      this.#turnDepth--
      return
    }
    this.#finish()
    this.#turnDepth = 0
  }

  /** A turn of its own: somebody rang, or work was left. */
  poll(): void {
    if (this.#turnDepth > 0) return
    this.beginTurn()
    this.#resumeWaiters()
    this.endTurn()
  }

  /** The turn of the thread beside this one. @returns whether there was something to do */
  #serve(beganMs: number): boolean {
    if (this.#turnDepth > 0) return false
    const { exports, words } = this.kernel
    if (!this.#isCalled && words[this.#dirtyWord] === 0 && !exports.hasInbound()) return false
    this.#isCalled = false
    this.beginTurn()
    // What it sends was read when that turn began.
    this.nowMs = beganMs
    this.#resumeWaiters()
    this.endTurn()
    return true
  }

  #resumeWaiters(): void {
    const waiters = this.#laneWaiters
    this.#laneWaiters = []
    this.#lanes.awaitNone()
    for (const connection of waiters) connection.resume()
    this.#resumeRouterWaiters()
  }

  /** Delivers what other threads have sent by now. Only inside a turn. */
  readLanes(): boolean {
    const hasRead = this.#lanes.read(this.#role(), (thread) => this.#call(thread))
    // What came by a lane is for its own publisher to slow down: its thread sees the stall mark,
    // too.
    if (hasRead) this.kernel.exports.clearStallRequest()
    return hasRead
  }

  /** A thread waits for what has been done. */
  #call(thread: number): void {
    if (thread === this.#beside?.thread) this.#beside.#isCalled = true
    else this.#doorbells.ringAsleep(thread)
  }

  /** As readLanes, until all that was there at the call has been delivered. Only inside a turn. */
  readLanesToEnd(): void {
    // What a lane holds is bounded, lent payloads too: a fast sender cannot keep us here.
    for (let round = 0; round < ROUNDS_MAX && this.readLanes(); round++) {
      // Sent as it comes: together it might be more than one connection may have pending.
      this.#commitLanes()
      this.#flushDirty()
    }
  }

  #commitLanes(): void {
    const began = this.measures.latency.stamp(this.nowMs)
    this.#doorbells.ring(this.kernel.exports.commitLanes(began))
  }

  #finish(): void {
    const role = this.#role()
    for (let round = 0; ; round++) {
      this.removeExpired()
      role.onTurnEnd()
      this.#commitLanes()
      const hasServed = this.#flushDirty()
      this.#relieveMemory()
      const isDone = !this.#serveBeside() && !hasServed
      if (!this.readLanes() && isDone && this.#mayRest()) return
      if (round >= ROUNDS_MAX) {
        // Sockets must get their turn, and so must the news that a peer died: a record may have to
        // stay in its lane until there is a sublist again. The thread stays awake meanwhile.
        this.#pollSoon()
        return
      }
    }
  }

  /** @returns whether that has left frames to be sent */
  #serveBeside(): boolean {
    if (this.#beside === undefined || !this.#beside.#serve(this.nowMs)) return false
    return this.kernel.words[this.#dirtyWord] !== 0
  }

  /** Nothing is left to do: stays awake for a moment, or sleeps. False when work came up. */
  #mayRest(): boolean {
    // Who waits for another thread is rung by it only when asleep.
    const isWaiting =
      this.#lanes.isAwaiting || this.#laneWaiters.length > 0 || this.#routerWaiters.length > 0
    return (!isWaiting && this.#spinner.begin()) || this.#canSleep()
  }

  /** It was awake for nothing. */
  endSpin(): void {
    if (!this.#canSleep()) this.poll()
  }

  #resumeRouterWaiters(): void {
    if (this.#routerWaiters.length === 0) return
    const waiters = this.#routerWaiters
    this.#routerWaiters = []
    for (const connection of waiters) connection.resume()
  }

  /**
   * Declares the thread asleep, then looks at everything it waits for once more: who changes one of
   * these afterwards finds the sleeping flag set, and rings. False when work came up meanwhile.
   */
  #canSleep(): boolean {
    this.kernel.exports.tidy()
    if (!this.#doorbells.sleep()) return false
    const isWaiting =
      this.#lanes.awaitRoom() && (this.#routerWaiters.length === 0 || this.#role().awaitsRouter())
    if (!isWaiting) {
      this.#doorbells.wake()
      this.#pollSoon()
    }
    return true
  }

  /**
   * When memory gets scarce the connection with the most pending bytes has to go, before somebody
   * is refused a chunk who is not to blame. Its memory is back when its socket has closed; until
   * then nobody else is closed for it.
   */
  #relieveMemory(): void {
    const { words } = this.kernel
    if (words[this.#freePagesWord]! >= this.#freePagesMin || this.#relieving?.isAttached) return
    this.#relieving = undefined
    let most: Connection | undefined
    for (const connection of this.connections) {
      if (connection?.isOpen && connection.pendingBytes > (most?.pendingBytes ?? 0)) {
        most = connection
      }
    }
    if (most === undefined || most.pendingBytes < RELIEF_BYTES_MIN) return
    this.#relieving = most
    this.log.warn(`Shared memory of thread ${this.thread} is nearly exhausted`)
    this.onSlowConsumer(most, 'slowConsumerPendingBytes', most.pendingBytes)
  }

  #pollSoon(): void {
    if (this.#isPolling) return
    this.#isPolling = true
    setImmediate(() => {
      this.#isPolling = false
      this.poll()
    })
  }

  /** Ends the subscriptions that got all they asked for. */
  removeExpired(): void {
    const role = this.#role()
    const { exports } = this.kernel
    for (let slot = exports.takeExpired(); slot !== 0; slot = exports.takeExpired()) {
      role.onExpired(slot)
    }
  }

  /** @returns whether the broker's own services had something to do: it may be in lanes now */
  #flushDirty(): boolean {
    const { exports, layout, words } = this.kernel
    const lossy = words[this.#lossyWord]!
    if (lossy !== 0) {
      words[this.#lossyWord] = 0
      this.#slow.onDropped(lossy)
    }
    let hasServed = false
    for (let record = exports.takeDirty(); record !== 0; record = exports.takeDirty()) {
      const connection = this.connections[words[(record + layout.CONNECTION_INDEX) >> 2]!]
      if (connection === undefined || connection.record !== record) {
        const internal = this.#internals.get(record)
        internal?.flush()
        hasServed ||= internal !== undefined
        continue
      }
      if (words[(record + layout.CONNECTION_OVERFLOW) >> 2] !== 0 && connection.isOpen) {
        this.onSlowConsumer(connection, 'slowConsumerPendingBytes', connection.pendingBytes)
      } else {
        connection.flush()
      }
    }
    this.measures.latency.onFlushed(this.nowMs)
    return hasServed
  }

  /** What the connection at hand has sent found no room in a lane: it waits a moment. */
  askToStall(): void {
    this.#isStallAsked = true
  }

  /** After a connection was read: if it feeds a slow consumer, it waits a moment. */
  stallIfAsked(connection: Connection): void {
    const { exports } = this.kernel
    if (exports.stallRequested.value === 0 && !this.#isStallAsked) return
    this.#slow.onStall(connection, this.#isStallAsked ? 0 : exports.stalledBy.value)
    if (exports.stallRequested.value !== 0) this.stallCount += 1
    exports.clearStallRequest()
    this.#isStallAsked = false
    connection.stall(STALL_MS)
    const text = `Producer was stalled for a total of ${STALL_MS}ms`
    if (this.#rateLimit.passes(text)) connection.session.onNotice('warn', text)
  }
}
