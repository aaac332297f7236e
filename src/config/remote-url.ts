import { isIPv6 } from 'node:net'
import { decodeBytes, encodeBytes } from './source-cursor.ts'

/** Where a leafnode remote dials, and with which credentials. */
export interface RemoteUrl {
  /** Lower case; empty when the address named none. */
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly user?: string
  readonly pass?: string
  /** User information without a password is a token. */
  readonly token?: string
}

const LEAFNODE_PORT = 7422 // nats-server DEFAULT_LEAFNODE_PORT

const SCHEME = /^([a-z][-+.a-z\d]*):/i
const USER_INFO = /^[-\w.:~!$&'()*+,;=%@]*$/
/** Bytes a host may show unescaped; beyond ASCII anything goes. */
const HOST = /^(?:[-\w.~!$&'()*+,;=:[\]<>"\u{80}-\u{10ffff}]|%[89a-f][\da-f]|%25)*$/iu
const ESCAPES = /^(?:[^%]|%[\da-f]{2})*$/i

/**
 * Parses the address of a remote by the rules of Go's net/url, as nats-server does. Undefined when
 * it is no URL.
 *
 * Go takes some things for URLs that name no host (`localhost:7422`, `/path`); dialling them
 * reaches the machine itself, so host is then `localhost`.
 */
export function parseRemoteUrl(text: string): RemoteUrl | undefined {
  const url = text.trim()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(url)) return undefined
  const [beforeFragment = '', ...fragment] = url.split('#')
  if (!ESCAPES.test(fragment.join('#'))) return undefined
  if (beforeFragment.startsWith(':')) return undefined
  const scheme = SCHEME.exec(beforeFragment)?.[1] ?? ''
  const afterScheme = scheme === '' ? beforeFragment : beforeFragment.slice(scheme.length + 1)
  const rest = afterScheme.split('?', 1)[0] ?? ''
  const nowhere = { scheme: scheme.toLowerCase(), host: 'localhost', port: LEAFNODE_PORT }
  if (!rest.startsWith('/')) {
    if (scheme !== '') return nowhere
    if (rest.split('/', 1)[0]?.includes(':')) return undefined
  }
  if (!rest.startsWith('//') || (scheme === '' && rest.startsWith('///'))) {
    return ESCAPES.test(rest) ? nowhere : undefined
  }
  const pathAt = rest.indexOf('/', 2)
  const authority = pathAt < 0 ? rest.slice(2) : rest.slice(2, pathAt)
  if (pathAt >= 0 && !ESCAPES.test(rest.slice(pathAt))) return undefined
  return parseAuthority(nowhere.scheme, authority)
}

function parseAuthority(scheme: string, authority: string): RemoteUrl | undefined {
  const at = authority.lastIndexOf('@')
  const address = parseAddress(scheme, authority.slice(at + 1))
  if (address === undefined) return undefined
  const url = { scheme, host: address.host || 'localhost', port: address.port ?? LEAFNODE_PORT }
  if (at < 0) return url
  const userInfo = authority.slice(0, at)
  if (!USER_INFO.test(userInfo) || !ESCAPES.test(userInfo)) return undefined
  const colon = userInfo.indexOf(':')
  if (colon < 0) return userInfo === '' ? url : { ...url, token: percentDecode(userInfo) }
  const pass = percentDecode(userInfo.slice(colon + 1))
  return { ...url, user: percentDecode(userInfo.slice(0, colon)), pass }
}

function parseAddress(
  scheme: string,
  address: string,
): { readonly host: string; readonly port: number | undefined } | undefined {
  if (address.includes('[')) {
    const [, host = '', zone = '', port] =
      /^\[([^%\]]*)(%25[^\]]*)?\](?::(\d*))?$/.exec(address) ?? []
    if (!isIPv6(host)) return undefined
    return { host: host + percentDecode(zone), port: portNumber(port) }
  }
  const isHttp = scheme === 'http' || scheme === 'https'
  const colon = isHttp ? address.indexOf(':') : address.lastIndexOf(':')
  const host = colon < 0 ? address : address.slice(0, colon)
  const port = colon < 0 ? undefined : address.slice(colon + 1)
  if (!HOST.test(host) || (port !== undefined && !/^\d*$/.test(port))) return undefined
  return { host: percentDecode(host), port: portNumber(port) }
}

function portNumber(digits: string | undefined): number | undefined {
  return digits === undefined || digits === '' ? undefined : Number(digits)
}

function percentDecode(text: string): string {
  const toByte = (_: string, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))
  return decodeBytes(encodeBytes(text).replace(/%([\da-f]{2})/gi, toByte))
}

/** For messages: the password is masked, as in nats-server's. */
export function redactUrl(text: string): string {
  return text.trim().replace(/^([^/]*\/\/[^/?#:]*:)[^/?#]*@/, '$1xxxxx@')
}
