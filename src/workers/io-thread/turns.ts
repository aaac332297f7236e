/** Something that waits, and tries again. */
export interface Resumable {
  resume(): void
}

/**
 * Shares a thread's time out among connections that ask for much of one kind of work: there is so
 * much of it between two visits to the event loop, and who had some goes behind those who had none.
 */
export class Turns {
  readonly #renew: () => void
  readonly #hasLeft: () => boolean
  #isSet = false
  #waiting: Resumable[] = []

  /**
   * @param renew there may be as much work again
   * @param hasLeft whether not all of it is done
   */
  constructor(renew: () => void, hasLeft: () => boolean) {
    this.#renew = renew
    this.#hasLeft = hasLeft
  }

  /** The connection is resumed when it may go on. */
  wait(connection: Resumable): void {
    this.#waiting.push(connection)
    this.renewSoon()
  }

  /** Some of the work is about to be done. */
  renewSoon(): void {
    if (this.#isSet) return
    this.#isSet = true
    setImmediate(this.#next)
  }

  readonly #next = (): void => {
    this.#isSet = false
    this.#renew()
    const waiting = this.#waiting
    this.#waiting = []
    let next = 0
    while (next < waiting.length && this.#hasLeft()) waiting[next++]!.resume()
    this.#waiting = [...waiting.slice(next), ...this.#waiting]
    if (this.#waiting.length > 0) this.renewSoon()
  }
}
