/**
 * Copies, comparisons and checks on raw addresses.
 *
 * Bulk instructions (memory.copy) are slow on shared memory, so copies are vector loads and stores.
 * They may read and write up to 15 bytes behind the end: every region that is copied to keeps
 * SLACK_BYTES of room behind what it holds.
 */

/** Number of the check that failed, for the text of the error; see the callers of `check`. */
export let failedCheck: u32 = 0

/** Stops the thread in the checked build; costs nothing in the fast one. */
@inline
export function check(holds: bool, number: u32): void {
  if (CHECKED) {
    if (!holds) {
      failedCheck = number
      unreachable()
    }
  }
}

/** Copies short texts: whole vectors, no loop for up to 16 bytes. */
@inline
export function copyShort(target: u32, source: u32, bytes: u32): void {
  v128.store(target, v128.load(source))
  for (let i: u32 = 16; i < bytes; i += 16) v128.store(target + i, v128.load(source + i))
}

@inline
export function copyVectors(target: u32, source: u32, bytes: u32): void {
  let i: u32 = 0
  for (; i + 64 <= bytes; i += 64) {
    const a = v128.load(source + i)
    const b = v128.load(source + i, 16)
    const c = v128.load(source + i, 32)
    const d = v128.load(source + i, 48)
    v128.store(target + i, a)
    v128.store(target + i, b, 16)
    v128.store(target + i, c, 32)
    v128.store(target + i, d, 48)
  }
  for (; i < bytes; i += 16) v128.store(target + i, v128.load(source + i))
}

/** As copyShort, but writes not a byte behind the end. The ranges must not overlap. */
export function copyExact(target: u32, source: u32, bytes: u32): void {
  const whole = bytes & ~15
  copyVectors(target, source, whole)
  for (let i = whole; i < bytes; i++) store<u8>(target + i, load<u8>(source + i))
}

export function isEqual(a: u32, b: u32, bytes: u32): bool {
  let i: u32 = 0
  for (; i + 8 <= bytes; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false
  const rest = bytes - i
  if (rest == 0) return true
  return ((load<u64>(a + i) ^ load<u64>(b + i)) << ((8 - rest) << 3)) == 0
}

let hashSeed: u64 = 0

/** What all threads mix into hashes: it is random, so that no texts can be made that collide. */
export function seedHashes(seed: u64): void {
  hashSeed = seed
}

/** Multiplicative hash, eight bytes at a time; never 0. */
@inline
export function hashBytes(at: u32, bytes: u32, seed: u32): u32 {
  let h: u64 = hashSeed ^ <u64>seed ^ (<u64>bytes * 0x9e3779b97f4a7c15)
  let i: u32 = 0
  for (; i + 8 <= bytes; i += 8) {
    h = (h ^ load<u64>(at + i)) * 0x9fb21c651e98df25
    h ^= h >>> 32
  }
  const rest = bytes - i
  if (rest != 0) {
    h = (h ^ (load<u64>(at + i) << ((8 - rest) << 3))) * 0x9fb21c651e98df25
    h ^= h >>> 32
  }
  h *= 0xd6e8feb86659fd93
  return <u32>(h >>> 32) | 1
}

/** Writes a number in decimal and returns how many digits. */
export function writeDecimal(target: u32, value: u32): u32 {
  let digits: u32 = 1
  for (let rest = value; rest >= 10; rest /= 10) digits++
  let rest = value
  for (let i = digits; i > 0; i--) {
    store<u8>(target + i - 1, <u8>(48 + (rest % 10)))
    rest /= 10
  }
  return digits
}

let randomState: u64 = 0x853c49e6748fea9b

export function seedRandom(seed: u32): void {
  randomState = (<u64>seed << 32) | 0x9e3779b9
}

/** Uniform enough for choosing a queue group's member: xorshift64*, bound < 2^32. */
export function randomBelow(bound: u32): u32 {
  let x = randomState
  x ^= x >>> 12
  x ^= x << 25
  x ^= x >>> 27
  randomState = x
  const high = <u32>((x * 0x2545f4914f6cdd1d) >>> 32)
  return <u32>((<u64>high * <u64>bound) >>> 32)
}
