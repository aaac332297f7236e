import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OperatorOptions, ResolverOptions } from '../../src/config/account-types.ts'
import { ConfigFaults } from '../../src/config/config-faults.ts'
import { parseConfigText } from '../../src/config/config-parser.ts'
import { isOperatorMode, trustedOperators } from '../../src/config/operator-checks.ts'
import { operatorDefaults } from '../../src/config/operator-defaults.ts'
import { completeOptions } from '../../src/config/option-checks.ts'
import { readOptions } from '../../src/config/option-readers.ts'
import type { Options } from '../../src/config/option-types.ts'
import { optionsFromObject } from '../../src/config/options.ts'
import { needsImplicitUser } from '../../src/config/system-account.ts'
import { encodePublicNkey } from '../../src/protocol/nkey-encoding.ts'
import { decorated, signedJwt, signer } from './signed-jwt.ts'
import { TemporaryFiles } from './temporary-files.ts'

const files = new TemporaryFiles()
const operator = signer('operator', 1)
const account = signer('account', 2)
const user = signer('user', 3)
const other = encodePublicNkey('account', new Uint8Array(32).fill(9))
const proxy = encodePublicNkey('server', new Uint8Array(32).fill(7))

const operatorJwt = (nats: object = {}) =>
  signedJwt(operator, operator.publicKey, { type: 'operator', ...nats })
const PLAIN = operatorJwt()
const SYSTEM = operatorJwt({ system_account: account.publicKey })
const ACCOUNT = signedJwt(operator, account.publicKey, { type: 'account' })
const MEMORY = `resolver: MEMORY, resolver_preload { ${account.publicKey}: "${ACCOUNT}" }`

interface Reading {
  readonly options: Options
  readonly errors: readonly string[]
}

function read(text: string): Reading {
  const faults = new ConfigFaults()
  const options = readOptions(parseConfigText(text, {}), faults)
  return { options, errors: [...faults.errors, ...faults.warnings] }
}

/** The text must be free of faults. */
function options(text: string): Options {
  const { options: result, errors } = read(text)
  assert.deepEqual(errors, [], text)
  return result
}

function complete(text: string): Options {
  const result = completeOptions(options(text))
  assert.ok('options' in result, 'error' in result ? result.error : '')
  return result.options
}

function refusal(text: string): string {
  const result = completeOptions(options(text))
  assert.ok('error' in result, text)
  return result.error
}

function operatorParts(text: string): Partial<OperatorOptions> {
  const { operator: parts } = options(text)
  assert.ok(parts !== undefined)
  const defaults = operatorDefaults()
  const isSet = ([key, value]: [string, unknown]) =>
    JSON.stringify(value) !== JSON.stringify(defaults[key as keyof OperatorOptions])
  return Object.fromEntries(Object.entries(parts).filter(isSet))
}

function resolver(text: string): ResolverOptions | undefined {
  return operatorParts(`resolver: ${text}`).resolver
}

const decoratedFile = files.write(decorated('OPERATOR', PLAIN), 'decorated.jwt')
const plainFile = files.write(`${PLAIN}\n`, 'plain.jwt')
const directory = join(files.folder, 'accounts')

test('takes operators from texts, from plain files and from decorated ones', () => {
  for (const key of ['operator', 'operators', 'root', 'roots', 'root_operator', 'ROOT_operators']) {
    for (const value of [PLAIN, decoratedFile, plainFile]) {
      assert.deepEqual(operatorParts(`${key}: "${value}"`), { jwts: [PLAIN] })
    }
  }
  const two = operatorParts(`operators: [ "${SYSTEM}", "${plainFile}" ]`)
  assert.deepEqual(two, { jwts: [SYSTEM, PLAIN] })
})

test('several keys make up the one option, in any order', () => {
  const lines = [
    `operator: "${PLAIN}"`,
    'resolver: MEMORY',
    `resolver_preload { ${account.publicKey}: "${ACCOUNT}" }`,
    `resolver_pinned_accounts: [ ${other}, ${other} ]`,
    'default_sentinel: s',
    'resolver_tls { timeout: 5 }',
  ]
  for (const text of [lines, lines.toReversed()]) {
    const { resolverTls, ...parts } = operatorParts(text.join('\n'))
    assert.equal(resolverTls?.timeoutMs, 5_000)
    assert.deepEqual(parts, {
      jwts: [PLAIN],
      resolver: { kind: 'memory' },
      preload: { [account.publicKey]: ACCOUNT },
      pinnedAccounts: [other],
      defaultSentinel: 's',
    })
  }
})

test('trusted keys are one text or an array', () => {
  for (const text of [operator.publicKey, `[ ${operator.publicKey} ]`]) {
    for (const key of ['trusted', 'trusted_keys']) {
      const parts = operatorParts(`${key}: ${text}`)
      assert.deepEqual(parts, { trustedKeys: [operator.publicKey] })
    }
  }
})

