import { BrokerError } from '../../base/errors.ts'

/**
 * Something a resolver could not do. The message is nats-server's, as it stands in replies to
 * administrators and in the log; never a whole token.
 */
export class ResolverError extends BrokerError {
  constructor(message: string, cause?: unknown) {
    super('BRK_RESOLVER', message, cause === undefined ? {} : { cause })
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
