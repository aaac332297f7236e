import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CalloutSettings, createCallout } from '../../src/auth/auth-callout.ts'
import type { Verdict } from '../../src/auth/login.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { CurvePair } from '../../src/auth/xkeys.ts'
import {
  type Answerer,
  type Asked,
  admit,
  answerJwt,
  CALLOUT,
  calloutCurve,
  DEFAULTS,
  issuerKeys,
  NOW_MS,
  SERVER,
  serverCurve,
  settings,
  userJwt,
} from './callout-support.ts'
import {
  authority,
  certificate,
  NONCE,
  type Presents,
  request,
  shown,
  user,
} from './login-support.ts'

const proxyKeys = NkeyPair.generate('server')

const USERS = {
  users: [
    user('auth', 'pwd', { account: 'AUTH' }),
    user('alice', 'a', { account: 'A' }),
    user('dan', 'd', { account: 'B' }),
  ],
  trustedProxies: [proxyKeys.publicKey],
}

interface Login {
  readonly verdict: Verdict
  readonly asked: readonly Asked[]
}

async function login(
  answerer: Answerer,
  presents: Presents = { user: 'zoe', pass: 'z' },
  more: Partial<CalloutSettings> = {},
  listener: 'client' | 'leaf' = 'client',
): Promise<Login> {
  const asked: Asked[] = []
  const callout = createCallout(settings(answerer, asked, more))
  const asking = authority(USERS, listener, { callout })
  return { verdict: await asking.authenticate(request(presents)), asked }
}

async function reasonOf(
  answerer: Answerer,
  presents?: Presents,
  more?: Partial<CalloutSettings>,
): Promise<string> {
  const { verdict } = await login(answerer, presents, more)
  assert.equal(verdict.ok, false)
  if (verdict.ok) return ''
  const notice = verdict.notices?.at(-1)
  assert.equal(notice?.text, verdict.reason)
  return verdict.reason
}

describe('who is asked about', () => {
  it('are all but those who answer', async () => {
    const rows: readonly (readonly [Presents, string, number])[] = [
      [{ user: 'auth', pass: 'pwd' }, 'AUTH/auth', 0],
      [{ user: 'auth', pass: 'wrong' }, 'authorization', 0],
      [{ user: 'alice', pass: 'a' }, 'A/bob', 1],
      [{ user: 'nobody' }, 'A/bob', 1],
      [{}, 'A/bob', 1],
      [{ authToken: 't' }, 'A/bob', 1],
      [{ proxySig: 'x' }, 'proxyNotTrusted', 0],
    ]
    for (const [presents, expected, count] of rows) {
      const { verdict, asked } = await login(admit, presents)
      assert.equal(shown(verdict), expected, JSON.stringify(presents))
      assert.equal(asked.length, count, JSON.stringify(presents))
    }
  })

  it('are users of the accounts that are delegated, if some are named', async () => {
    const options = { ...CALLOUT, allowedAccounts: ['B'] }
    const rows: readonly (readonly [Presents, string])[] = [
      [{ user: 'alice', pass: 'a' }, 'A/alice'],
      [{ user: 'dan', pass: 'd' }, 'A/bob'],
      // Who is not found is in the global account, which is always delegated.
      [{ user: 'alice', pass: 'wrong' }, 'A/bob'],
    ]
    for (const [presents, expected] of rows) {
      const { verdict } = await login(admit, presents, { options })
      assert.equal(shown(verdict), expected, JSON.stringify(presents))
    }
    const leaf = await login(
      admit,
      { user: 'alice', pass: 'a', by: 'LEAFNODE' },
      { options },
      'leaf',
    )
    assert.equal(shown(leaf.verdict), 'A/bob', 'leafs of all accounts')
  })
})

