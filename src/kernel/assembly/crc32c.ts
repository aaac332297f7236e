/**
 * CRC-32C (Castagnoli), the checksum of S2 chunks.
 *
 * Short texts go through sixteen tables, sixteen bytes a step. Long ones are folded first, with
 * vectors and no table: 1 + x^112 + x^312 + x^432 + x^1152 + x^1672 of bytes (that is, of x^8) is a
 * multiple of the polynomial, so that a byte may be taken out of the text by adding it to the bytes
 * that lie FOLD_A … FOLD_E behind it. What is left in the end are FOLD_E bytes for the tables.
 */
import { allocate } from './arena'
import { check } from './memory'

/** 0x1edc6f41 with its bits reversed. */
const POLYNOMIAL: u32 = 0x82f63b78
const TABLE_BYTES: u32 = 1024
const TABLES_BYTES: u32 = 16 * TABLE_BYTES

/**
 * Found by search: the sparse multiple of the polynomial, all distances multiples of 8, whose
 * nearest distance is largest among the shortest. Near ones would read what has just been stored.
 */
const FOLD_A: u32 = 8 * 65
const FOLD_B: u32 = 8 * 155
const FOLD_C: u32 = 8 * 170
const FOLD_D: u32 = 8 * 195
const FOLD_E: u32 = 8 * 209
/** Text folded at a time: with the tables it stays in a first-level cache. */
const FOLD_BYTES: u32 = 8192
/** chosen: from here on folding is faster than tables alone */
const FOLD_BYTES_MIN: u32 = 4096
/** Bytes folded by one step of the loop. */
const FOLD_STEP: u32 = 64

/** The tables, then room for FOLD_E + FOLD_BYTES of folded text; 0 until first used. */
let tables: u32 = 0

function makeTables(): bool {
  tables = allocate(TABLES_BYTES + FOLD_E + FOLD_BYTES + FOLD_STEP)
  if (tables == 0) return false
  for (let byte: u32 = 0; byte < 256; byte++) {
    store<u32>(tables + (byte << 2), stepBits(byte))
  }
  for (let at = tables; at < tables + TABLES_BYTES - TABLE_BYTES; at += 4) {
    const crc = load<u32>(at)
    store<u32>(at, load<u32>(tables + ((crc & 0xff) << 2)) ^ (crc >> 8), TABLE_BYTES)
  }
  return true
}

/** Eight bits, without a table. */
function stepBits(crc: u32): u32 {
  for (let i = 0; i < 8; i++) crc = (crc >> 1) ^ (POLYNOMIAL & (0 - (crc & 1)))
  return crc
}

/**
 * Goes on with the checksum of what came before, 0 for nothing.
 * Reads nothing outside of [from, from + bytes).
 */
export function crc32c(before: u32, from: u32, bytes: u32): u32 {
  let crc = ~before
  // Without memory for the tables: slow, but right.
  if (tables == 0 && !makeTables()) {
    for (let i: u32 = 0; i < bytes; i++) {
      crc = stepBits((crc & 0xff) ^ load<u8>(from + i)) ^ (crc >> 8)
    }
    return ~crc
  }
  if (bytes >= FOLD_BYTES_MIN) return ~fold(crc, from, bytes)
  return ~lookUp(crc, from, bytes)
}

/** S2 stores checksums so that they can be part of checksummed text themselves. */
export function maskChecksum(crc: u32): u32 {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8
}

