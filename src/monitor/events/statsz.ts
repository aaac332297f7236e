import { availableParallelism } from 'node:os'
import type { GoJsonObject } from '../../protocol/go-json.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import type { MonitorSource } from '../monitor-source.ts'
import { bothKinds, kindsJson, kindsOf, stalledOf, trafficOf } from '../report-sums.ts'

/** Member `statsz` of what a server tells of itself now and then; nats-server's ServerStats. */
export async function statszOf(source: MonitorSource): Promise<GoJsonObject> {
  const [threads, accounts] = await Promise.all([source.threads(), source.accountStats()])
  const { startMs, totalConnections, threadCount } = source.server()
  const { rssBytes, cpuPercent } = source.usage()
  const slow = kindsOf(threads, 'slowConsumers')
  const stale = kindsOf(threads, 'staleConnections')
  const slowCount = bothKinds(slow)
  const staleCount = bothKinds(stale)
  const stalled = stalledOf(threads)
  return {
    start: goTimeOfMs(startMs),
    mem: rssBytes,
    cores: availableParallelism(),
    cpu: Math.round(cpuPercent),
    connections: kindsOf(threads, 'connections').clients,
    total_connections: totalConnections,
    active_accounts: accounts.filter((account) => bothKinds(account) > 0).length,
    subscriptions: source.subscriptionCount(),
    sent: { ...trafficOf(threads, 'out') },
    sent_to_clients: { ...trafficOf(threads, 'clientOut') },
    received: { ...trafficOf(threads, 'in') },
    received_from_clients: { ...trafficOf(threads, 'clientIn') },
    slow_consumers: slowCount,
    slow_consumer_stats: slowCount === 0 ? undefined : kindsJson(slow),
    stale_connections: staleCount === 0 ? undefined : staleCount,
    stale_connection_stats: staleCount === 0 ? undefined : kindsJson(stale),
    stalled_clients: stalled === 0 ? undefined : stalled,
    active_servers: 1,
    gomaxprocs: threadCount,
  }
}
