import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseSub, parseUnsub } from '../../src/protocol/arguments.ts'
import { readOperation } from '../../src/protocol/operation.ts'
import { isValidSubscriptionSubject } from '../../src/protocol/subjects.ts'
import { SlotReader } from '../../src/workers/subscriptions.ts'
import { Session } from './session.ts'
import { Threads } from './threads.ts'

const CONTROL_LINE_MAX = 4096
const SLICE = 2048

const threads = new Threads({ workerCount: 1 })
const worker = threads.worker(1)
const slots = new SlotReader(worker.kernel)

function find(connection: number, sid: string): number {
  const [at] = worker.place(sid)
  return worker.exports.findBySid(connection, at!, sid.length)
}

describe('the subscriptions of a connection', () => {
  test('are found by their sids, whatever comes and goes', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.boolean()), {
      maxLength: 300,
    })
    const run = (numbers: readonly (readonly [number, boolean])[]) => {
      const connection = worker.connect()
      const model = new Map<string, number>()
      for (const [number, isAdded] of numbers) {
        const sid = number % 3 === 0 ? `${number}`.padStart(30, 's') : `${number}`
        const slot = model.get(sid)
        if (isAdded && slot === undefined) {
          model.set(sid, worker.subscribe(connection, `sid.${number}`, '', sid))
        } else if (!isAdded && slot !== undefined) {
          worker.unsubscribe(slot)
          model.delete(sid)
        }
        assert.equal(find(connection, sid), model.get(sid) ?? 0)
      }
      for (const [sid, slot] of model) assert.equal(find(connection, sid), slot)
      assert.equal(slots.countOf(connection), model.size)
      const listed = [...slots.ofConnection(connection)]
      assert.deepEqual(listed.toSorted(), [...model.values()].toSorted())
      for (const slot of model.values()) worker.unsubscribe(slot)
      assert.equal(slots.countOf(connection), 0)
      worker.disconnect(connection)
      threads.settle()
    }
    fc.assert(fc.property(steps, run), { numRuns: 60 })
  })

  test('take memory in proportion, and give it back', () => {
    const count = 30_000
    const fill = () => {
      const connection = worker.connect()
      const before = worker.freePages
      for (let i = 0; i < count; i++) worker.subscribe(connection, `sub.${i}`, '', `${i}`)
      const taken = before - worker.freePages
      const { exports } = worker
      exports.closeConnection(connection)
      exports.releaseConnection(connection)
      for (let left = count; left > 0; threads.settle()) {
        left = exports.closeSubscriptions(connection, SLICE)
      }
      return taken
    }
    const { PAGE_BYTES } = worker.layout
    const first = fill()
    // 64 for the slot, 16 for its text, 8 to 32 for its place in the table.
    assert.ok((first * PAGE_BYTES) / count < 120, `${first} pages for ${count}`)
    // Its table was given back, and is taken again.
    const second = fill()
    assert.ok(second <= (65_536 * 8) / PAGE_BYTES + 1, `${second} pages the second time`)
  })
})

describe('a connection that has ended', () => {
  for (const count of [1, 500, 5000, 20_000]) {
    test(`closes ${count} subscriptions in slices, and is there until then`, () => {
      const publisher = new Session(worker, { echo: true }, () => threads.settle())
      const [gone, other] = [worker.connect(), worker.connect()]
      for (let i = 0; i < count; i++) worker.subscribe(gone, 'crowd', 'q', `${i}`)
      const last = worker.subscribe(other, 'crowd', 'q', 'last')
      threads.settle()
      const { exports } = worker
      exports.closeConnection(gone)
      exports.releaseConnection(gone)
      let left = count
      while (left > 0) {
        const now = exports.closeSubscriptions(gone, SLICE)
        assert.ok(left - now <= SLICE + 1024, `${left - now} at once`)
        left = now
        // Nobody else is this connection meanwhile, and no message is lost to it.
        publisher.feed('PUB crowd 1\r\nx\r\n')
        assert.match(worker.take(other), /^MSG crowd last 1\r\nx\r\n$/)
        if (left > 0) {
          const next = worker.connect()
          assert.notEqual(next, gone)
          worker.disconnect(next)
        }
        threads.settle()
      }
      const next = worker.connect()
      assert.equal(next, gone)
      for (const slot of [last]) worker.unsubscribe(slot)
      for (const one of [next, other, publisher.record]) worker.disconnect(one)
      threads.settle()
    })
  }
})

