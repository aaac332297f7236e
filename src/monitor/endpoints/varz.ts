import { availableParallelism } from 'node:os'
import type { Options } from '../../config/option-types.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { ServerFacts } from '../monitor-source.ts'
import { bothKinds, kindsJson, kindsOf, stalledOf, trafficOf } from '../report-sums.ts'
import type { ThreadReport } from '../reports.ts'
import { defineEndpoint } from './endpoint.ts'
import { uptimeText } from './go-texts.ts'
import { type JsonObject, omitEmpty } from './json-value.ts'
import {
  labelsJson,
  leafOptionsJson,
  nanoseconds,
  proxiesJson,
  seconds,
  shownWriteTimeout,
  timeOrNothing,
  tlsTimeoutMs,
  websocketOptionsJson,
} from './varz-options.ts'

export const VARZ = defineEndpoint({
  path: '/varz',
  name: 'VARZ',
  counted: 'all',
  fields: {},
  fromQuery: () => ({}),
  async answer(_, context) {
    const { source } = context
    const { pinnedAccounts = [] } = source.server().options.operator ?? {}
    const [threads, pinnedFails] = await Promise.all([
      source.threads(),
      pinnedAccounts.length > 0 ? source.pinnedAccountFails() : 0,
    ])
    const facts = source.server()
    const { options } = facts
    return {
      ...identityJson(facts),
      ...limitsJson(options),
      cluster: {},
      gateway: {},
      leaf: leafOptionsJson(facts),
      mqtt: {},
      websocket: websocketOptionsJson(facts),
      jetstream: {},
      tls_timeout: seconds(tlsTimeoutMs(options.tls)),
      write_deadline: nanoseconds(options.writeDeadlineMs),
      write_timeout: shownWriteTimeout(options.writeTimeout),
      ...processJson(facts, context),
      ...trafficJson(facts, threads),
      subscriptions: source.subscriptionCount(),
      http_req_stats: context.httpRequests,
      config_load_time: goTimeOfMs(facts.configLoadMs),
      config_digest: facts.configDigest,
      ...labelsJson(facts),
      system_account: omitEmpty(facts.systemAccount),
      pinned_account_fails: omitEmpty(pinnedFails),
      slow_consumer_stats: kindsJson(kindsOf(threads, 'slowConsumers')),
      stale_connection_stats: kindsJson(kindsOf(threads, 'staleConnections')),
      disk_io_wait_stats: { waiters: 0, waits: 0, wait_time: 0, max_wait_time: 0 },
      proxies: proxiesJson(options),
      tls_cert_not_after: timeOrNothing(facts.certificateEnds.client),
    }
  },
})

function identityJson(facts: ServerFacts): JsonObject {
  return {
    server_id: facts.id,
    server_name: facts.name,
    version: facts.version,
    proto: facts.protocol,
    git_commit: omitEmpty(facts.gitCommit),
    go: facts.go,
    host: facts.host,
    port: facts.port,
    auth_required: omitEmpty(facts.isAuthRequired),
    tls_required: omitEmpty(facts.isTlsRequired),
    tls_verify: omitEmpty(facts.isTlsVerified),
    ip: omitEmpty(facts.ip),
    connect_urls: omitEmpty(facts.connectUrls),
    ws_connect_urls: omitEmpty(facts.websocketConnectUrls),
  }
}

function limitsJson(options: Options): JsonObject {
  return {
    max_connections: options.maxConnections,
    max_subscriptions: omitEmpty(Math.max(0, options.maxSubscriptions)),
    ping_interval: nanoseconds(options.pingIntervalMs),
    ping_max: options.pingMax,
    http_host: options.httpHost,
    http_port: options.httpPort,
    http_base_path: options.httpBasePath,
    https_port: options.httpsPort,
    auth_timeout: seconds(options.authorization.timeoutMs),
    max_control_line: options.maxControlLine,
    max_payload: options.maxPayload,
    max_pending: options.maxPending,
  }
}

function processJson(
  { startMs, threadCount }: ServerFacts,
  { source }: MonitorContext,
): JsonObject {
  const nowMs = Date.now()
  const { rssBytes, cpuPercent } = source.usage()
  return {
    start: goTimeOfMs(startMs),
    now: goTimeOfMs(nowMs),
    uptime: uptimeText(nowMs - startMs),
    mem: rssBytes,
    cores: availableParallelism(),
    gomaxprocs: threadCount,
    cpu: cpuPercent,
  }
}

function trafficJson(facts: ServerFacts, threads: readonly ThreadReport[]): JsonObject {
  const connections = kindsOf(threads, 'connections')
  const slow = kindsOf(threads, 'slowConsumers')
  const stale = kindsOf(threads, 'staleConnections')
  const received = trafficOf(threads, 'in')
  const fromClients = trafficOf(threads, 'clientIn')
  const sent = trafficOf(threads, 'out')
  const toClients = trafficOf(threads, 'clientOut')
  return {
    connections: connections.clients,
    total_connections: facts.totalConnections,
    routes: 0,
    remotes: 0,
    leafnodes: connections.leafs,
    in_msgs: received.msgs,
    in_bytes: received.bytes,
    in_client_msgs: fromClients.msgs,
    in_client_bytes: fromClients.bytes,
    out_msgs: sent.msgs,
    out_bytes: sent.bytes,
    out_client_msgs: toClients.msgs,
    out_client_bytes: toClients.bytes,
    slow_consumers: bothKinds(slow),
    stale_connections: bothKinds(stale),
    stalled_clients: stalledOf(threads),
  }
}
