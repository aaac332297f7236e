import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeAccountClaims, decodeOperatorClaims } from '../../../src/auth/jwt/decode.ts'
import {
  type AccountLookup,
  JwtAuthority,
  type JwtAuthorityOptions,
} from '../../../src/auth/jwt/jwt-login.ts'
import type { Identity, LoginRequest, Verdict } from '../../../src/auth/login.ts'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import type { ConnectionType } from '../../../src/config/account-types.ts'
import {
  account,
  type Draft,
  mint,
  mintAccount,
  mintOperator,
  mintUser,
  NOW_MS,
  NOW_S,
  operator,
  user,
} from './mint.ts'

const NONCE = 'abcdefghijklmno'
const signer = NkeyPair.generate('account')
const ACCOUNT_LIMITS = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1 }

function operatorClaims(nats: object = {}) {
  const decoded = decodeOperatorClaims(mintOperator(nats))
  assert.ok(decoded.ok)
  return decoded.claims
}

function accountClaims(nats: object = {}, draft: Draft = {}, issuer = operator) {
  const decoded = decodeAccountClaims(mintAccount(nats, draft, issuer))
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.why)
  return decoded.claims
}

function authority(options: Partial<JwtAuthorityOptions> & { claims?: object } = {}): JwtAuthority {
  const claims = accountClaims(options.claims)
  const accounts: AccountLookup = {
    lookup: (key) => (key === account.publicKey ? claims : undefined),
  }
  return new JwtAuthority({
    operators: [operatorClaims()],
    trustedKeys: [],
    pinnedAccounts: [],
    systemAccount: '',
    defaultSentinel: '',
    accounts,
    nowMs: () => NOW_MS,
    ...options,
  })
}

function requestOf(
  jwt: string,
  { sig = user.sign(NONCE), host = '10.1.2.3', type = 'STANDARD' as ConnectionType, ...rest } = {},
): LoginRequest {
  const nothing = { user: '', pass: '', authToken: '', nkey: '', proxySig: '', name: '' }
  return {
    cid: 1,
    connectionType: type,
    host,
    nonce: NONCE,
    connect: { ...nothing, lang: 'x', version: '1', protocol: 1, jwt, sig, ...rest },
    tls: undefined,
  }
}

/** The account, or the reason, which may be told as an error of its own. */
function outcome(verdict: Verdict | Promise<Verdict>): string {
  assert.ok(!(verdict instanceof Promise))
  if (verdict.ok) return `in ${verdict.identity.account}`
  return verdict.reason || (verdict.notices?.[0]?.text ?? '')
}

const IN = `in ${account.publicKey}`

function login(
  jwt: string,
  options: Parameters<typeof authority>[0] = {},
  more: object = {},
): string {
  return outcome(authority(options).authenticate(requestOf(jwt, more), ''))
}

function identityOf(jwt: string, options: Parameters<typeof authority>[0] = {}): Identity {
  const verdict = authority(options).authenticate(requestOf(jwt), 'PROXY')
  assert.ok(!(verdict instanceof Promise) && verdict.ok)
  return verdict.identity
}

/** Of a user with a signing key of the account. */
const mintScoped = (nats: object = {}, draft: Draft = {}) => {
  const all = { ...nats, issuer_account: account.publicKey, type: 'user', version: 2 }
  return mint(signer, { sub: user.publicKey, name: 'bob', ...draft, nats: all })
}
const role = (template: object) => ({
  signing_keys: [{ kind: 'user_scope', key: signer.publicKey, role: 'r', template }],
})

