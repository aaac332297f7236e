import { encodeHeaders, findHeader } from '../../protocol/headers.ts'

const CRLF = '\r\n'
/** A block of the version alone. */
const EMPTY_BLOCK = encodeHeaders([]).toString('latin1')

function withoutHeader(lines: readonly string[], name: string): string[] {
  return lines.filter((line, i) => i === 0 || !line.startsWith(`${name}:`))
}

/**
 * The header block with one header set, in the place of any of the same name (case counts), at the
 * end. What else there is stays byte by byte.
 *
 * @param headers whole block with its empty line, or empty: then one is made
 * @param value written as UTF-8; line breaks become blanks, as in Go's http.Header
 * @returns a new block; `headers` is not changed
 */
export function setHeader(headers: Uint8Array, name: string, value: string): Uint8Array {
  const text = headers.length > CRLF.length ? Buffer.from(headers).toString('latin1') : EMPTY_BLOCK
  const lines = withoutHeader(text.slice(0, -2 * CRLF.length).split(CRLF), name)
  const written = Buffer.from(value.replace(/[\r\n]/g, ' ').trim()).toString('latin1')
  lines.push(`${name}: ${written}`, '', '')
  return Buffer.from(lines.join(CRLF), 'latin1')
}

/** Value of the first header with exactly this name as bytes; undefined if there is none. */
export function headerValue(headers: Uint8Array, name: string): Uint8Array | undefined {
  const value = findHeader(headers, 0, headers.length, name)
  return value === undefined ? undefined : Buffer.from(value, 'latin1')
}

/** Headers by canonical name (`X-B3-Traceid`), values as latin1 text in the order they came. */
export type HeaderMap = ReadonlyMap<string, readonly string[]>

const NO_HEADERS: HeaderMap = new Map()
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** As Go's textproto.CanonicalMIMEHeaderKey for names that are HTTP tokens. */
function canonicalName(name: string): string {
  return name
    .split('-')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase())
    .join('-')
}

/**
 * All headers, as Go's textproto reads them: names in any case, lines that begin with a blank
 * continue the one before. Empty for a block it would not take.
 */
export function readHeaders(headers: Uint8Array): HeaderMap {
  const lines = Buffer.from(headers).toString('latin1').split(/\r?\n/)
  const found = new Map<string, string[]>()
  let values: string[] | undefined
  for (const line of lines.slice(1)) {
    if (line === '') break
    if (/^[ \t]/.test(line)) {
      const before = values?.pop()
      if (values === undefined || before === undefined) return NO_HEADERS
      values.push(`${before} ${line.trim()}`.trim())
      continue
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    // A name with a blank in it is kept as it is; anything else that is no token is refused.
    if (colon < 0 || name === '' || !TOKEN.test(name.replaceAll(' ', ''))) return NO_HEADERS
    const key = TOKEN.test(name) ? canonicalName(name) : name
    values = found.get(key) ?? []
    values.push(line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''))
    found.set(key, values)
  }
  return found
}
