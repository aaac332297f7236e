import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { countOf, type HistogramReport } from '../../src/monitor/metrics/histogram.ts'
import { DeliveryLatency } from '../../src/workers/measurements/delivery-latency.ts'
import { EventLoopDelay, WANTED_FOR_MS } from '../../src/workers/measurements/event-loop-delay.ts'
import { SharedClock } from '../../src/workers/measurements/shared-clock.ts'
import type { KernelThread } from '../kernel/kernel-thread.ts'
import { Threads } from '../kernel/threads.ts'

const SEED = 20_261_123
const LANE_CAPACITY = 16 * 1024
const NOW_MS = 1_000_000
const MESSAGE = 'PUB foo 2\r\nhi\r\n'

/** What was counted, by upper bound. */
function counted({ bounds, counts }: HistogramReport): Record<number, number> {
  const filled = counts.map((count, i) => [bounds[i] ?? Infinity, count] as const)
  return Object.fromEntries(filled.filter(([, count]) => count > 0))
}

/** A publisher on one thread, subscribers of `foo` on it and on another one. */
class Line {
  readonly threads = new Threads({ workerCount: 2, laneCapacity: LANE_CAPACITY })
  readonly from = this.threads.worker(1)
  readonly to = this.threads.worker(2)
  readonly publisher = this.from.connect()
  readonly receiver = this.to.connect()
  readonly near = new DeliveryLatency(this.from.kernel, 1, () => NOW_MS)
  readonly far: DeliveryLatency

  constructor() {
    this.to.subscribe(this.receiver, 'foo')
    this.threads.settle()
    this.far = new DeliveryLatency(this.to.kernel, 2, () => NOW_MS)
  }

  publish(count: number): void {
    const text = MESSAGE.repeat(count)
    const [at] = this.from.place(text)
    assert.equal(
      this.from.exports.ingest(this.publisher, at!, at! + text.length),
      at! + text.length,
    )
  }

  /** @param ageMs of the turn that has published */
  commit(ageMs: number): void {
    this.from.exports.commitLanes(this.near.stamp(NOW_MS - ageMs))
  }

  /** Reads the lane, up to about so many bytes. */
  read(bytesMax = 2 ** 30): void {
    const { exports, layout } = this.to
    this.far.beforeLane(1)
    exports.drainBegin(1)
    const status = exports.drain(1, bytesMax)
    assert.ok(status === layout.STATUS_DONE || status === layout.STATUS_MORE)
    if (exports.drainEnd(1) !== 0) this.far.afterLane(1)
    this.send(this.to, this.receiver)
    this.far.onFlushed(NOW_MS)
  }

  send(thread: KernelThread, connection: number): void {
    thread.takeAllDirty()
    thread.take(connection)
  }
}

describe('delivery latency', () => {
  test('of messages of the own thread is the age of the turn', () => {
    const line = new Line()
    line.from.subscribe(line.publisher, 'foo')
    line.threads.settle()
    line.publish(3)
    line.near.onFlushed(NOW_MS - 4)
    line.near.onFlushed(NOW_MS - 400)
    line.publish(1)
    line.near.onFlushed(NOW_MS - 40)
    assert.deepEqual(counted(line.near.local.report()), { 5: 3, 50: 1 })
    assert.equal(countOf(line.near.lanes.report()), 0)
  })

  test('of messages of another thread begins there', () => {
    const line = new Line()
    line.publish(3)
    line.commit(40)
    line.read()
    assert.deepEqual(counted(line.far.lanes.report()), { 50: 3 })
    line.publish(1)
    line.commit(4)
    line.read()
    assert.deepEqual(counted(line.far.lanes.report()), { 5: 1, 50: 3 })
    assert.equal(countOf(line.far.local.report()), 0)
    assert.equal(countOf(line.far.laneBytes.report()), 2)
  })

  test('of what is committed while a batch is on its way is that of the batch', () => {
    const line = new Line()
    line.publish(1)
    line.commit(400)
    line.publish(2)
    line.commit(4)
    line.read(1)
    assert.deepEqual(counted(line.far.lanes.report()), { 500: 1 })
    line.read()
    assert.deepEqual(counted(line.far.lanes.report()), { 500: 1 })
    line.publish(1)
    line.commit(40)
    line.read()
    assert.deepEqual(counted(line.far.lanes.report()), { 50: 3, 500: 1 })
  })

  test('is not measured without a time, and control records have none', () => {
    const line = new Line()
    line.publish(1)
    line.from.exports.commitLanes()
    line.read()
    assert.ok(line.from.exports.sendControl(2, 40, 1, 1) !== 0)
    line.commit(40)
    line.to.drainLanes(() => {})
    assert.equal(countOf(line.far.lanes.report()), 0)
  })

  test('counts no message twice, and loses at most those of the last batches', () => {
    const steps = fc.array(fc.record({ count: fc.nat(9), bytesMax: fc.option(fc.nat(500)) }))
    const line = new Line()
    let published = 0
    fc.assert(
      fc.property(steps, (all) => {
        for (const { count, bytesMax } of all) {
          line.publish(count)
          published += count
          line.commit(4)
          if (bytesMax !== null) line.read(bytesMax)
        }
        line.read()
        assert.ok(countOf(line.far.lanes.report()) <= published)
        line.publish(1)
        line.commit(4)
        line.read()
        published++
        assert.equal(countOf(line.far.lanes.report()), published)
      }),
      { seed: SEED, numRuns: 50 },
    )
    assert.deepEqual(Object.keys(counted(line.far.lanes.report())), ['5'])
  })
})

describe('the clock that threads share', () => {
  test('goes from any time to any later one within half an hour', () => {
    const clock = new SharedClock()
    const times = fc.double({ min: 0, max: 1e9, noNaN: true })
    const spans = fc.double({ min: 0, max: 1_800_000, noNaN: true })
    fc.assert(
      fc.property(times, spans, (atMs, spanMs) => {
        const us = clock.toSharedUs(atMs)
        assert.ok(Number.isInteger(us) && us !== 0)
        assert.ok(Math.abs(clock.sinceMs(us, atMs + spanMs) - spanMs) < 0.01)
      }),
      { seed: SEED },
    )
  })

  test('takes a time that seems to lie ahead for now', () => {
    const clock = new SharedClock()
    assert.equal(clock.sinceMs(clock.toSharedUs(1000.005), 1000), 0)
  })
})

test('the delay of the event loop is measured for a minute after it was asked for', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let nowMs = 0
  const advance = (elapsedMs: number) => {
    nowMs += elapsedMs
    t.mock.timers.tick(20)
  }
  const delay = new EventLoopDelay(() => nowMs)
  assert.equal(delay.isRunning, false)
  delay.want()
  advance(20)
  advance(23)
  assert.deepEqual(counted(delay.histogram.report()), { 0.001: 1, 5: 1 })
  nowMs = WANTED_FOR_MS - 30
  delay.want()
  advance(WANTED_FOR_MS - 20)
  assert.equal(delay.isRunning, true)
  advance(100)
  assert.equal(delay.isRunning, false)
  delay.want()
  assert.equal(delay.isRunning, true)
  delay.stop()
  assert.equal(delay.isRunning, false)
})
