import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { Flow } from '../failure/flow.ts'
import type { WireClient } from '../order/wire-client.ts'
import { onWorkers, serverTest } from '../order/worker-counts.ts'
import { until } from '../support/wait.ts'

onWorkers('sids and subjects of any permitted size work', async ({ connectMany }) => {
  const [a, b] = (await connectMany(2)) as [WireClient, WireClient]
  const tokens = Array.from({ length: 2000 }, (_, i) => String(i % 10))
  const long = tokens.join('.')
  const shapes: readonly [subject: string, pattern: string, sid: string][] = [
    ['s', 's', '1'],
    ['s.long', 's.long', 'i'.repeat(3000)],
    [long, long, 'a'],
    [long, `${tokens.slice(0, 1999).join('.')}.*`, 'b'],
    [long, '*.1.2.>', 'c'],
    ['t'.repeat(2000), 't'.repeat(2000), 's'.repeat(2000)],
  ]
  const got: string[] = []
  a.onMessage = ({ subject, sid, payload }) => got.push(`${subject} ${sid} ${payload}`)
  for (const [, pattern, sid] of shapes) a.subscribe(pattern, sid)
  await a.flush()
  for (const [subject, pattern, sid] of shapes) {
    got.length = 0
    b.publish(subject, 'to')
    await b.flush()
    await a.flush()
    const where = `${pattern.slice(0, 30)} (${pattern.length} bytes), sid of ${sid.length} bytes`
    assert.ok(got.includes(`${subject} ${sid} to`), where)
    a.send(`UNSUB ${sid}\r\n`)
    await a.flush()
    got.length = 0
    b.publish(subject, 'gone')
    await b.flush()
    await a.flush()
    assert.ok(!got.some((text) => text.startsWith(`${subject} ${sid} `)), `after UNSUB: ${where}`)
  }
  assert.deepEqual([...a.errors, ...b.errors], [])
})

describe('subscriptions', () => {
  const small = 'shared_memory: 256MB\n'
  serverTest('beyond the memory are refused, the rest works', 1, small, async (fixture) => {
    const [hungry, a, b] = (await fixture.connectMany(3)) as [WireClient, WireClient, WireClient]
    const flow = (await new Flow(a, 'good').to(b)).start()
    let sid = 0
    const refused = () => hungry.errors.some((line) => /maximum subscriptions/i.test(line))
    while (!refused() && sid < 3_000_000) {
      let lines = ''
      for (let i = 0; i < 10_000; i++, sid++)
        lines += `SUB hungry.${sid}.${'x'.repeat(40)} ${sid}\r\n`
      hungry.send(lines)
      await hungry.flush(30_000)
    }
    assert.ok(refused(), `an -ERR to one of ${sid} subscriptions; ${hungry.describe()}`)
    await flow.advance(8)
    assert.deepEqual(await flow.stop(), [])
    hungry.close()
    await until('room for new subscriptions', async () => {
      const fresh = await fixture.connect()
      fresh.subscribe('fresh', 1)
      await fresh.flush()
      return fresh.errors.length === 0
    })
  })
})

describe('pending data', () => {
  // max_pending is no help: all of the memory is less.
  const config = 'shared_memory: 256MB\nmax_pending: 1GB\nwrite_deadline: "60s"\n'
  const title = 'of one read beyond the memory does not cost those who read'
  serverTest(title, 1, config, async ({ connectMany, server }) => {
    // Served last of all, when the others have taken everything.
    const [reader, publisher] = (await connectMany(2)) as [WireClient, WireClient]
    reader.subscribe('burst', 1)
    await reader.flush()
    const lazy = await connectMany(60)
    for (const client of lazy) {
      for (let sid = 0; sid < 12; sid++) client.subscribe('burst', sid)
    }
    await Promise.all(lazy.map((client) => client.flush()))
    for (const client of lazy) client.pause()
    const block = 'b'.repeat(60_000)
    const total = 20
    // One write: some reads of the server have several of them, of 43 MB for all each.
    for (let n = 0; n < total; n++) publisher.send(`PUB burst ${block.length}\r\n${block}\r\n`)
    await publisher.flush(30_000)
    await reader.flush(30_000)
    assert.equal(reader.messageCount, total, 'messages of the client that reads')
    assert.match(
      server.log,
      /Slow Consumer Detected: shared_memory is exhausted, \d+ bytes pending/,
    )
    assert.doesNotMatch(server.log, /died/)
  })

  for (const workerCount of [1, 2]) {
    const title = `beyond the memory costs those for whom it waits, ${workerCount} workers`
    serverTest(title, workerCount, config, async ({ connectMany, server }) => {
      const lazy = await connectMany(4)
      const [publisher, reader] = (await connectMany(2)) as [WireClient, WireClient]
      let count = 0
      reader.onMessage = () => {
        count++
      }
      for (const client of [...lazy, reader]) client.subscribe('flood', 1)
      await Promise.all([...lazy, reader].map((client) => client.flush()))
      for (const client of lazy) client.pause()
      const block = Buffer.alloc(100_000, 'p')
      const total = 4000
      for (let n = 1; n <= total; n++) {
        publisher.publish('flood', block)
        if (n % 20 === 0) {
          await publisher.flush(30_000)
          await reader.flush(30_000)
        }
      }
      await publisher.flush(30_000)
      await reader.flush(30_000)
      assert.equal(count, total, 'messages of the client that reads')
      assert.match(server.log, /Shared memory of thread \d is (nearly )?exhausted|shared_memory is/)
      assert.doesNotMatch(server.log, /died/)
      for (const client of lazy) client.resume()
      await Promise.all(lazy.map((client) => client.waitFor('its end', () => client.isClosed)))
    })
  }
})
