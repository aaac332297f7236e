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
 * Compares the first server of a run with the second.
 *
 * What disturbs a measurement on a shared machine only ever adds to it, so the cheapest round of
 * each is the one nearest to the truth.
 */
export function judge(results: BenchResults): Verdict[] {
  return results.scenarios.map(({ scenario, targets }) => {
    const [now, before] = targets
    const [nowNs, beforeNs] = [cheapestNs(now?.rounds), cheapestNs(before?.rounds)]
    const ratio = nowNs === undefined || beforeNs === undefined ? 1 : nowNs / beforeNs
    return { scenario, nowNs, beforeNs, ratio, isWorse: ratio > RATIO_MAX }
  })
}

type Rounds = BenchResults['scenarios'][number]['targets'][number]['rounds']

function cheapestNs(rounds: Rounds = []): number | undefined {
  const costs = rounds
    .map(({ metrics }) => CPU_METRICS.map((name) => metrics[name]).find((ns) => ns !== undefined))
    .filter((ns) => ns !== undefined)
  return costs.length === 0 ? undefined : Math.min(...costs)
}

/** `1:1-16: 74 ns, before 73 ns: 1.01`. */
export function describeVerdict({ scenario, nowNs, beforeNs, ratio, isWorse }: Verdict): string {
  if (nowNs === undefined || beforeNs === undefined) return `${scenario}: not measured`
  const costs = `${Math.round(nowNs)} ns, before ${Math.round(beforeNs)} ns`
  return `${scenario}: ${costs}: ${ratio.toFixed(2)}${isWorse ? ' WORSE' : ''}`
}
