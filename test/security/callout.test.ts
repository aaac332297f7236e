import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeAuthorizationRequest } from '../../src/auth/jwt/decode.ts'
import { CurvePair } from '../../src/auth/xkeys.ts'
import { answerJwt, issuerKeys, type UserText, userJwt } from '../auth/callout-support.ts'
import { RawPeer } from '../leaf-faults/raw-peer.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { countOf, LoggedIn } from './logged-in.ts'

const AUTH_SUBJECT = '$SYS.REQ.USER.AUTH'
const TIMEOUT_S = 1.5
/** Whether the test is over is looked at this often. */
const LOOK_MS = 200
const curve = CurvePair.generate()

function configOf(isSealed: boolean): string {
  return `
    accounts {
      AUTH: { users: [ { user: auth, password: p }, { user: peek, password: p } ] }
      A: { users: [ { user: alice, password: p } ] }
      B: {}
    }
    authorization {
      timeout: ${TIMEOUT_S}
      auth_callout {
        issuer: ${issuerKeys.publicKey}, account: AUTH, auth_users: [auth, peek, alice]
        ${isSealed ? `xkey: ${curve.publicKey}` : ''}
      }
    }`
}

interface Question {
  readonly userNkey: string
  readonly serverId: string
  readonly serverXkey: string
  readonly user: string
}

/** What the deciding program says: claims of a user, an error, nothing at all, or nonsense. */
type Decision = UserText | { readonly error: string } | 'silence' | 'nonsense'

/** A deciding program as anybody may write one. */
async function decide(
  server: ServerProcess,
  decision: (question: Question) => Decision,
): Promise<LoggedIn> {
  const client = await LoggedIn.as(server.port, 'auth')
  client.send(`SUB ${AUTH_SUBJECT} 1\r\n`)
  await client.flush()
  void answerAll(client, decision)
  return client
}

async function answerAll(client: LoggedIn, decision: (question: Question) => Decision) {
  const pattern = /^H?MSG \$SYS\.REQ\.USER\.AUTH 1 (\S+) (?:(\d+) )?(\d+)\r\n/gm
  for (let answered = 0; !client.isDisposed; ) {
    const found = [...client.text.matchAll(pattern)][answered]
    const end = found && found.index + found[0].length + Number(found[3])
    if (found === undefined || end === undefined || client.text.length < end) {
      const isAsked = () => countOf(client.text, AUTH_SUBJECT) > answered
      await client.raw.waitFor('a question', isAsked, LOOK_MS).catch(() => {})
      continue
    }
    answered++
    const from = found.index + found[0].length
    await answer(client, found[1]!, client.raw.received.subarray(from, end), decision, found[2])
  }
}

async function answer(
  client: LoggedIn,
  reply: string,
  message: Uint8Array,
  decision: (question: Question) => Decision,
  headerBytes = '0',
): Promise<void> {
  const header = Buffer.from(message.subarray(0, Number(headerBytes))).toString('latin1')
  const xkey = /Nats-Server-Xkey: (\S+)/.exec(header)?.[1]
  const body = message.subarray(Number(headerBytes))
  const opened = xkey === undefined ? body : await curve.open(body, xkey)
  assert.ok(opened !== undefined)
  const token = Buffer.from(opened).toString()
  const decoded = decodeAuthorizationRequest(token)
  assert.ok(decoded.ok)
  const { nats } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  const { userNkey } = decoded.claims
  const question = {
    userNkey,
    serverId: nats.server_id.id,
    serverXkey: xkey ?? '',
    user: nats.connect_opts.user,
  }
  const decided = decision(question)
  if (decided === 'silence') return
  const asked = { message: undefined as never, userNkey, body: {} }
  const isError = decided !== 'nonsense' && 'error' in decided
  const jwt = decided === 'nonsense' || isError ? '' : userJwt(asked, decided)
  const text = { aud: question.serverId, ...(isError ? { nats: { error: decided.error } } : {}) }
  const plain = decided === 'nonsense' ? 'nonsense' : answerJwt(asked, jwt, text)
  const isSealed = xkey !== undefined && decided !== 'nonsense'
  const sealed = isSealed ? await curve.seal(Buffer.from(plain), xkey) : Buffer.from(plain)
  assert.ok(sealed !== undefined)
  client.publish(reply, Buffer.from(sealed).toString('latin1'))
}

async function refused(port: number, user: string): Promise<string> {
  await using client = await RawClient.connect(port)
  await client.send(`CONNECT ${JSON.stringify({ verbose: true, user, pass: 'x' })}\r\nPING\r\n`)
  const text = (await client.readUntilClose()).toString('latin1')
  return text.slice(text.indexOf('\r\n') + 2)
}

