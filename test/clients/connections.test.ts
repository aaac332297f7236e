import assert from 'node:assert/strict'
import type { TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith, settle, textOf } from '../support/collector.ts'
import { until, within } from '../support/wait.ts'
import { eachClient } from './each-client.ts'

const TIMEOUT_MS = 10_000
const SLOW_CONSUMER_BYTES = 2 * 1024 * 1024

/** Keeps the kinds of the status events of a connection. */
function watch(connection: TestConnection): string[] {
  const types: string[] = []
  void (async () => {
    for await (const { type } of connection.status()) types.push(type)
  })()
  return types
}

eachClient('connections', {}, (check) => {
  check('INFO names a NATS version and headers', async ({ connect }) => {
    const { info } = await connect({ name: 'somebody' })
    assert.match(info?.version ?? '', /^2\.\d+\.\d+/)
    assert.equal(info?.headers, true)
  })

  check('rtt is measured', async ({ connect }) => {
    const rttMs = await (await connect()).rtt()
    assert.ok(rttMs >= 0 && rttMs < TIMEOUT_MS)
  })

  check('verbose and pedantic connections work', async ({ connect }) => {
    const connection = await connect({ verbose: true, pedantic: true })
    const seen = new Collector(connection, 'verbose.>')
    for (let i = 0; i < 10; i += 1) connection.publish('verbose.x', String(i))
    await connection.flush()
    assert.deepEqual(seen.texts, [...'0123456789'])
  })

  check('statistics count both ways', async ({ connect }) => {
    const connection = await connect()
    const seen = new Collector(connection, 'stats')
    for (let i = 0; i < 5; i += 1) connection.publish('stats', 'abc')
    await seen.waitFor(5)
    assert.deepEqual(connection.stats(), { inBytes: 15, inMsgs: 5, outBytes: 15, outMsgs: 5 })
  })

  check('close resolves closed() without an error', async ({ connect }) => {
    const connection = await connect()
    const closed = connection.closed()
    await connection.close()
    assert.equal(await within('closed()', closed), undefined)
    assert.equal(connection.isClosed(), true)
  })

  check('draining a subscription delivers what is under way', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const seen = new Collector(subscriber, 'drain.sub')
    await subscriber.flush()
    for (let i = 0; i < 1000; i += 1) publisher.publish('drain.sub', String(i))
    await publisher.flush()
    await settle(publisher, subscriber)
    await within('drain()', seen.subscription.drain())
    publisher.publish('drain.sub', 'late')
    await settle(publisher, subscriber)
    assert.equal(seen.messages.length, 1000)
  })

  check('draining a connection publishes and delivers everything, then closes', async (bench) => {
    const [worker, asker] = [await bench.connect(), await bench.connect()]
    respondWith(worker, 'drain.work', (text) => text, 'q')
    await worker.flush()
    const requests = Array.from({ length: 100 }, (_, i) =>
      asker.request('drain.work', String(i), { timeout: TIMEOUT_MS }),
    )
    await asker.flush()
    await settle(asker, worker)
    await within('drain()', worker.drain())
    assert.equal((await Promise.all(requests)).length, 100)
    assert.equal(worker.isClosed(), true)
  })

  check('client pings keep an idle connection open', async ({ connect }) => {
    const connection = await connect({ pingInterval: 30, maxPingOut: 2, reconnect: false })
    const types = watch(connection)
    await until('a few client pings', () => types.length >= 5, TIMEOUT_MS)
    assert.equal(connection.isClosed(), false)
    await connection.flush()
  })

  check('200 connections at a time, all talking to all', async ({ connect }) => {
    const all = await Promise.all(Array.from({ length: 200 }, (_, i) => connect({ name: `n${i}` })))
    const seen = all.map((one) => new Collector(one, 'everybody'))
    await Promise.all(all.map((one) => one.flush()))
    for (const [i, one] of all.entries()) one.publish('everybody', String(i))
    await Promise.all(seen.map((collector) => collector.waitFor(200)))
    const wanted = all.map((_, i) => String(i)).sort()
    for (const { texts } of seen) assert.deepEqual(texts.sort(), wanted)
  })

  check('connections that come and go leave nothing behind', async ({ connect, library }) => {
    const asker = await connect()
    for (let round = 0; round < 30; round += 1) {
      const visitor = await connect()
      respondWith(visitor, 'visitor', String)
      await visitor.flush()
      await asker.request('visitor', 'x', { timeout: TIMEOUT_MS })
      await visitor.close()
    }
    await until('no responders after the last visitor', async () => {
      try {
        await asker.request('visitor', 'x', { timeout: 200 })
        return false
      } catch (error) {
        return library.kindOf(error) === 'no responders'
      }
    })
  })

  check('reconnects after a restart and has its subscriptions back', async (bench) => {
    const options = { reconnectTimeWait: 50, maxReconnectAttempts: -1 }
    const [publisher, subscriber] = [await bench.connect(options), await bench.connect(options)]
    const [atPublisher, atSubscriber] = [watch(publisher), watch(subscriber)]
    const seen = new Collector(subscriber, 'again.*')
    await subscriber.flush()
    await bench.restart()
    for (const types of [atPublisher, atSubscriber]) {
      await until('the reconnect', () => types.includes('reconnect'))
      assert.ok(types.includes('disconnect'), `status: ${types.join(', ')}`)
    }
    await Promise.all([subscriber.flush(), publisher.flush()])
    publisher.publish('again.x', 'after')
    await seen.waitFor(1)
    assert.deepEqual(seen.texts, ['after'])
  })

  check('without reconnect the end of the server closes the client', async (bench) => {
    const server = await bench.start()
    const connection = await bench.connect({ servers: server.url, reconnect: false })
    const closed = connection.closed()
    await server.stop()
    await within('closed()', closed)
    assert.equal(connection.isClosed(), true)
  })
})

eachClient('flow', { config: `max_pending: ${SLOW_CONSUMER_BYTES}\n` }, (check) => {
  check('a fast publisher and a busy subscriber lose nothing', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const seen = new Collector(subscriber, 'flow.>')
    await subscriber.flush()
    const payload = Buffer.alloc(1000, 'x')
    for (let i = 0; i < 20; i += 1) {
      for (let k = 0; k < 1000; k += 1) publisher.publish(`flow.${k % 10}`, payload)
      await publisher.flush()
      await settle(publisher, subscriber)
    }
    assert.equal(seen.messages.length, 20_000)
  })

  check('answers are right while another client is flooded', async ({ connect }) => {
    const [flooder, flooded] = [await connect(), await connect()]
    const [asker, service] = [await connect(), await connect()]
    flooded.subscribe('flood', { callback: () => {} })
    respondWith(service, 'calm', (text) => text)
    await Promise.all([flooded.flush(), service.flush()])
    const payload = Buffer.alloc(2000, 'x')
    for (let i = 0; i < 100; i += 1) {
      for (let k = 0; k < 50; k += 1) flooder.publish('flood', payload)
      const answer = await asker.request('calm', String(i), { timeout: TIMEOUT_MS })
      assert.equal(textOf(answer), String(i))
    }
    await flooder.flush()
  })
})
