import type { ProcessUsage } from '../monitor-source.ts'
import type { ThreadReport } from '../reports.ts'
import type { SlowKind } from '../slow/slow-event.ts'
import type { SlowEvents } from '../slow/slow-events.ts'
import { counter, gauge, histogram, type MetricFamily } from './family.ts'
import type { BrokerMeasurements, ThreadUsage } from './measurements.ts'

const S_PER_MS = 0.001
const US_PER_S = 1e6
const SLOW_KINDS: readonly SlowKind[] = ['slow_consumer', 'slow_write', 'stall', 'drop']

export interface SableSource {
  readonly measurements: BrokerMeasurements
  readonly threads: readonly ThreadReport[]
  readonly slowEvents: SlowEvents
  readonly usage: ProcessUsage
  readonly startMs: number
}

/** What only this server has; names and meaning are in docs/METRICS.md. */
export function sableMetrics(source: SableSource): MetricFamily[] {
  const { measurements, threads, slowEvents, usage, startMs } = source
  return [
    ...histograms(measurements),
    ...ofThreads(measurements.threads),
    ...ofTraffic(threads),
    gauge(
      'sable_lane_capacity_bytes',
      'Bytes that each lane between two threads can hold.',
      measurements.laneCapacityBytes,
    ),
    gauge(
      'sable_sublist_bytes',
      'Shared memory set aside for subscriptions.',
      measurements.sublistBytes,
    ),
    gauge(
      'sable_sublist_used_bytes',
      'Of that, the most that was ever in use.',
      measurements.sublistUsedBytes,
    ),
    gauge(
      'sable_crypto_waiting',
      'Password verifications that wait for a thread.',
      measurements.crypto.waiting,
    ),
    gauge('sable_crypto_running', 'Password verifications under way.', measurements.crypto.running),
    {
      name: 'sable_slow_total',
      help: 'Slow consumers closed, slow writes, stalls of publishers, messages lost by receivers.',
      type: 'counter',
      samples: SLOW_KINDS.map((kind) => ({ labels: { kind }, value: slowEvents.total(kind) })),
    },
    ...ofProcess(usage, startMs),
  ]
}

function histograms({ merged, eventLoopDelay }: BrokerMeasurements): MetricFamily[] {
  return [
    histogram(
      'sable_delivery_latency_seconds',
      "From a message's bytes being read to its frame being handed to the receiver's socket.",
      S_PER_MS,
      [
        [{ path: 'local' }, merged.localLatency],
        [{ path: 'lane' }, merged.laneLatency],
      ],
    ),
    histogram('sable_client_rtt_seconds', 'Round trip times of clients.', S_PER_MS, [
      [{}, merged.clientRtt],
    ]),
    histogram(
      'sable_rate_limit_pause_seconds',
      'Times for which connections were not read because they sent more than they may.',
      S_PER_MS,
      [[{}, merged.ingressPauses]],
    ),
    histogram(
      'sable_event_loop_delay_seconds',
      'How much later than asked for timers come; measured while somebody scrapes.',
      S_PER_MS,
      [...eventLoopDelay].map(([thread, report]) => [{ thread }, report] as const),
    ),
    histogram(
      'sable_lane_occupancy_bytes',
      'Bytes that waited in a lane between two threads when it was read.',
      1,
      [[{}, merged.laneBytes]],
    ),
  ]
}

function ofThreads(threads: readonly ThreadUsage[]): MetricFamily[] {
  const family = (
    type: 'gauge' | 'counter',
    name: string,
    help: string,
    value: (thread: ThreadUsage) => number,
  ): MetricFamily => ({
    name: `sable_${name}`,
    help,
    type,
    samples: threads.map((thread) => ({ labels: { thread: thread.name }, value: value(thread) })),
  })
  return [
    family(
      'counter',
      'thread_busy_seconds_total',
      'Time in which the event loop of the thread did something.',
      ({ busyMs }) => busyMs * S_PER_MS,
    ),
    family(
      'counter',
      'thread_idle_seconds_total',
      'Time in which the event loop of the thread waited.',
      ({ idleMs }) => idleMs * S_PER_MS,
    ),
    family(
      'gauge',
      'arena_bytes',
      "Shared memory of the thread, for its connections' buffers, plans and subscriptions.",
      ({ arenaBytes }) => arenaBytes,
    ),
    family('gauge', 'arena_free_bytes', 'Of that, not in use.', (thread) => thread.arenaFreeBytes),
    family(
      'gauge',
      'stalled_connections',
      'Connections of the thread that slow their publishers down now.',
      ({ stalledConnections }) => stalledConnections,
    ),
    family(
      'gauge',
      'lane_waiting_bytes',
      'Bytes that wait in the lanes to the thread now.',
      ({ laneBytes }) => laneBytes,
    ),
    family(
      'counter',
      'plan_cache_hits_total',
      'Messages whose audience was known.',
      ({ planHits }) => planHits,
    ),
    family(
      'counter',
      'plan_cache_misses_total',
      'Messages whose audience had to be looked up.',
      ({ planMisses }) => planMisses,
    ),
    family(
      'counter',
      'lane_full_total',
      'Messages that had to wait because a lane had no room.',
      ({ laneFull }) => laneFull,
    ),
    family(
      'counter',
      'out_of_memory_total',
      "Times the thread's shared memory was exhausted.",
      ({ outOfMemory }) => outOfMemory,
    ),
  ]
}

function ofTraffic(threads: readonly ThreadReport[]): MetricFamily[] {
  const name = ({ thread, role }: ThreadReport) =>
    role === 'routing' ? 'routing' : `protocol-${thread}`
  const samples = (member: 'msgs' | 'bytes') =>
    threads.flatMap((report) => [
      { labels: { thread: name(report), direction: 'in' }, value: report.in[member] },
      { labels: { thread: name(report), direction: 'out' }, value: report.out[member] },
    ])
  return [
    {
      name: 'sable_thread_messages_total',
      help: 'Messages of the connections of the thread.',
      type: 'counter',
      samples: samples('msgs'),
    },
    {
      name: 'sable_thread_message_bytes_total',
      help: 'Their bytes, headers included.',
      type: 'counter',
      samples: samples('bytes'),
    },
    {
      name: 'sable_thread_connections',
      help: 'Open connections of the thread.',
      type: 'gauge',
      samples: threads.flatMap((report) => [
        { labels: { thread: name(report), kind: 'client' }, value: report.connections.clients },
        { labels: { thread: name(report), kind: 'leaf' }, value: report.connections.leafs },
      ]),
    },
  ]
}

/** As Prometheus' client libraries name them. */
function ofProcess({ rssBytes }: ProcessUsage, startMs: number): MetricFamily[] {
  const { user, system } = process.cpuUsage()
  return [
    counter(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      (user + system) / US_PER_S,
    ),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', rssBytes),
    gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      startMs * S_PER_MS,
    ),
  ]
}
