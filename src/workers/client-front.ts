import { type Authenticator, createAuthenticator } from '../auth/authenticator.ts'
import type { VerifyBcrypt } from '../auth/password.ts'
import { NATS_VERSION, SABLE_VERSION } from '../base/version.ts'
import type { AuthorizationOptions } from '../config/option-types.ts'
import type { ServerInfo } from '../protocol/info.ts'
import type { CookieCredentials } from '../protocol/websocket/upgrade-request.ts'
import type { ThreadSettings } from './thread-settings.ts'

/** nats-server says which Go built it; this says what runs here. */
const RUNTIME = `node${process.version}`
const API_LEVEL = 5

/** What depends on the listener a client came by. */
export interface ClientFront {
  readonly kind: 'client' | 'websocket'
  /** INFO of every client; client id and address come on top. */
  readonly info: ServerInfo
  readonly authenticator: Authenticator
  readonly authTimeoutMs: number
  readonly pingIntervalMs: number
}

/** What an HTTP request has told of a client before its first byte. */
export interface ClientRequest {
  /** '' when no proxy told it. */
  readonly forwardedIp: string
  /** Stand in for what CONNECT leaves out. */
  readonly cookies: CookieCredentials | undefined
}

/** Clients of the TCP listener. */
export function clientFront(settings: ThreadSettings, verifyBcrypt: VerifyBcrypt): ClientFront {
  const { options, clientHost, clientPort } = settings
  const authenticator = authenticatorOf(options.authorization, verifyBcrypt)
  return {
    kind: 'client',
    info: infoOf(settings, clientHost, clientPort, authenticator),
    authenticator,
    authTimeoutMs: options.authorization.timeoutMs,
    pingIntervalMs: options.pingIntervalMs,
  }
}

/** Clients of the WebSocket listener, for which some options have a value of their own. */
export function websocketFront(
  settings: ThreadSettings,
  tcp: ClientFront,
  verifyBcrypt: VerifyBcrypt,
): ClientFront {
  const { options, websocketHost, websocketPort } = settings
  const { authorization, tls, pingIntervalMs } = options.websocket
  const isOwn = authorization.user !== '' || authorization.token !== ''
  const authenticator = isOwn ? authenticatorOf(authorization, verifyBcrypt) : tcp.authenticator
  const isTls = tls !== undefined
  return {
    kind: 'websocket',
    info: {
      ...infoOf(settings, websocketHost, websocketPort, authenticator),
      tlsRequired: isTls,
      tlsAvailable: isTls,
    },
    authenticator,
    authTimeoutMs: authorization.timeoutMs || tcp.authTimeoutMs,
    pingIntervalMs: pingIntervalMs || tcp.pingIntervalMs,
  }
}

function authenticatorOf(
  { user, pass: password, token }: AuthorizationOptions,
  verifyBcrypt: VerifyBcrypt,
): Authenticator {
  return createAuthenticator({ user, password, token }, verifyBcrypt)
}

function infoOf(
  { options, identity, serverName }: ThreadSettings,
  host: string,
  port: number,
  { required }: Authenticator,
): ServerInfo {
  return {
    serverId: identity.id,
    serverName,
    version: NATS_VERSION,
    proto: 1,
    go: RUNTIME,
    host,
    port,
    headers: !options.noHeaderSupport,
    authRequired: required,
    maxPayload: options.maxPayload,
    apiLevel: API_LEVEL,
    xkey: identity.xkey,
    sable: SABLE_VERSION,
  }
}
