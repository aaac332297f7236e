import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'
import type { LoginOptions } from '../../../src/auth/authority-settings.ts'
import { readCredentialsFile } from '../../../src/auth/credentials-file.ts'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import type { LeafEnd } from '../../../src/router/leaf/leaf-session-options.ts'
import type { LeafCredentials } from '../../../src/router/leaf/solicit-session.ts'
import { SECRET_HASH } from '../../auth/bcrypt-hashes.ts'
import { authority, OPTIONS, request } from '../../auth/login-support.ts'
import { program, skipReason } from '../../support/peers.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { until } from '../../support/wait.ts'
import { FakeBroker, hasLine } from './fake-broker.ts'
import { dial, RealListener } from './real-link.ts'

const USERS = `users: [ { user: ann, password: one }, { user: bob, password: "${SECRET_HASH}" } ]`

const user = createUser()
const stranger = createUser()
const NKEY = user.getPublicKey()
const SEED = seedOf(user)

function seedOf(pair: KeyPair): string {
  return Buffer.from(pair.getSeed()).toString()
}

function keyLogin(seed: string): (nonce: string) => LeafCredentials {
  const keys = NkeyPair.fromSeed(seed)!
  return (nonce) => ({ nkey: keys.publicKey, sig: keys.sign(nonce) })
}

/** How our login at a hub ends: with a link that stands, or refused. */
async function logIn(
  hub: ServerProcess,
  credentials: (nonce: string) => LeafCredentials,
): Promise<'in' | 'refused'> {
  const broker = new FakeBroker('us')
  const ends: LeafEnd[] = []
  const real = await dial(broker, hub.leafPort, { credentials, onEnd: (end) => ends.push(end) })
  const isIn = (): boolean => broker.interest.announcedTo(real.session) !== undefined
  await until('an answer', () => isIn() || ends.length > 0)
  if (isIn()) {
    real.close()
    return 'in'
  }
  assert.equal(ends[0]?.lastError, "'Authorization Violation'")
  assert.ok(ends[0].isRefused)
  assert.ok(hasLine(broker.log, "ERR Leafnode Error 'Authorization Violation' - Account:$G "))
  return 'refused'
}

function hubConfig(authorization: string): string {
  return `server_name: hub\nleafnodes { listen: "127.0.0.1:-1", authorization { ${authorization} } }`
}

for (const name of ['nats-server', 'nats-server-2.10', 'nats-server-2.9'] as const) {
  const peer = program(name)
  const options = { skip: skipReason(peer) }

  test(
    `a ${name} hub lets this leaf in as a user of its list, and nobody else`,
    options,
    async () => {
      await using hub = await startServer(peer, { config: hubConfig(USERS), leafListener: true })
      for (const [login, outcome] of [
        [{ user: 'ann', pass: 'one' }, 'in'],
        [{ user: 'bob', pass: 'secret' }, 'in'],
        [{ user: 'ann', pass: 'secret' }, 'refused'],
        [{}, 'refused'],
      ] as const) {
        assert.equal(await logIn(hub, () => login), outcome, JSON.stringify(login))
      }
    },
  )

  test(
    `this hub lets a ${name} leaf in as a user of its list, and nobody else`,
    options,
    async () => {
      const users = [
        { user: 'ann', pass: 'one', account: '', proxyRequired: false },
        { user: 'bob', pass: SECRET_HASH, account: '', proxyRequired: false },
      ]
      for (const [login, isIn] of [
        ['ann:one', true],
        ['bob:secret', true],
        ['ann:secret', false],
        ['ann', false],
      ] as const) {
        await checkLeaf(peer, { users }, `{ url: "nats-leaf://${login}@127.0.0.1:PORT" }`, isIn)
      }
    },
  )

  // Keys came with 2.10.8.
  if (name === 'nats-server-2.9') continue

  test(`a ${name} hub lets this leaf in by its key alone`, options, async () => {
    await using hub = await startServer(peer, {
      config: hubConfig(`nkey: ${NKEY}`),
      leafListener: true,
    })
    const login = keyLogin(SEED)
    assert.equal(await logIn(hub, login), 'in')
    assert.equal(await logIn(hub, keyLogin(seedOf(stranger))), 'refused')
    assert.equal(await logIn(hub, () => login('another nonce')), 'refused')
    assert.equal(await logIn(hub, () => ({ nkey: NKEY })), 'refused')
  })

  test(`this hub lets a ${name} leaf in by its key alone`, options, async () => {
    for (const [pair, isIn] of [
      [user, true],
      [stranger, false],
    ] as const) {
      const remote = `{ url: "nats-leaf://127.0.0.1:PORT", nkey: ${seedOf(pair)} }`
      await checkLeaf(peer, { nkey: NKEY }, remote, isIn)
    }
  })
}

