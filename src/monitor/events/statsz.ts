import { availableParallelism } from 'node:os'
import type { GoJsonObject } from '../../protocol/go-json.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import type { MonitorSource } from '../monitor-source.ts'
import type { KindCounts, ThreadReport, Traffic } from '../reports.ts'

/** Member `statsz` of what a server tells of itself now and then; nats-server's ServerStats. */
export async function statszOf(source: MonitorSource): Promise<GoJsonObject> {
  const [threads, accounts] = await Promise.all([source.threads(), source.accountStats()])
  const { startMs, totalConnections, threadCount } = source.server()
  const { rssBytes, cpuPercent } = source.usage()
  const slow = sumKinds(threads, (thread) => thread.slowConsumers)
  const stale = sumKinds(threads, (thread) => thread.staleConnections)
  const slowCount = slow.clients + slow.leafs
  const staleCount = stale.clients + stale.leafs
  const stalled = sum(threads, (thread) => thread.stalledClients)
  return {
    start: goTimeOfMs(startMs),
    mem: rssBytes,
    cores: availableParallelism(),
    cpu: Math.round(cpuPercent),
    connections: sum(threads, (thread) => thread.connections.clients),
    total_connections: totalConnections,
    active_accounts: accounts.filter(({ clients, leafs }) => clients + leafs > 0).length,
    subscriptions: source.subscriptionCount(),
    sent: sumTraffic(threads, (thread) => thread.out),
    sent_to_clients: sumTraffic(threads, (thread) => thread.clientOut),
    received: sumTraffic(threads, (thread) => thread.in),
    received_from_clients: sumTraffic(threads, (thread) => thread.clientIn),
    slow_consumers: slowCount,
    slow_consumer_stats: slowCount === 0 ? undefined : kindsJson(slow),
    stale_connections: staleCount === 0 ? undefined : staleCount,
    stale_connection_stats: staleCount === 0 ? undefined : kindsJson(stale),
    stalled_clients: stalled === 0 ? undefined : stalled,
    active_servers: 1,
    gomaxprocs: threadCount,
  }
}

function kindsJson({ clients, leafs }: KindCounts): GoJsonObject {
  return { clients, routes: 0, gateways: 0, leafs }
}

function sum(threads: readonly ThreadReport[], of: (thread: ThreadReport) => number): number {
  return threads.reduce((total, thread) => total + of(thread), 0)
}

function sumTraffic(
  threads: readonly ThreadReport[],
  of: (thread: ThreadReport) => Traffic,
): GoJsonObject {
  return {
    msgs: sum(threads, (thread) => of(thread).msgs),
    bytes: sum(threads, (thread) => of(thread).bytes),
  }
}

function sumKinds(
  threads: readonly ThreadReport[],
  of: (thread: ThreadReport) => KindCounts,
): KindCounts {
  return {
    clients: sum(threads, (thread) => of(thread).clients),
    leafs: sum(threads, (thread) => of(thread).leafs),
  }
}
