import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PartialOptions } from '../../src/config/options.ts'
import { BrokerUnderTest, ROUTER } from '../failure/broker-under-test.ts'
import { until } from '../support/wait.ts'
import { LoggedIn } from './logged-in.ts'

const timeout = 90_000

const FEW = {
  publish: { allow: ['ok.>', 'ask'], deny: ['ok.no'] },
  subscribe: { allow: ['ok.>', 'in.*'], deny: ['ok.secret'] },
}

const OPTIONS: PartialOptions = {
  workers: 3,
  users: [
    { user: 'few', pass: 'p', account: 'A', permissions: FEW },
    { user: 'all', pass: 'p', account: 'A' },
    { user: 'svc', pass: 'p', account: 'SVC' },
    { user: 'b', pass: 'p', account: 'B' },
  ],
  accounts: [
    { name: 'A', imports: [{ kind: 'service', account: 'SVC', subject: 'svc', to: 'ask' }] },
    { name: 'SVC', exports: [{ kind: 'service', subject: 'svc' }] },
    { name: 'B' },
  ],
}

const FORBIDDEN = /-ERR 'Permissions Violation for Publish to "ok\.no"'/g

describe('clients that have logged in', () => {
  test('stay as they are when the routing worker dies', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start(OPTIONS)
    await broker.watch(async () => {
      await using few = await LoggedIn.as(broker.port, 'few')
      await using all = await LoggedIn.as(broker.port, 'all')
      await using svc = await LoggedIn.as(broker.port, 'svc', {
        headers: false,
        no_responders: false,
      })
      await using other = await LoggedIn.as(broker.port, 'b')
      few.send('SUB ok.> 1\r\nSUB in.* 2\r\n')
      all.send('SUB > 1\r\n')
      svc.send('SUB svc 1\r\n')
      other.send('SUB > 1\r\n')
      const clients = [few, all, svc, other]
      await Promise.all(clients.map((client) => client.flush()))
      for (let death = 1; death <= 3; death++) {
        broker.fail(ROUTER)
        // While there is none: nobody gains rights.
        for (let i = 0; i < 20; i++) {
          few.publish('ok.no', 'forbidden')
          all.publish('ok.secret', 'secret')
        }
        // A login that is under way is decided by the next routing worker.
        await using late = await LoggedIn.as(broker.port, 'few')
        late.publish('ok.no', 'forbidden')
        few.send('SUB elsewhere 9\r\n')
        await broker.replaced(death)
        few.publish('ok.yes', `mine ${death}`)
        all.publish('ok.yes', `theirs ${death}`)
        few.publish('ask', `question ${death}`, `in.${death}`)
        await Promise.all([...clients, late].map((client) => client.flush(30_000)))
        await svc.raw.waitFor('the question', () => svc.messages.length === death)
        svc.publish(svc.messages.at(-1)!.reply, `answer ${death}`)
        await few.raw.waitFor('the answer', () => few.text.includes(`answer ${death}`))
        assert.equal(few.text.match(FORBIDDEN)?.length, 20 * death)
        assert.match(late.text, FORBIDDEN)
        assert.equal(few.text.split('for Subscription to "elsewhere"').length - 1, death)
      }
      const payloads = few.messages.filter(({ sid }) => sid === '1').map(({ payload }) => payload)
      assert.deepEqual(payloads.toSorted(), [
        ...['mine 1', 'mine 2', 'mine 3'],
        ...['theirs 1', 'theirs 2', 'theirs 3'],
      ])
      assert.deepEqual(other.messages, [], 'another account')
      const seen = all.messages.filter(({ subject }) => subject === 'ok.no')
      assert.deepEqual(seen, [], 'what may not be published')
    })
  })

  test('keep their rights when another protocol worker dies', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start(OPTIONS)
    await broker.watch(async () => {
      // Connections are dealt out in turn.
      await using few = await LoggedIn.as(broker.port, 'few')
      await using doomed = await LoggedIn.as(broker.port, 'all')
      few.send('SUB ok.> 1\r\n')
      await few.flush()
      for (let death = 1; death <= 2; death++) {
        broker.fail(2)
        await broker.replaced(death)
        if (death === 1) await until('the end', () => doomed.raw.closedBy !== null)
        await using one = await LoggedIn.as(broker.port, 'all')
        await using two = await LoggedIn.as(broker.port, 'all')
        for (const client of [one, two]) {
          client.publish('ok.secret', 'secret')
          client.publish('ok.open', `${death}`)
          await client.flush()
        }
        few.publish('ok.no', 'forbidden')
        await few.flush()
        assert.equal(few.text.match(FORBIDDEN)?.length, death)
      }
      assert.deepEqual(
        few.messages.map(({ subject, payload }) => `${subject} ${payload}`),
        ['ok.open 1', 'ok.open 1', 'ok.open 2', 'ok.open 2'],
      )
    })
  })
})
