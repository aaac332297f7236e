import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import {
  decodePublicNkey,
  decodeSeedNkey,
  encodePublicNkey,
  encodeSeedNkey,
} from '../protocol/nkey-encoding.ts'

/**
 * Curve keys, which seal what two parties tell each other.
 *
 *     'xkv1'   nonce:24   box
 *
 * The box is XSalsa20-Poly1305 of the data, 16 bytes longer; its key comes of X25519 between both.
 */
const VERSION = Buffer.from('xkv1')
const NONCE_BYTES = 24
const HEAD_BYTES = VERSION.length + NONCE_BYTES
/** What comes before the 32 bytes of an X25519 key in PKCS #8 and SPKI (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')

/** A curve key pair; only its public key is shown, unless the seed is asked for. */
export class CurvePair {
  /** `X…` */
  readonly publicKey: string
  readonly #secret: Uint8Array

  private constructor(privateKey: KeyObject) {
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
    this.publicKey = encodePublicNkey('curve', spki.subarray(SPKI_PREFIX.length))
    this.#secret = Uint8Array.from(pkcs8.subarray(PKCS8_PREFIX.length))
  }

  /** @param seed `SX…` @returns undefined when it is none */
  static fromSeed(seed: string): CurvePair | undefined {
    const decoded = decodeSeedNkey(seed)
    return decoded?.kind === 'curve' ? CurvePair.fromSecret(decoded.bytes) : undefined
  }

  /** @param secret 32 random bytes, what a seed holds */
  static fromSecret(secret: Uint8Array): CurvePair {
    const der = Buffer.concat([PKCS8_PREFIX, secret])
    return new CurvePair(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  }

  static generate(): CurvePair {
    return new CurvePair(generateKeyPairSync('x25519').privateKey)
  }

  /** A secret: `SX…` */
  seed(): string {
    return encodeSeedNkey('curve', this.#secret)
  }

  /** Seals data for the owner of a key; undefined: `recipient` is no public curve key. */
  async seal(data: Uint8Array, recipient: string): Promise<Uint8Array | undefined> {
    const theirs = publicBytes(recipient)
    if (theirs === undefined) return undefined
    const nonce = randomBytes(NONCE_BYTES)
    const box = (await loadNacl()).box(data, nonce, theirs, this.#secret)
    return Buffer.concat([VERSION, nonce, box])
  }

  /**
   * Opens what the owner of a key has sealed for this one; undefined: anything else, whatever is
   * wrong with it.
   */
  async open(sealed: Uint8Array, sender: string): Promise<Uint8Array | undefined> {
    const theirs = publicBytes(sender)
    if (theirs === undefined || sealed.length <= HEAD_BYTES) return undefined
    if (!VERSION.equals(sealed.subarray(0, VERSION.length))) return undefined
    const nonce = sealed.subarray(VERSION.length, HEAD_BYTES)
    const box = sealed.subarray(HEAD_BYTES)
    return (await loadNacl()).box.open(box, nonce, theirs, this.#secret) ?? undefined
  }
}

function publicBytes(publicKey: string): Uint8Array | undefined {
  const decoded = decodePublicNkey(publicKey)
  return decoded?.kind === 'curve' ? decoded.bytes : undefined
}

/** Late: only servers with an encrypted auth callout need it. */
async function loadNacl(): Promise<typeof import('tweetnacl')> {
  return (await import('tweetnacl')).default
}
