import { test } from 'node:test'
import { until } from '../support/wait.ts'
import { reaches } from './ask.ts'
import { BrokerUnderTest, ROUTER } from './broker-under-test.ts'

const timeout = 90_000

test('routing and protocol worker of one event loop die and are replaced together', {
  timeout,
}, async () => {
  await using hub = await BrokerUnderTest.start({
    workers: 1,
    leafnodes: { host: '127.0.0.1', port: -1 },
  })
  await using spoke = await BrokerUnderTest.start({
    workers: 1,
    leafnodes: {
      reconnectMs: 100,
      remotes: [{ urls: [`nats://127.0.0.1:${hub.leafPort}`] }],
    },
  })
  await hub.watch(() =>
    spoke.watch(async () => {
      let deaths = 0
      for (const [thread, how] of [
        [1, 'error'],
        [ROUTER, 'trap'],
      ] as const) {
        const [atHub, atSpoke] = [await hub.connect(), await spoke.connect()]
        await until('the link', () => reaches(atSpoke, atHub, `before.${thread}`))
        hub.fail(thread, how)
        deaths += 2
        await hub.replaced(deaths)
        await atHub.waitFor('its end', () => atHub.isClosed)
        const back = await hub.connect()
        await until('the link again', () => reaches(atSpoke, back, `up.${thread}`))
        await until('the other way', () => reaches(back, atSpoke, `down.${thread}`))
      }
    }),
  )
})
