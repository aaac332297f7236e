import { METRICS, type MetricKey } from '../measurement.ts'
import {
  formatValue,
  isGeneratorBound,
  metricsOf,
  ratioName,
  ratioText,
  type ScenarioResult,
  spreadsOf,
  type TargetResult,
} from '../report.ts'
import { element, Markup } from './markup.ts'
import { plotsOf } from './plots.ts'
import { type Results, type RunFacts, targetNames } from './results.ts'

/** One page with all in it: no script, and nothing that is fetched. */
export function toHtml(results: Results): string {
  const names = targetNames(results)
  const page = element(
    'html',
    { lang: 'en' },
    element(
      'head',
      {},
      element('meta', { charset: 'utf-8' }),
      element('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      element('title', {}, TITLE),
      element('style', {}, new Markup(STYLE)),
    ),
    element(
      'body',
      {},
      element('h1', {}, TITLE),
      results.runs.map(factsMarkup),
      element('h2', {}, 'Plots'),
      element('p', {}, PLOT_WORDS),
      element(
        'div',
        { class: 'plots' },
        plotsOf(results).map(({ id, svg }) => element('figure', { id }, new Markup(svg))),
      ),
      element('h2', {}, 'Scenarios'),
      notes(names).map((note) => element('p', {}, note)),
      results.scenarios.map(scenarioMarkup),
    ),
  )
  return `<!doctype html>\n${page.text}\n`
}

const TITLE = 'sable bench'

const PLOT_WORDS =
  'Marks are medians of the rounds, bars go from the least to the greatest round. ' +
  'Axes that span much are logarithmic.'

function notes(names: readonly string[]): readonly string[] {
  return [
    'Each cell: the median of the rounds, below it the least and the greatest.',
    `x: times better than the named server; above 1 speaks for ${names[0] ?? 'the first'}. ` +
      '/ floor: ours as a multiple of a relay that only reads and writes the bytes.',
    '*: the load generator was busy nearly all the time, so the rate may be its own.',
  ]
}

function factsMarkup({ machine, date, size, rounds, command, versions }: RunFacts): Markup {
  const { processors, processor, memoryBytes, platform, node, loadAverage } = machine
  const memory = `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`
  const facts: readonly (readonly [string, string])[] = [
    ['date', date],
    ['machine', `${processors} x ${processor}, ${memory}, ${platform}`],
    ['load before', loadAverage.toFixed(2)],
    ['generator', `Node ${node}`],
    ...Object.entries(versions),
    ['amount', `${size}, rounds: ${rounds}`],
  ]
  return element(
    'section',
    { class: 'facts' },
    element('pre', {}, element('code', {}, command)),
    element(
      'dl',
      {},
      facts.map(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
    ),
  )
}

function scenarioMarkup(result: ScenarioResult): Markup {
  const keys = metricsOf(result)
  const names = result.targets.map(({ target }) => target)
  const heads = ['', ...names, ...names.slice(1).map(ratioName)]
  const failures = result.targets.flatMap(({ target, failures: reasons }) =>
    reasons.map((reason) => element('p', { class: 'failure' }, `FAILED on ${target}: ${reason}`)),
  )
  const table = element(
    'div',
    { class: 'wide' },
    element(
      'table',
      {},
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          heads.map((head) => element('th', {}, head)),
        ),
      ),
      element(
        'tbody',
        {},
        keys.map((key) => rowMarkup(result, key)),
      ),
    ),
  )
  return element(
    'section',
    {},
    element('h3', {}, result.scenario),
    element('p', {}, result.workload),
    keys.length === 0 ? [] : table,
    failures,
  )
}

function rowMarkup(result: ScenarioResult, key: MetricKey): Markup {
  return element(
    'tr',
    {},
    element('th', {}, METRICS[key].label),
    result.targets.map((target) => element('td', {}, valueMarkup(target, key))),
    result.targets
      .slice(1)
      .map(({ target }) => element('td', { class: 'ratio' }, ratioText(result, target, key))),
  )
}

function valueMarkup(target: TargetResult, key: MetricKey): (Markup | string)[] {
  const { digits, better } = METRICS[key]
  const values = spreadsOf(target)[key]
  if (values === undefined) return ['n/a']
  const { median, min, max } = values
  const busy = better === 'higher' && isGeneratorBound(target) ? '*' : ''
  const range = `${formatValue(min, digits)} to ${formatValue(max, digits)}`
  const isRange = target.rounds.length > 1
  return [
    `${formatValue(median, digits)}${busy}`,
    ...(isRange ? [element('small', {}, range)] : []),
  ]
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--ground:#fff;--line:#d8dce1;
--soft:#5b6570;--box:#f4f6f8}
@media (prefers-color-scheme:dark){
:root{--ink:#e6e9ec;--ground:#16191d;--line:#3a4047;--soft:#a3adb8;--box:#20252b}}
body{margin:0 auto;padding:1rem;max-width:72rem;font:16px/1.5 system-ui,sans-serif;
color:var(--ink);background:var(--ground)}
h1{font-size:1.5rem}h2{font-size:1.25rem;margin-top:2rem}h3{font-size:1.05rem;margin:1.5rem 0 0}
h3+p,small{color:var(--soft)}h3+p{margin:.2rem 0 .5rem}
pre{overflow-x:auto;padding:.75rem;background:var(--box);border-radius:6px;font-size:.85rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;font-size:.9rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
figure{margin:0}svg{display:block;width:100%;height:auto}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top;
white-space:nowrap}
tbody th,thead th:first-child{text-align:left;font-weight:400}
td small{display:block;font-size:.75rem}.ratio{font-weight:600}.failure{color:#d33}
`
