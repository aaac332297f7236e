import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { median, ratio } from '../../bench/statistics.ts'

test('the median of an odd count is the middle value, whatever the order', () => {
  assert.equal(median([30, 10, 20]), 20)
})

test('the median of an even count is the mean of the two middle values', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5)
})

test('rounds without a value do not count for the median', () => {
  assert.equal(median([undefined, 7, undefined]), 7)
  assert.equal(median([undefined]), undefined)
  assert.equal(median([]), undefined)
})

test('as many values are below the median as above, and the values are left in place', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const before = [...values]
      const middle = median(values)!
      assert.deepEqual(values, before)
      const below = values.filter((value) => value < middle).length
      const above = values.filter((value) => value > middle).length
      assert.ok(below <= values.length / 2 && above <= values.length / 2)
    }),
  )
})

test('a ratio above 1 speaks for ours, for rates and for costs', () => {
  assert.equal(ratio('higher', 300, 100), 3)
  assert.equal(ratio('lower', 100, 300), 3)
  assert.equal(ratio('higher', 50, 100), 0.5)
})

test('there is no ratio without both values or over zero', () => {
  assert.equal(ratio('higher', undefined, 1), undefined)
  assert.equal(ratio('lower', 1, undefined), undefined)
  assert.equal(ratio('higher', 1, 0), undefined)
  assert.equal(ratio('lower', 0, 1), undefined)
})
