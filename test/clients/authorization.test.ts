import assert from 'node:assert/strict'
import type { TestConnection } from '../support/client-libraries.ts'
import { Collector, settle } from '../support/collector.ts'
import { until } from '../support/wait.ts'
import { eachClient } from './each-client.ts'

const TOKEN = 'authorization { token: "s3cr3t" }\n'
const USERS = `
authorization {
  users = [
    { user: alice, password: wonder }
    { user: bob, password: "$2b$04$PsGmJFK0OkHWxdCDZvXLZeXLQl0HggVUnECZbJ0Bq8OEOnMgPchN6" }
    { user: guest, password: guest, permissions: {
      publish: ["public.>", "_INBOX.>"], subscribe: ["public.>", "_INBOX.>"]
    } }
  ]
}
`
const ACCOUNTS = `
accounts {
  A: { users: [ { user: a, password: a } ] }
  B: { users: [ { user: b, password: b } ] }
}
`

async function works(connection: TestConnection): Promise<void> {
  const seen = new Collector(connection, 'public.works')
  connection.publish('public.works', 'yes')
  await seen.waitFor(1)
}

eachClient('token', { config: TOKEN }, (check) => {
  check('the right token connects', async ({ connect }) => {
    await works(await connect({ token: 's3cr3t' }))
  })

  for (const [what, options] of Object.entries({
    'a wrong token': { token: 'other' },
    'no token': {},
    'a password instead': { user: 's3cr3t', pass: 's3cr3t' },
  })) {
    check(`${what} is refused`, async ({ connect, library }) => {
      await assert.rejects(connect(options), (error) => library.kindOf(error) === 'authorization')
    })
  }
})

eachClient('users', { config: USERS }, (check) => {
  for (const [user, pass] of [
    ['alice', 'wonder'],
    ['bob', 's3cr3t'],
    ['guest', 'guest'],
  ] as const) {
    check(`${user} connects with the right password`, async ({ connect }) => {
      await works(await connect({ user, pass }))
    })

    check(`${user} is refused with a wrong password`, async ({ connect, library }) => {
      await assert.rejects(
        connect({ user, pass: 'wrong' }),
        (error) => library.kindOf(error) === 'authorization',
      )
    })
  }

  check('what is not permitted is reported and does not end the connection', async (bench) => {
    const guest = await bench.connect({ user: 'guest', pass: 'guest' })
    const alice = await bench.connect({ user: 'alice', pass: 'wonder' })
    const types: string[] = []
    void (async () => {
      for await (const { type } of guest.status()) types.push(type)
    })()
    const secret = new Collector(alice, 'secret.>')
    await alice.flush()
    guest.publish('secret.x', 'hello')
    await until('an error status', () => types.includes('error'))
    const refused: (Error | null)[] = []
    guest.subscribe('secret.>', { callback: (error) => refused.push(error) })
    await until('an error for the subscription', () => refused.length > 0)
    assert.match(String(refused[0]?.message), /permissions violation/i)
    alice.publish('secret.y', 'from alice')
    await settle(alice, alice)
    assert.deepEqual(secret.texts, ['from alice'])
    assert.equal(refused.length, 1)
    await works(guest)
  })
})

eachClient('accounts', { config: ACCOUNTS }, (check) => {
  check('the same subject in two accounts is two subjects', async ({ connect }) => {
    const [a1, a2] = [
      await connect({ user: 'a', pass: 'a' }),
      await connect({ user: 'a', pass: 'a' }),
    ]
    const b = await connect({ user: 'b', pass: 'b' })
    const inA = new Collector(a1, 'shared')
    const inB = new Collector(b, 'shared')
    await Promise.all([a1.flush(), b.flush()])
    a2.publish('shared', 'for a')
    b.publish('shared', 'for b')
    await settle(a2, a1)
    await settle(b, b)
    assert.deepEqual(inA.texts, ['for a'])
    assert.deepEqual(inB.texts, ['for b'])
  })
})
