/**
 * What threads tell the main thread for monitors: plain data, structured-cloneable. Times are Unix
 * milliseconds unless said otherwise, 0 = not yet; counts are since the start of what they count.
 */

/** Messages and their bytes, headers included, without protocol lines. */
export interface Traffic {
  readonly msgs: number
  readonly bytes: number
}

/** One TLS certificate of a peer. */
export interface PeerCertificateReport {
  readonly subject: string
  /** Lower-case hex. */
  readonly spkiSha256: string
  readonly certSha256: string
}

export interface TlsReport {
  /** `1.2`, `1.3`. */
  readonly version: string
  readonly cipherSuite: string
  /** TLS came before INFO. */
  readonly isFirst: boolean
  readonly certificates: readonly PeerCertificateReport[]
}

export interface SubscriptionReport {
  readonly subject: string
  /** '' = plain. */
  readonly queue: string
  readonly sid: string
  readonly msgs: number
  /** 0 = none. */
  readonly max: number
  readonly cid: number
  /** '' in lists of open connections. */
  readonly account: string
  /** As in ConnectionReport; '' where `account` is. */
  readonly accountTag: string
}

/** One connection, open or closed. */
export interface ConnectionReport {
  readonly cid: number
  readonly kind: 'Client' | 'Leafnode'
  /** '' = a leaf link. */
  readonly type: 'nats' | 'websocket' | ''
  readonly ip: string
  readonly port: number
  readonly startMs: number
  readonly lastActivityMs: number
  /** 0 = it is open. */
  readonly stopMs: number
  /** Text of its closed state; '' = it is open. */
  readonly reason: string
  /** 0 = not known; whole microseconds below a millisecond, as nats-server shows it. */
  readonly rttNs: number
  readonly pendingBytes: number
  /** Received from the peer. */
  readonly in: Traffic
  /** Sent to the peer. */
  readonly out: Traffic
  readonly stalls: number
  readonly subscriptions: number
  readonly name: string
  readonly lang: string
  readonly version: string
  readonly tls: TlsReport | undefined
  /** Who it has logged in as; never a secret: a token is `[REDACTED]`. '' = nobody. */
  readonly user: string
  /** `$G` included. */
  readonly account: string
  /** Name in the account's JWT, otherwise that of the account. */
  readonly accountTag: string
  /** '' = none, or whoever has it could be the user. */
  readonly jwt: string
  readonly issuerKey: string
  /** Name in the user's JWT; '' = none. */
  readonly nameTag: string
  readonly tags: readonly string[]
  /** Public key of the trusted proxy it came by; '' = none. */
  readonly proxyKey: string
  /** Only if asked for; of closed connections those it had in the end. */
  readonly subscriptionList?: readonly SubscriptionReport[]
}

export const CONNECTION_SORTS = [
  'cid',
  'start',
  'subs',
  'pending',
  'msgs_to',
  'msgs_from',
  'bytes_to',
  'bytes_from',
  'last',
  'idle',
  'uptime',
  'stop',
  'reason',
  'rtt',
] as const
export type ConnectionSort = (typeof CONNECTION_SORTS)[number]

export type ConnectionState = 'open' | 'closed' | 'all'

/** Which connections, in which order; '' and 0 = any. */
export interface ConnectionQuery {
  readonly sort: ConnectionSort
  readonly state: ConnectionState
  readonly cid: number
  readonly user: string
  readonly account: string
  /** Those with a subscription that a literal subject, or any subject of a pattern, would reach. */
  readonly filterSubject: string
  readonly withSubscriptions: boolean
  /** JWTs and certificates of open connections, which take time to look at, too. */
  readonly withAuth?: boolean
  readonly offset: number
  readonly limit: number
}

/** The first page of all that are open, as nats-server shows it unless told otherwise. */
export const ANY_CONNECTION: ConnectionQuery = {
  sort: 'cid',
  state: 'open',
  cid: 0,
  user: '',
  account: '',
  filterSubject: '',
  withSubscriptions: false,
  offset: 0,
  limit: 1024,
}

export interface ConnectionPage {
  readonly connections: readonly ConnectionReport[]
  /** In this state and account, before the other filters and the paging. */
  readonly total: number
}

export interface KindCounts {
  readonly clients: number
  readonly leafs: number
}

/** Traffic of one account through one thread, connections that have closed included. */
export interface AccountTraffic {
  readonly account: string
  readonly received: Traffic
  readonly sent: Traffic
  readonly leafsReceived: Traffic
  readonly leafsSent: Traffic
  readonly slowConsumers: number
  /** Connections ever. */
  readonly totalConnections: number
  readonly connections: KindCounts
}

/** Counters of one thread. */
export interface ThreadReport {
  readonly thread: number
  readonly role: 'routing' | 'protocol'
  readonly connections: KindCounts
  /** Of all connections, leaf links included. */
  readonly in: Traffic
  readonly out: Traffic
  readonly clientIn: Traffic
  readonly clientOut: Traffic
  readonly slowConsumers: KindCounts
  readonly staleConnections: KindCounts
  /** Times a publisher was made to wait for a slow consumer. */
  readonly stalledClients: number
  readonly planHits: number
  readonly planMisses: number
  readonly laneFull: number
  readonly outOfMemory: number
  readonly accounts: readonly AccountTraffic[]
}

/** The subscription trie, as /subsz shows it. */
export interface SublistReport {
  readonly subscriptions: number
  readonly cached: number
  readonly inserts: number
  readonly removes: number
  readonly matches: number
  readonly cacheHits: number
  readonly fanoutMax: number
  readonly fanoutAverage: number
}
