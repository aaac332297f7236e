import { goQuote } from '../protocol/go-quote.ts'
import { parseGoRequestUrl } from './go-url.ts'
import { isOperatorMode, noAuthUserFault } from './operator-checks.ts'
import type { Options } from './option-types.ts'

const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'connection',
  'upgrade',
  'nats-no-masking',
])

/** What keeps the broker from starting, in nats-server's words; without a port nothing does. */
export function websocketFault(options: Options): string | undefined {
  const { websocket } = options
  if (websocket.port === 0) return undefined
  if (websocket.tls === undefined && !websocket.noTls) return 'websocket requires TLS configuration'
  for (const origin of websocket.allowedOrigins) {
    const fault = originFault(origin)
    if (fault !== undefined) return fault
  }
  const userFault = noAuthUserFault(options, websocket.noAuthUser) ?? loginFault(options)
  if (userFault !== undefined) return userFault
  if (websocket.jwtCookie !== '' && !isOperatorMode(options)) {
    return (
      'trusted operators or trusted keys configuration is required for JWT authentication via ' +
      `cookie ${goQuote(websocket.jwtCookie)}`
    )
  }
  return Object.entries(websocket.headers)
    .map(([name, value]) => headerFault(name, value))
    .find((fault) => fault !== undefined)
}

function loginFault({ users, nkeys, websocket }: Options): string | undefined {
  if (users.length + nkeys.length === 0) return undefined
  const { user, token } = websocket.authorization
  const start = 'websocket authentication'
  const end = 'not compatible with presence of users/nkeys'
  if (user !== '') return `${start} username ${end}`
  return token === '' ? undefined : `${start} token ${end}`
}

function originFault(origin: string): string | undefined {
  const start = 'unable to parse allowed origin'
  const url = parseGoRequestUrl(origin)
  if ('error' in url) return `${start}: ${url.error}`
  if (url.scheme !== 'http' && url.scheme !== 'https') {
    const text = 'allowed origins must be absolute URLs with http or https scheme'
    return `${start} ${goQuote(origin)}: ${text}`
  }
  return url.host === '' && url.port === undefined
    ? `${start} ${goQuote(origin)}: host is required`
    : undefined
}

/** A token of RFC 9110; anything else would break the answer to the handshake. */
const HEADER_NAME = /^[-!#$%&'*+.^_`|~\dA-Za-z]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const UNFIT_IN_HEADER_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/

function headerFault(name: string, value: string): string | undefined {
  const lowered = name.toLowerCase()
  const start = `websocket: invalid header ${goQuote(name)}`
  if (RESERVED_HEADERS.has(lowered)) return `${start} not allowed`
  if (lowered.startsWith('sec-websocket-')) return `${start}, "Sec-WebSocket-" prefix not allowed`
  if (!HEADER_NAME.test(name)) return `${start}: not a header name`
  return UNFIT_IN_HEADER_VALUE.test(value) ? `${start}: control character in value` : undefined
}
