import { CLIENT_REQUESTS, PHASE_MS_MAX, PIPELINED, REQUESTS } from './amounts.ts'
import type { LatencyScenario, RequestsScenario, Scenario } from './types.ts'

/** Of the plot of latency by load, in percent of the reference's maximum. */
const LOADS = [10, 25, 50, 75, 90]

const LOAD_CLIENTS = 16

/** Requests and their replies on one server. */
export const REQUEST_REPLY: readonly Scenario[] = [
  latency(
    'request-reply',
    'one requester, one responder, 16 B: closed loop, then paced at a fixed rate',
  ),
  { ...latency('tls-request', 'over TLS, otherwise as request-reply'), tls: true },
  ...[4, 16, 64].map(
    (clients): Scenario => ({
      kind: 'clients',
      name: `clients-${clients}`,
      workload: `${clients} requesters, each with one request under way, one responder, 16 B`,
      clients,
      payloadBytes: 16,
      amounts: CLIENT_REQUESTS,
    }),
  ),
  ...LOADS.map(
    (percent): Scenario => ({
      kind: 'load',
      name: `load-${percent}`,
      workload: `${LOAD_CLIENTS} requesters, open loop at ${percent} % of the reference's maximum`,
      clients: LOAD_CLIENTS,
      payloadBytes: 16,
      share: percent / 100,
      smokeRate: 1_000,
      amounts: {
        smoke: {
          warmup: { durationMs: 20 },
          measured: { messages: 5, durationMs: PHASE_MS_MAX },
        },
        full: REQUESTS.full,
      },
    }),
  ),
  requests('requests', 'eight requesters with many requests under way, one responder, 16 B'),
  {
    ...requests('reply-storm', '500 responders who all answer each of many requests, 16 B'),
    requesters: 1,
    responders: { smoke: 20, full: 500 },
  },
]

/** One request at a time. */
export function latency(name: string, workload: string): LatencyScenario {
  return {
    kind: 'latency',
    name,
    workload,
    payloadBytes: 16,
    rate: { smoke: 2_000, full: 500 },
    amounts: REQUESTS,
  }
}

export function requests(name: string, workload: string): RequestsScenario {
  return { kind: 'requests', name, workload, requesters: 8, payloadBytes: 16, amounts: PIPELINED }
}
