/**
 * UTF-8 as Go reads it: text may hold any bytes, and each byte that is not part of a well-formed
 * sequence counts as one U+FFFD of width 1. TextDecoder differs: it replaces a whole broken
 * sequence by one U+FFFD, so byte counts and quoted texts would not agree with nats-server's.
 */
const REPLACEMENT_RUNE = 0xfffd

/** Width of a rune as returned by runeAt is kept in the low bits. */
const WIDTH_BITS = 3
const WIDTH_MASK = (1 << WIDTH_BITS) - 1
const BROKEN = (REPLACEMENT_RUNE << WIDTH_BITS) | 1

/** Smallest code point that may use a sequence of this many bytes; shorter forms are overlong. */
const SMALLEST_OF_WIDTH = [0, 0, 0x80, 0x800, 0x10000] as const

/** Code point and width at `at`, packed so that a loop over a text makes no objects. */
export function runeAt(bytes: Uint8Array, at: number, to: number): number {
  const first = bytes[at]!
  if (first < 0x80) return (first << WIDTH_BITS) | 1
  const width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  if (first < 0xc2 || first > 0xf4 || at + width > to) return BROKEN
  let rune = first & (0x7f >> width)
  for (let i = 1; i < width; i++) {
    const next = bytes[at + i]!
    if ((next & 0xc0) !== 0x80) return BROKEN
    rune = (rune << 6) | (next & 0x3f)
  }
  if (rune < SMALLEST_OF_WIDTH[width]! || rune > 0x10ffff) return BROKEN
  if (rune >= 0xd800 && rune <= 0xdfff) return BROKEN
  return (rune << WIDTH_BITS) | width
}

export function runeOf(packed: number): number {
  return packed >>> WIDTH_BITS
}

export function widthOf(packed: number): number {
  return packed & WIDTH_MASK
}

/** True for a byte that belongs to no well-formed sequence (a real U+FFFD is three bytes wide). */
export function isBroken(packed: number): boolean {
  return packed === BROKEN
}

/** Text of the bytes [from, to), one U+FFFD for each broken byte. */
export function goText(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = ''
  for (let at = from; at < to; ) {
    const packed = runeAt(bytes, at, to)
    text += String.fromCodePoint(runeOf(packed))
    at += widthOf(packed)
  }
  return text
}
