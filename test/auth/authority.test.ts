import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createImplicitUserName } from '../../src/auth/authority-settings.ts'
import type { Verdict } from '../../src/auth/login.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import type { VerifyBcrypt } from '../../src/auth/password.ts'
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
  request,
  settingsOf,
  shown,
  user,
} from './login-support.ts'

const keys = NkeyPair.generate('user')
const otherKeys = NkeyPair.generate('user')
const proxyKeys = NkeyPair.generate('server')
const PROXY = { trustedProxies: [proxyKeys.publicKey] }
const proxySig = proxyKeys.sign(NONCE)
const SIGNED = { nkey: keys.publicKey, sig: keys.sign(NONCE) }

describe('without anybody named', () => {
  it('everybody is let in and shown as what he says he is', async () => {
    const open = authority({})
    assert.equal(open.required, false)
    assert.equal(open.showsRequired, false)
    assert.equal(open.showsNonce, false)
    await check(open, [
      [{}, '$G/'],
      [{ user: 'bob', pass: 'x' }, '$G/bob'],
      [{ nkey: 'U', user: 'bob' }, '$G/U'],
      [{ authToken: 'secret' }, '$G/[REDACTED]'],
      [{ jwt: 'eyJ' }, '$G/'],
    ])
  })
})

describe('a token', () => {
  it('decides alone, plain or bcrypt', async () => {
    for (const token of ['secret', SECRET_HASH]) {
      const tokens = authority({ authorization: { ...OPTIONS.authorization, token } })
      assert.equal(tokens.required, true)
      assert.equal(tokens.showsRequired, true)
      await check(tokens, [
        [{ authToken: 'secret' }, '$G/[REDACTED]'],
        [{ authToken: 'wrong' }, 'authorization'],
        [{ user: 'secret' }, 'authorization'],
        [{}, 'authorization'],
      ])
    }
  })

  it('is taken from the user of a leaf that has no password', async () => {
    const authorization = { ...OPTIONS.authorization, token: 'secret' }
    await check(authority({ authorization }, 'leaf'), [
      [{ user: 'secret' }, '$G/secret'],
      [{ user: 'secret', pass: 'x' }, 'authorization'],
      [{ authToken: 'secret', user: 'secret' }, '$G/secret'],
      [{ user: 'wrong' }, 'authorization'],
    ])
  })
})

describe('a single user', () => {
  it('needs name and password, plain or bcrypt', async () => {
    for (const pass of ['secret', SECRET_HASH]) {
      await check(authority({ authorization: { ...OPTIONS.authorization, user: 'bob', pass } }), [
        [{ user: 'bob', pass: 'secret' }, '$G/bob'],
        [{ user: 'bob', pass: 'wrong' }, 'authorization'],
        [{ user: 'bob' }, 'authorization'],
        [{ user: 'eve', pass: 'secret' }, 'authorization'],
        [{ user: '', pass: 'secret' }, 'authorization'],
        [{}, 'authorization'],
      ])
    }
  })
})

