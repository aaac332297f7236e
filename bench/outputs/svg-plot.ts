import { scaleLinear, scaleLog, scalePoint } from 'd3-scale'
import {
  line,
  type SymbolType,
  symbol,
  symbolCircle,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
} from 'd3-shape'
import { element, type Markup } from './markup.ts'

/** Median of some rounds at x, and the worst and best of them. */
export interface PlotPoint {
  readonly x: number
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface PlotSeries {
  readonly name: string
  /** From 0; the same server has the same colour and mark in every plot. */
  readonly slot: number
  /** A second line of the same server. */
  readonly isDashed?: boolean
  /** By rising x. */
  readonly points: readonly PlotPoint[]
}

export interface Plot {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** What a value of x is called at the axis. */
  readonly xText: (x: number) => string
  readonly series: readonly PlotSeries[]
}

const WIDTH = 480
const HEIGHT = 340
const LEGEND_ROW = 18
const LEGEND_COLUMN = 220
const MARGIN = { top: 34, right: 16, bottom: 46, left: 58 }
const TITLE_Y = 20
const LABEL_GAP = 8
const MARK_AREA = 42
/** Between these the axis starts at 0; values further apart are read off a logarithmic one. */
const LINEAR_FACTOR_MAX = 8
const TICKS = 6
const DECADES_WITH_STEPS_MAX = 3

const MARKS: readonly SymbolType[] = [
  symbolCircle,
  symbolSquare,
  symbolTriangle,
  symbolDiamond,
  symbolStar,
]

/** Told apart with the usual kinds of colour blindness; light and dark ground. */
const COLOURS = [
  ['#0072b2', '#56b4e9'],
  ['#c04e00', '#ff9f4a'],
  ['#00805c', '#3ddbab'],
  ['#b0457f', '#f08fc0'],
  ['#595959', '#b5b5b5'],
] as const

const BIG = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** One plot as a document of its own, which follows the reader's choice of light or dark. */
export function plotSvg(plot: Plot): string {
  const rows = Math.ceil(plot.series.length / 2)
  const top = MARGIN.top + rows * LEGEND_ROW
  const [left, right, bottom] = [MARGIN.left, WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom]
  const xs = [...new Set(plot.series.flatMap(({ points }) => points.map(({ x }) => x)))]
  const places = scalePoint<number>(
    xs.toSorted((a, b) => a - b),
    [left, right],
  ).padding(0.4)
  const values = valueAxis(plot.series, bottom, top)
  const xOf = (point: PlotPoint): number => places(point.x)!
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      class: 'sable-plot',
      'font-family': 'system-ui, sans-serif',
      'font-size': 12,
    },
    element('title', {}, plot.title),
    element('style', {}, STYLE),
    element('rect', { class: 'ground', width: WIDTH, height: HEIGHT }),
    text(plot.title, WIDTH / 2, TITLE_Y, 'middle', 'title'),
    plot.series.map(legend),
    values.ticks.map((value) => [
      element('line', { class: 'grid', x1: left, x2: right, ...both('y', values.at(value)) }),
      text(BIG.format(value), left - LABEL_GAP, values.at(value) + 4, 'end'),
    ]),
    places.domain().map((x) => text(plot.xText(x), places(x)!, bottom + 18, 'middle')),
    text(plot.xLabel, (left + right) / 2, HEIGHT - LABEL_GAP, 'middle'),
    element(
      'text',
      { transform: `translate(14 ${(top + bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle' },
      plot.yLabel,
    ),
    plot.series.map((series) => seriesMarkup(series, xOf, values.at)),
  ).text
}

interface ValueAxis {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

function valueAxis(series: readonly PlotSeries[], bottom: number, top: number): ValueAxis {
  const values = series.flatMap(({ points }) => points.flatMap(({ min, max }) => [min, max]))
  const least = Math.min(...values)
  const most = Math.max(...values)
  if (values.length === 0) return { at: () => bottom, ticks: [] }
  if (least <= 0 || most / least <= LINEAR_FACTOR_MAX) {
    const scale = scaleLinear([0, most || 1], [bottom, top]).nice(TICKS)
    return { at: scale, ticks: scale.ticks(TICKS) }
  }
  const scale = scaleLog([least * 0.9, most * 1.1], [bottom, top])
  const hasSteps = Math.log10(most / least) <= DECADES_WITH_STEPS_MAX
  const steps = hasSteps ? [1, 2, 5] : [1]
  const isStep = (value: number): boolean => steps.includes(Number(value.toExponential(0)[0]))
  return { at: scale, ticks: scale.ticks().filter(isStep) }
}

function seriesMarkup(
  { slot, isDashed, points }: PlotSeries,
  xOf: (point: PlotPoint) => number,
  yOf: (value: number) => number,
): Markup {
  const path = line<PlotPoint>(xOf, ({ median }) => yOf(median))(points)
  return element(
    'g',
    { class: `slot-${slot % COLOURS.length}` },
    element('path', {
      class: 'line',
      d: path ?? '',
      'stroke-dasharray': isDashed ? '5 4' : undefined,
    }),
    points.map((point) => [
      element('line', {
        class: 'spread',
        ...both('x', xOf(point)),
        y1: yOf(point.min),
        y2: yOf(point.max),
      }),
      mark(slot, xOf(point), yOf(point.median)),
    ]),
  )
}

function legend({ name, slot, isDashed }: PlotSeries, index: number): Markup {
  const x = MARGIN.left + (index % 2) * LEGEND_COLUMN
  const y = MARGIN.top + Math.floor(index / 2) * LEGEND_ROW
  const dash = isDashed ? '5 4' : undefined
  return element(
    'g',
    { class: `slot-${slot % COLOURS.length}` },
    element('path', { class: 'line', d: `M${x},${y}h22`, 'stroke-dasharray': dash }),
    mark(slot, x + 11, y),
    text(name, x + 30, y + 4, 'start'),
  )
}

function mark(slot: number, x: number, y: number): Markup {
  const shape = symbol(MARKS[slot % MARKS.length], MARK_AREA)() ?? ''
  return element('path', {
    class: 'mark',
    d: shape,
    transform: `translate(${round(x)} ${round(y)})`,
  })
}

function text(words: string, x: number, y: number, anchor: string, kind?: string): Markup {
  return element('text', { x: round(x), y: round(y), 'text-anchor': anchor, class: kind }, words)
}

/** Both ends of a line that runs along the other axis. */
function both(axis: 'x' | 'y', value: number): Record<string, number> {
  return { [`${axis}1`]: round(value), [`${axis}2`]: round(value) }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function colours(which: 0 | 1): string {
  const [ground, ink, grid] =
    which === 0 ? ['#fff', '#1b1f24', '#d8dce1'] : ['#16191d', '#e6e9ec', '#3a4047']
  const slots = COLOURS.map(
    (pair, slot) => `.sable-plot .slot-${slot}{stroke:${pair[which]};fill:${pair[which]}}`,
  )
  return `.sable-plot .ground{fill:${ground}}.sable-plot text{fill:${ink};stroke:none}
.sable-plot .grid{stroke:${grid}}
${slots.join('')}`
}

const STYLE = `.sable-plot .line{fill:none;stroke-width:2}.sable-plot .spread{stroke-width:1.5}
.sable-plot .title{font-size:14px;font-weight:600}.sable-plot .mark{stroke:none}
${colours(0)}
@media (prefers-color-scheme:dark){${colours(1)}}`
