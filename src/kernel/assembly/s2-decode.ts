/**
 * Decoder of S2 blocks, which include those of Snappy: literals, copies with offsets of 11, 16 and
 * 32 bits, and S2's repeats (a copy with an 11-bit offset of 0 takes the last offset again).
 *
 * The block comes from a peer and may say anything. Every length is held against what is left of
 * input and output before it is used.
 */
import { check } from './memory'

export const S2_TAG_LITERAL: u32 = 0
export const S2_TAG_COPY_1: u32 = 1
export const S2_TAG_COPY_2: u32 = 2
export const S2_TAG_COPY_4: u32 = 3

/**
 * Decodes a block without the length in front, which must be exactly `toBytes`.
 *
 * Reads nothing outside of [from, from + bytes); writes up to SLACK_BYTES behind to + toBytes.
 * @returns whether the block is well-formed
 */
export function s2Decode(from: u32, bytes: u32, to: u32, toBytes: u32): bool {
  let s = from
  let d = to
  let offset: u32 = 0
  const sEnd = from + bytes
  const dEnd = to + toBytes
  while (s < sEnd) {
    const left = sEnd - s
    const tag: u32 = load<u8>(s)
    const kind = tag & 3
    let length: u32 = 0
    if (kind == S2_TAG_LITERAL) {
      length = tag >> 2
      if (length < 16 && left > 16) {
        // Most literals are short: one vector, whose rest is overwritten by what follows.
        if (length >= dEnd - d) return false
        v128.store(d, v128.load(s, 1))
        d += length + 1
        s += length + 2
        continue
      }
      s += 1
      if (length >= 60) {
        const count = length - 59
        if (count >= left) return false
        length = 0
        for (let i: u32 = 0; i < count; i++) length |= <u32>load<u8>(s + i) << (i << 3)
        s += count
      }
      if (length >= sEnd - s || length >= dEnd - d) return false
      length += 1
      copyLiteral(d, s, length)
      d += length
      s += length
      continue
    }
    if (kind == S2_TAG_COPY_2) {
      if (left < 3) return false
      offset = load<u16>(s, 1)
      length = 1 + (tag >> 2)
      s += 3
    } else if (kind == S2_TAG_COPY_1) {
      if (left < 2) return false
      length = (tag >> 2) & 7
      const given = ((tag & 0xe0) << 3) | load<u8>(s, 1)
      s += 2
      if (given != 0) {
        offset = given
      } else if (length > 4) {
        const count = length - 4
        if (count > sEnd - s) return false
        if (count == 1) length = <u32>load<u8>(s) + 4
        else if (count == 2) length = <u32>load<u16>(s) + 0x100
        else length = (<u32>load<u16>(s) | (<u32>load<u8>(s, 2) << 16)) + 0x10000
        s += count
      }
      length += 4
    } else {
      if (left < 5) return false
      offset = load<u32>(s, 1)
      length = 1 + (tag >> 2)
      s += 5
    }
    // An offset of 0 wraps to the largest number.
    if (offset - 1 >= d - to || length > dEnd - d) return false
    if (offset >= 16) {
      let i: u32 = 0
      do {
        v128.store(d + i, v128.load(d - offset + i))
        i += 16
      } while (i < length)
    } else {
      copyPattern(d, offset, length)
    }
    d += length
  }
  check(d <= dEnd, 71)
  return d == dEnd
}

/** Reads exactly what is asked for. */
@inline
function copyLiteral(target: u32, source: u32, bytes: u32): void {
  let i: u32 = 0
  for (; i + 16 <= bytes; i += 16) v128.store(target + i, v128.load(source + i))
  for (; i < bytes; i++) store<u8>(target + i, load<u8>(source + i))
}

/** Repeats the last `offset` bytes, fewer than 16 of them. */
function copyPattern(target: u32, offset: u32, bytes: u32): void {
  // A multiple of the offset that a vector does not reach over.
  let step = offset
  while (step < 16) step += offset
  const first = step - offset < bytes ? step - offset : bytes
  let i: u32 = 0
  for (; i < first; i++) store<u8>(target + i, load<u8>(target + i - offset))
  for (; i < bytes; i += 16) v128.store(target + i, v128.load(target + i - step))
}
