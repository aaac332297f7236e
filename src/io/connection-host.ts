import type { Kernel } from '../kernel/kernel.ts'
import type { Connection } from './connection.ts'
import type { Deadlines } from './deadlines.ts'

/** What a connection needs of the thread that owns it. */
export interface ConnectionHost {
  readonly kernel: Kernel
  readonly deadlines: Deadlines
  readonly settings: ConnectionSettings
  /** Address of the thread's read area, and a view of it that all connections share. */
  readonly readAddress: number
  readonly readView: Uint8Array
  /** Clock of the turn at hand. */
  readonly nowMs: number
  /** Between these two the thread's lanes and dirty connections are left alone. */
  beginTurn(): void
  endTurn(): void
  /** Copies text to shared memory, a slice for each call. */
  inSlices(text: string | Uint8Array, use: (address: number, bytes: number) => void): void
  /** The thread's part of the shared memory is used up; `what` says who pays for it. */
  onOutOfMemory(what: string): void
  add(connection: Connection): number
  remove(connection: Connection): void
  /**
   * The kernel could not deliver now (its status says why): `resume` is called when the lane may
   * have room again, or the sublist is back.
   */
  retryLater(connection: Connection): void
  /** If the connection feeds a slow consumer, it waits a moment. */
  stallIfAsked(connection: Connection): void
  /** Logs, counts and closes a connection that does not take what it is sent. */
  onSlowConsumer(
    connection: Connection,
    reason: SlowConsumerReason,
    pendingBytes: number,
    chunks?: number,
  ): void
  /** It overran its write deadline, and is kept because it took something. */
  onSlowWrite(connection: Connection): void
  /** It has sent more than it may, and is not read for so long. */
  onIngressPause(pauseMs: number): void
  /** What a connection writes is traced, if at all, when it is handed to the socket. */
  readonly outboundTap: ((connection: Connection, frames: Uint8Array) => void) | undefined
}

export type SlowConsumerReason = 'slowConsumerPendingBytes' | 'slowConsumerWriteDeadline'

export interface ConnectionSettings {
  /** Bytes that may wait for one client; its publishers are slowed from three quarters on. */
  readonly pendingBytesMax: number
}