describe('users', () => {
  const users = [
    user('alice', 'a', { account: 'A' }),
    user('bob', SECRET_HASH),
    user('ws', 'w', { connectionTypes: ['WEBSOCKET', 'LEAFNODE'] }),
  ]

  it('are known by name and password, and are in their accounts', async () => {
    await check(authority({ users }), [
      [{ user: 'alice', pass: 'a' }, 'A/alice'],
      [{ user: 'bob', pass: 'secret' }, '$G/bob'],
      [{ user: 'bob', pass: SECRET_HASH }, 'authorization'],
      [{ user: 'alice', pass: 'secret' }, 'authorization'],
      [{ user: 'nobody', pass: 'a' }, 'authorization'],
      [{ authToken: 'a' }, 'authorization'],
      [{}, 'authorization'],
    ])
  })

  it('may connect in the ways that are theirs', async () => {
    await check(authority({ users }), [[{ user: 'ws', pass: 'w' }, 'authorization']])
    await check(authority({ users }, 'websocket'), [
      [{ user: 'ws', pass: 'w', by: 'WEBSOCKET' }, '$G/ws'],
    ])
    await check(authority({ users }, 'leaf'), [
      [{ user: 'ws', pass: 'w', by: 'LEAFNODE' }, '$G/ws'],
      [{ user: 'ws', pass: 'w', by: 'LEAFNODE_WS' }, 'authorization'],
    ])
  })

  it('have the default permissions of their block, and only of that, if they have none', async () => {
    const mine = { publish: { allow: ['mine'] }, subscribe: undefined, responses: undefined }
    const block = { publish: { allow: ['block'] }, subscribe: undefined, responses: undefined }
    const account = { publish: { deny: ['account'] }, subscribe: undefined, responses: undefined }
    const asked = authority({
      users: [
        user('own', 'x', { permissions: mine }),
        user('block', 'x'),
        user('account', 'x', { account: 'A' }),
        user('none', 'x', { account: 'B' }),
      ],
      nkeys: [nkeyUser(keys.publicKey)],
      accounts: [
        { name: 'A', defaultPermissions: account },
        { name: 'B', defaultPermissions: undefined },
      ],
      authorization: { ...OPTIONS.authorization, defaultPermissions: block },
    })
    const permissions = async (presents: Parameters<typeof request>[0]) => {
      const verdict = await asked.authenticate(request(presents))
      return verdict.ok ? verdict.identity.permissions : 'refused'
    }
    assert.deepEqual(await permissions({ user: 'own', pass: 'x' }), mine)
    assert.deepEqual(await permissions({ user: 'block', pass: 'x' }), block)
    assert.deepEqual(await permissions({ user: 'account', pass: 'x' }), account)
    assert.equal(await permissions({ user: 'none', pass: 'x' }), undefined)
    assert.deepEqual(await permissions(SIGNED), block)
  })

  it('who may reply may publish nothing else', async () => {
    const responses = { max: 1, expiresMs: 120_000 }
    const asked = authority({
      users: [
        user('bob', 'x', { permissions: { publish: undefined, subscribe: undefined, responses } }),
      ],
    })
    const verdict = await asked.authenticate(request({ user: 'bob', pass: 'x' }))
    assert.ok(verdict.ok)
    assert.deepEqual(verdict.identity.permissions?.publish, { allow: [] })
  })

  it('do not show by the time of the answer whether they exist', async () => {
    const compared: (readonly [string, string])[] = []
    const verifyBcrypt: VerifyBcrypt = async (password, hash) => {
      compared.push([password, hash])
      return false
    }
    const asked = authority({ users }, 'client', { verifyBcrypt })
    await check(asked, [[{ user: 'nobody', pass: 'guess' }, 'authorization']])
    assert.deepEqual(compared, [['guess', SECRET_HASH]])
  })
})

