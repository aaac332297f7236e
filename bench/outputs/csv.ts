import { METRICS } from '../measurement.ts'
import { metricsOf, spreadsOf, timesBetter } from '../report.ts'
import type { Results } from './results.ts'

const HEADER = [
  'scenario',
  'metric',
  'label',
  'better',
  'server',
  'median',
  'min',
  'max',
  'ours_times_better',
  'rounds',
]

/**
 * One line for each scenario, metric and server, by RFC 4180. `rounds` holds the values of all
 * rounds, with blanks between; a round that has none leaves a `-`.
 */
export function toCsv({ scenarios }: Results): string {
  const rows = scenarios.flatMap((result) =>
    metricsOf(result).flatMap((key) =>
      result.targets.map((target) => {
        const spread = spreadsOf(target)[key]
        return [
          result.scenario,
          key,
          METRICS[key].label,
          METRICS[key].better,
          target.target,
          numberText(spread?.median),
          numberText(spread?.min),
          numberText(spread?.max),
          numberText(timesBetter(result, target.target, key)),
          target.rounds.map(({ metrics }) => numberText(metrics[key]) || '-').join(' '),
        ]
      }),
    ),
  )
  return [HEADER, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

function numberText(value: number | undefined): string {
  return value === undefined ? '' : String(Number(value.toPrecision(9)))
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
