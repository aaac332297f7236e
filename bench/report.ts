import { GENERATOR_BUSY_LIMIT, METRICS, type Measurement, type MetricKey } from './measurement.ts'
import { median, ratio } from './statistics.ts'

/** All rounds of one scenario against one server. */
interface TargetResult {
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

export function mediansOf(result: TargetResult): Medians {
  const entries = METRIC_KEYS.map(
    (key) => [key, median(result.rounds.map((round) => round.metrics[key]))] as const,
  )
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

/** How many times better the first target is than each of the others, by metric. */
export function ratiosOf(result: ScenarioResult): Record<string, Medians> {
  const [ours, ...theirs] = result.targets
  const oursMedians = mediansOf(ours!)
  const entries = theirs.map((other) => {
    const medians = mediansOf(other)
    const ratios = METRIC_KEYS.map(
      (key) => [key, ratio(METRICS[key].better, oursMedians[key], medians[key])] as const,
    )
    return [other.target, Object.fromEntries(ratios.filter(([, value]) => value !== undefined))]
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
  const header = ['scenario', 'metric', ...names, ...names.slice(1).map((name) => `x ${name}`)]
  const rows = results.flatMap(rowsOf)
  const notes: string[] = []
  if (names.length > 1) {
    notes.push(`x: times better than the named server; above 1 speaks for ${names[0]}`)
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

function rowsOf(result: ScenarioResult): string[][] {
  const medians = result.targets.map(mediansOf)
  const ratios = ratiosOf(result)
  const keys = METRIC_KEYS.filter((key) =>
    result.targets.some(({ rounds }) => rounds.some(({ metrics }) => key in metrics)),
  )
  if (keys.length === 0) {
    const failed = result.targets.map(({ failures }) => (failures.length > 0 ? 'failed' : 'n/a'))
    return [[result.scenario, '', ...failed, ...failed.slice(1).map(() => '')]]
  }
  return keys.map((key, index) => [
    index === 0 ? result.scenario : '',
    METRICS[key].label,
    ...result.targets.map((target, targetIndex) => {
      const value = formatValue(medians[targetIndex]![key], METRICS[key].digits)
      return METRICS[key].better === 'higher' && isGeneratorBound(target) ? `${value}*` : value
    }),
    ...result.targets.slice(1).map(({ target }) => formatRatio(ratios[target]![key])),
  ])
}

function isGeneratorBound(result: TargetResult): boolean {
  const busy = median(result.rounds.map((round) => round.generatorBusy))
  return busy !== undefined && busy > GENERATOR_BUSY_LIMIT
}

function formatValue(value: number | undefined, digits: number): string {
  if (value === undefined) return 'n/a'
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

function formatRatio(value: number | undefined): string {
  return value === undefined ? 'n/a' : value.toFixed(2)
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
