import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  acceptKeyOf,
  asksForNoMasking,
  DEFLATE_EXTENSION,
  deflateSupport,
  firstHeader,
  leafRequestPath,
  NO_MASKING_HEADER,
  NO_MASKING_VALUE,
} from '../../protocol/websocket/handshake.ts'
import { readResponseHead } from './http-head.ts'

const KEY_BYTES = 16

export interface UpgradeWish {
  /** For the Host header: `host:port`. */
  readonly host: string
  /** Path of the remote's URL, to which `/leafnode` is added. */
  readonly path: string
  readonly compress: boolean
  readonly noMasking: boolean
  /** From the request to the end of the response's head. */
  readonly timeoutMs: number
}

/** What the other side has agreed to; it may refuse either wish. */
export interface UpgradeAnswer {
  readonly compress: boolean
  readonly noMasking: boolean
  /** First bytes behind the response. */
  readonly head: Buffer
}

/**
 * Asks for a leaf connection by WebSocket. The socket is paused afterwards, and the caller's in any
 * case.
 *
 * @throws Error `invalid websocket connection`, `compression negotiation error`, or what kept the
 *   response from being read
 */
export async function upgradeToWebsocket(
  socket: Socket,
  wish: UpgradeWish,
): Promise<UpgradeAnswer> {
  const key = randomBytes(KEY_BYTES).toString('base64')
  const response = readResponseHead(socket, wish.timeoutMs)
  socket.write(requestText(wish, key))
  const { code, headers, surplus } = await response
  const isHeader = (name: string, value: string) =>
    firstHeader(headers, name).toLowerCase() === value
  const isUpgraded =
    code === 101 && isHeader('Upgrade', 'websocket') && isHeader('Connection', 'upgrade')
  if (!isUpgraded || firstHeader(headers, 'Sec-WebSocket-Accept') !== acceptKeyOf(key)) {
    throw new Error('invalid websocket connection')
  }
  const support = wish.compress ? deflateSupport(headers) : 'none'
  if (support === 'plain') throw new Error('compression negotiation error')
  return {
    compress: support === 'noContextTakeover',
    noMasking: wish.noMasking && asksForNoMasking(headers),
    head: surplus,
  }
}

function requestText({ host, path, compress, noMasking }: UpgradeWish, key: string): string {
  const lines = [
    `GET ${leafRequestPath(path)} HTTP/1.1`,
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
  ]
  if (compress) lines.push(`Sec-WebSocket-Extensions: ${DEFLATE_EXTENSION}`)
  if (noMasking) lines.push(`${NO_MASKING_HEADER}: ${NO_MASKING_VALUE}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}
