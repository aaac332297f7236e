import type { ClosedState } from '../../protocol/closed-states.ts'
import type { ServerInfo } from '../../protocol/info.ts'
import type { S2Level } from './compression.ts'

/** Subjects allowed and denied; without `allow` everything that is not denied is allowed. */
export type SubjectPermission = NonNullable<ServerInfo['import']>

/** What the message path needs to know of the server at the other end. */
export type LeafPeer = {
  /** Server name, or its id if it has none. */
  readonly name: string
  readonly serverId: string
  /** Cluster name; '' = none, and then nothing is tagged with an origin. */
  readonly cluster: string
  /** Account at the other end; '' when the peer does not tell. */
  readonly remoteAccount: string
  readonly domain: string
  /** Both ends do headers: HMSG may be written. Otherwise the header block is cut off. */
  readonly headers: boolean
  /** The peer's protocol level: 3 and up understands message tracing. */
  readonly protocol: number
  /** *This* server has the spoke role on the link. */
  readonly isSpoke: boolean
  /** Interest of our other leaf links is kept from this one. */
  readonly isIsolated: boolean
  /**
   * What may be sent to the peer, and what it may send. For what is sent JetStream's denies
   * (isDeniedOnLeaf) come on top.
   */
  readonly outgoing: SubjectPermission
  readonly incoming: SubjectPermission
}

/**
 * The connection under a session. Text has one character per byte (latin1).
 *
 * The owner reads the socket and tells the session (see leaf-operation.ts); it calls `onClosed`
 * when the socket ends by itself and may, but need not, call it after `close`.
 */
export interface LeafLink {
  /**
   * Queues behind everything written before, messages included: interest must precede what it is
   * for.
   */
  write(text: string): void
  /** Sends what was written, then closes. Called once. */
  close(reason: ClosedState): void
  /** Called before the first `subscribe` for this link, and again when permissions change. */
  setPeer(peer: LeafPeer): void
  /**
   * From here on everything is compressed, both ways; what was written before goes out as it is. A
   * later call changes only the level at which this side compresses.
   */
  compress(level: S2Level): void
  /** Bytes of messages that came and went so far, and that wait to go. */
  trafficBytes(): number
  /** Time of the last byte received, on the clock of the session. */
  lastReceivedMs(): number
}

/** The broker's sublist as a leaf link sees it. Keys are unique per link. */
export interface LeafInterestSink<Link = LeafLink> {
  /**
   * Inserts the peer's interest. The same key again replaces the weight.
   *
   * @param weight members of the group behind the link; 1 for a plain subscription
   * @returns false if the sublist is full or the subject has too many tokens
   */
  subscribe(
    link: Link,
    key: string,
    subject: string,
    queue: string | undefined,
    weight: number,
  ): boolean
  unsubscribe(link: Link, key: string): void
}

/** Log of one connection; its owner puts the prefix before each line. */
export interface LeafLog {
  info(text: string): void
  warn(text: string): void
  error(text: string): void
  debug(text: string): void
  trace(text: string): void
  /** False spares the building of trace lines. */
  readonly isTracing: boolean
}

/** This server, as all its leaf links see it. */
export type LeafServer = {
  readonly id: string
  readonly name: string
  readonly version: string
  /** See leafClusterName; '' = none. */
  readonly cluster: string
  readonly domain: string
  readonly headers: boolean
  readonly jetstream: boolean
  /** Protocol level told to peers; 3 and up promises to understand message tracing. */
  readonly protocol: number
}

export type LeafTimes = {
  readonly pingIntervalMs: number
  readonly pingsOutMax: number
}
