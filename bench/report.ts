import { GENERATOR_BUSY_LIMIT, METRICS, type Measurement, type MetricKey } from './measurement.ts'
import { median, ratio, type Spread, spread } from './statistics.ts'
import { FLOOR } from './wire.ts'

/** All rounds of one scenario against one server. */
export interface TargetResult {
  readonly target: string
  readonly rounds: readonly Measurement[]
  /** Why rounds are missing. */
  readonly failures: readonly string[]
}

export interface ScenarioResult {
  readonly scenario: string
  readonly workload: string
  /** Ours first. */
  readonly targets: readonly TargetResult[]
}

const METRIC_KEYS = Object.keys(METRICS) as MetricKey[]

type Medians = Partial<Record<MetricKey, number>>

/** Of every metric that at least one round has. */
export function spreadsOf({ rounds }: TargetResult): Partial<Record<MetricKey, Spread>> {
  const entries = METRIC_KEYS.map(
    (key) => [key, spread(rounds.map(({ metrics }) => metrics[key]))] as const,
  )
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

export function mediansOf(result: TargetResult): Medians {
  const spreads = Object.entries(spreadsOf(result))
  return Object.fromEntries(spreads.map(([key, value]) => [key, value.median]))
}

/** What was measured for any of the servers, in the order of METRICS. */
export function metricsOf({ targets }: ScenarioResult): readonly MetricKey[] {
  return METRIC_KEYS.filter((key) =>
    targets.some(({ rounds }) => rounds.some(({ metrics }) => key in metrics)),
  )
}

/** How many times better the first target is than another; undefined for the first itself. */
export function timesBetter(
  { targets }: ScenarioResult,
  name: string,
  key: MetricKey,
): number | undefined {
  const [ours] = targets
  const theirs = targets.find(({ target }) => target === name)
  if (ours === undefined || theirs === undefined || theirs === ours) return undefined
  return ratio(METRICS[key].better, mediansOf(ours)[key], mediansOf(theirs)[key])
}

/** How many times better the first target is than each of the others, by metric. */
export function ratiosOf(result: ScenarioResult): Record<string, Medians> {
  const entries = result.targets.slice(1).map(({ target }) => {
    const ratios = METRIC_KEYS.map((key) => [key, timesBetter(result, target, key)] as const)
    return [target, Object.fromEntries(ratios.filter(([, value]) => value !== undefined))]
  })
  return Object.fromEntries(entries)
}

/**
 * The table: one line for each scenario and metric, one column for each server, one ratio for each
 * compared one.
 */
export function formatTable(results: readonly ScenarioResult[]): string {
  const [first] = results
  if (first === undefined) return ''
  const names = first.targets.map(({ target }) => target)
  const header = ['scenario', 'metric', ...names, ...names.slice(1).map(ratioName)]
  const rows = results.flatMap(rowsOf)
  const notes: string[] = []
  if (names.some((name, index) => index > 0 && name !== FLOOR)) {
    notes.push(`x: times better than the named server; above 1 speaks for ${names[0]}`)
  }
  if (names.includes(FLOOR)) {
    notes.push(`/ ${FLOOR}: so many times what a relay has that only reads and writes the bytes`)
  }
  if (results.some(({ targets }) => targets.some(({ rounds }) => rounds.length > 1))) {
    notes.push('median of the rounds, and how far the least and the greatest are from it')
  }
  if (rows.some((row) => row.some((cell) => cell.endsWith('*')))) {
    const percent = GENERATOR_BUSY_LIMIT * 100
    notes.push(`*: the load generator was over ${percent} % busy, so the rate may be its own`)
  }
  for (const { scenario, targets } of results) {
    for (const { target, failures } of targets) {
      notes.push(...failures.map((reason) => `FAILED ${scenario} on ${target}: ${reason}`))
    }
  }
  return [align([header, ...rows]), ...notes].join('\n')
}

/** Head of the column that compares with a server. */
export function ratioName(target: string): string {
  return target === FLOOR ? `/ ${FLOOR}` : `x ${target}`
}

/** What stands in that column: ours is a multiple of the floor's, whichever way is better. */
export function ratioText(result: ScenarioResult, target: string, key: MetricKey): string {
  const better = timesBetter(result, target, key)
  if (better === undefined) return 'n/a'
  const isInverse = target === FLOOR && METRICS[key].better === 'lower'
  return (isInverse ? 1 / better : better).toFixed(2)
}

function rowsOf(result: ScenarioResult): string[][] {
  const keys = metricsOf(result)
  if (keys.length === 0) {
    const failed = result.targets.map(({ failures }) => (failures.length > 0 ? 'failed' : 'n/a'))
    return [[result.scenario, '', ...failed, ...failed.slice(1).map(() => '')]]
  }
  const spreads = result.targets.map(spreadsOf)
  return keys.map((key, index) => [
    index === 0 ? result.scenario : '',
    METRICS[key].label,
    ...result.targets.map((target, targetIndex) => {
      const value = formatValue(spreads[targetIndex]![key]?.median, METRICS[key].digits)
      const isBusy = METRICS[key].better === 'higher' && isGeneratorBound(target)
      return `${value}${deviations(spreads[targetIndex]![key])}${isBusy ? '*' : ''}`
    }),
    ...result.targets.slice(1).map(({ target }) => ratioText(result, target, key)),
  ])
}

/** As in ` -3% +5%`; empty when there is nothing between them. */
function deviations(values: Spread | undefined): string {
  if (values === undefined || values.min === values.max || values.median === 0) return ''
  const percent = (value: number): string => ((value / values.median - 1) * 100).toFixed(0)
  return ` -${percent(values.min).replace('-', '')}% +${percent(values.max).replace('-', '')}%`
}

/** Whether the rates of most rounds may be the generator's. */
export function isGeneratorBound(result: TargetResult): boolean {
  const busy = median(result.rounds.map((round) => round.generatorBusy))
  return busy !== undefined && busy > GENERATOR_BUSY_LIMIT
}

export function formatValue(value: number | undefined, digits: number): string {
  if (value === undefined) return 'n/a'
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** First two columns to the left, figures to the right. */
function align(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
