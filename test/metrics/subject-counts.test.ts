import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SubjectCounts } from '../../src/workers/measurements/subject-counts.ts'
import type { KernelThread } from '../kernel/kernel-thread.ts'
import { Threads } from '../kernel/threads.ts'

function publish(thread: KernelThread, connection: number, subject: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const text = `PUB ${subject} 0\r\n\r\n`
    const [at] = thread.place(text)
    assert.notEqual(thread.exports.ingest(connection, at!, at! + text.length), at)
  }
}

test('a thread tells the subjects with the most messages since it was last asked', async () => {
  const threads = new Threads()
  const worker = threads.worker(1)
  threads.router.exports.openAccount(3)
  const [client, tenant] = [worker.connect(), worker.connect({ account: 3 })]
  const counts = new SubjectCounts(worker.kernel, worker.arena)
  publish(worker, client, 'orders.eu', 5)
  publish(worker, client, 'orders.us', 2)
  publish(worker, tenant, 'orders.eu', 9)
  publish(worker, client, 'caf\xc3\xa9', 1)
  assert.deepEqual(await counts.take(10), [
    { account: 3, subject: 'orders.eu', msgs: 9 },
    { account: 0, subject: 'orders.eu', msgs: 5 },
    { account: 0, subject: 'orders.us', msgs: 2 },
    { account: 0, subject: 'café', msgs: 1 },
  ])
  assert.deepEqual(await counts.take(10), [])
  // A new subscription voids the plan, but not what it has counted.
  publish(worker, client, 'orders.us', 1)
  worker.subscribe(client, 'orders.*')
  threads.settle()
  publish(worker, client, 'orders.us', 3)
  publish(worker, client, 'orders.eu', 1)
  assert.deepEqual(await counts.take(1), [{ account: 0, subject: 'orders.us', msgs: 4 }])
})

test('of very many subjects those with the most messages are found', async () => {
  const threads = new Threads()
  const worker = threads.worker(1)
  const client = worker.connect()
  const counts = new SubjectCounts(worker.kernel, worker.arena)
  for (let i = 0; i < 3000; i++) publish(worker, client, `s.${i}`, i % 1000 === 7 ? 3 : 1)
  const [both, again] = await Promise.all([counts.take(3), counts.take(3)])
  const found = both.map(({ subject, msgs }) => `${subject} ${msgs}`).sort()
  assert.deepEqual(found, ['s.1007 3', 's.2007 3', 's.7 3'])
  assert.equal(again, both, 'one walk at a time')
})
