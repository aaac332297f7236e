import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { decodePublicNkey, decodeSeedNkey, encodePublicNkey } from '../protocol/nkey-encoding.ts'

/** What comes before the 32 bytes of an Ed25519 key in PKCS #8 and SPKI (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const SIGNATURE_BYTES = 64

/** A user's key pair, made of its seed; nothing of it is ever shown but the public key. */
export class NkeyPair {
  /** `U…` */
  readonly publicKey: string
  readonly #privateKey: KeyObject

  private constructor(publicKey: string, privateKey: KeyObject) {
    this.publicKey = publicKey
    this.#privateKey = privateKey
  }

  /** @param seed `SU…` @returns undefined when it is none */
  static fromSeed(seed: string): NkeyPair | undefined {
    const decoded = decodeSeedNkey(seed)
    if (decoded?.kind !== 'user') return undefined
    const der = Buffer.concat([PKCS8_PREFIX, decoded.bytes])
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    const bytes = spki.subarray(SPKI_PREFIX.length)
    return new NkeyPair(encodePublicNkey(decoded.kind, bytes), privateKey)
  }

  /** Signature of a nonce as CONNECT carries it: base64url without padding. */
  sign(nonce: string): string {
    return sign(null, Buffer.from(nonce), this.#privateKey).toString('base64url')
  }
}

/**
 * @param publicKey of a user
 * @param signature base64, either alphabet, padded or not, as nats-server takes it
 */
export function isSignedBy(publicKey: string, nonce: string, signature: string): boolean {
  const decoded = decodePublicNkey(publicKey)
  const bytes = Buffer.from(signature, 'base64')
  if (decoded?.kind !== 'user' || bytes.length !== SIGNATURE_BYTES) return false
  const der = Buffer.concat([SPKI_PREFIX, decoded.bytes])
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  return verify(null, Buffer.from(nonce), key, bytes)
}
