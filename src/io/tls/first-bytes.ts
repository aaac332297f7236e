import type { Socket } from 'node:net'
import { timerMs } from '../../base/clock.ts'

/** `gone`: the peer closed the connection, or it broke; the socket is destroyed. */
export type FirstBytes = 'bytes' | 'silence' | 'gone'

/** The part of Node's handle that is needed; not public, so it is tested for before use. */
interface ReadingHandle {
  reading?: boolean
  readStart?: () => unknown
  readStop?: () => unknown
}

/**
 * Waits for the peer's first bytes, for `handshake_first` with a fallback: a peer that sends
 * something shakes hands, a silent one waits for INFO.
 *
 * @param socket nobody reads from it yet; it may have been silent before, or have bytes in its
 *   buffer
 * @returns `bytes`: they are in the socket's buffer, where ServerTls.secure finds them. `silence`:
 *   nothing was read and nothing will be, so that the socket can be adopted as if it were fresh
 */
export async function awaitFirstBytes(socket: Socket, waitMs: number): Promise<FirstBytes> {
  if (socket.readableLength > 0) return 'bytes'
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const onEvent = () => resolve(true)
  const timer = setTimeout(() => resolve(false), timerMs(waitMs))
  const events = ['readable', 'error', 'end', 'close'] as const
  for (const event of events) socket.on(event, onEvent)
  startReading(socket)
  const hasHappened = await promise
  clearTimeout(timer)
  for (const event of events) socket.off(event, onEvent)
  if (socket.readableLength > 0) return 'bytes'
  if (hasHappened || socket.destroyed) {
    socket.on('error', () => {})
    socket.destroy()
    return 'gone'
  }
  stopReading(socket)
  return 'silence'
}

/**
 * Ends the reading that awaitFirstBytes began, and takes what was read, so that the socket can be
 * adopted as if it were fresh.
 */
export function takeFirstBytes(socket: Socket): Buffer | undefined {
  const head = (socket.read() as Buffer | null) ?? undefined
  stopReading(socket)
  return head
}

/** A socket that was silent before believes that it is still being read. */
export function startReading(socket: Socket): void {
  const handle = handleOf(socket)
  if (handle?.reading !== false || typeof handle.readStart !== 'function') return
  handle.reading = true
  handle.readStart()
}

/** Socket.pause() lets one more chunk in, which an adopted handle would not know of. */
function stopReading(socket: Socket): void {
  const handle = handleOf(socket)
  if (typeof handle?.readStop !== 'function') return
  handle.reading = false
  handle.readStop()
}

function handleOf(socket: Socket): ReadingHandle | null {
  return (socket as unknown as { readonly _handle: ReadingHandle | null })._handle
}
