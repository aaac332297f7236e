import { sizeWords, throughput } from './messages.ts'
import { latency } from './requests.ts'
import type { LeafLink, Scenario, ThroughputScenario } from './types.ts'

/** Two servers with a link, or a hub with many. */
export const LEAFS: readonly Scenario[] = [
  leafThroughput(16),
  leafThroughput(128),
  leafThroughput(1024),
  leafThroughput(8192),
  leafThroughput(16, { compression: 'off' }),
  leafThroughput(1024, { compression: 'off' }),
  leafThroughput(16, { publishersOn: 'hub' }),
  leafThroughput(1024, { publishersOn: 'hub' }),
  {
    ...latency(
      'leaf-request',
      'requester on the leaf, responder on the hub, otherwise as request-reply',
    ),
    link: { publishersOn: 'leaf', compression: 'default' },
  },
  {
    kind: 'leaf-interest',
    name: 'leaf-interest',
    workload: 'distinct subscriptions on a leaf: time from link up until the hub has them, memory',
    subscriptions: { smoke: 1_000, full: 100_000 },
    settleMs: { smoke: 50, full: 1_000 },
  },
  {
    kind: 'leaf-fleet',
    name: 'leaf-fleet',
    workload: 'many leafs on one hub: processor time when idle, time for news to reach all of them',
    links: { smoke: 20, full: 500 },
    settleMs: { smoke: 50, full: 3_000 },
    idleMs: { smoke: 100, full: 5_000 },
    announcements: { smoke: 2, full: 10 },
  },
]

/** One publisher and one subscriber with a leaf link between them. */
function leafThroughput(payloadBytes: number, unusual: Partial<LeafLink> = {}): ThroughputScenario {
  const link: LeafLink = { publishersOn: 'leaf', compression: 'default', ...unusual }
  const way = link.publishersOn === 'leaf' ? 'leaf to hub' : 'hub to leaf'
  const family = link.publishersOn === 'leaf' ? 'leaf' : 'leaf-down'
  const isOff = link.compression === 'off'
  const workload = `${way}, one publisher, one subscriber, ${sizeWords(payloadBytes)}`
  return {
    ...throughput(
      `${family}${isOff ? '-off' : ''}-${payloadBytes}`,
      isOff ? `${workload}, compression off` : workload,
      1,
      1,
      payloadBytes,
    ),
    link,
  }
}
