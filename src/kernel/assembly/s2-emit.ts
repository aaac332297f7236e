/** What the encoders of S2 blocks share: how matches are measured and written. */
import { S2_TAG_COPY_1, S2_TAG_COPY_2, S2_TAG_COPY_4, S2_TAG_LITERAL } from './s2-decode'

/** Bytes before the end of a block where no match begins any more: hashes read that far. */
export const S2_MARGIN: u32 = 16
/** Most bytes that one literal's tag or one match takes. */
export const S2_EMIT_BYTES_MAX: u32 = 16

/** Bytes that are the same from `a` and `b` on, up to `end`, where `a`, the later one, ends. */
@inline
export function matchBytes(a: u32, b: u32, end: u32): u32 {
  let at = a
  const distance = a - b
  while (at + 8 <= end) {
    const different = load<u64>(at) ^ load<u64>(at - distance)
    if (different != 0) return at - a + (<u32>ctz(different) >> 3)
    at += 8
  }
  while (at < end && load<u8>(at) == load<u8>(at - distance)) at++
  return at - a
}

/** Reads up to 15 bytes behind the literal: not for the last one of a block. */
@inline
export function emitLiteral(to: u32, literal: u32, bytes: u32): u32 {
  const d = emitLiteralTag(to, bytes)
  let i: u32 = 0
  do {
    v128.store(d + i, v128.load(literal + i))
    i += 16
  } while (i < bytes)
  return d + bytes
}

export function emitLastLiteral(to: u32, literal: u32, bytes: u32): u32 {
  if (bytes == 0) return to
  const d = emitLiteralTag(to, bytes)
  let i: u32 = 0
  for (; i + 16 <= bytes; i += 16) v128.store(d + i, v128.load(literal + i))
  for (; i < bytes; i++) store<u8>(d + i, load<u8>(literal + i))
  return d + bytes
}

@inline
function emitLiteralTag(to: u32, bytes: u32): u32 {
  const n = bytes - 1
  if (n < 60) {
    store<u8>(to, <u8>((n << 2) | S2_TAG_LITERAL))
    return to + 1
  }
  if (n < 0x100) {
    store<u16>(to, <u16>((60 << 2) | S2_TAG_LITERAL | (n << 8)))
    return to + 2
  }
  if (n < 0x10000) {
    store<u32>(to, (61 << 2) | S2_TAG_LITERAL | (n << 8))
    return to + 3
  }
  store<u32>(to, (62 << 2) | S2_TAG_LITERAL | (n << 8))
  return to + 4
}

/** A copy from the same distance as the last one; at least 4 bytes. */
export function emitRepeat(to: u32, bytes: u32): u32 {
  const n = bytes - 4
  if (n <= 4) {
    store<u16>(to, <u16>((n << 2) | S2_TAG_COPY_1))
    return to + 2
  }
  if (n < 0x100 + 4) {
    store<u32>(to, (5 << 2) | S2_TAG_COPY_1 | ((n - 4) << 16))
    return to + 3
  }
  if (n < 0x10000 + 0x100) {
    store<u32>(to, (6 << 2) | S2_TAG_COPY_1 | ((n - 0x100) << 16))
    return to + 4
  }
  // Blocks have at most 4 MiB: three bytes of length are enough.
  const rest = n - 0x10000
  store<u32>(to, (7 << 2) | S2_TAG_COPY_1 | (rest << 16))
  store<u8>(to, <u8>(rest >> 16), 4)
  return to + 5
}

/** A copy from a new distance; at least 4 bytes. */
export function emitCopy(to: u32, offset: u32, bytes: u32): u32 {
  if (offset >= 0x10000) {
    let first = bytes
    // A repeat takes the rest, and takes no fewer than 4.
    if (bytes > 64) first = bytes < 68 ? 60 : 64
    store<u8>(to, <u8>(((first - 1) << 2) | S2_TAG_COPY_4))
    store<u32>(to, offset, 1)
    return first == bytes ? to + 5 : emitRepeat(to + 5, bytes - first)
  }
  if (bytes > 64) {
    if (offset < 0x800) {
      // Eight now, in two bytes, is shorter than sixty in three.
      return emitRepeat(emitShort(to, offset, 8), bytes - 8)
    }
    store<u32>(to, ((60 - 1) << 2) | S2_TAG_COPY_2 | (offset << 8))
    return emitRepeat(to + 3, bytes - 60)
  }
  if (bytes >= 12 || offset >= 0x800) {
    store<u32>(to, ((bytes - 1) << 2) | S2_TAG_COPY_2 | (offset << 8))
    return to + 3
  }
  return emitShort(to, offset, bytes)
}

@inline
function emitShort(to: u32, offset: u32, bytes: u32): u32 {
  const tag = ((offset >> 3) & 0xe0) | ((bytes - 4) << 2) | S2_TAG_COPY_1
  store<u16>(to, <u16>(tag | (offset << 8)))
  return to + 2
}

/** Bytes that emitRepeat writes. */
@inline
export function repeatCost(bytes: u32): u32 {
  return bytes <= 8 ? 2 : bytes < 0x108 ? 3 : bytes < 0x10104 ? 4 : 5
}

/** Bytes that emitCopy writes. */
@inline
export function copyCost(offset: u32, bytes: u32): u32 {
  if (offset >= 0x10000) return bytes <= 64 ? 5 : 5 + repeatCost(bytes - 60)
  if (bytes > 64) return offset < 0x800 ? 2 + repeatCost(bytes - 8) : 3 + repeatCost(bytes - 60)
  return bytes >= 12 || offset >= 0x800 ? 3 : 2
}
