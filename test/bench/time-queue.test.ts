import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RequestFrames } from '../../bench/drivers/request-frames.ts'
import { TimeQueue } from '../../bench/drivers/time-queue.ts'

test('a queue gives what was put in, in order, however much that is', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3_000), fc.nat(3_000)), { maxLength: 6 }), (turns) => {
      const queue = new TimeQueue()
      let [pushed, shifted] = [0, 0]
      for (const [more, fewer] of turns) {
        for (let i = 0; i < more; i++) queue.push(pushed++)
        for (let i = 0; i < fewer && shifted < pushed; i++) assert.equal(queue.shift(), shifted++)
      }
      while (shifted < pushed) assert.equal(queue.shift(), shifted++)
      assert.throws(() => queue.shift(), /more answers than requests/)
    }),
  )
})

test('requests are taken in pieces that begin again behind the last one', () => {
  const frames = new RequestFrames('a.b', '_INBOX.x', 3, 16, 4)
  const first = frames.from(0, 3)
  assert.equal(first.count, 3)
  assert.ok(first.bytes.toString('latin1').startsWith('PUB a.b _INBOX.x.0 16\r\n'))
  const rest = frames.from(3, 3)
  assert.equal(rest.count, 1)
  assert.ok(rest.bytes.toString('latin1').startsWith('PUB a.b _INBOX.x.3 16\r\n'))
  assert.equal(frames.from(4, 9).count, 4)
})
