import type { AccountReport, ImportReport } from '../../monitor/account-report.ts'
import type { SubscriptionPage, SubscriptionQuery } from '../../monitor/monitor-source.ts'
import type {
  ConnectionReportsAsked,
  ConnectionsAsked,
  ConnectionsFound,
  KnownAccount,
  OpenRows,
  OpenTraffic,
  PlanCacheReport,
} from './report-messages.ts'

/** What monitors ask of threads; see ThreadQuestions. */
export interface ReportQuestions {
  findConnections: { ask: ConnectionsAsked; answer: ConnectionsFound }
  /** Those that have closed meanwhile are missing. */
  reportConnections: { ask: ConnectionReportsAsked; answer: OpenRows }
  openTraffic: { ask: undefined; answer: OpenTraffic }
  /** Of an account, by number; undefined = of all. */
  planCache: { ask: { readonly account: number | undefined }; answer: PlanCacheReport }
  /** Answers that services of an account, by number, owe to requesters of the thread. */
  responses: {
    ask: { readonly account: number }
    answer: readonly (readonly [string, ImportReport])[]
  }
  // These are the routing worker's.
  /** Logins refused because their account is not among those that are pinned. */
  pinnedAccountFails: { ask: undefined; answer: number }
  subscriptions: { ask: SubscriptionQuery; answer: SubscriptionPage }
  accounts: { ask: undefined; answer: readonly KnownAccount[] }
  /** Without what other threads know; undefined = there is none of that name. */
  account: {
    ask: { readonly name: string }
    answer:
      | Omit<AccountReport, 'clients' | 'leafs' | 'subscriptions' | 'sublist' | 'responses'>
      | undefined
  }
}
