import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Connection } from './connection.ts'

/** The part of Node's handle that is needed; not public, so it is tested for before use. */
interface TcpHandle {
  readStart?: unknown
  useUserBuffer?: unknown
}

interface SocketWithHandle {
  _handle: TcpHandle | null
}

/** Options of net.Socket that Node has, but @types/node does not list. */
interface AdoptOptions {
  handle: TcpHandle
  readable: true
  writable: true
  onread: OnRead
}

interface OnRead {
  buffer: () => Uint8Array
  callback: (bytes: number) => boolean
}

function onReadOf(connection: Connection): OnRead {
  return {
    buffer: () => connection.readTarget(),
    callback: (bytes) => connection.onRead(bytes),
  }
}

/**
 * Takes over a socket that was transferred from the main thread, so that it reads straight into
 * shared memory. Where Node's handle is not what we know, the socket is used as it is and every
 * read is copied.
 */
export function adoptSocket(source: Socket, connection: Connection): Socket {
  const holder = source as unknown as SocketWithHandle
  const handle = holder._handle
  if (handle === null || typeof handle.readStart !== 'function') {
    return readByCopy(source, connection)
  }
  if (typeof handle.useUserBuffer !== 'function') return readByCopy(source, connection)
  const options: AdoptOptions = {
    handle,
    readable: true,
    writable: true,
    onread: onReadOf(connection),
  }
  holder._handle = null
  return new Socket(options as object)
}

/** For sockets that are none of the system's (TLS, a relay): every read is copied. */
export function readByCopy<S extends Duplex>(socket: S, connection: Connection): S {
  socket.on('data', (chunk: Buffer) => copyToConnection(chunk, connection))
  return socket
}

/** Of bytes that were read already; they may be more than one read of the connection takes. */
export function copyToConnection(chunk: Buffer, connection: Connection): void {
  let from = 0
  while (from < chunk.length && connection.isOpen) {
    const target = connection.readTarget()
    const count = Math.min(target.length, chunk.length - from)
    chunk.copy(target, 0, from, from + count)
    from += count
    // What was read already cannot be put back: it goes on although the connection asked to wait.
    connection.onRead(count)
  }
}
