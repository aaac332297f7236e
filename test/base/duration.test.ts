import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { durationMs, durationNs, formatDuration, parseDuration } from '../../src/base/duration.ts'

const READABLE: readonly (readonly [text: string, ns: bigint])[] = [
  ['0', 0n],
  ['+0', 0n],
  ['0s', 0n],
  ['5s', 5_000_000_000n],
  ['30s', 30_000_000_000n],
  ['-5s', -5_000_000_000n],
  ['+5s', 5_000_000_000n],
  ['1.5s', 1_500_000_000n],
  ['1.s', 1_000_000_000n],
  ['.5s', 500_000_000n],
  ['10ns', 10n],
  ['11us', 11_000n],
  ['12µs', 12_000n],
  ['12μs', 12_000n],
  ['13ms', 13_000_000n],
  ['15m', 900_000_000_000n],
  ['16h', 57_600_000_000_000n],
  ['3h30m', 12_600_000_000_000n],
  ['10.5s4m', 250_500_000_000n],
  ['0.3333333333333333333h', 1_200_000_000_000n - 1n],
  ['9223372036854775807ns', 2n ** 63n - 1n],
  ['-9223372036854775808ns', -(2n ** 63n)],
]

for (const [text, ns] of READABLE) {
  test(`reads ${text}`, () => assert.deepEqual(parseDuration(text), { ns }))
}

const UNREADABLE: readonly (readonly [text: string, error: string])[] = [
  ['', 'time: invalid duration ""'],
  ['3', 'time: missing unit in duration "3"'],
  ['-', 'time: invalid duration "-"'],
  ['s', 'time: invalid duration "s"'],
  ['.', 'time: invalid duration "."'],
  ['-.', 'time: invalid duration "-."'],
  ['.s', 'time: invalid duration ".s"'],
  ['1.2.3s', 'time: missing unit in duration "1.2.3s"'],
  ['abc', 'time: invalid duration "abc"'],
  ['3000h ', 'time: unknown unit "h " in duration "3000h "'],
  ['1d', 'time: unknown unit "d" in duration "1d"'],
  ['1é', String.raw`time: unknown unit "\xc3\xa9" in duration "1\xc3\xa9"`],
  ['"1s"', String.raw`time: invalid duration "\"1s\""`],
  ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
  ['3000000h', 'time: invalid duration "3000000h"'],
  ['99999999999999999999x', 'time: invalid duration "99999999999999999999x"'],
]

for (const [text, error] of UNREADABLE) {
  test(`refuses ${JSON.stringify(text)} with Go's text`, () => {
    assert.deepEqual(parseDuration(text), { error })
  })
}

const PRINTED: readonly (readonly [ns: bigint | number, text: string])[] = [
  [0, '0s'],
  [1, '1ns'],
  [1_100, '1.1µs'],
  [2_200_000, '2.2ms'],
  [3_300_000_000, '3.3s'],
  [245_000_000_000, '4m5s'],
  [120_000_000_000n, '2m0s'],
  [3_600_000_000_000n, '1h0m0s'],
  [18_367_001_000_000n, '5h6m7.001s'],
  [-1_500_000, '-1.5ms'],
  [480_000_000_001n, '8m0.000000001s'],
  [2n ** 63n - 1n, '2562047h47m16.854775807s'],
  [-(2n ** 63n), '-2562047h47m16.854775808s'],
]

for (const [ns, text] of PRINTED) {
  test(`prints ${text}`, () => assert.equal(formatDuration(ns), text))
}

test('reads back whatever it prints', () => {
  const durations = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  fc.assert(
    fc.property(durations, (ns) => assert.deepEqual(parseDuration(formatDuration(ns)), { ns })),
  )
})

test('answers every text with a duration or a reason', () => {
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[\d.hmsnuµ]{0,12}$/))
  fc.assert(
    fc.property(texts, (text) => {
      const result = parseDuration(text)
      assert.ok('ns' in result || result.error.startsWith('time: '))
    }),
  )
})

test('converts to milliseconds and back', () => {
  assert.equal(durationMs(1_500_000n), 1.5)
  assert.equal(durationMs(500_000n), 0.5)
  assert.equal(durationNs(0.5), 500_000n)
  assert.equal(durationNs(1e30), 2n ** 63n - 1n)
})
