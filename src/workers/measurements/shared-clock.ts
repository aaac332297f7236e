const US_PER_MS = 1000
const MS_PER_S = 1000
const NS_PER_MS = 1e6
const TWO_32 = 2 ** 32
/** A thread may be interrupted between two looks at a clock, but not always. */
const TRIES = 8

/** Translates this thread's performance.now() to a clock that all threads of the process share. */
export class SharedClock {
  /** performance.now() counts from the start of its thread. */
  readonly #offsetMs: number

  constructor() {
    let offsetMs = Number.NEGATIVE_INFINITY
    for (let i = 0; i < TRIES; i++) {
      const [seconds, nanoseconds] = process.hrtime()
      const tried = seconds * MS_PER_S + nanoseconds / NS_PER_MS - performance.now()
      // What happens between the two makes it less.
      offsetMs = Math.max(offsetMs, tried)
    }
    this.#offsetMs = offsetMs
  }

  /** @returns microseconds modulo 2^32, as int32; never 0, which means none */
  toSharedUs(nowMs: number): number {
    return Math.trunc((nowMs + this.#offsetMs) * US_PER_MS) | 0 || 1
  }

  /** Milliseconds from a shared time to `nowMs`; half an hour at most. */
  sinceMs(sharedUs: number, nowMs: number): number {
    const us = ((nowMs + this.#offsetMs) * US_PER_MS - (sharedUs >>> 0)) % TWO_32
    // The offsets of two threads were not measured exactly: it may seem to be ahead of us.
    return us > TWO_32 / 2 ? 0 : us / US_PER_MS
  }
}
