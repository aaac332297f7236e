import { createHash } from 'node:crypto'
import { type GoJsonObject, goJsonObject } from '../../protocol/go-json.ts'
import { encodeBase32 } from '../../protocol/nkey-encoding.ts'
import type { NkeyPair } from '../nkeys.ts'

const HEADER = { typ: 'JWT', alg: 'ed25519-nkey' } as const
const FORMAT_VERSION = 2

/** What a JWT is to say; times are Unix seconds, what is undefined is left out. */
export interface EncodableClaims {
  readonly subject: string
  readonly audience?: string | undefined
  readonly name?: string | undefined
  readonly expires?: number | undefined
  readonly notBefore?: number | undefined
  /** With its `type`. */
  readonly nats: GoJsonObject
}

/**
 * Writes and signs a JWT. It is issued by the owner of the keys at `nowMs` and has a hash of its
 * common part as its number, as nats-server's library makes it.
 */
export function encodeClaims(claims: EncodableClaims, keys: NkeyPair, nowMs: number): string {
  const data = {
    aud: claims.audience || undefined,
    exp: claims.expires || undefined,
    iat: Math.floor(nowMs / 1000),
    iss: keys.publicKey,
    name: claims.name || undefined,
    nbf: claims.notBefore || undefined,
    sub: claims.subject,
  }
  const { aud, exp, ...rest } = data
  const jti = encodeBase32(createHash('sha512-256').update(json(data)).digest())
  const nats = { ...claims.nats, version: FORMAT_VERSION }
  const signed = `${chunk(HEADER)}.${chunk({ aud, exp, jti, ...rest, nats })}`
  return `${signed}.${keys.sign(signed)}`
}

function json(object: GoJsonObject): string {
  return goJsonObject(Object.entries(object))
}

function chunk(object: GoJsonObject): string {
  return Buffer.from(json(object)).toString('base64url')
}

/** A JWT that is no other kind, like a request to delete accounts. */
export function encodeGenericClaims(
  claims: Omit<EncodableClaims, 'nats'> & { readonly data: GoJsonObject },
  keys: NkeyPair,
  nowMs: number,
): string {
  const { data, ...common } = claims
  return encodeClaims({ ...common, nats: data }, keys, nowMs)
}

/** Who asks another program whether somebody may connect. */
export interface RequestServer {
  readonly name: string
  readonly host: string
  /** Public key of the server. */
  readonly id: string
  readonly version?: string | undefined
  readonly cluster?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** Public curve key that answers are to be sealed for. */
  readonly xkey?: string | undefined
}

/** Who wants to connect. */
export interface RequestClient {
  readonly host?: string | undefined
  readonly id?: number | undefined
  readonly user?: string | undefined
  readonly name?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly nameTag?: string | undefined
  /** `Client` or `Leafnode`. */
  readonly kind?: string | undefined
  /** `nats`, `websocket` or `mqtt`. */
  readonly type?: string | undefined
  readonly mqttId?: string | undefined
  readonly nonce?: string | undefined
}

/** What was in CONNECT. */
export interface RequestConnect {
  readonly jwt?: string | undefined
  readonly nkey?: string | undefined
  readonly sig?: string | undefined
  readonly authToken?: string | undefined
  readonly user?: string | undefined
  readonly pass?: string | undefined
  readonly name?: string | undefined
  readonly lang?: string | undefined
  readonly version?: string | undefined
  readonly protocol: number
}

export interface RequestTls {
  readonly version?: string | undefined
  readonly cipher?: string | undefined
  /** PEM. */
  readonly certs?: readonly string[] | undefined
  readonly verifiedChains?: readonly (readonly string[])[] | undefined
}

export interface AuthorizationRequest {
  /** Account, or in configuration mode the issuer, that the answer is to come from. */
  readonly subject: string
  /** `nats-authorization-request` */
  readonly audience: string
  readonly expires: number
  readonly server: RequestServer
  /** Public key made up for this request: the answer is to be about it. */
  readonly userNkey: string
  readonly client: RequestClient
  readonly connect: RequestConnect
  readonly tls?: RequestTls | undefined
  readonly requestNonce?: string | undefined
}

/** @param keys of the server */
export function encodeAuthorizationRequest(
  request: AuthorizationRequest,
  keys: NkeyPair,
  nowMs: number,
): string {
  const { server, client, connect, tls } = request
  const nats = {
    server_id: {
      name: server.name,
      host: server.host,
      id: server.id,
      ...given({
        version: server.version,
        cluster: server.cluster,
        tags: server.tags,
        xkey: server.xkey,
      }),
    },
    user_nkey: request.userNkey,
    client_info: given({
      host: client.host,
      id: client.id,
      user: client.user,
      name: client.name,
      tags: client.tags,
      name_tag: client.nameTag,
      kind: client.kind,
      type: client.type,
      mqtt_id: client.mqttId,
      nonce: client.nonce,
    }),
    connect_opts: {
      ...given({
        jwt: connect.jwt,
        nkey: connect.nkey,
        sig: connect.sig,
        auth_token: connect.authToken,
        user: connect.user,
        pass: connect.pass,
        name: connect.name,
        lang: connect.lang,
        version: connect.version,
      }),
      protocol: connect.protocol,
    },
    client_tls:
      tls &&
      given({
        version: tls.version,
        cipher: tls.cipher,
        certs: tls.certs,
        verified_chains: tls.verifiedChains,
      }),
    ...given({ request_nonce: request.requestNonce }),
    type: 'authorization_request',
  }
  return encodeClaims({ ...request, nats }, keys, nowMs)
}

/** Without what Go leaves out as empty. */
function given(object: GoJsonObject): GoJsonObject {
  const entries = Object.entries(object).filter(
    ([, value]) => value !== '' && value !== 0 && !(Array.isArray(value) && value.length === 0),
  )
  return Object.fromEntries(entries)
}
