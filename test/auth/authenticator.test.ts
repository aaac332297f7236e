import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Authorization,
  type Credentials,
  createAuthenticator,
  hasPlaintextPassword,
} from '../../src/auth/authenticator.ts'
import { verifyBcrypt as verifyNow } from '../../src/workers/crypto-task.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

/** bcrypt of "secret" at the lowest cost. */
const HASH = '$2a$04$cdILgYcnivKdwczhCxvz1OMOrdMKa6tIBBntT9Y8QwVG3te.CLUoC'
const verifyBcrypt = async (password: string, hash: string): Promise<boolean> =>
  verifyNow({ password, hash })

const CREDENTIALS: readonly Credentials[] = [
  {},
  { user: 'bob' },
  { user: 'bob', pass: 'secret' },
  { user: 'bob', pass: 'Secret' },
  { user: 'bob', pass: HASH },
  { user: 'Bob', pass: 'secret' },
  { pass: 'secret' },
  { token: 'secret' },
  { token: 'secre' },
  { token: 'secrets' },
  { token: HASH },
  { user: 'secret' },
  { user: 'bob', pass: 'wrong', token: 'secret' },
]

/** For each authorization, which of CREDENTIALS are let in. */
const CASES: readonly (readonly [Authorization, letIn: readonly number[]])[] = [
  [{}, CREDENTIALS.keys().toArray()],
  [{ user: '', password: '', token: '' }, CREDENTIALS.keys().toArray()],
  [{ user: 'bob', password: 'secret' }, [2]],
  [{ user: 'bob', password: HASH }, [2]],
  [{ token: 'secret' }, [7, 12]],
  [{ token: HASH }, [7, 12]],
  [{ user: 'bob', password: 'other', token: 'secret' }, [7, 12]],
]

function flagsOf({ user, password, token }: Authorization): string[] {
  const flags: string[] = []
  if (user) flags.push('--user', user)
  if (password) flags.push('--pass', password)
  if (token) flags.push('--auth', token)
  return flags
}

describe('authenticator of clients', () => {
  for (const [authorization, letIn] of CASES) {
    it(`lets in who shall be let in by ${flagsOf(authorization).join(' ') || 'nothing'}`, async () => {
      const authenticator = createAuthenticator(authorization, verifyBcrypt)
      assert.equal(authenticator.required, letIn.length < CREDENTIALS.length)
      for (const [index, credentials] of CREDENTIALS.entries()) {
        const isLetIn = await authenticator.authenticate(credentials)
        assert.equal(isLetIn, letIn.includes(index), JSON.stringify(credentials))
      }
    })
  }

  it('answers without a promise unless bcrypt has to decide', () => {
    const plain = createAuthenticator({ user: 'bob', password: 'secret' }, verifyBcrypt)
    assert.equal(plain.authenticate({ user: 'bob', pass: 'secret' }), true)
    const hashed = createAuthenticator({ user: 'bob', password: HASH }, verifyBcrypt)
    assert.equal(hashed.authenticate({ user: 'eve', pass: 'secret' }), false)
    assert.ok(hashed.authenticate({ user: 'bob', pass: 'secret' }) instanceof Promise)
  })

  it('does not take a user for a token from clients', () => {
    const clients = createAuthenticator({ token: 'secret' }, verifyBcrypt)
    assert.equal(clients.authenticate({ user: 'secret' }), false)
  })

  const peer = program('nats-server')
  it('decides as nats-server does', { skip: skipReason(peer) }, async () => {
    for (const [authorization, letIn] of CASES) {
      await using server = await startServer(peer, { flags: flagsOf(authorization) })
      for (const [index, credentials] of CREDENTIALS.entries()) {
        const { user, pass, token } = credentials
        const connect = JSON.stringify({ verbose: false, user, pass, auth_token: token })
        await using client = await RawClient.connect(server.port)
        await client.send(Buffer.from(`CONNECT ${connect}\r\nPING\r\n`))
        const isDone = (): boolean => /PONG\r\n|-ERR/.test(client.received.toString())
        await client.waitFor('PONG or -ERR', isDone)
        const isLetIn = client.received.includes('PONG\r\n')
        const what = `${JSON.stringify(credentials)} by ${flagsOf(authorization).join(' ')}`
        assert.equal(isLetIn, letIn.includes(index), what)
      }
    }
  })
})

describe('warning of plaintext passwords', () => {
  const peer = program('nats-server')
  const cases = [
    [{ user: 'bob', password: 'secret' }, true],
    [{ user: 'bob', password: HASH }, false],
    [{ token: 'secret' }, false],
    [{}, false],
  ] as const

  it('is for passwords that are not bcrypt hashes, not for tokens', () => {
    for (const [authorization, isWarned] of cases) {
      assert.equal(hasPlaintextPassword(authorization), isWarned)
    }
  })

  it('comes when it comes from nats-server', { skip: skipReason(peer) }, async () => {
    for (const [authorization, isWarned] of cases) {
      await using server = await startServer(peer, { flags: flagsOf(authorization) })
      await until('the log to be ready', () => server.log.includes('Server is ready\n'))
      const text = '[WRN] Plaintext passwords detected, use nkeys or bcrypt\n'
      assert.equal(server.log.includes(text), isWarned)
    }
  })
})
