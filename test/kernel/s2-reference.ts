const POLYNOMIAL = 0x82f63b78

/** CRC-32C bit by bit, from its definition. */
export function crc32c(text: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of text) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (POLYNOMIAL & -(crc & 1))
  }
  return ~crc >>> 0
}

/**
 * S2 blocks as their description reads, byte by byte: what the kernel's decoder is held against.
 * @returns undefined for a malformed block
 */
export function decodeSlowly(block: Uint8Array, plainBytes: number): Buffer | undefined {
  const plain: number[] = []
  let at = 0
  let offset = 0
  const number = (bytes: number) => {
    let value = 0
    for (let i = 0; i < bytes; i++) value += (block[at + i] ?? Number.NaN) * 2 ** (8 * i)
    at += bytes
    return value
  }
  while (at < block.length) {
    const tag = number(1)
    const upper = tag >> 2
    let length: number
    if ((tag & 3) === 0) {
      length = 1 + (upper < 60 ? upper : number(upper - 59))
      if (!(length <= block.length - at && length <= plainBytes - plain.length)) return undefined
      for (let i = 0; i < length; i++) plain.push(block[at + i]!)
      at += length
      continue
    }
    if ((tag & 3) === 1) {
      const given = (tag >> 5) * 256 + number(1)
      length = 4 + (upper & 7)
      if (given !== 0) offset = given
      else if (length === 9) length = number(1) + 8
      else if (length === 10) length = number(2) + 260
      else if (length === 11) length = number(3) + 65540
    } else {
      offset = number((tag & 3) === 2 ? 2 : 4)
      length = 1 + upper
    }
    const isInside = offset >= 1 && offset <= plain.length && length <= plainBytes - plain.length
    if (!isInside) return undefined
    for (let i = 0; i < length; i++) plain.push(plain[plain.length - offset]!)
  }
  return plain.length === plainBytes ? Buffer.from(plain) : undefined
}
