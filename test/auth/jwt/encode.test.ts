import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { decode } from '@nats-io/jwt'
import { decodeAuthorizationRequest, decodeGenericClaims } from '../../../src/auth/jwt/decode.ts'
import {
  encodeAuthorizationRequest,
  encodeClaims,
  encodeGenericClaims,
} from '../../../src/auth/jwt/encode.ts'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import { encodeBase32 } from '../../../src/protocol/nkey-encoding.ts'
import { account, NOW_MS, NOW_S, operator, user } from './mint.ts'

const server = NkeyPair.generate('server')

describe('a JWT we make', () => {
  it('is read by the official library and by us', () => {
    const claims = {
      subject: operator.publicKey,
      name: 'a "name" <&> é',
      data: { accounts: ['A'] },
    }
    const token = encodeGenericClaims(claims, operator, NOW_MS)
    const read = decode<{ accounts: string[] }>(token)
    assert.deepEqual([read.iat, read.iss], [NOW_S, operator.publicKey])
    assert.deepEqual(read.nats.accounts, ['A'])
    const ours = decodeGenericClaims(token)
    assert.ok(ours.ok)
    assert.equal(ours.claims.name, claims.name)
    assert.equal(ours.claims.subject, ours.claims.issuer)
  })

  it('is numbered by a hash of what all JWTs have', () => {
    const claims = { subject: user.publicKey, audience: 'x', expires: 5, nats: { type: 'x' } }
    const { jti, exp, ...read } = decode(encodeClaims(claims, account, NOW_MS))
    const data = `{"aud":"x","exp":5,"iat":${NOW_S},"iss":"${account.publicKey}","sub":"${user.publicKey}"}`
    assert.equal(jti, encodeBase32(createHash('sha512-256').update(data).digest()))
    assert.deepEqual([exp, read.aud], [5, 'x'])
  })
})

describe('the request of an auth callout', () => {
  const request = {
    subject: account.publicKey,
    audience: 'nats-authorization-request',
    expires: NOW_S + 2,
    server: { name: 'srv', host: '0.0.0.0', id: server.publicKey, version: '2.15.1', cluster: '' },
    userNkey: user.publicKey,
    client: { host: '127.0.0.1', id: 7, user: 'bob', nameTag: '', kind: 'Client', type: 'nats' },
    connect: { user: 'bob', pass: 'secret', authToken: '', lang: 'node', protocol: 0 },
  }

  it('has the members that nats-server writes, and none that are empty', () => {
    const token = encodeAuthorizationRequest(request, server, NOW_MS)
    const body = Buffer.from(token.split('.')[1]!, 'base64url').toString()
    const read = JSON.parse(body)
    assert.deepEqual(Object.keys(read), ['aud', 'exp', 'jti', 'iat', 'iss', 'sub', 'nats'])
    assert.deepEqual(read.nats, {
      server_id: { name: 'srv', host: '0.0.0.0', id: server.publicKey, version: '2.15.1' },
      user_nkey: user.publicKey,
      client_info: { host: '127.0.0.1', id: 7, user: 'bob', kind: 'Client', type: 'nats' },
      connect_opts: { user: 'bob', pass: 'secret', lang: 'node', protocol: 0 },
      type: 'authorization_request',
      version: 2,
    })
  })

  it('carries what TLS has shown, and is one that a server may sign', () => {
    const tls = { version: '1.3', cipher: 'X', verifiedChains: [['PEM1', 'PEM2']] }
    const token = encodeAuthorizationRequest(
      { ...request, tls, requestNonce: 'n', client: { mqttId: 'm', tags: ['t'] } },
      server,
      NOW_MS,
    )
    const read = decode<Record<string, unknown>>(token)
    assert.deepEqual(read.nats['client_tls'], {
      version: '1.3',
      cipher: 'X',
      verified_chains: [['PEM1', 'PEM2']],
    })
    assert.deepEqual(read.nats['client_info'], { tags: ['t'], mqtt_id: 'm' })
    const decoded = decodeAuthorizationRequest(token)
    assert.ok(decoded.ok)
    const { userNkey, requestNonce, audience } = decoded.claims
    assert.deepEqual([userNkey, requestNonce], [user.publicKey, 'n'])
    assert.equal(audience, 'nats-authorization-request')
    const byAccount = decodeAuthorizationRequest(
      encodeAuthorizationRequest(request, account, NOW_MS),
    )
    assert.equal(byAccount.ok, false)
  })
})
