/** Headers that ask for a trace, and those by which it goes on at the next server. */
export const TRACE_DEST_HEADER = 'Nats-Trace-Dest'
const TRACE_ONLY_HEADER = 'Nats-Trace-Only'
export const TRACE_HOP_HEADER = 'Nats-Trace-Hop'
const ORIGIN_ACCOUNT_HEADER = 'Nats-Trace-Origin-Account'
const ENCODING_HEADER = 'Accept-Encoding'
const PARENT_HEADER = 'traceparent'
/** Value of the destination that forbids the next server to trace; no subject has a blank. */
export const TRACE_DISABLED = 'trace disabled'

const FIRST_LINE = 'NATS/1.0\r\n'
const CRLF = '\r\n'
const TRUE_VALUES = new Set(['1', 'true', 'on'])
/** W3C: version, trace id, parent id, and flags of which the last bit says that it is sampled. */
const PARENT_FIELDS = 4
const FLAGS = /^[+-]?[0-9a-f]+$/i
const SIGNED_BYTE_MAX = 127

/** How the event is to be encoded; `identity` stands for one that is not known. */
export type TraceEncoding = 'none' | 'gzip' | 'snappy' | 'identity'

/** What a message's headers say about a trace. All text is latin1: one character, one byte. */
export interface TraceRequest {
  /** All headers with a value, names as they were written. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  /** Only `traceparent` asks: where to is for the account to say. */
  readonly isExternal: boolean
  /** '' if `isExternal`. */
  readonly dest: string
  readonly isOnly: boolean
  /** Nats-Trace-Hop of the server before; '' = none. */
  readonly hop: string
  /** The value of a header of nats-server's first traces, which makes it give up; '' = none. */
  readonly originAccount: string
  readonly encoding: TraceEncoding
}

/** As strconv.ParseInt(text, 16, 8) takes it, and its last bit is set. */
function isSampled(flags: string): boolean {
  if (flags.length !== 2 || !FLAGS.test(flags)) return false
  const value = Number.parseInt(flags, 16)
  return Math.abs(value) <= SIGNED_BYTE_MAX && (value & 1) === 1
}

function encodingOf(accepted: string): TraceEncoding {
  const text = accepted.toLowerCase()
  if (text === '') return 'none'
  if (text.includes('snappy') || text.includes('s2')) return 'snappy'
  return text.includes('gzip') ? 'gzip' : 'identity'
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

/** Name and value of each line; a line without a colon is part of the next name, as in Go. */
function* readLines(text: string): Generator<readonly [name: string, value: string]> {
  for (let at = FIRST_LINE.length; at < text.length; ) {
    const colon = text.indexOf(':', at)
    if (colon < 0) return
    let from = colon + 1
    while (from < text.length && isBlank(text[from])) from++
    const end = text.indexOf(CRLF, from)
    if (end < 0) return
    let to = end
    while (to > from && isBlank(text[to - 1])) to--
    if (colon > at && to > from) yield [text.slice(at, colon), text.slice(from, to)]
    at = end + CRLF.length
  }
}

/**
 * What a header block asks for.
 *
 * @param block may be cut off: only whole lines count
 * @returns undefined: no trace
 */
export function readTraceRequest(block: Uint8Array): TraceRequest | undefined {
  const text = Buffer.from(block.buffer, block.byteOffset, block.length).toString('latin1')
  if (!text.startsWith(FIRST_LINE)) return undefined
  const headers = new Map<string, string[]>()
  let hasDest = false
  let hasParent = false
  for (const [name, value] of readLines(text)) {
    if (!hasParent && name.toLowerCase() === PARENT_HEADER) {
      const fields = value.split('-')
      hasParent = fields.length === PARENT_FIELDS && isSampled(fields[PARENT_FIELDS - 1]!)
    } else if (!hasDest && name === TRACE_DEST_HEADER) {
      if (value === TRACE_DISABLED) return undefined
      hasDest = true
    }
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  if (!hasDest && !hasParent) return undefined
  const first = (name: string) => headers.get(name)?.[0] ?? ''
  return {
    headers,
    isExternal: !hasDest,
    dest: first(TRACE_DEST_HEADER),
    isOnly: hasDest && TRUE_VALUES.has(first(TRACE_ONLY_HEADER).toLowerCase()),
    hop: first(TRACE_HOP_HEADER),
    originAccount: first(ORIGIN_ACCOUNT_HEADER),
    encoding: encodingOf(first(ENCODING_HEADER)),
  }
}

export function originAccountText(value: string): string {
  return `Message tracing disabled because of header "${ORIGIN_ACCOUNT_HEADER}" with value=${value}`
}
