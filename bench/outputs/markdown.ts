import { METRICS, type MetricKey } from '../measurement.ts'
import {
  formatValue,
  metricsOf,
  ratioName,
  ratioText,
  type ScenarioResult,
  spreadsOf,
  type TargetResult,
} from '../report.ts'
import type { Spread } from '../statistics.ts'
import { type AskedRow, askedRows } from './asked.ts'
import { familyOf, type NamedPlot, WORKERS } from './plots.ts'
import { type Results, targetNames } from './results.ts'

/**
 * Fills a page: each `{{name}}` of the template stands for one part of the results.
 *
 * @param plotPath where the page finds the file of a plot
 * @throws Error for a name that there is no part for
 */
export function toMarkdown(
  template: string,
  results: Results,
  plots: readonly NamedPlot[],
  plotPath: (plot: NamedPlot) => string,
): string {
  const parts: Readonly<Record<string, () => string>> = {
    facts: () => factsText(results),
    asked: () => askedText(results),
    summary: () => summaryText(results),
    plots: () => plots.map((plot) => `![${plot.title}](${plotPath(plot)})`).join('\n\n'),
    workers: () => workersText(results),
    all: () => results.scenarios.map(scenarioText).join('\n\n'),
  }
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const part = parts[name]
    if (part === undefined) throw new Error(`no such part of the results: {{${name}}}`)
    return part()
  })
}

/** Calls servers by what they say of their versions: that is what a reader knows them by. */
export function withVersionNames(results: Results): Results {
  const versions = Object.assign({}, ...results.runs.map((run) => run.versions))
  const nameOf = (target: string): string => {
    const version: string = versions[target] ?? ''
    const [, nats] = /^nats-server: v(\S+)/.exec(version) ?? []
    const [, redis] = /^Redis server v=(\S+)/.exec(version) ?? []
    if (redis !== undefined) return `Redis ${redis}`
    return nats === undefined || target === 'sable' ? target : `nats-server ${nats}`
  }
  const renamed = results.scenarios.map((result) => ({
    ...result,
    targets: result.targets.map((target) => ({ ...target, target: nameOf(target.target) })),
  }))
  return { ...results, scenarios: renamed }
}

function factsText(results: Results): string {
  const { runs } = results
  const [first] = runs
  if (first === undefined) return 'Nothing was measured.'
  const { processors, processor, memoryBytes, platform, node } = first.machine
  const dates = runs.map(({ date }) => date.slice(0, 16).replace('T', ' ')).toSorted()
  const memory = `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`
  const loads = runs.map(({ machine }) => machine.loadAverage)
  const commands = runs.map(({ command }) => command.replace(/(?:\/[\w.-]+)+\/|--json \S+ ?/g, ''))
  return `- machine: ${processors} × ${processor}, ${memory}, ${platform}
- servers: ${targetNames(results).join(', ')}; ours and the load generator on Node ${node}
- measured ${dates[0]} to ${dates.at(-1)} UTC; load before the parts ${listed(loads)}

\`\`\`sh
${commands.join('\n')}
\`\`\``
}

function listed(loads: readonly number[]): string {
  return `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`
}

function askedText({ scenarios }: Results): string {
  const rows = askedRows(scenarios).map((row) => [
    row.result.scenario,
    METRICS[row.metric].label,
    spreadText(row.ours, row.metric),
    row.theirs === undefined ? '' : spreadText(row.theirs, row.metric),
    figureText(row, row.reached),
    `${row.comparison === 'times' ? '≥' : '≤'} ${figureText(row, row.figure)}`,
    row.isMet ? 'yes' : '**no**',
  ])
  return table(['scenario', 'figure', 'ours', 'compared with', 'reached', 'asked', 'met'], rows)
}

/** Of the same rows, the median of ours, of the better nats-server, and what lies between them. */
function summaryText({ scenarios }: Results): string {
  const rows = askedRows(scenarios)
    .filter(({ comparison }) => comparison !== 'floor')
    .map((row) => [
      row.result.workload,
      METRICS[row.metric].label,
      ...[row.ours, row.theirs].map((spread) =>
        spread === undefined ? '' : formatValue(spread.median, METRICS[row.metric].digits),
      ),
      row.theirs === undefined ? '' : figureText(row, row.reached),
    ])
  return table(['load', 'figure', 'Sable', 'nats-server', 'Sable is'], rows)
}

function figureText({ comparison }: AskedRow, value: number): string {
  const number = String(Number(value.toPrecision(3)))
  const words = { times: ' ×', share: ' of theirs', plain: '', floor: ' × floor' }
  return `${number}${words[comparison]}`
}

/**
 * What more cores give, if each worker has one to itself: their number by the messages that one
 * second of processor time is enough for.
 */
function workersText(results: Results): string {
  const members = familyOf(results, WORKERS).flatMap(({ x, result }) => {
    const ours = result.targets[0]
    const cpu = ours && spreadsOf(ours).cpuNsPerMessage
    return ours === undefined || cpu === undefined ? [] : [{ workers: x, result, ours, cpu }]
  })
  const [one] = members
  if (one === undefined) return 'The scenarios `workers-*` were not run.'
  const more = metricsOf(one.result).filter((key) => !MODELLED.includes(key))
  const rows = members.map(({ workers, ours, cpu }) => [
    String(workers),
    spreadText(cpu, 'cpuNsPerMessage'),
    ...more.map((key) => valueText(ours, key)),
    formatValue(one.cpu.median / cpu.median, 2),
    formatValue((workers * 1e9) / cpu.median, 0),
  ])
  const labels = more.map((key) => METRICS[key].label)
  const heads = ['workers', 'CPU ns/message', ...labels, 'efficiency', 'model: messages/s']
  return table(heads, rows)
}

/** What the model is made of, and the rate that it stands in for. */
const MODELLED: readonly MetricKey[] = [
  'publishedPerSecond',
  'deliveredPerSecond',
  'cpuNsPerMessage',
]

function scenarioText(result: ScenarioResult): string {
  const names = result.targets.map(({ target }) => target)
  const rows = metricsOf(result).map((key) => [
    METRICS[key].label,
    ...result.targets.map((target) => valueText(target, key)),
    ...names.slice(1).map((name) => ratioText(result, name, key)),
  ])
  const failures = result.targets.flatMap(({ target, failures: reasons }) =>
    reasons.map((reason) => `FAILED on ${target}: ${cell(reason)}`),
  )
  const head = `### ${result.scenario}\n\n${result.workload}`
  return [head, table(['', ...names, ...names.slice(1).map(ratioName)], rows), ...failures].join(
    '\n\n',
  )
}

function valueText(target: TargetResult, key: MetricKey): string {
  const spread = spreadsOf(target)[key]
  return spread === undefined ? '' : spreadText(spread, key)
}

function spreadText({ median, min, max }: Spread, key: MetricKey): string {
  const [middle, least, most] = [median, min, max].map((value) =>
    formatValue(value, METRICS[key].digits),
  )
  return least === most ? middle! : `${middle} (${least} to ${most})`
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = heads.map((_, column) => (column === 0 ? '---' : '---:'))
  return [heads, rule, ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ')
}
