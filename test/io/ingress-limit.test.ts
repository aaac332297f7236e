import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CELLS_PER_BUDGET, IngressBudget, IngressLimit } from '../../src/io/ingress-limit.ts'

const newCells = () => new BigInt64Array(CELLS_PER_BUDGET)

test('whoever waits as told gets the rate, and never more than a burst beyond it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 50 }),
      (msgsPerSecond, reads) => {
        const budget = new IngressBudget(
          { maxMsgsPerSecond: msgsPerSecond, maxBytesPerSecond: 0 },
          newCells(),
          0,
        )
        const beganMs = 1_700_000_000_000
        let nowMs = beganMs
        let taken = 0
        for (const msgs of reads) {
          nowMs += budget.charge(nowMs, msgs, 0)
          taken += msgs
        }
        const paidMs = (taken / msgsPerSecond) * 1000
        // A tenth of a second is given as a burst.
        assert.ok(nowMs - beganMs >= paidMs - 101, 'not let through too early')
        assert.ok(nowMs - beganMs <= paidMs + 1, 'not kept too long')
      },
    ),
  )
})

test('a budget that was not used does not save up', () => {
  const budget = new IngressBudget({ maxMsgsPerSecond: 1000, maxBytesPerSecond: 0 }, newCells(), 0)
  assert.equal(budget.charge(0, 100, 0), 0)
  assert.equal(budget.charge(3_600_000, 2000, 0), 2000)
})

test('the stricter of messages and bytes decides', () => {
  const budget = new IngressBudget(
    { maxMsgsPerSecond: 1000, maxBytesPerSecond: 1000 },
    newCells(),
    0,
  )
  assert.equal(budget.charge(0, 1, 5000), 5000)
})

test('budgets with the same cells are one', () => {
  const cells = newCells()
  const rate = { maxMsgsPerSecond: 10, maxBytesPerSecond: 0 }
  const one = new IngressBudget(rate, cells, 0)
  const other = new IngressBudget(rate, cells, 0)
  assert.equal(one.charge(0, 10, 0), 1000)
  assert.equal(other.charge(500, 10, 0), 1500)
})

test('a connection is charged for what is new, also when its counters wrap', () => {
  const budget = new IngressBudget({ maxMsgsPerSecond: 1000, maxBytesPerSecond: 0 }, newCells(), 0)
  const limit = new IngressLimit([budget], 0, 0)
  assert.equal(limit.charge(0, 2 ** 32 - 100, 0) > 0, true)
  assert.equal(limit.pauses, 1)
  // Long after that debt is paid.
  assert.equal(limit.charge(10_000_000_000, 100, 0), 200)
  assert.equal(limit.pauses, 2)
})

test('reads are short where little may come in', () => {
  const limitOf = (maxMsgsPerSecond: number, maxBytesPerSecond: number) =>
    new IngressLimit(
      [new IngressBudget({ maxMsgsPerSecond, maxBytesPerSecond }, newCells(), 0)],
      0,
      0,
    )
  assert.equal(limitOf(1, 0).readBytes, 512)
  assert.equal(limitOf(0, 1_000_000).readBytes, 100_000)
  assert.equal(limitOf(100_000, 1_000_000).readBytes, 100_000)
})