test('reads resolvers of all kinds, with their defaults', () => {
  for (const text of ['MEM', 'memory', '{ type: mem }', '{ type: MEMORY, ttl: "1s" }']) {
    assert.deepEqual(resolver(text), { kind: 'memory' })
  }
  const url = 'http://127.0.0.1:1/jwt/v1/accounts/'
  for (const text of [`URL(${url})`, `URL("${url}")`, `"url( ${url} )"`]) {
    assert.deepEqual(resolver(text), { kind: 'url', url })
  }
  assert.deepEqual(resolver(`{ type: full, dir: "${directory}" }`), {
    kind: 'full',
    directory,
    limit: 0,
    allowDelete: false,
    hardDelete: false,
    intervalMs: 60_000,
    timeoutMs: 1_900,
  })
  const full = 'limit: 5, allow_delete: true, hard_delete: true, interval: "5s", timeout: "1s"'
  assert.deepEqual(resolver(`{ type: FULL, dir: "${directory}", ${full} }`), {
    kind: 'full',
    directory,
    limit: 5,
    allowDelete: true,
    hardDelete: true,
    intervalMs: 5_000,
    timeoutMs: 1_000,
  })
  assert.deepEqual(resolver(`{ type: cache, dir: "${directory}" }`), {
    kind: 'cache',
    directory,
    limit: 1_000,
    ttlMs: 0,
    timeoutMs: 1_900,
  })
  const cache = 'limit: -1, ttl: "1h", timeout: "1s"'
  assert.deepEqual(resolver(`{ type: Cache, dir: "${directory}", ${cache} }`), {
    kind: 'cache',
    directory,
    limit: 1_000,
    ttlMs: 3_600_000,
    timeoutMs: 1_000,
  })
})

test('makes the directory of a resolver', () => {
  const deep = join(files.folder, 'a', 'b', 'c')
  options(`resolver { type: full, dir: "${deep}" }`)
  assert.ok(existsSync(deep))
})

test('a lone operator says where accounts are and which is the system account', () => {
  const jwt = operatorJwt({
    account_server_url: ' http://h:1/jwt/v1 ',
    system_account: account.publicKey,
  })
  const { operator: parts, systemAccount } = complete(`operator: "${jwt}"`)
  assert.deepEqual(parts?.resolver, { kind: 'url', url: 'http://h:1/jwt/v1/accounts' })
  assert.equal(systemAccount, account.publicKey)
  assert.deepEqual(complete(`operator: "${jwt}", ${MEMORY}`).operator?.resolver, { kind: 'memory' })
})

test('two operators say neither', () => {
  const two = `operators: [ "${SYSTEM}", "${PLAIN}" ]`
  assert.equal(refusal(two), 'operators require an account resolver to be configured')
  assert.equal(complete(`${two}, ${MEMORY}`).systemAccount, '$SYS')
})

test('pinned accounts include the system account', () => {
  const pins = `resolver_pinned_accounts: [ ${other} ]`
  const { operator: parts } = complete(`operator: "${SYSTEM}", ${MEMORY}, ${pins}`)
  assert.deepEqual(parts?.pinnedAccounts, [other, account.publicKey])
  const { operator: unpinned } = complete(`operator: "${SYSTEM}", ${MEMORY}`)
  assert.deepEqual(unpinned?.pinnedAccounts, [])
})

test('there is no operator mode without operators and trusted keys', () => {
  assert.equal(complete('').operator, undefined)
  assert.equal(complete(MEMORY).operator, undefined)
  const trusted = complete(`trusted: ${operator.publicKey}`)
  assert.ok(isOperatorMode(trusted))
  assert.deepEqual(trustedOperators(trusted), [])
  const known = complete(`operator: "${PLAIN}", ${MEMORY}`)
  assert.ok(isOperatorMode(known))
  assert.deepEqual(
    trustedOperators(known).map(({ name, issuedAt }) => [name, issuedAt]),
    [['a name', 1_700_000_000]],
  )
})

test('a default sentinel is a bearer or a user of a scoped key', () => {
  const mode = `operator: "${PLAIN}", ${MEMORY}`
  const sentinel = (nats: object) =>
    `${mode}, default_sentinel: "${signedJwt(account, user.publicKey, { type: 'user', ...nats })}"`
  const scope = { issuer_account: other, pub: {}, sub: { allow: [] }, tags: ['a'] }
  complete(sentinel({ bearer_token: true, pub: { allow: ['x'] } }))
  complete(sentinel(scope))
  const limited = [
    { pub: { allow: ['x'] } },
    { resp: { max: 1 } },
    { src: ['10.0.0.0/8'] },
    { subs: -1 },
    { allowed_connection_types: ['STANDARD'] },
    { issuer_account: '' },
  ]
  for (const nats of limited) {
    const text = sentinel({ ...scope, ...nats })
    assert.equal(refusal(text), 'default sentinel must be a bearer token', JSON.stringify(nats))
  }
})

