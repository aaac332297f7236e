import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseFrames } from './frames.ts'
import type { KernelThread } from './kernel-thread.ts'
import { KERNELS, Threads } from './threads.ts'

const LANE_CAPACITY = 64 * 1024
/** As many as a thousand leaf links without names take. */
const RECORD_BYTES_MAX = LANE_CAPACITY / 4
/** Members and links that are chosen for one message start with room for about a thousand. */
const MANY = 3000
const ARENA_BYTES = 16 * 1024 * 1024

let planKey = 0

interface Sent {
  readonly consumed: boolean
  readonly status: number
}

/** Publishes on the first worker without reading any lane. */
function publish(thread: KernelThread, source: number, text: string): Sent {
  const [at] = thread.place(text)
  const end = thread.exports.ingest(source, at!, at! + text.length)
  return { consumed: end === at! + text.length, status: thread.exports.status.value }
}

function linksOf(threads: Threads, count: number, subject: string, queue = ''): number[] {
  return Array.from({ length: count }, () => {
    const link = threads.router.connect({ kind: 'leaf', planKey: ++planKey })
    threads.insertLeaf(link, subject, queue)
    return link
  })
}

function subscribeGroups(thread: KernelThread, threads: Threads, count: number): number {
  const connection = thread.connect()
  for (let i = 0; i < count; i++) {
    thread.subscribe(connection, 'foo', `group ${i}`.replace(' ', '-'), `${i}`)
    if (i % 100 === 99) threads.settle()
  }
  threads.settle()
  return connection
}

