import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { describeMachine } from '../../bench/machine.ts'
import type { Measurement } from '../../bench/measurement.ts'
import { toCsv } from '../../bench/outputs/csv.ts'
import { toHtml } from '../../bench/outputs/html.ts'
import { escapeMarkup } from '../../bench/outputs/markup.ts'
import { plotsOf } from '../../bench/outputs/plots.ts'
import { mergeResults, type Results, readResults, toJson } from '../../bench/outputs/results.ts'
import { plotSvg } from '../../bench/outputs/svg-plot.ts'
import type { ScenarioResult } from '../../bench/report.ts'
import { Browser, chromiumPath } from '../support/browser.ts'

const HOSTILE = '<script>"&\'</script>, =1+1\n\u0000'

function rounds(...rates: number[]): Measurement[] {
  return rates.map((publishedPerSecond) => ({
    metrics: { publishedPerSecond, cpuNsPerMessage: 1e9 / publishedPerSecond },
    generatorBusy: 0.5,
  }))
}

function scenario(name: string, ours: number[], theirs: number[], other = 'nats'): ScenarioResult {
  return {
    scenario: name,
    workload: 'words',
    targets: [
      { target: 'sable', rounds: rounds(...ours), failures: [] },
      { target: other, rounds: rounds(...theirs), failures: [] },
    ],
  }
}

function results(...scenarios: ScenarioResult[]): Results {
  const machine = describeMachine()
  const date = '2026-11-23T00:00:00.000Z'
  const versions = { sable: 'v1', nats: HOSTILE }
  const run = { machine, date, size: 'full', rounds: 3, command: 'sable bench', versions }
  return { runs: [run], scenarios }
}

const BY_PAYLOAD = results(
  scenario('1:1-16', [900, 800, 1000], [400, 410, 390]),
  scenario('1:1-1024', [90, 80, 100], [40, 41, 39]),
)

/** @throws Error unless all elements are closed in order and all other `<` and `&` are escaped */
function assertWellFormed(text: string, voids: readonly string[] = []): void {
  const open: string[] = []
  for (const [tag, slash, name] of text.matchAll(/<(\/?)([a-z][\w-]*)(?: [\w-]+="[^"<]*")*>/g)) {
    if (slash === '/') assert.equal(open.pop(), name, tag)
    else if (!voids.includes(name!)) open.push(name!)
  }
  assert.deepEqual(open, [])
  const words = text.replaceAll(/<\/?[a-z][\w-]*(?: [\w-]+="[^"<]*")*>/g, '')
  assert.doesNotMatch(words, /<|&(?!(?:amp|lt|gt|quot|#39);)/)
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'bench-outputs-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('whatever is escaped has no markup in it, and only what XML may hold', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = escapeMarkup(text)
      assert.doesNotMatch(escaped, /[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(escaped, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
    }),
  )
})

test('plots are made of scenarios that differ in one number, whichever names servers have', () => {
  const hostile = results(
    scenario('1:1-16', [900, 800, 1000], [400, 410, 390], HOSTILE),
    scenario('1:1-1024', [90, 80, 100], [40, 41, 39], HOSTILE),
  )
  for (const some of [BY_PAYLOAD, hostile]) {
    const plots = plotsOf(some)
    assert.deepEqual(
      plots.map(({ id }) => id),
      ['throughput-by-payload', 'cpu-by-payload'],
    )
    for (const { svg } of plots) {
      assertWellFormed(svg)
      assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
    }
  }
})

test('one scenario of a family is no plot', () => {
  assert.deepEqual(plotsOf(results(scenario('1:1-16', [1, 2], [3, 4]))), [])
})

test('a plot shows median, least and greatest round, whatever the values', () => {
  const value = fc.double({ min: 0, max: 1e12, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value, value), { maxLength: 5 }), (values) => {
      const points = values.map((three, x) => {
        const [min, median, max] = three.toSorted((a, b) => a - b) as [number, number, number]
        return { x, min, median, max }
      })
      const svg = plotSvg({
        title: HOSTILE,
        xLabel: 'x',
        yLabel: 'y',
        xText: String,
        series: [{ name: 'sable', slot: 0, points }],
      })
      assertWellFormed(svg)
      assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
      assert.equal(svg.match(/class="spread"/g)?.length ?? 0, points.length)
    }),
    { numRuns: 50 },
  )
})

test('the page is one file: well-formed, no script, nothing from elsewhere', () => {
  const page = toHtml(mergeResults([BY_PAYLOAD, results(scenario('4:4', [1], [2], HOSTILE))]))
  assertWellFormed(page.replace('<!doctype html>', ''), ['meta'])
  assert.doesNotMatch(page, /<script|<link|<img|\b(src|href)=|url\(|@import/)
  assert.match(page, /<td>900<small>800 to 1,000<\/small><\/td>/)
})

const chromium = chromiumPath()
const skip = chromium === undefined ? 'no Chromium here' : false

test('a phone shows the page without scrolling sideways', { skip }, async (t) => {
  const path = join(folder(t), 'report.html')
  writeFileSync(path, toHtml(BY_PAYLOAD))
  await using browser = await Browser.start(chromium!)
  await browser.resize(390, 800)
  await browser.open(pathToFileURL(path).href)
  await browser.waitFor('the page', 'document.readyState === "complete"')
  assert.equal(await browser.value('document.querySelectorAll("svg").length'), 2)
  assert.ok((await browser.value<number>('document.documentElement.scrollWidth')) <= 390)
  assert.deepEqual(browser.complaints, [])
  assert.deepEqual(browser.requested, [pathToFileURL(path).href])
})

test('CSV: a line for each scenario, metric and server, with all rounds; names are quoted', () => {
  const lines = toCsv(results(scenario('a', [2, 4, 3], [6, 6, 6], 'x, "y"'))).split('\r\n')
  assert.equal(
    lines[0],
    'scenario,metric,label,better,server,median,min,max,ours_times_better,rounds',
  )
  assert.equal(lines[1], 'a,publishedPerSecond,published msg/s,higher,sable,3,2,4,,2 4 3')
  assert.equal(lines[2], 'a,publishedPerSecond,published msg/s,higher,"x, ""y""",6,6,6,0.5,6 6 6')
  assert.equal(lines.length, 6)
})

test('results files are read again and put together: scenarios, servers, rounds', async (t) => {
  const directory = folder(t)
  const parts = [
    results(scenario('a', [1, 2], [3])),
    results(scenario('b', [5], [6]), scenario('a', [9], [7], 'other')),
  ]
  const paths = parts.map((part, index) => {
    const path = join(directory, `${index}.json`)
    writeFileSync(path, toJson(part))
    return path
  })
  const merged = await readResults(paths)
  assert.equal(merged.runs.length, 2)
  assert.deepEqual(
    merged.scenarios.map(({ scenario: name, targets }) => [
      name,
      ...targets.map(({ target, rounds: all }) => `${target} ${all.length}`),
    ]),
    [
      ['a', 'sable 3', 'nats 1', 'other 1'],
      ['b', 'sable 1', 'nats 1'],
    ],
  )
})

test('what is no results file is refused by name', async (t) => {
  const path = join(folder(t), 'strange.json')
  await assert.rejects(readResults([path]), /results cannot be read: path=.*strange\.json/)
  writeFileSync(path, '{"scenarios":[{}]}')
  await assert.rejects(readResults([path]), /not written by sable bench --json: .*strange\.json/)
})
