import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ParameterError, Query } from '../../src/monitor/endpoints/query.ts'
import { SLOW_EVENTS_MAX, SlowEvents } from '../../src/monitor/slow/slow-events.ts'
import { slowz } from '../../src/monitor/slow/slowz.ts'
import { pendingSubjects } from '../../src/workers/measurements/pending-subjects.ts'
import { Threads } from '../kernel/threads.ts'
import { slowEvent } from './fake-metrics.ts'

const PARTY = slowEvent().party

describe('/slowz', () => {
  const events = new SlowEvents()
  for (let cid = 1; cid <= SLOW_EVENTS_MAX + 2; cid++) {
    const account = cid % 2 === 0 ? 'EVEN' : '$G'
    events.add(slowEvent({ party: { ...PARTY, cid, account }, count: 2 }))
  }
  const ask = (query: string) => JSON.parse(slowz('NID', events, new Query(query)))
  const cids = (query: string) => ask(query).events.map(({ cid }: { cid: number }) => cid)

  test('shows the last hundred events, the latest first', () => {
    const { server_id, num_events, totals } = ask('')
    const slow_consumers = 2 * (SLOW_EVENTS_MAX + 2)
    assert.deepEqual(totals, { slow_consumers, slow_writes: 0, stalls: 0, drops: 0 })
    assert.deepEqual([server_id, num_events], ['NID', 100])
    assert.deepEqual(cids('').slice(0, 3), [1002, 1001, 1000])
  })

  test('keeps a thousand', () => {
    const all = cids('limit=5000')
    assert.deepEqual([all.length, all.at(-1)], [SLOW_EVENTS_MAX, 3])
    assert.deepEqual(cids('limit=2'), [1002, 1001])
  })

  test('is filtered by account and cid', () => {
    assert.deepEqual(cids('acc=EVEN&limit=3'), [1002, 1000, 998])
    assert.deepEqual(cids('cid=500'), [500])
    assert.deepEqual(cids('cid=500&acc=$G'), [])
    assert.throws(() => ask('limit=many'), ParameterError)
  })

  test('tells who was slow, about what, and whom it held up', () => {
    const stalls = new SlowEvents()
    const subjects = [{ subject: 'a.b', msgs: 3, bytes: 90 }]
    const stalledBy = {
      cid: 9,
      party: { ...PARTY, cid: 9, name: 'lazy', user: 'u', account: 'A' },
      pendingBytes: 100,
      subjects,
    }
    stalls.add(slowEvent({ kind: 'stall', count: 4, stalledBy }))
    stalls.add(slowEvent({ kind: 'stall', stalledBy: { ...stalledBy, party: undefined } }))
    const { events: found } = JSON.parse(slowz('NID', stalls, new Query('cid=9')))
    const { ip, port } = PARTY
    const event = {
      time: '2026-01-02T00:00:00Z',
      event: 'stall',
      reason: 'max_pending',
      ...{ cid: 5, kind: 'Client', account: '$G', ip, port },
      pending_bytes: 0,
    }
    const rest = { pending_bytes: 100, subjects }
    const lazy = { cid: 9, kind: 'Client', name: 'lazy', user: 'u', account: 'A', ip, port }
    assert.deepEqual(found, [
      { ...event, count: 1, stalled_by: { cid: 9, ...rest } },
      { ...event, count: 4, stalled_by: { ...lazy, ...rest } },
    ])
  })
})

describe('the subjects that wait for a connection', () => {
  function waiting(publishes: readonly (readonly [subject: string, bytes: number, n: number])[]) {
    const threads = new Threads()
    const worker = threads.worker(1)
    const client = worker.connect()
    worker.subscribe(client, '>')
    threads.settle()
    for (const [subject, bytes, count] of publishes) {
      for (let i = 0; i < count; i++) {
        const text = `PUB ${subject} reply.to ${bytes}\r\n${'x'.repeat(bytes)}\r\n`
        const [at] = worker.place(text)
        assert.notEqual(worker.exports.ingest(client, at!, at! + text.length), at)
      }
    }
    return { worker, client }
  }
  const frameBytes = (subject: string, bytes: number) =>
    `MSG ${subject} 1 reply.to ${bytes}\r\n\r\n`.length + bytes

  test('are those with the most bytes, of what the socket has and has not been given', () => {
    const { worker, client } = waiting([
      ['small', 3, 10],
      ['caf\xc3\xa9', 200, 4],
      ['big.one', 5000, 3],
      ...['d', 'e', 'f'].map((subject) => [subject, 1, 1] as const),
    ])
    worker.append(client, 'PING\r\n')
    const expected = [
      { subject: 'big.one', msgs: 3, bytes: 3 * frameBytes('big.one', 5000) },
      { subject: 'café', msgs: 4, bytes: 4 * frameBytes('caf\xc3\xa9', 200) },
      { subject: 'small', msgs: 10, bytes: 10 * frameBytes('small', 3) },
      { subject: 'd', msgs: 1, bytes: frameBytes('d', 1) },
      { subject: 'e', msgs: 1, bytes: frameBytes('e', 1) },
    ]
    const sizes = (found: typeof expected) =>
      found.map(({ subject, bytes }) => [subject, bytes] as const)
    // The PING and what was cut off with it has a share in its chunk.
    const near = (inFlight: number) => {
      const found = pendingSubjects(worker.kernel, client, inFlight, 1000)
      assert.deepEqual(
        found.map(({ subject }) => subject),
        expected.map(({ subject }) => subject),
      )
      for (const [i, [, bytes]] of sizes(found).entries()) {
        assert.ok(Math.abs(bytes - expected[i]!.bytes) <= 8, `${bytes} ${expected[i]!.bytes}`)
      }
    }
    near(0)
    near(worker.exports.takeChunks(client, 1))
  })

  test('are estimated by the first frames of each chunk when there are very many', () => {
    const { worker, client } = waiting([['many', 100, 5000]])
    const [found, ...others] = pendingSubjects(worker.kernel, client, 0, 50)
    assert.equal(others.length, 0)
    assert.ok(found!.msgs > 4900 && found!.msgs < 5100, `${found!.msgs}`)
    assert.ok(found!.bytes > 4900 * frameBytes('many', 100), `${found!.bytes}`)
  })

  test('are cut when they are very long', () => {
    const subject = `${'long.'.repeat(300)}end`
    const { worker, client } = waiting([[subject, 1, 1]])
    const [found] = pendingSubjects(worker.kernel, client, 0, 50)
    assert.equal(found?.subject, `${subject.slice(0, 256)}…`)
    assert.equal(found.bytes, frameBytes(subject, 1))
  })

  test('of nothing are none', () => {
    const { worker, client } = waiting([])
    assert.deepEqual(pendingSubjects(worker.kernel, client, 0, 50), [])
  })
})
