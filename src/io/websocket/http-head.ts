import type { Socket } from 'node:net'
import { timerMs } from '../../base/clock.ts'
import { type HttpHeaders, headersOf } from '../../protocol/websocket/handshake.ts'

/** chosen: more than any proxy or server needs to say yes or no */
const HEAD_BYTES_MAX = 16 * 1024
const HEAD_END = '\r\n\r\n'
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3}(?: .*)?)$/
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/

/** How a peer answers a request, up to the empty line. */
export interface ResponseHead {
  /** Code and text: `407 Proxy Authentication Required`. */
  readonly status: string
  readonly code: number
  readonly headers: HttpHeaders
  /** What came behind it. */
  readonly surplus: Buffer
}

/**
 * Reads the head of a response, and nothing else that might be meant for somebody else: what came
 * with it is given back. Afterwards the socket is paused, and without listeners of ours; in case of
 * an error it is still open.
 *
 * @throws Error `i/o timeout`, `EOF`, `malformed HTTP response …`, or what broke the connection
 */
export function readResponseHead(socket: Socket, timeoutMs: number): Promise<ResponseHead> {
  const { promise, resolve, reject } = Promise.withResolvers<ResponseHead>()
  let received = Buffer.alloc(0)
  const finish = () => {
    clearTimeout(timer)
    socket.pause()
    socket.off('data', onData)
    socket.off('end', onEnd)
    socket.off('close', onEnd)
    socket.off('error', onError)
    // Until somebody else listens: an error nobody listens to would end the process.
    socket.on('error', ignoreError)
  }
  const fail = (why: string) => {
    finish()
    reject(new Error(why))
  }
  const onData = (chunk: Buffer) => {
    const searchFrom = Math.max(0, received.length - HEAD_END.length + 1)
    received = Buffer.concat([received, chunk])
    const end = received.indexOf(HEAD_END, searchFrom, 'latin1')
    if (end < 0) {
      if (received.length > HEAD_BYTES_MAX) fail('malformed HTTP response: too long')
      return
    }
    const head = parseResponseHead(received.toString('latin1', 0, end))
    if (head === undefined) fail('malformed HTTP response')
    else {
      finish()
      resolve({ ...head, surplus: received.subarray(end + HEAD_END.length) })
    }
  }
  const onEnd = () => fail('EOF')
  const onError = (error: Error) => fail(error.message)
  const timer = setTimeout(() => fail('i/o timeout'), timerMs(timeoutMs))
  socket.on('data', onData)
  socket.on('end', onEnd)
  socket.on('close', onEnd)
  socket.on('error', onError)
  socket.resume()
  if (socket.destroyed) fail('EOF')
  return promise
}

function ignoreError(): void {}

function parseResponseHead(text: string): Omit<ResponseHead, 'surplus'> | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const status = STATUS_LINE.exec(first)?.[1]
  if (status === undefined) return undefined
  const raw: string[] = []
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? []
    if (name === undefined || value === undefined) return undefined
    raw.push(name, value)
  }
  return { status, code: Number(status.slice(0, 3)), headers: headersOf(raw) }
}
