import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { decodeAccountClaims, decodeOperatorClaims } from '../../../src/auth/jwt/decode.ts'
import { JwtAuthority } from '../../../src/auth/jwt/jwt-login.ts'
import type { Verdict } from '../../../src/auth/login.ts'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import { program, skipReason } from '../../support/peers.ts'
import { RawClient } from '../../support/raw-client.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { ACCOUNT_LIMITS, mint } from './mint.ts'

const SERVER = program('nats-server')

const operator = NkeyPair.generate('operator')
const operatorKey = NkeyPair.generate('operator')
const system = NkeyPair.generate('account')
const plain = NkeyPair.generate('account')
const strict = NkeyPair.generate('account')
const signer = NkeyPair.generate('account')
const scoped = NkeyPair.generate('account')
const other = NkeyPair.generate('account')
const alice = NkeyPair.generate('user')
const revoked = NkeyPair.generate('user')

const nowS = Math.floor(Date.now() / 1000)
const NO_LIMITS = { subs: -1, data: -1, payload: -1 }
const DAY_S = 24 * 60 * 60

function mintAccount(pair: NkeyPair, nats: object = {}, issuer = operatorKey): string {
  const claims = { limits: ACCOUNT_LIMITS, ...nats, type: 'account', version: 2 }
  return mint(issuer, { iat: nowS, sub: pair.publicKey, name: 'ACC', nats: claims })
}

const ROLE = {
  kind: 'user_scope',
  key: scoped.publicKey,
  role: 'r',
  template: {
    ...NO_LIMITS,
    pub: { allow: ['a.{{name()}}.{{tag(t)}}'], deny: ['b.{{tag(t)}}'] },
    allowed_connection_types: ['standard'],
  },
}

/** Roles whose users ask the server what they may do. */
const TEMPLATES: readonly (readonly string[])[] = [
  ['{{name()}}.{{subject()}}', '{{account-name()}}.{{account-subject()}}'],
  ['x.{{tag(t)}}.{{tag(u)}}.>', '{{ Tag(t) }}', '{{TAG(t)}}', '{{tag(T)}}'],
  ['{{tag(none)}}', 'y.{{account-tag(r)}}', '{{account-tag(t)}}'],
  ['{{tag(t)}}.{{tag(t)}}', 'plain', '{{name}', 'a{{name()}}{{tag(t)}}b'],
  ['{{tag(bad)}}', '{{tag(dots)}}', '*.{{tag(t)}}.>'],
]
const TAGS = ['t:1', 't:2', 'u:a', 'u:b', 'bad:a b', 'dots:a..b', 'dots:a.b']
const roles = TEMPLATES.map((list) => ({ list, key: NkeyPair.generate('account') }))
const ROLES = roles.map(({ list, key }) => ({
  kind: 'user_scope',
  key: key.publicKey,
  role: 'r',
  template: {
    ...NO_LIMITS,
    pub: { allow: ['$SYS.REQ.USER.INFO', ...list], deny: ['d.{{tag(t)}}'] },
    sub: { allow: ['_INBOX.>', ...list] },
  },
}))

const OPERATOR_JWT = mint(operator, {
  sub: operator.publicKey,
  nats: { type: 'operator', version: 2, signing_keys: [operatorKey.publicKey] },
})
const ACCOUNTS = new Map([
  [system.publicKey, mintAccount(system)],
  [
    plain.publicKey,
    mintAccount(plain, {
      signing_keys: [signer.publicKey, ROLE, ...ROLES],
      tags: ['r:x', 'r:y'],
      revocations: { [revoked.publicKey]: nowS - 50 },
    }),
  ],
  [
    strict.publicKey,
    mintAccount(strict, {
      limits: { ...ACCOUNT_LIMITS, disallow_bearer: true },
      revocations: { '*': nowS - 50 },
    }),
  ],
])

const CONFIG = `
  operator: ${OPERATOR_JWT}
  system_account: ${system.publicKey}
  resolver: MEMORY
  resolver_preload: { ${[...ACCOUNTS].map(([key, jwt]) => `${key}: ${jwt}`).join('\n')} }
`

interface Case {
  readonly jwt: string
  /** Who signs the nonce; null: nobody. */
  readonly keys?: NkeyPair | null
  readonly nonce?: string
}

function mintUser(nats: object = {}, draft: object = {}, issuer = plain): string {
  const claims = { ...NO_LIMITS, ...nats, type: 'user', version: 2 }
  return mint(issuer, { iat: nowS, sub: alice.publicKey, name: 'alice', ...draft, nats: claims })
}

