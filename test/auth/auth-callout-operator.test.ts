import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCallout } from '../../src/auth/auth-callout.ts'
import type { JwtLogin } from '../../src/auth/authority.ts'
import type { AccountClaims } from '../../src/auth/jwt/claims.ts'
import { decodeAccountClaims } from '../../src/auth/jwt/decode.ts'
import { encodeClaims } from '../../src/auth/jwt/encode.ts'
import type { Verdict } from '../../src/auth/login.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import {
  type Answerer,
  type Asked,
  admit,
  answerJwt,
  NOW_MS,
  settings,
  type UserText,
  userJwt,
} from './callout-support.ts'
import { authority, OPTIONS, request, shown } from './login-support.ts'

describe('operator mode', () => {
  const operator = NkeyPair.generate('operator')
  const own = NkeyPair.generate('account')
  const target = NkeyPair.generate('account')
  const scopedKeys = NkeyPair.generate('account')
  const sentinel = NkeyPair.generate('user')

  function accountClaims(keys: NkeyPair, nats: Record<string, unknown>): AccountClaims {
    const body = { type: 'account', ...nats } as never
    const decoded = decodeAccountClaims(
      encodeClaims({ subject: keys.publicKey, name: 'X', nats: body }, operator, NOW_MS),
    )
    assert.ok(decoded.ok, decoded.ok ? '' : decoded.why)
    return decoded.claims
  }

  const template = { pub: { allow: ['templated'] }, sub: {}, subs: -1, data: -1, payload: -1 }
  const targetClaims = accountClaims(target, {
    signing_keys: [{ kind: 'user_scope', key: scopedKeys.publicKey, role: 'r', template }],
  })

  function ask(answerer: Answerer, allowed: readonly string[], authUsers = ['UAUTH']) {
    const authorization = { auth_users: authUsers, allowed_accounts: allowed }
    const ownClaims = accountClaims(own, { authorization })
    const asked: Asked[] = []
    const claims = [ownClaims, targetClaims]
    const callout = createCallout(
      settings(answerer, asked, {
        options: undefined,
        accounts: {
          configured: () => undefined,
          claims: async (key) => claims.find(({ subject }) => subject === key),
          issuerOf: (account, key) => ({
            isKnown: account.subject === key || account.signingKeys.has(key),
            scope: account.signingKeys.get(key),
          }),
        },
      }),
    )
    const identity = {
      account: own.publicKey,
      user: sentinel.publicKey,
      nkey: sentinel.publicKey,
      permissions: undefined,
      maxPayload: -1,
      maxSubscriptions: -1,
      rate: undefined,
      expiresMs: 0,
      jwt: 'eyJ.sentinel',
      issuerKey: own.publicKey,
      nameTag: 'sentinel',
      tags: ['t'],
      issuedAt: 1,
      proxyKey: '',
    }
    const result: JwtLogin = {
      verdict: { ok: true, identity },
      user: { proxyRequired: false },
      account: ownClaims,
    }
    const jwt = { login: () => result }
    const asking = authority({ operator: {} }, 'client', { jwt, callout })
    const login = async () => asking.authenticate(request({ jwt: 'eyJ.sentinel' }))
    return { login, asked }
  }

  const by =
    (keys: NkeyPair, text: UserText = {}): Answerer =>
    (asked) =>
      answerJwt(asked, userJwt(asked, { keys, aud: '', ...text }), { keys: own })

  it('asks in the account of who connects, about the bearer of its JWT', async () => {
    const { login, asked } = ask(by(own), [])
    const verdict = await login()
    assert.equal(shown(verdict), `${own.publicKey}/bob`)
    const { message, body } = asked[0]!
    assert.equal(message.account, own.publicKey)
    assert.equal(body['sub'], own.publicKey)
    const nats = body['nats'] as Record<string, Record<string, unknown>>
    assert.equal(nats['connect_opts']?.['jwt'], 'eyJ.sentinel')
    assert.equal(nats['client_info']?.['user'], sentinel.publicKey)
    assert.equal(nats['client_info']?.['name_tag'], 'sentinel')
    assert.equal(verdict.ok && verdict.identity.jwt, '')
    const deny = ['$SYS.REQ.USER.AUTH']
    assert.deepEqual(verdict.ok && verdict.identity.permissions?.publish, { deny })
  })

  it('does not ask about those who answer', async () => {
    const { login, asked } = ask(by(own), [], [sentinel.publicKey])
    assert.equal(shown(await login()), `${own.publicKey}/${sentinel.publicKey}`)
    assert.equal(asked.length, 0)
  })

  it('puts users into accounts that are allowed, by their keys', async () => {
    for (const allowed of [['*'], [target.publicKey]]) {
      const placed = await ask(by(target), allowed).login()
      assert.equal(shown(placed), `${target.publicKey}/bob`)
      assert.equal(placed.ok && placed.identity.permissions, undefined)
    }
    const refused = await ask(by(target), []).login()
    assert.equal(
      refused.ok ? '' : refused.reason,
      `Account "${target.publicKey}" not permitted as valid account option for auth callout for account "${own.publicKey}"`,
    )
  })

  it('gives users of a scoped key what its template says', async () => {
    const scoped = (nats: Record<string, unknown>) =>
      by(scopedKeys, {
        nats: { issuer_account: target.publicKey, subs: 0, data: 0, payload: 0, ...nats },
      })
    const verdict = await ask(scoped({}), ['*']).login()
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason)
    assert.deepEqual(verdict.identity.permissions?.publish?.allow, ['templated'])
    const refused = await ask(scoped({ pub: { allow: ['own'] } }), ['*']).login()
    assert.match(refused.ok ? '' : refused.reason, /^User JWT is not valid: /)
  })

  it('refuses answers and users of keys that are not known', async () => {
    const stranger = NkeyPair.generate('account')
    const unknownAnswer: Answerer = (asked) =>
      answerJwt(asked, userJwt(asked, { keys: own, aud: '' }), { keys: stranger })
    const first = await ask(unknownAnswer, ['*']).login()
    assert.equal(first.ok ? '' : first.reason, 'Auth callout signing key is unknown')
    const issuer = { issuer_account: target.publicKey }
    const second = await ask(by(stranger, { nats: issuer }), ['*']).login()
    assert.equal(
      second.ok ? '' : second.reason,
      `User JWT issuer "${stranger.publicKey}" is not known`,
    )
    const third = await ask(by(stranger), ['*']).login()
    assert.match(third.ok ? '' : third.reason, /^No valid account "A\w+" for auth callout response/)
  })

  it('asks about nobody whose JWT is not right', async () => {
    const asked: Asked[] = []
    const callout = createCallout(settings(admit, asked, { options: undefined }))
    const verdict: Verdict = { ok: false, why: 'authorization', reason: 'Signature missing' }
    const jwt = { login: () => ({ verdict }) }
    const asking = authority({ operator: {} }, 'client', { jwt, callout })
    assert.equal(shown(await asking.authenticate(request({ jwt: 'eyJ' }))), 'authorization')
    assert.equal(asked.length, 0)
    assert.equal(OPTIONS.operator, undefined)
  })
})
