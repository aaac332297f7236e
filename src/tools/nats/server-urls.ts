/** The servers of the flag `-s`, and what their URLs say about who connects. */
import { ToolError } from './tool-error.ts'

export const DEFAULT_URL = 'nats://127.0.0.1:4222'

/** Who a URL says connects: `nats://user:password@host`, `nats://token@host`. */
export type UserInfo =
  | { readonly token: string }
  | { readonly user: string; readonly password: string }

export interface ServerUrl {
  /** Without "://". Only `tls`, `ws` and `wss` mean something, all others are NATS over TCP. */
  readonly scheme: string
  /** A name or an address; IPv6 without brackets. */
  readonly hostname: string
  readonly port: number
  readonly userInfo: UserInfo | null
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { ws: 80, wss: 443 }
const DEFAULT_PORT = 4222
/** Scheme, user info, address in brackets or host, colon and port; what follows is not used. */
const URL_PARTS =
  /^([^:/?#@]+):\/\/(?:([^/?#]*)@)?(\[[\da-f:.]*:[\da-f:.]*\]|[^:/?#[\]]*)(:[^/?#]*)?(?:[/?#].*)?$/i
const HOST_CHARACTER_REFUSED = /[\s"<>\\^`{|}]/

/**
 * The servers of a comma-separated list; an empty one means DEFAULT_URL.
 *
 * @param isSecure whether flags ask for TLS: then a server without a scheme gets `tls`
 * @throws ToolError for a URL that makes no sense, or a list that mixes WebSocket with the rest
 */
export function parseServerUrls(list: string, isSecure: boolean): readonly ServerUrl[] {
  const texts = list
    .split(',')
    .map((text) => text.trim().replace(/\/$/, ''))
    .filter((text) => text !== '')
  const urls = (texts.length === 0 ? [DEFAULT_URL] : texts).map((text) =>
    parseServerUrl(text.includes('://') ? text : `${isSecure ? 'tls' : 'nats'}://${text}`),
  )
  if (new Set(urls.map(isWebSocket)).size > 1) {
    throw new ToolError('nats: mixing of websocket and non websocket URLs is not allowed')
  }
  return urls
}

export function isWebSocket({ scheme }: ServerUrl): boolean {
  return scheme === 'ws' || scheme === 'wss'
}

/** `host:port` in the one form the client library uses too, in which servers are told apart. */
export function hostAndPort({ hostname, port }: Pick<ServerUrl, 'hostname' | 'port'>): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  // A scheme whose default is this port would make it disappear.
  const url = new URL(`${port === 80 ? 'https' : 'http'}://${host}`)
  url.port = String(port)
  return url.host
}

/** The URL for people to read: the token or the password is not in it. */
export function redactedUrl({ scheme, hostname, port, userInfo }: ServerUrl): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  let who = ''
  if (userInfo !== null) who = 'token' in userInfo ? 'xxxxx@' : `${userInfo.user}:xxxxx@`
  return `${scheme}://${who}${host}:${port}`
}

function parseServerUrl(text: string): ServerUrl {
  const parts = URL_PARTS.exec(text)
  if (parts === null) throw refusal(text, 'invalid URL')
  const [, scheme, userText, host, colonAndPort = ''] = parts as unknown as [
    string,
    string,
    string | undefined,
    string,
    string | undefined,
  ]
  const wrong = HOST_CHARACTER_REFUSED.exec(host)?.[0]
  if (wrong !== undefined) {
    throw refusal(text, `invalid character ${JSON.stringify(wrong)} in host name`)
  }
  if (!/^(:\d*)?$/.test(colonAndPort) || Number(colonAndPort.slice(1)) > 65_535) {
    throw refusal(text, `invalid port ${JSON.stringify(colonAndPort)} after host`)
  }
  const portText = colonAndPort.slice(1)
  const port = portText === '' ? (DEFAULT_PORTS[scheme] ?? DEFAULT_PORT) : Number(portText)
  // An empty host is this machine, as it is for whoever dials in Go.
  const hostname = host === '' ? 'localhost' : host.replace(/^\[(.*)\]$/, '$1')
  const url = { scheme: scheme.toLowerCase(), hostname, port, userInfo: null }
  try {
    hostAndPort(url)
    return { ...url, userInfo: userText === undefined ? null : parseUserInfo(userText) }
  } catch {
    throw refusal(text, 'invalid URL')
  }
}

/** @throws URIError for a `%` that starts no encoded byte */
function parseUserInfo(text: string): UserInfo {
  const colon = text.indexOf(':')
  if (colon === -1) return { token: decodeURIComponent(text) }
  return {
    user: decodeURIComponent(text.slice(0, colon)),
    password: decodeURIComponent(text.slice(colon + 1)),
  }
}

function refusal(text: string, reason: string): ToolError {
  const redacted = text.replace(/\/\/.*@/, '//xxxxx@')
  return new ToolError(`parse ${JSON.stringify(redacted)}: ${reason}`)
}
