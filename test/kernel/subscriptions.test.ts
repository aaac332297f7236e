import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Session } from './session.ts'
import { Threads } from './threads.ts'

const threads = new Threads({ workerCount: 1 })
const worker = threads.worker(1)
const source = new Session(worker, {}, () => threads.settle())

function withMax(slot: number, max: number): number {
  worker.setWord(slot + worker.layout.SUB_MAX, max)
  return slot
}

/** Publishes to each of the subjects, and leaves expired subscriptions to the test. */
function publish(...subjects: readonly string[]): void {
  for (const subject of subjects) {
    const text = `PUB ${subject} 1\r\nx\r\n`
    const [at] = worker.place(text)
    assert.equal(worker.exports.ingest(source.record, at!, at! + text.length), at! + text.length)
  }
}

function sids(connection: number): string[] {
  return [...worker.take(connection).matchAll(/MSG \S+ (\S+)/g)].map((found) => found[1]!)
}

describe('a subscription with a maximum', () => {
  test('gets so many messages and is reported once', () => {
    const connection = worker.connect()
    const slot = withMax(worker.subscribe(connection, 'foo'), 2)
    threads.settle()
    publish('foo', 'foo', 'foo')
    assert.deepEqual(sids(connection), ['1', '1'])
    assert.deepEqual(worker.takeAllExpired(), [slot])
    assert.deepEqual(worker.takeAllExpired(), [])
    worker.unsubscribe(slot)
    worker.disconnect(connection)
    threads.settle()
  })

  test('that is removed before it was reported takes no other one with it', () => {
    const connection = worker.connect()
    const subscribe = (sid: string) => withMax(worker.subscribe(connection, sid, '', sid), 1)
    for (const victims of [[0], [1], [2], [0, 2], [2, 0], [0, 1, 2]]) {
      const slots = ['a', 'b', 'c'].map(subscribe)
      threads.settle()
      publish('a', 'b', 'c')
      for (const victim of victims) worker.unsubscribe(slots[victim]!)
      const left = slots.filter((_, i) => !victims.includes(i))
      assert.deepEqual(worker.takeAllExpired().toSorted(), left.toSorted(), `removed: ${victims}`)
      for (const slot of left) worker.unsubscribe(slot)
      threads.settle()
    }
    worker.disconnect(connection)
  })

  test('never reports the one that has its slot afterwards', () => {
    const connection = worker.connect()
    const slot = withMax(worker.subscribe(connection, 'foo'), 1)
    threads.settle()
    publish('foo')
    worker.unsubscribe(slot)
    threads.settle()
    const successor = worker.subscribe(connection, 'bar')
    assert.equal(successor, slot, 'the slot is used again')
    threads.settle()
    assert.deepEqual(worker.takeAllExpired(), [])
    worker.unsubscribe(successor)
    worker.disconnect(connection)
    threads.settle()
  })

  test('that is raised after it was reached is reported once all the same', () => {
    const connection = worker.connect()
    const slots = ['a', 'b'].map((sid) => withMax(worker.subscribe(connection, 'foo', '', sid), 1))
    threads.settle()
    publish('foo')
    for (const slot of slots) withMax(slot, 2)
    publish('foo')
    assert.deepEqual(worker.takeAllExpired().toSorted(), slots.toSorted())
    for (const slot of slots) worker.unsubscribe(slot)
    worker.disconnect(connection)
    threads.settle()
  })
})

describe('a slot', () => {
  test('stops deliveries at once when it is removed, before the routing worker knows', () => {
    const connection = worker.connect()
    const slot = worker.subscribe(connection, 'foo')
    threads.settle()
    publish('foo')
    worker.unsubscribe(slot)
    publish('foo')
    assert.deepEqual(sids(connection), ['1'])
    threads.settle()
    worker.disconnect(connection)
  })

  test('is not used again before the routing worker has retired it', () => {
    const connection = worker.connect()
    const slot = worker.subscribe(connection, 'foo')
    threads.settle()
    worker.unsubscribe(slot)
    const other = worker.subscribe(connection, 'bar')
    assert.notEqual(other, slot)
    threads.settle()
    const third = worker.subscribe(connection, 'baz')
    assert.equal(third, slot)
    for (const one of [other, third]) worker.unsubscribe(one)
    threads.settle()
    worker.disconnect(connection)
  })

  test('ignores control records of its former life', () => {
    const connection = worker.connect()
    const { exports, layout } = worker
    const slot = worker.subscribe(connection, 'foo')
    const stale = worker.generation(slot)
    threads.settle()
    worker.unsubscribe(slot)
    threads.settle()
    const again = worker.subscribe(connection, 'bar')
    assert.equal(again, slot)
    for (const kind of [layout.RECORD_UNSUBSCRIBE, layout.RECORD_SUBSCRIBE]) {
      exports.sendControl(layout.ROUTER_THREAD, kind, slot, stale)
    }
    threads.settle()
    publish('foo', 'bar')
    assert.deepEqual(sids(connection), ['1'])
    worker.unsubscribe(again)
    threads.settle()
    worker.disconnect(connection)
  })

  test('takes subjects, groups and sids of any length', () => {
    const connection = worker.connect()
    const lengths = [1, 15, 16, 17, 100, 4000]
    const slots = lengths.map((length) =>
      worker.subscribe(
        connection,
        `s.${'t'.repeat(length)}`,
        'q'.repeat(length),
        'i'.repeat(length),
      ),
    )
    threads.settle()
    publish(...lengths.map((length) => `s.${'t'.repeat(length)}`))
    assert.deepEqual(
      sids(connection).map((sid) => sid.length),
      lengths,
    )
    for (const slot of slots) worker.unsubscribe(slot)
    threads.settle()
    worker.disconnect(connection)
  })

  test('comes and goes by the thousand without using more memory', () => {
    const connection = worker.connect()
    const round = () => {
      const slots = Array.from({ length: 3000 }, (_, i) => {
        const slot = worker.subscribe(connection, `many.${i}`, '', `${i}`)
        if (i % 500 === 0) threads.settle()
        return slot
      })
      threads.settle()
      for (const slot of slots) worker.unsubscribe(slot)
      threads.settle()
    }
    round()
    const { freePages } = worker
    for (let i = 0; i < 5; i++) round()
    assert.equal(worker.freePages, freePages)
    assert.equal(threads.router.sublistField('SUBLIST_COUNT'), 0)
    worker.disconnect(connection)
  })

  test('is refused to its owner when the sublist is full, and can be removed', () => {
    const small = new Threads({ workerCount: 1, sublistBytes: 64 * 1024 })
    const own = small.worker(1)
    const connection = own.connect()
    const slots = Array.from({ length: 1200 }, (_, i) => {
      const slot = own.subscribe(connection, `subject.${i}`)
      if (i % 100 === 0) small.settle()
      return slot
    })
    small.settle()
    assert.ok(own.refused.length > 0)
    const refused = new Set(own.refused.map(({ slot }) => slot))
    assert.equal(
      small.router.sublistField('SUBLIST_COUNT'),
      slots.length - refused.size,
      'all others are in',
    )
    for (const slot of slots) own.unsubscribe(slot)
    small.settle()
    assert.equal(small.router.sublistField('SUBLIST_COUNT'), 0)
  })
})
