import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { encodePublicNkey, encodeSeedNkey, type NkeyKind } from './nkey-encoding.ts'

/** Who this server is for as long as it runs; made anew at each start, as in nats-server. */
export type ServerIdentity = {
  /** `N…`: server_id, and the name of a server that has none. */
  readonly id: string
  /** `X…`: xkey, for peers that encrypt to this server. */
  readonly xkey: string
  /** Seeds of the two, secrets: `SN…` and `SX…`. */
  readonly seed: string
  readonly curveSeed: string
}

function publicNkey(kind: NkeyKind, key: KeyObject): string {
  const { x } = key.export({ format: 'jwk' })
  if (x === undefined) throw new TypeError('not an Ed25519 or X25519 key')
  return encodePublicNkey(kind, Buffer.from(x, 'base64url'))
}

function seedOf(kind: NkeyKind, key: KeyObject): string {
  const { d } = key.export({ format: 'jwk' })
  if (d === undefined) throw new TypeError('not a private Ed25519 or X25519 key')
  return encodeSeedNkey(kind, Buffer.from(d, 'base64url'))
}

export function createServerIdentity(): ServerIdentity {
  const signing = generateKeyPairSync('ed25519')
  const curve = generateKeyPairSync('x25519')
  return {
    id: publicNkey('server', signing.publicKey),
    xkey: publicNkey('curve', curve.publicKey),
    seed: seedOf('server', signing.privateKey),
    curveSeed: seedOf('curve', curve.privateKey),
  }
}
