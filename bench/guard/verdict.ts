import { median } from '../statistics.ts'

/** What `sable bench --json` gives, as far as the guard reads it. */
export interface BenchResults {
  readonly scenarios: readonly {
    readonly scenario: string
    readonly targets: readonly {
      readonly rounds: readonly {
        readonly metrics: Readonly<Record<string, number | undefined>>
      }[]
    }[]
  }[]
}

export interface Verdict {
  readonly scenario: string
  /** Server CPU of one message or request in nanoseconds; undefined = could not be measured. */
  readonly nowNs: number | undefined
  readonly beforeNs: number | undefined
  /** Now through before; 1 where one of them is not known. */
  readonly ratio: number
  readonly isWorse: boolean
}

/** A commit may make a message dearer by this factor before the guard speaks up. */
const RATIO_MAX = 1.15

const CPU_METRICS = ['cpuNsPerMessage', 'cpuNsPerRequest'] as const

/**
 * Compares the first server of a run with the second: the cheapest rounds of both, and their
 * medians; the smaller ratio counts.
 *
 * What disturbs a measurement on a shared machine only ever adds to it, so the cheapest round is
 * the one nearest to the truth. But one server may have had a lucky round that the other had not; a
 * real regression shows in all of them.
 */
export function judge(results: BenchResults): Verdict[] {
  return results.scenarios.map(({ scenario, targets }) => {
    const [now, before] = targets
    const [nowCosts, beforeCosts] = [costsNs(now?.rounds), costsNs(before?.rounds)]
    const [nowNs, beforeNs] = [leastOf(nowCosts), leastOf(beforeCosts)]
    const ratio = Math.min(
      quotient(nowNs, beforeNs),
      quotient(median(nowCosts), median(beforeCosts)),
    )
    return { scenario, nowNs, beforeNs, ratio, isWorse: ratio > RATIO_MAX }
  })
}

type Rounds = BenchResults['scenarios'][number]['targets'][number]['rounds']

function costsNs(rounds: Rounds = []): number[] {
  return rounds
    .map(({ metrics }) => CPU_METRICS.map((name) => metrics[name]).find((ns) => ns !== undefined))
    .filter((ns) => ns !== undefined)
}

function leastOf(costs: readonly number[]): number | undefined {
  return costs.length === 0 ? undefined : Math.min(...costs)
}

/** 1 where one of them is not known. */
function quotient(now: number | undefined, before: number | undefined): number {
  return now === undefined || before === undefined ? 1 : now / before
}

/** `1:1-16: 74 ns, before 73 ns: 1.01`. */
export function describeVerdict({ scenario, nowNs, beforeNs, ratio, isWorse }: Verdict): string {
  if (nowNs === undefined || beforeNs === undefined) return `${scenario}: not measured`
  const costs = `${Math.round(nowNs)} ns, before ${Math.round(beforeNs)} ns`
  return `${scenario}: ${costs}: ${ratio.toFixed(2)}${isWorse ? ' WORSE' : ''}`
}
