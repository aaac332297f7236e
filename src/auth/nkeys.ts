import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import {
  decodePublicNkey,
  decodeSeedNkey,
  encodePublicNkey,
  encodeSeedNkey,
  type NkeyKind,
} from '../protocol/nkey-encoding.ts'
import { decodeRawUrlBase64, decodeStandardBase64 } from './go-base64.ts'

/** What comes before the 32 bytes of an Ed25519 key in PKCS #8 and SPKI (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const SIGNATURE_BYTES = 64
/**
 * Keys kept ready for verifying: importing one costs a quarter of a verification. Chosen: more
 * issuers and regular users than most servers meet, in about 2 MB.
 */
const READY_KEYS_MAX = 1024

/** Kinds of keys that sign; the curve keys are in xkeys.ts. */
export type SigningKind = Exclude<NkeyKind, 'curve'>

const USERS: readonly SigningKind[] = ['user']

/** A key pair that signs; only its public key is shown, unless the seed is asked for. */
export class NkeyPair {
  /** Its first letter tells the kind: `U…` */
  readonly publicKey: string
  readonly #kind: SigningKind
  readonly #privateKey: KeyObject

  private constructor(kind: SigningKind, privateKey: KeyObject) {
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    this.publicKey = encodePublicNkey(kind, spki.subarray(SPKI_PREFIX.length))
    this.#kind = kind
    this.#privateKey = privateKey
  }

  get kind(): SigningKind {
    return this.#kind
  }

  /**
   * @param seed `SU…`
   * @param kinds what it may be the seed of
   * @returns undefined when it is none of those
   */
  static fromSeed(seed: string, kinds: readonly SigningKind[] = USERS): NkeyPair | undefined {
    const decoded = decodeSeedNkey(seed)
    const kind = kinds.find((known) => known === decoded?.kind)
    if (decoded === null || kind === undefined) return undefined
    return NkeyPair.fromSecret(kind, decoded.bytes)
  }

  /** @param secret 32 random bytes, what a seed holds */
  static fromSecret(kind: SigningKind, secret: Uint8Array): NkeyPair {
    const der = Buffer.concat([PKCS8_PREFIX, secret])
    return new NkeyPair(kind, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  }

  static generate(kind: SigningKind): NkeyPair {
    return new NkeyPair(kind, generateKeyPairSync('ed25519').privateKey)
  }

  /** A secret: `SU…` */
  seed(): string {
    const der = this.#privateKey.export({ format: 'der', type: 'pkcs8' })
    return encodeSeedNkey(this.#kind, der.subarray(PKCS8_PREFIX.length))
  }

  /** Signature of a nonce as CONNECT carries it: base64url without padding. */
  sign(nonce: string): string {
    return sign(null, Buffer.from(nonce), this.#privateKey).toString('base64url')
  }

  /** @returns 64 bytes */
  signBytes(data: Uint8Array): Uint8Array {
    return sign(null, data, this.#privateKey)
  }
}

/**
 * @param publicKey of a user
 * @param signature base64, either alphabet, padded or not
 */
export function isSignedBy(publicKey: string, nonce: string, signature: string): boolean {
  if (!isPublicKey(publicKey, 'user')) return false
  return verifySignature(publicKey, Buffer.from(nonce), Buffer.from(signature, 'base64'))
}

/**
 * The bytes of a signature in CONNECT, as nats-server takes it: base64url without padding, else
 * base64 with it; undefined: neither.
 */
export function decodeSignature(text: string): Uint8Array | undefined {
  const decoded = decodeRawUrlBase64(text)
  return decoded.ok ? decoded.bytes : decodeStandardBase64(text)
}

/** Whether this is a public key of that kind. */
export function isPublicKey(text: string, kind: NkeyKind): boolean {
  return decodePublicNkey(text)?.kind === kind
}

/** Imported keys that have verified something, those used last at the end. */
const readyKeys = new Map<string, KeyObject>()

/**
 * Whether the owner of a public key of any kind has signed these bytes. False for whatever is no
 * key, a curve key, or no signature.
 *
 * Keys are remembered once a signature was right: made-up ones push nobody else out.
 */
export function verifySignature(
  publicKey: string,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false
  const key = readyKeys.get(publicKey) ?? importPublicKey(publicKey)
  if (key === undefined || !verify(null, data, key, signature)) return false
  readyKeys.delete(publicKey)
  readyKeys.set(publicKey, key)
  if (readyKeys.size > READY_KEYS_MAX) readyKeys.delete(readyKeys.keys().next().value!)
  return true
}

function importPublicKey(publicKey: string): KeyObject | undefined {
  const decoded = decodePublicNkey(publicKey)
  if (decoded === null || decoded.kind === 'curve') return undefined
  const der = Buffer.concat([SPKI_PREFIX, decoded.bytes])
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}
