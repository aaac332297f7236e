import type { LeafTimes } from './leaf-types.ts'

const FIRST_PING_MS_MAX = 1000 // nats-server: soon after connect, to have a round trip time
const FIRST_PING_JITTER = 0.2
/** A hub asks an otherwise busy link again when its round trip time is older than this. */
const RTT_AGE_MS_MAX = 60 * 60 * 1000

export type PingDecision = 'ping' | 'wait' | 'stale'

/** When to ping one peer, and when to give it up. */
export class PingSchedule {
  readonly #times: LeafTimes
  readonly #isSpoke: boolean
  #dueMs = Number.POSITIVE_INFINITY
  #pingsOut = 0
  #sentMs = 0
  #rttMs = -1
  #rttAtMs = 0

  /**
   * @param isSpoke a spoke pings always; a hub spares the ping of a link that is heard of anyway
   */
  constructor(times: LeafTimes, isSpoke: boolean) {
    this.#times = times
    this.#isSpoke = isSpoke
  }

  get dueMs(): number {
    return this.#dueMs
  }

  /** Last measured round trip; -1 = none yet. */
  get rttMs(): number {
    return this.#rttMs
  }

  /** @param random in [0, 1): spreads the pings of links made at the same time */
  start(nowMs: number, random: number): void {
    const firstMs = Math.min(this.#times.pingIntervalMs, FIRST_PING_MS_MAX)
    this.#dueMs = nowMs + firstMs * (1 + FIRST_PING_JITTER * random)
  }

  onPong(nowMs: number): void {
    if (this.#pingsOut > 0) {
      this.#rttMs = Math.max(0, nowMs - this.#sentMs)
      this.#rttAtMs = nowMs
    }
    this.#pingsOut = 0
  }

  /** To be asked when `dueMs` has come. */
  onDue(nowMs: number, lastReceivedMs: number): PingDecision {
    this.#dueMs = nowMs + this.#times.pingIntervalMs
    const needsRtt = this.#rttMs < 0 || nowMs - this.#rttAtMs > RTT_AGE_MS_MAX
    const isHeard = nowMs - lastReceivedMs < this.#times.pingIntervalMs
    if (!this.#isSpoke && isHeard && !needsRtt) return 'wait'
    if (this.#pingsOut + 1 > this.#times.pingsOutMax) return 'stale'
    this.#pingsOut += 1
    this.#sentMs = nowMs
    return 'ping'
  }
}