describe('a user with a JWT', () => {
  it('is let in, with everything the JWT says', () => {
    const jwt = mintUser({
      pub: { allow: ['a'] },
      subs: 3,
      payload: 2 ** 33,
      tags: ['x:y'],
    })
    const identity = identityOf(jwt)
    assert.deepEqual(identity, {
      account: account.publicKey,
      user: user.publicKey,
      nkey: user.publicKey,
      permissions: {
        publish: { allow: ['a'], deny: undefined },
        subscribe: undefined,
        responses: undefined,
      },
      maxPayload: 2 ** 31 - 1,
      maxSubscriptions: 3,
      rate: undefined,
      expiresMs: 0,
      jwt,
      issuerKey: account.publicKey,
      nameTag: 'bob',
      tags: ['x:y'],
      issuedAt: NOW_S - 60,
      proxyKey: 'PROXY',
    })
    assert.equal(identityOf(mintUser()).permissions, undefined)
  })

  it('is shown by what else was presented, as nats-server shows it', () => {
    const shown = (more: object) => {
      const verdict = authority().authenticate(requestOf(mintUser(), more), '')
      return !(verdict instanceof Promise) && verdict.ok ? verdict.identity.user : ''
    }
    assert.equal(shown({ user: 'someone' }), 'someone')
    assert.equal(shown({ user: 'someone', nkey: 'UKEY' }), 'UKEY')
  })

  it('is let in until the JWT or the time of the day ends', () => {
    const times = [{ start: '00:00:00', end: '23:59:59' }]
    const of = (nats: object, draft: Draft = {}) => identityOf(mintUser(nats, draft)).expiresMs
    assert.equal(of({}, { exp: NOW_S + 5 }), NOW_MS + 5000)
    const window = of({ times, times_location: 'UTC' })
    assert.ok(window > NOW_MS && window < NOW_MS + 24 * 60 * 60 * 1000)
    assert.equal(of({ times, times_location: 'UTC' }, { exp: NOW_S + 5 }), NOW_MS + 5000)
    const later = { exp: NOW_S + 10 * 24 * 60 * 60 }
    assert.equal(of({ times, times_location: 'UTC' }, later), window)
  })

  it('is refused for the first thing that is wrong, in the order of nats-server', () => {
    const other = NkeyPair.generate('account')
    const ofOther = mintUser({}, {}, other)
    const range = { times: [{ start: '10:00:00', end: '10:00:01' }], times_location: 'UTC' }
    const noJwt = 'Authentication requires a user JWT'
    const rows: readonly (readonly [string, string, object?, object?])[] = [
      ['', noJwt],
      ['nonsense', noJwt],
      [mintAccount(), noJwt],
      [mintUser().slice(0, -3), noJwt],
      [mintUser({ proxy_required: true }, { exp: 1 }), 'proxy connection required'],
      [mintUser({}, { exp: 1 }), 'User JWT no longer valid: claim is expired'],
      [mintUser({}, { nbf: NOW_S + 1 }), 'User JWT no longer valid: claim is not yet valid'],
      [
        mintUser({ pub: { allow: ['a q'] } }),
        'User JWT no longer valid: Permission Subject "a q" is not allowed to contain queue',
      ],
      [
        ofOther,
        `Account ${other.publicKey} not listed as operator pinned account`,
        { pinnedAccounts: [account.publicKey] },
      ],
      [ofOther, 'Account JWT lookup error: account missing'],
      [mintUser(), 'Account JWT not signed by trusted operator', { operators: [] }],
      [mintScoped(), 'User JWT issuer is not known'],
      [
        mintScoped({ subs: -1 }),
        'User JWT is not valid: scoped users require no permissions or limits set',
        { claims: role({}) },
      ],
      [
        mintScoped(),
        'User JWT generated invalid permissions',
        { claims: role({ pub: { deny: ['{{tag(x)}}'] } }) },
      ],
      [
        mintUser({ bearer_token: true }),
        'Account does not allow bearer tokens',
        { claims: { limits: { ...ACCOUNT_LIMITS, disallow_bearer: true } } },
      ],
      [
        mintUser({ allowed_connection_types: ['x', 'Y"'] }),
        'invalid connection types ["X" "Y\\""]',
      ],
      [mintUser({ allowed_connection_types: ['WEBSOCKET', 'x'] }), 'Connection type not allowed'],
      [mintUser(), 'Signature missing', {}, { sig: '' }],
      [mintUser(), 'Signature not valid base64', {}, { sig: '*' }],
      [mintUser({}, { sub: 'x' }), 'User nkey not valid: illegal base32 data at input byte 0'],
      [mintUser({}, { sub: 'UAAAA' }), 'User nkey not valid: nkeys: invalid encoded key'],
      [mintUser(), 'Signature not verified', {}, { sig: user.sign('other') }],
      [mintUser(), 'Signature not verified', {}, { sig: 'AAAA' }],
      [
        mintUser(),
        'User authentication revoked',
        { claims: { revocations: { [user.publicKey]: NOW_S - 60 } } },
      ],
      [mintUser(), 'User authentication revoked', { claims: { revocations: { '*': NOW_S } } }],
      [mintUser({ src: ['11.0.0.0/8'] }), 'Bad src Ip 10.1.2.3'],
      [mintUser(range), 'Outside connect times'],
    ]
    for (const [jwt, reason, options, more] of rows) {
      assert.equal(login(jwt, options, more), reason)
    }
  })

  it('that was revoked before it was issued is let in', () => {
    const revocations = { [user.publicKey]: NOW_S - 61, '*': NOW_S - 61 }
    assert.equal(login(mintUser(), { claims: { revocations } }), IN)
  })

  it('that is a bearer token needs no signature', () => {
    assert.equal(login(mintUser({ bearer_token: true }), {}, { sig: '' }), IN)
  })

  it('may connect in the ways that it names, in any case', () => {
    const types = { allowed_connection_types: ['leafnode', 'Websocket', 'unknown'] }
    const of = (type: string) => login(mintUser(types), {}, { type })
    assert.deepEqual([of('LEAFNODE'), of('WEBSOCKET')], [IN, IN])
    assert.equal(of('LEAFNODE_WS'), 'Connection type not allowed')
  })

  it('that wants a proxy is told so apart', () => {
    const request = requestOf(mintUser({ proxy_required: true }))
    const verdict = authority().authenticate(request, '')
    const reason = 'proxy connection required'
    assert.deepEqual(verdict, { ok: false, why: 'proxyRequired', reason })
    assert.equal(outcome(authority().authenticate(request, 'PROXY')), IN)
  })

  it('of an account that expired is refused', () => {
    const claims = accountClaims({}, { exp: NOW_S })
    const why = login(mintUser(), { accounts: { lookup: () => claims } })
    assert.equal(why, 'Account JWT has expired')
  })
})

