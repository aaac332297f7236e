/** Encoder of S2 blocks: the length of the text, then literals, copies and repeats. */
import { encodeBest } from './s2-best'
import { encodeBetter } from './s2-better'
import { encodeFast } from './s2-fast'
import { check } from './memory'

export const S2_LEVEL_FAST: u32 = 1
export const S2_LEVEL_BETTER: u32 = 2
export const S2_LEVEL_BEST: u32 = 3

/** As in Go's encoder: larger ones are cut by the stream format anyway. */
const BLOCK_BYTES_MAX: u32 = 4 << 20
/** Shorter texts are not tried; the encoders need room for their margin. */
const TEXT_BYTES_MIN: u32 = 32
/** A block must save one byte in 2^5. */
const SAVED_SHIFT: u32 = 5

/**
 * Encodes a block. Reads nothing outside of [from, from + bytes).
 *
 * @param level S2_LEVEL_*; the higher, the smaller and the slower
 * @param bytes at most BLOCK_BYTES_MAX
 * @param to with room for `bytes`, and SLACK_BYTES behind
 * @returns bytes of the block; 0 when it would save less than a 32nd, or there is no memory for
 *   tables: then the text is better stored
 */
export function s2Encode(level: u32, from: u32, bytes: u32, to: u32): u32 {
  if (bytes < TEXT_BYTES_MIN) return 0
  check(bytes <= BLOCK_BYTES_MAX, 72)
  const limit = to + bytes - (bytes >> SAVED_SHIFT)
  let at = to
  let rest = bytes
  for (; rest >= 0x80; rest >>= 7) {
    store<u8>(at, <u8>(rest | 0x80))
    at++
  }
  store<u8>(at, <u8>rest)
  at++
  let blockEnd: u32 = 0
  if (level == S2_LEVEL_BEST) blockEnd = encodeBest(from, bytes, at, limit)
  else if (level == S2_LEVEL_BETTER) blockEnd = encodeBetter(from, bytes, at, limit)
  else blockEnd = encodeFast(from, bytes, at, limit)
  check(blockEnd <= limit, 73)
  return blockEnd == 0 ? 0 : blockEnd - to
}
