/** A program of an account decides who its users are; requests and answers are JWTs. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { CurvePair } from '../../src/auth/xkeys.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { eachServer } from './each-server.ts'
import { type JwtClient, logged, logIn, refusal } from './jwt-client.ts'
import { mint, NO_LIMITS, type TestAccount, type User, World } from './world.ts'

const VIOLATION = ["'Authorization Violation'"]

interface Asked {
  readonly subject: string
  readonly server: string
  readonly userNkey: string
  readonly name: string
  readonly xkey: string
}

/** Answers by the name that a client gives itself. */
type Answers = Record<string, (asked: Asked) => object>

function claimsOf(jwt: string): { [name: string]: unknown; nats: Record<string, unknown> } {
  const [, body = ''] = jwt.split('.')
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as ReturnType<typeof claimsOf>
}

function read(jwt: string): Asked {
  const { sub, nats } = claimsOf(jwt)
  const { id, xkey = '' } = nats['server_id'] as { id: string; xkey?: string }
  const { name = '' } = nats['connect_opts'] as { name?: string }
  return {
    subject: String(sub),
    server: id,
    userNkey: String(nats['user_nkey']),
    name,
    xkey,
  }
}

const userJwt = (account: TestAccount, subject: string, nats: object = {}) =>
  mint(account.keys, {
    sub: subject,
    name: 'placed',
    nats: { ...NO_LIMITS, ...nats, type: 'user', version: 2 },
  })

for (const isSealed of [false, true]) {
  eachServer(isSealed ? 'auth callout, sealed' : 'auth callout', (program) => {
    const world = new World()
    const [own, target, closed] = ['OWN', 'TARGET', 'CLOSED'].map((name) =>
      world.account(name),
    ) as [TestAccount, TestAccount, TestAccount]
    const curve = CurvePair.generate()
    const authUser = own.user()
    const sentinel: User = own.user({ pub: { deny: ['>'] }, sub: { deny: ['>'] } })
    let server: ServerProcess
    let service: JwtClient

    const answers: Answers = {
      target: ({ userNkey }) => ({ jwt: userJwt(target, userNkey, { pub: { deny: ['no'] } }) }),
      own: ({ userNkey }) => ({ jwt: userJwt(own, userNkey) }),
      closed: ({ userNkey }) => ({ jwt: userJwt(closed, userNkey) }),
      error: () => ({ error: 'go away' }),
      nobody: () => ({ jwt: userJwt(target, NkeyPair.generate('user').publicKey) }),
      garbage: () => ({ jwt: 'x.y.z' }),
    }

    /** Serves until the connection closes. */
    async function serve(client: JwtClient): Promise<void> {
      let done = 0
      for (;;) {
        const all = () => client.lines.filter((line) => /^H?MSG \$SYS\.REQ\.USER\.AUTH /.test(line))
        await client.raw.waitFor(
          'a request',
          () => all().length > done || client.raw.closedBy !== null,
          60_000,
        )
        const line = all()[done++]
        if (line === undefined) return
        const words = line.slice(0, line.indexOf('\r\n')).split(' ')
        const reply = words[3]!
        const payload = Buffer.from(line.slice(line.lastIndexOf('\r\n\r\n') + 4), 'latin1')
        const plain = line.startsWith('HMSG')
          ? await curve.open(payload, /Nats-Server-Xkey: (\w+)/.exec(line)![1]!)
          : Buffer.from(line.slice(line.indexOf('\r\n') + 2), 'latin1')
        const asked = read(Buffer.from(plain!).toString())
        const answer = answers[asked.name]
        if (answer === undefined) continue
        const nats = { ...answer(asked), type: 'authorization_response', version: 2 }
        const jwt = mint(own.keys, { sub: asked.userNkey, aud: asked.server, nats })
        const bytes = isSealed ? await curve.seal(Buffer.from(jwt), asked.xkey) : Buffer.from(jwt)
        await client.publish(reply, Buffer.from(bytes!).toString('latin1'))
      }
    }

    let serving: Promise<void>
    before(async () => {
      const authorization = {
        auth_users: [authUser.keys.publicKey],
        allowed_accounts: [target.publicKey],
        ...(isSealed ? { xkey: curve.publicKey } : {}),
      }
      const config = `${world.memoryConfig(new Map([[own, own.jwt({ authorization })]]))}
        authorization { timeout: 2 }`
      server = await startServer(program, { config, flags: ['-D'] })
      service = await logIn(server, authUser)
      await service.send('SUB $SYS.REQ.USER.AUTH 1')
      await service.settled()
      serving = serve(service)
    })
    after(async () => {
      await server.stop()
      await serving
      service.raw.close()
    })

    test('a user is placed in an account that is allowed', async () => {
      await using client = await logIn(server, sentinel, { name: 'target' })
      await using peer = await logIn(server, target.user())
      await peer.send('SUB a 1')
      await peer.settled()
      await client.publish('a', 'hello')
      await peer.saw('MSG a 1 5\r\nhello')
      await client.publish('no')
      await client.saw(`-ERR 'Permissions Violation for Publish to "no"'`)
    })

    test('a user of the account itself may not answer in its place', async () => {
      await using client = await logIn(server, sentinel, { name: 'own' })
      await client.publish('$SYS.REQ.USER.AUTH', 'x')
      await client.saw(`-ERR 'Permissions Violation for Publish to "$SYS.REQ.USER.AUTH"'`)
    })

    const refusals = {
      closed: /\[WRN\] Account "\w+" not permitted as valid account option for auth callout/,
      error: /Auth callout service returned an error: go away/,
      nobody: /Expected authorized user of "U\w+"/,
      garbage: /\[ERR\] .* - authentication error - JWT User "U\w+"/,
    }
    for (const [name, reason] of Object.entries(refusals)) {
      test(`refused: ${name}`, async () => {
        assert.deepEqual(await refusal(server, sentinel, { name }), VIOLATION)
        await logged(server, reason)
      })
    }

    test('no answer in time', async () => {
      const [error] = await refusal(server, sentinel, { name: 'silent' })
      assert.match(error ?? '', /^'Auth(orization Violation|entication Timeout)'$/)
    })

    test('no seed and no JWT in the log', () => {
      assert.doesNotMatch(server.log, /eyJ\w{20}|\bS[UAX][A-Z2-7]{56}\b/)
    })
  })
}
