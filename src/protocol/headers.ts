/**
 * Header blocks, which stand in front of the payload of HPUB and HMSG:
 *
 *   NATS/1.0[ <status>[ <description>]] CRLF  *( <key>: <value> CRLF )  CRLF
 *
 * Servers carry them without looking; these helpers are for what the server itself reads or writes.
 */
const HEADER_VERSION = 'NATS/1.0'

const VERSION_BYTES = Buffer.from(HEADER_VERSION)
const CR = 13
const LF = 10
const COLON = 58
const SPACE = 32
const STATUS_LINE = /^NATS\/1\.0(?:\s+([0-9]{3})(?:\s+([^\r\n]*))?)?\s*$/

function startsWith(bytes: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from < wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false
  return true
}

function lineEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at + 1 < to; at++) if (bytes[at] === CR && bytes[at + 1] === LF) return at
  return -1
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}

/** Whether [from, to) starts with the version and ends with an empty line. */
export function isHeaderBlock(bytes: Uint8Array, from: number, to: number): boolean {
  return (
    startsWith(bytes, from, to, VERSION_BYTES) &&
    to - from >= VERSION_BYTES.length + 4 &&
    lineEnd(bytes, to - 4, to) === to - 4 &&
    lineEnd(bytes, to - 2, to) === to - 2
  )
}

export type HeaderStatus = { readonly code: number; readonly description: string }

/** Status of the first line, null where there is none (or no header block). */
export function readStatus(bytes: Uint8Array, from: number, to: number): HeaderStatus | null {
  const end = lineEnd(bytes, from, to)
  const found = end < 0 ? null : STATUS_LINE.exec(latin1(bytes, from, end))
  if (found?.[1] === undefined) return null
  return { code: Number(found[1]), description: (found[2] ?? '').trim() }
}

/**
 * Value of the first header with exactly this key (case counts), without leading spaces; as latin1
 * text, so that every byte survives. The block [from, to) may be broken: then nothing is found.
 */
export function findHeader(
  bytes: Uint8Array,
  from: number,
  to: number,
  key: string,
): string | undefined {
  const wanted = Buffer.from(key, 'latin1')
  let end = lineEnd(bytes, from, to)
  while (end >= 0) {
    const line = end + 2
    end = lineEnd(bytes, line, to)
    const colon = line + wanted.length
    if (end <= colon - 1 || bytes[colon] !== COLON || !startsWith(bytes, line, end, wanted))
      continue
    let value = colon + 1
    while (value < end && bytes[value] === SPACE) value++
    return latin1(bytes, value, end)
  }
  return undefined
}

export type Header = readonly [key: string, value: string]

/** @param status `503` or `503 No Responders`, '' for none. Texts are written as UTF-8. */
export function encodeHeaders(headers: Iterable<Header>, status = ''): Buffer {
  let text = status === '' ? HEADER_VERSION : `${HEADER_VERSION} ${status}`
  for (const [key, value] of headers) text += `\r\n${key}: ${value}`
  return Buffer.from(`${text}\r\n\r\n`)
}

/** The message without its header block: what a connection without header support is given. */
export function stripHeaders(message: Uint8Array, headerBytes: number): Uint8Array {
  if (headerBytes < 0 || headerBytes > message.length) {
    throw new RangeError(
      `header block must lie in the message: headerBytes=${headerBytes}, ` +
        `messageBytes=${message.length}`,
    )
  }
  return message.subarray(headerBytes)
}

const NO_RESPONDERS_FIXED_BYTES = `${HEADER_VERSION} 503\r\nNats-Subject: \r\n\r\n`.length

/**
 * The whole line and block that tells a requester that nobody listens. Always with Nats-Subject:
 * the short form of old servers is never sent.
 *
 * @param replySubject reply subject of the request, as the requester wrote it
 * @param sid the requester's subscription that receives it
 * @param subject subject of the request, after mapping
 */
export function noResponders(
  replySubject: Uint8Array,
  sid: Uint8Array,
  subject: Uint8Array,
): Buffer {
  const size = NO_RESPONDERS_FIXED_BYTES + subject.length
  return Buffer.concat([
    Buffer.from('HMSG '),
    replySubject,
    Buffer.from(' '),
    sid,
    Buffer.from(` ${size} ${size}\r\n${HEADER_VERSION} 503\r\nNats-Subject: `),
    subject,
    Buffer.from('\r\n\r\n\r\n'),
  ])
}
