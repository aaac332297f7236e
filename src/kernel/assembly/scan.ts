/** What all readers of control lines share: blanks, found by vector compares, and sizes. */

/** Bytes looked at together. */
export const LINE_BYTES: u32 = 64
/** Digits of a size. */
const DIGITS_MAX: u32 = 9
export const NOT_A_SIZE: u32 = 0xffffffff
/** CR, LF as one little-endian word. */
export const CRLF: u16 = 0x0a0d

export function sizeAt(at: u32, digits: u32): u32 {
  if (digits == 0 || digits > DIGITS_MAX) return NOT_A_SIZE
  let value: u32 = 0
  for (let i: u32 = 0; i < digits; i++) {
    const digit = <u32>load<u8>(at + i) - 48
    if (digit > 9) return NOT_A_SIZE
    value = value * 10 + digit
  }
  return value
}

/** Bit i is set when byte i is a blank or a control character. */
@inline
export function blanks(at: u32): u64 {
  const limit = i8x16.splat(32)
  const a = <u64>(<u32>i8x16.bitmask(i8x16.le_u(v128.load(at), limit)))
  const b = <u64>(<u32>i8x16.bitmask(i8x16.le_u(v128.load(at, 16), limit)))
  const c = <u64>(<u32>i8x16.bitmask(i8x16.le_u(v128.load(at, 32), limit)))
  const d = <u64>(<u32>i8x16.bitmask(i8x16.le_u(v128.load(at, 48), limit)))
  return a | (b << 16) | (c << 32) | (d << 48)
}

/** Address of the next blank or control character, `to` if there is none. */
export function nextBlank(at: u32, to: u32): u32 {
  while (at < to) {
    const mask = blanks(at)
    if (mask != 0) {
      const found = at + <u32>ctz(mask)
      return found < to ? found : to
    }
    at += LINE_BYTES
  }
  return to
}
