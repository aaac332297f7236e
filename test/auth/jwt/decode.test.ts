import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  encodeAccount,
  encodeActivation,
  encodeAuthorizationResponse,
  encodeGeneric,
  encodeOperator,
  encodeUser,
  newScopedSigner,
} from '@nats-io/jwt'
import { createAccount, createOperator, createServer, createUser } from '@nats-io/nkeys'
import fc from 'fast-check'
import {
  decodeAccountClaims,
  decodeActivationClaims,
  decodeAuthorizationRequest,
  decodeAuthorizationResponse,
  decodeGenericClaims,
  decodeJwt,
  decodeOperatorClaims,
  decodeUserClaims,
  TOKEN_BYTES_MAX,
} from '../../../src/auth/jwt/decode.ts'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import { CurvePair } from '../../../src/auth/xkeys.ts'
import {
  account,
  FIRST_VERSION,
  mint,
  mintAccount,
  mintOperator,
  mintText,
  mintUser,
  operator,
  user,
} from './mint.ts'

function whyNot(token: string): string {
  const decoded = decodeJwt(token)
  return decoded.ok ? 'it was taken' : decoded.why
}

/** The middle part around some JSON for a user, written as it is. */
function userText(nats: string, rest = ''): string {
  const head = `"iss":"${account.publicKey}","sub":"${user.publicKey}"`
  return `{${head}${rest},"nats":{"type":"user","version":2${nats}}}`
}

function userOf(nats: string, rest = '') {
  const decoded = decodeUserClaims(mintText(account, userText(nats, rest)))
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.why)
  return decoded.claims
}

describe('what the official library makes', () => {
  const okp = createOperator()
  const akp = createAccount()
  const signer = createAccount()
  const ukp = createUser()

  it('an operator', async () => {
    const token = await encodeOperator('OP', okp, {
      signing_keys: [okp.getPublicKey()],
      account_server_url: 'https://example.com/jwt/v1',
      system_account: akp.getPublicKey(),
      strict_signing_key_usage: true,
    } as object)
    const decoded = decodeOperatorClaims(token)
    assert.ok(decoded.ok)
    const { name, subject, issuer, version, ...claims } = decoded.claims
    assert.deepEqual([name, subject, issuer], ['OP', okp.getPublicKey(), okp.getPublicKey()])
    assert.equal(version, 2)
    assert.deepEqual(claims.signingKeys, [okp.getPublicKey()])
    assert.equal(claims.accountServerUrl, 'https://example.com/jwt/v1')
    assert.equal(claims.systemAccount, akp.getPublicKey())
    assert.equal(claims.strictSigningKeyUsage, true)
  })

  it('an account with a scoped signing key', async () => {
    const role = newScopedSigner(signer, 'reader', { sub: { allow: ['a.{{name()}}'], deny: [] } })
    const token = await encodeAccount(
      'ACME',
      akp,
      {
        limits: { conn: 5, leaf: 2, subs: 7, payload: 9, imports: -1, exports: -1 } as object,
        signing_keys: [role],
        revocations: { '*': 3 },
        exports: [{ name: 'e', subject: 'x.>', type: 'service', response_type: 'Stream' }] as never,
      },
      { signer: okp, exp: 2_000_000_000 },
    )
    const decoded = decodeAccountClaims(token)
    assert.ok(decoded.ok)
    const { claims } = decoded
    assert.deepEqual([claims.issuer, claims.expires], [okp.getPublicKey(), 2_000_000_000])
    const { connections, leafNodes, subs, payload } = claims.limits
    assert.deepEqual([connections, leafNodes, subs, payload], [5, 2, 7, 9])
    const scope = claims.signingKeys.get(signer.getPublicKey())
    assert.equal(scope?.role, 'reader')
    assert.deepEqual(scope.template.permissions.subscribe.allow, ['a.{{name()}}'])
    assert.deepEqual([scope.template.subs, scope.template.payload], [-1, -1])
    assert.deepEqual([...claims.revocations], [['*', 3]])
    assert.equal(claims.exports[0]?.responseType, 'Stream')
  })

  it('a user, with and without a scope', async () => {
    const token = await encodeUser('bob', ukp, akp, { bearer_token: true, src: ['10.0.0.0/8'] })
    const decoded = decodeUserClaims(token)
    assert.ok(decoded.ok)
    assert.equal(decoded.claims.bearerToken, true)
    assert.deepEqual(decoded.claims.src, ['10.0.0.0/8'])
    assert.equal(decoded.claims.hasEmptyPermissions, false)
    const scoped = await encodeUser(
      'bob',
      ukp,
      signer,
      { issuer_account: akp.getPublicKey() },
      { scopedUser: true },
    )
    const claims = decodeUserClaims(scoped)
    assert.ok(claims.ok)
    assert.equal(claims.claims.issuerAccount, akp.getPublicKey())
    assert.equal(claims.claims.hasEmptyPermissions, true)
  })

  it('an activation, an authorization response and a generic one', async () => {
    const activation = decodeActivationClaims(
      await encodeActivation('a', akp, signer, 'stream', { subject: 'x.>' } as object),
    )
    assert.ok(activation.ok)
    const { importSubject, importType, subject } = activation.claims
    assert.deepEqual([importSubject, importType, subject], ['x.>', 'stream', akp.getPublicKey()])
    const server = createServer()
    const response = decodeAuthorizationResponse(
      await encodeAuthorizationResponse(ukp, server, akp, { error: 'no' }, {}),
    )
    assert.ok(response.ok)
    assert.equal(response.claims.error, 'no')
    assert.equal(response.claims.audience, server.getPublicKey())
    const generic = decodeGenericClaims(
      await encodeGeneric('g', okp, 'deletion', { accounts: ['A'] } as object),
    )
    assert.ok(generic.ok)
    assert.deepEqual(generic.claims.data['accounts'], ['A'])
  })
})

