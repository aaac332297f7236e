import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeVerdict, judge } from '../../bench/guard/verdict.ts'

function resultsOf(now: readonly (number | undefined)[], before: readonly (number | undefined)[]) {
  const rounds = (costs: readonly (number | undefined)[]) =>
    costs.map((cpuNsPerMessage) => ({ metrics: { cpuNsPerMessage } }))
  const targets = [{ rounds: rounds(now) }, { rounds: rounds(before) }]
  return { scenarios: [{ scenario: '1:1-16', targets }] }
}

test('the guard compares the cheapest rounds: a disturbed round is no regression', () => {
  const [verdict] = judge(resultsOf([300, 105, undefined], [100, 140, 180]))
  assert.equal(verdict!.ratio, 1.05)
  assert.equal(verdict!.isWorse, false)
  assert.equal(describeVerdict(verdict!), '1:1-16: 105 ns, before 100 ns: 1.05')
})

test('one lucky round of the earlier commit is no regression', () => {
  const [verdict] = judge(resultsOf([843, 800, 1000], [943, 690, 1012]))
  assert.equal(verdict!.isWorse, false)
  assert.ok(verdict!.ratio < 1)
})

test('the guard speaks up above 15 %', () => {
  const [verdict] = judge(resultsOf([116, 130], [100, 101]))
  assert.equal(verdict!.isWorse, true)
  assert.equal(describeVerdict(verdict!), '1:1-16: 116 ns, before 100 ns: 1.16 WORSE')
})

test('what could not be measured is said, and fails nobody', () => {
  const [verdict] = judge(resultsOf([undefined], [100]))
  assert.equal(verdict!.isWorse, false)
  assert.equal(describeVerdict(verdict!), '1:1-16: not measured')
})

test('requests count by their own metric', () => {
  const target = (cpuNsPerRequest: number) => ({ rounds: [{ metrics: { cpuNsPerRequest } }] })
  const scenarios = [{ scenario: 'requests', targets: [target(4000), target(2000)] }]
  assert.equal(judge({ scenarios })[0]!.ratio, 2)
})
