import { goQuote } from '../../protocol/go-quote.ts'

/** Letters before the connection's number; operators grep for them. Source: nats-server's log. */
const ID_WORDS = {
  client: 'cid',
  websocket: 'wid',
  route: 'rid',
  leaf: 'lid',
  leafWebsocket: 'lid_ws',
} as const
export type ConnectionKind = keyof typeof ID_WORDS

/** What a client says of itself in CONNECT; the parts that show in the log. */
export interface ClientNames {
  readonly version?: string | undefined
  readonly lang?: string | undefined
  readonly name?: string | undefined
}

/** What a client presented to be let in; only what may be shown of it shows. */
export interface PresentedUser {
  readonly nkey?: string | undefined
  readonly user?: string | undefined
  readonly jwt?: string | undefined
  /** Public key of the user in `jwt`. */
  readonly publicKey?: string | undefined
  readonly token?: string | undefined
}

/**
 * `127.0.0.1:54321 - cid:7 - `, to be put before each text about the connection.
 *
 * @param address host and port of the peer, an IPv6 host in brackets
 * @param forwardedIp the client's own address when a proxy told it (WebSocket, X-Forwarded-For)
 */
export function connectionPrefix(
  kind: ConnectionKind,
  address: string,
  connectionId: number,
  forwardedIp = '',
): string {
  const ip = forwardedIp.includes(':') ? `[${forwardedIp}]` : forwardedIp
  return `${ip === '' ? '' : `${ip}/`}${address} - ${ID_WORDS[kind]}:${connectionId} - `
}

/**
 * The prefix after a client's CONNECT was accepted: `127.0.0.1:54321 - cid:7 - "v1.2.3:lang:name" -
 * "$G/user:bob" - `. Nothing is added for names it did not give, nor for the account of a client
 * without credentials.
 */
export function identifiedPrefix(
  prefix: string,
  names: ClientNames,
  account: string,
  presented: PresentedUser,
): string {
  const version = names.version ? `v${names.version}` : ''
  const client = [version, names.lang, names.name].filter(Boolean).join(':')
  const label = userLabel(presented)
  const clientText = client === '' ? '' : `${goQuote(client)} - `
  const userText = label === '' ? '' : `${goQuote(`${account}/${label}`)} - `
  return prefix + clientText + userText
}

function userLabel(presented: PresentedUser): string {
  if (presented.nkey) return `nkey:${presented.nkey}`
  if (presented.user) return `user:${presented.user}`
  if (presented.jwt) return `jwt:${presented.publicKey ?? ''}`
  return presented.token ? 'token' : ''
}

/** For `authentication error - …` and the like: `User "bob"`, `Nkey "U…"`, `Token "[REDACTED]"`. */
export function presentedUserText(presented: PresentedUser): string {
  if (presented.nkey) return `Nkey ${goQuote(presented.nkey)}`
  if (presented.user) return `User ${goQuote(presented.user)}`
  if (presented.jwt) return `JWT User ${goQuote(presented.publicKey ?? '')}`
  return presented.token ? 'Token "[REDACTED]"' : 'User "N/A"'
}
