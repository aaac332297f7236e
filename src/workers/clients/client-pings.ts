import type { Deadline } from '../../io/deadlines.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import type { ClientSession } from './client-session.ts'

/** nats-server's first PING after CONNECT comes at most this late, plus up to a fifth. */
const FIRST_PING_MS = 2000
const FIRST_PING_JITTER = 0.2
/** A round trip time older than this is measured again, also on busy connections. */
const RTT_MAX_AGE_MS = 3_600_000

const NS_PER_MS = 1e6

/** Liveness of one client: PINGs, and the end of a connection that does not answer. */
export class ClientPings {
  readonly #worker: ProtocolWorker
  readonly #session: ClientSession
  #deadline: Deadline | undefined
  #outstanding = 0
  #rttAtMs = Number.NEGATIVE_INFINITY
  #sentAtMs: number
  /** Of the last PING, or of INFO and CONNECT; nanoseconds, 0 = not known yet. */
  rttNs = 0

  constructor(worker: ProtocolWorker, session: ClientSession) {
    this.#worker = worker
    this.#session = session
    this.#sentAtMs = worker.thread.nowMs
  }

  start(): void {
    this.#schedule(this.#session.front.pingIntervalMs)
  }

  /** The client is there: measure its round trip time soon. */
  onConnect(): void {
    this.#measure()
    this.#deadline?.cancel()
    const delayMs = Math.min(this.#session.front.pingIntervalMs, FIRST_PING_MS)
    this.#schedule(delayMs + Math.random() * delayMs * FIRST_PING_JITTER)
  }

  onPong(): void {
    this.#measure()
    this.#outstanding = 0
    this.#rttAtMs = this.#worker.thread.nowMs
  }

  #measure(): void {
    // Coarser clocks than the network would make it 0, which means unknown.
    const rttMs = performance.now() - this.#sentAtMs
    this.rttNs = Math.max(1, Math.round(rttMs * NS_PER_MS))
    this.#worker.thread.measures.clientRtt.record(rttMs)
  }

  stop(): void {
    this.#deadline?.cancel()
  }

  #schedule(delayMs: number): void {
    this.#deadline = this.#worker.thread.deadlines.after(delayMs, () => this.#onDeadline())
  }

  #onDeadline(): void {
    const { thread, options, log } = this.#worker
    const { connection, front } = this.#session
    if (!connection.isOpen) return
    thread.beginTurn()
    const isBusy = thread.nowMs - connection.lastInMs < front.pingIntervalMs
    const isMeasured = thread.nowMs - this.#rttAtMs < RTT_MAX_AGE_MS
    if (isBusy && isMeasured) {
      this.#schedule(front.pingIntervalMs)
    } else if (this.#outstanding + 1 > options.pingMax) {
      log.debug(`${this.#session.prefix}Stale Client Connection - Closing`)
      this.#session.violate('staleConnection')
    } else {
      this.#outstanding++
      connection.write('PING\r\n')
      this.#sentAtMs = performance.now()
      this.#schedule(front.pingIntervalMs)
    }
    thread.endTurn()
  }
}
