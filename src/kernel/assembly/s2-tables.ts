/**
 * Where the encoders remember texts they have seen: hash tables of positions, one set for all links
 * of a thread.
 *
 * Positions count on from block to block, so that what is left of earlier blocks is recognised by
 * being below the block's first position, and tables need not be cleared for each.
 */
import { allocate } from './arena'

/** Slots that were never written hold 0. */
const POSITION_FIRST: u32 = 1
const POSITION_LAST: u32 = 0xffffffff

/** Position of the next block's first byte. */
let position: u32 = POSITION_FIRST

/** Tables have a power of two of slots; a slot is a position, u32, or in "best" two of them. */
export const FAST_BITS: u32 = 14
export const BETTER_LONG_BITS: u32 = 16
export const BETTER_SHORT_BITS: u32 = 15
export const BEST_LONG_BITS: u32 = 18
export const BEST_SHORT_BITS: u32 = 16
const FAST_ENTRIES: u32 = 1 << FAST_BITS
const BETTER_ENTRIES: u32 = (1 << BETTER_LONG_BITS) + (1 << BETTER_SHORT_BITS)
const BEST_ENTRIES: u32 = ((1 << BEST_LONG_BITS) + (1 << BEST_SHORT_BITS)) * 2

let fast: u32 = 0
let better: u32 = 0
let best: u32 = 0

/** Hashes of so many bytes of a text, its first eight given; `bits` wide. */
@inline
export function hash4(text: u64, bits: u32): u32 {
  return (<u32>text * 0x9e3779b1) >> (32 - bits)
}

@inline
export function hash5(text: u64, bits: u32): u32 {
  return <u32>(((text << 24) * 0xcf1bbcdcbfa56300) >> (64 - bits))
}

@inline
export function hash6(text: u64, bits: u32): u32 {
  return <u32>(((text << 16) * 0xcf1bbcdcbfa56300) >> (64 - bits))
}

@inline
export function hash8(text: u64, bits: u32): u32 {
  return <u32>((text * 0xcf1bbcdcb7a56463) >> (64 - bits))
}

/** Positions for a block of so many bytes; returns that of the first. */
export function takePositions(bytes: u32): u32 {
  if (bytes >= POSITION_LAST - position) {
    clear(fast, FAST_ENTRIES)
    clear(better, BETTER_ENTRIES)
    clear(best, BEST_ENTRIES)
    position = POSITION_FIRST
  }
  const first = position
  position += bytes
  return first
}

function clear(table: u32, entries: u32): void {
  if (table == 0) return
  for (let at = table; at < table + (entries << 2); at += 16) v128.store(at, i64x2.splat(0))
}

function make(entries: u32): u32 {
  const table = allocate(entries << 2)
  // Arena memory is used again and again: what is in there must not look like positions.
  clear(table, entries)
  return table
}

/** The tables of a level; 0 without memory. */
export function fastTable(): u32 {
  if (fast == 0) fast = make(FAST_ENTRIES)
  return fast
}

export function betterTable(): u32 {
  if (better == 0) better = make(BETTER_ENTRIES)
  return better
}

export function bestTable(): u32 {
  if (best == 0) best = make(BEST_ENTRIES)
  return best
}
