/** Accounts change while their clients are connected. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { eachServer } from './each-server.ts'
import { Administrator, logged, logIn, refusal } from './jwt-client.ts'
import { mint, nowS, type TestAccount, World } from './world.ts'

const VIOLATION = ["'Authorization Violation'"]
/** Until something ends by itself; whole seconds, as in claims. */
const SOON_S = 3
const UPDATED = 'jwt updated'

type Claims = Readonly<Record<string, unknown>>

eachServer('live updates', (program) => {
  const world = new World()
  const folder = mkdtempSync(join(tmpdir(), 'live-'))
  let server: ServerProcess
  let administrator: Administrator
  /** Newer claims count as such only if they are from a later second. */
  let issuedS = nowS() - 100

  before(async () => {
    const config = world.directoryConfig(folder, { more: 'allow_delete: true' })
    server = await startServer(program, { config, flags: ['-D'] })
    administrator = await Administrator.open(server, world)
  })
  after(async () => {
    administrator.client.raw.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  const push = async (account: TestAccount, nats: Claims = {}, draft: object = {}) => {
    const answer = await administrator.push(account.jwt(nats, { iat: ++issuedS, ...draft }))
    assert.deepEqual(answer, { account: account.publicKey, code: 200, message: UPDATED })
  }
  const pushed = async (name: string, nats: Claims = {}, draft: object = {}) => {
    const account = world.account(name)
    await push(account, nats, draft)
    return account
  }

  test('an account that has come at last', async () => {
    const account = world.account('LATE')
    assert.deepEqual(await refusal(server, account.user()), VIOLATION)
    await push(account)
    await using client = await logIn(server, account.user())
    assert.deepEqual(client.errors, [])
  })

  test('users expire while they are connected', async () => {
    const account = await pushed('A')
    await using client = await logIn(server, account.user({}, { exp: nowS() + SOON_S }))
    assert.deepEqual(await client.ended(), ["'User Authentication Expired'"])
    await logged(server, /User Authentication Expired/)
  })

  test('an account expires, and is renewed', async () => {
    const account = await pushed('A', {}, { exp: nowS() + SOON_S })
    await using client = await logIn(server, account.user())
    assert.deepEqual(await client.ended(), ["'Account Authentication Expired'"])
    assert.deepEqual(await refusal(server, account.user()), VIOLATION)
    await logged(server, /Account JWT (lookup error: account|has) expired/)
    await push(account)
    await using renewed = await logIn(server, account.user())
    assert.deepEqual(renewed.errors, [])
  })

  test('an account is renewed before it expires', async () => {
    const account = await pushed('A', {}, { exp: nowS() + SOON_S })
    await using client = await logIn(server, account.user({}, { exp: nowS() + 2 * SOON_S }))
    await push(account)
    // Not the end of the account, which is the earlier one, but that of the user.
    assert.deepEqual(await client.ended(), ["'User Authentication Expired'"])
  })

  test('revoked users have to go, those with newer JWTs stay', async () => {
    const account = await pushed('A')
    const [keys, newer] = [NkeyPair.generate('user'), NkeyPair.generate('user')]
    await using revoked = await logIn(server, account.user({}, {}, keys))
    await using renewed = await logIn(server, account.user({}, { iat: nowS() + 100 }, newer))
    await using other = await logIn(server, account.user())
    const revocations = { [keys.publicKey]: nowS() + 1, [newer.publicKey]: nowS() + 1 }
    await push(account, { revocations })
    assert.deepEqual(await revoked.ended(), ["'User Authentication Revoked'"])
    for (const client of [renewed, other]) await client.settled()
    await push(account, { revocations: { '*': nowS() + 1 } })
    assert.deepEqual(await other.ended(), ["'User Authentication Revoked'"])
    await renewed.settled()
    assert.deepEqual(renewed.errors, [])
    assert.deepEqual(await refusal(server, account.user()), VIOLATION)
  })

  test('bearers have to go when the account does not like them any more', async () => {
    const account = await pushed('A')
    await using bearer = await logIn(server, account.user({ bearer_token: true }), { sig: '' })
    await using other = await logIn(server, account.user())
    await push(account, { limits: { disallow_bearer: true } })
    assert.deepEqual(await bearer.ended(), VIOLATION)
    await other.settled()
    assert.deepEqual(other.errors, [])
  })

  test('the newest connections have to go when there may be fewer', async () => {
    const account = await pushed('A')
    const clients = []
    for (let count = 0; count < 4; count++) clients.push(await logIn(server, account.user()))
    await push(account, { limits: { conn: 2 } })
    const [first, second, ...excess] = clients
    for (const client of excess) {
      assert.deepEqual(await client.ended(), ["'maximum account active connections exceeded'"])
    }
    for (const client of [first!, second!]) {
      await client.settled()
      assert.deepEqual(client.errors, [])
    }
    for (const client of clients) client.raw.close()
  })

  test('limits of subscriptions and payload change', async () => {
    const account = await pushed('A')
    await using many = await logIn(server, account.user())
    await using few = await logIn(server, account.user())
    await many.send('SUB a 1', 'SUB b 2', 'SUB c 3')
    await few.send('SUB a 1')
    for (const client of [many, few]) await client.settled()
    await push(account, { limits: { subs: 2, payload: 10 } })
    assert.deepEqual(await many.ended(), ["'maximum subscriptions exceeded'"])
    await few.send('SUB b 2', 'SUB c 3')
    await few.saw(`-ERR 'maximum subscriptions exceeded'`)
    await few.publish('b', 'x'.repeat(11))
    assert.ok((await few.ended()).includes("'Maximum Payload Violation'"))
  })

  test('default permissions change for users without their own', async () => {
    const account = await pushed('A')
    await using plain = await logIn(server, account.user())
    await using own = await logIn(server, account.user({ pub: { allow: ['>'] } }))
    await plain.send('SUB keep 1', 'SUB lose 2')
    await plain.settled()
    await push(account, { default_permissions: { sub: { deny: ['lose'] }, pub: { deny: ['no'] } } })
    await plain.saw(`-ERR 'Permissions Violation for Subscription to "lose" (sid "2")'`)
    await plain.publish('no')
    await plain.saw(`-ERR 'Permissions Violation for Publish to "no"'`)
    await plain.publish('keep', 'x')
    await plain.saw('MSG keep 1 1\r\nx')
    await own.publish('no')
    await own.settled()
    assert.deepEqual(own.errors, [])
    await push(account)
    await plain.publish('keep', 'yy')
    await plain.saw('MSG keep 1 2\r\nyy')
    const before = plain.errors.length
    await plain.send('SUB lose 3')
    await plain.publish('lose', 'z')
    await plain.saw('MSG lose 3 1\r\nz')
    assert.equal(plain.errors.length, before)
  })

  test('a signing key is gone, or has another scope', async () => {
    const [removed, changed, kept] = [1, 2, 3].map(() => NkeyPair.generate('account'))
    const scope = (pub: object) => ({
      kind: 'user_scope',
      key: changed!.publicKey,
      role: '',
      template: { pub, subs: -1, data: -1, payload: -1 },
    })
    const account = await pushed('A', {
      signing_keys: [removed!.publicKey, scope({}), kept!.publicKey],
    })
    await using one = await logIn(server, account.signedUser(removed!))
    await using two = await logIn(server, account.signedUser(changed!, { isScoped: true }))
    await using three = await logIn(server, account.signedUser(kept!))
    await push(account, { signing_keys: [scope({ deny: ['x'] }), kept!.publicKey] })
    assert.deepEqual(await one.ended(), [])
    assert.deepEqual(await two.ended(), [])
    await three.settled()
    assert.deepEqual(three.errors, [])
  })

  test('a deleted account', async () => {
    const account = await pushed('A')
    await using client = await logIn(server, account.user())
    const { operator } = world
    const nats = { accounts: [account.publicKey], type: 'generic', version: 2 }
    const request = mint(operator, { sub: operator.publicKey, name: 'x', nats })
    const answer = await administrator.request('$SYS.REQ.CLAIMS.DELETE', request)
    assert.match(answer, /"deleted 1 accounts"/)
    assert.deepEqual(await client.ended(), ["'Account Authentication Expired'"])
    await refusal(server, account.user())
    await push(account)
    await using again = await logIn(server, account.user())
    await again.settled()
    assert.deepEqual(again.errors, [])
  })

  test('stream exports and imports come and go', async () => {
    const exporter = await pushed('EXPORTER')
    const exports = [{ subject: 'news.>', type: 'stream' }]
    const imports = [
      { subject: 'news.a', account: exporter.publicKey, local_subject: 'from.a', type: 'stream' },
    ]
    const importer = await pushed('IMPORTER', { imports })
    await using source = await logIn(server, exporter.user())
    await using reader = await logIn(server, importer.user())
    await reader.send('SUB from.a 1')
    await reader.settled()
    const tell = async (text: string) => {
      await source.publish('news.a', text)
      await source.settled()
      await reader.settled()
    }
    const heard = () =>
      reader.lines.flatMap((line) => /^MSG from\.a 1 \d+\r\n(\w+)/.exec(line)?.[1] ?? [])
    await tell('notyet')
    await push(exporter, { exports })
    await until('the import works', async () => {
      await tell('exported')
      return heard().includes('exported')
    })
    assert.ok(!heard().includes('notyet'))
    await push(importer)
    const count = heard().length
    await tell('over')
    assert.equal(heard().length, count)
    await push(importer, { imports })
    await until('the import works again', async () => {
      await tell('again')
      return heard().includes('again')
    })
    await push(exporter)
    const last = heard().length
    await tell('end')
    assert.equal(heard().length, last)
  })

  test('services need an activation where the export says so, until it expires', async () => {
    const exporter = await pushed('EXPORTER', {
      exports: [
        { subject: 'ask', type: 'service', token_req: true },
        { subject: 'mark', type: 'service' },
      ],
    })
    const importer = world.account('IMPORTER')
    const imports = (token: string) => [
      {
        // nats-server overlooks the end of activations for services with another local subject.
        ...{ subject: 'ask', account: exporter.publicKey, type: 'service', token },
      },
      {
        ...{ subject: 'mark', account: exporter.publicKey, local_subject: 'their.mark' },
        type: 'service',
      },
    ]
    await using responder = await logIn(server, exporter.user())
    await responder.send('SUB ask 1', 'SUB mark 2')
    await responder.settled()
    await push(importer, { imports: imports('') })
    await using asker = await logIn(server, importer.user())
    await asker.send('SUB answer.> 1')
    const heard = (subject: string) =>
      responder.lines.filter((line) => line.startsWith(`HMSG ${subject} `)).length
    /** Whether a request arrives before one that takes the same way and is free to all. */
    const ask = async () => {
      const [asks, marks] = [heard('ask'), heard('mark')]
      await asker.publish('ask', '', 'answer.1')
      await asker.publish('their.mark', '', 'answer.2')
      await until('a mark', () => heard('mark') > marks)
      return heard('ask') > asks ? 'asked' : 'none'
    }
    assert.equal(await ask(), 'none')
    const endS = nowS() + SOON_S + 1
    const token = exporter.activation(importer, 'service', 'ask', { exp: endS })
    await push(importer, { imports: imports(token) })
    assert.equal(await ask(), 'asked')
    await until('the activation expires', async () => (await ask()) === 'none')
    assert.ok(Date.now() >= endS * 1000 - 1000)
    await push(importer, { imports: imports(exporter.activation(importer, 'service', 'ask')) })
    assert.equal(await ask(), 'asked')
  })

  test('an account that is imported from, and not there', async () => {
    const exporter = world.account('ABSENT')
    const imports = [{ subject: 'a', account: exporter.publicKey, type: 'stream' }]
    const importer = await pushed('IMPORTER', { imports })
    await using reader = await logIn(server, importer.user())
    await logged(
      server,
      RegExp(
        `\\[ERR\\] Can't locate account \\[${exporter.publicKey}\\] for import of \\[a\\] stream`,
      ),
    )
    await reader.send('SUB a 1')
    await reader.settled()
    await push(exporter, { exports: [{ subject: 'a', type: 'stream' }] })
    await using source = await logIn(server, exporter.user())
    await until('the import works', async () => {
      await source.publish('a', 'x')
      await source.settled()
      await reader.settled()
      return reader.lines.includes('MSG a 1 1\r\nx')
    })
  })

  test('claims that cannot be taken', async () => {
    const account = await pushed('A')
    const foreign = NkeyPair.generate('operator')
    const push = (jwt: string) => administrator.push(jwt)
    const failed = (description: string) => ({
      account: account.publicKey,
      code: 500,
      description,
    })
    assert.deepEqual(
      await push(account.jwt({ imports: [null] })),
      failed('jwt validation failed - validation errors: [null import is not allowed]'),
    )
    await using client = await logIn(server, account.user())
    await push(account.jwt({}, { iat: nowS() + 10 }, foreign))
    await client.settled()
    assert.deepEqual(client.errors, [])
    const answers = []
    for (const jwt of ['', 'x', 'a.b.c', account.user().jwt]) {
      answers.push(await push(jwt))
    }
    assert.deepEqual(
      answers.map((one) => (one as { code: number }).code),
      [500, 500, 500, 500],
    )
  })
})
