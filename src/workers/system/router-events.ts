import type { Options } from '../../config/options.ts'
import { SYSTEM_ACCOUNT } from '../../config/system-account.ts'
import type { ConnectionEnd } from '../../monitor/events/advisories.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import { type InterestAnnouncer, InternalClient } from '../messages/internal-client.ts'
import { type EndPlace, type EventSink, isHeard } from './connection-events.ts'

/** '' = there is none. */
export function systemAccountName({ noSystemAccount, systemAccount }: Options): string {
  return noSystemAccount ? '' : systemAccount || SYSTEM_ACCOUNT
}

/** Accounts get their numbers in this order; see Security.open. */
function systemAccountNumber(name: string): number {
  return name === GLOBAL_ACCOUNT ? 0 : 1
}

/** A protocol worker's way to the routing worker, which publishes events. */
export class RouterEvents implements EventSink {
  readonly #thread: IoThread
  /** Listens to nothing itself; by it the thread asks who does. */
  readonly #client: InternalClient

  /** @param account name of the system account */
  constructor(thread: IoThread, interest: InterestAnnouncer, account: string) {
    this.#thread = thread
    this.#client = new InternalClient(thread, systemAccountNumber(account), interest)
  }

  hears(subject: string): boolean {
    return isHeard(this.#client, subject)
  }

  connected(client: ClientInfo): void {
    this.#tell({ type: 'connected', client })
  }

  disconnected(end: ConnectionEnd): void {
    this.#tell({ type: 'disconnected', end })
  }

  loginFailed(end: ConnectionEnd, place: EndPlace): void {
    this.#tell({ type: 'loginFailed', end, place })
  }

  #tell(message: Parameters<IoThread['tell']>[1]): void {
    this.#thread.tell(this.#thread.kernel.layout.ROUTER_THREAD, message)
  }
}
