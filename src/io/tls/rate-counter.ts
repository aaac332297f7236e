const WINDOW_MS = 1000

/**
 * How many handshakes may begin within a second (`connection_rate_limit`). A window opens with the
 * first handshake after the one before has ended.
 */
export class RateCounter {
  readonly #limit: number
  #begun = 0
  #windowEndMs = Number.NEGATIVE_INFINITY
  #rejected = 0

  /** @param limit 0: no limit */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @param nowMs a clock that never goes back */
  allow(nowMs: number): boolean {
    if (this.#limit <= 0) return true
    if (nowMs > this.#windowEndMs) {
      this.#begun = 0
      this.#windowEndMs = nowMs + WINDOW_MS
    }
    this.#begun++
    const isAllowed = this.#begun <= this.#limit
    if (!isAllowed) this.#rejected++
    return isAllowed
  }

  /** The warning to log, asked for once a second; undefined when nothing was rejected since. */
  takeWarning(): string | undefined {
    const rejected = this.#rejected
    this.#rejected = 0
    if (rejected === 0) return undefined
    return `Rejected ${rejected} connections due to TLS rate limiting`
  }
}
