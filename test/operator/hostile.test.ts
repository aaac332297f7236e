/** JWTs that nobody honest has made: refused as by nats-server, and nobody else notices. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { eachServer } from './each-server.ts'
import { Administrator, JwtClient, logIn, refusal } from './jwt-client.ts'
import { mint, nowS, TestAccount, type User, World } from './world.ts'

const VIOLATION = ["'Authorization Violation'"]
const CONTROL_LINE = 1024 * 1024
const DEPTH = 100_000
const SECRET = 'S3CR3T-MARK'

eachServer('hostile JWTs', (program) => {
  const world = new World()
  const account = world.account('A')
  let server: ServerProcess
  let bystander: JwtClient
  let administrator: Administrator

  before(async () => {
    const config = `${world.memoryConfig()} max_control_line: ${CONTROL_LINE}`
    server = await startServer(program, { config, flags: ['-D'] })
    bystander = await logIn(server, account.user())
    await bystander.send('SUB alive 1')
    administrator = await Administrator.open(server, world)
  })
  after(async () => {
    bystander.raw.close()
    administrator.client.raw.close()
    await server.stop()
  })

  const isUndisturbed = async () => {
    const count = () => bystander.lines.filter((line) => line.startsWith('MSG alive 1 ')).length
    const before = count()
    await bystander.publish('alive', 'x')
    await bystander.settled()
    assert.equal(count(), before + 1)
    assert.deepEqual(bystander.errors, [])
  }

  const tampered = ({ keys, jwt }: User, change: (parts: string[]) => string[]): User => ({
    keys,
    jwt: change(jwt.split('.')).join('.'),
  })
  const bodyOf = (body: unknown) => Buffer.from(JSON.stringify(body)).toString('base64url')
  const header = bodyOf({ typ: 'JWT', alg: 'ed25519-nkey' })

  const forgeries: Record<string, () => User> = {
    'a body that was changed after it was signed': () =>
      tampered(account.user({ pub: { deny: ['>'] } }), ([head, body, signature]) => {
        const claims = JSON.parse(Buffer.from(body!, 'base64url').toString()) as { nats: object }
        return [head!, bodyOf({ ...claims, nats: { type: 'user', version: 2 } }), signature!]
      }),
    'no signature': () => tampered(account.user(), ([head, body]) => [head!, body!, '']),
    'two parts': () => tampered(account.user(), ([head, body]) => [head!, body!]),
    'a part that was cut off': () =>
      tampered(account.user(), ([head, body, signature]) => [
        head!,
        body!.slice(0, -9),
        signature!,
      ]),
    'the algorithm none': () =>
      tampered(account.user(), ([, body]) => [bodyOf({ typ: 'JWT', alg: 'none' }), body!, '']),
    'a user that signed for itself': () => {
      const keys = NkeyPair.generate('user')
      const nats = { type: 'user', version: 2, issuer_account: account.publicKey }
      return { keys, jwt: mint(keys, { sub: keys.publicKey, nats }) }
    },
    'an account nobody has heard of': () => new TestAccount('X', world.operator).user(),
    'another account that names this one': () => account.signedUser(NkeyPair.generate('account')),
    'an account JWT in place of that of a user': () => ({
      keys: NkeyPair.generate('user'),
      jwt: account.jwt(),
    }),
    'a newer version': () => {
      const keys = NkeyPair.generate('user')
      return {
        keys,
        jwt: mint(account.keys, { sub: keys.publicKey, nats: { type: 'user', version: 99 } }),
      }
    },
    'JSON that never ends': () => {
      const body = Buffer.from('{"nats":'.repeat(DEPTH / 4)).toString('base64url')
      const signature = account.keys.sign(`${header}.${body}`)
      return { keys: NkeyPair.generate('user'), jwt: `${header}.${body}.${signature}` }
    },
    'JSON that is deep, and signed': () => {
      const keys = NkeyPair.generate('user')
      const deep = `${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`
      const text = `{"sub":"${keys.publicKey}","iss":"${new TestAccount('X', world.operator).publicKey}","nats":{"type":"user","version":2},"x":${deep}}`
      const body = Buffer.from(text).toString('base64url')
      return { keys, jwt: `${header}.${body}.${account.keys.sign(`${header}.${body}`)}` }
    },
    'names of prototypes': () => {
      const keys = NkeyPair.generate('user')
      const nats = JSON.parse(
        '{"type":"__proto__","version":2,"__proto__":{"bearer_token":true}}',
      ) as object
      return { keys, jwt: mint(account.keys, { sub: keys.publicKey, nats }) }
    },
  }

  for (const [what, forge] of Object.entries(forgeries)) {
    test(`a user: ${what}`, async () => {
      assert.deepEqual(await refusal(server, forge()), VIOLATION)
      await isUndisturbed()
    })
  }

  test('CONNECT that is no JSON, or deeper than anybody reads', async () => {
    for (const text of ['{'.repeat(DEPTH), '['.repeat(DEPTH), `{"jwt":${'['.repeat(DEPTH)}`]) {
      await using client = await JwtClient.open(server)
      await client.send(`CONNECT ${text}`, 'PING')
      await client.raw.readUntilClose()
    }
    await isUndisturbed()
  })

  test('a line with a JWT that is longer than the server takes', async () => {
    await using client = await JwtClient.open(server)
    await client.send(`CONNECT {"jwt":"${'x'.repeat(CONTROL_LINE)}"}`)
    assert.deepEqual(await client.ended(), ["'maximum control line exceeded'"])
    await isUndisturbed()
  })

  test('updates of accounts', async () => {
    const { publicKey } = account
    const newer = { iat: nowS() + 100 }
    const foreign = new TestAccount('X', NkeyPair.generate('operator'))
    const selfSigned = account.jwt({ limits: { conn: 0 } }, newer, account.keys)
    const byAnother = account.jwt({ limits: { conn: 0 } }, newer, NkeyPair.generate('operator'))
    const deep = `{"nats":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`
    const bombs = [
      '',
      'x',
      'a.b.c',
      '\0'.repeat(1000),
      selfSigned,
      byAnother,
      foreign.jwt({}, newer),
      account.user().jwt,
      `${header}.${Buffer.from(deep).toString('base64url')}.${account.keys.sign('x')}`,
      account.jwt({ signing_keys: ['X', 1, null] }, newer),
      account.jwt({ revocations: { __proto__: 1, [publicKey]: 'x' } }, newer),
    ]
    for (const jwt of bombs) {
      const answer = await administrator.update(account, jwt)
      assert.match(answer, /"code":500,"description":"jwt update/, answer)
      await isUndisturbed()
    }
    await logIn(server, account.user()).then((client) => client.raw.close())
  })

  test('nothing secret is in the log', async () => {
    const more = { pass: SECRET, auth_token: SECRET }
    await refusal(server, { ...account.user(), jwt: SECRET }, more)
    assert.ok(!server.log.includes(SECRET))
    assert.doesNotMatch(server.log, /eyJ\w{20}/)
  })
})
