import { createHash } from 'node:crypto'
import { posix } from 'node:path'

/** All values of each header, in the order they came; names in lower case. */
export type HttpHeaders = ReadonlyMap<string, readonly string[]>

/** RFC 6455, section 1.3. */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const KEY_BYTES = 16
const BASE64_OF_KEY = /^[A-Za-z0-9+/]{22}==$/

const DEFLATE = 'permessage-deflate'
const SERVER_NO_CONTEXT = 'server_no_context_takeover'
const CLIENT_NO_CONTEXT = 'client_no_context_takeover'

/** What both sides say: each message is compressed for itself. */
export const DEFLATE_EXTENSION = `${DEFLATE}; ${SERVER_NO_CONTEXT}; ${CLIENT_NO_CONTEXT}`

/** nats-server's own: both ends agree to send frames unmasked. */
export const NO_MASKING_HEADER = 'Nats-No-Masking'
export const NO_MASKING_VALUE = 'true'

/** Who asks for a path that ends like this is a leaf. */
export const LEAF_PATH_END = '/leafnode'

/** @param path of a remote's URL */
export function leafRequestPath(path: string): string {
  return posix.join('/', path, LEAF_PATH_END)
}

export function acceptKeyOf(key: string): string {
  return createHash('sha1')
    .update(key + KEY_SUFFIX)
    .digest('base64')
}

/** Whether it is the base64 text of 16 bytes. */
export function isWebsocketKey(key: string): boolean {
  return BASE64_OF_KEY.test(key) && Buffer.from(key, 'base64').length === KEY_BYTES
}

/** As node:http gives them: name, value, name, value. */
export function headersOf(raw: readonly string[]): HttpHeaders {
  const headers = new Map<string, string[]>()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [raw[i + 1]!])
    else values.push(raw[i + 1]!)
  }
  return headers
}

/** The first value, '' when there is none. */
export function firstHeader(headers: HttpHeaders, name: string): string {
  return headers.get(name.toLowerCase())?.[0] ?? ''
}

/** Whether a comma-separated list in one of the header's values has the word, in any case. */
export function hasToken(headers: HttpHeaders, name: string, word: string): boolean {
  const values = headers.get(name.toLowerCase()) ?? []
  return values.some((value) => value.split(',').some((token) => isSameWord(token, word)))
}

export function asksForNoMasking(headers: HttpHeaders): boolean {
  return firstHeader(headers, NO_MASKING_HEADER) === NO_MASKING_VALUE
}

/** `plain`: compressed, but with a context that is kept from message to message. */
export type DeflateSupport = 'none' | 'plain' | 'noContextTakeover'

/** What a peer offers or accepts; its first mention of the extension counts. */
export function deflateSupport(headers: HttpHeaders): DeflateSupport {
  for (const list of headers.get('sec-websocket-extensions') ?? []) {
    for (const extension of list.split(',')) {
      const words = extension.split(';')
      const at = words.findIndex((word) => isSameWord(word, DEFLATE))
      if (at < 0) continue
      const parameters = words.slice(at + 1)
      const has = (name: string) => parameters.some((word) => isSameWord(word, name))
      return has(SERVER_NO_CONTEXT) && has(CLIENT_NO_CONTEXT) ? 'noContextTakeover' : 'plain'
    }
  }
  return 'none'
}

function isSameWord(text: string, word: string): boolean {
  return trimBlanks(text).toLowerCase() === word.toLowerCase()
}

export function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}
