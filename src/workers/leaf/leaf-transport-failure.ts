import { TlsError } from '../../io/tls/tls-error.ts'
import type { ClosedState } from '../../protocol/closed-states.ts'

/** Why there is no transport for a link; the texts are nats-server's. */
export class LeafTransportError extends Error {
  readonly reason: ClosedState

  /** @param text the whole line of the log */
  constructor(text: string, reason: ClosedState) {
    super(text)
    this.name = 'LeafTransportError'
    this.reason = reason
  }
}

export interface TransportFailure {
  readonly text: string
  readonly level: 'error' | 'debug'
  readonly reason: ClosedState
}

/** What the log says of it, and how the link ends. */
export function transportFailure(error: unknown): TransportFailure {
  if (error instanceof LeafTransportError) {
    return { text: error.message, level: 'error', reason: error.reason }
  }
  const why = error instanceof Error ? error.message : String(error)
  const isQuiet = error instanceof TlsError && (error.isProbe || error.kind === 'timeout')
  return {
    text:
      error instanceof TlsError && error.kind === 'timeout'
        ? 'TLS handshake timeout'
        : `TLS leafnode handshake error: ${why}`,
    level: isQuiet ? 'debug' : 'error',
    reason: 'tlsHandshakeFailure',
  }
}
