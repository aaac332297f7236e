import { LOAD } from './amounts.ts'
import type { Scenario } from './types.ts'

/** What a server is beside the messages: memory, start, monitor, reload. */
export const OPERATIONS: readonly Scenario[] = [
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
]
