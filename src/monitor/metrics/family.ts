import type { HistogramReport } from './histogram.ts'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  /** Behind the name of the family: `_bucket`, `_sum`, `_count`. */
  readonly suffix?: string
  readonly labels: Labels
  readonly value: number
}

/** Everything of one name. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly samples: readonly Sample[]
}

const NO_LABELS: Labels = {}
/** Bounds that were multiplied have digits that mean nothing. */
const BOUND_DIGITS = 6

export function gauge(name: string, help: string, value: number, labels = NO_LABELS): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ labels, value }] }
}

export function counter(
  name: string,
  help: string,
  value: number,
  labels = NO_LABELS,
): MetricFamily {
  return { name, help, type: 'counter', samples: [{ labels, value }] }
}

/**
 * @param scale what sizes are multiplied by; Prometheus has seconds and bytes
 * @param parts histograms that differ by a label
 */
export function histogram(
  name: string,
  help: string,
  scale: number,
  parts: Iterable<readonly [Labels, HistogramReport]>,
): MetricFamily {
  const samples: Sample[] = []
  for (const [labels, report] of parts) samples.push(...histogramSamples(labels, report, scale))
  return { name, help, type: 'histogram', samples }
}

function histogramSamples(
  labels: Labels,
  { bounds, counts, sum }: HistogramReport,
  scale: number,
): Sample[] {
  const samples: Sample[] = []
  let below = 0
  for (const [i, bound] of bounds.entries()) {
    below += counts[i]!
    const le = String(Number((bound * scale).toPrecision(BOUND_DIGITS)))
    samples.push({ suffix: '_bucket', labels: { ...labels, le }, value: below })
  }
  const all = below + counts[bounds.length]!
  samples.push({ suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: all })
  samples.push({ suffix: '_sum', labels, value: sum * scale })
  samples.push({ suffix: '_count', labels, value: all })
  return samples
}
