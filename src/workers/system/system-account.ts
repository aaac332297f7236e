import type { SubscriberQuery } from '../../monitor/requests/service-bodies.ts'
import type { GoJsonObject } from '../../protocol/go-json.ts'
import type { Account } from '../accounts/account.ts'
import type { AccountDirectory } from '../accounts/account-directory.ts'
import type { LoginDesk } from '../accounts/login-desk.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import type { MainProxy } from '../threads/main-proxy.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'
import { AccountConnections } from './account-connections.ts'
import { AccountRequests } from './account-requests.ts'
import { Replies } from './replies.ts'
import { ServerRequests } from './server-requests.ts'
import { StatszClock } from './statsz-clock.ts'
import type { SystemClient } from './system-client.ts'
import { SystemEvents } from './system-events.ts'
import { UserInfoService } from './user-info.ts'

export interface SystemAccountOptions {
  readonly thread: IoThread
  /** Of the system account. */
  readonly client: SystemClient
  readonly clientOf: (account: Account) => SystemClient
  readonly directory: AccountDirectory
  readonly desk: LoginDesk
  readonly main: MainProxy
  readonly systemAccount: string
  readonly settings: () => ThreadSettings
  readonly serverInfo: () => GoJsonObject
  readonly countSubscribers: (query: SubscriberQuery) => Promise<number>
}

/** What the server tells, and answers, in the system account. On the routing worker. */
export class SystemAccount {
  readonly events: SystemEvents
  readonly connections: AccountConnections
  readonly clock: StatszClock
  readonly #options: SystemAccountOptions

  constructor(options: SystemAccountOptions) {
    this.#options = options
    const { thread, client, clientOf, directory, main, settings, serverInfo } = options
    const serverId = settings().identity.id
    this.events = new SystemEvents({
      client,
      serverId,
      serverInfo,
      clientOf: (name) => {
        const account = directory.get(name)
        return account && clientOf(account)
      },
    })
    const { events } = this
    this.connections = new AccountConnections({ thread, events, statsOf: this.#statsOf })
    const statsz = () => main.ask('statsz', undefined)
    this.clock = new StatszClock({ thread, client, serverId, serverInfo, statsz })
  }

  readonly #statsOf = async (accounts: readonly string[]) =>
    // Nobody answers before the main thread is ready.
    (await this.#options.main.ask('accountStats', { accounts })) ?? []

  /** The sublist is open. */
  start(): void {
    const { client, directory, desk, main, settings, serverInfo } = this.#options
    const { thread, systemAccount, countSubscribers } = this.#options
    const { clock } = this
    const { log } = thread
    const serverId = settings().identity.id
    const replies = new Replies({ client, settings, serverInfo, log })
    new UserInfoService({ client, directory, desk, serverInfo }).start()
    new ServerRequests({ client, replies, clock, main, log, serverId, settings }).start()
    new AccountRequests({
      client,
      replies,
      main,
      log,
      directory,
      systemAccount,
      serverInfo,
      statsOf: this.#statsOf,
      countSubscribers,
    }).start()
    clock.start()
    // Those whom a predecessor of this thread has let in.
    for (const account of directory.all) {
      if (account.logins.size > 0) this.connections.onChanged(account)
    }
  }
}