function mintByKey(issuer: NkeyPair, nats: object, tags: readonly string[] = []): string {
  const issuerAccount = { issuer_account: plain.publicKey }
  const claims = { ...nats, ...issuerAccount, tags, type: 'user', version: 2 }
  return mint(issuer, { iat: nowS, sub: alice.publicKey, name: 'alice', nats: claims })
}

/** Clocks of both sides must not decide: times are far from now. */
const hourFromNow = (hours: number) =>
  new Date((nowS + hours * 3600) * 1000).toISOString().slice(11, 19)
const during = (from: number, to: number) => ({
  times: [{ start: hourFromNow(from), end: hourFromNow(to) }],
  times_location: 'UTC',
})

const CASES: Readonly<Record<string, Case>> = {
  'a plain user': { jwt: mintUser() },
  'no JWT': { jwt: '' },
  'no JWT at all': { jwt: 'nonsense' },
  'an account for a user': { jwt: mintAccount(plain) },
  'no signature': { jwt: mintUser(), keys: null },
  'the signature of another user': { jwt: mintUser(), keys: revoked },
  'the signature of another nonce': { jwt: mintUser(), nonce: 'other' },
  'a bearer without signature': { jwt: mintUser({ bearer_token: true }), keys: null },
  'a bearer where that is not allowed': {
    jwt: mintUser({ bearer_token: true }, {}, strict),
    keys: null,
  },
  expired: { jwt: mintUser({}, { exp: nowS - DAY_S }) },
  'not yet expired': { jwt: mintUser({}, { exp: nowS + DAY_S }) },
  'not yet valid': { jwt: mintUser({}, { nbf: nowS + DAY_S }) },
  'of an account nobody knows': { jwt: mintUser({}, {}, other) },
  'by a signing key': { jwt: mintByKey(signer, NO_LIMITS) },
  'by a signing key, empty': { jwt: mintByKey(signer, {}) },
  'by a key that is none': { jwt: mintByKey(other, NO_LIMITS) },
  'by a role': { jwt: mintByKey(scoped, {}, ['t:1']) },
  'by a role without the tag that it denies': { jwt: mintByKey(scoped, {}) },
  'by a role, with limits': { jwt: mintByKey(scoped, { subs: 5 }, ['t:1']) },
  revoked: { jwt: mintUser({}, { sub: revoked.publicKey, iat: nowS - 50 }), keys: revoked },
  'issued after the revocation': {
    jwt: mintUser({}, { sub: revoked.publicKey, iat: nowS - 49 }),
    keys: revoked,
  },
  'revoked with everybody': { jwt: mintUser({}, { iat: nowS - 50 }, strict) },
  'from where it may come': { jwt: mintUser({ src: ['10.0.0.0/8', '127.0.0.0/8'] }) },
  'from elsewhere': { jwt: mintUser({ src: ['10.0.0.0/8'] }) },
  'networks as text': { jwt: mintUser({ src: '10.0.0.0/8,127.0.0.1/32' }) },
  'a network that is none': { jwt: mintUser({ src: ['127.0.0.1'] }) },
  'at the right time': { jwt: mintUser(during(-6, 6)) },
  'at the wrong time': { jwt: mintUser(during(6, 12)) },
  'over midnight or not': { jwt: mintUser(during(12, 6)) },
  'in a zone that is none': { jwt: mintUser({ ...during(-6, 6), times_location: 'Mars/X' }) },
  'as a standard connection': { jwt: mintUser({ allowed_connection_types: ['standard'] }) },
  'as a leaf node': { jwt: mintUser({ allowed_connection_types: ['LEAFNODE'] }) },
  'as nothing known': { jwt: mintUser({ allowed_connection_types: ['X'] }) },
  'as that and something unknown': {
    jwt: mintUser({ allowed_connection_types: ['X', 'STANDARD'] }),
  },
  'with a queue in publish': { jwt: mintUser({ pub: { allow: ['a q'] } }) },
  'with a queue in subscribe': { jwt: mintUser({ sub: { allow: ['a q'] } }) },
  'through a proxy only': { jwt: mintUser({ proxy_required: true }) },
  'a subject that is no key': { jwt: mintUser({}, { sub: 'UX' }) },
  'a subject that is no key, as a bearer': {
    jwt: mintUser({ bearer_token: true }, { sub: 'UX' }),
    keys: null,
  },
}

