import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SlowEvent } from '../../src/monitor/slow/slow-event.ts'
import { SlowReporter } from '../../src/workers/measurements/slow-reporter.ts'
import type { KernelThread } from '../kernel/kernel-thread.ts'
import { Threads } from '../kernel/threads.ts'

const SECOND_MS = 1000

/** A connection of a thread, as the reporter looks at it. */
function connectionOf(thread: KernelThread, cid: number, record: number, session = {}) {
  const { layout } = thread
  thread.setWord(record + layout.CONNECTION_CID, cid)
  thread.setWord(record + layout.CONNECTION_INDEX, cid)
  return {
    record,
    cid,
    isOpen: true,
    chunksInFlight: 0,
    remoteAddress: '10.0.0.1',
    remotePort: 4000 + cid,
    session,
    get pendingBytes() {
      return thread.word(record + layout.CONNECTION_PENDING)
    },
  }
}

describe('a thread', () => {
  const threads = new Threads()
  const worker = threads.worker(1)
  const info = { name: 'app', user: 'u', account: 'A', host: '192.0.2.1' }
  const publisher = connectionOf(worker, 1, worker.connect(), { clientInfo: () => info })
  const lazy = connectionOf(worker, 2, worker.connect({ pendingBytesMax: 1000 }))
  const link = connectionOf(worker, 3, worker.connect({ kind: 'leaf', planKey: 7 }), {
    hasSession: false,
    clientInfo: () => assert.fail('there is no session'),
  })
  const events: SlowEvent[] = []
  let nowMs = 0
  const reporter = new SlowReporter(
    worker.kernel,
    [undefined, publisher, lazy, link],
    (event) => events.push(event),
    () => nowMs,
  )
  worker.subscribe(lazy.record, 'foo')
  threads.settle()

  function publish(count: number): void {
    for (let i = 0; i < count; i++) {
      const text = `PUB foo 90\r\n${'x'.repeat(90)}\r\n`
      const [at] = worker.place(text)
      worker.exports.ingest(publisher.record, at!, at! + text.length)
    }
  }

  function taken(): SlowEvent[] {
    return events.splice(0)
  }

  test('tells of stalls once a second and publisher, and who was slow', () => {
    publish(8)
    assert.equal(worker.exports.stallRequested.value, 1)
    const by = worker.exports.stalledBy.value
    assert.equal(by, lazy.record)
    for (let i = 0; i < 5; i++) reporter.onStall(publisher, by)
    nowMs += SECOND_MS
    reporter.onStall(publisher, by)
    const [first, second, ...others] = taken()
    assert.equal(others.length, 0)
    assert.deepEqual([first?.kind, first?.count, second?.count], ['stall', 1, 5])
    assert.deepEqual(first?.party, {
      cid: 1,
      kind: 'Client',
      name: 'app',
      user: 'u',
      account: 'A',
      ip: '192.0.2.1',
      port: 4001,
    })
    const { cid, party, pendingBytes, subjects } = first.stalledBy!
    assert.deepEqual([cid, party?.ip, pendingBytes], [2, '10.0.0.1', lazy.pendingBytes])
    assert.deepEqual(subjects, [{ subject: 'foo', msgs: 8, bytes: lazy.pendingBytes }])
  })

  test('knows the cid alone of a receiver of another thread', () => {
    const far = new SlowReporter(threads.worker(2).kernel, [], (event) => events.push(event))
    far.onStall(publisher, lazy.record)
    const [event] = taken()
    assert.deepEqual(
      [event?.stalledBy?.cid, event?.stalledBy?.party, event?.stalledBy?.subjects],
      [2, undefined, []],
    )
  })

  test('tells of what is lost once a second, unless the connection goes', () => {
    const { layout } = worker
    const lossy = () => worker.word(worker.field('THREAD_LOSSY'))
    assert.equal(lossy(), 0)
    worker.exports.setDropOverStallMark(1)
    publish(3)
    worker.exports.setDropOverStallMark(0)
    assert.equal(lossy(), lazy.record)
    reporter.onDropped(lazy.record)
    reporter.onDropped(lazy.record)
    assert.deepEqual(
      taken().map(({ kind, count, subjects }) => [kind, count, subjects[0]?.msgs]),
      [['drop', 3, 8]],
    )
    publish(8)
    assert.notEqual(worker.word(lazy.record + layout.CONNECTION_OVERFLOW), 0)
    nowMs += SECOND_MS
    reporter.onDropped(lazy.record)
    assert.deepEqual(taken(), [])
    reporter.onClosing(lazy, 'max_pending')
    const [event] = taken()
    assert.deepEqual([event?.kind, event?.reason], ['slow_consumer', 'max_pending'])
    assert.equal(event?.subjects[0]?.subject, 'foo')
  })

  test('tells of a leaf link that it knows little of', () => {
    reporter.onSlowWrite(link)
    const [event] = taken()
    assert.deepEqual(
      [event?.kind, event?.reason, event?.party.kind, event?.party.ip, event?.party.name],
      ['slow_write', 'write_deadline', 'Leafnode', '10.0.0.1', ''],
    )
  })
})
