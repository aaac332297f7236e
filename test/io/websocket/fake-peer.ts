import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A server that answers the first request of each connection; ends with the test. */
export async function answering(
  t: TestContext,
  answer: (request: string, socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let request = ''
    const onData = (chunk: Buffer) => {
      request += chunk.toString('latin1')
      if (!request.endsWith('\r\n\r\n')) return
      socket.off('data', onData)
      answer(request, socket)
    }
    socket.on('data', onData)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

export async function dial(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}
