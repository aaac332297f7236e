import { optionsFromObject } from '../../src/config/options.ts'
import type { DashboardSource } from '../../src/monitor/dashboard/dashboard-data.ts'
import { Histogram, TIME_BOUNDS_MS } from '../../src/monitor/metrics/histogram.ts'
import type { MonitorSource } from '../../src/monitor/monitor-source.ts'
import type { ConnectionReport, ThreadReport } from '../../src/monitor/reports.ts'
import { SlowEvents } from '../../src/monitor/slow/slow-events.ts'

const PARTY = {
  cid: 7,
  kind: 'Client',
  name: 'reader',
  user: 'bob',
  account: '$G',
  ip: '127.0.0.1',
  port: 4,
} as const

/** A server with a bit of everything, whose figures grow with each `tick`. */
export function fakeSource(): DashboardSource & { tick(): void; token: string } {
  const latency = new Histogram(TIME_BOUNDS_MS)
  const slow = new SlowEvents()
  slow.add({
    timeMs: Date.now(),
    kind: 'slow_consumer',
    reason: 'max_pending',
    party: PARTY,
    count: 1,
    pendingBytes: 67_108_864,
    subjects: [{ subject: 'prices.>', msgs: 10, bytes: 60_000_000 }],
    stalledBy: undefined,
  })
  let msgs = 1000
  const self = {
    token: '',
    slow,
    tick() {
      msgs += 123_456
      latency.record(0.05, 1000)
      latency.record(2, 20)
    },
    measurements: async () => ({
      merged: {
        localLatency: latency.report(),
        laneLatency: latency.report(),
        clientRtt: latency.report(),
      },
      threads: [
        {
          thread: 1,
          name: 'protocol-1',
          busyMs: msgs,
          idleMs: 10 * msgs,
          arenaBytes: 2 ** 27,
          arenaFreeBytes: 2 ** 26,
          planHits: msgs,
          planMisses: 10,
          laneBytes: 512,
        },
      ],
    }),
    topSubjects: async () => ({
      seconds: 1,
      subjects: [
        { account: '$G', subject: '<img src=x onerror=alert(1)>', msgs: 1200 },
        { account: 'A', subject: 'prices.eur', msgs: 12 },
      ],
    }),
    monitor: {
      server: () => ({
        id: 'NFAKE',
        name: 'fake <b>server</b>',
        version: '2.15.0',
        startMs: Date.now() - 3_700_000,
        port: 4222,
        totalConnections: 12,
        options: { ...optionsFromObject({}), monitorToken: self.token },
      }),
      usage: () => ({ rssBytes: 90_000_000, cpuPercent: 12 }),
      threads: async () => [threadReport(msgs)],
      subscriptionCount: () => 321,
      connections: async () => ({ connections: [connection(msgs)], total: 1 }),
      leafs: async () => ({
        links: [
          {
            id: 3,
            name: 'berlin',
            account: '$G',
            ip: '10.0.0.1',
            port: 7422,
            isSpoke: true,
            rttMs: 12.5,
            uptimeMs: 90_000,
            inMsgs: msgs,
            outMsgs: 5,
            pendingBytes: 0,
            droppedMsgs: 3,
          },
        ],
        remotes: [
          {
            urls: ['hub.example:7422'],
            account: '$G',
            state: 'waiting',
            lastError: 'connect ECONNREFUSED',
            nextAttemptMs: 800,
          },
        ],
      }),
    } as unknown as MonitorSource,
  }
  return self as unknown as DashboardSource & { tick(): void; token: string }
}

function threadReport(msgs: number): ThreadReport {
  const traffic = { msgs, bytes: 16 * msgs }
  return {
    thread: 1,
    in: traffic,
    out: traffic,
    connections: { clients: 10, leafs: 1 },
    slowConsumers: { clients: 1, leafs: 0 },
    stalledClients: 4,
  } as unknown as ThreadReport
}

function connection(msgs: number): ConnectionReport {
  return {
    cid: 9,
    name: 'writer',
    user: 'alice',
    account: 'A',
    ip: '127.0.0.1',
    rttNs: 350_000,
    in: { msgs, bytes: msgs },
    out: { msgs: 1, bytes: 1 },
    pendingBytes: 0,
  } as unknown as ConnectionReport
}
