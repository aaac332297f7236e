import type { Options } from '../config/option-types.ts'
import type { AccountReport, AccountStatReport } from './account-report.ts'
import type { LeafReport } from './leaf-report.ts'
import type {
  ConnectionPage,
  ConnectionQuery,
  SublistReport,
  SubscriptionReport,
  ThreadReport,
} from './reports.ts'

/** Ports that are listened on; 0 = none of this kind. */
export interface ServerPorts {
  readonly client: number
  readonly leaf: number
  readonly websocket: number
}

/** Ends of the certificates in use, in Unix milliseconds; 0 = no TLS. */
export interface CertificateEnds {
  readonly client: number
  readonly leaf: number
  readonly websocket: number
}

/** What the main thread knows of the server without asking anybody. */
export interface ServerFacts {
  readonly id: string
  readonly name: string
  /** As INFO has them. */
  readonly version: string
  readonly gitCommit: string
  readonly go: string
  readonly protocol: number
  /** Where clients are told to connect. */
  readonly host: string
  readonly port: number
  /** Address that INFO gives besides; '' = none. */
  readonly ip: string
  readonly connectUrls: readonly string[]
  readonly websocketConnectUrls: readonly string[]
  readonly isAuthRequired: boolean
  readonly isTlsRequired: boolean
  readonly isTlsVerified: boolean
  /** Those in force now, after any reload. */
  readonly options: Options
  readonly ports: ServerPorts
  readonly startMs: number
  readonly configLoadMs: number
  /** `sha256:…`; '' without a configuration file. */
  readonly configDigest: string
  /** '' = there is none. */
  readonly systemAccount: string
  readonly certificateEnds: CertificateEnds
  /** Main thread and workers. */
  readonly threadCount: number
  /** Clients since the start; leaf links are not in it. */
  readonly totalConnections: number
}

/** Of the whole process. */
export interface ProcessUsage {
  readonly rssBytes: number
  /** Of one core: 150 = one and a half of them. Since about a second before it was asked for. */
  readonly cpuPercent: number
}

/** '' and 0 = any. */
export interface SubscriptionQuery {
  readonly account: string
  /** Literal subject; only subscriptions that get what is published there. */
  readonly test: string
  readonly offset: number
  readonly limit: number
}

export interface SubscriptionPage {
  readonly subscriptions: readonly SubscriptionReport[]
  /** That match, before the paging. */
  readonly total: number
}

/**
 * Everything that monitors show. Endpoints only arrange it; nothing here knows JSON. What is asked
 * of threads waits for the slowest; a thread that is being replaced is left out.
 */
export interface MonitorSource {
  server(): ServerFacts
  usage(): ProcessUsage
  threads(): Promise<readonly ThreadReport[]>
  /** Undefined: there is no such account. */
  connections(query: ConnectionQuery): Promise<ConnectionPage | undefined>
  leafs(withSubscriptions: boolean): Promise<LeafReport>
  /** Of all accounts: what `sublist('')` tells of them, at no cost. */
  subscriptionCount(): number
  /** Of one account, '' = of all of them together; zeros for one that is not there. */
  sublist(account: string): Promise<SublistReport>
  /** In the order of their accounts, then subjects. */
  subscriptions(query: SubscriptionQuery): Promise<SubscriptionPage>
  /** Names. */
  accounts(): Promise<readonly string[]>
  /** All of them, those without connections included. */
  accountStats(): Promise<readonly AccountStatReport[]>
  /** Undefined: there is no such account. */
  account(name: string): Promise<AccountReport | undefined>
  /** Logins refused because their account is not among those that are pinned. */
  pinnedAccountFails(): Promise<number>
  /** Listeners that do not accept connections, though they should: `server`, `leafnode`, … */
  notReady(): readonly string[]
}
