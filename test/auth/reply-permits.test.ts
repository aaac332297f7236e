import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { REPLY_PERMITS_MAX, ReplyPermits } from '../../src/auth/reply-permits.ts'

describe('permits to reply', () => {
  it('are for what was asked only, and as often as permitted', () => {
    const permits = new ReplyPermits({ max: 2, expiresMs: 1000 })
    assert.equal(permits.take('inbox', 0), false)
    permits.remember('inbox', 0)
    assert.equal(permits.take('other', 0), false)
    assert.deepEqual(
      [1, 2, 3, 4].map(() => permits.take('inbox', 0)),
      [true, true, false, false],
    )
    assert.equal(permits.size, 0)
  })

  it('end with their time', () => {
    const permits = new ReplyPermits({ max: 10, expiresMs: 50 })
    permits.remember('inbox', 1000)
    assert.equal(permits.take('inbox', 1050), true)
    assert.equal(permits.take('inbox', 1051), false)
    assert.equal(permits.size, 0)
  })

  it('begin anew with another request of the same reply, once they are used up', () => {
    const permits = new ReplyPermits({ max: 1, expiresMs: 50 })
    permits.remember('inbox', 0)
    assert.equal(permits.take('inbox', 0), true)
    permits.remember('inbox', 40)
    assert.equal(permits.take('inbox', 90), true)
    assert.equal(permits.take('inbox', 90), false)
  })

  it('are used up by another request of the same reply', () => {
    const permits = new ReplyPermits({ max: 2, expiresMs: 50 })
    permits.remember('inbox', 0)
    permits.remember('inbox', 40)
    assert.equal(permits.take('inbox', 50), true)
    assert.equal(permits.take('inbox', 50), false)
    permits.remember('later', 100)
    permits.remember('later', 200)
    assert.equal(permits.take('later', 240), true)
  })

  it('have no end when max or time is 0 or less', () => {
    for (const none of [0, -1]) {
      const permits = new ReplyPermits({ max: none, expiresMs: none })
      permits.remember('inbox', 0)
      for (let times = 0; times < 1000; times++) assert.equal(permits.take('inbox', 1e12), true)
    }
  })

  it('that have ended are thrown away every second and every 4096 permits', () => {
    const permits = new ReplyPermits({ max: 1, expiresMs: 100 })
    for (let index = 0; index < 10; index++) permits.remember(`${index}`, 0)
    assert.equal(permits.size, 10)
    permits.remember('later', 1001)
    assert.equal(permits.size, 1)
    const used = new ReplyPermits({ max: 1, expiresMs: -1 })
    used.remember('first', 0)
    for (let index = 0; index < 4096; index++) {
      used.remember(`${index}`, 0)
      used.take(`${index}`, 0)
    }
    assert.equal(used.size, 4097)
    used.remember('last', 0)
    assert.equal(used.size, 2)
  })

  it('do not grow without bound; the oldest go first', () => {
    const permits = new ReplyPermits({ max: -1, expiresMs: -1 })
    for (let index = 0; index <= REPLY_PERMITS_MAX; index++) permits.remember(`${index}`, 0)
    assert.ok(permits.size <= REPLY_PERMITS_MAX)
    assert.equal(permits.take('0', 0), false)
    assert.equal(permits.take(`${REPLY_PERMITS_MAX}`, 0), true)
    assert.equal(permits.take(`${REPLY_PERMITS_MAX / 2}`, 0), true)
  })
})
