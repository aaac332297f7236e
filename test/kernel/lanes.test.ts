import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseFrames } from './frames.ts'
import type { ControlRecord, KernelThread } from './kernel-thread.ts'
import { Threads } from './threads.ts'

const SEED = 20_261_122
const NUM_RUNS = 100
const LANE_CAPACITY = 16 * 1024
const CONTROL_BYTES = 16
const KIND = 40

/** Two workers; the lane from the first to the second is the one that is looked at. */
class Pair {
  readonly threads = new Threads({ workerCount: 2, laneCapacity: LANE_CAPACITY })
  readonly from = this.threads.worker(1)
  readonly to = this.threads.worker(2)

  get lane(): number {
    const { layout } = this.from
    const index = 1 * 3 + 2
    return this.from.word(layout.HEADER_LANES) + index * (layout.LANE_RECORDS + LANE_CAPACITY)
  }

  /** Lets all positions begin anywhere, as after a long life. */
  startAt(position: number): void {
    const { layout } = this.from
    for (const field of [layout.LANE_PRODUCER, layout.LANE_CONSUMER]) {
      this.from.setWord(this.lane + field, position)
    }
    for (const name of ['LANE_CLAIMED', 'LANE_CACHED_CONSUMER']) {
      this.from.setWord(this.lane + this.from.constant(name), position)
    }
  }

  send(number: number): boolean {
    return this.from.exports.sendControl(2, KIND, number, number + 1) !== 0
  }

  read(): number[] {
    const records: ControlRecord[] = []
    this.to.drainLanes((record) => records.push(record))
    for (const { from, kind, slot, generation } of records) {
      assert.deepEqual([from, kind, generation], [1, KIND, slot + 1])
    }
    return records.map(({ slot }) => slot)
  }
}

function publish(
  thread: KernelThread,
  connection: number,
  subject: string,
  payload: string,
): boolean {
  const text = `PUB ${subject} ${payload.length}\r\n${payload}\r\n`
  const [at] = thread.place(text)
  return thread.exports.ingest(connection, at!, at! + text.length) !== at
}

