import type { Socket } from 'node:net'
import { adoptSocket } from './adopt-socket.ts'
import type { Connection } from './connection.ts'
import { copyInto } from './read-by-copy.ts'
import { takeFirstBytes } from './tls/first-bytes.ts'

/**
 * The connection, which has released this socket, goes on with it; what is in its buffer comes
 * first.
 *
 * @param isHeard false: what the client has sent counts no more
 */
export function goOnInClear(source: Socket, connection: Connection, isHeard = true): void {
  if (source.destroyed) {
    connection.replaceSocket(source)
    return
  }
  const head = takeFirstBytes(source)
  // The handle of a socket that still has to write cannot change hands.
  const isMovable = source.writableLength === 0
  connection.replaceSocket(isMovable ? adoptSocket(source, connection) : source, isMovable)
  if (isHeard && head !== undefined) copyInto(connection, head)
}