function authority(): JwtAuthority {
  const decoded = decodeOperatorClaims(OPERATOR_JWT)
  assert.ok(decoded.ok)
  const claims = new Map(
    [...ACCOUNTS].map(([key, jwt]) => {
      const account = decodeAccountClaims(jwt)
      assert.ok(account.ok)
      return [key, account.claims]
    }),
  )
  return new JwtAuthority({
    operators: [decoded.claims],
    trustedKeys: [],
    pinnedAccounts: [],
    systemAccount: system.publicKey,
    defaultSentinel: '',
    accounts: { lookup: (key) => claims.get(key) },
    nowMs: Date.now,
  })
}

/** Whether we let it in. */
function ourAnswer(one: Case): boolean {
  return ourVerdict(one).ok
}

function ourVerdict({ jwt, keys = alice, nonce = 'nonce' }: Case): Verdict {
  const nothing = { user: '', pass: '', authToken: '', nkey: '', proxySig: '', name: '' }
  const sig = keys === null ? '' : keys.sign(nonce)
  const verdict = authority().authenticate(
    {
      cid: 1,
      connectionType: 'STANDARD',
      host: '127.0.0.1',
      nonce: 'nonce',
      connect: { ...nothing, lang: '', version: '', protocol: 1, jwt, sig },
      tls: undefined,
    },
    '',
  )
  assert.ok(!(verdict instanceof Promise))
  return verdict
}

/** What a user may do, as nats-server tells him when he asks. */
async function theirPermissions(server: ServerProcess, jwt: string): Promise<unknown> {
  await using client = await RawClient.connect(server.port)
  const hello = (await client.readUntil('\r\n')).toString('latin1')
  const { nonce } = JSON.parse(hello.slice('INFO '.length))
  const options = { jwt, sig: alice.sign(nonce), verbose: false, protocol: 1, headers: true }
  await client.send(
    `CONNECT ${JSON.stringify(options)}\r\nSUB _INBOX.x 1\r\n` +
      'PUB $SYS.REQ.USER.INFO _INBOX.x 0\r\n\r\n',
  )
  const answer = (await client.readUntil('}}\r\n')).toString('latin1')
  const { data } = JSON.parse(answer.slice(answer.indexOf('{"server"'), answer.lastIndexOf('\r\n')))
  return data.permissions
}

/** Whether nats-server lets it in. */
async function theirAnswer(
  server: ServerProcess,
  { jwt, keys = alice, nonce }: Case,
): Promise<boolean> {
  await using client = await RawClient.connect(server.port)
  const hello = (await client.readUntil('\r\n')).toString('latin1')
  const info = JSON.parse(hello.slice('INFO '.length))
  const sig = keys === null ? '' : keys.sign(nonce ?? info.nonce)
  await client.send(
    `CONNECT ${JSON.stringify({ jwt, sig, verbose: false, protocol: 1 })}\r\nPING\r\n`,
  )
  const answers = ['PONG\r\n', "-ERR 'Authorization Violation'\r\n"]
  const found = () => answers.find((answer) => client.received.includes(answer, 0, 'latin1'))
  await client.waitFor('an answer to PING', () => found() !== undefined)
  return found() === answers[0]
}

/** The order of the subjects of a list has no meaning. */
function sorted(permissions: unknown): unknown {
  const isList = (value: unknown) => Array.isArray(value)
  return JSON.parse(
    JSON.stringify(permissions, (_, value) => (isList(value) ? value.toSorted() : value)),
  )
}

describe('nats-server and we give the same answer to', { skip: skipReason(SERVER) }, () => {
  let server: ServerProcess
  before(async () => {
    server = await startServer(SERVER, { config: CONFIG })
  })
  after(() => server.stop())

  for (const [name, one] of Object.entries(CASES)) {
    it(name, async () => {
      assert.equal(ourAnswer(one), await theirAnswer(server, one))
    })
  }

  for (const { list, key } of roles) {
    it(`what the templates ${list.join(' ')} permit`, async () => {
      const jwt = mintByKey(key, {}, TAGS)
      const verdict = ourVerdict({ jwt })
      assert.ok(verdict.ok)
      const { publish, subscribe } = verdict.identity.permissions ?? {}
      const ours = JSON.parse(JSON.stringify({ publish, subscribe }))
      assert.deepEqual(sorted(ours), sorted(await theirPermissions(server, jwt)))
    })
  }

  it('both some and not others', () => {
    const answers = Object.values(CASES).map(ourAnswer)
    assert.ok(answers.filter((isIn) => isIn).length > 8)
    assert.ok(answers.filter((isIn) => !isIn).length > 12)
  })
})