describe('a lane', () => {
  test('shows nothing before it is committed, and then everything', () => {
    const pair = new Pair()
    for (let i = 0; i < 5; i++) assert.ok(pair.send(i))
    assert.deepEqual(pair.read(), [])
    assert.equal(pair.to.exports.hasInbound(), 0)
    pair.from.exports.commitLanes()
    assert.equal(pair.to.exports.hasInbound(), 1)
    assert.deepEqual(pair.read(), [0, 1, 2, 3, 4])
    assert.equal(pair.to.exports.hasInbound(), 0)
  })

  test('takes exactly what it has room for, and as much again when that was read', () => {
    const pair = new Pair()
    for (let round = 0; round < 5; round++) {
      let count = 0
      while (pair.send(count)) count++
      assert.equal(count, LANE_CAPACITY / CONTROL_BYTES)
      pair.from.exports.commitLanes()
      assert.equal(pair.send(count), false, 'what is not read takes room')
      assert.deepEqual(
        pair.read(),
        Array.from({ length: count }, (_, i) => i),
      )
    }
  })

  test('keeps order and loses nothing wherever records end, and past 2^32 bytes', () => {
    const batch = fc.record({
      count: fc.nat(60),
      payloads: fc.array(fc.nat(4000), { maxLength: 6 }),
      isRead: fc.boolean(),
    })
    const starts = [0, LANE_CAPACITY - 16, 2 ** 32 - LANE_CAPACITY, 2 ** 32 - 16, 2 ** 31 - 32]
    const pair = new Pair()
    const source = pair.from.connect()
    const receiver = pair.to.connect()
    const slot = pair.to.subscribe(receiver, 'foo')
    pair.threads.settle()
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.array(batch, { maxLength: 30 }),
        (start, batches) => {
          pair.startAt(start)
          let [sent, sentMessages] = [0, 0]
          const read: number[] = []
          const payloads: string[] = []
          const readAll = () => {
            read.push(...pair.read())
            payloads.push(...parseFrames(pair.to.take(receiver)).map(({ payload }) => payload))
          }
          for (const { count, payloads: sizes, isRead } of batches) {
            for (let i = 0; i < count && pair.send(sent); i++) sent++
            for (const size of sizes) {
              const payload = `${sentMessages}:`.padEnd(size, '.')
              if (publish(pair.from, source, 'foo', payload)) sentMessages++
            }
            pair.from.exports.commitLanes()
            if (isRead) readAll()
          }
          readAll()
          pair.from.exports.tidy()
          assert.deepEqual(
            read,
            Array.from({ length: sent }, (_, i) => i),
          )
          assert.deepEqual(
            payloads.map((payload) => Number.parseInt(payload, 10)),
            Array.from({ length: sentMessages }, (_, i) => i),
          )
          assert.ok(!pair.from.hasLent)
        },
      ),
      { seed: SEED, numRuns: NUM_RUNS },
    )
    pair.to.unsubscribe(slot)
  })

  test('hands over control records between the messages they were sent between', () => {
    const pair = new Pair()
    const source = pair.from.connect()
    const receiver = pair.to.connect()
    pair.to.subscribe(receiver, 'foo')
    pair.threads.settle()
    publish(pair.from, source, 'foo', 'one')
    pair.send(1)
    publish(pair.from, source, 'foo', 'two')
    pair.send(2)
    pair.from.exports.commitLanes()
    const events: string[] = []
    const takeMessages = () => {
      events.push(...parseFrames(pair.to.take(receiver)).map(({ payload }) => payload))
    }
    pair.to.drainLanes(({ slot }) => {
      takeMessages()
      events.push(`control ${slot}`)
    })
    takeMessages()
    assert.deepEqual(events, ['one', 'control 1', 'two', 'control 2'])
  })

  test('is read in portions', () => {
    const pair = new Pair()
    const source = pair.from.connect()
    const receiver = pair.to.connect()
    pair.to.subscribe(receiver, 'foo')
    pair.threads.settle()
    for (let i = 0; i < 10; i++) publish(pair.from, source, 'foo', 'x'.repeat(500))
    pair.from.exports.commitLanes()
    const { exports, layout } = pair.to
    exports.drainBegin(1)
    assert.equal(exports.drain(1, 1000), layout.STATUS_MORE)
    assert.equal(exports.drainEnd(1), 1)
    assert.equal(parseFrames(pair.to.take(receiver)).length, 2)
    pair.threads.settle()
    assert.equal(parseFrames(pair.to.take(receiver)).length, 8)
  })

  test('tells its positions, by which a SUB is known to be applied', () => {
    const pair = new Pair()
    const { exports } = pair.from
    pair.send(1)
    const position = exports.claimedPosition(2)
    assert.equal(position, CONTROL_BYTES)
    exports.commitLanes()
    assert.equal(exports.consumedPosition(2), 0)
    pair.read()
    assert.equal(exports.consumedPosition(2), position)
    pair.to.exports.drainBegin(1)
    assert.equal(pair.to.exports.drainEnd(1), 0, 'nothing more was read')
  })
})

describe('doorbells', () => {
  test('are rung once for a thread that sleeps, and not for one that is awake', () => {
    const pair = new Pair()
    const { exports, kernel } = pair.from
    const sleeping = pair.to.field('THREAD_SLEEPING') >> 2
    pair.send(1)
    assert.equal(exports.commitLanes(), 0)
    Atomics.store(kernel.words, sleeping, 1)
    assert.equal(exports.commitLanes(), 0, 'nothing new')
    pair.send(2)
    assert.equal(exports.commitLanes(), 1 << 2)
    assert.equal(Atomics.load(kernel.words, sleeping), 0)
    pair.send(3)
    assert.equal(exports.commitLanes(), 0, 'it was rung already')
    assert.equal(exports.wakeUp(2), 0)
  })

  test('are rung for a producer that waits for room', () => {
    const pair = new Pair()
    let count = 0
    while (pair.send(count)) count++
    pair.from.exports.commitLanes()
    assert.equal(pair.from.exports.awaitRoom(2), 1, 'it may sleep')
    assert.deepEqual(pair.read().length, count)
    assert.equal(pair.to.exports.takeBlocked(1), 1)
    assert.equal(pair.to.exports.takeBlocked(1), 0)
    assert.equal(pair.from.exports.awaitRoom(2), 0, 'there is room: it must not sleep')
    assert.equal(pair.to.exports.takeBlocked(1), 0)
  })
})
