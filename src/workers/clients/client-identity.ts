import { identifiedPrefix } from '../../monitor/log/connection-prefix.ts'
import type { ConnectOptions } from '../../protocol/connect.ts'
import { goTime } from '../../protocol/go-time.ts'
import type { CookieCredentials } from '../../protocol/websocket/upgrade-request.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import type { Grant } from '../threads/peer-messages.ts'
import type { ClientSession } from './client-session.ts'

const NS_PER_MS = 1_000_000n

/** What stands before each line of a client's in the log, once it is known who it is. */
export function grantedPrefix(
  first: string,
  { nkey, user, authToken: token, jwt, name, lang, version }: ConnectOptions,
  grant: Grant | undefined,
  globalAccount: string,
): string {
  const { accountName = globalAccount, accountTag = '', identity } = grant ?? {}
  const label = accountTag === '' ? accountName : `${accountName}/${accountTag}`
  const presented = { nkey, user, token, jwt, publicKey: identity?.nkey }
  return identifiedPrefix(first, { name, lang, version }, label, presented)
}

/** Who a client is, for services of other accounts. */
export function clientInfoOf(session: ClientSession, host: string, server: string): ClientInfo {
  const { connection, options, front, rttNs } = session
  const { identity } = session.granted?.grant ?? {}
  return {
    start: goTime(BigInt(session.startMs) * NS_PER_MS),
    host,
    id: connection.cid,
    account: session.accountName,
    user: identity?.user,
    name: options.name,
    lang: options.lang,
    version: options.version,
    rttNs,
    server,
    jwt: identity?.jwt,
    issuerKey: identity?.issuerKey,
    nameTag: identity?.nameTag,
    tags: identity?.tags,
    kind: 'Client',
    clientType: front.kind === 'websocket' ? 'websocket' : 'nats',
  }
}

/** Cookies stand in for what CONNECT leaves out. */
export function withCookies(
  options: ConnectOptions,
  cookies: CookieCredentials | undefined,
): ConnectOptions {
  if (cookies === undefined) return options
  const { user, pass, authToken, jwt } = options
  return {
    ...options,
    user: user || cookies.user,
    pass: pass || cookies.pass,
    authToken: authToken || cookies.token,
    jwt: jwt || cookies.jwt,
  }
}
