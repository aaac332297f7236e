import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LoginOptions } from '../../src/auth/authority-settings.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { SECRET_HASH } from './bcrypt-hashes.ts'
import {
  authority,
  certificate,
  check,
  MAPPED,
  NONCE,
  nkeyUser,
  OPTIONS,
  outcome,
  type Presents,
  request,
  user,
} from './login-support.ts'

const keys = NkeyPair.generate('user')
const proxyKeys = NkeyPair.generate('user')
const proxySig = proxyKeys.sign(NONCE)
const trustedProxies = [proxyKeys.publicKey]

type LeafBlock = LoginOptions['leafnodes']['authorization']

function leafs(
  block: Partial<LeafBlock>,
  more: Partial<LoginOptions> = {},
  tls: LoginOptions['leafnodes']['tls'] = undefined,
) {
  const authorization = { ...OPTIONS.leafnodes.authorization, ...block }
  return authority({ ...more, leafnodes: { ...OPTIONS.leafnodes, tls, authorization } }, 'leaf')
}

const by = (presents: Presents): Presents => ({ by: 'LEAFNODE', ...presents })

describe('leaf nodes by what clients need', () => {
  it('are all let in when nobody is named anywhere, into the account of the block', async () => {
    assert.equal(await outcome(leafs({})), '$G/')
    assert.equal(await outcome(leafs({ account: 'L' }), by({ user: 'u' })), 'L/u')
    assert.equal(await outcome(leafs({ proxyRequired: true })), '$G/', 'no user, no proxy')
  })

  it('are users, keys and the single user', async () => {
    const nkeys = [nkeyUser(keys.publicKey, { account: 'K' })]
    const users = [user('bob', 'x', { account: 'A' })]
    await check(leafs({ account: 'L' }, { users, nkeys }), [
      [by({ user: 'bob', pass: 'x' }), 'A/bob'],
      [by({ nkey: keys.publicKey, sig: keys.sign(NONCE) }), `K/${keys.publicKey}`],
      [by({}), 'authorization'],
    ])
    const authorization = { ...OPTIONS.authorization, user: 'bob', pass: SECRET_HASH }
    await check(leafs({ account: 'L' }, { authorization }), [
      [by({ user: 'bob', pass: 'secret' }), '$G/bob'],
      [by({ user: 'bob', pass: 'wrong' }), 'authorization'],
    ])
  })

  it('are mapped by the certificates of their own listener', async () => {
    const users = [user('bob', '')]
    const tls = certificate(['bob'])
    await check(leafs({}, { users }, MAPPED), [[by({ tls }), '$G/bob']])
    await check(leafs({}, { users, tls: MAPPED }), [[by({ tls }), 'authorization']])
  })

  it('are always told a nonce', () => {
    assert.equal(leafs({}).showsNonce, true)
  })
})

describe('leaf nodes by one user', () => {
  it('need that user, whatever clients need', async () => {
    for (const pass of ['secret', SECRET_HASH]) {
      const authorization = { ...OPTIONS.authorization, token: 'client' }
      const asked = leafs({ user: 'leaf', pass, account: 'L' }, { authorization })
      assert.equal(asked.required, true)
      await check(asked, [
        [by({ user: 'leaf', pass: 'secret' }), 'L/leaf'],
        [by({ user: 'leaf', pass: 'wrong' }), 'authorization'],
        [by({ user: 'leaf' }), 'authorization'],
        [by({ user: 'Leaf', pass: 'secret' }), 'authorization'],
        [by({ authToken: 'client' }), 'authorization'],
        [by({}), 'authorization'],
      ])
    }
  })

  it('do not become that user by a certificate', async () => {
    const asked = leafs({ user: 'leaf', pass: 'secret' }, {}, MAPPED)
    const tls = certificate(['leaf'])
    await check(asked, [
      [by({ tls }), 'authorization'],
      [by({ tls, user: 'leaf', pass: 'secret' }), '$G/leaf'],
    ])
  })

  it('come through a proxy where they must', async () => {
    const block = { user: 'leaf', pass: 'secret', proxyRequired: true }
    await check(leafs(block, { trustedProxies }), [
      [by({ user: 'leaf', pass: 'secret' }), 'proxyRequired'],
      [by({ user: 'leaf', pass: 'secret', proxySig }), '$G/leaf'],
      [by({ user: 'leaf', pass: 'secret', proxySig: 'x' }), 'proxyNotTrusted'],
    ])
  })
})

