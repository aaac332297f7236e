import type {
  LeafnodeOptions,
  Options,
  RemoteOptions,
  TlsOptions,
  WebsocketOptions,
} from '../../config/option-types.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import { mergedFeatureFlags } from '../feature-flags.ts'
import type { ServerFacts } from '../monitor-source.ts'
import { claimsOf } from './claims.ts'
import { type JsonObject, type JsonValue, omitEmpty } from './json-value.ts'

const NS_PER_MS = 1e6
const MS_PER_S = 1000

/** nats-server's TLS_TIMEOUT, which it shows without TLS, too. */
const TLS_TIMEOUT_MS = 2000

/** Without one configured nats-server shows none. */
const HANDSHAKE_TIMEOUT_MS_DEFAULT = 2000

export function seconds(ms: number): number {
  return ms / MS_PER_S
}

export function nanoseconds(ms: number): number {
  return Math.round(ms * NS_PER_MS)
}

/** A time that is not shown when there is none. */
export function timeOrNothing(ms: number): string | undefined {
  return ms === 0 ? undefined : goTimeOfMs(ms)
}

export function tlsTimeoutMs(tls: TlsOptions | undefined): number {
  return tls?.timeoutMs ?? TLS_TIMEOUT_MS
}

export function shownWriteTimeout(policy: Options['writeTimeout']): string | undefined {
  return policy === 'default' ? undefined : policy
}

function isVerified(tls: TlsOptions | undefined): boolean {
  return tls !== undefined && (tls.verify || tls.verifyAndMap)
}

/** Member `leaf`; of its listener only if there is one. */
export function leafOptionsJson({ options, ports, certificateEnds }: ServerFacts): JsonObject {
  const { leafnodes } = options
  return {
    ...(ports.leaf === 0 ? {} : leafListenerJson(leafnodes, ports.leaf)),
    remotes: omitEmpty(leafnodes.remotes.map(remoteJson)),
    tls_cert_not_after: timeOrNothing(certificateEnds.leaf),
  }
}

function leafListenerJson({ host, authorization, tls }: LeafnodeOptions, port: number): JsonObject {
  return {
    host: omitEmpty(host),
    port,
    auth_timeout: omitEmpty(seconds(authorization.timeoutMs)),
    tls_timeout: omitEmpty(seconds(tlsTimeoutMs(tls))),
    tls_required: omitEmpty(tls !== undefined),
    tls_verify: omitEmpty(isVerified(tls)),
  }
}

function remoteJson({ account, tls, urls, denyExports, denyImports }: RemoteOptions): JsonObject {
  const hasDenied = denyExports.length + denyImports.length > 0
  return {
    local_account: omitEmpty(account),
    tls_timeout: tls === undefined ? undefined : seconds(tls.timeoutMs),
    // Of the place alone: users and passwords are secrets.
    urls: omitEmpty(urls.map(({ host, port }) => placeText(host, port))),
    deny: hasDenied
      ? { exports: omitEmpty(denyExports), imports: omitEmpty(denyImports) }
      : undefined,
  }
}

function placeText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Member `websocket`. */
export function websocketOptionsJson({ options, ports, certificateEnds }: ServerFacts): JsonObject {
  const { websocket } = options
  if (ports.websocket === 0) return {}
  return {
    host: omitEmpty(websocket.host),
    port: ports.websocket,
    advertise: omitEmpty(websocket.advertise),
    no_auth_user: omitEmpty(websocket.noAuthUser),
    jwt_cookie: omitEmpty(websocket.jwtCookie),
    handshake_timeout: handshakeTimeout(websocket),
    auth_timeout: omitEmpty(seconds(websocket.authorization.timeoutMs)),
    no_tls: omitEmpty(websocket.noTls),
    tls_map: omitEmpty(websocket.tls?.verifyAndMap),
    tls_pinned_certs: omitEmpty(websocket.tls?.pinnedCerts),
    same_origin: omitEmpty(websocket.sameOrigin),
    allowed_origins: omitEmpty(websocket.allowedOrigins),
    compression: omitEmpty(websocket.compression),
    tls_cert_not_after: timeOrNothing(certificateEnds.websocket),
  }
}

function handshakeTimeout({ handshakeTimeoutMs }: WebsocketOptions): number | undefined {
  if (handshakeTimeoutMs === HANDSHAKE_TIMEOUT_MS_DEFAULT) return undefined
  return omitEmpty(nanoseconds(handshakeTimeoutMs))
}

/** How the server is labelled, and by whom. */
export function labelsJson({ options }: ServerFacts): JsonObject {
  const { serverTags, serverMetadata, featureFlags, operator } = options
  const jwts = operator?.jwts ?? []
  return {
    tags: omitEmpty(serverTags),
    metadata: omitEmpty(new Map<string, JsonValue>(Object.entries(serverMetadata))),
    feature_flags: mergedFeatureFlags(featureFlags),
    trusted_operators_jwt: omitEmpty(jwts),
    trusted_operators_claim: omitEmpty(jwts.map((jwt) => claimsOf(jwt) ?? null)),
  }
}

export function proxiesJson({ trustedProxies }: Options): JsonObject | undefined {
  if (trustedProxies.length === 0) return undefined
  return { trusted: trustedProxies.map((key) => ({ key })) }
}
