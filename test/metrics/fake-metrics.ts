import type { LeafLinkReport } from '../../src/monitor/leaf-report.ts'
import {
  Histogram,
  LANE_BOUNDS_BYTES,
  TIME_BOUNDS_MS,
} from '../../src/monitor/metrics/histogram.ts'
import type { BrokerMeasurements, ThreadUsage } from '../../src/monitor/metrics/measurements.ts'
import type { MetricsSource } from '../../src/monitor/metrics/metrics-page.ts'
import type { SlowEvent } from '../../src/monitor/slow/slow-event.ts'
import { SlowEvents } from '../../src/monitor/slow/slow-events.ts'
import { type FakeContext, fakeContext } from '../monitor/fake-source.ts'

export function slowEvent(changes: Partial<SlowEvent> = {}): SlowEvent {
  return {
    timeMs: Date.UTC(2026, 0, 2),
    kind: 'slow_consumer',
    reason: 'max_pending',
    party: {
      cid: 5,
      kind: 'Client',
      name: '',
      user: '',
      account: '$G',
      ip: '127.0.0.1',
      port: 4000,
    },
    count: 1,
    pendingBytes: 0,
    subjects: [],
    stalledBy: undefined,
    ...changes,
  }
}

function usage(thread: number, name: string): ThreadUsage {
  return {
    thread,
    name,
    busyMs: 1500,
    idleMs: 500,
    arenaBytes: 4096,
    arenaFreeBytes: 1024,
    stalledConnections: 1,
    planHits: 90,
    planMisses: 10,
    laneFull: 2,
    outOfMemory: 0,
    laneBytes: 64,
  }
}

function times(...sizes: number[]): ReturnType<Histogram['report']> {
  const histogram = new Histogram(TIME_BOUNDS_MS)
  for (const size of sizes) histogram.record(size)
  return histogram.report()
}

function fakeMeasurements(): BrokerMeasurements {
  const lanes = new Histogram(LANE_BOUNDS_BYTES)
  lanes.record(1000)
  return {
    merged: {
      localLatency: times(0.03, 0.04, 3),
      laneLatency: times(0.3),
      laneBytes: lanes.report(),
      clientRtt: times(1.5, 20_000),
      ingressPauses: times(150),
      eventLoopDelay: times(1),
      connections: {
        count: 3,
        subscriptions: 4,
        pendingBytes: 7,
        in: { msgs: 10, bytes: 100 },
        out: { msgs: 20, bytes: 200 },
      },
    },
    eventLoopDelay: new Map([
      ['main', times(1)],
      ['routing', times(2)],
    ]),
    threads: [usage(0, 'routing'), usage(1, 'protocol-1')],
    laneCapacityBytes: 1024 * 1024,
    sublistBytes: 8192,
    sublistUsedBytes: 4096,
    crypto: { waiting: 4, running: 1 },
  }
}

export interface FakeMetrics extends MetricsSource {
  readonly context: FakeContext
}

export function fakeMetrics(): FakeMetrics {
  return {
    context: fakeContext(),
    slowEvents: new SlowEvents(),
    measure: async () => fakeMeasurements(),
  }
}

export function leafLink(name: string, msgs: number): LeafLinkReport {
  return {
    id: 9,
    name,
    serverId: '',
    cluster: '',
    account: 'A',
    remoteAccount: '',
    ip: '10.0.0.1',
    port: 7422,
    isSolicited: false,
    isSpoke: false,
    isIsolated: false,
    isWebsocket: false,
    compression: 'off',
    rttMs: 250,
    uptimeMs: 0,
    inMsgs: msgs,
    inBytes: 2 * msgs,
    outMsgs: 1,
    outBytes: 2,
    pendingBytes: 0,
    droppedMsgs: 0,
    filteredMsgs: 0,
    slowCount: 0,
    subscriptions: 3,
    announced: 0,
  }
}
