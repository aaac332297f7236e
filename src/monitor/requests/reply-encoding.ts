import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { headerValue } from '../../router/accounts/message-headers.ts'

/** How the payload of an answer is written; `identity`: what was asked for we have not. */
export type ReplyEncoding = 'none' | 'gzip' | 'snappy' | 'identity'

/** Of a request's headers; nats-server looks for words, not for a list with weights. */
export function acceptedEncoding(headers: Uint8Array): ReplyEncoding {
  if (headers.length === 0) return 'none'
  const value = headerValue(headers, 'Accept-Encoding')
  if (value === undefined || value.length === 0) return 'none'
  const accepted = Buffer.from(value).toString('latin1').toLowerCase()
  if (accepted.includes('snappy') || accepted.includes('s2')) return 'snappy'
  return accepted.includes('gzip') ? 'gzip' : 'identity'
}

/** Both ways of compression take long to load: only who asks for one pays for it. */
export async function encodeReply(
  payload: Uint8Array,
  encoding: ReplyEncoding,
): Promise<Uint8Array> {
  if (encoding === 'gzip') {
    const { gzip } = await import('node:zlib')
    return promisify<Uint8Array, Uint8Array>(gzip)(payload)
  }
  if (encoding === 'snappy') {
    const { snappyChunks } = await import('../../io/s2/snappy-stream.ts')
    const chunks: Buffer[] = []
    for (const chunk of snappyChunks(payload)) {
      chunks.push(chunk)
      await nextTurn()
    }
    return Buffer.concat(chunks)
  }
  return payload
}
