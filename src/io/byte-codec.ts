import type { Kernel } from '../kernel/kernel.ts'
import type { ClosedState } from '../protocol/closed-states.ts'

/**
 * Writable bytes in front of everything a codec delivers: the start of an operation that came
 * before is put there. What a codec is given to decode has them; blocks of its own must, too.
 */
export const CODEC_HEADROOM_BYTES = 64 * 1024

/**
 * What lies between the bytes of a socket and those of the protocol: WebSocket frames, S2 blocks.
 * All addresses are in shared memory. One codec serves one connection.
 */
export interface ByteCodec {
  /**
   * Decodes bytes of the socket at [from, to), which it may change in place, and hands the plain
   * ones to `host.deliver`. It copies and keeps what is incomplete. One call does a bounded amount
   * of work, however well its input is compressed.
   *
   * @returns address of the first byte not looked at. Below `to` only when `deliver` returned
   *   false, or when enough was done for one turn; the rest is brought again later.
   */
  decode(from: number, to: number): number
  /**
   * @param parts what the peer is to get, at most 1 MiB together; they stay in place until
   *   `onWritten`, and may be changed in place
   * @returns what to write in their stead
   */
  encode(parts: readonly Uint8Array[]): readonly Uint8Array[]
  /** What the last `encode` returned has been written: its memory is free. */
  onWritten(): void
  /** The last bytes of the connection, e.g. a close frame; undefined = none. */
  closing(reason: ClosedState): Uint8Array | undefined
  /** The connection is gone. */
  release(): void
}

/** The connection, as its codec sees it. */
export interface CodecHost {
  readonly kernel: Kernel
  /** Plain bytes at [from, to). False: no more for now, the connection waits or has ended. */
  deliver(from: number, to: number): boolean
  /** Writes past the codec (a pong frame, say), between two results of `encode`. */
  writeRaw(bytes: Uint8Array): void
  /** The peer broke the rules of the codec; logged as `read error: <why>`. */
  failRead(why: string): void
  close(reason: ClosedState): void
}
