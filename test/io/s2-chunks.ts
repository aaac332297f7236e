import { crc32c } from '../kernel/s2-reference.ts'

export const IDENTIFIER = Buffer.from('\xff\x06\x00\x00S2sTwO', 'latin1')

export function chunk(type: number, ...body: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(body)
  const header = Buffer.from([type, 0, 0, 0])
  header.writeUIntLE(bytes.length, 1, 3)
  return Buffer.concat([header, bytes])
}

/** The checksum of plain bytes, as a chunk has it. */
export function masked(plain: Uint8Array): Buffer {
  const crc = crc32c(plain)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
  return bytes
}

/** @throws RangeError when the stream does not end with a chunk */
export function chunksOf(stream: Buffer): { readonly type: number; readonly body: Buffer }[] {
  const chunks: { type: number; body: Buffer }[] = []
  for (let at = 0; at < stream.length; ) {
    const end = at + 4 + stream.readUIntLE(at + 1, 3)
    if (end > stream.length) throw new RangeError('the last chunk is not complete')
    chunks.push({ type: stream[at]!, body: stream.subarray(at + 4, end) })
    at = end
  }
  return chunks
}