describe('nkeys', () => {
  const nkeys = [nkeyUser(keys.publicKey, { account: 'A' })]

  it('sign the nonce of INFO', async () => {
    const asked = authority({ nkeys })
    assert.equal(asked.showsNonce, true)
    const padded = Buffer.from(keys.sign(NONCE), 'base64url').toString('base64')
    const { publicKey } = keys
    await check(asked, [
      [SIGNED, `A/${publicKey}`],
      [{ nkey: publicKey, sig: padded }, `A/${publicKey}`],
      [{ nkey: publicKey }, 'authorization'],
      [{ nkey: publicKey, sig: keys.sign('another') }, 'authorization'],
      [{ nkey: publicKey, sig: otherKeys.sign(NONCE) }, 'authorization'],
      [{ nkey: publicKey, sig: '!' }, 'authorization'],
      [{ nkey: otherKeys.publicKey, sig: otherKeys.sign(NONCE) }, 'authorization'],
      [{ ...SIGNED, nonce: '' }, 'authorization'],
      [{ nkey: publicKey, sig: keys.sign(''), nonce: '' }, 'authorization'],
      [{}, 'authorization'],
    ])
  })

  it('say at level debug what is wrong', async () => {
    const reasonOf = async (sig: string) => {
      const verdict = await authority({ nkeys }).authenticate(request({ ...SIGNED, sig }))
      return verdict.ok ? '' : verdict.reason
    }
    assert.equal(await reasonOf(''), 'Signature missing')
    assert.equal(await reasonOf('*'), 'Signature not valid base64')
    assert.equal(await reasonOf('abcd'), 'Signature not verified')
    assert.equal(await reasonOf(otherKeys.sign(NONCE)), 'Signature not verified')
  })

  it('and users go together; a key that is presented decides', async () => {
    await check(authority({ nkeys, users: [user('bob', 'x')] }), [
      [SIGNED, `A/${keys.publicKey}`],
      [{ user: 'bob', pass: 'x' }, '$G/bob'],
      [{ ...SIGNED, sig: '', user: 'bob', pass: 'x' }, 'authorization'],
    ])
  })

  it('without any, a key that is presented means nothing', async () => {
    await check(authority({ users: [user('bob', 'x')] }), [
      [{ nkey: 'U', user: 'bob', pass: 'x' }, '$G/U'],
    ])
  })

  it('may connect in the ways that are theirs', async () => {
    const wsOnly = [nkeyUser(keys.publicKey, { connectionTypes: ['WEBSOCKET'] })]
    await check(authority({ nkeys: wsOnly }), [[SIGNED, 'authorization']])
    await check(authority({ nkeys: wsOnly }, 'websocket'), [
      [{ ...SIGNED, by: 'WEBSOCKET' }, `$G/${keys.publicKey}`],
    ])
  })
})

describe('no_auth_user', () => {
  const users = [user('guest', 'secret', { account: 'A' }), user('bob', 'x')]

  it('is who presents nothing', async () => {
    const asked = authority({ users, noAuthUser: 'guest' })
    assert.equal(asked.required, true)
    assert.equal(asked.showsRequired, false)
    await check(asked, [
      [{}, 'A/guest'],
      [{ nkey: 'U' }, 'A/U'],
      [{ user: 'bob', pass: 'x' }, '$G/bob'],
      [{ user: 'guest' }, 'authorization'],
      [{ pass: 'x' }, 'authorization'],
      [{ authToken: 'x' }, 'authorization'],
    ])
    assert.equal(shown(await asked.authenticateSilent(request({ user: 'bob' }))), 'A/guest')
  })

  it('may be a key, which then signs nothing', async () => {
    const nkeys = [nkeyUser(keys.publicKey, { account: 'K' })]
    const asked = authority({ nkeys, users, noAuthUser: keys.publicKey })
    await check(asked, [
      [{}, `K/${keys.publicKey}`],
      [{ nkey: keys.publicKey }, `K/${keys.publicKey}`],
      [{ user: 'bob', pass: 'x' }, '$G/bob'],
    ])
    assert.equal(shown(await asked.authenticateSilent(request())), 'authorization')
  })

  it('is nobody when it has a bcrypt password', async () => {
    const asked = authority({ users: [user('guest', SECRET_HASH)], noAuthUser: 'guest' })
    await check(asked, [
      [{}, 'authorization'],
      [{ user: 'guest', pass: 'secret' }, '$G/guest'],
    ])
  })

  it('does not come by ways that are not its own, or without the proxy it needs', async () => {
    for (const more of [{ connectionTypes: ['WEBSOCKET'] as const }, { proxyRequired: true }]) {
      const asked = authority({ users: [user('guest', 'x', more)], noAuthUser: 'guest' })
      assert.notEqual(await outcome(asked), '$G/guest')
      assert.equal(shown(await asked.authenticateSilent(request())), 'authorization')
    }
  })

  it('without it, a first command that is no CONNECT is refused', async () => {
    const verdict = await authority({ users }).authenticateSilent(request())
    assert.ok(!verdict.ok)
    assert.equal(verdict.log, 'authentication error')
  })

  it('of the websocket block is for WebSocket clients and leafs', async () => {
    const websocket = { ...OPTIONS.websocket, noAuthUser: 'guest' }
    await check(authority({ users, websocket }, 'websocket'), [
      [{ by: 'WEBSOCKET' }, 'A/guest'],
      [{ user: 'bob', pass: 'x', by: 'WEBSOCKET' }, '$G/bob'],
    ])
    await check(authority({ users, websocket }), [[{}, 'authorization']])
    await check(authority({ users, websocket }, 'leaf'), [
      [{ by: 'LEAFNODE_WS' }, 'A/guest'],
      [{ by: 'LEAFNODE' }, 'authorization'],
    ])
    const asked = authority({ users, websocket }, 'websocket')
    assert.equal(asked.showsRequired, true)
    assert.equal(shown(await asked.authenticateSilent(request({ by: 'WEBSOCKET' }))), 'A/guest')
  })
})