describe('a JWT of version 1', () => {
  const limits = { subs: 3 }

  it('signs its middle part alone and has type, tags and issuer account outside', () => {
    const body = { sub: user.publicKey, type: 'user', tags: ['a:b'], issuer_account: 'X' }
    const token = mint(account, { ...body, nats: limits }, FIRST_VERSION)
    const decoded = decodeUserClaims(token)
    assert.ok(decoded.ok)
    const { version, tags, issuerAccount, subs, payload } = decoded.claims
    assert.deepEqual([version, tags, issuerAccount], [1, ['a:b'], 'X'])
    assert.deepEqual([subs, payload], [3, -1], 'what is not there is not limited')
  })

  it('is not taken when all of it is signed', () => {
    const token = mint(account, { sub: user.publicKey, type: 'user', nats: limits })
    assert.equal(whyNot(token), 'claim failed V1 signature verification')
  })
})

describe('a JWT is refused', () => {
  const right = mintUser()
  const [head, body, end] = right.split('.') as [string, string, string]

  it('of other than three parts', () => {
    for (const text of ['', '.', 'a.b', `${right}.`, `${right}.${right}`, 'x'.repeat(100)]) {
      assert.equal(whyNot(text), 'expected 3 chunks')
    }
  })

  it('whose signature is cut, changed, missing, or that of something else', () => {
    const other = mintUser({ bearer_token: true }).split('.')
    const failed = 'claim failed V2 signature verification'
    assert.equal(whyNot(`${head}.${body}.`), failed)
    assert.equal(whyNot(`${head}.${body}.${end.slice(0, -2)}`), failed)
    assert.equal(whyNot(`${head}.${body}.${other[2]}`), failed)
    assert.equal(whyNot(`${head}.${other[1]}.${end}`), failed)
    assert.equal(whyNot(`${head}.${body}.${end}!`), 'illegal base64 data at input byte 86')
  })

  it('signed by somebody else than it says', () => {
    const claims = { sub: user.publicKey, nats: { type: 'user', version: 2 } }
    const forged = mint(NkeyPair.generate('account'), { ...claims, iss: account.publicKey })
    assert.equal(whyNot(forged), 'claim failed V2 signature verification')
    for (const iss of ['', 'A', null, CurvePair.generate().publicKey, account.seed()]) {
      const token = mint(account, { ...claims, iss })
      assert.equal(whyNot(token), 'claim failed V2 signature verification')
    }
  })

  it('under any other algorithm', () => {
    const claims = { sub: user.publicKey, nats: { type: 'user', version: 2 } }
    for (const alg of ['none', 'HS256', 'EdDSA', '', 'ed25519-nkey2']) {
      const token = mint(account, claims, { header: { typ: 'JWT', alg } })
      assert.equal(whyNot(token), `unexpected "${alg}" algorithm`)
      const unsigned = `${token.slice(0, token.lastIndexOf('.'))}.`
      assert.equal(whyNot(unsigned), `unexpected "${alg}" algorithm`)
    }
    const typed = mint(account, claims, { header: { typ: 'JWE', alg: 'ed25519' } })
    assert.equal(whyNot(typed), 'not supported type "JWE"')
  })

  it('signed by a key that may not sign such', () => {
    const wrong: readonly (readonly [NkeyPair, string, string])[] = [
      [operator, 'user', 'account'],
      [user, 'user', 'account'],
      [account, 'operator', 'operator'],
      [user, 'account', 'account operator'],
      [NkeyPair.generate('server'), 'authorization_response', 'account'],
      [account, 'authorization_request', 'server'],
    ]
    for (const [issuer, type, expected] of wrong) {
      const token = mint(issuer, { sub: user.publicKey, nats: { type, version: 2 } })
      assert.equal(whyNot(token), `unable to validate expected prefixes - [${expected}]`)
    }
  })

  it('of a version or type that is not known', () => {
    const of = (nats: object) => whyNot(mint(account, { sub: user.publicKey, nats }))
    assert.equal(of({ type: 'user', version: 3 }), 'JWT was generated by a newer version ')
    const none = 'library supports version 2 or less - received 0'
    assert.equal(of({ type: 'user' }), none)
    assert.equal(of({ type: 'cluster' }), 'ClusterClaims are not supported')
    assert.equal(of({ type: 'server' }), 'ServerClaims are not supported')
  })

  it('that is not what was asked for', () => {
    const account1 = mintAccount()
    assert.deepEqual(decodeUserClaims(account1), { ok: false, why: 'not user claim' })
    assert.deepEqual(decodeAccountClaims(right), { ok: false, why: 'not account claim' })
    assert.deepEqual(decodeOperatorClaims(right), { ok: false, why: 'not operator claim' })
    assert.deepEqual(decodeActivationClaims(right), { ok: false, why: 'not activation claim' })
    const request = { ok: false, why: 'not an authorization request claim' }
    assert.deepEqual(decodeAuthorizationRequest(right), request)
    assert.deepEqual(decodeAuthorizationResponse(right), request)
    assert.equal(decodeGenericClaims(right).ok, true)
  })

  it('larger than 1 MiB', () => {
    const padding = 'x'.repeat(TOKEN_BYTES_MAX)
    const token = mintText(account, userText(`,"tags":["${padding}"]`))
    const why = `token size ${token.length} exceeds maximum of 1048576 bytes: token too large`
    assert.equal(whyNot(token), why)
    assert.equal(whyNot('é'.repeat(TOKEN_BYTES_MAX / 2 + 1)).includes('token too large'), true)
  })

  it('whose values have the wrong type', () => {
    const wrong: readonly (readonly [string, string])[] = [
      [',"subs":"1"', 'string into Go struct field UserClaims.nats.subs of type int64'],
      [',"subs":1.5', 'number 1.5 into Go struct field UserClaims.nats.subs of type int64'],
      [',"subs":1e3', 'number 1e3 into Go struct field UserClaims.nats.subs of type int64'],
      [',"pub":[]', 'array into Go struct field UserClaims.nats.pub of type struct'],
      [
        ',"pub":{"allow":{}}',
        'object into Go struct field UserClaims.nats.pub.allow of type slice',
      ],
      [',"tags":[1]', 'number 1 into Go struct field identifier.nats.tags of type string'],
      [
        ',"bearer_token":1',
        'number 1 into Go struct field UserClaims.nats.bearer_token of type bool',
      ],
    ]
    for (const [nats, why] of wrong) {
      const token = mintText(account, userText(nats))
      assert.equal(whyNot(token), `json: cannot unmarshal ${why}`)
    }
  })
})

