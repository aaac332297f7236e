import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateCounter } from '../../../src/io/tls/rate-counter.ts'

test('so many handshakes may begin in a second, counted from the first', () => {
  const counter = new RateCounter(2)
  const answers = [0, 10, 20, 999, 1000, 1001, 1500, 2000].map((nowMs) => counter.allow(nowMs))
  assert.deepEqual(answers, [true, true, false, false, false, true, true, false])
  assert.equal(counter.takeWarning(), 'Rejected 4 connections due to TLS rate limiting')
  assert.equal(counter.takeWarning(), undefined)
})

test('zero is no limit', () => {
  const counter = new RateCounter(0)
  assert.equal(Array.from({ length: 50 }, () => counter.allow(0)).includes(false), false)
  assert.equal(counter.takeWarning(), undefined)
})
