import { goQuote } from '../go-quote.ts'
import { firstHeader, type HttpHeaders } from './handshake.ts'

/** `scheme://host:port` of a web page that may connect. */
export interface AllowedOrigin {
  readonly scheme: string
  readonly host: string
  readonly port: string
}

export interface OriginPolicy {
  readonly sameOrigin: boolean
  readonly allowed: readonly AllowedOrigin[]
}

/** @param texts absolute URLs, checked when the options were read; others allow nothing */
export function allowedOrigins(texts: readonly string[]): AllowedOrigin[] {
  return texts.flatMap((text) => {
    const origin = parseOrigin(text)
    return 'why' in origin ? [] : [origin]
  })
}

/**
 * Whether a page of that origin may connect to this host. Programs that are no browsers send no
 * origin and are let in: they could claim any.
 *
 * @returns why not, undefined when it may
 */
export function originRefusal(
  headers: HttpHeaders,
  host: string,
  isTls: boolean,
  { sameOrigin, allowed }: OriginPolicy,
): string | undefined {
  if (!sameOrigin && allowed.length === 0) return undefined
  const text = firstHeader(headers, 'origin') || firstHeader(headers, 'sec-websocket-origin')
  if (text === '') return undefined
  const origin = parseOrigin(text)
  if ('why' in origin) return origin.why
  if (sameOrigin) {
    const own = splitPlace(host, isTls)
    if (own === undefined) return `address ${host}: invalid host`
    const isSame = origin.host === own.host && origin.port === own.port
    if (!isSame || origin.scheme !== (isTls ? 'https' : 'http')) return 'not same origin'
  }
  const isAllowed = (other: AllowedOrigin) =>
    other.host === origin.host && other.port === origin.port && other.scheme === origin.scheme
  return allowed.length === 0 || allowed.some(isAllowed) ? undefined : 'not in the allowed list'
}

function parseOrigin(text: string): AllowedOrigin | { readonly why: string } {
  const [, scheme, authority] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)/.exec(text) ?? []
  const why = `parse ${goQuote(text)}: invalid URI for request`
  if (scheme === undefined || authority === undefined) return { why }
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const place = splitPlace(host, scheme.toLowerCase() === 'https')
  return place === undefined ? { why } : { scheme: scheme.toLowerCase(), ...place }
}

/** Host in lower case, and port, by default that of the scheme. */
function splitPlace(place: string, isTls: boolean): { host: string; port: string } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(place) ?? []
  const host = bracketed ?? plain
  if (host === undefined) return undefined
  return { host: host.toLowerCase(), port: port ?? (isTls ? '443' : '80') }
}
