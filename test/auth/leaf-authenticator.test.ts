import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createUser } from '@nats-io/nkeys'
import type { Authorization } from '../../src/auth/authenticator.ts'
import {
  createLeafAuthenticator,
  type LeafAuthenticator,
  type LeafAuthorization,
  type LeafCredentials,
  type LeafVerdict,
} from '../../src/auth/leaf-authenticator.ts'
import { verifyBcrypt as verifyNow } from '../../src/workers/crypto-task.ts'
import { SECRET_HASH } from './bcrypt-hashes.ts'

const NONCE = 'abcdefghijklmno'
const NOBODY: LeafAuthorization = { nkey: '', users: [], proxyRequired: false }

function leafs(
  leaf: Partial<LeafAuthorization>,
  clients: Authorization = {},
): (credentials: LeafCredentials, nonce?: string) => ReturnType<LeafAuthenticator['authenticate']> {
  const authenticator = createLeafAuthenticator(
    { ...NOBODY, ...leaf },
    clients,
    async (password, hash) => verifyNow({ password, hash }),
  )
  return (credentials, nonce = NONCE) => authenticator.authenticate(credentials, nonce)
}

type Expectation = readonly [LeafCredentials, LeafVerdict]

async function check(
  authenticate: ReturnType<typeof leafs>,
  expectations: readonly Expectation[],
): Promise<void> {
  for (const [credentials, verdict] of expectations) {
    assert.equal(await authenticate(credentials), verdict, JSON.stringify(credentials))
  }
}

describe('leaf nodes by what clients need', () => {
  it('are all let in when nobody is named anywhere', async () => {
    await check(leafs({}), [
      [{}, 'admitted'],
      [{ user: 'u', pass: 'p', nkey: 'U', signature: 'x' }, 'admitted'],
    ])
  })

  it('need the user of clients', async () => {
    for (const password of ['secret', SECRET_HASH]) {
      await check(leafs({}, { user: 'bob', password }), [
        [{ user: 'bob', pass: 'secret' }, 'admitted'],
        [{ user: 'bob', pass: 'wrong' }, 'refused'],
        [{ user: 'bob' }, 'refused'],
        [{ user: 'eve', pass: 'secret' }, 'refused'],
        [{ token: 'secret' }, 'refused'],
        [{}, 'refused'],
      ])
    }
  })

  it('need the token of clients, which leafs before 2.10.26 send as a user without password', async () => {
    for (const token of ['secret', SECRET_HASH]) {
      await check(leafs({}, { token }), [
        [{ token: 'secret' }, 'admitted'],
        [{ user: 'secret' }, 'admitted'],
        [{ user: 'secret', pass: '', token: '' }, 'admitted'],
        [{ user: 'secret', token: 'secret' }, 'admitted'],
        [{ user: 'secret', pass: 'x' }, 'refused'],
        [{ user: 'secret', token: 'wrong' }, 'refused'],
        [{ user: 'wrong' }, 'refused'],
        [{ token: SECRET_HASH }, 'refused'],
        [{}, 'refused'],
      ])
    }
  })

  it('are not held to a proxy by a block that names nobody', async () => {
    await check(leafs({ proxyRequired: true }), [[{}, 'admitted']])
  })
})

describe('leaf nodes by one user', () => {
  it('need that user, whatever clients need', async () => {
    for (const password of ['secret', SECRET_HASH]) {
      await check(leafs({ user: 'leaf', password }, { token: 'client' }), [
        [{ user: 'leaf', pass: 'secret' }, 'admitted'],
        [{ user: 'leaf', pass: 'wrong' }, 'refused'],
        [{ user: 'leaf' }, 'refused'],
        [{ user: 'Leaf', pass: 'secret' }, 'refused'],
        [{ token: 'client' }, 'refused'],
        [{ user: 'client' }, 'refused'],
        [{}, 'refused'],
      ])
    }
  })

  it('may be one without a password', async () => {
    await check(leafs({ user: 'leaf' }), [
      [{ user: 'leaf' }, 'admitted'],
      [{ user: 'leaf', pass: 'x' }, 'refused'],
    ])
  })

  it('do not become that user by a certificate', async () => {
    await check(leafs({ user: 'leaf', password: 'secret' }), [
      [{ certificateNames: ['leaf'] }, 'refused'],
      [{ user: 'leaf', pass: 'secret', certificateNames: [] }, 'admitted'],
    ])
  })

  it('are told to come through a proxy only when they know the password', async () => {
    await check(leafs({ user: 'leaf', password: 'secret', proxyRequired: true }), [
      [{ user: 'leaf', pass: 'secret' }, 'proxy required'],
      [{ user: 'leaf', pass: 'wrong' }, 'refused'],
    ])
  })
})

