import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { KernelThread } from './kernel-thread.ts'
import { Threads } from './threads.ts'

const SEED = 20_261_122
const NUM_RUNS = 200
const CHUNK_BYTES_MIN = 4096
const CHUNK_BYTES_MAX = 262_144
const TAKE_ALL = 2 ** 30
const ARENA_BYTES = 8 * 1024 * 1024

const threads = new Threads({ workerCount: 1 })
const worker = threads.worker(1)

function field(thread: KernelThread, connection: number, name: string): number {
  return thread.word(connection + thread.constant(name))
}

/** Sizes of the chunks in a list, and what they hold. */
function chunks(thread: KernelThread, head: number): { bytes: number; text: string }[] {
  const list = []
  for (let at = head; at !== 0; at = field(thread, at, 'CHUNK_NEXT')) {
    const from = at + thread.constant('CHUNK_DATA')
    const text = thread.latin1(from, field(thread, at, 'CHUNK_END') - from)
    list.push({ bytes: field(thread, at, 'CHUNK_BYTES'), text })
  }
  return list
}

function stalledConnections(thread: KernelThread): number {
  return thread.word(thread.field('THREAD_STALLED_CONNECTIONS'))
}

function withConnection(
  options: Parameters<KernelThread['connect']>[0],
  run: (connection: number) => void,
): void {
  const connection = worker.connect(options)
  try {
    run(connection)
  } finally {
    worker.disconnect(connection)
    worker.exports.clearStallRequest()
  }
}

