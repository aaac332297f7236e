/** S2 chunks made by hand, so that they can be wrong. */
const POLYNOMIAL = 0x82f63b78 // CRC-32C, reversed
const MASK_DELTA = 0xa282ead8

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0)
  return value
})

function maskedChecksum(plain: Uint8Array): Buffer {
  let crc = 0xffffffff
  for (const byte of plain) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!
  crc = ~crc >>> 0
  const masked = (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(masked)
  return bytes
}

export const IDENTIFIER = Buffer.from('\xff\x06\x00\x00S2sTwO', 'latin1')

export function chunk(type: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt32LE(type | (body.length << 8))
  return Buffer.concat([header, body])
}

export function stored(text: string): Buffer {
  const plain = Buffer.from(text, 'latin1')
  return chunk(0x01, Buffer.concat([maskedChecksum(plain), plain]))
}

/** A chunk of a block, with the checksum of what that is to be. */
export function block(bytes: Uint8Array, plain: Uint8Array = Buffer.alloc(0)): Buffer {
  return chunk(0x00, Buffer.concat([maskedChecksum(plain), bytes]))
}

export function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}

/** Bytes of the first copy of what is repeated; a repeat needs one before it. */
const FIRST_COPY_BYTES = 4
/** What the longest form of a repeat adds to its three bytes of length. */
const LONG_REPEAT_BYTES = 65_540

/** Some 30 bytes that expand to `count` times `text`, which is at least 4 characters long. */
export function bomb(text: string, count: number): Buffer {
  const plain = Buffer.from(text.repeat(count), 'latin1')
  const repeat = Buffer.alloc(4)
  repeat.writeUInt32LE(plain.length - text.length - FIRST_COPY_BYTES - LONG_REPEAT_BYTES)
  const bytes = Buffer.concat([
    varint(plain.length),
    Buffer.from([(text.length - 1) << 2]),
    Buffer.from(text, 'latin1'),
    Buffer.from([0x01, text.length, 0x1d, 0x00]),
    repeat.subarray(0, 3),
  ])
  return block(bytes, plain)
}
