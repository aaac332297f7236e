import type { Kernel } from '../../kernel/kernel.ts'
import type { ConnectionSnapshot } from './connection-index.ts'
import type { Keyed } from './connection-order.ts'
import type { ReportedSession } from './reported-session.ts'
import { shownRtt } from './session-report.ts'

const TWO_32 = 2 ** 32

/** One connection of a snapshot at a time, looked at without making an object of each. */
export class ConnectionCursor implements Keyed {
  place = 0
  readonly snapshot: ConnectionSnapshot
  readonly #words: Int32Array
  readonly #offsetMs: number
  readonly #accountWord: number
  readonly #pendingWord: number
  readonly #inMsgsWord: number
  readonly #inBytesWord: number
  readonly #outMsgsWord: number
  readonly #outBytesWord: number
  readonly #stallsWord: number

  /** @param offsetMs from the thread's clock to Unix time */
  constructor({ layout, words }: Kernel, offsetMs: number, snapshot: ConnectionSnapshot) {
    this.snapshot = snapshot
    this.#words = words
    this.#offsetMs = offsetMs
    this.#accountWord = layout.CONNECTION_ACCOUNT >> 2
    this.#pendingWord = layout.CONNECTION_PENDING >> 2
    this.#inMsgsWord = layout.CONNECTION_IN_MSGS >> 2
    this.#inBytesWord = layout.CONNECTION_IN_BYTES >> 2
    this.#outMsgsWord = layout.CONNECTION_OUT_MSGS >> 2
    this.#outBytesWord = layout.CONNECTION_OUT_BYTES >> 2
    this.#stallsWord = layout.CONNECTION_STALLS >> 2
  }

  #word(field: number): number {
    return this.#words[this.snapshot.records[this.place]! + field]!
  }

  /** u64, exact up to 2^53. */
  #long(field: number): number {
    const at = this.snapshot.records[this.place]! + field
    return (this.#words[at]! >>> 0) + (this.#words[at + 1]! >>> 0) * TWO_32
  }

  get session(): ReportedSession {
    return this.snapshot.sessions[this.place]!
  }

  get isLeaf(): boolean {
    return this.snapshot.leafs[this.place] === 1
  }

  /** All clients are. */
  get isListed(): boolean {
    return !this.isLeaf || this.session.isListed
  }

  /** Address of its account's record. */
  get accountAt(): number {
    return this.#word(this.#accountWord)
  }

  get cid(): number {
    return this.snapshot.cids[this.place]!
  }

  get startMs(): number {
    return this.snapshot.startMs[this.place]!
  }

  get stopMs(): number {
    return 0
  }

  get lastActivityMs(): number {
    const { lastActivityMs } = this.session.connection
    return Math.max(this.startMs, Math.floor(this.#offsetMs + lastActivityMs))
  }

  get rttNs(): number {
    return shownRtt(this.session.rttNs)
  }

  get pendingBytes(): number {
    return this.#word(this.#pendingWord)
  }

  get subscriptions(): number {
    return this.session.subscriptionCount
  }

  get inMsgs(): number {
    return this.#long(this.#inMsgsWord)
  }

  get inBytes(): number {
    return this.#long(this.#inBytesWord)
  }

  get outMsgs(): number {
    return this.#long(this.#outMsgsWord)
  }

  get outBytes(): number {
    return this.#long(this.#outBytesWord)
  }

  get stalls(): number {
    return this.#word(this.#stallsWord)
  }
}
