import {
  type ConnectionEnd,
  connectEvent,
  disconnectEvent,
  type EventMark,
} from '../../monitor/events/advisories.ts'
import { type GoJsonObject, goJson } from '../../protocol/go-json.ts'
import { goTime } from '../../protocol/go-time.ts'
import { nextNuid } from '../../protocol/nuid.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import { nowNs } from '../accounts/service-measurement.ts'
import {
  connectSubject,
  disconnectSubject,
  type EndPlace,
  type EventSink,
  isHeard,
  latin1Of,
} from './connection-events.ts'
import type { SystemClient } from './system-client.ts'

const AUTH_ERROR_IN_ACCOUNT = '$SYS.ACCOUNT.CLIENT.AUTH.ERR'

export interface SystemEventsOptions {
  /** Of the system account. */
  readonly client: SystemClient
  readonly serverId: string
  readonly serverInfo: () => GoJsonObject
  /** Client of another account, by name; undefined if there is no such account. */
  readonly clientOf: (account: string) => SystemClient | undefined
}

/** How the server ends: nats-server has a subject for each. */
export type ServerEnd = 'shutdown' | 'lameDuck'

/** Publishes events, those that somebody listens to. On the routing worker. */
export class SystemEvents implements EventSink {
  readonly #options: SystemEventsOptions

  constructor(options: SystemEventsOptions) {
    this.#options = options
  }

  hears(subject: string): boolean {
    return isHeard(this.#options.client, subject)
  }

  /** @param make called only if somebody listens */
  publish(
    subject: string,
    make: (mark: EventMark, server: GoJsonObject) => GoJsonObject,
    client: SystemClient = this.#options.client,
  ): void {
    if (!isHeard(client, subject)) return
    const mark = { id: nextNuid(), time: goTime(nowNs()) }
    const payload = Buffer.from(goJson(make(mark, this.#options.serverInfo())))
    client.publish(latin1Of(subject), '', payload)
  }

  connected(client: ClientInfo): void {
    const subject = connectSubject(client.account ?? '')
    this.publish(subject, (mark, server) => connectEvent(mark, server, client))
  }

  disconnected(end: ConnectionEnd): void {
    const subject = disconnectSubject(end.client.account ?? '')
    this.publish(subject, (mark, server) => disconnectEvent(mark, server, end))
  }

  loginFailed(end: ConnectionEnd, { toldAccount, toldReason }: EndPlace): void {
    const { serverId, clientOf } = this.#options
    const client = toldAccount === '' ? undefined : clientOf(toldAccount)
    if (client !== undefined) {
      const told = {
        ...end,
        client: { ...end.client, account: toldAccount },
        reason: toldReason ?? end.reason,
      }
      this.publish(
        AUTH_ERROR_IN_ACCOUNT,
        (mark, server) => disconnectEvent(mark, server, told),
        client,
      )
    }
    const subject = `$SYS.SERVER.${serverId}.CLIENT.AUTH.ERR`
    this.publish(subject, (mark, server) => disconnectEvent(mark, server, end))
  }

  announceEnd(how: ServerEnd): void {
    const { serverId } = this.#options
    const what = how === 'shutdown' ? 'SHUTDOWN' : 'LAMEDUCK'
    this.publish(`$SYS.SERVER.${serverId}.${what}`, (_mark, server) => server)
  }
}
