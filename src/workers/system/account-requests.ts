import type { SystemMessage } from '../../auth/resolver/system-bus.ts'
import type { Logger } from '../../base/log-line.ts'
import type { AccountStatReport } from '../../monitor/account-report.ts'
import { accountConnectionsEvent } from '../../monitor/events/advisories.ts'
import {
  readConnsRequest,
  readCountRequest,
  type SubscriberQuery,
} from '../../monitor/requests/service-bodies.ts'
import { type GoJsonObject, goJson } from '../../protocol/go-json.ts'
import { goTime } from '../../protocol/go-time.ts'
import { nextNuid } from '../../protocol/nuid.ts'
import { decodeClientInfo } from '../../router/accounts/client-info.ts'
import { headerValue } from '../../router/accounts/message-headers.ts'
import { REQUEST_INFO_HEADER } from '../../router/accounts/request-info.ts'
import type { AccountDirectory } from '../accounts/account-directory.ts'
import { nowNs } from '../accounts/service-measurement.ts'
import type { MainProxy } from '../threads/main-proxy.ts'
import type { Replies } from './replies.ts'
import { outcomeOf } from './server-requests.ts'
import type { SystemClient } from './system-client.ts'

const ENDPOINTS = ['SUBSZ', 'CONNZ', 'LEAFZ', 'JSZ', 'INFO', 'STATZ'] as const
/** Place of the account in `$SYS.REQ.ACCOUNT.<account>.<X>`. */
const ACCOUNT_TOKEN = 3
/** In the place of an account: all of them. */
const PING = 'PING'

export interface AccountRequestsOptions {
  readonly client: SystemClient
  readonly replies: Replies
  readonly main: MainProxy
  readonly log: Logger
  readonly directory: AccountDirectory
  readonly systemAccount: string
  readonly serverInfo: () => GoJsonObject
  readonly statsOf: (accounts: readonly string[]) => Promise<readonly AccountStatReport[]>
  readonly countSubscribers: (query: SubscriberQuery) => Promise<number>
}

/** `$SYS.REQ.ACCOUNT.<account>.<X>`, and counts of subscribers; on the routing worker. */
export class AccountRequests {
  readonly #options: AccountRequestsOptions

  constructor(options: AccountRequestsOptions) {
    this.#options = options
  }

  start(): void {
    const { client } = this.#options
    const listen = (subject: string, onRequest: (request: SystemMessage) => void) =>
      client.subscribe(subject, undefined, onRequest)
    for (const name of ENDPOINTS) {
      listen(`$SYS.REQ.ACCOUNT.*.${name}`, (request) => {
        const account = accountIn(request.subject)
        if (name !== 'STATZ' || account !== PING) this.#onMonitor(name, account, request)
      })
    }
    listen(`$SYS.REQ.ACCOUNT.${PING}.STATZ`, (request) => this.#onMonitor('STATZ', '', request))
    listen('$SYS.REQ.ACCOUNT.*.CONNS', (request) => this.#watch('CONNS', this.#onConns(request)))
    listen('$SYS.REQ.ACCOUNT.NSUBS', (request) => this.#watch('NSUBS', this.#onCount(request)))
    listen('$SYS.DEBUG.SUBSCRIBERS', (request) =>
      this.#watch('SUBSCRIBERS', this.#onDebug(request)),
    )
  }

  #watch(name: string, answering: Promise<void>): void {
    this.#options.replies.watch(name, answering)
  }

  #onMonitor(name: string, account: string, request: SystemMessage): void {
    const { replies, main } = this.#options
    replies.answer(name, request, async ({ payload: body }) =>
      outcomeOf(await main.ask('monitor', { name, body, account })),
    )
  }

  /** As the event of the same name, if the account has connections. */
  async #onConns({ subject, reply, payload }: SystemMessage): Promise<void> {
    const { client, directory, log, serverInfo, statsOf } = this.#options
    const name = accountIn(subject)
    const read = readConnsRequest(payload, name)
    if (!read.ok) {
      log.error(`Error unmarshalling account connections request message: ${read.error}`)
      return
    }
    if (read.account !== name) {
      log.error('Error unmarshalled account does not match subject')
      return
    }
    const account = directory.get(name)
    if (reply === '' || account === undefined || account.logins.size === 0) return
    const [stat] = await statsOf([name])
    if (stat === undefined) return
    const mark = { id: nextNuid(), time: goTime(nowNs()) }
    client.publish(
      reply,
      '',
      Buffer.from(goJson(accountConnectionsEvent(mark, serverInfo(), stat))),
    )
  }

  async #onCount({ reply, payload }: SystemMessage): Promise<void> {
    const { client, directory, log, countSubscribers } = this.#options
    if (payload.length === 0) {
      log.error('request requires a body')
      return
    }
    const read = readCountRequest(payload)
    if (!read.ok) {
      log.error(`Error unmarshalling account nsubs request message: ${read.error}`)
      return
    }
    const account = directory.get(read.query.account)
    if (reply === '' || account === undefined || account.logins.size === 0) return
    client.publish(reply, '', Buffer.from(String(await countSubscribers(read.query))))
  }

  /** `<subject> [<queue>]`, in the account of whoever asks. */
  async #onDebug({ reply, headers, payload }: SystemMessage): Promise<void> {
    const { client, directory, systemAccount, countSubscribers } = this.#options
    if (reply === '') return
    const value = headerValue(headers, REQUEST_INFO_HEADER)
    const info = value === undefined ? {} : decodeClientInfo(value)
    if (info === undefined) return
    const account = info.service || info.account || systemAccount
    if (directory.get(account) === undefined) return
    const [subject = '', queue = ''] = Buffer.from(payload).toString().trim().split(' ')
    const count = await countSubscribers({ account, subject, queue })
    client.publish(reply, '', Buffer.from(String(count)))
  }
}

/** Inside the broker subjects are latin1. */
function accountIn(subject: string): string {
  return Buffer.from(subject.split('.')[ACCOUNT_TOKEN] ?? '', 'latin1').toString()
}
