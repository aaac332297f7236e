import type { GoJsonObject } from '../../protocol/go-json.ts'
import { type ClientInfo, clientInfoJson } from '../../router/accounts/client-info.ts'
import type { AccountStatReport } from '../account-report.ts'
import type { Traffic } from '../reports.ts'

/**
 * Events of the system account as nats-server writes them in events.go: members, their order, and
 * which of them are left out.
 */
const CONNECT = 'io.nats.server.advisory.v1.client_connect'
const DISCONNECT = 'io.nats.server.advisory.v1.client_disconnect'
const ACCOUNT_CONNECTIONS = 'io.nats.server.advisory.v1.account_connections'

/** What tells one event from all others. */
export interface EventMark {
  /** A nuid. */
  readonly id: string
  /** RFC 3339. */
  readonly time: string
}

/** The end of a connection, or of an attempt to log in. */
export interface ConnectionEnd {
  readonly client: ClientInfo
  /** Sent by the client, and received by it. */
  readonly sent: Traffic
  readonly received: Traffic
  /** Text of its closed state. */
  readonly reason: string
}

function envelope(type: string, { id, time }: EventMark, server: GoJsonObject): GoJsonObject {
  return { type, id, timestamp: time, server }
}

function trafficJson({ msgs, bytes }: Traffic): GoJsonObject {
  return { msgs, bytes }
}

export function connectEvent(
  mark: EventMark,
  server: GoJsonObject,
  client: ClientInfo,
): GoJsonObject {
  return { ...envelope(CONNECT, mark, server), client: clientInfoJson(client) }
}

/** Also of an attempt to log in that failed. */
export function disconnectEvent(
  mark: EventMark,
  server: GoJsonObject,
  { client, sent, received, reason }: ConnectionEnd,
): GoJsonObject {
  return {
    ...envelope(DISCONNECT, mark, server),
    client: clientInfoJson(client),
    sent: trafficJson(sent),
    received: trafficJson(received),
    reason,
  }
}

const NO_TRAFFIC: GoJsonObject = { msgs: 0, bytes: 0 }

/** Without routes and gateways, of which there are none. */
function accountTrafficJson(all: Traffic, leafs: Traffic): GoJsonObject {
  return {
    ...trafficJson(all),
    gateways: NO_TRAFFIC,
    routes: NO_TRAFFIC,
    leafs: trafficJson(leafs),
  }
}

export function accountConnectionsEvent(
  mark: EventMark,
  server: GoJsonObject,
  stat: AccountStatReport,
): GoJsonObject {
  return {
    ...envelope(ACCOUNT_CONNECTIONS, mark, server),
    acc: stat.account,
    name: stat.name,
    conns: stat.clients,
    leafnodes: stat.leafs,
    total_conns: stat.clients + stat.leafs,
    num_subscriptions: stat.subscriptions,
    sent: accountTrafficJson(stat.sent, stat.leafsSent),
    received: accountTrafficJson(stat.received, stat.leafsReceived),
    slow_consumers: stat.slowConsumers,
  }
}
