import type { Connection } from '../../io/connection.ts'

/**
 * Lines that all clients of a thread may have read between two visits to the event loop. Chosen:
 * one to two milliseconds.
 */
const LINES_MAX = 4096

/**
 * Shares a thread's time out among clients that subscribe and unsubscribe by the thousand: messages
 * of others go on meanwhile, and so do clients that have less to say.
 */
export class InterestShare {
  /** Lines that may be read now. */
  left = LINES_MAX
  #isRenewing = false
  /** In the order in which they go on. */
  #waiting: Connection[] = []

  /** @returns false when there has been enough: the connection is resumed when it may go on */
  ask(connection: Connection): boolean {
    if (this.left <= 0) {
      this.#waiting.push(connection)
      return false
    }
    if (!this.#isRenewing) {
      this.#isRenewing = true
      setImmediate(this.#renew)
    }
    return true
  }

  readonly #renew = (): void => {
    this.#isRenewing = false
    this.left = LINES_MAX
    const waiting = this.#waiting
    this.#waiting = []
    let next = 0
    while (next < waiting.length && this.left > 0) waiting[next++]!.resume()
    // Who had its turn goes behind those who had none.
    this.#waiting = [...waiting.slice(next), ...this.#waiting]
  }
}
