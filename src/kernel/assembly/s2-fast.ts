/**
 * Level "fast": one table, of texts of six bytes; the first match found is taken. Where nothing
 * matches, steps grow, so that incompressible text is passed over quickly.
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
import { FAST_BITS as BITS, fastTable, hash6, takePositions } from './s2-tables'

/** Steps grow by one for each 2^SKIP bytes without a match, so far. */
const SKIP: u32 = 6
/** Compressible text may follow, and must not be passed over for long. */
const STEP_MAX: u32 = 256

/**
 * Encodes [from, from + bytes) to `to`, without a length in front.
 * @param limit the block is not worth it when it reaches this address; room must follow
 * @returns end of the block; 0 when it is not worth it
 */
export function encodeFast(from: u32, bytes: u32, to: u32, limit: u32): u32 {
  const table = fastTable()
  if (table == 0) return 0
  const base = takePositions(bytes)
  // What a position lies behind its address.
  const shift = from - base
  const end = from + bytes
  const last = end - S2_MARGIN
  let d = to
  let literal = from
  let s = from + 1
  // Distance of the last copy, 0 = none.
  let repeat: u32 = 0
  while (true) {
    let match: u32 = 0
    while (true) {
      if (s + 2 > last) return finish(d, literal, end, limit)
      const text = load<u64>(s)
      const slot = table + (hash6(text, BITS) << 2)
      const slot1 = table + (hash6(text >> 8, BITS) << 2)
      const slot2 = table + (hash6(text >> 16, BITS) << 2)
      let candidate = load<u32>(slot)
      let candidate1 = load<u32>(slot1)
      store<u32>(slot, s - shift)
      store<u32>(slot1, s + 1 - shift)
      // One of an earlier block becomes the first byte of this one, which is as good as any.
      candidate = (candidate < base ? base : candidate) + shift
      if (load<u32>(candidate) == <u32>text) {
        match = candidate
        break
      }
      // The text one further, at the distance of the last copy.
      if (repeat != 0 && load<u32>(s + 1 - repeat) == <u32>(text >> 8)) {
        s += 1
        match = s - repeat
        break
      }
      candidate1 = (candidate1 < base ? base : candidate1) + shift
      if (load<u32>(candidate1) == <u32>(text >> 8)) {
        s += 1
        match = candidate1
        break
      }
      let candidate2 = load<u32>(slot2)
      store<u32>(slot2, s + 2 - shift)
      candidate2 = (candidate2 < base ? base : candidate2) + shift
      if (load<u32>(candidate2) == <u32>(text >> 16)) {
        s += 2
        match = candidate2
        break
      }
      s += 4 + min((s - literal) >> SKIP, STEP_MAX)
    }
    while (s > literal && match > from && load<u8>(s - 1) == load<u8>(match - 1)) {
      s--
      match--
    }
    if (d + (s - literal) + S2_EMIT_BYTES_MAX > limit) return 0
    if (s > literal) d = emitLiteral(d, literal, s - literal)
    // Copies that follow each other without a literal between.
    while (true) {
      const distance = s - match
      const length: u32 = 4 + matchBytes(s + 4, match + 4, end)
      d = distance == repeat ? emitRepeat(d, length) : emitCopy(d, distance, length)
      repeat = distance
      s += length
      literal = s
      if (s > last) return finish(d, literal, end, limit)
      if (d > limit) return 0
      const before = load<u64>(s - 2)
      const text = before >> 16
      store<u32>(table + (hash6(before, BITS) << 2), s - 2 - shift)
      const slot = table + (hash6(load<u64>(s), BITS) << 2)
      const candidate = load<u32>(slot)
      store<u32>(slot, s - shift)
      match = (candidate < base ? base : candidate) + shift
      if (load<u32>(match) != <u32>text) break
    }
    s++
  }
}

function finish(d: u32, literal: u32, end: u32, limit: u32): u32 {
  if (d + (end - literal) + S2_EMIT_BYTES_MAX > limit) return 0
  return emitLastLiteral(d, literal, end - literal)
}
