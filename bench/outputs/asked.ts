import { METRICS, type MetricKey } from '../measurement.ts'
import { type ScenarioResult, spreadsOf, type TargetResult } from '../report.ts'
import { ratio, type Spread } from '../statistics.ts'
import { FLOOR } from '../wire.ts'

/**
 * What is compared with the figure asked for: how many times better ours is than the better one of
 * the NATS servers; which share of the better one's it is; ours itself; or how many times the
 * floor's.
 */
type Comparison = 'times' | 'share' | 'plain' | 'floor'

interface Asked {
  readonly scenario: string
  readonly metric: MetricKey
  readonly comparison: Comparison
  /** At least this for `times`, at most this for the others. */
  readonly figure: number
}

/** The figures that performance is held to, row by row. */
const ASKED: readonly Asked[] = [
  ...pair('pub', 'publishedPerSecond', 2, 4),
  ...pair('1:1-16', 'publishedPerSecond', 4, 5),
  ...pair('1:1-128', 'publishedPerSecond', 2.5, 3.5),
  ...pair('1:1-1024', 'publishedPerSecond', 1.4, 2.1),
  ...pair('1:1-8192', 'publishedPerSecond', 1.1, 1.25),
  ...pair('fan-out', 'deliveredPerSecond', 3.5, 6),
  ...pair('fan-out-1000', 'deliveredPerSecond', 2.5, 4),
  ...pair('4:4', 'publishedPerSecond', 3, 4),
  ...pair('subjects-100k', 'publishedPerSecond', 2, 2.5),
  ...pair('queue-8', 'publishedPerSecond', 2.5, 3),
  ...pair('leaf-16', 'deliveredPerSecond', 3, 4),
  ...pair('tls-1024', 'publishedPerSecond', 1, 1),
  asked('1:1-16', 'cpuNsPerMessage', 'floor', 3),
  asked('1:1-128', 'cpuNsPerMessage', 'floor', 1.8),
  asked('1:1-1024', 'cpuNsPerMessage', 'floor', 1.35),
  asked('1:1-8192', 'cpuNsPerMessage', 'floor', 1.35),
  asked('request-reply', 'closedP50Us', 'share', 0.65),
  asked('request-reply', 'closedP99Us', 'share', 0.8),
  asked('request-reply', 'pacedP50Us', 'share', 0.65),
  asked('request-reply', 'pacedP99Us', 'share', 0.8),
  asked('load-50', 'loadP50Us', 'share', 0.65),
  asked('load-50', 'loadP99Us', 'share', 0.8),
  asked('idle', 'idleBytes', 'share', 0.5),
  asked('subscriptions-1m', 'subscriptionBytes', 'share', 0.5),
  asked('subscriptions-1m', 'subscriptionsPerSecond', 'times', 1),
  asked('startup', 'startupMs', 'plain', 150),
  asked('resident', 'residentMib', 'plain', 110),
]

function asked(scenario: string, metric: MetricKey, comparison: Comparison, figure: number): Asked {
  return { scenario, metric, comparison, figure }
}

function pair(scenario: string, rate: MetricKey, times: number, cpuTimes: number): Asked[] {
  return [
    asked(scenario, rate, 'times', times),
    asked(scenario, 'cpuNsPerMessage', 'times', cpuTimes),
  ]
}

/** One row of what is asked, and what was reached. */
export interface AskedRow {
  readonly result: ScenarioResult
  readonly metric: MetricKey
  readonly comparison: Comparison
  readonly figure: number
  readonly ours: Spread
  /** Of the server that ours is compared with; undefined for `plain`. */
  readonly theirs: Spread | undefined
  readonly reached: number
  readonly isMet: boolean
}

/** Rows for which there are results of both sides. */
export function askedRows(scenarios: readonly ScenarioResult[]): readonly AskedRow[] {
  return ASKED.flatMap((row) => {
    const result = scenarios.find(({ scenario }) => scenario === row.scenario)
    const reached = result === undefined ? undefined : compare(result, row)
    return reached === undefined ? [] : [reached]
  })
}

function compare(result: ScenarioResult, row: Asked): AskedRow | undefined {
  const { metric, comparison, figure } = row
  const [first, ...others] = result.targets
  const ours = first === undefined ? undefined : spreadsOf(first)[metric]
  if (ours === undefined) return undefined
  const base = { result, metric, comparison, figure, ours }
  if (comparison === 'plain') {
    return { ...base, theirs: undefined, reached: ours.median, isMet: ours.median <= figure }
  }
  const rivals = others.filter(({ target }) => isRival(target, comparison))
  const theirs = betterOf(rivals, metric)
  const times = ratio(METRICS[metric].better, ours.median, theirs?.median)
  if (times === undefined) return undefined
  if (comparison === 'times') return { ...base, theirs, reached: times, isMet: times >= figure }
  return { ...base, theirs, reached: 1 / times, isMet: 1 / times <= figure }
}

function isRival(target: string, comparison: Comparison): boolean {
  return comparison === 'floor' ? target === FLOOR : target.startsWith('nats-server')
}

function betterOf(rivals: readonly TargetResult[], metric: MetricKey): Spread | undefined {
  const spreads = rivals.map((rival) => spreadsOf(rival)[metric]).filter((one) => one !== undefined)
  const sorted = spreads.toSorted((a, b) => a.median - b.median)
  return METRICS[metric].better === 'higher' ? sorted.at(-1) : sorted[0]
}
