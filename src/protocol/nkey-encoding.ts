/**
 * The text form of NATS keys.
 *
 *     public   base32( prefix:1                   key:32    crc16:2 LE )   56 characters
 *     seed     base32( 'S' and prefix mixed:2     seed:32   crc16:2 LE )   58 characters
 *
 * A prefix is a base32 digit in the upper five bits of its byte, so that it shows: as the first
 * letter of a public key, as the second of a seed. base32 is RFC 4648 without padding, CRC is
 * CCITT/XMODEM over everything before it.
 */
export const NKEY_PREFIXES = {
  account: 0 << 3, // A
  cluster: 2 << 3, // C
  server: 13 << 3, // N
  operator: 14 << 3, // O
  user: 20 << 3, // U
  curve: 23 << 3, // X
} as const

export type NkeyKind = keyof typeof NKEY_PREFIXES
export type Nkey = { readonly kind: NkeyKind; readonly bytes: Uint8Array }

const KEY_BYTES = 32
const PREFIX_SEED = 18 << 3 // S
const CRC_BYTES = 2
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const DIGIT_BITS = 5

function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
    }
  }
  return crc
}

export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= DIGIT_BITS) {
      bits -= DIGIT_BITS
      text += ALPHABET[(held >>> bits) & 31]
    }
    held &= 31
  }
  return bits > 0 ? text + ALPHABET[(held << (DIGIT_BITS - bits)) & 31] : text
}

function decodeBase32(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * DIGIT_BITS) / 8))
  if (text.length !== Math.ceil((bytes.length * 8) / DIGIT_BITS)) return null
  let held = 0
  let bits = 0
  let at = 0
  for (const character of text) {
    const digit = ALPHABET.indexOf(character)
    if (digit < 0) return null
    held = ((held & 0xff) << DIGIT_BITS) | digit
    bits += DIGIT_BITS
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = held >>> bits
  }
  return bytes
}

function encodeChecked(head: readonly number[], key: Uint8Array): string {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`a key has ${KEY_BYTES} bytes: keyBytes=${key.length}`)
  }
  const body = Uint8Array.of(...head, ...key)
  const crc = crc16(body)
  return encodeBase32(Uint8Array.of(...body, crc & 0xff, crc >>> 8))
}

/** The bytes before a correct CRC, or null. */
function decodeChecked(text: string, headBytes: number): Uint8Array | null {
  const bytes = decodeBase32(text)
  const bodyBytes = headBytes + KEY_BYTES
  if (bytes === null || bytes.length !== bodyBytes + CRC_BYTES) return null
  const body = bytes.subarray(0, bodyBytes)
  const crc = bytes[bodyBytes]! | (bytes[bodyBytes + 1]! << 8)
  return crc16(body) === crc ? body : null
}

function kindOf(prefix: number): NkeyKind | null {
  for (const [kind, value] of Object.entries(NKEY_PREFIXES)) {
    if (value === prefix) return kind as NkeyKind
  }
  return null
}

export function encodePublicNkey(kind: NkeyKind, key: Uint8Array): string {
  return encodeChecked([NKEY_PREFIXES[kind]], key)
}

/** null for anything that is not a public key: wrong alphabet, length, checksum or prefix. */
export function decodePublicNkey(text: string): Nkey | null {
  const body = decodeChecked(text, 1)
  const kind = body === null ? null : kindOf(body[0]!)
  return body === null || kind === null ? null : { kind, bytes: body.slice(1) }
}

export function encodeSeedNkey(kind: NkeyKind, seed: Uint8Array): string {
  const prefix = NKEY_PREFIXES[kind]
  return encodeChecked([PREFIX_SEED | (prefix >> 5), (prefix & 31) << 3], seed)
}

/** null for anything that is not a seed. The result is a secret. */
export function decodeSeedNkey(text: string): Nkey | null {
  const body = decodeChecked(text, 2)
  if (body === null || (body[0]! & 0xf8) !== PREFIX_SEED) return null
  const kind = kindOf(((body[0]! & 7) << 5) | (body[1]! >> 3))
  return kind === null ? null : { kind, bytes: body.slice(2) }
}

/** Whether this is some nkey, public, seed or private: base32 whose checksum is right. */
export function isNkeyText(text: string): boolean {
  return textFault(text) === undefined
}

/** What is wrong with something that should be a public key, in the words of the nkeys library. */
export function publicNkeyFault(text: string): string | undefined {
  const fault = textFault(text)
  if (fault !== undefined || decodePublicNkey(text) !== null) return fault
  return 'nkeys: invalid public key'
}

/** The same for a seed; nothing of it is in the text. */
export function seedNkeyFault(text: string): string | undefined {
  const fault = textFault(text)
  if (fault !== undefined || decodeSeedNkey(text) !== null) return fault
  return 'nkeys: invalid seed'
}

function textFault(text: string): string | undefined {
  const wrong = text.search(/[^A-Z2-7]/)
  if (wrong !== -1) return `illegal base32 data at input byte ${wrong}`
  const bytes = decodeBase32(text)
  if ((text.length * DIGIT_BITS) / 8 < 2 * CRC_BYTES) return 'nkeys: invalid encoded key'
  if (bytes === null) return 'nkeys: invalid checksum'
  const end = bytes.length - CRC_BYTES
  const crc = bytes[end]! | (bytes[end + 1]! << 8)
  return crc16(bytes.subarray(0, end)) === crc ? undefined : 'nkeys: invalid checksum'
}
