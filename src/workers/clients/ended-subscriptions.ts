import type { IoThread } from '../io-thread/io-thread.ts'

/** Subscriptions that are closed in one turn; chosen: less than a millisecond. */
const SLICE = 2048
/** When the lane to the routing worker has no room it is tried again so much later. */
const RETRY_MS = 1

/**
 * The subscriptions of connections that have ended: closed in slices, so that nobody notices when
 * they were a million. Until then the connection's record is kept, see releaseConnection.
 */
export class EndedSubscriptions {
  readonly #thread: IoThread
  /** Records of connections that have some left. */
  readonly #records: number[] = []

  constructor(thread: IoThread) {
    this.#thread = thread
  }

  /** @param record of a connection that is closed */
  close(record: number): void {
    if (this.#slice(record) === 0) return
    if (this.#records.push(record) === 1) setImmediate(this.#goOn)
  }

  /** @returns how many are left */
  #slice(record: number): number {
    return this.#thread.kernel.exports.closeSubscriptions(record, SLICE)
  }

  readonly #goOn = (): void => {
    const { layout, words } = this.#thread.kernel
    const record = this.#records[0]!
    const before = words[(record + layout.CONNECTION_SUB_COUNT) >> 2]!
    const left = this.#thread.inTurn(() => this.#slice(record))
    if (left === 0) this.#records.shift()
    if (this.#records.length === 0) return
    if (left === before) this.#thread.deadlines.after(RETRY_MS, this.#goOn)
    else setImmediate(this.#goOn)
  }
}
