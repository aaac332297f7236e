/** What was slow, as threads tell it to the main thread. Plain data. */

/** One connection. */
export interface SlowParty {
  readonly cid: number
  readonly kind: 'Client' | 'Leafnode'
  readonly name: string
  /** Never a secret: a token is `[REDACTED]`. */
  readonly user: string
  readonly account: string
  readonly ip: string
  readonly port: number
}

/** Messages of one subject that waited for a connection; of much that waited, an estimate. */
export interface SlowSubject {
  readonly subject: string
  readonly msgs: number
  /** Whole frames. */
  readonly bytes: number
}

export type SlowKind =
  /** It was closed. */
  | 'slow_consumer'
  /** A leaf link that overran its write deadline and was kept, because it took something. */
  | 'slow_write'
  /** A publisher was made to wait, because a receiver is slow. */
  | 'stall'
  /** A connection lost messages and lives on. */
  | 'drop'

export type SlowReason = 'max_pending' | 'write_deadline' | 'memory'

/** A receiver that makes others wait; of one in another thread only the cid is known. */
export interface SlowReceiver {
  readonly cid: number
  readonly party: SlowParty | undefined
  readonly pendingBytes: number
  readonly subjects: readonly SlowSubject[]
}

export interface SlowEvent {
  /** Unix milliseconds. */
  readonly timeMs: number
  readonly kind: SlowKind
  readonly reason: SlowReason
  /** Who it happened to: of a stall, the publisher. */
  readonly party: SlowParty
  /** Stalls, or messages lost, since the last event of the kind for this connection. */
  readonly count: number
  readonly pendingBytes: number
  /** Most bytes first. */
  readonly subjects: readonly SlowSubject[]
  /** Of a stall, the receiver that was found slow last. */
  readonly stalledBy: SlowReceiver | undefined
}