describe('the websocket block', () => {
  const own = (single: Partial<(typeof OPTIONS)['authorization']>) => ({
    ...OPTIONS.websocket,
    authorization: { user: '', pass: '', token: '', ...single },
  })

  it('with a user or token of its own takes no other', async () => {
    const authorization = { ...OPTIONS.authorization, user: 'bob', pass: 'x' }
    const withUser = { authorization, websocket: own({ user: 'web', pass: 'w' }) }
    await check(authority(withUser, 'websocket'), [
      [{ user: 'web', pass: 'w', by: 'WEBSOCKET' }, '$G/web'],
      [{ user: 'bob', pass: 'x', by: 'WEBSOCKET' }, 'authorization'],
    ])
    const withToken = { authorization, websocket: own({ token: 't' }) }
    await check(authority(withToken, 'websocket'), [
      [{ authToken: 't', by: 'WEBSOCKET' }, '$G/[REDACTED]'],
      [{ user: 'bob', pass: 'x', by: 'WEBSOCKET' }, 'authorization'],
    ])
  })

  it('without takes those of the server', async () => {
    const authorization = { ...OPTIONS.authorization, user: 'bob', pass: 'x' }
    await check(authority({ authorization }, 'websocket'), [
      [{ user: 'bob', pass: 'x', by: 'WEBSOCKET' }, '$G/bob'],
    ])
  })

  it('may ask where the server does not', async () => {
    const websocket = own({ user: 'web', pass: 'w' })
    assert.equal(authority({ websocket }, 'websocket').showsRequired, true)
    assert.equal(authority({ websocket }).required, false)
  })
})

