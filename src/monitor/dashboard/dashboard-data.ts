import { addHistograms } from '../metrics/histogram.ts'
import type { BrokerMeasurements, ThreadUsage, TopSubjects } from '../metrics/measurements.ts'
import type { MonitorSource } from '../monitor-source.ts'
import type { KindCounts, ThreadReport, Traffic } from '../reports.ts'
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
      in: sum(threads.map((thread) => thread.in)),
      out: sum(threads.map((thread) => thread.out)),
      connections: sumKinds(threads.map((thread) => thread.connections)),
      totalConnections: facts.totalConnections,
      subscriptions: monitor.subscriptionCount(),
      slowConsumers: both(sumKinds(threads.map((thread) => thread.slowConsumers))),
      stalledClients: threads.reduce((total, thread) => total + thread.stalledClients, 0),
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
    sort: 'msgs_from',
    state: 'open',
    cid: 0,
    user: '',
    account: '',
    filterSubject: '',
    withSubscriptions: false,
    offset: 0,
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
    in: report?.in ?? NOTHING,
    out: report?.out ?? NOTHING,
    planHits: usage.planHits,
    planMisses: usage.planMisses,
  }
}

const NOTHING: Traffic = { msgs: 0, bytes: 0 }

function sum(all: readonly Traffic[]): Traffic {
  return all.reduce((a, b) => ({ msgs: a.msgs + b.msgs, bytes: a.bytes + b.bytes }), NOTHING)
}

function sumKinds(all: readonly KindCounts[]): KindCounts {
  return all.reduce((a, b) => ({ clients: a.clients + b.clients, leafs: a.leafs + b.leafs }), {
    clients: 0,
    leafs: 0,
  })
}

function both({ clients, leafs }: KindCounts): number {
  return clients + leafs
}
