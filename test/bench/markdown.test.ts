import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Measurement } from '../../bench/measurement.ts'
import { askedRows } from '../../bench/outputs/asked.ts'
import { toMarkdown, withVersionNames } from '../../bench/outputs/markdown.ts'
import type { Results } from '../../bench/outputs/results.ts'

const MACHINE = {
  node: 'v24.0.0',
  platform: 'linux',
  processor: 'one | other',
  processors: 2,
  memoryBytes: 2 ** 34,
  loadAverage: 0.1,
}

function cost(...values: number[]): Measurement[] {
  return values.map((cpuNsPerMessage) => ({ metrics: { cpuNsPerMessage } }))
}

function results(scenario: string, costs: Readonly<Record<string, number[]>>): Results {
  const targets = Object.entries(costs).map(([target, values]) => ({
    target,
    rounds: cost(...values),
    failures: [],
  }))
  const versions = { new: 'nats-server: v2.15.2', redis: 'Redis server v=7.0.15 sha=0' }
  const command = 'sable bench --vs /opt/some/where/nats-server --json /tmp/x.json --floor'
  const run = { machine: MACHINE, date: '2026-11-23T01:02:03Z', size: 'full', rounds: 3, command }
  return {
    runs: [{ ...run, versions }],
    scenarios: [{ scenario, workload: 'words', targets }],
  }
}

test('asked figures are held against the better rival, shares and floors the other way', () => {
  const { scenarios } = results('1:1-16', {
    sable: [90, 100, 110],
    'nats-server 2.15.2': [600],
    'nats-server 2.9.10': [400],
    floor: [20],
  })
  const rows = askedRows(scenarios).map(({ comparison, reached, isMet }) => [
    comparison,
    reached,
    isMet,
  ])
  assert.deepEqual(rows, [
    ['times', 4, false],
    ['floor', 5, false],
  ])
})

test('a page is the template with its parts; no path of the machine is in it', () => {
  const named = withVersionNames(results('1:1-16', { sable: [10, 30, 20], new: [200], redis: [9] }))
  const plots = [{ id: 'a', title: 'A', svg: '' }]
  const page = toMarkdown('{{facts}}\n{{asked}}\n{{plots}}\n{{all}}', named, plots, () => 'a.svg')
  assert.match(page, /servers: sable, nats-server 2\.15\.2, Redis 7\.0\.15;/)
  assert.match(page, /^sable bench --vs nats-server --floor$/m)
  assert.match(page, /\| 20 \(10 to 30\) \| 200 \| 10 × \| ≥ 5 × \| yes \|/)
  assert.match(page, /^!\[A\]\(a\.svg\)$/m)
  assert.doesNotMatch(page, /\/opt|\/tmp|undefined/)
})

test('the model of more cores: workers by what one does at the cost measured', () => {
  const one = results('workers-1', { sable: [100] })
  const two = results('workers-2', { sable: [200] })
  const both = { ...one, scenarios: [...one.scenarios, ...two.scenarios] }
  const page = toMarkdown('{{workers}}', both, [], () => '')
  assert.match(page, /^\| 1 \| 100 \| 1\.00 \| 10,000,000 \|$/m)
  assert.match(page, /^\| 2 \| 200 \| 0\.50 \| 10,000,000 \|$/m)
})

test('a name that stands for nothing is refused', () => {
  assert.throws(() => toMarkdown('{{nonesuch}}', results('a', {}), [], () => ''), /nonesuch/)
})

test('the summary has ours beside the better rival, and nothing of the floor', () => {
  const { scenarios, runs } = results('1:1-16', {
    sable: [100],
    'nats-server 2.15.2': [600],
    'nats-server 2.9.10': [450],
    floor: [20],
  })
  const summary = toMarkdown('{{summary}}', { runs, scenarios }, [], () => '')
  assert.equal(
    summary.split('\n').slice(2).join('\n'),
    '| words | server CPU ns/published | 100 | 450 | 4.5 × |',
  )
})