describe('looking an account up', () => {
  it('may take time, and may fail', async () => {
    const claims = accountClaims()
    const late = authority({ accounts: { lookup: async () => claims } })
    const verdict = await late.authenticate(requestOf(mintUser()), '')
    assert.equal(outcome(verdict), IN)
    const why = async (lookup: AccountLookup['lookup']) => {
      const failing = authority({ accounts: { lookup } })
      return outcome(await failing.authenticate(requestOf(mintUser()), ''))
    }
    const missing = 'Account JWT lookup error: account missing'
    assert.equal(await why(async () => undefined), missing)
    assert.equal(await why(() => Promise.reject(new Error('x'))), 'Account JWT lookup error: x')
    const thrown = await why(() => {
      throw new Error('y')
    })
    assert.equal(thrown, 'Account JWT lookup error: y')
  })

  it('tells those who ask who it was about', async () => {
    const {
      user: who,
      account: where,
      verdict,
    } = await authority().login(requestOf(mintUser(), { sig: '' }), '')
    assert.deepEqual(
      [verdict.ok, who?.subject, where?.subject],
      [...[false, user.publicKey, account.publicKey]],
    )
  })
})

describe('a signing key with a role', () => {
  const template = {
    pub: { allow: ['a.{{name()}}', 'b.{{tag(t)}}'] },
    subs: 5,
    src: ['10.0.0.0/8'],
    bearer_token: true,
  }

  it('gives its users what the role says', () => {
    const jwt = mintScoped({ tags: ['t:1'] })
    const verdict = authority({ claims: role(template) }).authenticate(
      requestOf(jwt, { sig: '' }),
      '',
    )
    assert.ok(!(verdict instanceof Promise) && verdict.ok)
    const { permissions, maxSubscriptions, maxPayload, issuerKey } = verdict.identity
    assert.deepEqual(permissions?.publish?.allow, ['a.bob', 'b.1'])
    assert.deepEqual([maxSubscriptions, maxPayload, issuerKey], [5, -1, signer.publicKey])
    assert.equal(
      login(jwt, { claims: role(template) }, { host: '11.0.0.1' }),
      'Bad src Ip 11.0.0.1',
    )
  })

  it('makes the proxy a condition, too', () => {
    const claims = role({ proxy_required: true })
    assert.equal(login(mintScoped(), { claims }), 'proxy connection required')
  })

  it('without a role is like the key of the account', () => {
    const claims = { signing_keys: [signer.publicKey] }
    assert.equal(login(mintScoped({ subs: 3, data: -1, payload: -1 }), { claims }), IN)
  })
})

