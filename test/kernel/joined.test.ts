import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Session } from './session.ts'
import { KERNELS, Threads } from './threads.ts'

for (const { name, module } of KERNELS) {
  describe(`two threads of one event loop, ${name} kernel`, () => {
    test('need no lane for what is for the other', () => {
      const threads = new Threads({ module, isJoined: true })
      const { router } = threads
      const worker = threads.worker(1)
      const link = router.connect({ kind: 'leaf', planKey: 1 })
      threads.insertLeaf(link, 'up')
      const fromLink = new Session(router, { kind: 'leaf', planKey: 2 }, () => {})
      const fromClient = new Session(worker, {}, () => {})
      const client = worker.connect()
      const member = worker.connect()
      worker.subscribe(client, 'down')
      worker.subscribe(member, 'down', 'queue')
      threads.settle()

      fromClient.feedAll(['PUB up 2\r\nhi\r\n'])
      assert.equal(worker.exports.commitLanes(0), 0, 'nobody has to be woken')
      assert.equal(router.exports.hasInbound(), 0, 'nothing in the lane')
      assert.deepEqual(router.takeAllDirty(), [link])
      assert.equal(router.take(link), 'LMSG up 2\r\nhi\r\n')

      fromLink.feedAll(['LMSG down | queue 2\r\nyo\r\n'])
      assert.equal(worker.exports.hasInbound(), 0, 'nothing in the lane')
      assert.deepEqual(worker.takeAllDirty().sort(), [client, member].sort())
      assert.equal(worker.take(client), 'MSG down 1 2\r\nyo\r\n')
      assert.equal(worker.take(member), 'MSG down 1 2\r\nyo\r\n')
    })

    test('take memory each from its own arena, and count each for itself', () => {
      const threads = new Threads({ module, isJoined: true })
      const { router } = threads
      const worker = threads.worker(1)
      const link = router.connect({ kind: 'leaf', planKey: 1 })
      threads.insertLeaf(link, 'up')
      const source = new Session(worker, {}, () => {})
      threads.settle()
      source.feedAll(['PUB up 0\r\n\r\n'])
      router.take(link)
      const before = { router: router.freePages, worker: worker.freePages }
      const sent = router.long(router.field('THREAD_OUT_MSGS'))

      const payload = 'x'.repeat(100_000)
      for (let i = 0; i < 10; i++) source.feedAll([`PUB up ${payload.length}\r\n${payload}\r\n`])
      assert.ok(router.freePages < before.router, 'what waits for the link is the router’s')
      assert.equal(worker.freePages, before.worker)
      assert.equal(router.long(router.field('THREAD_OUT_MSGS')) - sent, 10n)
      assert.equal(worker.long(worker.field('THREAD_OUT_MSGS')), 0n)
      router.take(link)
      assert.equal(router.freePages, before.router, 'all of it is free again')
    })
  })
}
