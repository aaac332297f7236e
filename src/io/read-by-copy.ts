import type { Duplex } from 'node:stream'

/** Where the bytes of a socket go; a Connection is one. */
export interface ByteTarget {
  readonly isOpen: boolean
  /** Where the next bytes are to be put: at least one. */
  readTarget(): Uint8Array
  /** So many bytes are there now. Returns false when no more shall be read for now. */
  onRead(bytes: number): boolean
}

/** By 'data' events: for sockets that are none of the system's, and where Node's are strange. */
export function readByCopy(socket: Duplex, target: ByteTarget): void {
  socket.on('data', (chunk: Buffer) => {
    copyInto(target, chunk)
  })
  // It may have been paused, explicitly, by whom it comes from.
  socket.resume()
}

/** What was read cannot be put back: it goes on although the target asked to wait. */
export function copyInto(target: ByteTarget, chunk: Buffer): boolean {
  let isReading = true
  let from = 0
  while (from < chunk.length && target.isOpen) {
    const memory = target.readTarget()
    const count = Math.min(memory.length, chunk.length - from)
    // TypedArray.set, and Buffer.copy of a whole buffer, are up to six times slower into shared
    // memory than Buffer.copy of a part (Node before 26.4).
    const last = from + count - 1
    chunk.copy(memory, 0, from, last)
    memory[count - 1] = chunk[last]!
    from += count
    isReading = target.onRead(count)
  }
  return isReading
}
