import { BrokerError, type ErrorContext } from './errors.ts'

/**
 * A belief of the program about itself that turned out wrong. Stops the thread; nobody catches it
 * to go on.
 */
export class AssertionError extends BrokerError {
  constructor(message: string, context: ErrorContext = {}) {
    super('BRK_ASSERTION', message, { context })
  }
}

/**
 * Throws AssertionError unless `condition` holds. For mistakes in this program only: what clients,
 * peers and operators can cause is answered with a return value or a BrokerError.
 *
 * @param message says what should hold: `lane position is aligned`
 * @param context numbers for the log; build it only from what is at hand, the call costs even when
 *   all is well
 */
export function assert(
  condition: unknown,
  message: string,
  context?: ErrorContext,
): asserts condition {
  if (!condition) throw new AssertionError(`assertion failed: ${message}`, context)
}