for (const { name, module } of KERNELS) {
  const options = { module, laneCapacity: LANE_CAPACITY, workerCount: 3 } as const

  describe(`a record that is too large for its lane, ${name} kernel`, () => {
    for (const count of [900, 1010, 1020, 1030, MANY]) {
      test(`reaches ${count} leaf links, each once, with payloads of any size`, () => {
        const threads = new Threads(options)
        const near = threads.worker(1)
        const links = linksOf(threads, count, 'foo')
        const source = near.connect()
        for (const size of count === MANY ? [0, 1, 500] : [0, 1, 5000]) {
          const text = `PUB foo in.box ${size}\r\n${'x'.repeat(size)}\r\n`
          assert.ok(publish(near, source, text).consumed)
          threads.settle()
          const line = `LMSG foo in.box ${size}\r\n${'x'.repeat(size)}\r\n`
          const lines = links.map((link) => threads.router.take(link))
          assert.equal(lines.filter((got) => got === line).length, count, `${size} bytes`)
          assert.equal(near.hasLent, false)
        }
      })
    }

    test('reaches members of many groups on several threads, and links with many names', () => {
      const threads = new Threads(options)
      const near = threads.worker(1)
      const connections = [1, 2, 3].map((thread) =>
        subscribeGroups(threads.worker(thread), threads, MANY),
      )
      const link = threads.router.connect({ kind: 'leaf', planKey: ++planKey })
      threads.insertLeaf(link, 'foo')
      const names = Array.from({ length: 2500 }, (_, i) => `only-${i}`)
      for (const group of names) threads.insertLeaf(link, 'foo', group)
      const source = near.connect()
      for (let round = 0; round < 3; round++) {
        assert.ok(publish(near, source, 'PUB foo 3\r\nabc\r\n').consumed)
        threads.settle()
        const sids = connections.flatMap((connection, i) =>
          parseFrames(threads.worker(i + 1).take(connection)).map(({ words }) => words[1]!),
        )
        assert.deepEqual(sids.toSorted(), Array.from({ length: MANY }, (_, i) => `${i}`).toSorted())
        const [line, ...more] = parseFrames(threads.router.take(link))
        assert.deepEqual(more, [])
        assert.deepEqual(line!.words.slice(2, -1).toSorted(), names.toSorted())
      }
      assert.equal(near.hasLent, false)
    })

    test('may be so for its subject alone, also to a thread that matches for itself', () => {
      const threads = new Threads(options)
      const [near, far] = [threads.worker(1), threads.worker(2)]
      const subject = 's'.repeat(RECORD_BYTES_MAX)
      const receiver = far.connect()
      const count = 1100
      for (let i = 0; i < count; i++) {
        far.subscribe(receiver, '>', '', `${i}`)
        if (i % 100 === 99) threads.settle()
      }
      far.subscribe(receiver, '>', 'q', 'member')
      const [link] = linksOf(threads, 1, '>')
      threads.settle()
      const source = near.connect()
      near.setWord(source + near.layout.CONNECTION_CONTROL_LINE_MAX, LANE_CAPACITY)
      assert.ok(publish(near, source, `PUB ${subject} 1\r\nx\r\n`).consumed)
      threads.settle()
      const frames = parseFrames(far.take(receiver))
      assert.equal(frames.length, count + 1)
      assert.ok(frames.every(({ words, payload }) => words[0] === subject && payload === 'x'))
      assert.ok(threads.router.take(link!) === `LMSG ${subject} 1\r\nx\r\n`)
      assert.equal(near.hasLent, false)
    })

    test('keeps its place among others, and waits with them when the lane is full', () => {
      const threads = new Threads(options)
      const near = threads.worker(1)
      const links = linksOf(threads, 1050, 'foo')
      const first = links[0]!
      threads.insertLeaf(first, 'bar')
      const source = near.connect()
      let sent = 0
      for (let isFull = false; !isFull; ) {
        const subject = sent % 2 === 0 ? 'foo' : 'bar'
        const body = `${sent}`.padStart(2000, '.')
        const { consumed, status } = publish(near, source, `PUB ${subject} 2000\r\n${body}\r\n`)
        isFull = !consumed
        if (consumed) sent++
        else assert.equal(status, near.layout.STATUS_LANE_FULL)
        assert.ok(sent < 1000, 'what is lent is bounded like the lanes')
      }
      threads.settle()
      const numbers = parseFrames(threads.router.take(first)).map(({ payload }) =>
        Number(payload.replaceAll('.', '')),
      )
      assert.deepEqual(numbers, [...numbers.keys()])
      assert.equal(numbers.length, sent)
      assert.equal(near.hasLent, false)
      for (const link of links) threads.router.take(link)
      assert.ok(publish(near, source, 'PUB foo 1\r\nx\r\n').consumed)
      threads.settle()
      assert.equal(threads.router.take(first), 'LMSG foo 1\r\nx\r\n')
    })

    test('that was on its way to a thread that died comes back', () => {
      const threads = new Threads(options)
      const [near, third] = [threads.worker(1), threads.worker(3)]
      const receiver = third.connect()
      third.subscribe(receiver, 'foo')
      threads.settle()
      linksOf(threads, 1100, 'foo')
      const source = near.connect()
      // The plan is made, and the lists of choices have grown.
      assert.ok(publish(near, source, 'PUB foo 1\r\nx\r\n').consumed)
      threads.settle()
      third.take(receiver)
      const { freePages } = near
      const body = 'x'.repeat(RECORD_BYTES_MAX)
      assert.ok(publish(near, source, `PUB foo ${body.length}\r\n${body}\r\n`).consumed)
      near.exports.commitLanes()
      assert.ok(near.hasLent)
      near.exports.resetLanes(0)
      near.exports.forgetReader(0)
      assert.ok(near.hasLent, 'the payload is still to be read by thread 3')
      third.drainLanes()
      near.exports.tidy()
      assert.equal(near.hasLent, false)
      assert.equal(near.freePages, freePages)
      assert.ok(third.take(receiver) === `MSG foo 1 ${body.length}\r\n${body}\r\n`)
    })

    test('is lost to its thread without memory, and to nobody else', () => {
      const threads = new Threads({ ...options, arenaBytes: ARENA_BYTES })
      const near = threads.worker(1)
      const receiver = near.connect()
      near.subscribe(receiver, 'foo')
      threads.settle()
      const links = linksOf(threads, 2000, 'foo')
      const source = near.connect()
      // The plan and the lists of choices are made.
      assert.ok(publish(near, source, 'PUB foo 1\r\nx\r\n').consumed)
      threads.settle()
      for (const link of links) threads.router.take(link)
      for (const bytes of [1024 * 1024, 64 * 1024, 4096, 1024]) {
        while (near.exports.allocate(bytes) !== 0);
      }
      const before = near.long(near.field('THREAD_OUT_OF_MEMORY'))
      assert.ok(publish(near, source, 'PUB foo 1\r\nx\r\n').consumed)
      threads.settle()
      assert.equal(near.long(near.field('THREAD_OUT_OF_MEMORY')), before + 1n)
      assert.equal(near.hasLent, false)
      assert.equal(threads.router.take(links[0]!), '')
      // There was room left in its chunk.
      assert.equal(near.take(receiver), 'MSG foo 1 1\r\nx\r\n'.repeat(2))
    })
  })
}