describe('trusted proxies', () => {
  const users = [user('bob', 'x', { proxyRequired: true }), user('eve', 'x')]
  const bob = { user: 'bob', pass: 'x' }
  const eve = { user: 'eve', pass: 'x' }

  it('are known by their signature of the nonce', async () => {
    const asked = authority({ users, ...PROXY })
    assert.equal(asked.showsNonce, true)
    await check(asked, [
      [{ ...bob, proxySig }, '$G/bob'],
      [{ ...eve, proxySig }, '$G/eve'],
      [bob, 'proxyRequired'],
      [eve, '$G/eve'],
      [{ ...eve, proxySig: otherKeys.sign(NONCE) }, 'proxyNotTrusted'],
      [{ ...eve, proxySig: '!' }, 'proxyNotTrusted'],
      [
        { ...eve, proxySig: Buffer.from(proxySig, 'base64url').toString('base64') },
        'proxyNotTrusted',
      ],
    ])
    const verdict = await asked.authenticate(request({ ...eve, proxySig }))
    assert.equal(verdict.ok && verdict.identity.proxyKey, proxyKeys.publicKey)
  })

  it('without any, signatures mean nothing', async () => {
    await check(authority({ users }), [
      [{ ...eve, proxySig: 'x' }, '$G/eve'],
      [{ ...bob, proxySig }, 'proxyRequired'],
    ])
  })

  it('are checked even where everybody is let in', async () => {
    await check(authority(PROXY), [
      [{ proxySig: '!' }, 'proxyNotTrusted'],
      [{ proxySig }, '$G/'],
    ])
  })

  it('are needed for a single user, a token and a key that say so', async () => {
    const authorization = { ...OPTIONS.authorization, proxyRequired: true }
    for (const single of [{ token: 't' }, { user: 'bob', pass: 'x' }]) {
      const asked = authority({ authorization: { ...authorization, ...single }, ...PROXY })
      await check(asked, [
        [{ ...bob, authToken: 't' }, 'proxyRequired'],
        [{ ...bob, authToken: 't', proxySig }, '$G/bob'],
      ])
    }
    const nkeys = [nkeyUser(keys.publicKey, { proxyRequired: true })]
    await check(authority({ nkeys, ...PROXY }), [
      [SIGNED, 'proxyRequired'],
      [{ ...SIGNED, proxySig }, `$G/${keys.publicKey}`],
    ])
  })

  it('have reasons in the words of nats-server', async () => {
    const reasonOf = (verdict: Verdict) => (verdict.ok ? '' : verdict.reason)
    const asked = authority({ users, ...PROXY })
    const refused = await asked.authenticate(request({ ...eve, proxySig: '!' }))
    assert.equal(reasonOf(refused), 'proxy is not trusted')
    assert.deepEqual(refused.notices?.at(-1)?.text, 'Proxy signature not valid base64')
    assert.equal(reasonOf(await asked.authenticate(request(bob))), 'proxy connection required')
  })
})

describe('certificates', () => {
  const users = [
    user('bob@example.com', '', { account: 'A' }),
    user('dns.example.com', '', { connectionTypes: ['WEBSOCKET'] }),
    user('spiffe://example.com/bob', ''),
    user('CN=bob,OU=a\\, b,O=Org', ''),
    user('withpassword', 'x'),
  ]
  const mapped = { users, tls: MAPPED }

  it('lead to the first user of their names who may connect this way', async () => {
    const by = (...names: string[]) => ({ tls: certificate(names) })
    await check(authority(mapped), [
      [by('bob@example.com'), 'A/bob@example.com'],
      [by('eve@example.com', 'bob@example.com'), 'A/bob@example.com'],
      [by('dns.example.com', 'spiffe://example.com/bob'), '$G/spiffe://example.com/bob'],
      [by('dns.example.com'), 'authorization'],
      [by('nobody'), 'authorization'],
      [by(), 'authorization'],
      [{ user: 'withpassword', pass: 'x' }, 'authorization'],
      [{ ...by('withpassword'), pass: 'x' }, '$G/withpassword'],
      [by('withpassword'), 'authorization'],
    ])
  })

  it('lead to the user whose name is their subject, in the same order or in another', async () => {
    const part = (type: string, value: string) => [{ type, value }]
    const cn = part('2.5.4.3', 'bob')
    const ou = part('2.5.4.11', 'a, b')
    const o = part('2.5.4.10', 'Org')
    const by = (...subject: (typeof cn)[]) => ({
      tls: certificate(['as text'], { alternativeNames: 0, subject }),
    })
    await check(authority(mapped), [
      [by(o, ou, cn), '$G/CN=bob,OU=a\\, b,O=Org'],
      [by(cn, o, ou), '$G/CN=bob,OU=a\\, b,O=Org'],
      [by(cn, o), 'authorization'],
      [by(cn, o, ou, part('1.2.3', 'x')), 'authorization'],
      [by(), 'authorization'],
    ])
  })

  it('warn of names in CONNECT, which do not count', async () => {
    const tls = certificate(['bob@example.com'])
    const verdict = await authority(mapped).authenticate(request({ user: 'eve', tls }))
    assert.equal(shown(verdict), 'A/bob@example.com')
    assert.deepEqual(verdict.notices, [
      { level: 'debug', text: 'Using email found in cert for auth ["bob@example.com"]' },
      {
        level: 'warn',
        ofServer: true,
        text: 'User "eve" found in connect proto, but user required from cert',
      },
    ])
  })

  it('are needed for users without a password that a certificate may lead to', async () => {
    const options = { users, websocket: { ...OPTIONS.websocket, tls: MAPPED } }
    const verdict = await authority(options).authenticate(request({ user: 'dns.example.com' }))
    assert.equal(shown(verdict), 'authorization')
    const asked = authority(options, 'client')
    const refused = await asked.authenticate(request({ user: 'bob@example.com' }))
    assert.equal(
      refused.ok ? '' : refused.reason,
      'User "bob@example.com" requires a client certificate',
    )
    // Where no certificate can lead to anybody, two empty passwords are equal.
    assert.equal(
      await outcome(authority({ users }), { user: 'bob@example.com' }),
      'A/bob@example.com',
    )
  })
})

