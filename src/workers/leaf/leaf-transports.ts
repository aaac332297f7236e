/**
 * Everything of links that is not plain TCP. Loaded when it is first needed: Node takes tens of
 * milliseconds, and megabytes, for TLS and zlib in each thread.
 */
import type { Connection } from '../../io/connection.ts'
import { WebsocketCodec } from '../../io/websocket/websocket-codec.ts'
import { messageLimits, type WebsocketTerms } from '../../io/websocket/websocket-terms.ts'

export { createClientTls } from '../../io/tls/client-tls.ts'
export { createServerTls } from '../../io/tls/server-tls.ts'
export { upgradeToWebsocket } from '../../io/websocket/client-upgrade.ts'
export { tunnelThrough } from '../../io/websocket/http-proxy.ts'
export { RelaySocket } from '../../io/websocket/relay-socket.ts'
export { tlsFacts } from '../clients/tls-facts.ts'

/** From here on the bytes of a link are in WebSocket frames. */
export function setWebsocketCodec(
  connection: Connection,
  terms: Pick<WebsocketTerms, 'role' | 'compress' | 'noMasking'>,
  maxPayload: number,
): void {
  const limits = messageLimits(maxPayload)
  const codec = new WebsocketCodec(connection, { ...terms, browser: 'none', ...limits })
  connection.setCodec(codec)
}
