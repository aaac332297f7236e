import type { Options } from '../../config/options.ts'
import type { ServerIdentity } from '../../protocol/server-identity.ts'

/** What every thread is told once: the options, and who this server is. Structured-cloneable. */
export interface ThreadSettings {
  readonly options: Options
  readonly identity: ServerIdentity
  readonly serverName: string
  /** Name of the user that clients without credentials are, '' = none; see needsImplicitUser. */
  readonly implicitUser: string
  /** Address in INFO: where clients connect, with the real port. */
  readonly clientHost: string
  readonly clientPort: number
  readonly leafPort: number
  /** What INFO says to WebSocket clients; port 0 = there is no such listener. */
  readonly websocketHost: string
  readonly websocketPort: number
  /** Memory of HandshakeRate; undefined where clients have no TLS, or no limit. */
  readonly handshakeRate: SharedArrayBuffer | undefined
  /** Memory of rates that connections share, see allocateBudgets. */
  readonly ingressBudgets: SharedArrayBuffer
}
