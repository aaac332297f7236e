import {
  CONNECT_DEFAULTS,
  type ConnectOptions,
  type DecodedConnect,
  decodeConnect,
} from '../../protocol/connect.ts'

/** Different ones that are kept; and the longest text. Chosen. */
const TEXTS_MAX = 64
const TEXT_LENGTH_MAX = 512

/** By the text of CONNECT. */
const known = new Map<string, DecodedConnect>()

/**
 * As decodeConnect. Programs of one kind connect many times with the same words: their connections
 * have one object for all, which saves each of them 400 bytes, and decoding. What may hold a secret
 * is not kept.
 *
 * @param text of CONNECT
 * @param into what an earlier CONNECT of the connection said
 */
export function decodeClientConnect(text: string, into: ConnectOptions): DecodedConnect {
  if (into !== CONNECT_DEFAULTS || text.length > TEXT_LENGTH_MAX) return decodeConnect(text, into)
  const before = known.get(text)
  if (before !== undefined) return before
  const decoded = decodeConnect(text, into)
  if (!decoded.ok || isPersonal(decoded.options)) return decoded
  if (known.size >= TEXTS_MAX) known.clear()
  known.set(text, decoded)
  return decoded
}

function isPersonal({ user, pass, authToken, jwt, nkey, sig }: ConnectOptions): boolean {
  return [user, pass, authToken, jwt, nkey, sig].some((text) => text !== '')
}
