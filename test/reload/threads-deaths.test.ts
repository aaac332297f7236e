import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PartialOptions } from '../../src/config/options.ts'
import { SECRET_HASH } from '../auth/bcrypt-hashes.ts'
import { BrokerUnderTest, ROUTER } from '../failure/broker-under-test.ts'
import { Client, closedWith } from './reloading.ts'

const TIMEOUT_MS = 60_000

function options(users: readonly (readonly [name: string, pass: string])[]): PartialOptions {
  const global = { account: '$G' }
  return {
    workers: 3,
    users: users.map(([user, pass]) => ({ user, pass, ...global })),
  }
}

function as(user: string, pass: string): object {
  return { user, pass }
}

test('threads that are replaced after a reload know its options', {
  timeout: TIMEOUT_MS,
}, async () => {
  const hashed = ['hashed', SECRET_HASH] as const
  await using broker = await BrokerUnderTest.start(options([hashed, ['old', 'old']]))
  await broker.watch(async () => {
    const stays = await Client.connect(broker.port, as('hashed', 'secret'))
    const goes = await Client.connect(broker.port, as('old', 'old'))
    await broker.reload({ ...options([hashed, ['new', 'new']]), maxPayload: 3 })
    assert.equal(await goes.say(), closedWith())
    assert.equal(await stays.say('SUB foo 1'), '')

    broker.fail(ROUTER)
    await broker.replaced(1)
    assert.equal(await stays.say('PUB foo 3', '123'), 'MSG foo 1 3\r\n123\r\n')
    const refused = await Client.connect(broker.port, as('old', 'old'))
    assert.equal(await refused.say(), closedWith())
    const added = await Client.connect(broker.port, as('new', 'new'))
    assert.equal(await added.say('PUB foo 4', '1234'), closedWith('Maximum Payload Violation'))

    // What the successor has not seen logging in, it judges anew all the same.
    await broker.reload({ ...options([['hashed', 'other']]), maxPayload: 3 })
    assert.equal(await stays.say(), closedWith('Authorization Violation'))

    broker.fail(1)
    await broker.replaced(2)
    const last = await Client.connect(broker.port, as('hashed', 'other'))
    assert.equal(last.info['max_payload'], 3)
    assert.equal(await last.say(), '')
    for (const client of [stays, goes, refused, added, last]) client.close()
  })
})
