import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RATE_LIMIT_TEXTS_MAX, RateLimit } from '../../src/monitor/log/rate-limit.ts'

describe('rate limit', () => {
  let nowMs = 0
  const clock = { wallUs: () => 0, monotonicMs: () => nowMs }

  it('lets a text through once a second, and other texts meanwhile', () => {
    const limit = new RateLimit(clock)
    assert.equal(limit.passes('a'), true)
    assert.equal(limit.passes('a'), false)
    assert.equal(limit.passes('b'), true)
    nowMs += 999
    assert.equal(limit.passes('a'), false)
    nowMs += 1
    assert.equal(limit.passes('a'), true)
    assert.equal(limit.passes('a'), false)
  })

  it('remembers a bounded number of texts, and forgets the oldest first', () => {
    const limit = new RateLimit(clock)
    for (let i = 0; i <= RATE_LIMIT_TEXTS_MAX; i++) assert.equal(limit.passes(`text ${i}`), true)
    assert.equal(limit.passes(`text ${RATE_LIMIT_TEXTS_MAX}`), false)
    assert.equal(limit.passes('text 1'), false)
    assert.equal(limit.passes('text 0'), true)
  })

  it('counts a text as young again each time it goes through', () => {
    const limit = new RateLimit(clock)
    limit.passes('often')
    limit.passes('once')
    nowMs += 1000
    assert.equal(limit.passes('often'), true)
    nowMs += 999
    for (let i = 2; i <= RATE_LIMIT_TEXTS_MAX; i++) limit.passes(`text ${i}`)
    assert.equal(limit.passes('often'), false)
  })
})