describe('only the system account has users', () => {
  const options = {
    users: [user('admin', 'x', { account: '$SYS' })],
    accounts: [{ name: '$SYS', defaultPermissions: undefined }],
  }

  it('everybody else is a user made for it', async () => {
    const name = createImplicitUserName()
    assert.match(name, /^nats-[0-9A-Za-z]{8}$/)
    assert.notEqual(name, createImplicitUserName())
    const asked = authority(options, 'client', {}, name)
    assert.equal(asked.showsRequired, true)
    await check(asked, [
      [{}, `$G/${name}`],
      [{ user: name, pass: name.slice(6) }, `$G/${name}`],
      [{ user: name, pass: name }, 'authorization'],
      [{ user: 'admin', pass: 'x' }, '$SYS/admin'],
      [{ user: 'bob', pass: 'x' }, 'authorization'],
    ])
    assert.equal(shown(await asked.authenticateSilent(request())), `$G/${name}`)
  })
})

describe('operator mode', () => {
  it('asks who has the JWT, with the proxy that it came through', async () => {
    const login = (_request: unknown, proxyKey: string) => {
      const verdict: Verdict = { ok: false, why: 'authorization', reason: `proxy ${proxyKey}` }
      return { verdict }
    }
    const asked = authority({ operator: {}, ...PROXY }, 'client', { jwt: { login } })
    assert.equal(asked.required, true)
    assert.equal(asked.showsNonce, true)
    const verdict = await asked.authenticate(request({ jwt: 'eyJ', proxySig }))
    assert.equal(verdict.ok ? '' : verdict.reason, `proxy ${proxyKeys.publicKey}`)
    assert.equal(verdict.ok ? '' : verdict.log, 'authentication error')
    await check(asked, [[{ jwt: 'eyJ', proxySig: '!' }, 'proxyNotTrusted']])
  })

  it('refuses when an error comes of it', async () => {
    for (const login of [
      () => {
        throw new Error('broken')
      },
      async () => {
        throw new Error('broken')
      },
    ]) {
      const verdict = await authority({ operator: {} }, 'client', { jwt: { login } }).authenticate(
        request({ jwt: 'eyJ' }),
      )
      assert.equal(shown(verdict), 'authorization')
      assert.deepEqual(verdict.notices, [{ level: 'error', text: 'Login failed: broken' }])
    }
  })
})

describe('settings', () => {
  it('are plain data', () => {
    const settings = settingsOf({ users: [user('bob', 'x')], ...PROXY }, 'nats-12345678')
    assert.deepEqual(structuredClone(settings), settings)
  })
})