describe('what waits for a socket', () => {
  test('is taken in the order in which it was written, and counted until it is sent', () => {
    withConnection({}, (connection) => {
      worker.append(connection, 'one ')
      worker.append(connection, 'two ')
      assert.equal(field(worker, connection, 'CONNECTION_PENDING'), 8)
      const head = worker.exports.takeChunks(connection, TAKE_ALL)
      assert.deepEqual(
        chunks(worker, head).map(({ text }) => text),
        ['one two '],
      )
      assert.equal(field(worker, connection, 'CONNECTION_PENDING'), 8)
      worker.append(connection, 'three')
      worker.exports.releaseChunks(connection, head, 8)
      assert.equal(field(worker, connection, 'CONNECTION_PENDING'), 5)
      assert.equal(worker.take(connection), 'three')
      assert.equal(field(worker, connection, 'CONNECTION_PENDING'), 0)
      assert.equal(worker.exports.takeChunks(connection, TAKE_ALL), 0)
    })
  })

  test('grows by larger and larger chunks up to the largest, and shrinks when little comes', () => {
    withConnection({}, (connection) => {
      for (let i = 0; i < 1000; i++) worker.append(connection, 'x'.repeat(1000))
      const head = worker.exports.takeChunks(connection, TAKE_ALL)
      const sizes = chunks(worker, head).map(({ bytes }) => bytes)
      assert.deepEqual(sizes.slice(0, 4), [CHUNK_BYTES_MIN, 16_384, 65_536, CHUNK_BYTES_MAX])
      assert.ok(sizes.slice(3).every((bytes) => bytes === CHUNK_BYTES_MAX))
      worker.exports.releaseChunks(connection, head, 1_000_000)
      const later: number[] = []
      for (let i = 0; i < 8; i++) {
        worker.append(connection, 'little')
        later.push(field(worker, field(worker, connection, 'CONNECTION_HEAD'), 'CHUNK_BYTES'))
        worker.take(connection)
      }
      assert.deepEqual(later.slice(0, 3), [
        CHUNK_BYTES_MAX,
        CHUNK_BYTES_MAX / 2,
        CHUNK_BYTES_MAX / 4,
      ])
      assert.equal(later.at(-1), CHUNK_BYTES_MIN)
    })
  })

  test('is taken in part, in whole chunks, and the rest stays in order', () => {
    withConnection({}, (connection) => {
      const texts = Array.from({ length: 60 }, (_, i) => `${i} `.padEnd(1000, '.'))
      for (const text of texts) worker.append(connection, text)
      const first = worker.exports.takeChunks(connection, 10_000)
      const taken = chunks(worker, first).map(({ text }) => text)
      assert.equal(taken.length, 2)
      worker.append(connection, 'end')
      const rest = worker.take(connection)
      assert.equal(taken.join('') + rest, `${texts.join('')}end`)
      worker.exports.releaseChunks(connection, first, taken.join('').length)
      assert.equal(field(worker, connection, 'CONNECTION_PENDING'), 0)
    })
  })

  test('may be a frame larger than any chunk', () => {
    withConnection({}, (connection) => {
      const large = 'y'.repeat(700_000)
      worker.append(connection, 'a')
      worker.append(connection, large)
      worker.append(connection, 'b')
      assert.equal(worker.take(connection), `a${large}b`)
    })
  })

  test('makes its connection dirty once, until that is taken', () => {
    withConnection({}, (first) => {
      const second = worker.connect()
      worker.append(first, 'a')
      worker.append(second, 'b')
      worker.append(first, 'c')
      assert.deepEqual(worker.takeAllDirty().toSorted(), [first, second].toSorted())
      assert.deepEqual(worker.takeAllDirty(), [])
      worker.append(first, 'd')
      assert.deepEqual(worker.takeAllDirty(), [first])
      worker.disconnect(second)
    })
  })

  test('gives every page back', () => {
    const { freePages } = worker
    const connections = Array.from({ length: 20 }, () => worker.connect())
    for (const connection of connections) {
      for (let i = 0; i < 50; i++) worker.append(connection, 'z'.repeat(3000))
    }
    assert.ok(worker.freePages < freePages)
    for (const connection of connections) worker.disconnect(connection)
    assert.equal(worker.freePages, freePages)
  })

  test('comes out as it went in, however writes, partial takes and releases mix', () => {
    const write = fc.integer({ min: 1, max: 30_000 }).map((bytes) => ({ bytes, take: 0 }))
    const take = fc.integer({ min: 1, max: 100_000 }).map((bytes) => ({ bytes: 0, take: bytes }))
    fc.assert(
      fc.property(fc.array(fc.oneof(write, take), { maxLength: 40 }), (steps) => {
        const { freePages } = worker
        const connection = worker.connect()
        const under: { head: number; bytes: number }[] = []
        let written = ''
        let read = ''
        steps.forEach((step, i) => {
          if (step.bytes > 0) {
            const text = String.fromCharCode(97 + (i % 26)).repeat(step.bytes)
            assert.ok(worker.append(connection, text))
            written += text
          } else {
            const head = worker.exports.takeChunks(connection, step.take)
            const text = chunks(worker, head)
              .map((chunk) => chunk.text)
              .join('')
            read += text
            under.push({ head, bytes: text.length })
            // The socket is done with some of it a while later.
            if (i % 2 === 0) {
              const done = under.shift()!
              worker.exports.releaseChunks(connection, done.head, done.bytes)
            }
          }
          const pending = field(worker, connection, 'CONNECTION_PENDING')
          const underWay = under.reduce((sum, { bytes }) => sum + bytes, 0)
          assert.equal(pending, written.length - read.length + underWay)
        })
        for (const { head, bytes } of under) worker.exports.releaseChunks(connection, head, bytes)
        assert.equal(read + worker.take(connection), written)
        worker.disconnect(connection)
        assert.equal(worker.freePages, freePages)
      }),
      { seed: SEED, numRuns: NUM_RUNS },
    )
  })
})

