import { type Server, startServer } from './server-process.ts'

const CONFIG = `websocket {
  host: "127.0.0.1"
  port: -1
  no_tls: true
}
`

/** Starts a server whose clients are to come over WebSocket. */
export async function startWebsocketServer(command: readonly string[]): Promise<Server> {
  const server = await startServer(command, CONFIG)
  if (server.websocketPort === undefined) {
    await server.stop()
    throw new Error('the server has no port for websockets in its ports file')
  }
  return {
    ...server,
    endpoint: { ...server.endpoint, port: server.websocketPort, isWebsocket: true },
  }
}
