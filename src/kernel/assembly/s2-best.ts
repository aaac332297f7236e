/**
 * Level "best": two positions for each long and each short text, and the next two bytes are tried,
 * too, before a match is taken. What counts is the bytes saved.
 */
import {
  copyCost,
  emitCopy,
  emitLastLiteral,
  emitLiteral,
  emitRepeat,
  matchBytes,
  repeatCost,
  S2_EMIT_BYTES_MAX,
  S2_MARGIN,
} from './s2-emit'
import {
  BEST_LONG_BITS as LONG_BITS,
  BEST_SHORT_BITS as SHORT_BITS,
  bestTable,
  hash4,
  hash8,
  takePositions,
} from './s2-tables'

/** Steps grow by one for each 2^SKIP bytes without a match, so far. */
const SKIP: u32 = 8
/** Compressible text may follow, and must not be passed over for long. */
const STEP_MAX: u32 = 128
/** A match of so many bytes is taken without a look at the next ones. */
const ENOUGH: u32 = 64

// The block at hand.
let longTable: u32 = 0
let shortTable: u32 = 0
let base: u32 = 0
let shift: u32 = 0
let end: u32 = 0
let literal: u32 = 0
let repeat: u32 = 0
// The best match so far.
let start: u32 = 0
let distance: u32 = 0
let length: u32 = 0
let gain: i32 = 0
/** A better one must not begin later. */
let startMax: u32 = u32.MAX_VALUE

/** As encodeFast. */
export function encodeBest(from: u32, bytes: u32, to: u32, limit: u32): u32 {
  longTable = bestTable()
  if (longTable == 0) return 0
  shortTable = longTable + (<u32>8 << LONG_BITS)
  base = takePositions(bytes)
  shift = from - base
  end = from + bytes
  literal = from
  repeat = 0
  const last = end - S2_MARGIN
  let d = to
  let s = from + 1
  while (s < last) {
    length = 0
    gain = 0
    findAt(s, from)
    let tried = s + 1
    if (length != 0 && length < ENOUGH) {
      findBehind(start + length, last, from)
      for (const stop = s + 3; tried < stop && tried < last; tried++) findAt(tried, from)
    } else if (repeat != 0) {
      consider(s + 1, s + 1 - repeat, from)
    }
    if (length == 0) {
      s += 1 + min((s - literal) >> SKIP, STEP_MAX)
      continue
    }
    if (d + (start - literal) + S2_EMIT_BYTES_MAX > limit) return 0
    if (start > literal) d = emitLiteral(d, literal, start - literal)
    d = distance == repeat ? emitRepeat(d, length) : emitCopy(d, distance, length)
    repeat = distance
    s = start + length
    literal = s
    const stop = s < last ? s : last
    for (let at = tried; at < stop; at++) remember(at, load<u64>(at))
  }
  if (d + (end - literal) + S2_EMIT_BYTES_MAX > limit) return 0
  return emitLastLiteral(d, literal, end - literal)
}

@inline
function remember(at: u32, text: u64): void {
  const position = <u64>(at - shift)
  const long = longTable + (hash8(text, LONG_BITS) << 3)
  const short = shortTable + (hash4(text, SHORT_BITS) << 3)
  store<u64>(long, (load<u64>(long) << 32) | position)
  store<u64>(short, (load<u64>(short) << 32) | position)
}

/** Looks for a better match of the text at `s`, and remembers it. */
function findAt(s: u32, from: u32): void {
  const text = load<u64>(s)
  const long = longTable + (hash8(text, LONG_BITS) << 3)
  const short = shortTable + (hash4(text, SHORT_BITS) << 3)
  const longs = load<u64>(long)
  const shorts = load<u64>(short)
  const position = <u64>(s - shift)
  store<u64>(long, (longs << 32) | position)
  store<u64>(short, (shorts << 32) | position)
  if (repeat != 0) consider(s, s - repeat, from)
  considerPosition(s, <u32>longs, from)
  considerPosition(s, <u32>(longs >> 32), from)
  considerPosition(s, <u32>shorts, from)
  considerPosition(s, <u32>(shorts >> 32), from)
}

/** A match of what comes behind the best one may reach back over all of it. */
function findBehind(s: u32, last: u32, from: u32): void {
  if (s >= last) return
  const longs = load<u64>(longTable + (hash8(load<u64>(s), LONG_BITS) << 3))
  startMax = start
  considerPosition(s, <u32>longs, from)
  considerPosition(s, <u32>(longs >> 32), from)
  startMax = u32.MAX_VALUE
}

@inline
function considerPosition(s: u32, position: u32, from: u32): void {
  if (position >= base) consider(s, position + shift, from)
}

function consider(at: u32, candidate: u32, from: u32): void {
  if (load<u32>(at) != load<u32>(candidate)) return
  let s = at
  let match = candidate
  const bytes: u32 = 4 + matchBytes(s + 4, match + 4, end)
  const stop = s + bytes
  while (s > literal && match > from && load<u8>(s - 1) == load<u8>(match - 1)) {
    s--
    match--
  }
  const behind = s - match
  const total = stop - s
  const cost = behind == repeat ? repeatCost(total) : copyCost(behind, total)
  // What begins later leaves more to literals.
  const value = <i32>total - <i32>cost - <i32>(s - literal)
  if (length != 0 && value <= gain) return
  if (total < cost || s > startMax) return
  start = s
  distance = behind
  length = total
  gain = value
}
