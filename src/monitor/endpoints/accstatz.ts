import type { GoDecoded } from '../../protocol/go-json-decode.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import type { AccountStatReport } from '../account-report.ts'
import type { MonitorSource } from '../monitor-source.ts'
import { NO_TRAFFIC } from '../report-sums.ts'
import type { Traffic } from '../reports.ts'
import { defineEndpoint, EndpointError } from './endpoint.ts'
import type { JsonObject } from './json-value.ts'

const FIELDS = {
  accounts: { json: 'accounts', type: 'strings' },
  withUnused: { json: 'include_unused', type: 'bool' },
} as const

type AccstatzOptions = GoDecoded<typeof FIELDS>

export const ACCSTATZ = defineEndpoint({
  path: '/accstatz',
  name: 'STATZ',
  counted: 'all',
  fields: FIELDS,
  fromQuery: (query) => ({ withUnused: query.bool('unused') }),
  async answer(options, { source }) {
    return accountStatzJson(source, await chosenStats(options, source))
  },
  async answerSystem({ options, account }, { source }) {
    const scoped = account === '' ? options : { ...options, accounts: [account] }
    const stats = await chosenStats(scoped, source)
    if (stats.length === 0 && !options.withUnused) {
      throw new EndpointError('no such account here', { isSilent: true })
    }
    return accountStatzJson(source, stats)
  },
})

async function chosenStats(
  { accounts = [], withUnused = false }: AccstatzOptions,
  source: MonitorSource,
): Promise<readonly AccountStatReport[]> {
  const stats = await source.accountStats()
  const byName = new Map(stats.map((each) => [each.account, each]))
  const chosen = accounts.length === 0 ? stats : accounts.flatMap((name) => byName.get(name) ?? [])
  return withUnused ? chosen : chosen.filter(({ clients, leafs }) => clients + leafs > 0)
}

function accountStatzJson(source: MonitorSource, stats: readonly AccountStatReport[]): JsonObject {
  return {
    server_id: source.server().id,
    now: goTimeOfMs(Date.now()),
    account_statz: stats.map(accountStatJson),
  }
}

/** nats-server's AccountStat, which events of the system account have as well. */
function accountStatJson(stat: AccountStatReport): JsonObject {
  return {
    acc: stat.account,
    name: stat.name,
    conns: stat.clients,
    leafnodes: stat.leafs,
    total_conns: stat.totalConnections,
    num_subscriptions: stat.subscriptions,
    sent: dataStatsJson(stat.sent, stat.leafsSent),
    received: dataStatsJson(stat.received, stat.leafsReceived),
    slow_consumers: stat.slowConsumers,
  }
}

/** There are no gateways and no routes. */
function dataStatsJson(all: Traffic, leafs: Traffic): JsonObject {
  return {
    ...trafficJson(all),
    gateways: trafficJson(NO_TRAFFIC),
    routes: trafficJson(NO_TRAFFIC),
    leafs: trafficJson(leafs),
  }
}

function trafficJson({ msgs, bytes }: Traffic): JsonObject {
  return { msgs, bytes }
}
