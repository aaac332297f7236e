import { isIP } from 'node:net'
import {
  acceptKeyOf,
  asksForNoMasking,
  DEFLATE_EXTENSION,
  deflateSupport,
  firstHeader,
  type HttpHeaders,
  hasToken,
  isWebsocketKey,
  LEAF_PATH_END,
  NO_MASKING_HEADER,
  NO_MASKING_VALUE,
  trimBlanks,
} from './handshake.ts'
import { type OriginPolicy, originRefusal } from './origin.ts'

const MQTT_PATH_END = '/mqtt'

/** Head of a request, as it came. */
export interface UpgradeRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: HttpHeaders
}

export interface UpgradePolicy extends OriginPolicy {
  /** The listener speaks TLS. */
  readonly isTls: boolean
  readonly compression: boolean
  /** Whole lines for the response, each with its line end. */
  readonly responseHeaders: string
}

/** What the two ends have agreed on. */
export interface Upgrade {
  readonly kind: 'client' | 'leaf'
  readonly compress: boolean
  readonly noMasking: boolean
  /** The whole response head. */
  readonly response: string
}

export type UpgradeVerdict =
  | { readonly ok: true; readonly upgrade: Upgrade }
  /** `reason` is for the log: `websocket handshake error: <reason>`. */
  | { readonly ok: false; readonly status: 400 | 403 | 404 | 405; readonly reason: string }

/** The checks of nats-server, in its order, with its words. */
export function checkUpgrade(request: UpgradeRequest, policy: UpgradePolicy): UpgradeVerdict {
  const { method, headers } = request
  const path = pathOf(request.target)
  const refuse = (reason: string, status: 400 | 403 | 404 | 405 = 400) =>
    ({ ok: false, status, reason }) as const
  if (path.endsWith(MQTT_PATH_END)) return refuse('mqtt websocket endpoint not enabled', 404)
  if (method !== 'GET') return refuse('request method must be GET', 405)
  const host = firstHeader(headers, 'host')
  if (host === '') return refuse("'Host' missing in request")
  if (!hasToken(headers, 'upgrade', 'websocket')) {
    return refuse("invalid value for header 'Upgrade'")
  }
  if (!hasToken(headers, 'connection', 'upgrade')) {
    return refuse("invalid value for header 'Connection'")
  }
  const key = firstHeader(headers, 'sec-websocket-key')
  if (key === '') return refuse('key missing')
  if (!isWebsocketKey(key)) return refuse('invalid websocket key')
  if (!hasToken(headers, 'sec-websocket-version', '13')) return refuse('invalid version')
  const origin = originRefusal(headers, host, policy.isTls, policy)
  if (origin !== undefined) return refuse(`origin not allowed: ${origin}`, 403)

  const compress = policy.compression && deflateSupport(headers) !== 'none'
  const noMasking = asksForNoMasking(headers)
  return {
    ok: true,
    upgrade: {
      kind: path.endsWith(LEAF_PATH_END) ? 'leaf' : 'client',
      compress,
      noMasking,
      response: upgradeResponse(key, compress, noMasking, policy.responseHeaders),
    },
  }
}

/** Path of a request target, which may also be a whole URL. */
function pathOf(target: string): string {
  const path = target.replace(/[?#].*$/s, '')
  return path.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*/, '')
}

function upgradeResponse(key: string, compress: boolean, noMasking: boolean, more: string): string {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptKeyOf(key)}`,
  ]
  if (compress) lines.push(`Sec-WebSocket-Extensions: ${DEFLATE_EXTENSION}`)
  if (noMasking) lines.push(`${NO_MASKING_HEADER}: ${NO_MASKING_VALUE}`)
  return `${lines.join('\r\n')}\r\n${more}\r\n`
}

/** For UpgradePolicy.responseHeaders. Names were checked with the options. */
export function responseHeaderLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

/** Address of the client as a proxy told it; '' when it did not, or told no address. */
export function forwardedIp(headers: HttpHeaders): string {
  const text = firstHeader(headers, 'x-forwarded-for')
  return isIP(text) === 0 || text.includes('%') ? '' : text
}

/** How a web browser has to be treated. */
export interface BrowserTraits {
  /** Frames are kept short for it. */
  readonly isBrowser: boolean
  /** Safari does not understand a compressed message of several frames. */
  readonly isSafari: boolean
}

export function browserTraits(headers: HttpHeaders): BrowserTraits {
  const agent = firstHeader(headers, 'user-agent')
  return {
    isBrowser: agent.startsWith('Mozilla/'),
    // Chrome also says Safari/, but not Version/.
    isSafari: agent.includes('Version/') && agent.includes('Safari/'),
  }
}

/** Names of the cookies that stand in for what CONNECT leaves out; '' = none. */
export interface CookieNames {
  readonly jwtCookie: string
  readonly userCookie: string
  readonly passCookie: string
  readonly tokenCookie: string
}

export interface CookieCredentials {
  readonly jwt: string
  readonly user: string
  readonly pass: string
  readonly token: string
}

/** @returns undefined when none of the cookies is there */
export function cookieCredentials(
  headers: HttpHeaders,
  { jwtCookie, userCookie, passCookie, tokenCookie }: CookieNames,
): CookieCredentials | undefined {
  const fields = new Map([
    [tokenCookie, 'token'],
    [passCookie, 'pass'],
    [userCookie, 'user'],
    [jwtCookie, 'jwt'],
  ] as const)
  const found = { jwt: '', user: '', pass: '', token: '' }
  let isAny = false
  for (const [name, value] of cookies(headers)) {
    const field = fields.get(name)
    if (field === undefined) continue
    found[field] = value
    isAny = true
  }
  return isAny ? found : undefined
}

const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 6265, section 4.1.1, and blanks and commas, which Go lets through. */
const COOKIE_VALUE = /^[\x20-\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*$/

/** Name and value of each well-formed cookie; quotes around a value are not part of it. */
function cookies(headers: HttpHeaders): [string, string][] {
  const found: [string, string][] = []
  for (const line of headers.get('cookie') ?? []) {
    for (const part of line.split(';')) {
      const text = trimBlanks(part)
      const equals = text.indexOf('=')
      const name = trimBlanks(equals < 0 ? text : text.slice(0, equals))
      const quoted = equals < 0 ? '' : text.slice(equals + 1)
      const value = /^".*"$/.test(quoted) && quoted.length > 1 ? quoted.slice(1, -1) : quoted
      if (COOKIE_NAME.test(name) && COOKIE_VALUE.test(value)) found.push([name, value])
    }
  }
  return found
}