describe('the JSON of a JWT is read as Go reads it', () => {
  it('keys in any case, the last of several, null as if it were not there', () => {
    assert.equal(userOf(',"SUBS":5').subs, 5)
    assert.equal(userOf(',"subs":5,"subs":6').subs, 6)
    assert.equal(userOf(',"subs":5,"Subs":null').subs, 5)
    assert.equal(userOf(',"bearer_token":true,"BEARER_TOKEN":false').bearerToken, false)
    const { publish } = userOf(',"pub":{"allow":["a"]},"pub":{"deny":["b"]}').permissions
    assert.deepEqual(publish, { allow: ['a'], deny: ['b'] })
  })

  it('networks also as one text', () => {
    assert.deepEqual(userOf(',"src":"10.0.0.0/8, FD00::/8,10.0.0.0/8"').src, [
      '10.0.0.0/8',
      'fd00::/8',
    ])
  })

  it('keys that prototypes have are keys like others', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const revocations = names.map((name, at) => `"${name}":${at + 1}`).join(',')
    const text = `{"iss":"${operator.publicKey}","sub":"${account.publicKey}","nats":{"type":"account","version":2,"revocations":{${revocations}},"mappings":{"__proto__":[{"subject":"x"}]}},"__proto__":{"name":"evil"}}`
    const decoded = decodeAccountClaims(mintText(operator, text))
    assert.ok(decoded.ok)
    assert.deepEqual(
      [...decoded.claims.revocations],
      names.map((name, at) => [name, at + 1]),
    )
    assert.deepEqual([...decoded.claims.mappings.keys()], ['__proto__'])
    assert.equal(decoded.claims.name, '')
    const generic = decodeGenericClaims(
      mintText(operator, `{"iss":"${operator.publicKey}","nats":{"__proto__":{"polluted":1}}}`),
    )
    assert.ok(generic.ok)
    assert.equal(Object.getPrototypeOf(generic.claims.data), null)
    assert.equal(generic.claims.data['polluted'], undefined)
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
    for (const type of names) {
      const typed = decodeJwt(mint(account, { nats: { type, version: 2 } }, FIRST_VERSION))
      assert.equal(typed.ok && typed.claims.type, 'generic', type)
    }
  })

  it('however deep or wide it is, within its size', () => {
    const depth = 300_000
    const bombs = [
      '['.repeat(depth),
      `${'['.repeat(depth)}${']'.repeat(depth)}`,
      `{"nats":${'{"a":'.repeat(depth / 4)}`,
      `{"nats":${'{"a":'.repeat(9000)}1${'}'.repeat(9000)},"iss":"x"}`,
      `{${'"nats":{},'.repeat(60_000)}"a":1}`,
      `[${'0,'.repeat(300_000)}0]`,
      `{"iat":${'9'.repeat(700_000)}}`,
    ]
    for (const bomb of bombs) {
      for (const decode of [decodeJwt, decodeGenericClaims]) {
        const decoded = decode(mintText(operator, bomb))
        assert.equal(decoded.ok, false, bomb.slice(0, 20))
      }
    }
  })
})

