import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WireClient } from '../order/wire-client.ts'
import { until } from '../support/wait.ts'
import { reaches, untilNobody } from './ask.ts'
import { BrokerUnderTest, ROUTER } from './broker-under-test.ts'
import { Flow } from './flow.ts'

const timeout = 90_000

describe('the death of the routing worker', () => {
  for (const how of ['error', 'trap'] as const) {
    test(`by ${how} delays messages, and loses none`, { timeout }, async () => {
      await using broker = await BrokerUnderTest.start({ workers: 3 })
      await broker.watch(() => knownAndNew(broker, how))
    })
  }

  test('finds a subject with thousands of subscribers on each worker', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 3, maxPending: 512 * 1024 * 1024 })
    await broker.watch(async () => {
      const [many, publisher, more] = await broker.connectMany(3)
      const perClient = 1100
      for (const client of [many!, more!]) {
        for (let sid = 0; sid < perClient; sid++) client.subscribe('crowd', sid)
        await client.flush()
      }
      let sent = 0
      for (let death = 1; death <= 2; death++) {
        // Far more than is delivered until the thread is dead: records stay in the lane, and each
        // of them has to wait for the new sublist.
        for (let n = 0; n < 500; n++, sent++) publisher!.publish('crowd', 'x')
        broker.fail(ROUTER)
        await broker.replaced(death)
      }
      await publisher!.flush(30_000)
      await Promise.all([many!.flush(30_000), more!.flush(30_000)])
      assert.equal(many!.messageCount, sent * perClient, 'messages of the one client')
      assert.equal(more!.messageCount, sent * perClient, 'messages of the other client')
    })
  })

  test('in a storm of SUB and UNSUB leaves the right interest', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 3 })
    await broker.watch(async () => {
      const clients = await broker.connectMany(4)
      const storms = clients.map((client, i) => storm(client, `storm.${i}`))
      await until('some rounds', () => storms.every(({ rounds }) => rounds > 3))
      for (let death = 1; death <= 3; death++) {
        const before = storms.map(({ rounds }) => rounds)
        broker.fail(ROUTER)
        await broker.replaced(death)
        await until(
          () => `more rounds after death ${death}: ${storms.map(({ rounds }) => rounds)}`,
          () => storms.every(({ rounds }, i) => rounds > before[i]! + 3),
        )
      }
      await Promise.all(storms.map((each) => each.stop()))
      const asker = await broker.connect()
      for (const [i, client] of clients.entries()) {
        await untilNobody(asker, `storm.${i}.gone`)
        assert.ok(await reaches(asker, client, `storm.${i}.fresh`), `client ${i}`)
        const before = client.messageCount
        asker.publish(`storm.${i}.kept`, 'x')
        await asker.flush()
        await client.flush()
        assert.equal(client.messageCount, before + 1, `the kept subscription of client ${i}`)
      }
    })
  })

  test('lets leaf links come back, on either side, with all interest', { timeout }, async () => {
    await using hub = await BrokerUnderTest.start({
      workers: 3,
      leafnodes: { host: '127.0.0.1', port: -1 },
    })
    await using spoke = await BrokerUnderTest.start({
      workers: 3,
      leafnodes: {
        reconnectMs: 100,
        remotes: [{ urls: [`nats://127.0.0.1:${hub.leafPort}`] }],
      },
    })
    await hub.watch(() => spoke.watch(() => leafLinks(hub, spoke)))
  })
})

async function knownAndNew(broker: BrokerUnderTest, how: 'error' | 'trap'): Promise<void> {
  const clients = await broker.connectMany(4)
  const [a, b, c, d] = clients as [WireClient, WireClient, WireClient, WireClient]
  const there = await new Flow(a, 'known.there').to(b)
  await there.to(c)
  const back = await new Flow(b, 'known.back').to(d)
  const flows = [there.start(), back.start()]
  c.subscribe('ends', 'ends')
  await c.flush()
  await there.advance(20)
  broker.fail(ROUTER, how)
  // While there is no sublist: new interest, and what is published right behind it.
  for (let i = 0; i < 20; i++) {
    assert.ok(await reaches(clients[i % 4]!, clients[(i + 1) % 4]!, `new.${i}`), `new subject ${i}`)
  }
  c.send('UNSUB ends\r\n')
  await c.flush()
  await broker.replaced(1)
  await untilNobody(a, 'ends')
  await Promise.all(flows.map((flow) => flow.advance(20)))
  for (const flow of flows) assert.deepEqual(await flow.stop(), [])
  for (const client of clients) assert.ok(!client.isClosed, client.describe())
}

/** SUBs and UNSUBs without end; `.kept` stays subscribed, `.gone` does not. */
function storm(client: WireClient, prefix: string): { rounds: number; stop(): Promise<void> } {
  let isStopped = false
  const state = { rounds: 0, stop: () => running }
  const run = async () => {
    client.subscribe(`${prefix}.kept`, 'kept')
    for (; !isStopped; state.rounds++) {
      let lines = ''
      for (let i = 0; i < 300; i++) lines += `SUB ${prefix}.${i}.${state.rounds} g ${i}\r\n`
      lines += `SUB ${prefix}.gone gone\r\n`
      for (let i = 0; i < 300; i++) lines += `UNSUB ${i}\r\n`
      client.send(`${lines}UNSUB gone\r\n`)
      await client.flush(30_000)
    }
  }
  const running = run()
  state.stop = () => {
    isStopped = true
    return running
  }
  return state
}

async function leafLinks(hub: BrokerUnderTest, spoke: BrokerUnderTest): Promise<void> {
  const atHub = await hub.connectMany(2)
  const atSpoke = await spoke.connectMany(2)
  const [h, s] = [atHub[0]!, atSpoke[0]!]
  let number = 0
  /** Both ways, for subjects subscribed before (`old`) and afresh. */
  const crosses = async (from: WireClient, to: WireClient, old: string) => {
    const before = to.messageCount
    from.publish(old, 'x')
    await from.flush()
    // A link has no PONG of its own to wait for: ask again until it has come, then exactly once.
    await until(`a message on ${old}`, async () => {
      await to.flush()
      return to.messageCount > before
    })
    assert.equal(to.messageCount, before + 1, `messages on ${old}`)
  }
  const linked = async (from: WireClient, to: WireClient) => {
    await until('a message over the link', () => reaches(from, to, `probe.${++number}`))
  }
  s.subscribe('at.spoke', 1)
  s.subscribe('at.spoke.queue', 2, 'q')
  h.subscribe('at.hub', 1)
  await Promise.all([s.flush(), h.flush()])
  await linked(h, s)
  await linked(s, h)
  const victims = [hub, spoke, hub]
  for (const [i, broker] of victims.entries()) {
    const before = broker.replacedCount
    broker.fail(ROUTER, i === 1 ? 'trap' : 'error')
    await broker.replaced(before + 1)
    await linked(h, s)
    await linked(s, h)
    await crosses(h, s, 'at.spoke')
    await crosses(h, s, 'at.spoke.queue')
    await crosses(s, h, 'at.hub')
    await untilNobody(s, `nobody.${i}`)
    await untilNobody(h, `nobody.${i}`)
  }
  for (const client of [...atHub, ...atSpoke]) assert.ok(!client.isClosed, client.describe())
}
