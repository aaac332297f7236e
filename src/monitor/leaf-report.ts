/** One leaf link, as a monitor shows it. Counts are of this link since it was made. */
export interface LeafLinkReport {
  readonly id: number
  /** Of the server at the other end; '' until it has said. */
  readonly name: string
  readonly serverId: string
  readonly cluster: string
  readonly account: string
  readonly remoteAccount: string
  readonly ip: string
  readonly port: number
  /** This server dialled. */
  readonly isSolicited: boolean
  /** This server has the spoke role. */
  readonly isSpoke: boolean
  readonly isIsolated: boolean
  readonly isWebsocket: boolean
  /** `s2_fast`, `off`, …; '' until it is settled. */
  readonly compression: string
  /** -1 = not measured yet. */
  readonly rttMs: number
  readonly uptimeMs: number
  readonly inMsgs: number
  readonly inBytes: number
  readonly outMsgs: number
  readonly outBytes: number
  /** Bytes that wait to be sent. */
  readonly pendingBytes: number
  /** Messages that were not sent because too much was waiting. */
  readonly droppedMsgs: number
  /** Messages that were not sent because the peer may not have them. */
  readonly filteredMsgs: number
  /** Times the link overran its write deadline and was kept. */
  readonly slowCount: number
  /** Subjects and groups the peer wants, and that it was told of. */
  readonly subscriptions: number
  readonly announced: number
  /** What the peer wants, queue groups behind a blank; only if asked for. */
  readonly subscriptionsList?: readonly string[]
}

/** One entry of `remotes`, also while its hub is out of reach. */
export interface LeafRemoteReport {
  /** `host:port`, those learned from the hub first; no credentials. */
  readonly urls: readonly string[]
  readonly account: string
  readonly state: 'disabled' | 'waiting' | 'dialing' | 'connected'
  /** Id of its link; 0 = there is none. */
  readonly link: number
  /** Failed dials since the last one that was not. */
  readonly failedAttempts: number
  /** Why the last attempt or link ended; '' while all is well. */
  readonly lastError: string
  /** Time to the next attempt; -1 = none is planned. */
  readonly nextAttemptMs: number
}

export interface LeafReport {
  readonly links: readonly LeafLinkReport[]
  readonly remotes: readonly LeafRemoteReport[]
}
