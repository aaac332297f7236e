import type { MetricKey } from '../measurement.ts'
import { type ScenarioResult, spreadsOf } from '../report.ts'
import { type Results, targetNames } from './results.ts'
import { type Plot, type PlotPoint, type PlotSeries, plotSvg } from './svg-plot.ts'

/** A finished plot; `id` is the same in every report, and a file's name without its suffix. */
export interface NamedPlot {
  readonly id: string
  readonly title: string
  readonly svg: string
}

const KIB = 1024
const BYTES = /^(?:payload|1:1)-(\d+)$/
/** Scenarios that differ in the number of protocol workers. */
export const WORKERS = /^workers-(\d+)$/
const LOAD = /^load-(\d+)$/

interface PlotKind {
  readonly id: string
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** Of scenarios by their names; its group is x. */
  readonly family: RegExp
  readonly xText: (x: number) => string
  /** The first that a scenario has. A second line: dashed, with words of its own. */
  readonly lines: readonly { readonly metrics: readonly MetricKey[]; readonly words: string }[]
}

const RATE: readonly MetricKey[] = ['deliveredPerSecond', 'publishedPerSecond']

const KINDS: readonly PlotKind[] = [
  {
    id: 'throughput-by-payload',
    title: 'Throughput by payload, one publisher, one subscriber',
    xLabel: 'payload',
    yLabel: 'messages/s',
    family: BYTES,
    xText: bytesText,
    lines: [{ metrics: RATE, words: '' }],
  },
  {
    id: 'cpu-by-payload',
    title: 'CPU of the server for a message, by payload',
    xLabel: 'payload',
    yLabel: 'ns/message',
    family: BYTES,
    xText: bytesText,
    lines: [{ metrics: ['cpuNsPerMessage'], words: '' }],
  },
  {
    id: 'latency-by-load',
    title: 'Latency of requests by load, open loop',
    xLabel: '% of the maximum of the server of reference',
    yLabel: 'µs',
    family: LOAD,
    xText: (x) => `${x} %`,
    lines: [
      { metrics: ['loadP50Us'], words: ' p50' },
      { metrics: ['loadP99Us'], words: ' p99' },
    ],
  },
  {
    id: 'throughput-by-workers',
    title: 'Throughput by protocol workers',
    xLabel: 'workers',
    yLabel: 'messages/s',
    family: WORKERS,
    xText: String,
    lines: [{ metrics: RATE, words: '' }],
  },
  {
    id: 'cpu-by-workers',
    title: 'CPU for a message by protocol workers',
    xLabel: 'workers',
    yLabel: 'ns/message',
    family: WORKERS,
    xText: String,
    lines: [{ metrics: ['cpuNsPerMessage'], words: '' }],
  },
]

/** A line of one point says nothing that the table does not. */
const POINTS_MIN = 2

/** Those for which there are results. */
export function plotsOf(results: Results): readonly NamedPlot[] {
  return KINDS.flatMap((kind) => {
    const plot = plotOf(kind, results)
    if (plot === undefined) return []
    return [{ id: kind.id, title: kind.title, svg: plotSvg(plot) }]
  })
}

function plotOf(kind: PlotKind, results: Results): Plot | undefined {
  const { title, xLabel, yLabel, xText } = kind
  const series = targetNames(results).flatMap((name, slot) =>
    kind.lines.map(
      ({ metrics, words }, index): PlotSeries => ({
        name: `${name}${words}`,
        slot,
        isDashed: index > 0,
        points: pointsOf(familyOf(results, kind.family), name, metrics),
      }),
    ),
  )
  const lines = series.filter(({ points }) => points.length >= POINTS_MIN)
  return lines.length === 0 ? undefined : { title, xLabel, yLabel, xText, series: lines }
}

interface Member {
  readonly x: number
  readonly result: ScenarioResult
}

/** Scenarios whose names match, by the number in them; of two with the same one the first. */
export function familyOf({ scenarios }: Results, family: RegExp): readonly Member[] {
  const members = new Map<number, ScenarioResult>()
  for (const result of scenarios) {
    const x = family.exec(result.scenario)?.[1]
    if (x !== undefined && !members.has(Number(x))) members.set(Number(x), result)
  }
  return [...members].map(([x, result]) => ({ x, result })).toSorted((a, b) => a.x - b.x)
}

function pointsOf(
  members: readonly Member[],
  name: string,
  metrics: readonly MetricKey[],
): readonly PlotPoint[] {
  return members.flatMap(({ x, result }) => {
    const target = result.targets.find((one) => one.target === name)
    const spreads = target === undefined ? {} : spreadsOf(target)
    const key = metrics.find((one) => spreads[one] !== undefined)
    return key === undefined ? [] : [{ x, ...spreads[key]! }]
  })
}

function bytesText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`
  return bytes < KIB * KIB ? `${bytes / KIB} KiB` : `${bytes / KIB / KIB} MiB`
}
