const INTERVAL_NS = 1_000_000_000n
/** Low bits of the window's word: handshakes in it. The rest is its end, in nanoseconds. */
const COUNT_BITS = 20n
const COUNT_MASK = (1n << COUNT_BITS) - 1n

const WINDOW = 0
const REFUSED = 1

/**
 * How many TLS handshakes clients may begin in a second (`connection_rate_limit`), counted over all
 * threads. A window begins with the first handshake after the one before has ended, as in
 * nats-server.
 */
export class HandshakeRate {
  readonly #words: BigInt64Array
  readonly #limit: bigint

  /**
   * @param memory of `allocate`, shared by all threads
   * @param limit handshakes in a second, at least 1
   */
  constructor(memory: SharedArrayBuffer, limit: number) {
    this.#words = new BigInt64Array(memory)
    this.#limit = BigInt(limit)
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT)
  }

  /** Counts a handshake; false when it must not begin. */
  allow(nowNs: bigint = process.hrtime.bigint()): boolean {
    for (;;) {
      const window = Atomics.load(this.#words, WINDOW)
      const endNs = window & ~COUNT_MASK
      const count = nowNs > endNs ? 0n : window & COUNT_MASK
      if (count >= this.#limit || count === COUNT_MASK) {
        Atomics.add(this.#words, REFUSED, 1n)
        return false
      }
      const next = count === 0n ? ((nowNs + INTERVAL_NS) & ~COUNT_MASK) | 1n : endNs | (count + 1n)
      if (Atomics.compareExchange(this.#words, WINDOW, window, next) === window) return true
    }
  }

  /** Handshakes refused since the last call. */
  takeRefused(): number {
    return Number(Atomics.exchange(this.#words, REFUSED, 0n))
  }
}
