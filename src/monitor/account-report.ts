import type { SublistReport, Traffic } from './reports.ts'

/** What /accountz shows of one account: plain data, times in Unix milliseconds. */

export interface MappingDestinationReport {
  readonly subject: string
  /** Percent, added up over the destinations so far. */
  readonly weight: number
  /** '' = in every cluster. */
  readonly cluster: string
}

export interface MappingReport {
  readonly source: string
  readonly destinations: readonly MappingDestinationReport[]
}

export interface ServiceLatencyReport {
  /** Percent of the requests; 0 = those whose headers ask for it. */
  readonly sampling: number
  readonly subject: string
}

export interface ExportReport {
  readonly type: 'stream' | 'service'
  readonly subject: string
  readonly needsToken: boolean
  /** `Singleton`, `Stream`, `Chunked`; '' for streams. */
  readonly responseType: string
  readonly latency: ServiceLatencyReport | undefined
  /** Names of accounts; empty = no list. */
  readonly approvedAccounts: readonly string[]
  /** Activations issued before this time are void, by account. */
  readonly revokedActivations: ReadonlyMap<string, number>
}

export interface ImportReport {
  readonly type: 'stream' | 'service'
  /** Of the exporter. */
  readonly subject: string
  /** The exporting account. */
  readonly account: string
  /** In the importing account. */
  readonly localSubject: string
  readonly isInvalid: boolean
  readonly isShared: boolean
  readonly isTracked: boolean
  readonly latency: ServiceLatencyReport | undefined
}

export interface ClaimIssueReport {
  readonly description: string
  readonly isBlocking: boolean
  readonly isTimeCheck: boolean
}

export interface AccountReport {
  readonly name: string
  readonly updatedMs: number
  readonly isSystem: boolean
  readonly isExpired: boolean
  readonly isComplete: boolean
  readonly leafs: number
  readonly clients: number
  readonly subscriptions: number
  readonly mappings: readonly MappingReport[]
  readonly exports: readonly ExportReport[]
  readonly imports: readonly ImportReport[]
  /** '' = it does not come from a JWT; the claims in it are decoded by the endpoint. */
  readonly jwt: string
  readonly issuerKey: string
  readonly nameTag: string
  readonly tags: readonly string[]
  readonly issues: readonly ClaimIssueReport[]
  /** Users whose JWTs were issued before this time may not log in, by public key. */
  readonly revokedUsers: ReadonlyMap<string, number>
  readonly sublist: SublistReport
  /** Replies that services of this account still owe, by reply subject. */
  readonly responses: ReadonlyMap<string, ImportReport>
}

/** Figures of one account over all threads, as /accstatz shows them. */
export interface AccountStatReport {
  readonly account: string
  /** Name in the account's JWT, otherwise that of the account. */
  readonly name: string
  readonly clients: number
  readonly leafs: number
  /** Clients and leaf links now. */
  readonly totalConnections: number
  readonly subscriptions: number
  readonly sent: Traffic
  readonly received: Traffic
  readonly leafsSent: Traffic
  readonly leafsReceived: Traffic
  readonly slowConsumers: number
}
