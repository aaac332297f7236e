import { addHistograms } from '../metrics/histogram.ts'
import type { BrokerMeasurements, ThreadUsage, TopSubjects } from '../metrics/measurements.ts'
import type { MonitorSource } from '../monitor-source.ts'
import { bothKinds, kindsOf, NO_TRAFFIC, stalledOf, trafficOf } from '../report-sums.ts'
import { ANY_CONNECTION, type ThreadReport } from '../reports.ts'
import type { SlowEvents } from '../slow/slow-events.ts'
import type { DashboardConnection, DashboardData, DashboardWorker } from './dashboard-report.ts'

/** Where the dashboard's figures come from. */
export interface DashboardSource {
  readonly monitor: MonitorSource
  readonly slow: SlowEvents
  measurements(): Promise<BrokerMeasurements>
  topSubjects(limit: number): Promise<TopSubjects>
}

/** Rows of each table; a page is no place for more. */
const ROWS_MAX = 12

/** @param withConnections which costs each worker a look at all its connections */
export async function dashboardData(
  source: DashboardSource,
  withConnections: boolean,
): Promise<DashboardData> {
  const { monitor, slow } = source
  const [threads, measured, topSubjects, leafs, page] = await Promise.all([
    monitor.threads(),
    source.measurements(),
    source.topSubjects(ROWS_MAX),
    monitor.leafs(false),
    withConnections ? busiestConnections(monitor) : undefined,
  ])
  const facts = monitor.server()
  const { localLatency, laneLatency, clientRtt } = measured.merged
  return {
    atMs: Date.now(),
    server: {
      id: facts.id,
      name: facts.name,
      version: facts.version,
      startMs: facts.startMs,
      port: facts.port,
      maxConnections: facts.options.maxConnections,
    },
    totals: {
      in: trafficOf(threads, 'in'),
      out: trafficOf(threads, 'out'),
      connections: kindsOf(threads, 'connections'),
      totalConnections: facts.totalConnections,
      subscriptions: monitor.subscriptionCount(),
      slowConsumers: bothKinds(kindsOf(threads, 'slowConsumers')),
      stalledClients: stalledOf(threads),
      ...monitor.usage(),
    },
    latency: addHistograms(localLatency, laneLatency),
    clientRtt,
    workers: measured.threads.map((usage) => workerOf(usage, threads)),
    topSubjects,
    leafs,
    slow: slow.find({ limit: ROWS_MAX, account: '', cid: 0 }),
    ...(page === undefined ? {} : { connections: page }),
  }
}

async function busiestConnections(monitor: MonitorSource): Promise<DashboardConnection[]> {
  const page = await monitor.connections({
    ...ANY_CONNECTION,
    sort: 'msgs_from',
    limit: ROWS_MAX,
  })
  // The page needs no more of them, and what they may hold besides is not for every eye.
  return (page?.connections ?? []).map(
    ({ cid, name, user, account, ip, rttNs, in: received, out, pendingBytes }) => {
      return { cid, name, user, account, ip, rttNs, in: received, out, pendingBytes }
    },
  )
}

function workerOf(usage: ThreadUsage, threads: readonly ThreadReport[]): DashboardWorker {
  const report = threads.find(({ thread }) => thread === usage.thread)
  const { thread, name, busyMs, idleMs, arenaBytes, arenaFreeBytes, laneBytes } = usage
  return {
    thread,
    name,
    busyMs,
    idleMs,
    arenaBytes,
    arenaFreeBytes,
    laneBytes,
    connections: report?.connections ?? { clients: 0, leafs: 0 },
    in: report?.in ?? NO_TRAFFIC,
    out: report?.out ?? NO_TRAFFIC,
    planHits: usage.planHits,
    planMisses: usage.planMisses,
  }
}
