import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { encodePublicNkey, type NkeyKind } from '../../src/protocol/nkey-encoding.ts'

/** What comes before the 32 bytes of an Ed25519 seed in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX_BYTES = 12

export interface Signer {
  readonly publicKey: string
  readonly privateKey: KeyObject
}

/** Always the same key for one kind and number. */
export function signer(kind: NkeyKind, number: number): Signer {
  const der = Buffer.concat([PKCS8_PREFIX, Buffer.alloc(32, number)])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return { publicKey: encodePublicNkey(kind, spki.subarray(SPKI_PREFIX_BYTES)), privateKey }
}

export function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

export interface TokenParts {
  readonly header?: unknown
  /** Over `iss`, `iat` and the like. */
  readonly claims?: object
}

/** A JWT of version 2, signed; @param nats what is special to its kind, `type` included */
export function signedJwt(
  { publicKey, privateKey }: Signer,
  subject: string,
  nats: object,
  { header = { typ: 'JWT', alg: 'ed25519-nkey' }, claims = {} }: TokenParts = {},
): string {
  const common = { jti: 'ID', iat: 1_700_000_000, iss: publicKey, name: 'a name', sub: subject }
  const body = { ...common, nats: { version: 2, ...nats }, ...claims }
  const text = `${base64Json(header)}.${base64Json(body)}`
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
}

export function decorated(kind: string, jwt: string): string {
  return `-----BEGIN NATS ${kind} JWT-----\n${jwt}\n------END NATS ${kind} JWT------\n\n`
}
