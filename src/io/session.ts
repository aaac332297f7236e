import type { ClosedState } from '../protocol/closed-states.ts'

/** What `onOperation` answers instead of the address of the next operation. */
/** More bytes are needed; `needBytes` tells how many in all, if known. */
export const INCOMPLETE = -1
/** Nothing more may be read from the connection until its `resume` is called. */
export const HOLD = -2
/** The connection was closed. */
export const CLOSED = -3

/** The protocol's side of a connection: what its bytes mean. */
export interface Session {
  /** Whole bytes of the operation that was INCOMPLETE, 0 when not known. */
  readonly needBytes: number
  /** Bytes of an INCOMPLETE operation that mean nothing any more and need not be kept. */
  readonly droppableFrom: number
  readonly droppableTo: number
  /** HOLD may last: a little more is read, so that the end of the connection is noticed. */
  readonly readsWhileHeld?: boolean
  /**
   * Handles one operation that the kernel left to TypeScript.
   * @param at address of its first byte; `to` of the first byte not read yet
   * @returns address of the next operation, or INCOMPLETE, HOLD, CLOSED
   */
  onOperation(at: number, to: number): number
  /** The request just published reached nobody. */
  onNoResponders(): void
  /** Other accounts offer services on the subject just published. */
  onImports(): void
  /** What came cannot be decoded; the connection is about to be closed as `readError`. */
  onReadFailure(why: string): void
  /** For the log, with the connection's prefix. */
  onNotice(level: 'info' | 'warn', text: string): void
  onClosed(reason: ClosedState): void
}
