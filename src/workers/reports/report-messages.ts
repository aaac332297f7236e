import type { ConnectionSort, KindCounts } from '../../monitor/reports.ts'
import type { AccountCounts } from './traffic-table.ts'

/** What the main thread and the others say to each other for monitors. */

/** Which open connections; '' and 0 = any. */
export interface ConnectionsAsked {
  readonly sort: ConnectionSort
  /** For uptimes; Unix time. */
  readonly nowMs: number
  readonly cid: number
  readonly user: string
  readonly account: string
  readonly filterSubject: string
  /** How many at most. */
  readonly count: number
}

export interface ConnectionsFound {
  /** Of the account. */
  readonly total: number
  /** Of these, those that pass all filters. */
  readonly matched: number
  /** The first of them, with what they are put in order by. */
  readonly cids: Float64Array
  readonly keys: Float64Array
}

export interface ConnectionReportsAsked {
  readonly cids: Float64Array
  /** Of each the version of its line that the asker has; 0 = none. */
  readonly versions: Float64Array
  readonly withSubscriptions: boolean
  readonly withAuth: boolean
}

/** See open-rows.ts. */
export interface OpenRows {
  /** '' = the asker has it. */
  readonly rows: readonly string[]
  /** Of each its JWT and certificates, if asked for. */
  readonly secrets: readonly string[]
  /** NUMBERS of each. */
  readonly numbers: Float64Array
  /** Of each, if asked for. */
  readonly subscriptionTexts: readonly string[]
}

/** Of one thread's open connections. */
export interface OpenTraffic {
  readonly accounts: readonly AccountCounts[]
  readonly connections: KindCounts
  readonly connectionsOf: readonly (readonly [string, KindCounts])[]
  readonly stallCount: number
}

/** What a thread has found in its plan cache. */
export interface PlanCacheReport {
  readonly cached: number
  /** Subscriptions and queue groups in them. */
  readonly fanoutTotal: number
  readonly fanoutMax: number
}

/** Connections that have closed, see closed-rows.ts, and what they have done. */
export interface ClosedMessage {
  readonly type: 'closed'
  readonly rows: readonly string[]
  readonly traffic: readonly AccountCounts[]
}

/** An account that monitors list. */
export interface KnownAccount {
  readonly name: string
  /** Name in its JWT, otherwise `name`. */
  readonly tag: string
  /** See AccountDirectory. */
  readonly number: number
}
