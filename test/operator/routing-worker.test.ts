/** The thread that knows the accounts dies; its successor has to fetch them again. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerUnderTest, ROUTER } from '../failure/broker-under-test.ts'
import { until } from '../support/wait.ts'
import { Administrator, logIn } from './jwt-client.ts'
import { nowS, World } from './world.ts'

const timeout = 90_000

describe('the death of the routing worker in operator mode', () => {
  test('leaves accounts, imports, limits and permissions as they were', { timeout }, async () => {
    const world = new World()
    const [exporter, importer] = [world.account('EXPORTER'), world.account('IMPORTER')]
    const newer = { iat: nowS() + 10 }
    const jwts = {
      [world.system.publicKey]: world.system.jwt(),
      [exporter.publicKey]: exporter.jwt({
        exports: [{ subject: 'news', type: 'stream' }],
        default_permissions: { pub: { deny: ['no'] } },
      }),
      [importer.publicKey]: importer.jwt({
        limits: { subs: 1, payload: 10 },
        imports: [{ subject: 'news', account: exporter.publicKey, type: 'stream' }],
      }),
    }
    await using broker = await BrokerUnderTest.start({
      workers: 3,
      systemAccount: world.system.publicKey,
      operator: {
        jwts: [world.operatorJwt],
        trustedKeys: [],
        resolver: { kind: 'memory' },
        resolverTls: undefined,
        preload: jwts,
        pinnedAccounts: [],
        defaultSentinel: '',
      },
    })
    await broker.watch(async () => {
      await using source = await logIn(broker, exporter.user())
      await using reader = await logIn(broker, importer.user())
      await reader.send('SUB news 1')
      await reader.settled()
      broker.fail(ROUTER)
      await broker.replaced(1)
      for (const client of [source, reader]) await client.settled()
      await source.publish('news', 'hello')
      await reader.saw('MSG news 1 5\r\nhello')
      await source.publish('no')
      await source.saw(`-ERR 'Permissions Violation for Publish to "no"'`)
      await reader.send('SUB more 2')
      await reader.saw(`-ERR 'maximum subscriptions exceeded'`)

      await using administrator = await Administrator.open(broker, world)
      const revoked = exporter.jwt({ revocations: { '*': nowS() + 5 } }, newer)
      assert.match(await administrator.update(exporter, revoked), /"jwt updated"/)
      assert.deepEqual((await source.ended()).slice(-1), ["'User Authentication Revoked'"])
      await reader.publish('x', 'x'.repeat(11))
      assert.ok((await reader.ended()).includes("'Maximum Payload Violation'"))
    })
  })

  test('ends those whose account is not to be had any more', { timeout }, async () => {
    const world = new World()
    const account = world.account('A')
    const user = account.user()
    const endS = nowS() + 3
    const preload: Record<string, string> = {
      [world.system.publicKey]: world.system.jwt(),
      [account.publicKey]: account.jwt({}, { exp: endS }),
    }
    await using broker = await BrokerUnderTest.start({
      workers: 3,
      systemAccount: world.system.publicKey,
      operator: {
        jwts: [world.operatorJwt],
        trustedKeys: [],
        resolver: { kind: 'memory' },
        resolverTls: undefined,
        preload,
        pinnedAccounts: [],
        defaultSentinel: '',
      },
    })
    await broker.watch(async () => {
      await using client = await logIn(broker, user)
      // In force for longer than the JWT that a successor finds.
      await using administrator = await Administrator.open(broker, world)
      const answer = await administrator.update(account, account.jwt({}, { iat: nowS() + 10 }))
      assert.match(answer, /"jwt updated"/)
      await until('the first JWT is over', () => nowS() > endS)
      await client.settled()
      broker.fail(ROUTER)
      await broker.replaced(1)
      assert.deepEqual(await client.ended(), ["'Authorization Violation'"])
      await administrator.client.settled()
    })
  })
})
