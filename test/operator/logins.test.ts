/** Who may connect in operator mode, and what a client, and the log, are told otherwise. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { eachServer } from './each-server.ts'
import { logged, logIn, refusal } from './jwt-client.ts'
import { nowS, TestAccount, type User, World } from './world.ts'

const VIOLATION = ["'Authorization Violation'"]
const HOUR_S = 3600

eachServer('logins', (program) => {
  const world = new World()
  const plain = world.account('PLAIN')
  const foreign = new TestAccount('FOREIGN', NkeyPair.generate('operator'))
  const expired = world.account('EXPIRED')
  const unbearing = world.account('UNBEARING')
  const revoking = world.account('REVOKING')
  const limited = world.account('LIMITED')
  const signing = world.account('SIGNING')
  const signer = NkeyPair.generate('account')
  const scoped = NkeyPair.generate('account')
  const revoked = NkeyPair.generate('user')
  let server: ServerProcess

  before(async () => {
    const template = {
      pub: { allow: ['to.{{name()}}.>', 'tag.{{tag(team)}}'] },
      sub: { allow: ['from.{{subject()}}', 'acc.{{account-name()}}.{{account-subject()}}'] },
      ...{ subs: 3, data: -1, payload: 64 },
    }
    const jwts = new Map([
      [expired, expired.jwt({}, { exp: nowS() - 5 })],
      [unbearing, unbearing.jwt({ limits: { disallow_bearer: true } })],
      [revoking, revoking.jwt({ revocations: { [revoked.publicKey]: nowS() + 1 } })],
      [limited, limited.jwt({ limits: { conn: 2, subs: 3, payload: 100 } })],
      [
        signing,
        signing.jwt({
          signing_keys: [
            signer.publicKey,
            { kind: 'user_scope', key: scoped.publicKey, role: 'r', template },
          ],
        }),
      ],
    ])
    world.account('OTHER')
    const flags = ['-D']
    const config = `${world.memoryConfig(jwts)} max_payload: 80`
    server = await startServer(program, { config, flags })
  })
  after(() => server.stop())

  const refusedFor = async (user: User | undefined, reason: RegExp, more: object = {}) => {
    assert.deepEqual(await refusal(server, user, more), VIOLATION)
    await logged(server, reason)
  }

  test('INFO asks for a login and has a nonce', async () => {
    await using client = await logIn(server, plain.user())
    const { auth_required: isRequired, nonce } = client.info
    assert.equal(isRequired, true)
    assert.match(String(nonce), /^[\w-]{11,}$/)
  })

  test('a user of a trusted account, with his signature', async () => {
    await using client = await logIn(server, plain.user())
    await client.send('SUB a 1')
    await client.publish('a', 'hello')
    await client.saw('MSG a 1 5\r\nhello')
  })

  test('nothing, no JWT, and no signature', async () => {
    const user = plain.user()
    await refusedFor(undefined, /Authentication requires a user JWT/)
    await refusedFor(undefined, /User "bob"/, { user: 'bob', pass: 's3cr3t' })
    await refusedFor(user, /Signature missing/, { sig: '' })
    await refusedFor(user, /Signature not valid base64/, { sig: '%%%' })
    await refusedFor(user, /Signature not verified/, {
      sig: Buffer.alloc(64).toString('base64url'),
    })
    await refusedFor({ ...user, keys: NkeyPair.generate('user') }, /Signature not verified/)
    assert.match(server.log, /\[ERR\] .* - authentication error - /)
    assert.doesNotMatch(server.log, /s3cr3t/)
  })

  test('an account that is not known, and one of another operator', async () => {
    await refusedFor(foreign.user(), /Account JWT lookup error: account missing/)
  })

  test('an account, and users, whose time is over or has not come', async () => {
    await refusedFor(expired.user(), /Account JWT lookup error: account validation failed/)
    await refusedFor(plain.user({}, { exp: nowS() - 5 }), /User JWT no longer valid: .*expired/)
    const later = plain.user({}, { nbf: nowS() + HOUR_S })
    await refusedFor(later, /User JWT no longer valid: .*not yet valid/)
  })

  test('bearer tokens need no signature, unless the account does not like them', async () => {
    await using client = await logIn(server, plain.user({ bearer_token: true }), { sig: '' })
    assert.deepEqual(client.errors, [])
    const user = unbearing.user({ bearer_token: true })
    await refusedFor(user, /Account does not allow bearer tokens/, { sig: '' })
    await refusedFor(user, /Account does not allow bearer tokens/)
  })

  test('revoked users', async () => {
    const old = revoking.user({}, {}, revoked)
    await refusedFor(old, /User authentication revoked/)
    const renewed = revoking.user({}, { iat: nowS() + 5 }, revoked)
    await using client = await logIn(server, renewed)
    assert.deepEqual(client.errors, [])
  })

  test('kinds of connections', async () => {
    const only = (...types: string[]) => plain.user({ allowed_connection_types: types })
    await using client = await logIn(server, only('standard', 'WEBSOCKET'))
    assert.deepEqual(client.errors, [])
    await refusedFor(only('WEBSOCKET'), /Connection type not allowed/)
    await refusedFor(only('PIGEON'), /invalid connection types .*PIGEON/)
    await using other = await logIn(server, only('PIGEON', 'STANDARD'))
    assert.deepEqual(other.errors, [])
  })

  test('addresses and times of the day', async () => {
    await refusedFor(plain.user({ src: ['192.0.2.0/24'] }), /\[ERR\] .*Bad src Ip 127\.0\.0\.1/)
    await using client = await logIn(server, plain.user({ src: ['192.0.2.0/24', '127.0.0.0/8'] }))
    assert.deepEqual(client.errors, [])
    const clock = (fromNowS: number) =>
      new Date((nowS() + fromNowS) * 1000).toISOString().slice(11, 19)
    const at = (start: number, end: number) =>
      plain.user({ times: [{ start: clock(start), end: clock(end) }], times_location: 'UTC' })
    // Not on a border of the day, where windows are cut.
    const daySecond = nowS() % 86_400
    if (daySecond < 2 * HOUR_S || daySecond > 22 * HOUR_S) return
    await refusedFor(at(HOUR_S, HOUR_S + 60), /\[ERR\] .*Outside connect times/)
    await using inTime = await logIn(server, at(-60, HOUR_S))
    assert.deepEqual(inTime.errors, [])
  })

  test('permissions of the user', async () => {
    const permissions = { pub: { allow: ['p.*'], deny: ['p.no'] }, sub: { deny: ['s.no'] } }
    await using client = await logIn(server, plain.user(permissions))
    await client.publish('p.no')
    await client.publish('other')
    await client.send('SUB s.no 1', 'SUB p.yes 2')
    await client.publish('p.yes', 'x')
    await client.saw('MSG p.yes 2 1\r\nx')
    assert.deepEqual(client.errors, [
      `'Permissions Violation for Publish to "p.no"'`,
      `'Permissions Violation for Publish to "other"'`,
      `'Permissions Violation for Subscription to "s.no"'`,
    ])
  })

  test('a user that may only answer', async () => {
    const answering = { sub: { allow: ['ask'] }, resp: { max: 1, ttl: 60_000_000_000 } }
    await using responder = await logIn(server, plain.user(answering))
    await using asker = await logIn(server, plain.user())
    await responder.send('SUB ask 1')
    await responder.settled()
    await asker.send('SUB back 1')
    await asker.publish('ask', '', 'back')
    await responder.saw(/^MSG ask 1 back 0/)
    await responder.publish('back', 'one')
    await responder.publish('back', 'two')
    await asker.saw('MSG back 1 3\r\none')
    await responder.saw(`-ERR 'Permissions Violation for Publish to "back"'`)
  })

  test('the strictest limits of user, account and server', async () => {
    await using first = await logIn(server, limited.user({ subs: 2, payload: 50 }))
    assert.equal(first.info['max_payload'], 80)
    await first.send('SUB a 1', 'SUB b 2', 'SUB c 3')
    await first.saw(`-ERR 'maximum subscriptions exceeded'`)
    await first.publish('a', 'x'.repeat(50))
    await first.saw(/^MSG a 1 50/)
    await first.publish('a', 'x'.repeat(51))
    assert.ok((await first.ended()).includes("'Maximum Payload Violation'"))

    await using second = await logIn(server, limited.user())
    await second.publish('a', 'x'.repeat(81))
    assert.deepEqual(await second.ended(), ["'Maximum Payload Violation'"])
  })

  test('connections of an account', async () => {
    await using one = await logIn(server, limited.user())
    {
      await using two = await logIn(server, limited.user())
      const full = ["'maximum account active connections exceeded'"]
      assert.deepEqual(await refusal(server, limited.user()), full)
      await logged(server, /\[ERR\] .*maximum account active connections exceeded/)
      await two.settled()
      two.raw.close()
    }
    await one.settled()
    assert.deepEqual(one.errors, [])
  })

  test('signing keys', async () => {
    await using client = await logIn(server, signing.signedUser(signer))
    assert.deepEqual(client.errors, [])
    const other = NkeyPair.generate('account')
    await refusedFor(signing.signedUser(other), /User JWT issuer is not known/)
    await refusedFor(plain.signedUser(signer), /User JWT issuer is not known/)
  })

  test('signing keys with a scope', async () => {
    const draft = { name: 'ann' }
    const nats = { tags: ['team:red', 'team:blue'] }
    const user = signing.signedUser(scoped, { isScoped: true, nats, draft })
    await using client = await logIn(server, user)
    const { publicKey } = user.keys
    const granted = ['to.ann.x', 'tag.red', 'tag.blue']
    for (const subject of [...granted, 'to.bob.x', 'tag.green']) await client.publish(subject)
    const own = `from.${publicKey}`
    await client.send(`SUB ${own} 1`, `SUB acc.SIGNING.${signing.publicKey} 2`, 'SUB from.x 3')
    await client.settled()
    assert.deepEqual(client.errors, [
      `'Permissions Violation for Publish to "to.bob.x"'`,
      `'Permissions Violation for Publish to "tag.green"'`,
      `'Permissions Violation for Subscription to "from.x"'`,
    ])
    await client.publish('to.ann.x', 'x'.repeat(65))
    assert.ok((await client.ended()).includes("'Maximum Payload Violation'"))
    const own2 = signing.signedUser(scoped, { nats: { pub: { allow: ['>'] } } })
    await refusedFor(own2, /User JWT is not valid: scoped users.*permissions/i)
  })

  test('a log line names who has logged in', async () => {
    const user = plain.user()
    await using client = await logIn(server, user)
    await client.settled()
    const [key, account] = [user.keys.publicKey, plain.publicKey]
    await logged(
      server,
      RegExp(
        `\\[DBG\\] 127\\.0\\.0\\.1:\\d+ - cid:\\d+ - Authenticated JWT: Client "${key}" ` +
          `\\(claim-name: "bob", claim-tags: \\[\\]\\) signed with "${account}" ` +
          `by Account "${account}" \\(claim-name: "PLAIN", claim-tags: \\[\\]\\) ` +
          `signed with "${world.signingKey.publicKey}" has mappings false`,
      ),
    )
    await client.send('FOO')
    await client.ended()
    await logged(server, RegExp(`"${account}/PLAIN/jwt:${key}" - `))
  })

  test('no JWT of a user, no signature and no seed is in the log', () => {
    assert.doesNotMatch(server.log, /eyJ\w{20}|"sig":"[\w-]/)
  })
})

eachServer('a strict operator', (program) => {
  test('accounts signed with the key of the operator itself count for nothing', async () => {
    const world = new World({ isStrict: true })
    const good = world.account('GOOD')
    const bad = world.account('BAD', world.operator)
    await using server = await startServer(program, { config: world.memoryConfig(), flags: ['-D'] })
    assert.deepEqual(await refusal(server, bad.user()), VIOLATION)
    await logged(server, /Account JWT lookup error: account validation failed/)
    // With a strict operator users need a signing key of the account, too.
    assert.deepEqual(await refusal(server, good.user()), VIOLATION)
    await logged(server, /User JWT issuer is not known/)
  })
})

eachServer('pinned accounts and the default sentinel', (program) => {
  test('accounts that are not listed are not let in', async () => {
    const world = new World()
    const [listed, other] = [world.account('LISTED'), world.account('OTHER')]
    const config = `${world.memoryConfig()} resolver_pinned_accounts: [${listed.publicKey}]`
    await using server = await startServer(program, { config, flags: ['-D'] })
    await using client = await logIn(server, listed.user())
    assert.deepEqual(client.errors, [])
    await using administrator = await logIn(server, world.system.user())
    assert.deepEqual(administrator.errors, [])
    assert.deepEqual(await refusal(server, other.user()), VIOLATION)
    await logged(server, RegExp(`Account ${other.publicKey} not listed as operator pinned account`))
  })

  test('who presents nothing is the default sentinel', async () => {
    const world = new World()
    const account = world.account('A')
    const { jwt } = account.user({ bearer_token: true, pub: { deny: ['no'] } })
    const config = `${world.memoryConfig()} default_sentinel: ${jwt}`
    await using server = await startServer(program, { config })
    await using client = await logIn(server, undefined)
    await client.publish('no')
    await client.saw(`-ERR 'Permissions Violation for Publish to "no"'`)
    await using named = await logIn(server, account.user())
    await named.publish('no')
    await named.settled()
    assert.deepEqual(named.errors, [])
  })
})
