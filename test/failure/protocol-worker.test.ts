import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WireClient } from '../order/wire-client.ts'
import { until } from '../support/wait.ts'
import { reaches, untilNobody } from './ask.ts'
import { BrokerUnderTest, ROUTER } from './broker-under-test.ts'
import { Flow } from './flow.ts'

const timeout = 90_000

describe('the death of a protocol worker', () => {
  for (const how of ['error', 'trap'] as const) {
    test(`by ${how} takes its own connections only`, { timeout }, async () => {
      await using broker = await BrokerUnderTest.start({ workers: 3 })
      await broker.watch(() => oneDeath(broker, how))
    })
  }

  test('may repeat: survivors lose nothing each time', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 3 })
    await broker.watch(async () => {
      const clients = await broker.connectMany(6)
      const flows = await survivorsFlows(clients)
      for (let death = 1; death <= 5; death++) {
        // A receiver on the thread that dies shares the lent payloads with the others.
        const victims = [await broker.connect(), await broker.connect()]
        for (const victim of victims) victim.subscribe('flow.*', 1)
        await Promise.all(victims.map((victim) => victim.flush()))
        await flows[0]!.advance(30)
        broker.fail(1)
        await flows[0]!.advance(10)
        await broker.replaced(death)
        await flows[1]!.advance(10)
      }
      for (const flow of flows) assert.deepEqual(await flow.stop(), [])
    })
  })

  test('lets connections wait that come before it is replaced', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 1 })
    await broker.watch(async () => {
      for (let death = 1; death <= 8; death++) {
        const first = await broker.connect()
        broker.fail(1)
        const failures = () => broker.lines.filter((line) => line.includes('1 failed')).length
        await until('the news of the failure', () => failures() === death, 10_000, 0)
        // As a rule they come before the new thread; if not, this round shows nothing.
        const [a, b] = (await Promise.all([broker.connect(), broker.connect()])) as WireClient[]
        assert.ok(await reaches(a!, b!, 'after'), 'traffic of those that came early')
        assert.ok(first.isClosed, 'the client of the dead thread')
        await broker.replaced(death)
      }
    })
  })

  test('together with the routing worker is mended, too', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 3 })
    await broker.watch(async () => {
      for (let round = 0; round < 5; round++) {
        const clients = await broker.connectMany(6)
        const before = broker.replacedCount
        for (const client of clients) client.subscribe(`together.${round}`, 1)
        await Promise.all(clients.map((client) => client.flush()))
        const order = [
          [ROUTER, 1],
          [1, ROUTER],
          [ROUTER, 2],
          [2, ROUTER],
          [ROUTER, 1, 2, 3],
        ][round]!
        for (const thread of order) broker.fail(thread, round % 2 === 0 ? 'error' : 'trap')
        await broker.replaced(before + order.length)
        const fresh = await broker.connectMany(6)
        for (let i = 0; i < 6; i++) {
          const [from, to] = [fresh[i]!, fresh[(i + 1) % 6]!]
          assert.ok(await reaches(from, to, `fresh.${round}.${i}`), `round ${round}, pair ${i}`)
        }
        for (const client of clients) client.close()
        await untilNobody(fresh[0]!, `together.${round}`)
      }
    })
  })
})

/** Flows between clients 1, 2, 4 and 5, which are on threads 2 and 3. */
async function survivorsFlows(clients: readonly WireClient[]): Promise<Flow[]> {
  const [, a, b, , c, d] = clients as [
    WireClient,
    WireClient,
    WireClient,
    WireClient,
    WireClient,
    WireClient,
  ]
  const there = await new Flow(a, 'flow.there').to(b)
  await there.to(d)
  const back = await new Flow(b, 'flow.back').to(c)
  await back.to(d)
  return [there.start(), back.start()]
}

async function oneDeath(broker: BrokerUnderTest, how: 'error' | 'trap'): Promise<void> {
  const clients = await broker.connectMany(6)
  const dying = [clients[0]!, clients[3]!]
  const living = clients.filter((client) => !dying.includes(client))
  for (const client of dying) {
    client.subscribe('flow.*', 1)
    client.subscribe('only.dying', 2)
    await client.flush()
  }
  const flows = await survivorsFlows(clients)
  const doomed = new Flow(dying[0]!, 'doomed').start()
  await flows[0]!.advance(20)
  broker.fail(1, how)
  const closing = dying.map((client) => client.waitFor('its end', () => client.isClosed))
  await Promise.all(closing)
  await doomed.stop().catch(() => {}) // its connection is gone
  await flows[0]!.advance(20)
  await broker.replaced(1)
  assert.match(broker.lines.join('\n'), /\[error\] protocol worker 1 died/)
  await untilNobody(living[0]!, 'only.dying')

  // Clients come back to the new thread, and everything works with it in both directions.
  const back = await broker.connectMany(2)
  assert.ok(await reaches(back[0]!, living[0]!, 'from.new'), 'from the new thread')
  assert.ok(await reaches(living[0]!, back[0]!, 'to.new'), 'to the new thread')
  assert.ok(await reaches(back[0]!, back[1]!, 'within.new'), 'on the new thread')
  const fromNew = await new Flow(back[0]!, 'new.there').to(living[0]!)
  const toNew = await new Flow(living[1]!, 'new.back').to(back[1]!)
  fromNew.start()
  toNew.start()
  await Promise.all([fromNew.advance(40), toNew.advance(40), flows[1]!.advance(20)])
  for (const flow of [...flows, fromNew, toNew]) assert.deepEqual(await flow.stop(), [])
  for (const client of living) assert.ok(!client.isClosed, `a survivor: ${client.describe()}`)
  assert.deepEqual(broker.fatalTexts, [])
}
