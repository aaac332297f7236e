import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { accountOptionsOf, lowestLimit } from '../../../src/auth/jwt/account-options.ts'
import { checkActivation } from '../../../src/auth/jwt/activation.ts'
import { decodeAccountClaims } from '../../../src/auth/jwt/decode.ts'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import { NO_RATE } from '../../../src/config/rate-table.ts'
import { ACCOUNT_LIMITS, account, mint, mintAccount, NOW_MS, NOW_S, user } from './mint.ts'

const exporter = NkeyPair.generate('account')
const signer = NkeyPair.generate('account')

function optionsOf(nats: object) {
  const decoded = decodeAccountClaims(mintAccount(nats))
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.why)
  return accountOptionsOf(decoded.claims)
}

describe('an account of its claims', () => {
  it('is named by its key, and has nothing that the claims do not have', () => {
    assert.deepEqual(optionsOf({}), {
      name: account.publicKey,
      nkey: '',
      exports: [],
      imports: [],
      mappings: [],
      limits: {
        maxConnections: -1,
        maxLeafnodes: -1,
        maxSubscriptions: -1,
        maxPayload: -1,
        ...NO_RATE,
      },
      defaultPermissions: undefined,
      trace: undefined,
    })
  })

  it('has limits, of 32 bits as in nats-server; what is not there is 0', () => {
    const limits = { ...ACCOUNT_LIMITS, conn: 5, leaf: 2, subs: 2 ** 40, payload: 100 }
    assert.deepEqual(optionsOf({ limits }).limits, {
      maxConnections: 5,
      maxLeafnodes: 2,
      maxSubscriptions: 2 ** 31 - 1,
      maxPayload: 100,
      ...NO_RATE,
    })
    assert.equal(optionsOf({ limits: {} }).limits.maxConnections, 0)
  })

  it('has exports', () => {
    const exports = [
      { subject: 'a.>', type: 'stream', token_req: true, revocations: { '*': 5 } },
      { subject: 'b.*', type: 'service', account_token_position: 2, response_type: 'Chunked' },
      {
        subject: 'c',
        type: 'service',
        response_threshold: 1_500_000_000,
        service_latency: { sampling: 'headers', results: 'lat' },
        allow_trace: true,
      },
    ]
    const base = { accounts: undefined, tokenPosition: 0, tokenRequired: false, revocations: {} }
    const service = { ...base, kind: 'service', thresholdMs: 0, latency: undefined }
    assert.deepEqual(optionsOf({ exports }).exports, [
      { ...base, kind: 'stream', subject: 'a.>', tokenRequired: true, revocations: { '*': 5 } },
      {
        ...{ ...service, subject: 'b.*', tokenPosition: 2, responseType: 'chunked' },
        allowTrace: false,
      },
      {
        ...{ ...service, subject: 'c', responseType: 'singleton', thresholdMs: 1500 },
        ...{ latency: { sampling: 0, subject: 'lat' }, allowTrace: true },
      },
    ])
  })

  it('has imports, in both ways to write them', () => {
    const from = { account: exporter.publicKey }
    const imports = [
      { ...from, subject: 's.>', type: 'stream', to: 'pre', allow_trace: true },
      { ...from, subject: 's.*', type: 'stream', local_subject: 'l.$1' },
      { ...from, subject: 'mine', to: 'theirs', type: 'service', share: true },
      { ...from, subject: 'theirs', local_subject: 'mine', type: 'service', token: 'T' },
      { ...from, subject: 'same', type: 'service' },
    ]
    const base = { account: exporter.publicKey, token: '', allowTrace: false }
    const stream = { ...base, kind: 'stream', prefix: '', to: '' }
    const service = { ...base, kind: 'service', to: 'mine', share: false, subject: 'theirs' }
    assert.deepEqual(optionsOf({ imports }).imports, [
      { ...stream, subject: 's.>', prefix: 'pre', allowTrace: true },
      { ...stream, subject: 's.*', to: 'l.$1' },
      { ...service, share: true },
      { ...service, token: 'T' },
      { ...service, subject: 'same', to: '' },
    ])
  })

  it('has mappings, whose weight is 100 unless it is said', () => {
    const mappings = { a: [{ subject: 'b' }], c: [{ subject: 'd', weight: 30, cluster: 'X' }] }
    assert.deepEqual(optionsOf({ mappings }).mappings, [
      { source: 'a', destinations: [{ subject: 'b', weight: 100, cluster: '' }] },
      { source: 'c', destinations: [{ subject: 'd', weight: 30, cluster: 'X' }] },
    ])
  })

  it('has default permissions, and who may answer may publish nothing else', () => {
    const of = (permissions: object) =>
      optionsOf({ default_permissions: permissions }).defaultPermissions
    assert.deepEqual(of({ pub: { allow: ['a'] }, sub: { deny: ['b', 'c q'] } }), {
      publish: { allow: ['a'], deny: undefined },
      subscribe: { allow: undefined, deny: ['b', 'c q'] },
      responses: undefined,
    })
    assert.deepEqual(of({ pub: { allow: [] } }), undefined)
    assert.deepEqual(of({ resp: {} }), {
      publish: { allow: [], deny: undefined },
      subscribe: undefined,
      responses: { max: 1, expiresMs: 120_000 },
    })
    assert.deepEqual(of({ pub: { deny: ['x'] }, resp: { max: -1, ttl: 5_000_000 } }), {
      publish: { allow: [], deny: ['x'] },
      subscribe: undefined,
      responses: { max: -1, expiresMs: 5 },
    })
  })

  it('traces to a subject one can publish to', () => {
    assert.deepEqual(optionsOf({ trace: { dest: 'a.b' } }).trace, { subject: 'a.b', sampling: 100 })
    const some = optionsOf({ trace: { dest: 'a.b', sampling: 7 } }).trace
    assert.deepEqual(some, { subject: 'a.b', sampling: 7 })
    assert.equal(optionsOf({ trace: { dest: 'a.*' } }).trace, undefined)
    assert.equal(optionsOf({ trace: { dest: 'a', sampling: 300 } }).trace?.sampling, 100)
  })
})

