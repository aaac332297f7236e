import { type FrameHead, pubHead } from './wire.ts'

/**
 * Blocks of PUB frames, built once and written again and again: publishing costs the generator one
 * `write` for thousands of messages.
 *
 * Payload, little endian; the receive kernel checks its first and last eight bytes:
 *
 *   +0  sequence  uint32  0 … sequenceCount - 1 in a block, so it repeats with each block
 *   +4  stream    uint32
 *   +8  filler    the byte 'x'
 *   -8  ~stream   uint32
 *   -4  ~sequence uint32
 *
 * The sequence within a block is enough to see a lost, doubled or reordered message; whole lost
 * blocks show in the count.
 */
export interface PublishBlock {
  readonly bytes: Buffer
  readonly messageCount: number
  readonly frameBytes: number
}

export const PAYLOAD_BYTES_MIN = 16 // sequence, stream, and both inverted

/** One `write` of the publisher: large enough that the call costs nothing per message. */
const BLOCK_BYTES = 256 * 1024

/** @throws RangeError below PAYLOAD_BYTES_MIN */
export function buildPublishBlock(
  subject: string,
  stream: number,
  payloadBytes: number,
  messageCountMax: number,
  head: FrameHead = pubHead,
): PublishBlock {
  const control = Buffer.from(head(subject, payloadBytes), 'latin1')
  const frameBytes = control.length + payloadBytes + 2
  const messageCount = Math.max(1, Math.min(messageCountMax, Math.floor(BLOCK_BYTES / frameBytes)))
  const bytes = Buffer.alloc(messageCount * frameBytes, 'x')
  for (let sequence = 0; sequence < messageCount; sequence++) {
    const start = sequence * frameBytes
    control.copy(bytes, start)
    writePayload(bytes, start + control.length, payloadBytes, stream, sequence)
    bytes.write('\r\n', start + frameBytes - 2, 'latin1')
  }
  return { bytes, messageCount, frameBytes }
}

/** Writes the checked ends of one payload; the filler between them is the caller's. */
export function writePayload(
  bytes: Buffer,
  start: number,
  payloadBytes: number,
  stream: number,
  sequence: number,
): void {
  if (payloadBytes < PAYLOAD_BYTES_MIN) {
    throw new RangeError(
      `payload too small to check: payloadBytes=${payloadBytes}, min=${PAYLOAD_BYTES_MIN}`,
    )
  }
  const end = start + payloadBytes
  bytes.writeUInt32LE(sequence >>> 0, start)
  bytes.writeUInt32LE(stream >>> 0, start + 4)
  bytes.writeUInt32LE(~stream >>> 0, end - 8)
  bytes.writeUInt32LE(~sequence >>> 0, end - 4)
}