test('a directory takes the system account from nowhere but the configuration', () => {
  const dir = `resolver { type: full, dir: "${directory}" }`
  assert.match(refusal(`operator: "${PLAIN}", ${dir}`), /^using nats based account resolver - /)
  complete(`operator: "${SYSTEM}", ${dir}`)
  complete(`operator: "${PLAIN}", ${dir}, system_account: ${other}`)
  const lonely = `trusted: ${operator.publicKey}, ${dir}`
  assert.equal(refusal(lonely), 'Could not start resolver: no operator key found')
})

test('strict operators leave their own key out', () => {
  const keys = { signing_keys: [other], strict_signing_key_usage: true }
  assert.match(refusal(`operator: "${operatorJwt(keys)}", ${MEMORY}`), /^trusted Keys "A/)
  const text = `operator: "${operatorJwt({ strict_signing_key_usage: true })}", ${MEMORY}`
  assert.ok(isOperatorMode(complete(text)))
})

test('a program starts operator mode with the parts it has', () => {
  const { operator: parts, systemAccount } = optionsFromObject({
    operator: { jwts: [PLAIN], resolver: { kind: 'full', directory }, pinnedAccounts: [other] },
    systemAccount: account.publicKey,
  })
  assert.equal(systemAccount, account.publicKey)
  assert.deepEqual(parts, {
    ...operatorDefaults(),
    jwts: [PLAIN],
    pinnedAccounts: [other, account.publicKey],
    resolver: {
      kind: 'full',
      directory,
      limit: 0,
      allowDelete: false,
      hardDelete: false,
      intervalMs: 60_000,
      timeoutMs: 1_900,
    },
  })
})

test('the system account is the one named, that of the name $SYS, or a new one', () => {
  assert.equal(complete('').systemAccount, '$SYS')
  assert.equal(complete('no_system: true').systemAccount, '')
  assert.equal(complete('no_system: true, accounts { "$SYS" {} }').systemAccount, '$SYS')
  assert.equal(complete('system: X, accounts { X {} }').systemAccount, 'X')
  const both = 'system_account: X, system: Y, accounts { X {}, Y {} }'
  assert.equal(complete(both).systemAccount, 'X')
})

test('a system account beside nothing else leaves the door open to everybody', () => {
  const users = 'users [ { user: admin, password: b } ]'
  for (const [text, isOpen] of [
    [`accounts { "$SYS" { ${users} } }`, true],
    [`accounts { S { ${users} } }, system_account: S`, true],
    [`accounts { S { ${users} } }`, false],
    [`accounts { "$SYS" { ${users} }, A {} }`, false],
    [`accounts { "$SYS" { ${users} } }, no_auth_user: admin`, false],
    [
      `accounts { "$SYS" { ${users} } }, authorization { users [ { user: u, password: p } ] }`,
      false,
    ],
  ] as const) {
    const options = complete(text)
    assert.equal(needsImplicitUser(options), isOpen, text)
  }
})

test('proxies are known by keys of any kind', () => {
  const text = `proxies { trusted [ { key: ${proxy} }, { public_key: ${other} } ] }`
  assert.deepEqual(complete(text).trustedProxies, [proxy, other])
  assert.deepEqual(read('\nproxies { trusted [ {\nkey: x } ] }').errors, [
    ':3:1: invalid proxy key "x"',
  ])
  assert.equal(refusal('proxies { trusted [ {} ] }'), 'proxy trusted key "" is invalid')
})

test('users without credentials must be known', () => {
  const users = 'authorization { users [ { user: a, password: b } ] }'
  const nkeys = `authorization { users [ { nkey: ${user.publicKey} } ] }`
  assert.equal(complete(`no_auth_user: a, ${users}`).noAuthUser, 'a')
  assert.equal(complete(`no_auth_user: ${user.publicKey}, ${nkeys}`).noAuthUser, user.publicKey)
  const websocket = 'websocket { port: -1, no_tls: true, no_auth_user: a }'
  assert.equal(complete(`${websocket}, ${users}`).websocket.noAuthUser, 'a')
  const why = 'not present as user or nkey in authorization block or account configuration'
  assert.equal(refusal(`${websocket}, ${nkeys}`), `no_auth_user: "a" ${why}`)
})

test('nothing of a JWT is repeated in a refusal', () => {
  const forged = `${PLAIN.slice(0, -4)}AAAA`
  const text = `operator: "${forged}"\nresolver_preload { a: "${forged}" }`
  const { errors } = read(text)
  assert.equal(errors.length, 2)
  for (const error of errors) assert.doesNotMatch(error, /eyJ/)
})
