import { writeSync } from 'node:fs'

/** How long a reader of our stderr may keep its pipe full before a line is given up. */
const FULL_PIPE_MS_MAX = 1000
const FULL_PIPE_PAUSE_MS = 1

const pauseCell = new Int32Array(new SharedArrayBuffer(4))

/** Why and where it stopped. */
export interface WriteFailure {
  readonly writtenBytes: number
  readonly error: unknown
}

/**
 * Writes all bytes before it returns, so that nothing is left in this process when it ends, however
 * it ends.
 *
 * Returns a failure when the bytes could not all be written: the log must never take the broker
 * down, so a full disk or a closed pipe costs lines, not the process. A pipe that is full and
 * non-blocking (the other end set it so) is tried again for a second: that holds up the main
 * thread, which carries no messages.
 */
export function writeFully(fd: number, bytes: Uint8Array): WriteFailure | undefined {
  let from = 0
  let waitedMs = 0
  while (from < bytes.length) {
    try {
      from += writeSync(fd, bytes, from)
    } catch (error) {
      const isFull = (error as NodeJS.ErrnoException).code === 'EAGAIN'
      if (!isFull || waitedMs >= FULL_PIPE_MS_MAX) return { writtenBytes: from, error }
      Atomics.wait(pauseCell, 0, 0, FULL_PIPE_PAUSE_MS)
      waitedMs += FULL_PIPE_PAUSE_MS
    }
  }
  return undefined
}
