import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createClock, systemClock } from '../../src/base/clock.ts'

describe('clock', () => {
  it('adds the microseconds of the fine clock to the milliseconds of the coarse one', () => {
    let coarseMs = 1_795_000_000_123
    let fineMs = 50
    const clock = createClock(
      () => coarseMs,
      () => fineMs,
    )
    assert.equal(clock.wallUs(), 1_795_000_000_123_000)
    fineMs += 0.456
    assert.equal(clock.wallUs(), 1_795_000_000_123_456)
    fineMs += 0.6
    coarseMs += 1
    assert.equal(clock.wallUs(), 1_795_000_000_124_056)
    assert.equal(clock.monotonicMs(), fineMs)
  })

  it('follows the system when its time is set, forwards and backwards', () => {
    let coarseMs = 1_000_000
    const clock = createClock(
      () => coarseMs,
      () => 7.25,
    )
    clock.wallUs()
    coarseMs = 2_000_000
    assert.equal(clock.wallUs(), 2_000_000_000)
    coarseMs = 500
    assert.equal(clock.wallUs(), 500_999)
  })

  it('never leaves the millisecond of the coarse clock, however the fine one drifts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.double({ min: 0, max: 9, noNaN: true })), { minLength: 1 }),
        (steps) => {
          let coarseMs = 1_795_000_000_000
          let fineMs = 0
          const clock = createClock(
            () => coarseMs,
            () => fineMs,
          )
          for (const [coarseStepMs, fineStepMs] of steps) {
            coarseMs += coarseStepMs
            fineMs += fineStepMs
            const wallUs = clock.wallUs()
            assert.ok(Number.isSafeInteger(wallUs))
            assert.equal(Math.floor(wallUs / 1000), coarseMs)
          }
        },
      ),
    )
  })

  it('tells the time of the system', () => {
    const beforeMs = Date.now()
    const wallMs = Math.floor(systemClock.wallUs() / 1000)
    assert.ok(wallMs >= beforeMs && wallMs <= Date.now())
  })
})
