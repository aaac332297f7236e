import type { Socket } from 'node:net'
import { systemErrorReason } from '../base/errors.ts'
import type { Deadlines } from './deadlines.ts'
import { type ProxyHeader, ProxyHeaderReader } from './proxy-header.ts'
import { startReading } from './tls/first-bytes.ts'
import { endsOf } from './tls/tls-error.ts'

/** For the first bytes, and then as long again for the header; nats-server's. */
const HEADER_TIMEOUT_MS = 5000

/**
 * Reads the PROXY header that a connection may begin with. What comes after it is in the socket's
 * buffer then, where awaitFirstBytes, takeFirstBytes and ServerTls.secure find it.
 *
 * @param socket nobody else reads from it; some of it may be in its buffer
 * @param onDone called once, before anybody else hears of an end of the socket; `gone`: the socket
 *   was closed on this side
 */
export function readProxyHeader(
  socket: Socket,
  deadlines: Deadlines,
  onDone: (header: ProxyHeader | { readonly kind: 'gone' }) => void,
  timeoutMs: number = HEADER_TIMEOUT_MS,
): void {
  const reader = new ProxyHeaderReader()
  const ends = endsOf(socket)
  let isFirstWait = true
  let deadline = deadlines.after(timeoutMs, onTimeout)

  function done(header: Parameters<typeof onDone>[0]): void {
    deadline.cancel()
    socket.off('readable', onReadable)
    socket.off('end', onEnd)
    socket.off('error', onError)
    socket.off('close', onClose)
    onDone(header)
  }

  function waitAgain(): void {
    isFirstWait = false
    deadline.cancel()
    deadline = deadlines.after(timeoutMs, onTimeout)
  }

  function onReadable(): void {
    for (;;) {
      const piece = socket.read() as Buffer | null
      if (piece === null) return
      const read = reader.take(piece)
      if (read !== undefined) {
        if (read.rest.length > 0) socket.unshift(Buffer.from(read.rest))
        done(read.header)
        return
      }
      if (isFirstWait && reader.knowsVersion) waitAgain()
    }
  }

  function onTimeout(): void {
    // Who has said nothing at all is told from who has stopped in the middle: nats-server's way.
    if (reader.isEmpty) done(reader.fail())
    else if (isFirstWait) waitAgain()
    else done(reader.fail(`read tcp ${ends}: i/o timeout`))
  }

  function onEnd(): void {
    done(reader.fail())
  }

  function onError(error: Error): void {
    done(reader.fail(`read tcp ${ends}: read: ${systemErrorReason(error)}`))
  }

  function onClose(): void {
    done({ kind: 'gone' })
  }

  socket.prependListener('end', onEnd)
  socket.prependListener('error', onError)
  socket.prependListener('close', onClose)
  socket.on('readable', onReadable)
  startReading(socket)
  onReadable()
}