/** Starts a leaf with this remote, and sees whether our authenticator lets it in. */
async function checkLeaf(
  peer: ReturnType<typeof program>,
  authorization: Partial<LoginOptions['leafnodes']['authorization']>,
  remote: string,
  isIn: boolean,
): Promise<void> {
  const broker = new FakeBroker('us')
  const { leafnodes } = OPTIONS
  const block = { ...leafnodes.authorization, ...authorization }
  const asked = authority({ leafnodes: { ...leafnodes, authorization: block } }, 'leaf')
  await using listener = new RealListener(broker, {
    authenticate: async ({ user: name, pass, authToken, nkey, sig }, nonce) => {
      const presented = request({ by: 'LEAFNODE', user: name, pass, authToken, nkey, sig })
      const verdict = await asked.authenticate({ ...presented, nonce })
      return verdict.ok ? { ok: true } : { ok: false, why: 'authorization' }
    },
  })
  const port = await listener.listen()
  const remotes = `leafnodes { remotes: [ ${remote.replace('PORT', String(port))} ] }`
  await using leaf = await startServer(peer, { config: `server_name: leaf\n${remotes}` })
  await until('an answer', () => {
    for (const link of listener.links) link.flush()
    return broker.interest.size > 0 || leaf.log.includes("Leafnode Error 'Authorization Violation'")
  })
  assert.equal(broker.interest.size > 0, isIn, remote.replaceAll(/S[A-Z2-7]{57}/g, 'the seed'))
}

// ── a credentials file ──────────────────────────────────────────────────────────────────────

/** A NATS JWT: what `issuer` says of `subject`. */
function jwt(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const claims = {
    jti: 'X',
    iat: Math.floor(Date.now() / 1000) - 60,
    iss: issuer.getPublicKey(),
    name: 'test',
    sub: subject.getPublicKey(),
    nats: { version: 2, ...nats },
  }
  const signed = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}

const latest = program('nats-server')

test('a hub with an operator lets this leaf in by a credentials file', {
  skip: skipReason(latest),
}, async () => {
  const [operator, account] = [createOperator(), createAccount()]
  const limits = {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  }
  const accountJwt = jwt(operator, account, { type: 'account', limits })
  await using hub = await startServer(latest, {
    leafListener: true,
    config: `
      server_name: hub
      operator: "${jwt(operator, operator, { type: 'operator' })}"
      resolver: MEMORY
      resolver_preload: { ${account.getPublicKey()}: "${accountJwt}" }
      leafnodes { listen: "127.0.0.1:-1" }`,
  })
  const login = (holder: KeyPair): ((nonce: string) => LeafCredentials) => {
    const userJwt = jwt(account, user, { type: 'user', subs: -1, data: -1, payload: -1 })
    const path = join(hub.folder, 'leaf.creds')
    const [begin, end] = ['-----BEGIN-----', '------END------']
    const blocks = [userJwt, seedOf(holder)].map((block) => `${begin}\r\n${block}\r\n${end}\r\n`)
    writeFileSync(path, blocks.join('\r\n'))
    const { jwt: read, keys } = readCredentialsFile(path)
    return (nonce) => ({ jwt: read, sig: keys.sign(nonce) })
  }
  assert.equal(await logIn(hub, login(user)), 'in')
  assert.equal(await logIn(hub, login(stranger)), 'refused')
})
