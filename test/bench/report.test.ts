import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Measurement } from '../../bench/measurement.ts'
import { formatTable, mediansOf, ratiosOf, type ScenarioResult } from '../../bench/report.ts'

function round(publishedPerSecond: number, cpuNsPerMessage: number | undefined): Measurement {
  return { metrics: { publishedPerSecond, cpuNsPerMessage }, generatorBusy: 0.5 }
}

const COMPARED: ScenarioResult = {
  scenario: '1:1-16',
  workload: 'words',
  targets: [
    { target: 'ours', rounds: [round(900, 10), round(800, 20), round(1, 30)], failures: [] },
    { target: 'theirs', rounds: [round(400, 60), round(400, undefined)], failures: [] },
  ],
}

test('medians are taken over the rounds that have the value', () => {
  assert.deepEqual(mediansOf(COMPARED.targets[0]!), {
    publishedPerSecond: 800,
    cpuNsPerMessage: 20,
  })
  assert.deepEqual(mediansOf(COMPARED.targets[1]!), {
    publishedPerSecond: 400,
    cpuNsPerMessage: 60,
  })
})

test('rates are compared ours over theirs, costs theirs over ours', () => {
  assert.deepEqual(ratiosOf(COMPARED), {
    theirs: { publishedPerSecond: 2, cpuNsPerMessage: 3 },
  })
})

test('the columns of the table line up', () => {
  const lines = formatTable([COMPARED]).split('\n')
  assert.deepEqual(lines.slice(0, 3), [
    'scenario  metric                             ours  theirs  x theirs',
    '1:1-16    published msg/s          800 -100% +13%     400      2.00',
    '          server CPU ns/published    20 -50% +50%      60      3.00',
  ])
})

test('of the floor ours is a multiple, whichever way is better', () => {
  const [ours, theirs] = COMPARED.targets
  const floor = { ...theirs!, target: 'floor' }
  const lines = formatTable([{ ...COMPARED, targets: [ours!, floor] }]).split('\n')
  assert.match(lines[0]!, / \/ floor$/)
  assert.match(lines[1]!, / 2\.00$/)
  assert.match(lines[2]!, / 0\.33$/)
})

test('a value that no round has is n/a, and so is its ratio', () => {
  const table = formatTable([
    {
      ...COMPARED,
      targets: [
        { target: 'ours', rounds: [round(1, undefined)], failures: [] },
        COMPARED.targets[1]!,
      ],
    },
  ])
  assert.match(table, /server CPU ns\/published +n\/a +60 +n\/a/)
})

test('failures are named below the table', () => {
  const failed = { target: 'theirs', rounds: [], failures: ['gone'] }
  const table = formatTable([{ ...COMPARED, targets: [COMPARED.targets[0]!, failed] }])
  assert.match(table, /^FAILED 1:1-16 on theirs: gone$/m)
})

test('a rate is marked when the generator was the busy side', () => {
  const busy = { ...round(800, 20), generatorBusy: 0.97 }
  const table = formatTable([
    { ...COMPARED, targets: [{ target: 'ours', rounds: [busy], failures: [] }] },
  ])
  assert.match(table, /published msg\/s +800\*$/m)
  assert.match(table, /^\*: the load generator was over 90 % busy/m)
})
