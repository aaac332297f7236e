import type { Connection } from '../../io/connection.ts'
import { Turns } from '../io-thread/turns.ts'

/**
 * Lines that all clients of a thread may have read between two visits to the event loop. Chosen:
 * one to two milliseconds.
 */
const LINES_MAX = 4096

/**
 * What clients may subscribe and unsubscribe: messages of others go on meanwhile, and so do clients
 * that have less to say.
 */
export class InterestShare {
  /** Lines that may be read now. */
  left = LINES_MAX
  readonly #turns = new Turns(
    () => {
      this.left = LINES_MAX
    },
    () => this.left > 0,
  )

  /** @returns false when there has been enough: the connection is resumed when it may go on */
  ask(connection: Connection): boolean {
    if (this.left > 0) this.#turns.renewSoon()
    else this.#turns.wait(connection)
    return this.left > 0
  }
}
