/** Masks of WebSocket frames (RFC 6455, section 5.3). */

/**
 * Masks or unmasks in place; writes nothing outside [at, at + bytes).
 *
 * @param key little-endian: its lowest byte is for the first byte of the payload
 * @param phase bytes of the payload in front of `at`
 */
export function maskBytes(at: u32, bytes: u32, key: u32, phase: u32): void {
  let turned = rotr<u32>(key, (phase & 3) << 3)
  const keys = i32x4.splat(turned)
  const end = at + bytes
  let i = at
  for (; i + 64 <= end; i += 64) {
    v128.store(i, v128.xor(v128.load(i), keys))
    v128.store(i, v128.xor(v128.load(i, 16), keys), 16)
    v128.store(i, v128.xor(v128.load(i, 32), keys), 32)
    v128.store(i, v128.xor(v128.load(i, 48), keys), 48)
  }
  for (; i + 16 <= end; i += 16) v128.store(i, v128.xor(v128.load(i), keys))
  for (; i + 4 <= end; i += 4) store<u32>(i, load<u32>(i) ^ turned)
  for (; i < end; i++) {
    store<u8>(i, load<u8>(i) ^ <u8>turned)
    turned >>>= 8
  }
}
