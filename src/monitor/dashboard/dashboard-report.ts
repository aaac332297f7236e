import type { LeafReport } from '../leaf-report.ts'
import type { HistogramReport } from '../metrics/histogram.ts'
import type { ThreadUsage, TopSubjects } from '../metrics/measurements.ts'
import type { ConnectionReport, KindCounts, Traffic } from '../reports.ts'
import type { SlowEvent } from '../slow/slow-event.ts'

/**
 * What the dashboard page is sent each second. Everything counts from the start of the server: the
 * page makes rates of two answers, so that any number of pages may look and none disturbs another.
 */
export interface DashboardData {
  readonly atMs: number
  readonly server: DashboardServer
  readonly totals: DashboardTotals
  /** Delivery through the broker, local and across threads; milliseconds. */
  readonly latency: HistogramReport
  readonly clientRtt: HistogramReport
  readonly workers: readonly DashboardWorker[]
  readonly topSubjects: TopSubjects
  readonly leafs: LeafReport
  /** The latest first. */
  readonly slow: readonly SlowEvent[]
  /** Those that send most; only if asked for. */
  readonly connections?: readonly DashboardConnection[]
}

export interface DashboardServer {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly startMs: number
  readonly port: number
  readonly maxConnections: number
}

export interface DashboardTotals {
  readonly in: Traffic
  readonly out: Traffic
  readonly connections: KindCounts
  /** Ever. */
  readonly totalConnections: number
  readonly subscriptions: number
  readonly slowConsumers: number
  readonly stalledClients: number
  readonly rssBytes: number
  /** Of one core. */
  readonly cpuPercent: number
}

export interface DashboardWorker
  extends Pick<
    ThreadUsage,
    'thread' | 'name' | 'busyMs' | 'idleMs' | 'arenaBytes' | 'arenaFreeBytes' | 'laneBytes'
  > {
  readonly connections: KindCounts
  readonly in: Traffic
  readonly out: Traffic
  readonly planHits: number
  readonly planMisses: number
}

export type DashboardConnection = Pick<
  ConnectionReport,
  'cid' | 'name' | 'user' | 'account' | 'ip' | 'rttNs' | 'in' | 'out' | 'pendingBytes'
>
