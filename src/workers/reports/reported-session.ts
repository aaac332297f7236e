import type { TlsFacts } from '../../auth/login.ts'
import type { Connection } from '../../io/connection.ts'
import type { ConnectionReport } from '../../monitor/reports.ts'

/** Who a connection is, as far as its session knows. */
export interface SessionFacts
  extends Pick<
    ConnectionReport,
    | 'kind'
    | 'type'
    | 'name'
    | 'lang'
    | 'version'
    | 'user'
    | 'account'
    | 'accountTag'
    | 'jwt'
    | 'issuerKey'
    | 'nameTag'
    | 'tags'
    | 'proxyKey'
  > {
  /** The JWT is here whole, bearer or not. */
  readonly jwt: string
  readonly tls: TlsFacts | undefined
  readonly isTlsFirst: boolean
}

/** A connection's session, as monitors look at it. */
export interface ReportedSession {
  readonly connection: Connection
  /** Unix time. */
  readonly startMs: number
  /** False for a leaf link whose handshake is not done: nobody is shown it. */
  readonly isListed: boolean
  readonly accountName: string
  /** 0 = not known. */
  readonly rttNs: number
  readonly subscriptionCount: number
  reportFacts(): SessionFacts
  /** See subscriptionLine; of so many at most. */
  subscriptionText(max: number): string
  /** Whether one of its subscriptions would get some of what a subject or pattern names; UTF-8. */
  isInterestedIn(subject: string): boolean
}
