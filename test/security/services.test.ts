import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { program, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { LoggedIn } from './logged-in.ts'

const ACCOUNTS = `
accounts {
  SVC: {
    users: [ { user: svc, password: p } ]
    exports: [ { service: "svc.>" }, { stream: "str.>" } ]
  }
  REQ: {
    users: [ { user: req, password: p } ]
    imports: [
      { service: { account: SVC, subject: "svc.>" } }
      { stream: { account: SVC, subject: "str.>" }, prefix: "from" }
    ]
  }
}
`
const OUTSTANDING = 10_000

describe('requests to another account', () => {
  for (const name of ['sable', 'nats-server'] as const) {
    const target = program(name)
    const options = { skip: skipReason(target), timeout: 120_000 }

    test(
      `${name}: 10,000 outstanding ones are all answered, each to its asker`,
      options,
      async () => {
        await using server = await startServer(target, { config: ACCOUNTS })
        await using svc = await LoggedIn.as(server.port, 'svc', {
          headers: false,
          no_responders: false,
        })
        await using req = await LoggedIn.as(server.port, 'req')
        await using other = await LoggedIn.as(server.port, 'req')
        svc.send('SUB svc.> 1\r\n')
        req.send('SUB in.* 1\r\n')
        other.send('SUB other.* 1\r\n')
        await Promise.all([svc.flush(), req.flush(), other.flush()])
        for (let i = 0; i < OUTSTANDING; i++) {
          const asker = i % 2 === 0 ? req : other
          asker.publish(`svc.${i}`, `${i}`, `${i % 2 === 0 ? 'in' : 'other'}.${i}`)
        }
        await Promise.all([req.flush(60_000), other.flush(60_000)])
        await svc.raw.waitFor('requests', () => svc.messages.length === OUTSTANDING, 60_000)
        // The last one first: answers find their way whatever the order.
        for (const { reply, payload } of svc.messages.toReversed()) svc.publish(reply, payload)
        await svc.flush(60_000)
        const half = OUTSTANDING / 2
        await req.raw.waitFor('answers', () => req.messages.length === half, 60_000)
        await other.raw.waitFor('answers', () => other.messages.length === half, 60_000)
        for (const [asker, prefix] of [
          [req, 'in'],
          [other, 'other'],
        ] as const) {
          for (const { subject, payload } of asker.messages) {
            assert.equal(subject, `${prefix}.${payload}`)
          }
        }
      },
    )
  }

  test('wait for lanes that are full, and none is lost', { timeout: 120_000 }, async () => {
    const config = `${ACCOUNTS}\nworkers: 2\n`
    await using server = await startServer(program('sable'), { config })
    await using svc = await LoggedIn.as(server.port, 'svc', {
      headers: false,
      no_responders: false,
    })
    const askers = await Promise.all([1, 2].map(() => LoggedIn.as(server.port, 'req')))
    try {
      svc.send('SUB svc.> 1\r\n')
      await svc.flush()
      const payload = 'x'.repeat(2000)
      const each = 4000
      for (const asker of askers) {
        asker.send('SUB in.* 1\r\n')
        await asker.flush()
        for (let i = 0; i < each; i++) asker.publish('svc.x', payload, `in.${i}`)
      }
      const all = each * askers.length
      await Promise.all(askers.map((asker) => asker.flush(60_000)))
      const isThere = () => svc.raw.receivedBytes >= all * payload.length
      await svc.raw.waitFor('requests', () => isThere() && svc.messages.length === all, 60_000)
      for (const { reply } of svc.messages) svc.publish(reply, payload)
      for (const asker of askers) {
        // Both listen to the same inboxes.
        const isAnswered = () => asker.raw.receivedBytes >= all * payload.length
        await asker.raw.waitFor('answers', isAnswered, 60_000)
        await asker.flush(60_000)
        assert.equal(asker.messages.length, all)
      }
    } finally {
      for (const asker of askers) asker.raw.close()
    }
  })
})

test('UNSUB with a maximum counts messages of an import, too', { timeout: 30_000 }, async () => {
  // nats-server forgets the maximum there, and leaves it to clients to count.
  await using server = await startServer(program('sable'), { config: ACCOUNTS })
  await using req = await LoggedIn.as(server.port, 'req')
  await using svc = await LoggedIn.as(server.port, 'svc')
  req.send('SUB from.str.> 1\r\nUNSUB 1 2\r\n')
  await req.flush()
  for (let i = 0; i < 5; i++) svc.publish('str.a', `${i}`)
  await svc.flush()
  await req.flush()
  assert.deepEqual(
    req.messages.map(({ payload }) => payload),
    ['0', '1'],
  )
})

test('a thousand accounts import from one, each its own part', { timeout: 120_000 }, async () => {
  const count = 1000
  const importers = Array.from(
    { length: count },
    (_, i) => `A${i}: {
      users: [ { user: u${i}, password: p } ]
      imports: [
        { stream: { account: HUB, subject: "all.*" } }
        { stream: { account: HUB, subject: "own.${i}" }, to: "mine" }
        { service: { account: HUB, subject: "ask.${i}" }, to: "ask" }
      ]
    }`,
  )
  const hub = `HUB: {
    users: [ { user: hub, password: p } ]
    exports: [ { stream: "all.*" }, { stream: "own.*" }, { service: "ask.*" } ]
  }`
  const config = `accounts { ${[hub, ...importers].join('\n')} }`
  await using server = await startServer(program('sable'), { config })
  await using boss = await LoggedIn.as(server.port, 'hub', { headers: false, no_responders: false })
  boss.send('SUB ask.* 1\r\n')
  await boss.flush()
  const picked = Array.from({ length: 40 }, (_, i) => i * 25)
  const clients = await Promise.all(picked.map((i) => LoggedIn.as(server.port, `u${i}`)))
  try {
    for (const client of clients) client.send('SUB > 1\r\n')
    await Promise.all(clients.map((client) => client.flush()))
    boss.publish('all.x', 'all')
    for (let i = 0; i < count; i++) boss.publish(`own.${i}`, `${i}`)
    await boss.flush()
    await Promise.all(clients.map((client) => client.flush()))
    for (const [at, client] of clients.entries()) {
      const got = client.messages.map(({ subject, payload }) => `${subject} ${payload}`)
      assert.deepEqual(got, ['all.x all', `mine ${picked[at]}`])
      client.publish('ask', `${picked[at]}`, 'answer')
    }
    await boss.raw.waitFor('requests', () => boss.messages.length === picked.length)
    for (const { reply, payload, subject } of boss.messages) {
      assert.equal(subject, `ask.${payload}`)
      boss.publish(reply, payload)
    }
    for (const [at, client] of clients.entries()) {
      const answers = () => client.messages.filter(({ subject }) => subject === 'answer')
      await client.raw.waitFor('its answer', () => answers().length > 0)
      assert.deepEqual(
        answers().map(({ payload }) => payload),
        [`${picked[at]}`],
      )
    }
  } finally {
    for (const client of clients) client.raw.close()
  }
})