describe('of several limits', () => {
  it('the lowest holds, and -1 is none', () => {
    assert.equal(lowestLimit(-1, 5, 3), 3)
    assert.equal(lowestLimit(-1, 0, 3), 0)
    assert.equal(lowestLimit(-1, -1), -1)
    assert.equal(lowestLimit(), -1)
  })
})

describe('an activation token', () => {
  const nats = { subject: 'a.>', kind: 'stream', type: 'activation', version: 2 }

  function check(
    token: string,
    { subject = 'a.b', kind = 'stream', revocations = {}, signers = [signer.publicKey] } = {},
  ) {
    const base = { account: exporter.publicKey, subject, token, allowTrace: false }
    const one =
      kind === 'stream' ? { kind: 'stream', prefix: '' } : { kind: 'service', share: false }
    const isIssuer = (key: string) => key === exporter.publicKey || signers.includes(key)
    const verdict = checkActivation(
      {
        import: { ...base, ...one, to: '' } as never,
        importer: account.publicKey,
        isIssuer,
        revocations,
      },
      NOW_MS,
    )
    return verdict.ok ? verdict.expiresMs : verdict.why
  }

  const mintToken = (draft: object = {}, issuer = exporter, claims: object = nats) =>
    mint(issuer, { sub: account.publicKey, ...draft, nats: claims })

  it('permits an import that it covers', () => {
    assert.equal(check(mintToken()), 0)
    assert.equal(check(mintToken({ exp: NOW_S + 5 })), NOW_MS + 5000)
    const service = { ...nats, kind: 'service' }
    assert.equal(check(mintToken({}, exporter, service), { kind: 'service' }), 0)
  })

  it('may be signed by a signing key of the account', () => {
    const token = mintToken({}, signer, { ...nats, issuer_account: exporter.publicKey })
    assert.equal(check(token), 0)
    assert.equal(check(token, { signers: [] }), 'activation token has an unknown issuer')
    assert.equal(check(mintToken({}, signer)), 'activation token is of another account')
  })

  it('permits nothing else', () => {
    const token = mintToken()
    assert.equal(check(''), 'activation token missing')
    assert.equal(check('x'), 'activation token not valid: expected 3 chunks')
    assert.equal(check(token, { kind: 'service' }), 'activation token is for no service')
    const another = 'activation token is for another'
    for (const subject of ['b', '>', 'a', '*.b']) {
      assert.equal(check(token, { subject }), `${another} subject`)
    }
    assert.equal(check(mintToken({ sub: signer.publicKey })), `${another} account`)
    assert.match(String(check(mintToken({}, user))), /^activation token not valid: unable/)
  })

  it('ends, and can be revoked', () => {
    for (const exp of [NOW_S, NOW_S - 1]) {
      assert.equal(check(mintToken({ exp })), 'activation token: claim is expired')
    }
    assert.equal(check(mintToken({ nbf: NOW_S + 1 })), 'activation token: claim is not yet valid')
    const token = mintToken({ iat: 100 })
    for (const key of ['*', account.publicKey]) {
      assert.equal(check(token, { revocations: { [key]: 99 } }), 0)
      assert.equal(check(token, { revocations: { [key]: 100 } }), 'activation token is revoked')
    }
  })
})
