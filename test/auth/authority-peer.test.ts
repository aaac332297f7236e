import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LoginOptions } from '../../src/auth/authority-settings.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { SECRET_HASH } from './bcrypt-hashes.ts'
import { authority, nkeyUser, OPTIONS, request, user } from './login-support.ts'

const peer = program('nats-server')
const keys = NkeyPair.generate('user')
const strangerKeys = NkeyPair.generate('user')
const proxyKeys = NkeyPair.generate('account')
const K = keys.publicKey

interface Setting {
  readonly name: string
  readonly config: string
  readonly options: Partial<LoginOptions>
}

const AUTHORIZATION = OPTIONS.authorization
const SETTINGS: readonly Setting[] = [
  { name: 'nothing', config: '', options: {} },
  {
    name: 'a token',
    config: 'authorization { token: secret }',
    options: { authorization: { ...AUTHORIZATION, token: 'secret' } },
  },
  {
    name: 'a bcrypt token',
    config: `authorization { token: "${SECRET_HASH}" }`,
    options: { authorization: { ...AUTHORIZATION, token: SECRET_HASH } },
  },
  {
    name: 'one user',
    config: 'authorization { user: bob, password: secret }',
    options: { authorization: { ...AUTHORIZATION, user: 'bob', pass: 'secret' } },
  },
  {
    name: 'users and nkeys',
    config: `authorization { users = [
      { user: bob, password: secret }, { user: slow, password: "${SECRET_HASH}" }, { nkey: ${K} },
      { user: web, password: secret, allowed_connection_types: [WEBSOCKET] }, { user: bare }
    ] }`,
    options: {
      users: [
        user('bob', 'secret'),
        user('slow', SECRET_HASH),
        user('web', 'secret', { connectionTypes: ['WEBSOCKET'] }),
        user('bare', ''),
      ],
      nkeys: [nkeyUser(K)],
    },
  },
  {
    name: 'a no_auth_user',
    config: 'authorization { users = [{ user: bob, password: secret }] }\nno_auth_user: bob',
    options: { users: [user('bob', 'secret')], noAuthUser: 'bob' },
  },
  {
    name: 'a no_auth_user with a bcrypt password',
    config: `authorization { users = [{ user: bob, password: "${SECRET_HASH}" }] }
      no_auth_user: bob`,
    options: { users: [user('bob', SECRET_HASH)], noAuthUser: 'bob' },
  },
  {
    name: 'a no_auth_user that is a key',
    config: `authorization { users = [{ user: bob, password: secret }, { nkey: ${K} }] }
      no_auth_user: ${K}`,
    options: { users: [user('bob', 'secret')], nkeys: [nkeyUser(K)], noAuthUser: K },
  },
  {
    name: 'a no_auth_user that may not come this way',
    config: `authorization { users = [
      { user: bob, password: secret, allowed_connection_types: [WEBSOCKET] } ] }
      no_auth_user: bob`,
    options: {
      users: [user('bob', 'secret', { connectionTypes: ['WEBSOCKET'] })],
      noAuthUser: 'bob',
    },
  },
  {
    name: 'users who need a proxy',
    config: `authorization { users = [
      { user: bob, password: secret, proxy_required: true },
      { nkey: ${K}, proxy_required: true } ] }
      proxies { trusted = [{ key: ${proxyKeys.publicKey} }] }`,
    options: {
      users: [user('bob', 'secret', { proxyRequired: true })],
      nkeys: [nkeyUser(K, { proxyRequired: true })],
      trustedProxies: [proxyKeys.publicKey],
    },
  },
]

/** What CONNECT may say; the names are those of the wire. */
const PRESENTED: readonly ((nonce: string) => Readonly<Record<string, string>>)[] = [
  () => ({}),
  () => ({ user: 'bob', pass: 'secret' }),
  () => ({ user: 'bob', pass: 'wrong' }),
  () => ({ user: 'bob' }),
  () => ({ user: 'slow', pass: 'secret' }),
  () => ({ user: 'slow', pass: SECRET_HASH }),
  () => ({ user: 'web', pass: 'secret' }),
  () => ({ user: 'bare' }),
  () => ({ user: 'bare', pass: 'x' }),
  () => ({ user: 'nobody', pass: 'secret' }),
  () => ({ pass: 'secret' }),
  () => ({ auth_token: 'secret' }),
  () => ({ auth_token: 'wrong' }),
  () => ({ user: 'secret' }),
  (nonce) => ({ nkey: K, sig: keys.sign(nonce) }),
  (nonce) => ({ nkey: K, sig: strangerKeys.sign(nonce) }),
  () => ({ nkey: K }),
  () => ({ nkey: K, sig: '*' }),
  (nonce) => ({ nkey: K, sig: Buffer.from(keys.sign(nonce), 'base64url').toString('base64') }),
  (nonce) => ({ nkey: strangerKeys.publicKey, sig: strangerKeys.sign(nonce) }),
  () => ({ nkey: K, user: 'bob', pass: 'secret' }),
  () => ({ nkey: 'U', user: 'bob', pass: 'secret' }),
  (nonce) => ({ user: 'bob', pass: 'secret', proxy_sig: proxyKeys.sign(nonce) }),
  () => ({ user: 'bob', pass: 'secret', proxy_sig: 'x' }),
  (nonce) => ({ nkey: K, sig: keys.sign(nonce), proxy_sig: proxyKeys.sign(nonce) }),
]

interface Info {
  readonly nonce?: string
  readonly auth_required?: boolean
}

async function infoOf(client: RawClient): Promise<Info> {
  await client.readUntil('\r\n')
  return JSON.parse(client.received.toString().replace(/^INFO (.*)\r\n[\s\S]*$/, '$1')) as Info
}

/** Whether the commands lead to a PONG. */
async function isLetIn(client: RawClient, commands: string): Promise<boolean> {
  await client.send(`${commands}PING\r\n`)
  const isDone = () => /PONG\r\n/.test(client.received.toString()) || client.closedBy !== null
  await client.waitFor('an answer', isDone)
  return client.received.includes('PONG\r\n')
}

describe('logins and those of nats-server', { skip: skipReason(peer) }, () => {
  for (const { name, config, options } of SETTINGS) {
    it(`are the same with ${name}`, async () => {
      const asked = authority(options)
      await using server = await startServer(peer, { config })
      for (const presented of PRESENTED) {
        await using client = await RawClient.connect(server.port)
        const { nonce = '', auth_required = false } = await infoOf(client)
        assert.equal(nonce !== '', asked.showsNonce)
        assert.equal(auth_required, asked.showsRequired)
        const { auth_token = '', proxy_sig = '', ...rest } = presented(nonce)
        const connect = JSON.stringify({ verbose: false, ...presented(nonce) })
        const presents = { ...rest, authToken: auth_token, proxySig: proxy_sig, nonce }
        const verdict = await asked.authenticate(request(presents))
        const isIn = await isLetIn(client, `CONNECT ${connect}\r\n`)
        assert.equal(verdict.ok, isIn, connect)
      }
      await using silent = await RawClient.connect(server.port)
      const { nonce = '' } = await infoOf(silent)
      const verdict = await asked.authenticateSilent(request({ nonce }))
      assert.equal(asked.required ? verdict.ok : true, await isLetIn(silent, ''))
    })
  }
})