describe('leaf nodes by a key', () => {
  const pair = createUser()
  const nkey = pair.getPublicKey()
  const sign = (nonce: string): string =>
    Buffer.from(pair.sign(Buffer.from(nonce))).toString('base64url')

  it('need that key, and to sign the nonce of their own connection with it', async () => {
    const authenticate = leafs({ nkey }, { user: 'bob', password: 'secret' })
    const stranger = createUser()
    const other = Buffer.from(stranger.sign(Buffer.from(NONCE))).toString('base64url')
    await check(authenticate, [
      [{ nkey, signature: sign(NONCE) }, 'admitted'],
      [{ nkey, signature: sign(NONCE), user: 'u', pass: 'p' }, 'admitted'],
      [{ nkey, signature: sign('another nonce') }, 'refused'],
      [{ nkey, signature: other }, 'refused'],
      [{ nkey: stranger.getPublicKey(), signature: other }, 'refused'],
      [{ nkey, signature: '' }, 'refused'],
      [{ nkey }, 'refused'],
      [{ signature: sign(NONCE) }, 'refused'],
      [{ user: 'bob', pass: 'secret' }, 'refused'],
      [{}, 'refused'],
    ])
    assert.equal(authenticate({ nkey, signature: sign('other') }, 'other'), 'admitted')
  })

  it('are told to come through a proxy only when the signature is right', async () => {
    await check(leafs({ nkey, proxyRequired: true }), [
      [{ nkey, signature: sign(NONCE) }, 'proxy required'],
      [{ nkey, signature: sign('other') }, 'refused'],
    ])
  })
})

describe('leaf nodes by a list of users', () => {
  const users = [
    { user: 'a', pass: 'one', proxyRequired: false },
    { user: 'b', pass: SECRET_HASH, proxyRequired: false },
    { user: 'c', pass: '', proxyRequired: true },
    { user: 'CN=leaf,O=Example', pass: '', proxyRequired: false },
  ]

  it('need one of them with its own password', async () => {
    await check(leafs({ users }, { user: 'bob', password: 'secret' }), [
      [{ user: 'a', pass: 'one' }, 'admitted'],
      [{ user: 'b', pass: 'secret' }, 'admitted'],
      [{ user: 'a', pass: 'secret' }, 'refused'],
      [{ user: 'b', pass: 'one' }, 'refused'],
      [{ user: 'b', pass: SECRET_HASH }, 'refused'],
      [{ user: 'bob', pass: 'secret' }, 'refused'],
      [{ user: '', pass: '' }, 'refused'],
      [{ token: 'one' }, 'refused'],
      [{}, 'refused'],
    ])
  })

  it('answer without a promise unless bcrypt has to decide', () => {
    const authenticate = leafs({ users })
    assert.equal(authenticate({ user: 'a', pass: 'one' }), 'admitted')
    assert.equal(authenticate({ user: 'nobody', pass: 'secret' }), 'refused')
    assert.ok(authenticate({ user: 'b', pass: 'secret' }) instanceof Promise)
  })

  it('are held to a proxy one by one, or all of them by the block', async () => {
    await check(leafs({ users }), [
      [{ user: 'c' }, 'proxy required'],
      [{ user: 'c', pass: 'x' }, 'refused'],
      [{ user: 'a', pass: 'one' }, 'admitted'],
    ])
    await check(leafs({ users, proxyRequired: true }), [
      [{ user: 'c' }, 'proxy required'],
      [{ user: 'a', pass: 'one' }, 'proxy required'],
      [{ user: 'b', pass: 'secret' }, 'proxy required'],
      [{ user: 'b', pass: 'wrong' }, 'refused'],
      [{ user: 'CN=leaf,O=Example', certificateNames: ['CN=leaf,O=Example'] }, 'proxy required'],
    ])
  })

  it('are the first user that their certificate names, where certificates decide', async () => {
    await check(leafs({ users }), [
      [{ certificateNames: ['x', 'CN=leaf,O=Example'] }, 'admitted'],
      [{ certificateNames: ['CN=leaf,O=Example'], user: 'ignored' }, 'admitted'],
      [{ certificateNames: ['c', 'CN=leaf,O=Example'] }, 'proxy required'],
      [{ certificateNames: ['CN=leaf,O=Example', 'c'] }, 'admitted'],
      [{ certificateNames: ['x'] }, 'refused'],
      [{ certificateNames: [] }, 'refused'],
      [{ certificateNames: ['x'], user: 'a', pass: 'one' }, 'refused'],
    ])
  })

  it('need the password of the user their certificate names, if it has one', async () => {
    await check(leafs({ users }), [
      [{ certificateNames: ['a'] }, 'refused'],
      [{ certificateNames: ['a'], pass: 'one' }, 'admitted'],
      [{ certificateNames: ['b'], pass: 'secret' }, 'admitted'],
      [{ certificateNames: ['b'], user: 'a', pass: 'one' }, 'refused'],
    ])
  })
})
