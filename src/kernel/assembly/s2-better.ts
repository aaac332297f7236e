/**
 * Level "better": one table of long texts and one of short ones, more positions remembered, and a
 * short match is given up for a long one that begins a byte later.
 */
import {
  emitCopy,
  emitLastLiteral,
  emitLiteral,
  emitRepeat,
  matchBytes,
  S2_EMIT_BYTES_MAX,
  S2_MARGIN,
} from './s2-emit'
import {
  BETTER_LONG_BITS as LONG_BITS,
  BETTER_SHORT_BITS as SHORT_BITS,
  betterTable,
  hash5,
  hash8,
  takePositions,
} from './s2-tables'

/** Steps grow by one for each 2^SKIP bytes without a match, so far. */
const SKIP: u32 = 7
/** Compressible text may follow, and must not be passed over for long. */
const STEP_MAX: u32 = 128
/** A copy from farther away takes five bytes: shorter ones are no gain. */
const FAR: u32 = 0x10000
const FAR_BYTES_MIN: u32 = 6

/** As encodeFast. */
export function encodeBetter(from: u32, bytes: u32, to: u32, limit: u32): u32 {
  const longTable = betterTable()
  if (longTable == 0) return 0
  const shortTable = longTable + (<u32>4 << LONG_BITS)
  const base = takePositions(bytes)
  const shift = from - base
  const end = from + bytes
  const last = end - S2_MARGIN
  let d = to
  let literal = from
  let s = from + 1
  let repeat: u32 = 0
  while (s < last) {
    const text = load<u64>(s)
    // Where to go on if the match is no gain: no position is looked up after it was stored.
    let next = s + 1
    const long = longTable + (hash8(text, LONG_BITS) << 2)
    const short = shortTable + (hash5(text, SHORT_BITS) << 2)
    let match = load<u32>(long)
    let shortMatch = load<u32>(short)
    store<u32>(long, s - shift)
    store<u32>(short, s - shift)
    match = (match < base ? base : match) + shift
    if (load<u64>(match) != text) {
      if (repeat != 0 && load<u32>(s + 1 - repeat) == <u32>(text >> 8)) {
        s++
        match = s - repeat
      } else {
        shortMatch = (shortMatch < base ? base : shortMatch) + shift
        const isLong = load<u32>(match) == <u32>text
        if (!isLong && load<u32>(shortMatch) != <u32>text) {
          s += 1 + min((s - literal) >> SKIP, STEP_MAX)
          continue
        }
        // Five to seven bytes, or only four: is there a long one at the next byte?
        if (!isLong) match = shortMatch
        const nextText = load<u64>(s + 1)
        const nextLong = longTable + (hash8(nextText, LONG_BITS) << 2)
        let nextMatch = load<u32>(nextLong)
        store<u32>(nextLong, s + 1 - shift)
        next++
        nextMatch = (nextMatch < base ? base : nextMatch) + shift
        if (load<u64>(nextMatch) == nextText) {
          s++
          match = nextMatch
        }
      }
    }
    while (s > literal && match > from && load<u8>(s - 1) == load<u8>(match - 1)) {
      s--
      match--
    }
    const distance = s - match
    const length: u32 = 4 + matchBytes(s + 4, match + 4, end)
    if (distance >= FAR && length < FAR_BYTES_MIN && distance != repeat) {
      s = next
      continue
    }
    if (d + (s - literal) + S2_EMIT_BYTES_MAX > limit) return 0
    if (s > literal) d = emitLiteral(d, literal, s - literal)
    d = distance == repeat ? emitRepeat(d, length) : emitCopy(d, distance, length)
    repeat = distance
    const start = s
    s += length
    literal = s
    if (s >= last) break
    // Inside of the match: every second position for long texts, and for short ones.
    for (let at = start + 1; at + 1 < s; at += 2) {
      const inside = load<u64>(at)
      store<u32>(longTable + (hash8(inside, LONG_BITS) << 2), at - shift)
      store<u32>(shortTable + (hash5(inside >> 8, SHORT_BITS) << 2), at + 1 - shift)
    }
  }
  if (d + (end - literal) + S2_EMIT_BYTES_MAX > limit) return 0
  return emitLastLiteral(d, literal, end - literal)
}
