import { isIPv6 } from 'node:net'
import { goQuote } from '../protocol/go-quote.ts'
import { decodeBytes, encodeBytes } from './source-cursor.ts'

/** The parts of a URL that matter here, by the rules and in the words of Go's net/url. */
export interface GoUrl {
  /** Lower case; empty when there is none. */
  readonly scheme: string
  /** Without what stands before `@`; unescaped and without brackets. Empty when there is none. */
  readonly host: string
  /** Undefined when the URL gives none. */
  readonly port: number | undefined
  /** Unescaped; `pass` is undefined when there is no colon. */
  readonly userInfo: { readonly user: string; readonly pass: string | undefined } | undefined
  /** Still escaped, without query and fragment; empty when there is none. */
  readonly path: string
}

const NOWHERE: GoUrl = { scheme: '', host: '', port: undefined, userInfo: undefined, path: '' }

export type GoUrlResult = GoUrl | { readonly error: string }

const SCHEME = /^([a-z][-+.a-z\d]*):/i
const USER_INFO = /^[-\w.:~!$&'()*+,;=%@]*$/
/** Bytes a host may show unescaped; beyond ASCII anything goes. */
const HOST = /^(?:[-\w.~!$&'()*+,;=:[\]<>"\u{80}-\u{10ffff}]|%[89a-f][\da-f]|%25)*$/iu
const HOST_START = /^(?:[-\w.~!$&'()*+,;=:[\]<>"\u{80}-\u{10ffff}]|%[89a-f][\da-f]|%25)*/iu
const ESCAPES = /^(?:[^%]|%[\da-f]{2})*$/i

/** The refusal is the text of Go's error, which repeats the URL. */
export function parseGoUrl(url: string): GoUrlResult {
  const [beforeFragment = '', ...fragment] = url.split('#')
  const result = parse(beforeFragment)
  if (typeof result === 'string') return { error: `parse ${goQuote(beforeFragment)}: ${result}` }
  const reason = escapeFault(fragment.join('#'))
  return reason === undefined ? result : { error: `parse ${goQuote(url)}: ${reason}` }
}

/** Without a fragment, and it must be absolute: Go's ParseRequestURI. */
export function parseGoRequestUrl(url: string): GoUrlResult {
  if (url === '*') return { ...NOWHERE, path: url }
  const result = url === '' ? 'empty url' : parse(url, { isRequest: true })
  return typeof result === 'string' ? { error: `parse ${goQuote(url)}: ${result}` } : result
}

function parse(url: string, { isRequest } = { isRequest: false }): GoUrl | string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(url)) return 'net/url: invalid control character in URL'
  if (url.startsWith(':')) return 'missing protocol scheme'
  const scheme = SCHEME.exec(url)?.[1] ?? ''
  const afterScheme = scheme === '' ? url : url.slice(scheme.length + 1)
  const rest = afterScheme.split('?', 1)[0] ?? ''
  const nowhere = { ...NOWHERE, scheme: scheme.toLowerCase() }
  if (!rest.startsWith('/')) {
    if (scheme !== '') return nowhere
    if (isRequest) return 'invalid URI for request'
    if (rest.split('/', 1)[0]?.includes(':')) {
      return 'first path segment in URL cannot contain colon'
    }
  }
  const hasAuthority =
    rest.startsWith('//') && (scheme !== '' || (!isRequest && !rest.startsWith('///')))
  if (!hasAuthority) return escapeFault(rest) ?? { ...nowhere, path: rest }
  const pathAt = rest.indexOf('/', 2)
  const authority = pathAt < 0 ? rest.slice(2) : rest.slice(2, pathAt)
  const path = pathAt < 0 ? '' : rest.slice(pathAt)
  const parsed = parseAuthority(nowhere.scheme, authority)
  if (typeof parsed === 'string') return parsed
  return escapeFault(path) ?? { ...nowhere, ...parsed, path }
}

function parseAuthority(
  scheme: string,
  authority: string,
): Pick<GoUrl, 'host' | 'port' | 'userInfo'> | string {
  const at = authority.lastIndexOf('@')
  const address = parseAddress(scheme, authority.slice(at + 1))
  if (typeof address === 'string') return address
  if (at < 0) return { ...address, userInfo: undefined }
  const text = authority.slice(0, at)
  if (!USER_INFO.test(text)) return 'net/url: invalid userinfo'
  const reason = escapeFault(text)
  if (reason !== undefined) return reason
  const colon = text.indexOf(':')
  const user = percentDecode(colon < 0 ? text : text.slice(0, colon))
  const pass = colon < 0 ? undefined : percentDecode(text.slice(colon + 1))
  return { ...address, userInfo: { user, pass } }
}

function parseAddress(scheme: string, address: string): Pick<GoUrl, 'host' | 'port'> | string {
  if (address.includes('[')) return parseBracketed(address)
  const isHttp = scheme === 'http' || scheme === 'https'
  const colon = isHttp ? address.indexOf(':') : address.lastIndexOf(':')
  const host = colon < 0 ? address : address.slice(0, colon)
  const port = colon < 0 ? '' : address.slice(colon + 1)
  if (!/^\d*$/.test(port)) return `invalid port ${goQuote(`:${port}`)} after host`
  if (!HOST.test(host)) return hostFault(host)
  return { host: percentDecode(host), port: portNumber(port) }
}

function parseBracketed(address: string): Pick<GoUrl, 'host' | 'port'> | string {
  const close = address.lastIndexOf(']')
  if (close < 0) return "missing ']' in host"
  const behind = address.slice(close + 1)
  if (!/^(?::\d*)?$/.test(behind)) return `invalid port ${goQuote(behind)} after host`
  const [, host = '', zone = ''] =
    /^\[([^%\]]*)(%25[^\]]*)?\]$/.exec(address.slice(0, close + 1)) ?? []
  if (!isIPv6(host)) return 'invalid host'
  return { host: host + percentDecode(zone), port: portNumber(behind.slice(1)) }
}

function hostFault(host: string): string {
  const rest = host.slice(HOST_START.exec(host)?.[0].length ?? 0)
  if (rest.startsWith('%')) return `invalid URL escape ${goQuote(rest.slice(0, 3))}`
  return `invalid character ${goQuote(rest.slice(0, 1))} in host name`
}

function escapeFault(text: string): string | undefined {
  if (ESCAPES.test(text)) return undefined
  const [bad = ''] = /%(?![\da-f]{2}).{0,2}/i.exec(text) ?? []
  return `invalid URL escape ${goQuote(bad)}`
}

function portNumber(digits: string): number | undefined {
  return digits === '' ? undefined : Number(digits)
}

function percentDecode(text: string): string {
  const toByte = (_: string, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))
  return decodeBytes(encodeBytes(text).replace(/%([\da-f]{2})/gi, toByte))
}
