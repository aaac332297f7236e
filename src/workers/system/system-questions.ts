import type { AccountStatReport } from '../../monitor/account-report.ts'
import type { MonitorAnswer, MonitorRequest } from '../../monitor/monitor-answer.ts'
import type { ReloadReport } from '../reload/reload-types.ts'
import type { ServerEnd } from './system-events.ts'

/** Ways to end one connection: closed at once, or told to look for another server. */
export interface EndConnection {
  readonly cid: number
  readonly how: 'kick' | 'lameDuck'
}

/** `notReady`: the client does not understand it, or not yet. */
export type ConnectionEnded = 'done' | 'unknown' | 'notReady'

/** What services of the system account ask of the main thread; see MainQuestions. */
export interface SystemQuestions {
  /** Undefined: there is nothing to be answered. */
  monitor: { ask: MonitorRequest; answer: MonitorAnswer | undefined }
  /** JSON of the server's figures; undefined when they cannot be had. */
  statsz: { ask: undefined; answer: string | undefined }
  /** Of those accounts that there are; of none when it cannot be had. */
  accountStats: {
    ask: { readonly accounts: readonly string[] }
    answer: readonly AccountStatReport[]
  }
  /** Read the configuration again. Answer: what that did, or why it failed. */
  reload: { ask: undefined; answer: ReloadReport | { readonly error: string } }
  endConnection: { ask: EndConnection; answer: ConnectionEnded }
}

/** What the main thread asks for that; see ThreadQuestions. */
export interface SystemThreadQuestions {
  endConnection: { ask: EndConnection; answer: ConnectionEnded }
  /** Tell the system account; answered when it is on its way to who listens. Routing worker. */
  announceEnd: { ask: { readonly how: ServerEnd }; answer: undefined }
}