for (const name of ['sable', 'nats-server'] as const) {
  const target = program(name)
  const options = { skip: skipReason(target), timeout: 60_000 }
  describe(`${name}: an auth callout`, options, () => {
    for (const isSealed of [false, true]) {
      const how = isSealed ? 'sealed' : 'in clear'
      test(`lets in, into the account and with the permissions it says, ${how}`, async () => {
        await using server = await startServer(target, { config: configOf(isSealed) })
        const nats = { pub: { allow: ['ok.>'] }, sub: { deny: ['no'] } }
        await using _program = await decide(server, ({ user }) => ({
          aud: user === 'bea' ? 'B' : 'A',
          name: user,
          nats: user === 'bea' ? {} : nats,
        }))
        await using zoe = await LoggedIn.as(server.port, 'zoe', { protocol: 1 })
        await using alice = await LoggedIn.as(server.port, 'alice')
        await using bea = await LoggedIn.as(server.port, 'bea', { protocol: 1 })
        await Promise.all([zoe, bea].map(({ raw }) => raw.readUntil('"remote_account"')))
        assert.match(zoe.text, /"remote_account":"A"/)
        assert.match(bea.text, /"remote_account":"B"/)
        zoe.send('SUB no 1\r\nSUB * 2\r\nSUB ok.> 3\r\n')
        bea.send('SUB > 1\r\n')
        await Promise.all([zoe.flush(), bea.flush()])
        for (const subject of ['no', 'yes', 'ok.a']) alice.publish(subject, subject)
        await alice.flush()
        zoe.publish('forbidden', 'x')
        zoe.publish('ok.b', 'mine')
        await Promise.all([zoe.flush(), bea.flush()])
        const got = zoe.messages.map(({ payload, sid }) => `${payload} ${sid}`)
        assert.deepEqual(got, ['yes 2', 'ok.a 3', 'mine 3'])
        assert.deepEqual(zoe.text.match(/-ERR .*/g), [
          `-ERR 'Permissions Violation for Subscription to "no"'`,
          `-ERR 'Permissions Violation for Publish to "forbidden"'`,
        ])
        assert.deepEqual(bea.messages, [])
      })

      test(`decides about leafs, too, ${how}`, async () => {
        const config = `${configOf(isSealed)}\nleafnodes { host: 127.0.0.1, port: -1 }`
        await using server = await startServer(target, { config, leafListener: true })
        await using _program = await decide(server, ({ user }) =>
          user === 'lea'
            ? { aud: 'B', nats: { pub: { deny: ['no'] } } }
            : { error: 'not wanted here' },
        )
        using lea = await RawPeer.join(server.leafPort, { name: 'lea', user: 'lea', pass: 'x' })
        const told = await lea.line(/"connect_info":true/)
        assert.match(told, /"remote_account":"B"/)
        assert.match(told, /"export":\{"deny":\["no"\]\}/)
        using other = await RawPeer.connect(server.leafPort)
        other.send(`CONNECT ${JSON.stringify({ name: 'other', user: 'eve', pass: 'x' })}\r\n`)
        await other.line(/^-ERR 'Authorization Violation'$/)
        await other.closed()
      })

      test(`keeps out, ${how}`, async () => {
        await using server = await startServer(target, { config: configOf(isSealed) })
        await using _program = await decide(server, ({ user }) => {
          if (user === 'nonsense') return 'nonsense'
          return user === 'nowhere' ? { aud: 'NOWHERE' } : { error: 'go away' }
        })
        for (const user of ['zoe', 'nonsense', 'nowhere']) {
          assert.equal(await refused(server.port, user), "-ERR 'Authorization Violation'\r\n")
        }
      })
    }

    test('that is silent, or not there, keeps out when time is up', async () => {
      await using server = await startServer(target, { config: configOf(false) })
      assert.equal(await refused(server.port, 'zoe'), "-ERR 'Authorization Violation'\r\n")
      await using _program = await decide(server, () => 'silence')
      assert.equal(await refused(server.port, 'zoe'), "-ERR 'Authorization Violation'\r\n")
    })

    test('ends the connection when the login expires', async () => {
      await using server = await startServer(target, { config: configOf(false) })
      await using _program = await decide(server, () => ({
        exp: Math.floor(Date.now() / 1000) + 2,
      }))
      await using zoe = await LoggedIn.as(server.port, 'zoe')
      const text = (await zoe.raw.readUntilClose()).toString('latin1')
      assert.match(text, /-ERR 'User Authentication Expired'\r\n$/)
    })

    test('is asked by the server alone', async () => {
      await using server = await startServer(target, { config: configOf(false) })
      await using _program = await decide(server, () => ({ aud: 'AUTH' }))
      await using other = await LoggedIn.as(server.port, 'zoe')
      other.publish(AUTH_SUBJECT, 'forged', 'in')
      await other.flush()
      assert.match(other.text, /Permissions Violation for Publish to "\$SYS\.REQ\.USER\.AUTH"/)
    })
  })
}