describe('the question', () => {
  it('tells all that was presented, in the order and form of nats-server', async () => {
    const tls = certificate(['x'], { certificates: ['PEM1', 'PEM2'] })
    const presents: Presents = {
      user: 'zoe',
      pass: 'z',
      authToken: 't',
      name: 'app',
      lang: 'go',
      version: '1.2.3',
      sig: 'abc',
      tls,
    }
    const { asked } = await login(admit, presents)
    const { body, message, userNkey } = asked[0]!
    assert.equal(message.account, 'AUTH')
    assert.equal(message.subject, '$SYS.REQ.USER.AUTH')
    assert.equal(message.header, undefined)
    assert.match(userNkey, /^U[A-Z2-7]{55}$/)
    const { jti, nats, ...common } = body
    assert.equal(typeof jti, 'string')
    assert.deepEqual(common, {
      aud: 'nats-authorization-request',
      exp: NOW_MS / 1000 + 2,
      iat: NOW_MS / 1000,
      iss: SERVER,
      sub: issuerKeys.publicKey,
    })
    const expected = {
      server_id: { name: 'srv', host: '0.0.0.0', id: SERVER, version: '2.15.2', tags: ['t'] },
      user_nkey: userNkey,
      client_info: {
        host: '192.0.2.1',
        id: 7,
        user: 'zoe',
        name: 'app',
        kind: 'Client',
        type: 'nats',
        nonce: NONCE,
      },
      connect_opts: {
        sig: 'abc',
        auth_token: 't',
        user: 'zoe',
        pass: 'z',
        name: 'app',
        lang: 'go',
        version: '1.2.3',
        protocol: 1,
      },
      client_tls: {
        version: '1.3',
        cipher: 'TLS_AES_128_GCM_SHA256',
        verified_chains: [['PEM1', 'PEM2']],
      },
      type: 'authorization_request',
      version: 2,
    }
    assert.equal(JSON.stringify(nats), JSON.stringify(expected))
  })

  it('tells of leafs, WebSocket clients, and certificates that were not verified', async () => {
    const tls = certificate(['x'], { certificates: ['PEM'], isVerified: false })
    const leaf = await login(admit, { by: 'LEAFNODE', tls }, {}, 'leaf')
    const natsOf = ({ asked }: Login) => asked[0]?.body['nats'] as Record<string, unknown>
    const info = { host: '192.0.2.1', id: 7, kind: 'Leafnode' }
    assert.deepEqual(natsOf(leaf)['client_info'], info)
    const shownTls = { version: '1.3', cipher: 'TLS_AES_128_GCM_SHA256', certs: ['PEM'] }
    assert.deepEqual(natsOf(leaf)['client_tls'], shownTls)
    const websocket = await login(admit, { by: 'WEBSOCKET' })
    const webInfo = { host: '192.0.2.1', id: 7, kind: 'Client', type: 'websocket' }
    assert.deepEqual(natsOf(websocket)['client_info'], webInfo)
  })

  it('is about another made-up user each time', async () => {
    const first = await login(admit)
    const second = await login(admit)
    assert.notEqual(first.asked[0]?.userNkey, second.asked[0]?.userNkey)
  })

  it('is sealed where there is a key for it, and so may be the answer', async () => {
    const options = { ...CALLOUT, xkey: calloutCurve.publicKey }
    const seal: Answerer = async (asked) =>
      calloutCurve.seal(Buffer.from(answerJwt(asked, userJwt(asked))), serverCurve.publicKey)
    for (const answerer of [seal, admit]) {
      const { verdict, asked } = await login(answerer, {}, { options })
      assert.equal(shown(verdict), 'A/bob')
      const { header, payload } = asked[0]!.message
      assert.deepEqual(header, { name: 'Nats-Server-Xkey', value: serverCurve.publicKey })
      assert.equal(Buffer.from(payload).toString('latin1', 0, 4), 'xkv1')
      const nats = asked[0]!.body['nats'] as { server_id: { xkey?: string } }
      assert.equal(nats.server_id.xkey, serverCurve.publicKey)
    }
    const forged: Answerer = async (asked) =>
      CurvePair.generate().seal(
        Buffer.from(answerJwt(asked, userJwt(asked))),
        serverCurve.publicKey,
      )
    assert.match(
      await reasonOf(forged, {}, { options }),
      /^Error decrypting auth callout response on account "AUTH": /,
    )
  })
})

