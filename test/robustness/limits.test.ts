import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { Flow } from '../failure/flow.ts'
import type { WireClient } from '../order/wire-client.ts'
import { onWorkers, serverTest } from '../order/worker-counts.ts'
import { until } from '../support/wait.ts'
import { inMib, rssOf } from './process-memory.ts'

const MIB = 1024 * 1024

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
  serverTest('that come and go leave no memory behind', 2, '', async ({ connectMany, server }) => {
    const clients = await connectMany(4)
    const flow = (await new Flow(clients[0]!, 'good').to(clients[1]!)).start()
    const churn = async (client: WireClient, round: number) => {
      for (let batch = 0; batch < 25; batch++) {
        let lines = ''
        for (let i = 0; i < 1000; i++) lines += `SUB churn.${round}.${batch}.${i}.* q${i % 7} ${i}\r\n`
        for (let i = 0; i < 1000; i++) lines += `UNSUB ${i}\r\n`
        client.send(lines)
        await client.flush(30_000)
      }
    }
    const churnAll = (round: number) => Promise.all(clients.map((client) => churn(client, round)))
    await churnAll(1)
    const first = rssOf(server.pid)
    await churnAll(2)
    const second = rssOf(server.pid)
    assert.deepEqual(await flow.stop(), [])
    const history = [first, second].map(inMib).join(', ')
    assert.ok(second - first < 15 * MIB, `RSS after 100,000 and after 200,000: ${history}`)
  })

  const small = 'shared_memory: 256MB\n'
  serverTest('beyond the memory are refused, the rest works', 1, small, async (fixture) => {
    const [hungry, a, b] = (await fixture.connectMany(3)) as [WireClient, WireClient, WireClient]
    const flow = (await new Flow(a, 'good').to(b)).start()
    let sid = 0
    const refused = () => hungry.errors.some((line) => /maximum subscriptions/i.test(line))
    while (!refused() && sid < 3_000_000) {
      let lines = ''
      for (let i = 0; i < 10_000; i++, sid++) lines += `SUB hungry.${sid}.${'x'.repeat(40)} ${sid}\r\n`
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
  for (const workerCount of [1, 2]) {
    // max_pending is no help: all of the memory is less.
    const config = 'shared_memory: 256MB\nmax_pending: 1GB\nwrite_deadline: "60s"\n'
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