describe('scopes', () => {
  const empty = [
    '',
    ',"tags":["a"]',
    ',"pub":{},"sub":{}',
    ',"pub":null',
    ',"src":null,"times":null',
    ',"subs":0,"data":0,"payload":0,"bearer_token":false',
    ',"issuer_account":"A"',
  ]
  const set = [
    ...[
      ',"subs":-1',
      ',"data":1',
      ',"payload":1',
      ',"bearer_token":true',
      ',"proxy_required":true',
    ],
    ...[',"pub":{"allow":[]}', ',"sub":{"deny":["a"]}', ',"resp":{}', ',"src":[]', ',"src":""'],
    ...[',"times":[]', ',"times_location":"UTC"', ',"allowed_connection_types":[]'],
  ]

  it('are for users of which nothing is set', () => {
    for (const nats of empty) assert.equal(userOf(nats).hasEmptyPermissions, true, nats)
    for (const nats of set) assert.equal(userOf(nats).hasEmptyPermissions, false, nats)
  })

  it('of a kind that is not known make the account unreadable', () => {
    const key = NkeyPair.generate('account').publicKey
    const why = whyNot(mintAccount({ signing_keys: [{ kind: 'x', key }] }))
    assert.equal(why, 'unknown signing key scope "x"')
  })
})

describe('never throws', () => {
  const parts = fc.oneof(
    fc.string(),
    fc.base64String(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64url')),
    fc.json().map((json) => Buffer.from(json).toString('base64url')),
    fc.constantFrom(...mintUser().split('.'), ...mintOperator().split('.')),
  )

  it('whatever the text is', () => {
    fc.assert(
      fc.property(fc.array(parts, { minLength: 0, maxLength: 4 }), (chunks) => {
        const token = chunks.join('.')
        const isRight = [mintedUser, mintedOperator].includes(token)
        assert.equal(decodeJwt(token).ok && !isRight, false)
      }),
      { numRuns: 500 },
    )
  })

  const mintedUser = mintUser()
  const mintedOperator = mintOperator()

  it('whatever is signed', () => {
    const keys = fc.constantFrom(
      ...['type', 'version', 'pub', 'sub', 'resp', 'src', 'times', 'tags', 'limits', 'imports'],
      ...['exports', 'signing_keys', 'mappings', 'revocations', 'authorization', 'trace', 'nats'],
    )
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('user', 'account', 'operator', 'activation', 2, 1, null, true, 'a.>'),
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(keys, tie('node'), { maxKeys: 5 }),
      ),
    })).node
    const type = fc.constantFrom('user', 'account', 'operator', 'activation', 'x', 'generic')
    fc.assert(
      fc.property(type, fc.dictionary(keys, value), (name, nats) => {
        const issuer = name === 'user' || name === 'activation' ? account : operator
        const token = mint(issuer, { nats: { ...nats, type: name, version: 2 } })
        const decoded = decodeJwt(token)
        assert.equal(typeof (decoded.ok ? decoded.claims.type : decoded.why), 'string')
        assert.equal(typeof decodeGenericClaims(token).ok, 'boolean')
      }),
      { numRuns: 500 },
    )
  })
})