function lookUp(state: u32, from: u32, bytes: u32): u32 {
  const t = tables
  let crc = state
  let at = from
  const end = from + bytes
  for (const last = from + (bytes & ~15); at < last; at += 16) {
    const a = load<u64>(at) ^ <u64>crc
    const b = load<u64>(at, 8)
    const a0 = <u32>a
    const a1 = <u32>(a >> 32)
    const b0 = <u32>b
    const b1 = <u32>(b >> 32)
    crc =
      load<u32>(t + ((a0 & 0xff) << 2), 15 * TABLE_BYTES) ^
      load<u32>(t + ((a0 >> 6) & 0x3fc), 14 * TABLE_BYTES) ^
      load<u32>(t + ((a0 >> 14) & 0x3fc), 13 * TABLE_BYTES) ^
      load<u32>(t + ((a0 >> 24) << 2), 12 * TABLE_BYTES) ^
      load<u32>(t + ((a1 & 0xff) << 2), 11 * TABLE_BYTES) ^
      load<u32>(t + ((a1 >> 6) & 0x3fc), 10 * TABLE_BYTES) ^
      load<u32>(t + ((a1 >> 14) & 0x3fc), 9 * TABLE_BYTES) ^
      load<u32>(t + ((a1 >> 24) << 2), 8 * TABLE_BYTES) ^
      (load<u32>(t + ((b0 & 0xff) << 2), 7 * TABLE_BYTES) ^
        load<u32>(t + ((b0 >> 6) & 0x3fc), 6 * TABLE_BYTES) ^
        load<u32>(t + ((b0 >> 14) & 0x3fc), 5 * TABLE_BYTES) ^
        load<u32>(t + ((b0 >> 24) << 2), 4 * TABLE_BYTES) ^
        load<u32>(t + ((b1 & 0xff) << 2), 3 * TABLE_BYTES) ^
        load<u32>(t + ((b1 >> 6) & 0x3fc), 2 * TABLE_BYTES) ^
        load<u32>(t + ((b1 >> 14) & 0x3fc), TABLE_BYTES) ^
        load<u32>(t + ((b1 >> 24) << 2)))
  }
  for (; at < end; at++) crc = load<u32>(t + (((crc ^ load<u8>(at)) & 0xff) << 2)) ^ (crc >> 8)
  return crc
}

/** What is added to the text at `at + offset` by the bytes before it that were taken out. */
@inline
function tap(at: u32, offset: u32): v128 {
  return v128.xor(
    v128.xor(
      v128.xor(v128.load(at + offset - FOLD_A), v128.load(at + offset - FOLD_B)),
      v128.xor(v128.load(at + offset - FOLD_C), v128.load(at + offset - FOLD_D)),
    ),
    v128.load(at + offset - FOLD_E),
  )
}

/**
 * The window holds the FOLD_E bytes before the text at hand, as folding left them; behind it a
 * piece of text is folded, whose last bytes become the next window.
 */
function fold(state: u32, from: u32, bytes: u32): u32 {
  const window = tables + TABLES_BYTES
  const piece = window + FOLD_E
  // Nothing came before; the state is added to the first four bytes.
  for (let at = window; at < piece; at += 8) store<u64>(at, 0)
  let first = v128.and(i32x4.splat(state), i32x4(-1, 0, 0, 0))
  let at = from
  let rest = bytes
  while (rest >= FOLD_STEP + FOLD_E) {
    let count = rest - FOLD_E
    count = (count < FOLD_BYTES ? count : FOLD_BYTES) & ~(FOLD_STEP - 1)
    check(count > 0 && count <= FOLD_BYTES, 70)
    for (let i: u32 = 0; i < count; i += FOLD_STEP) {
      const target = piece + i
      const a = v128.xor(v128.xor(v128.load(at + i), first), tap(target, 0))
      const b = v128.xor(v128.load(at + i, 16), tap(target, 16))
      const c = v128.xor(v128.load(at + i, 32), tap(target, 32))
      const d = v128.xor(v128.load(at + i, 48), tap(target, 48))
      v128.store(target, a)
      v128.store(target, b, 16)
      v128.store(target, c, 32)
      v128.store(target, d, 48)
      first = i32x4.splat(0)
    }
    // Where the two overlap, bytes are read before they are written.
    for (let i: u32 = 0; i < FOLD_E; i += 8) store<u64>(window + i, load<u64>(window + count + i))
    at += count
    rest -= count
  }
  // Nothing more is taken out; what was reaches into FOLD_E bytes of the text.
  return lookUp(lookUpWindow(at), at + FOLD_E, rest - FOLD_E)
}

/** Adds the window to the FOLD_E bytes of text at `at`, and returns the state behind them. */
function lookUpWindow(at: u32): u32 {
  const window = tables + TABLES_BYTES
  const target = window + FOLD_E
  for (let i: u32 = 0; i < FOLD_E; i += 8) {
    let sum = load<u64>(at + i) ^ load<u64>(target + i - FOLD_E)
    if (i < FOLD_D) sum ^= load<u64>(target + i - FOLD_D)
    if (i < FOLD_C) sum ^= load<u64>(target + i - FOLD_C)
    if (i < FOLD_B) sum ^= load<u64>(target + i - FOLD_B)
    if (i < FOLD_A) sum ^= load<u64>(target + i - FOLD_A)
    store<u64>(target + i, sum)
  }
  return lookUp(0, target, FOLD_E)
}
