import { type Clock, systemClock } from '../../base/clock.ts'

/** Source: nats-server's rate-limited log lines. */
const INTERVAL_MS = 1000

/**
 * Texts remembered at most. Chosen: more different texts than this in a second are a flood of
 * another kind.
 */
export const RATE_LIMIT_TEXTS_MAX = 1024

/** Lets each text through once a second. One per thread. */
export class RateLimit {
  readonly #clock: Clock
  /** Text to the time it went through; the oldest comes first. */
  readonly #passedAtMs = new Map<string, number>()

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** True when `text` may be logged now; the same text is then refused for a second. */
  passes(text: string): boolean {
    const nowMs = this.#clock.monotonicMs()
    const passedAtMs = this.#passedAtMs.get(text)
    if (passedAtMs !== undefined && nowMs - passedAtMs < INTERVAL_MS) return false
    this.#passedAtMs.delete(text) // so that it moves to the end
    this.#passedAtMs.set(text, nowMs)
    if (this.#passedAtMs.size > RATE_LIMIT_TEXTS_MAX) this.#forgetOldest(nowMs)
    return true
  }

  #forgetOldest(nowMs: number): void {
    let mustForget = true
    for (const [text, passedAtMs] of this.#passedAtMs) {
      if (!mustForget && nowMs - passedAtMs < INTERVAL_MS) return
      mustForget = false
      this.#passedAtMs.delete(text)
    }
  }
}