describe('the answer', () => {
  it('says who the user is and what he may do', async () => {
    const nats = {
      pub: { allow: ['p'] },
      sub: { deny: ['s'] },
      subs: 5,
      payload: 100,
      tags: ['tag'],
    }
    const { verdict } = await login((asked) =>
      answerJwt(asked, userJwt(asked, { aud: 'B', name: 'zoe2', exp: NOW_MS / 1000 + 60, nats })),
    )
    assert.ok(verdict.ok)
    const { identity } = verdict
    assert.equal(identity.account, 'B')
    assert.equal(identity.user, 'zoe2')
    assert.equal(identity.expiresMs, NOW_MS + 60_000)
    assert.equal(identity.maxSubscriptions, 5)
    assert.equal(identity.maxPayload, 100)
    assert.deepEqual(identity.tags, ['tag'])
    assert.deepEqual(identity.permissions?.publish?.allow, ['p'])
    assert.deepEqual(identity.permissions?.subscribe?.deny, ['s'])
  })

  it('leaves the name as presented when it has none', async () => {
    const { verdict } = await login((asked) => answerJwt(asked, userJwt(asked, { name: '' })))
    assert.equal(shown(verdict), 'A/zoe')
  })

  it('puts users into accounts, with their default permissions', async () => {
    const into =
      (aud: string): Answerer =>
      (asked) =>
        answerJwt(asked, userJwt(asked, { aud }))
    const { verdict } = await login(into('DEFAULTS'))
    assert.deepEqual(verdict.ok && verdict.identity.permissions, DEFAULTS)
    assert.equal(
      await reasonOf(into('NONE')),
      'No valid account "NONE" for auth callout response on account "AUTH": account missing',
    )
  })

  it('does not let users of the deciding account ask themselves', async () => {
    const deny = ['$SYS.REQ.USER.AUTH']
    const placed = await login((asked) => answerJwt(asked, userJwt(asked, { aud: 'AUTH' })))
    assert.deepEqual(placed.verdict.ok && placed.verdict.identity.permissions?.publish, { deny })
    const own = await login(admit, { user: 'auth', pass: 'pwd' })
    assert.deepEqual(own.verdict.ok && own.verdict.identity.permissions?.publish, { deny })
    const other = await login(admit)
    assert.equal(other.verdict.ok && other.verdict.identity.permissions, undefined)
  })

  it('is refused for each of the reasons of nats-server', async () => {
    const other = NkeyPair.generate('account')
    const stranger = NkeyPair.generate('user').publicKey
    const [K, O] = [issuerKeys.publicKey, other.publicKey]
    const violation = 'Auth callout violation: '
    const rows: readonly (readonly [Answerer, string | RegExp])[] = [
      [() => '', `${violation}"no reason supplied" on account "AUTH"`],
      [() => undefined, 'Authorization callout response not received in time on account "AUTH"'],
      [
        (asked) => answerJwt(asked, userJwt(asked), { sub: stranger }),
        `${violation}auth callout response is not for expected user`,
      ],
      [
        (asked) => answerJwt(asked, userJwt(asked), { aud: NkeyPair.generate('server').publicKey }),
        `${violation}auth callout response is not for server`,
      ],
      [
        (asked) => answerJwt(asked, '', { nats: { error: 'BAD AUTH' } }),
        'Auth callout service returned an error: BAD AUTH',
      ],
      [
        (asked) => answerJwt(asked, userJwt(asked, { keys: other })),
        `Wrong issuer for auth callout response on account "AUTH", expected "${K}" got "${O}"`,
      ],
      [
        (asked) => answerJwt(asked, userJwt(asked, { nats: { issuer_account: O } })),
        'Error non operator mode account "AUTH": attempted to use issuer_account',
      ],
      [
        (asked) => answerJwt(asked, userJwt(asked, { exp: NOW_MS / 1000 - 1 })),
        'Error validating user JWT: claim is expired',
      ],
      [
        (asked) =>
          answerJwt(asked, userJwt(asked, { nats: { allowed_connection_types: ['WEBSOCKET'] } })),
        'Authorized user on account "AUTH" using invalid connection type',
      ],
      [
        (asked) => {
          // NOW_MS is 22:13:20 UTC.
          const times = [{ start: '01:00:00', end: '02:00:00' }]
          const nats = { times, times_location: 'UTC' }
          return answerJwt(asked, userJwt(asked, { nats }))
        },
        'Authorized user on account "AUTH" outside of valid connect times',
      ],
      [
        (asked) => answerJwt(asked, userJwt(asked, { nats: { proxy_required: true } })),
        'Proxy connection required',
      ],
      [() => 'eyJ.broken', /./],
      [() => 'x'.repeat(2 * 1024 * 1024), /./],
      [(asked) => answerJwt(asked, 'eyJ.broken'), /./],
      [(asked) => answerJwt(asked, answerJwt(asked, '')), /./],
    ]
    for (const [answerer, expected] of rows) {
      const reason = await reasonOf(answerer)
      if (typeof expected === 'string') assert.equal(reason, expected)
      else assert.match(reason, expected)
      assert.doesNotMatch(reason, /undefined/)
    }
    const wrongUser = await reasonOf((asked) => answerJwt(asked, userJwt(asked, { sub: stranger })))
    assert.match(wrongUser, /^Expected authorized user of "U\w+" but got "U\w+" on account "AUTH"$/)
    assert.ok(wrongUser.includes(stranger))
  })

  it('is nobody when the question cannot be asked', async () => {
    const ask = async () => {
      throw new Error('no memory')
    }
    const text = 'Error sending authorization request: no memory'
    assert.equal(await reasonOf(admit, {}, { ask }), text)
    const missing = { ...CALLOUT, account: 'NONE' }
    assert.equal(
      await reasonOf(admit, {}, { options: missing }),
      'No valid account "NONE" for auth callout request: account missing',
    )
    assert.match(
      await reasonOf(admit, {}, { options: { ...CALLOUT, xkey: 'X' } }),
      /^Error encrypting auth request claim on account "AUTH": /,
    )
  })

  it('does not replace the proxy that a user needs', async () => {
    const asked: Asked[] = []
    const callout = createCallout(settings(admit, asked))
    const users = [user('bob', 'x', { proxyRequired: true })]
    const asking = authority({ ...USERS, users }, 'client', { callout })
    const bob = { user: 'bob', pass: 'x' }
    const without = await asking.authenticate(request(bob))
    assert.equal(shown(without), 'proxyRequired')
    const proxySig = proxyKeys.sign(NONCE)
    const through = await asking.authenticate(request({ ...bob, proxySig }))
    assert.ok(through.ok)
    assert.equal(through.identity.proxyKey, proxyKeys.publicKey)
  })
})
