import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type ByteTarget, readByCopy } from './read-by-copy.ts'
import { readInto } from './tls/read-into.ts'

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
  /** Who has sent all it will send may still wait for the answers. */
  allowHalfOpen: true
  onread: OnRead
}

interface OnRead {
  buffer: () => Uint8Array
  callback: (bytes: number) => boolean
}

function onReadOf(target: ByteTarget): OnRead {
  return {
    buffer: () => target.readTarget(),
    callback: (bytes) => target.onRead(bytes),
  }
}

/**
 * Takes over a socket that was transferred from the main thread, so that it reads straight into
 * shared memory. Where Node's handle is not what we know, the socket is used as it is and every
 * read is copied.
 */
export function adoptSocket(source: Socket, target: ByteTarget): Socket {
  const holder = source as unknown as SocketWithHandle
  const handle = holder._handle
  if (handle === null || typeof handle.readStart !== 'function') {
    readByCopy(source, target)
    return source
  }
  if (typeof handle.useUserBuffer !== 'function') {
    readByCopy(source, target)
    return source
  }
  const options: AdoptOptions = {
    handle,
    readable: true,
    writable: true,
    allowHalfOpen: true,
    onread: onReadOf(target),
  }
  holder._handle = null
  return new Socket(options as object)
}

/** Starts reading from a socket that is not the system's: TLS, or a relay. */
export function readSocket(socket: Duplex, target: ByteTarget): void {
  if (isTls(socket)) readInto(socket, target)
  else readByCopy(socket, target)
}

/** Asked without node:tls, which takes long to load and is not needed by most. */
function isTls(socket: Duplex): socket is TLSSocket {
  return 'encrypted' in socket
}
