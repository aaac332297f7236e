/**
 * Measures what docs/BENCHMARKS.md shows, part by part, and writes that page, its plots, and the
 * short table of the README.
 *
 *   node_modules/.bin/node scripts/benchmarks.mjs [options]
 *
 *   --quick               two short rounds: shows that it works, not how fast it is
 *   --render              measure nothing: the page, of the results that there are
 *   --results <folder>    where the results of the parts are (default: dist/benchmarks)
 *   --through <command>   run each part through this command, such as `nice`
 *   --again               measure parts anew that have results
 *
 * Can be stopped at any time and called again: a part that was measured at the same commit, by the
 * same command, is not measured again. Compares with the programs in NATS_SERVER, NATS_SERVER_2_9
 * and REDIS_SERVER, by default nats-server and redis-server on PATH, as far as they are there.
 *
 * Imports TypeScript, so it needs the pinned Node.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { toMarkdown, withVersionNames } from '../bench/outputs/markdown.ts'
import { plotsOf } from '../bench/outputs/plots.ts'
import { readResults } from '../bench/outputs/results.ts'
import { findScenarios } from '../bench/scenarios.ts'
import { ROOT, readJson } from './tree.mjs'

const README = join(ROOT, 'README.md')
/** Of the README: what stands between is written here. */
const SUMMARY = /(?<=<!-- summary:begin -->\n)[\s\S]*(?=<!-- summary:end -->)/
const PAGE = join(ROOT, 'docs', 'BENCHMARKS.md')
const PLOTS = join(ROOT, 'docs', 'benchmarks')
const TEMPLATE = join(ROOT, 'docs', 'BENCHMARKS.in.md')
const BENCH = join(ROOT, 'bin', 'sable')

const AMOUNTS = {
  full: ['--rounds', '3', '--duration', '1s'],
  quick: ['--rounds', '2', '--duration', '300ms'],
}

/** Each is measured by one call of the bench, within one or two minutes. */
const PARTS = [
  { name: 'messages', scenarios: ['pub', '1:1'], rivals: ['nats', 'redis', 'floor'] },
  { name: 'fan-out', scenarios: ['fan-out', '4:4'], rivals: ['nats', 'redis', 'floor'] },
  { name: 'shapes', scenarios: ['fan-out-1000', 'subjects-100k', 'queue-8'], rivals: ['nats'] },
  { name: 'links', scenarios: ['leaf-16', 'tls-1024'], rivals: ['nats'] },
  { name: 'requests', scenarios: ['request-reply'], rivals: ['nats'] },
  { name: 'loads', scenarios: ['load'], rivals: ['nats'] },
  {
    name: 'payloads-small',
    scenarios: ['payload-0', 'payload-64', 'payload-256', 'payload-4096'],
    rivals: ['nats', 'redis', 'floor'],
  },
  {
    name: 'payloads-large',
    scenarios: ['payload-16384', 'payload-65536', 'payload-262144', 'payload-1048576'],
    rivals: ['nats', 'redis', 'floor'],
  },
  { name: 'workers', scenarios: ['workers'], rivals: [] },
  { name: 'memory', scenarios: ['idle', 'startup', 'resident'], rivals: ['nats'] },
  // A minute of nats-server's time for each round.
  { name: 'subscriptions', scenarios: ['subscriptions-1m'], rivals: ['nats'], rounds: 1 },
]

/** Options of the bench for what ours is compared with. */
const RIVALS = {
  nats: () => {
    const newest = process.env.NATS_SERVER ?? 'nats-server'
    const programs = [newest, process.env.NATS_SERVER_2_9].filter((one) => one && runs(one))
    return programs.flatMap((program) => ['--vs', program])
  },
  redis: () => {
    const program = process.env.REDIS_SERVER ?? 'redis-server'
    return runs(program) ? ['--redis', program] : []
  },
  floor: () => ['--floor'],
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    render: { type: 'boolean' },
    again: { type: 'boolean' },
    results: { type: 'string', default: join(ROOT, 'dist', 'benchmarks') },
    through: { type: 'string', default: '' },
  },
})

try {
  mkdirSync(values.results, { recursive: true })
  if (!values.render) for (const part of PARTS) measure(part)
  await render()
} catch (error) {
  console.error(`benchmarks: ${error.message}`)
  process.exitCode = 1
}

/** Leaves `<part>.json` in the folder of results. */
function measure({ name, scenarios, rivals, rounds }) {
  const known = scenarios.filter((scenario) => findScenarios(scenario).length > 0)
  if (known.length === 0) return
  const arguments_ = [
    'bench',
    ...AMOUNTS[values.quick ? 'quick' : 'full'],
    ...(rounds === undefined ? [] : ['--rounds', String(rounds)]),
    ...['--scenario', known.join()],
    ...rivals.flatMap((rival) => RIVALS[rival]()),
  ]
  const path = join(values.results, `${name}.json`)
  const key = JSON.stringify([commitOf(), arguments_])
  if (!values.again && readJson(path)?.key === key) return
  console.error(`benchmarks: ${name}`)
  const unfinished = `${path}.unfinished`
  const words = [...values.through.split(' ').filter(Boolean), BENCH, ...arguments_]
  const [program, ...rest] = [...words, '--json', unfinished]
  const { status } = spawnSync(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`part ${name} failed: code=${status}`)
  writeFileSync(unfinished, JSON.stringify({ key, ...readJson(unfinished) }))
  renameSync(unfinished, path)
}

function runs(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

function commitOf() {
  return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim()
}

async function render() {
  const files = PARTS.map(({ name }) => `${name}.json`)
  const there = new Set(readdirSync(values.results))
  const paths = files.filter((name) => there.has(name)).map((name) => join(values.results, name))
  const results = withVersionNames(await readResults(paths))
  const plots = plotsOf(results)
  for (const name of readdirSync(PLOTS)) if (name.endsWith('.svg')) rmSync(join(PLOTS, name))
  for (const { id, svg } of plots) writeFileSync(join(PLOTS, `${id}.svg`), `${svg}\n`)
  const template = readFileSync(TEMPLATE, 'utf8')
  writeFileSync(
    PAGE,
    toMarkdown(template, results, plots, ({ id }) => `benchmarks/${id}.svg`),
  )
  const summary = toMarkdown('{{summary}}\n', results, [], () => '')
  writeFileSync(
    README,
    readFileSync(README, 'utf8').replace(SUMMARY, () => summary),
  )
  console.error(`benchmarks: ${PAGE}`)
}
