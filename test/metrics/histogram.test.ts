import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  addHistograms,
  countOf,
  emptyHistogram,
  Histogram,
  histogramSince,
  LANE_BOUNDS_BYTES,
  quantile,
  TIME_BOUNDS_MS,
} from '../../src/monitor/metrics/histogram.ts'
import {
  type ThreadHistograms,
  ThreadHistory,
} from '../../src/workers/measurements/thread-history.ts'

const SEED = 20_261_123
const sizes = fc.array(fc.double({ min: 0.0001, max: 100_000, noNaN: true }), { minLength: 1 })

describe('a histogram', () => {
  test('has bounds that rise, in steps of 1, 2 and 5, and of two', () => {
    assert.deepEqual(TIME_BOUNDS_MS.slice(0, 4), [0.001, 0.002, 0.005, 0.01])
    assert.equal(TIME_BOUNDS_MS.at(-1), 10_000)
    assert.deepEqual([LANE_BOUNDS_BYTES[0], LANE_BOUNDS_BYTES.at(-1)], [256, 1024 * 1024])
    for (const bounds of [TIME_BOUNDS_MS, LANE_BOUNDS_BYTES]) {
      assert.deepEqual(
        bounds,
        [...new Set(bounds)].sort((a, b) => a - b),
      )
    }
  })

  test('counts each size in the first bucket that it fits in', () => {
    fc.assert(
      fc.property(sizes, (all) => {
        const histogram = new Histogram(TIME_BOUNDS_MS)
        for (const size of all) histogram.record(size)
        const { counts, sum } = histogram.report()
        const index = (size: number) => {
          const at = TIME_BOUNDS_MS.findIndex((bound) => size <= bound)
          return at < 0 ? TIME_BOUNDS_MS.length : at
        }
        const expected = new Array<number>(TIME_BOUNDS_MS.length + 1).fill(0)
        for (const size of all) expected[index(size)]!++
        assert.deepEqual(counts, expected)
        assert.ok(Math.abs(sum - all.reduce((a, b) => a + b)) <= 1e-9 * sum)
      }),
      { seed: SEED },
    )
  })

  test('counts many at once as if one by one', () => {
    const [one, many] = [new Histogram(TIME_BOUNDS_MS), new Histogram(TIME_BOUNDS_MS)]
    for (let i = 0; i < 8; i++) one.record(0.5)
    many.record(0.5, 8)
    assert.deepEqual(many.report(), one.report())
  })

  test('has quantiles between the bounds of the bucket that the true one is in', () => {
    const shares = fc.double({ min: 0.01, max: 1, noNaN: true })
    fc.assert(
      fc.property(sizes, shares, (all, share) => {
        const histogram = new Histogram(TIME_BOUNDS_MS)
        for (const size of all) histogram.record(size)
        const sorted = all.toSorted((a, b) => a - b)
        const exact = sorted[Math.max(0, Math.ceil(share * all.length - 1e-9) - 1)]!
        const found = quantile(histogram.report(), share)
        const at = TIME_BOUNDS_MS.findIndex((bound) => exact <= bound)
        const last = TIME_BOUNDS_MS.at(-1)!
        assert.ok(found <= (TIME_BOUNDS_MS[at] ?? last) + 1e-9, `${found} of ${exact}`)
        assert.ok(found >= (at < 0 ? last : (TIME_BOUNDS_MS[at - 1] ?? 0)), `${found} of ${exact}`)
      }),
      { seed: SEED },
    )
  })

  test('of nothing has the quantile 0', () => {
    assert.equal(quantile(emptyHistogram(TIME_BOUNDS_MS), 0.99), 0)
  })

  test('is added to another one, and taken from a later one', () => {
    const histogram = new Histogram(TIME_BOUNDS_MS)
    histogram.record(1, 3)
    const before = histogram.report()
    histogram.record(50, 2)
    const since = histogramSince(histogram.report(), before)
    assert.deepEqual([countOf(since), since.sum], [2, 100])
    assert.deepEqual(addHistograms(before, since), histogram.report())
  })
})

describe('what a thread number has measured', () => {
  function histograms(count: number): ThreadHistograms {
    const histogram = new Histogram(TIME_BOUNDS_MS)
    histogram.record(1, count)
    const empty = emptyHistogram(TIME_BOUNDS_MS)
    return {
      localLatency: histogram.report(),
      laneLatency: empty,
      laneBytes: emptyHistogram(LANE_BOUNDS_BYTES),
      clientRtt: empty,
      ingressPauses: empty,
      eventLoopDelay: empty,
    }
  }

  test('never goes backwards when its thread dies and another one takes over', () => {
    const history = new ThreadHistory()
    const count = (report: ThreadHistograms | undefined) =>
      countOf(history.update(report).localLatency)
    assert.equal(count(histograms(10)), 10)
    assert.equal(count(histograms(12)), 12)
    assert.equal(count(undefined), 12)
    assert.equal(count(histograms(3)), 15)
    assert.equal(count(histograms(4)), 16)
  })
})
