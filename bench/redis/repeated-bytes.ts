/**
 * Checks a stream that must be the same bytes again and again, however it is cut into chunks: what
 * a publisher writes again and again comes to a subscriber of Redis as such.
 */
export class RepeatedBytes {
  /** All that came and was as it must be. */
  byteCount = 0
  isAsExpected = true
  readonly #expected: Buffer
  #at = 0

  constructor(expected: Buffer) {
    this.#expected = expected
  }

  add(chunk: Buffer): void {
    let from = 0
    while (from < chunk.length) {
      const count = Math.min(chunk.length - from, this.#expected.length - this.#at)
      if (chunk.compare(this.#expected, this.#at, this.#at + count, from, from + count) !== 0) {
        this.isAsExpected = false
        return
      }
      from += count
      this.byteCount += count
      this.#at = (this.#at + count) % this.#expected.length
    }
  }
}
