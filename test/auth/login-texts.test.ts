import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
  request,
  user,
} from './login-support.ts'

const keys = NkeyPair.generate('user')
const otherKeys = NkeyPair.generate('user')
const PROXY = { trustedProxies: [otherKeys.publicKey] }

describe('hostile logins', () => {
  const huge = 'x'.repeat(1024 * 1024)
  const asked = authority({
    users: [user('bob', 'x'), user('nul\0', 'x'), user('jürgen', 'x')],
    nkeys: [nkeyUser(keys.publicKey)],
    ...PROXY,
  })

  it('are refused whatever their length and letters', async () => {
    await check(asked, [
      [{ user: huge, pass: huge }, 'authorization'],
      [{ user: 'bob', pass: huge }, 'authorization'],
      [{ user: 'bob\0', pass: 'x' }, 'authorization'],
      [{ user: 'nul', pass: 'x' }, 'authorization'],
      [{ user: 'nul\0', pass: 'x' }, '$G/nul\0'],
      [{ user: 'ju\u0308rgen', pass: 'x' }, 'authorization'],
      [{ user: 'jürgen', pass: 'x' }, '$G/jürgen'],
      [{ user: '__proto__', pass: '' }, 'authorization'],
      [{ user: 'constructor', pass: '' }, 'authorization'],
      [{ nkey: huge, sig: huge }, 'authorization'],
      [{ nkey: keys.publicKey, sig: huge }, 'authorization'],
      [{ user: 'bob', pass: 'x', proxySig: huge }, 'proxyNotTrusted'],
      [{ user: 'bob', pass: 'x\ud800' }, 'authorization'],
    ])
  })
})

describe('texts for the log', () => {
  const secrets = ['hunter2', 'tok3n', keys.sign(NONCE), 'eyJsecret']
  const presented = {
    pass: secrets[0],
    authToken: secrets[1],
    sig: otherKeys.sign(NONCE),
    jwt: secrets[3],
  }
  const logOf = async (options: Parameters<typeof authority>[0], presents: object) => {
    const verdict = await authority(options).authenticate(request(presents))
    for (const secret of secrets) assert.ok(!JSON.stringify(verdict).includes(secret!))
    return verdict.ok ? '' : verdict.log
  }

  it('are those of nats-server and hold no secrets', async () => {
    const users = { users: [user('bob', 'x')] }
    const nkeys = { nkeys: [nkeyUser(keys.publicKey)] }
    const token = { authorization: { ...OPTIONS.authorization, token: 't' } }
    const text = 'authentication error'
    assert.equal(await logOf(users, { ...presented, user: 'bob' }), `${text} - User "bob"`)
    assert.equal(await logOf(users, { ...presented, user: 'a"\n' }), `${text} - User "a\\"\\n"`)
    assert.equal(await logOf(users, presented), `${text} - Token "[REDACTED]"`)
    assert.equal(await logOf(users, {}), text)
    const nkey = keys.publicKey
    assert.equal(await logOf(nkeys, { ...presented, nkey }), `${text} - Nkey "${nkey}"`)
    assert.equal(await logOf(token, presented), `${text} - Token "[REDACTED]"`)
    assert.equal(await logOf(token, { pass: 'hunter2' }), text)
  })

  it('name who a certificate or no_auth_user has led to', async () => {
    const users = [user('bob', 'x')]
    const tls = certificate(['bob'])
    assert.equal(await logOf({ users, tls: MAPPED }, { tls }), 'authentication error - User "bob"')
    const guest = { users: [user('bob', SECRET_HASH)], noAuthUser: 'bob' }
    assert.equal(await logOf(guest, {}), 'authentication error - User "bob"')
  })
})
