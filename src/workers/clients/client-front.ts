import {
  type AuthoritySettings,
  authoritySettings,
  type ListenerTerms,
  listenerTerms,
} from '../../auth/authority-settings.ts'
import type { TlsFacts } from '../../auth/login.ts'
import { NATS_VERSION, SABLE_VERSION } from '../../base/version.ts'
import type { ConnectionType } from '../../config/account-types.ts'
import type { ServerInfo } from '../../protocol/info.ts'
import type { CookieCredentials } from '../../protocol/websocket/upgrade-request.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'

/** nats-server says which Go built it; this says what runs here. */
const RUNTIME = `node${process.version}`
const API_LEVEL = 5

/** What depends on the listener a client came by. */
export interface ClientFront extends ListenerTerms {
  readonly kind: 'client' | 'websocket'
  /** INFO of every client; client id and address come on top. */
  readonly info: ServerInfo
  readonly connectionType: ConnectionType
  /** Without operators a JWT in CONNECT means nothing. */
  readonly takesJwt: boolean
  readonly authTimeoutMs: number
  readonly pingIntervalMs: number
}

/** What an HTTP request has told of a client before its first byte. */
export interface ClientRequest {
  /** '' when no proxy told it. */
  readonly forwardedIp: string
  /** Stand in for what CONNECT leaves out. */
  readonly cookies: CookieCredentials | undefined
  /** Of the TLS that the request came by. */
  readonly tls: TlsFacts | undefined
}

/** What fronts need to know of who may connect: of users, whether there are any. */
export function frontRules({ options, implicitUser }: ThreadSettings): AuthoritySettings {
  const users = options.users.slice(0, 1)
  const nkeys = options.nkeys.slice(0, 1)
  return authoritySettings({ ...options, users, nkeys }, implicitUser)
}

/** Clients of the TCP listener. */
export function clientFront(settings: ThreadSettings, rules: AuthoritySettings): ClientFront {
  const { options, clientHost, clientPort } = settings
  const terms = listenerTerms('client', rules)
  return {
    kind: 'client',
    info: infoOf(settings, clientHost, clientPort, terms),
    connectionType: 'STANDARD',
    ...terms,
    takesJwt: rules.isOperatorMode,
    authTimeoutMs: options.authorization.timeoutMs,
    pingIntervalMs: options.pingIntervalMs,
  }
}

/** Clients of the WebSocket listener, for which some options have a value of their own. */
export function websocketFront(
  settings: ThreadSettings,
  rules: AuthoritySettings,
  tcp: ClientFront,
): ClientFront {
  const { options, websocketHost, websocketPort } = settings
  const { authorization, tls, pingIntervalMs } = options.websocket
  const terms = listenerTerms('websocket', rules)
  const isTls = tls !== undefined
  return {
    kind: 'websocket',
    info: {
      ...infoOf(settings, websocketHost, websocketPort, terms),
      tlsRequired: isTls,
      tlsAvailable: isTls,
    },
    connectionType: 'WEBSOCKET',
    ...terms,
    takesJwt: rules.isOperatorMode,
    authTimeoutMs: authorization.timeoutMs || tcp.authTimeoutMs,
    pingIntervalMs: pingIntervalMs || tcp.pingIntervalMs,
  }
}

function infoOf(
  { options, identity, serverName }: ThreadSettings,
  host: string,
  port: number,
  { showsRequired }: ListenerTerms,
): ServerInfo {
  const { tls, allowNonTls } = options
  return {
    serverId: identity.id,
    serverName,
    version: NATS_VERSION,
    proto: 1,
    go: RUNTIME,
    host,
    port,
    headers: !options.noHeaderSupport,
    authRequired: showsRequired,
    tlsRequired: tls !== undefined && !allowNonTls,
    tlsVerify: tls !== undefined && (tls.verify || tls.verifyAndMap),
    tlsAvailable: tls !== undefined && allowNonTls,
    maxPayload: options.maxPayload,
    apiLevel: API_LEVEL,
    xkey: identity.xkey,
    sable: SABLE_VERSION,
  }
}
