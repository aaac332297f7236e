import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { timerMs } from '../../base/clock.ts'
import { endsOf, handshakeError, TlsError } from './tls-error.ts'

/**
 * Waits until a TLS socket has shaken hands and `check` agrees.
 *
 * @param raw the socket below; it ends with the TLS socket
 * @param check what is to be looked at before the peer is believed; throws if it is not
 * @param farewell written to `raw` when the time is over: the peer may not know of TLS
 * @throws TlsError; both sockets are destroyed then, and none of them emits anything any more that
 *   somebody would have to listen for
 */
export async function shakeHands(
  raw: Socket,
  socket: TLSSocket,
  event: 'secure' | 'secureConnect',
  timeoutMs: number,
  check: (socket: TLSSocket) => void,
  farewell?: string,
): Promise<void> {
  try {
    await untilSecure(raw, socket, event, timeoutMs)
    check(socket)
  } catch (error) {
    socket.on('error', ignore)
    raw.on('error', ignore)
    const isLate = error instanceof TlsError && error.kind === 'timeout'
    if (isLate && farewell !== undefined) raw.write(farewell)
    socket.destroy()
    raw.destroy()
    throw error
  }
}

function untilSecure(
  raw: Socket,
  socket: TLSSocket,
  event: 'secure' | 'secureConnect',
  timeoutMs: number,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const ends = endsOf(raw)
  const onSecure = () => resolve()
  const onError = (error: Error) => reject(handshakeError(error, ends))
  const onEnd = () => reject(new TlsError('handshake', 'EOF'))
  const onTimeout = () => reject(new TlsError('timeout', `read tcp ${ends}: i/o timeout`, true))
  const timer = setTimeout(onTimeout, timerMs(timeoutMs))
  socket.once(event, onSecure)
  socket.on('error', onError)
  socket.on('end', onEnd)
  socket.on('close', onEnd)
  return promise.finally(() => {
    clearTimeout(timer)
    socket.off(event, onSecure)
    socket.off('end', onEnd)
    socket.off('close', onEnd)
    socket.off('error', onError)
  })
}

/** The 'close' event follows and says what there is to say. */
function ignore(): void {}
