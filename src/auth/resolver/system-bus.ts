/** A message of the system account. The bytes are the receiver's to keep. */
export interface SystemMessage {
  /** Literal. */
  readonly subject: string
  /** '' = nobody waits for an answer. */
  readonly reply: string
  /** Header block as on the wire; empty: none. */
  readonly headers: Uint8Array
  readonly payload: Uint8Array
}

/**
 * The server's own client of the system account. What it publishes does not come back to its own
 * subscriptions.
 */
export interface SystemBus {
  /** @returns what ends the subscription */
  subscribe(
    subject: string,
    queue: string | undefined,
    handler: (message: SystemMessage) => void,
  ): () => void
  /** @param reply '' = none */
  publish(subject: string, reply: string, payload: Uint8Array): void
  /** Other servers known to be there; so many are waited for before a JWT counts as not found. */
  otherServers(): number
}
