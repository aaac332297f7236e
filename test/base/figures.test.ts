import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, count, percent, rate, span, time } from '../../src/base/figures.ts'

test('figures have three digits that count', () => {
  assert.deepEqual([0, 7, 999, 1000, 12_345, 999_600, 3e9, 2e15].map(count), [
    '0',
    '7',
    '999',
    '1.00 k',
    '12.3 k',
    '1.00 M',
    '3.00 G',
    '2000 T',
  ])
  assert.equal(rate(1234.5), '1.23 k/s')
})

test('bytes, shares and times have their units', () => {
  assert.deepEqual([0, 1000, 1024, 67_108_864].map(bytes), [
    '0 B',
    '1000 B',
    '1.00 KiB',
    '64.0 MiB',
  ])
  assert.deepEqual([0, 0.05, 0.5, 1].map(percent), ['0.0 %', '5.0 %', '50 %', '100 %'])
  const times = [0, 0.0042, 0.25, 5.23, 250, 61_000].map(time)
  assert.deepEqual(times, ['–', '4.2 µs', '250 µs', '5.2 ms', '250 ms', '61.0 s'])
  const spans = [900, 61_000, 3_700_000, 90_000_000].map(span)
  assert.deepEqual(spans, ['0 s', '1 min', '1 h 1 min', '1 d 1 h'])
})
