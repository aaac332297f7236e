import { LOAD, PHASE_MS_MAX, REQUESTS } from './amounts.ts'
import { throughput } from './messages.ts'
import type { Scenario } from './types.ts'

const WORKERS_SMOKE_MAX = 4

/** What a server is beside the messages: memory, start, monitor, reload. */
export const OPERATIONS: readonly Scenario[] = [
  ...[1, 2, 4, 8, 16].map(
    (workers): Scenario => ({
      ...throughput(`workers-${workers}`, `as wildcards, ${workers} protocol workers`, 4, 4, 16),
      audience: 'all',
      kind: 'workers',
      // Many threads take longer to start than the rest of a smoke run.
      workers: { smoke: Math.min(workers, WORKERS_SMOKE_MAX), full: workers },
    }),
  ),
  {
    kind: 'subscriptions',
    name: 'subscriptions-1m',
    workload: '1,000,000 subscriptions to distinct subjects, of one client: rate and memory',
    isSame: false,
    subscriptions: { smoke: 1_000, full: 1_000_000 },
    settleMs: { smoke: 50, full: 2_000 },
  },
  {
    kind: 'subscriptions',
    name: 'subscriptions-same-1m',
    workload: '1,000,000 subscriptions to one subject, of one client: rate and memory',
    isSame: true,
    subscriptions: { smoke: 1_000, full: 1_000_000 },
    settleMs: { smoke: 50, full: 2_000 },
  },
  {
    kind: 'storm',
    name: 'storm-connections',
    workload: 'paced requests, alone, then while 32 clients connect and leave all the time',
    storm: 'connections',
    clients: { smoke: 2, full: 32 },
    payloadBytes: 16,
    rate: { smoke: 2_000, full: 500 },
    amounts: REQUESTS,
  },
  {
    kind: 'storm',
    name: 'storm-subscriptions',
    workload: 'paced requests, alone, then while eight clients subscribe and end that all the time',
    storm: 'subscriptions',
    clients: { smoke: 2, full: 8 },
    payloadBytes: 16,
    rate: { smoke: 2_000, full: 500 },
    amounts: REQUESTS,
  },
  {
    ...throughput(
      'slow-consumer',
      'as 1:4, without and with a subscriber that reads nothing',
      1,
      4,
      128,
    ),
    kind: 'slow-consumer',
  },
  {
    kind: 'soak',
    name: 'soak',
    workload: '16 requesters at a fixed rate, memory meanwhile; for real: --duration 10m',
    clients: 16,
    payloadBytes: 128,
    rate: { smoke: 1_000, full: 2_000 },
    amounts: {
      smoke: { warmup: { durationMs: 20 }, measured: { messages: 10, durationMs: PHASE_MS_MAX } },
      full: { warmup: { durationMs: 500 }, measured: { durationMs: 5_000 } },
    },
  },
  {
    kind: 'idle',
    name: 'idle',
    workload: 'connections with one subscription each: memory of the server for each of them',
    connections: { smoke: 100, full: 2_000 },
    settleMs: { smoke: 50, full: 1_000 },
  },
  {
    kind: 'monitored',
    name: 'monitored',
    workload: 'as 1:1-16, beside 5,000 idle connections; and with the monitor scraped each second',
    connections: { smoke: 50, full: 5_000 },
    settleMs: { smoke: 0, full: 3_000 },
    payloadBytes: 16,
    pairs: { smoke: 1, full: 4 },
    amounts: LOAD,
  },
  {
    kind: 'connz',
    name: 'connz',
    workload: 'pages of /connz, by three orders, of 10,000 connections with a subscription each',
    connections: { smoke: 50, full: 10_000 },
    settleMs: { smoke: 0, full: 3_000 },
    pages: { smoke: 2, full: 20 },
  },
  {
    kind: 'reload',
    name: 'reload',
    workload: 'PINGs while users, permissions, and a limit are reloaded under 5,000 clients',
    connections: { smoke: 50, full: 5_000 },
    settleMs: { smoke: 0, full: 3_000 },
    reloads: { smoke: 2, full: 5 },
    watchMs: { smoke: 20, full: 500 },
  },
  {
    kind: 'startup',
    name: 'startup',
    workload: 'process start to the first byte of INFO',
    starts: { smoke: 1, full: 5 },
  },
  {
    kind: 'resident',
    name: 'resident',
    workload: 'memory of a server with 2 protocol workers that nobody has connected to',
    workers: 2,
    settleMs: { smoke: 50, full: 3_000 },
  },
]