describe('lines that the kernel reads alone', () => {
  const pieces = fc.constantFrom(
    ...['SUB ', 'sub ', 'Unsub ', 'UNSUB ', 'SUB\t', ' ', '\r\n', '\n', '\r', '.', '*', '>', 'a'],
    ...['foo', 'foo.bar', 'x>.*', '_sys_', '7', '12', ' q 9\r\n', ' 3\r\n', 'PING\r\n', '\x01'],
  )

  test('mean what the full grammar says', () => {
    let readCount = 0
    const read = (text: string) => {
      const connection = worker.connect()
      const [at] = worker.place(text)
      const { bytes } = worker.kernel
      const { exports } = worker
      const end = at! + text.length
      const before = slots.countOf(connection)
      const next = exports.ingestInterest(connection, at!, end, 1, 0, 1)
      if (next > at!) {
        readCount++
        const limits = { controlLineBytesMax: CONTROL_LINE_MAX }
        const operation = readOperation(bytes, at!, end, 'client', limits, false)
        assert.ok(operation.type === 'operation', text)
        assert.equal(operation.next, next)
        const { verb, argFrom, argTo } = operation
        if (verb === 'SUB') {
          const parsed = parseSub(bytes, argFrom, argTo)
          assert.ok(parsed.ok)
          const span = ({ from, to }: { from: number; to: number }) =>
            bytes.toString('latin1', from, to)
          const subject = span(parsed.subject)
          const queue = parsed.queue === null ? '' : span(parsed.queue)
          const slot = find(connection, span(parsed.sid))
          assert.equal(slots.countOf(connection), before + 1)
          assert.equal(slots.subject(slot), subject)
          assert.equal(slots.queue(slot), queue)
          assert.ok(isValidSubscriptionSubject(slots.subject(slot)))
          assert.notEqual(slots.queue(slot), '_sys_')
        } else {
          assert.equal(verb, 'UNSUB')
          const parsed = parseUnsub(bytes, argFrom, argTo)
          assert.ok(parsed.ok && parsed.max === -1)
        }
      } else {
        assert.equal(slots.countOf(connection), before)
      }
      for (const slot of [...slots.ofConnection(connection)]) worker.unsubscribe(slot)
      worker.disconnect(connection)
      threads.settle()
    }
    const verb = fc.constantFrom('SUB ', 'UNSUB ', 'sub ')
    const text = fc
      .tuple(verb, fc.array(pieces, { maxLength: 7 }))
      .map(([v, ps]) => v + ps.join(''))
    fc.assert(fc.property(text, read), {
      numRuns: 1500,
      examples: [['SUB foo 1\r\n'], ['SUB foo q 1\r\n'], ['UNSUB 1\r\n'], ['SUB foo _sys_ 1\r\n']],
    })
    assert.ok(readCount > 50, `${readCount} lines were plain`)
  })

  test('stop at the limit of lines, of subscriptions, and of the lane', () => {
    const connection = worker.connect()
    const lines = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => `SUB s.${from + i} ${from + i}\r\n`).join('')
    const ingest = (text: string, most: number, countMax: number) => {
      const [at] = worker.place(text)
      worker.exports.ingestInterest(connection, at!, at! + text.length, most, countMax, 0)
      return worker.exports.interestLines.value
    }
    assert.equal(ingest(lines(0, 30), 10, 0), 10)
    assert.equal(ingest(lines(10, 30), 100, 25), 15)
    assert.equal(slots.countOf(connection), 25)
    // The same sids again change nothing.
    assert.equal(ingest(lines(0, 25), 100, 0), 25)
    assert.equal(slots.countOf(connection), 25)
    for (const slot of [...slots.ofConnection(connection)]) worker.unsubscribe(slot)
    worker.disconnect(connection)
    threads.settle()
  })
})
