import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseFrames } from './frames.ts'
import type { KernelThread } from './kernel-thread.ts'
import { KERNELS, Threads } from './threads.ts'

const PENDING_MAX = 10_000
const STALL_MARK = 7500

let planKey = 0

for (const { name, module } of KERNELS) {
  describe(`a leaf link that is slow, ${name} kernel`, () => {
    /** A link with interest in `foo`, and something that publishes to it. */
    function stage(policy: 'close' | 'drop') {
      const threads = new Threads({ module })
      const { router } = threads
      const { layout } = router
      const link = router.connect({
        kind: 'leaf',
        planKey: ++planKey,
        pendingBytesMax: PENDING_MAX,
      })
      if (policy === 'drop') {
        const flags = router.word(link + layout.CONNECTION_FLAGS)
        router.setWord(link + layout.CONNECTION_FLAGS, flags | layout.FLAG_DROP_WHEN_FULL)
      }
      threads.insertLeaf(link, 'foo')
      const near = threads.worker(1)
      const client = near.connect()
      const peer = router.connect({ kind: 'leaf', planKey: ++planKey })
      const send = (thread: KernelThread, source: number, verb: string, bytes: number) => {
        const text = `${verb} foo ${bytes}\r\n${'x'.repeat(bytes)}\r\n`
        const [at] = thread.place(text)
        assert.equal(thread.exports.ingest(source, at!, at! + text.length), at! + text.length)
      }
      return {
        threads,
        router,
        link,
        near,
        publish: (bytes: number) => {
          send(near, client, 'PUB', bytes)
          threads.settle()
        },
        publishFromPeer: (bytes: number) => send(router, peer, 'LMSG', bytes),
        field: (name: string) => router.word(link + router.constant(name)),
        dropped: () => Number(router.long(link + layout.CONNECTION_DROPPED)),
        sizes: () => parseFrames(router.take(link)).map(({ payload }) => payload.length),
      }
    }

    test('loses what would be more than its bound, if that is its policy, and lives on', () => {
      const { publish, publishFromPeer, field, dropped, sizes, router } = stage('drop')
      publish(4000)
      publish(4000)
      publish(3000)
      publish(1000)
      publishFromPeer(2000)
      assert.deepEqual([dropped(), field('CONNECTION_OVERFLOW')], [2, 0])
      assert.deepEqual(sizes(), [4000, 4000, 1000])
      publish(3000)
      assert.deepEqual(sizes(), [3000])
      assert.equal(dropped(), 2)
      assert.deepEqual(router.takeAllDirty().length, 1)
    })

    test('may have exactly its bound pending, line and CRLF included', () => {
      const line = 'LMSG foo 9900\r\n\r\n'.length
      const { publish, field, dropped } = stage('drop')
      publish(9900)
      publish(PENDING_MAX - field('CONNECTION_PENDING') - line - 50)
      assert.equal(dropped(), 0)
      publish(100)
      assert.equal(dropped(), 1)
    })

    test('gets all text of the link, whatever waits', () => {
      const { publish, field, dropped, router, link } = stage('drop')
      publish(9900)
      publish(9900)
      for (let i = 0; i < 100; i++) assert.ok(router.append(link, `LS+ subject.${i}\r\n`))
      assert.ok(router.append(link, `-ERR '${'e'.repeat(PENDING_MAX)}'\r\n`))
      assert.ok(field('CONNECTION_PENDING') > 2 * PENDING_MAX)
      assert.deepEqual([field('CONNECTION_OVERFLOW'), dropped()], [0, 1])
      const text = router.take(link)
      assert.match(text, /^LMSG foo 9900\r\nx+\r\nLS\+ subject\.0\r\n.*LS\+ subject\.99\r\n-ERR/s)
    })

    test('slows nobody down if it may lose messages', () => {
      const { publish, publishFromPeer, near, router, field } = stage('drop')
      publish(STALL_MARK)
      publish(1000)
      publishFromPeer(10)
      publish(5000)
      assert.equal(near.exports.stallRequested.value, 0)
      assert.equal(router.exports.stallRequested.value, 0)
      assert.equal(field('CONNECTION_STALLED'), 0)
    })

    test('is marked when more would wait than its bound, if it is to be closed', () => {
      const { publish, field, dropped, sizes, router, link } = stage('close')
      publish(4000)
      publish(4000)
      router.takeAllDirty()
      publish(3000)
      assert.equal(field('CONNECTION_OVERFLOW'), 1)
      assert.deepEqual(router.takeAllDirty(), [link], 'TypeScript is told')
      publish(10)
      assert.equal(router.append(link, 'PONG\r\n'), false)
      assert.deepEqual(sizes(), [4000, 4000])
      assert.equal(dropped(), 2, 'text is no message')
    })

    test('slows publishers of its own thread and of others, until it has caught up', () => {
      const { publish, publishFromPeer, near, router, sizes } = stage('close')
      const requests = () => {
        const values = [near, router].map(({ exports }) => exports.stallRequested.value)
        for (const { exports } of [near, router]) exports.clearStallRequest()
        return values
      }
      publish(STALL_MARK - 100)
      assert.deepEqual(requests(), [0, 0])
      publish(100)
      assert.equal(requests()[1], 1, 'the link is above its mark')
      publish(10)
      assert.equal(requests()[0], 1, 'a publisher on another thread sees it')
      publishFromPeer(10)
      assert.equal(requests()[1], 1)
      sizes()
      publish(10)
      publishFromPeer(10)
      assert.deepEqual(requests(), [0, 0])
    })

    test('is closed for want of memory whatever its policy', () => {
      const { router, link, field } = stage('drop')
      while (router.append(link, 'x'.repeat(60_000)));
      assert.equal(field('CONNECTION_OVERFLOW'), 2)
      assert.ok(router.takeAllDirty().includes(link))
    })
  })
}