describe('a slow consumer', () => {
  const pendingBytesMax = 10_000

  test('is marked when more than max_pending would wait, and gets nothing more', () => {
    withConnection({ pendingBytesMax }, (connection) => {
      assert.ok(worker.append(connection, 'x'.repeat(pendingBytesMax)))
      assert.equal(field(worker, connection, 'CONNECTION_OVERFLOW'), 0)
      worker.takeAllDirty()
      assert.equal(worker.append(connection, 'y'), false)
      assert.equal(field(worker, connection, 'CONNECTION_OVERFLOW'), 1)
      assert.deepEqual(worker.takeAllDirty(), [connection], 'TypeScript is told')
      assert.equal(worker.append(connection, 'z'), false)
      assert.equal(worker.take(connection), 'x'.repeat(pendingBytesMax))
    })
  })

  test('does not hinder others that get the same message', () => {
    withConnection({ pendingBytesMax: 100 }, (slow) => {
      const quick = worker.connect()
      const slots = [slow, quick].map((connection) => worker.subscribe(connection, 'foo'))
      threads.settle()
      publish('foo', 'a'.repeat(200))
      publish('foo', 'b')
      assert.equal(worker.take(slow), '')
      assert.match(worker.take(quick), /^MSG foo 1 200\r\na+\r\nMSG foo 1 1\r\nb\r\n$/)
      for (const slot of slots) worker.unsubscribe(slot)
      threads.settle()
      worker.disconnect(quick)
    })
  })

  test('asks its publishers to stall from three quarters of max_pending on', () => {
    withConnection({ pendingBytesMax }, (connection) => {
      const slot = worker.subscribe(connection, 'foo')
      threads.settle()
      publish('foo', 'x'.repeat(7000))
      assert.equal(worker.exports.stallRequested.value, 0)
      assert.equal(stalledConnections(worker), 0)
      publish('foo', 'x'.repeat(1000))
      assert.equal(worker.exports.stallRequested.value, 1)
      assert.equal(stalledConnections(worker), 1)
      publish('foo', 'x'.repeat(1000))
      assert.equal(stalledConnections(worker), 1, 'a connection counts once')
      assert.equal(field(worker, connection, 'CONNECTION_STALLS'), 2)
      worker.take(connection)
      assert.equal(stalledConnections(worker), 0)
      worker.exports.clearStallRequest()
      publish('foo', 'x')
      assert.equal(worker.exports.stallRequested.value, 0)
      worker.unsubscribe(slot)
      threads.settle()
    })
  })

  test('that is closed while it stalls others is no longer counted', () => {
    const connection = worker.connect({ pendingBytesMax })
    const slot = worker.subscribe(connection, 'foo')
    threads.settle()
    publish('foo', 'x'.repeat(9000))
    assert.equal(stalledConnections(worker), 1)
    worker.unsubscribe(slot)
    worker.exports.closeConnection(connection)
    // As the socket's writer does when the socket is gone: nothing of it was sent.
    const head = worker.exports.takeChunks(connection, TAKE_ALL)
    worker.exports.releaseChunks(connection, head, 0)
    worker.takeAllDirty()
    worker.exports.releaseConnection(connection)
    assert.equal(stalledConnections(worker), 0)
    worker.exports.clearStallRequest()
    threads.settle()
  })

  test('loses messages instead of stalling anybody if that is wanted', () => {
    worker.exports.setDropOverStallMark(1)
    withConnection({ pendingBytesMax }, (connection) => {
      const slot = worker.subscribe(connection, 'foo')
      threads.settle()
      publish('foo', 'x'.repeat(7000))
      publish('foo', 'y'.repeat(1000))
      publish('foo', 'z')
      assert.equal(worker.exports.stallRequested.value, 0)
      assert.equal(field(worker, connection, 'CONNECTION_OVERFLOW'), 0)
      const text = worker.take(connection)
      assert.ok(text.includes('x') && !text.includes('y') && text.includes('z'))
      worker.unsubscribe(slot)
      threads.settle()
    })
    worker.exports.setDropOverStallMark(0)
  })

  test('goes when the arena is exhausted: it is marked, and the others live on', () => {
    const small = new Threads({ workerCount: 1, arenaBytes: ARENA_BYTES })
    const thread = small.worker(1)
    const [greedy, modest] = [thread.connect(), thread.connect()]
    while (thread.append(greedy, 'g'.repeat(60_000)));
    assert.equal(field(thread, greedy, 'CONNECTION_OVERFLOW'), 2)
    assert.ok(thread.takeAllDirty().includes(greedy))
    assert.ok(thread.append(modest, 'm'.repeat(60_000)))
    assert.equal(thread.take(modest).length, 60_000)
    thread.disconnect(greedy)
    assert.ok(thread.append(modest, 'm'.repeat(1_000_000)))
  })
})

let source = 0

/** Publishes from a connection of its own. */
function publish(subject: string, payload: string): void {
  source ||= worker.connect()
  const text = `PUB ${subject} ${payload.length}\r\n${payload}\r\n`
  const [at] = worker.place(text)
  const end = worker.exports.ingest(source, at!, at! + text.length)
  assert.equal(end, at! + text.length)
  assert.equal(worker.exports.status.value, worker.layout.STATUS_DONE)
}
