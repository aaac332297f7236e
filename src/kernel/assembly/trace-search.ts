/**
 * Whether a header block may ask for a trace. TypeScript reads the block properly: here nothing may
 * be missed, and little else be found.
 */
const BLOCK_BYTES: u32 = 16
/** Looked at together. */
const STRIDE_BYTES: u32 = 64
/** `NATS/1.0` and its line end, before which there is no name. */
const FIRST_LINE_BYTES: u32 = 10
/** Behind a name that counts: a value, its line end, and that of the block. */
const BEHIND_BYTES: u32 = 5
/** "Nats-Trace-Dest:" as two little-endian words. */
const DEST_LOW: u64 = 0x6172542d7374614e
const DEST_HIGH: u64 = 0x3a747365442d6563
/** "tracepar", "nt:" with the "e" before it, in lower case. */
const PARENT_LOW: u64 = 0x7261706563617274
const PARENT_HIGH: u32 = 0x3a746e65
const LOWER_LOW: u64 = 0x2020202020202020
const LOWER_HIGH: u32 = 0x00202020
const PARENT_BYTES: u32 = 12

/**
 * Hot: for each message with headers.
 * @param withParents `traceparent`, in any case, counts as well
 */
@inline
export function mayBeTraced(at: u32, bytes: u32, withParents: bool): bool {
  return hasDestination(at, bytes) || (withParents && hasParent(at, bytes))
}

/** Places of one vector where the second word of the name and its colon may be. */
@inline
function placesOfDest(at: u32): v128 {
  const word = i8x16.eq(v128.load(at, 5), i8x16.splat(84)) // T
  return v128.and(word, i8x16.eq(v128.load(at, 15), i8x16.splat(58)))
}

/** Whether the name may begin in the 64 places from `at` on. */
@inline
function mayBeNear(at: u32): bool {
  const a = v128.or(placesOfDest(at), placesOfDest(at + 16))
  const b = v128.or(placesOfDest(at + 32), placesOfDest(at + 48))
  return v128.any_true(v128.or(a, b))
}

/** Of a short block, reads up to 90 bytes from its beginning; of others nothing behind them. */
function hasDestination(from: u32, bytes: u32): bool {
  if (bytes < FIRST_LINE_BYTES + BLOCK_BYTES + BEHIND_BYTES) return false
  const last = from + bytes - BLOCK_BYTES - BEHIND_BYTES
  let at = from + FIRST_LINE_BYTES
  for (; at + STRIDE_BYTES <= last; at += STRIDE_BYTES) {
    if (mayBeNear(at) && hasDestinationNear(at, at + STRIDE_BYTES - 1)) return true
  }
  if (at != from + FIRST_LINE_BYTES) at = last - (STRIDE_BYTES - 1)
  return mayBeNear(at) && hasDestinationNear(at, last)
}

/** Whether the name begins in [from, last]. */
function hasDestinationNear(from: u32, last: u32): bool {
  for (let at = from; at <= last; at += BLOCK_BYTES) {
    let found: u32 = i8x16.bitmask(placesOfDest(at))
    for (; found != 0; found &= found - 1) {
      const place = at + <u32>ctz(found)
      if (place > last) return false
      if (load<u64>(place) == DEST_LOW && load<u64>(place, 8) == DEST_HIGH) return true
    }
  }
  return false
}

function hasParent(from: u32, bytes: u32): bool {
  if (bytes < FIRST_LINE_BYTES + PARENT_BYTES + BEHIND_BYTES) return false
  const last = from + bytes - PARENT_BYTES - BEHIND_BYTES
  const lower = i8x16.splat(0x20)
  const first = i8x16.splat(116) // t
  const middle = i8x16.splat(112) // p
  const colon = i8x16.splat(58)
  for (let at = from + FIRST_LINE_BYTES; at <= last; at += BLOCK_BYTES) {
    let found: u32 = i8x16.bitmask(
      v128.and(
        v128.and(
          i8x16.eq(v128.or(v128.load(at), lower), first),
          i8x16.eq(v128.or(v128.load(at, 5), lower), middle),
        ),
        i8x16.eq(v128.load(at, 11), colon),
      ),
    )
    for (; found != 0; found &= found - 1) {
      const place = at + <u32>ctz(found)
      if (place > last) return false
      if ((load<u64>(place) | LOWER_LOW) != PARENT_LOW) continue
      if ((load<u32>(place, 8) | LOWER_HIGH) == PARENT_HIGH) return true
    }
  }
  return false
}
