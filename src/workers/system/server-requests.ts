import type { SystemMessage } from '../../auth/resolver/system-bus.ts'
import type { Logger } from '../../base/log-line.ts'
import { readRequestOptions } from '../../monitor/requests/request-options.ts'
import { readKickRequest } from '../../monitor/requests/service-bodies.ts'
import { type GoJsonObject, goJson } from '../../protocol/go-json.ts'
import type { ReloadReport } from '../reload/reload-types.ts'
import type { MainProxy } from '../threads/main-proxy.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'
import type { Outcome, Replies } from './replies.ts'
import type { StatszClock } from './statsz-clock.ts'
import type { SystemClient } from './system-client.ts'
import type { EndConnection } from './system-questions.ts'

/** Endpoints of the monitor that can be asked of one server, and of all. */
const ENDPOINTS = [
  'VARZ',
  'SUBSZ',
  'CONNZ',
  'ROUTEZ',
  'GATEWAYZ',
  'LEAFZ',
  'ACCOUNTZ',
  'JSZ',
  'HEALTHZ',
  'PROFILEZ',
  'EXPVARZ',
  'IPQUEUESZ',
  'RAFTZ',
] as const

export interface ServerRequestsOptions {
  readonly client: SystemClient
  readonly replies: Replies
  readonly clock: StatszClock
  readonly main: MainProxy
  readonly log: Logger
  readonly serverId: string
  readonly settings: () => ThreadSettings
}

/** `$SYS.REQ.SERVER.<id>.<X>` and `$SYS.REQ.SERVER.PING[.<X>]`; on the routing worker. */
export class ServerRequests {
  readonly #options: ServerRequestsOptions

  constructor(options: ServerRequestsOptions) {
    this.#options = options
  }

  start(): void {
    const { client, serverId } = this.#options
    const listen = (subject: string, onRequest: (request: SystemMessage) => void) =>
      client.subscribe(subject, undefined, onRequest)
    const serve = (name: string, onRequest: (request: SystemMessage) => void) => {
      listen(`$SYS.REQ.SERVER.${serverId}.${name}`, onRequest)
      listen(`$SYS.REQ.SERVER.PING.${name}`, onRequest)
    }
    for (const name of ENDPOINTS) serve(name, (request) => this.#onMonitor(name, request))
    serve('IDZ', (request) => this.#onIdz(request))
    serve('STATSZ', (request) => this.#onStatsz(request))
    // As it was named before all the others.
    listen('$SYS.REQ.SERVER.PING', (request) => this.#onStatsz(request))
    const command = (name: string, onRequest: (request: SystemMessage) => void) =>
      listen(`$SYS.REQ.SERVER.${serverId}.${name}`, onRequest)
    command('RELOAD', (request) => this.#onReload(request))
    command('KICK', (request) => this.#onEndConnection('KICK', 'kick', request))
    command('LDM', (request) => this.#onEndConnection('LDM', 'lameDuck', request))
  }

  #onMonitor(name: string, request: SystemMessage): void {
    const { replies, main } = this.#options
    replies.answer(name, request, async ({ payload: body }) =>
      outcomeOf(await main.ask('monitor', { name, body, account: '' })),
    )
  }

  #onIdz({ reply }: SystemMessage): void {
    if (reply === '') return
    const { client, serverId, settings } = this.#options
    const { serverName, options } = settings()
    const idz: GoJsonObject = { name: serverName, host: options.host, id: serverId }
    client.publish(reply, '', Buffer.from(goJson(idz)))
  }

  /** Without a reply everybody who listens is told. */
  #onStatsz({ reply, payload }: SystemMessage): void {
    const { replies, clock } = this.#options
    const read = readRequestOptions('STATSZ', payload)
    if (!read.ok) {
      if (reply !== '') replies.refuse(reply, read.error)
    } else if (replies.isMeant(read.values)) {
      if (reply === '') clock.force()
      else replies.watch('STATSZ', clock.sendTo(reply))
    }
  }

  #onReload(request: SystemMessage): void {
    const { replies, main } = this.#options
    replies.answer('RELOAD', request, async () => {
      const answer = await main.ask('reload', undefined)
      // nats-server says nothing more than that it is done.
      return 'error' in answer ? failed(answer.error) : { ok: true, json: reportJson(answer) }
    })
  }

  #onEndConnection(name: string, how: EndConnection['how'], request: SystemMessage): void {
    const { replies, main, log } = this.#options
    const read = readKickRequest(request.payload)
    if (!read.ok) {
      log.error(`Error unmarshalling kick client request: ${read.error}`)
      return
    }
    replies.answer(name, request, async () => {
      const answer = await main.ask('endConnection', { cid: read.cid, how })
      if (answer === 'done') return DONE
      if (answer === 'notReady') return failed(NOT_READY)
      return failed(how === 'kick' ? NO_CONNECTION : NO_CLIENT)
    })
  }
}

// nats-server, DisconnectClientByID and LDMClientByID.
const NO_CONNECTION = 'no such client or leafnode id'
const NO_CLIENT = 'no such client id'
const NOT_READY =
  'client does not support Lame Duck Mode or is not ready to receive the notification'

/** Keys as nats-server spells them in its own answers. */
function reportJson(report: ReloadReport): string {
  return goJson({
    changed: report.changed,
    reauthenticated: report.reauthenticated,
    disconnected: report.disconnected,
    subscriptions_removed: report.subscriptionsRemoved,
    links_closed: report.linksClosed,
    remotes_started: report.remotesStarted,
  })
}

const DONE: Outcome = { ok: true, json: '' }

function failed(text: string): Outcome {
  return { ok: false, text, hasData: false }
}

/** Of an endpoint. When it fails there still is a member `data`, a null, as of a Go pointer. */
export function outcomeOf(
  answer: { ok: true; json: string } | { ok: false; text: string } | undefined,
): Outcome {
  return answer === undefined || answer.ok ? answer : { ...answer, hasData: true }
}
