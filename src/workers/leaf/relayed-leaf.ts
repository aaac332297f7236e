import type { TlsFacts } from '../../auth/login.ts'
import type { RelayFacts } from '../../io/websocket/relay-socket.ts'

/** What the thread that took a leaf link's WebSocket knows of the peer. Structured-cloneable. */
export interface RelayedLeaf extends RelayFacts {
  /** What TLS has shown; undefined without. */
  readonly tls: TlsFacts | undefined
}