describe('leaf nodes by a key', () => {
  const signed = { nkey: keys.publicKey, sig: keys.sign(NONCE) }

  it('sign the nonce of their own connection with it', async () => {
    const stranger = NkeyPair.generate('user')
    await check(leafs({ nkey: keys.publicKey, account: 'L' }), [
      [by(signed), `L/${keys.publicKey}`],
      [by({ ...signed, user: 'u', pass: 'p' }), `L/${keys.publicKey}`],
      [by({ ...signed, nonce: 'another' }), 'authorization'],
      [by({ ...signed, sig: stranger.sign(NONCE) }), 'authorization'],
      [by({ nkey: stranger.publicKey, sig: stranger.sign(NONCE) }), 'authorization'],
      [by({ nkey: keys.publicKey }), 'authorization'],
      [by({}), 'authorization'],
    ])
  })

  it('come through a proxy where they must', async () => {
    await check(leafs({ nkey: keys.publicKey, proxyRequired: true }, { trustedProxies }), [
      [by(signed), 'proxyRequired'],
      [by({ ...signed, proxySig }), `$G/${keys.publicKey}`],
    ])
  })
})

describe('leaf nodes by a list of users', () => {
  const users = [
    { user: 'a', pass: 'one', account: 'A', proxyRequired: false },
    { user: 'b', pass: SECRET_HASH, account: '', proxyRequired: false },
    { user: 'c', pass: '', account: '', proxyRequired: true },
    { user: 'CN=leaf,O=Example', pass: '', account: 'C', proxyRequired: false },
  ]

  it('need one of them with its own password', async () => {
    await check(leafs({ users }, { users: [user('bob', 'x')] }), [
      [by({ user: 'a', pass: 'one' }), 'A/a'],
      [by({ user: 'b', pass: 'secret' }), '$G/b'],
      [by({ user: 'a', pass: 'secret' }), 'authorization'],
      [by({ user: 'b', pass: 'one' }), 'authorization'],
      [by({ user: 'bob', pass: 'x' }), 'authorization'],
      [by({}), 'authorization'],
      [by({ user: 'c' }), 'proxyRequired'],
    ])
  })

  it('are held to a proxy one by one, or all of them by the block', async () => {
    await check(leafs({ users, proxyRequired: true }, { trustedProxies }), [
      [by({ user: 'a', pass: 'one' }), 'proxyRequired'],
      [by({ user: 'a', pass: 'one', proxySig }), 'A/a'],
      [by({ user: 'c', proxySig }), '$G/c'],
    ])
  })

  it('are the first user that their certificate names, where certificates decide', async () => {
    const asked = leafs({ users }, {}, MAPPED)
    const tls = certificate(['x', 'CN=leaf,O=Example', 'a'])
    await check(asked, [
      [by({ tls }), 'C/CN=leaf,O=Example'],
      [by({ tls: certificate(['a']), pass: 'one' }), 'A/a'],
      [by({ tls: certificate(['a']) }), 'authorization'],
      [by({ tls: certificate([]) }), 'authorization'],
      [by({ user: 'a', pass: 'one' }), 'authorization'],
    ])
    const verdict = await asked.authenticate(request(by({ tls, user: 'ignored' })))
    assert.equal(verdict.ok, true)
    assert.equal(
      verdict.notices?.at(-1)?.text,
      'User "ignored" found in connect proto, but user required from cert',
    )
  })
})