describe('whom the operator trusts', () => {
  const key = NkeyPair.generate('operator')
  const signing = { signing_keys: [key.publicKey] }

  it('accounts signed with one of its keys, or with a trusted key', () => {
    const plain = authority({ operators: [operatorClaims(signing)] })
    assert.deepEqual(plain.trustedKeys, [operator.publicKey, key.publicKey])
    const bare = authority({ operators: [], trustedKeys: [operator.publicKey] })
    assert.equal(bare.isTrustedIssuer(operator.publicKey), true)
    assert.equal(bare.isTrustedIssuer(key.publicKey), false)
  })

  it('of a strict one, only signing keys sign, of operator and account', () => {
    const strict = operatorClaims({ ...signing, strict_signing_key_usage: true })
    assert.equal(
      login(mintUser(), { operators: [strict] }),
      'Account JWT not signed by trusted operator',
    )
    const claims = accountClaims({ signing_keys: [signer.publicKey] }, {}, key)
    const options = { operators: [strict], accounts: { lookup: () => claims } }
    assert.equal(login(mintUser(), options), 'User JWT issuer is not known')
    assert.equal(login(mintScoped({ subs: -1, data: -1, payload: -1 }), options), IN)
  })

  it('pinned accounts alone, and that of the system', () => {
    const pinned = authority({ pinnedAccounts: ['AOTHER'] })
    assert.match(outcome(pinned.authenticate(requestOf(mintUser()), '')), /pinned/)
    assert.equal(pinned.pinnedAccountFails, 1)
    const systemAccount = account.publicKey
    assert.equal(login(mintUser(), { pinnedAccounts: ['AOTHER'], systemAccount }), IN)
  })

  it('verifies the JWTs of accounts', () => {
    const failed = { ok: false, why: 'account validation failed' }
    const verify = (token: string, key = account.publicKey) => authority().verifyAccount(token, key)
    assert.equal(verify(mintAccount()).ok, true)
    assert.deepEqual(verify(mintAccount(), signer.publicKey), failed)
    assert.deepEqual(verify(mintAccount({}, {}, account)), failed)
    assert.deepEqual(verify(mintAccount({}, {}, NkeyPair.generate('operator'))), failed)
    assert.deepEqual(verify(mintAccount({}, { exp: 1 })), failed)
    assert.deepEqual(verify(mintAccount({ imports: [null] })), failed)
    assert.deepEqual(verify(mintUser()), { ok: false, why: 'not account claim' })
  })
})

describe('the default sentinel', () => {
  const defaultSentinel = mintUser({ bearer_token: true }, { name: 'sentinel' })

  it('is the JWT of who presents none', () => {
    for (const jwt of ['', 'not a jwt', mintAccount()]) {
      const verdict = authority({ defaultSentinel }).authenticate(requestOf(jwt, { sig: '' }), '')
      assert.ok(!(verdict instanceof Promise) && verdict.ok)
      assert.deepEqual(
        [verdict.identity.nameTag, verdict.identity.jwt],
        [...['sentinel', defaultSentinel]],
      )
    }
  })

  it('is not looked at for who presents one', () => {
    const expired = mintUser({}, { exp: 1 })
    const why = login(expired, { defaultSentinel })
    assert.equal(why, 'User JWT no longer valid: claim is expired')
  })
})

describe('when the claims of an account change, a connected user', () => {
  const bare = mintUser({}, { exp: NOW_S + 100 })
  const identity = identityOf(bare)
  const fate = (claims: object, who = identity, draft: Draft = {}) =>
    authority().reasonToEnd(who, accountClaims(claims, draft), NOW_MS)

  it('stays if nothing speaks against it', () => {
    assert.equal(fate({}), undefined)
    assert.equal(fate({ revocations: { [user.publicKey]: NOW_S - 61 } }), undefined)
    const disallowed = { limits: { ...ACCOUNT_LIMITS, disallow_bearer: true } }
    assert.equal(fate(disallowed), undefined)
  })

  it('is ended when revoked', () => {
    assert.equal(fate({ revocations: { [user.publicKey]: NOW_S - 60 } }), 'userRevoked')
    assert.equal(fate({ revocations: { '*': NOW_S } }), 'userRevoked')
  })

  it('is ended when the account or the user has expired', () => {
    assert.equal(fate({}, identity, { exp: NOW_S }), 'accountExpired')
    assert.equal(fate({}, { ...identity, expiresMs: NOW_MS }), 'userExpired')
  })

  it('is ended when bearer tokens are not allowed any more', () => {
    const bearer = identityOf(mintUser({ bearer_token: true }))
    const limits = { ...ACCOUNT_LIMITS, disallow_bearer: true }
    assert.equal(fate({ limits }, bearer), 'authorization')
  })

  it('is ended when its signing key is gone or has another role', () => {
    const scoped = identityOf(mintScoped(), { claims: role({ subs: 5 }) })
    const before = accountClaims(role({ subs: 5 }))
    const end = (claims: object) =>
      authority().reasonToEnd(scoped, accountClaims(claims), NOW_MS, before)
    assert.equal(end(role({ subs: 5 })), undefined)
    assert.equal(end(role({ subs: 6 })), 'signerGone')
    assert.equal(end({ signing_keys: [signer.publicKey] }), 'signerGone')
    assert.equal(end({}), 'signerGone')
  })
})
