import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type {
  AccountExport,
  AccountImport,
  AccountOptions,
  MappingDestination,
  PermissionOptions,
  UserOptions,
} from '../../src/config/account-types.ts'
import { ConfigFaults } from '../../src/config/config-faults.ts'
import { parseConfigText } from '../../src/config/config-parser.ts'
import { completeOptions } from '../../src/config/option-checks.ts'
import { readOptions } from '../../src/config/option-readers.ts'
import type { Options } from '../../src/config/option-types.ts'
import { NO_RATE } from '../../src/config/rate-table.ts'
import { encodePublicNkey } from '../../src/protocol/nkey-encoding.ts'
import { ACCOUNT_RULES } from '../../src/router/account-rules.ts'

const USER_KEY = encodePublicNkey('user', new Uint8Array(32).fill(7))
const ACCOUNT_KEY = encodePublicNkey('account', new Uint8Array(32).fill(7))
const CURVE_KEY = encodePublicNkey('curve', new Uint8Array(32).fill(7))

function faultsOf(text: string): readonly string[] {
  const faults = new ConfigFaults()
  readOptions(parseConfigText(text, {}), faults, {}, ACCOUNT_RULES)
  return [...faults.errors, ...faults.warnings]
}

/** The text must be free of faults. */
function read(text: string): Options {
  const faults = new ConfigFaults()
  const options = readOptions(parseConfigText(text, {}), faults, {}, ACCOUNT_RULES)
  assert.deepEqual([...faults.errors, ...faults.warnings], [], text)
  return options
}

const USER: UserOptions = {
  user: 'a',
  pass: '',
  account: '',
  permissions: undefined,
  connectionTypes: [],
  proxyRequired: false,
  ...NO_RATE,
}

const ACCOUNT: AccountOptions = {
  name: 'A',
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
}

const NOTHING: PermissionOptions = {
  publish: undefined,
  subscribe: undefined,
  responses: undefined,
}

test('puts the users of all blocks into two lists, each with its account', () => {
  const { users, nkeys, accounts, authorization } = read(`
    authorization {
      users: [ { user: a, password: "x" }, { nkey: ${USER_KEY}, clients: [ websocket, Websocket ] } ]
      default_permission { sub: "d.>" }, proxy_required: true
    }
    accounts {
      A { users: [ { username: b, permission { pub: p }, proxy_required: true } ] }
      B { default_permissions { publish { deny: [ x, "y.*" ] } } }
    }`)
  const { user: _, pass: __, ...common } = USER
  assert.deepEqual(users, [
    { ...USER, pass: 'x' },
    {
      ...USER,
      user: 'b',
      account: 'A',
      permissions: { ...NOTHING, publish: { allow: ['p'] } },
      proxyRequired: true,
    },
  ])
  assert.deepEqual(nkeys, [{ nkey: USER_KEY, ...common, connectionTypes: ['WEBSOCKET'] }])
  assert.deepEqual(accounts, [
    ACCOUNT,
    {
      ...ACCOUNT,
      name: 'B',
      defaultPermissions: { ...NOTHING, publish: { deny: ['x', 'y.*'] } },
    },
  ])
  assert.deepEqual(authorization.defaultPermissions, { ...NOTHING, subscribe: { allow: ['d.>'] } })
  assert.equal(authorization.proxyRequired, true)
})

test('an account and the global one may have users, whatever comes first in the file', () => {
  const parts = [
    'authorization { users: [ { user: a } ] }',
    'accounts { A { users: [ { user: b } ] } }',
  ]
  assert.deepEqual(read(parts.join('\n')), read(parts.reverse().join('\n')))
})

const ONCE = { max: 1, expiresMs: 120_000 }
const ONLY_REPLIES = { ...NOTHING, publish: { allow: [] }, responses: ONCE }

const PERMITTED: readonly (readonly [fields: string, permissions: PermissionOptions])[] = [
  ['', NOTHING],
  ['publish: a', { ...NOTHING, publish: { allow: ['a'] } }],
  ['pub: [ a, "b.>" ]', { ...NOTHING, publish: { allow: ['a', 'b.>'] } }],
  ['import { allow: a, deny: [ b ] }', { ...NOTHING, publish: { allow: ['a'], deny: ['b'] } }],
  ['publish {}', NOTHING],
  ['publish: []', { ...NOTHING, publish: {} }],
  ['publish { allow: [] }', { ...NOTHING, publish: {} }],
  ['subscribe: "a q.*"', { ...NOTHING, subscribe: { allow: ['a q.*'] } }],
  ['sub { deny: a }', { ...NOTHING, subscribe: { deny: ['a'] } }],
  ['export: a', { ...NOTHING, subscribe: { allow: ['a'] } }],
  ['allow_responses: true', ONLY_REPLIES],
  ['allow_responses {}', ONLY_REPLIES],
  ['allow_responses { max: 0, expires: "0s" }', ONLY_REPLIES],
  ['publish_allow_responses: false', NOTHING],
  [
    'allow_responses { max_messages: -1, ttl: "-1s" }',
    { ...ONLY_REPLIES, responses: { max: -1, expiresMs: -1_000 } },
  ],
  ...['max', 'max_msgs', 'max_messages', 'max_responses'].map(
    (key) =>
      [
        `allow_responses { ${key}: 10 }`,
        { ...ONLY_REPLIES, responses: { ...ONCE, max: 10 } },
      ] as const,
  ),
  ...['expires', 'expiration', 'ttl'].map(
    (key) =>
      [
        `allow_responses { ${key}: "50ms" }`,
        { ...ONLY_REPLIES, responses: { ...ONCE, expiresMs: 50 } },
      ] as const,
  ),
  [
    'allow_responses: true, publish: [ a ]',
    { ...NOTHING, publish: { allow: ['a'] }, responses: ONCE },
  ],
  [
    'allow_responses: true, publish { deny: a }',
    { ...NOTHING, publish: { allow: [], deny: ['a'] }, responses: ONCE },
  ],
]

for (const [fields, permissions] of PERMITTED) {
  test(`reads the permissions { ${fields} }`, () => {
    const places = [
      read(`authorization { users: [ { user: a, permissions { ${fields} } } ] }`).users[0]
        ?.permissions,
      read(`authorization { permissions { ${fields} } }`).authorization.defaultPermissions,
      read(`accounts { A { default_permissions { ${fields} } } }`).accounts[0]?.defaultPermissions,
    ]
    assert.deepEqual(places, [permissions, permissions, permissions])
  })
}

test('reads the authorization callout', () => {
  const { authorization } = read(`authorization { auth_hook {
    issuer: ${ACCOUNT_KEY}, acc: A, users: [ a ], key: ${CURVE_KEY}, allowed_accounts: [ A ]
  } }
  accounts: [ A ]`)
  assert.deepEqual(authorization.authCallout, {
    issuer: ACCOUNT_KEY,
    account: 'A',
    authUsers: ['a'],
    xkey: CURVE_KEY,
    allowedAccounts: ['A'],
  })
})

function accountWith(body: string): AccountOptions | undefined {
  const exporter = 'B { exports: [ { stream: s }, { stream: "w.*" }, { service: v } ] }'
  return read(`accounts { A { ${body} }\n ${exporter} }`).accounts[0]
}

test('reads nkey, limits and trace destination of an account', () => {
  const limits = 'max_conn: 1, max_leafs: 2, max_subs: 3, max_pay: 4k, max_msgs_per_second: 5'
  const body = `nkey: ${ACCOUNT_KEY}, limits { ${limits} }`
  assert.deepEqual(accountWith(`${body}, trace_dest { dest: t, sampling: "25%" }`), {
    ...ACCOUNT,
    nkey: ACCOUNT_KEY,
    limits: {
      maxConnections: 1,
      maxLeafnodes: 2,
      maxSubscriptions: 3,
      maxPayload: 4_000,
      maxMsgsPerSecond: 5,
      maxBytesPerSecond: 0,
    },
    trace: { subject: 't', sampling: 25 },
  })
  assert.deepEqual(accountWith('msg_trace: t')?.trace, { subject: 't', sampling: 100 })
  assert.deepEqual(accountWith('msg_trace { dest: t }')?.trace, { subject: 't', sampling: 100 })
})

test('takes JetStream limits of an account, which then has none', () => {
  assert.deepEqual(
    accountWith('jetstream { max_mem: 1mb, max_file: 1gb, max_bytes: true }'),
    ACCOUNT,
  )
})

const EXPORT = { accounts: undefined, tokenPosition: 0, tokenRequired: false, revocations: {} }
const SERVICE = {
  kind: 'service',
  subject: 'a',
  ...EXPORT,
  responseType: 'singleton',
  thresholdMs: 0,
  latency: undefined,
  allowTrace: false,
} as const

const EXPORTED: readonly (readonly [fields: string, entry: AccountExport])[] = [
  ['stream: a', { kind: 'stream', subject: 'a', ...EXPORT }],
  ['Stream: a, accounts: [ B ]', { kind: 'stream', subject: 'a', ...EXPORT, accounts: ['B'] }],
  ['stream: a, accounts: []', { kind: 'stream', subject: 'a', ...EXPORT }],
  [
    'stream: "a.*", account_token_position: 2',
    { kind: 'stream', subject: 'a.*', ...EXPORT, tokenPosition: 2 },
  ],
  ['service: a', SERVICE],
  ...['single', 'SINGLETON'].map((type) => [`service: a, response: ${type}`, SERVICE] as const),
  ['service: a, response_type: stream', { ...SERVICE, responseType: 'stream' }],
  ...['chunk', 'chunked'].map(
    (type) => [`service: a, response: ${type}`, { ...SERVICE, responseType: 'chunked' }] as const,
  ),
  ...['threshold', 'response_threshold', 'response_max_time', 'response_time'].map(
    (key) => [`service: a, ${key}: "5s"`, { ...SERVICE, thresholdMs: 5_000 }] as const,
  ),
  ['service: a, latency: l', { ...SERVICE, latency: { subject: 'l', sampling: 100 } }],
  ...[
    ['40', 40],
    ['"40%"', 40],
    ['headers', 0],
  ].map(
    ([sampling, percent]) =>
      [
        `service: a, latency { subject: l, sampling: ${sampling} }`,
        { ...SERVICE, latency: { subject: 'l', sampling: Number(percent) } },
      ] as const,
  ),
  ['service: a, allow_trace: true', { ...SERVICE, allowTrace: true }],
]

for (const [fields, entry] of EXPORTED) {
  test(`reads the export { ${fields} }`, () => {
    assert.deepEqual(accountWith(`exports: [ { ${fields} } ]`)?.exports, [entry])
  })
}

const IMPORT = { account: 'B', token: '', to: '', allowTrace: false }
const STREAM_IMPORT = { kind: 'stream', subject: 's', ...IMPORT, prefix: '' } as const
const SERVICE_IMPORT = { kind: 'service', subject: 'v', ...IMPORT, share: false } as const

const IMPORTED: readonly (readonly [fields: string, entry: AccountImport])[] = [
  ['stream { account: B, subject: s }', STREAM_IMPORT],
  ['stream { account: B, subject: s }, prefix: p', { ...STREAM_IMPORT, prefix: 'p' }],
  ['stream { account: B, subject: s }, allow_trace: true', { ...STREAM_IMPORT, allowTrace: true }],
  [
    'stream { account: B, subject: "w.*" }, to: "t.$1"',
    { ...STREAM_IMPORT, subject: 'w.*', to: 't.$1' },
  ],
  ['service { account: B, subject: v }', SERVICE_IMPORT],
  [
    'service { account: B, subject: v }, to: t, share: true',
    { ...SERVICE_IMPORT, to: 't', share: true },
  ],
]

for (const [fields, entry] of IMPORTED) {
  test(`reads the import { ${fields} }`, () => {
    assert.deepEqual(accountWith(`imports: [ { ${fields} } ]`)?.imports, [entry])
  })
}

test('an entry that is neither stream nor service is no entry', () => {
  const body = 'exports: [ {}, { accounts: [ B ] } ], imports: [ { to: x } ]'
  assert.deepEqual(accountWith(body), ACCOUNT)
})

const TO_B: MappingDestination = { subject: 'b', weight: 100, cluster: '' }

const MAPPED: readonly (readonly [text: string, destinations: readonly MappingDestination[]])[] = [
  ['b', [TO_B]],
  ['{ dest: b, weight: 5 }', [{ ...TO_B, weight: 5 }]],
  ['{ Destination: b, weight: "5%", cluster: c }', [{ ...TO_B, weight: 5, cluster: 'c' }]],
  [
    '[ { dest: b, weight: "50" }, { dest: c, weight: 0 } ]',
    [
      { ...TO_B, weight: 50 },
      { ...TO_B, subject: 'c', weight: 0 },
    ],
  ],
  ['[]', []],
]

for (const [text, destinations] of MAPPED) {
  test(`reads the mapping { a: ${text} }`, () => {
    const mappings = [{ source: 'a', destinations }]
    assert.deepEqual(read(`mappings { a: ${text} }`).mappings, mappings)
    assert.deepEqual(accountWith(`maps { a: ${text} }`)?.mappings, mappings)
  })
}

test('keeps mappings in the order of the file, and those of both spellings', () => {
  const { mappings } = read('maps { z: 1x, b: 2x }\nmappings { a: x, b: y }')
  assert.deepEqual(
    mappings.map(({ source, destinations }) => [source, destinations[0]?.subject]),
    [
      ['z', '1x'],
      ['a', 'x'],
      ['b', 'y'],
    ],
  )
})

test('takes an array of names for empty accounts, and anything else for none', () => {
  const { accounts } = read('accounts: [ A, B ]')
  assert.deepEqual(accounts, [ACCOUNT, { ...ACCOUNT, name: 'B' }])
  assert.deepEqual(read('accounts: 5').accounts, [])
})

test('a constant among the accounts is none', () => {
  const { accounts, users } = read(
    'accounts { P { pub: x }\n A { users: [ { user: a, permissions: $P } ] } }',
  )
  assert.deepEqual(accounts, [ACCOUNT])
  assert.deepEqual(users[0]?.permissions?.publish, { allow: ['x'] })
})

/** Faults that real-server-accounts.test.ts puts to the real program, for where it is missing. */
const FAULTY: readonly (readonly [text: string, ...faults: readonly string[]])[] = [
  ['authorization {\n users: 5 }', ':2:2: Expected users field to be an array, got 5'],
  ['accounts { A {\n users: 5 } }', 'Expected users field to be an array, got 5'],
  ['authorization { users: [\n 5 ] }', ':2:2: Expected user entry to be a map/struct, got 5'],
  ['authorization { users: [ {\n pass: x } ] }', ':2:2: User entry requires a user'],
  ['authorization { users: [ {\n nkey: x } ] }', ':2:2: Not a valid public nkey for a user'],
  [
    `authorization { users: [ {\n nkey: ${USER_KEY}\n pass: x } ] }`,
    ':3:2: Nkey users do not take usernames or passwords',
  ],
  [
    'authorization { users: [ { user: a\n clients: [ x, y ] } ] }',
    ':2:2: invalid connection types ["X" "Y"]',
  ],
  [
    'authorization { users: [ { user: a\n clients: 5 } ] }',
    ':2:2: error parsing allowed connection types: unsupported type int64',
  ],
  ['authorization { users: [ { user: a }, { user: a } ] }', ':1:0: Duplicate user "a" detected'],
  [
    'accounts { A {\n users: [ { user: a } ] }\n B {\n users: [ { user: a } ] } }',
    ':4:2: Duplicate user "a" detected',
  ],
  [
    `authorization { users: [ { nkey: ${USER_KEY} } ] }\n` +
      `accounts { A {\n users: [ { nkey: ${USER_KEY} } ] } }`,
    `:3:2: Duplicate nkey "${USER_KEY}" detected`,
  ],
  [
    'authorization { user: a, users: [] }',
    ':1:0: Can not have a single user/pass and a users array',
  ],
  ['authorization { token: a, users: [] }', ':1:0: Can not have a token and a users array'],
  [
    'authorization { user: a }\naccounts { A {\n users: [ { user: b } ] } }',
    ':3:2: Can not have a single user/pass and accounts',
  ],
  [
    'authorization { token: a }\naccounts { A {\n users: [ { user: b } ] } }',
    ':3:2: Can not have a token and accounts',
  ],
  ['authorization { permissions {\n pub: "a..b" } }', 'subject "a..b" is not a valid subject'],
  [
    'authorization { permissions { pub {\n deny: "a q" } } }',
    ':2:2: subject "a q" is not a valid subject',
  ],
  ['authorization { permissions { sub: "a x..y" } }', 'queue "x..y" is not a valid queue'],
  [
    'authorization { permissions { sub: [\n 5 ] } }',
    ':2:2: Subject in permissions array cannot be cast to string',
  ],
  [
    'authorization { permissions { sub: true } }',
    'Expected subject permissions to be a subject, or array of subjects, got bool',
  ],
  [
    'authorization { permissions { sub {\n allowed: a } } }',
    ':2:2: Unknown field name "allowed" parsing subject permissions, ' +
      "only 'allow' or 'deny' are permitted",
  ],
  [
    'authorization { permissions {\n allow_responses: 5 } }',
    ':2:2: error parsing response permissions, expected a boolean or a map',
  ],
  [
    'authorization { auth_callout {\n account: A } }',
    ':2:2: Authorization callouts require an issuer to be specified',
  ],
  [
    `authorization { auth_callout { issuer: ${ACCOUNT_KEY}, users: [ a ], allowed_accounts: [ X ] } }`,
    'auth_callout allowed account "X" not found in configured accounts',
  ],
  ['accounts {\n "$G" {} }', ':2:3: "$G" is a Reserved Account'],
  ['accounts: [\n A\n A ]', ':3:2: Duplicate Account Entry: A'],
  ['accounts { A {\n nkey: x } }', ':2:2: Not a valid public nkey for an account: "x"'],
  ['accounts { A {\n exports: true } }', ':2:2: Exports should be an array, got bool'],
  [
    'accounts { A { exports: [\n true ] } }',
    ':2:2: Export Items should be a map with type entry, got bool',
  ],
  [
    'accounts { A { exports: [ { stream: a\n service: b } ] } }',
    ':2:2: Detected service "b" but already saw a stream',
  ],
  [
    'accounts { A { exports: [ { stream: a\n response: single } ] } }',
    ':2:2: Detected response directive on non-service',
  ],
  [
    'accounts { A { exports: [ { service: a\n latency {} } ] } }',
    ':2:2: Latency subject required, but missing',
  ],
  [
    'accounts { A { exports: [ { service: a, latency { subject: b\n sampling: 0 } } ] } }',
    ':2:2: bad sampling percentage, should be 1-100',
  ],
  [
    'accounts { A { imports: [ {\n stream { subject: s } } ] } }',
    ':2:2: Expect an account name and a subject',
  ],
  [
    'accounts { A { imports: [ { stream { account: B, subject: s }, prefix: p\n to: t } ] }, B {} }',
    ":2:2: Stream import can not have a 'prefix' and a 'to' property",
  ],
  [
    '\naccounts { A { imports: [ { stream { account: B, subject: s } } ] } }',
    ':2:1: "B" account not defined for stream import',
  ],
  [
    '\naccounts { A { imports: [ { service { account: B, subject: s } } ] }, B {} }',
    ':2:1: Error adding service import "s": service import not authorized',
  ],
  [
    '\naccounts { A { exports: [ { service: s, latency: "*" } ] } }',
    ':2:1: Error adding service latency sampling for "s" on subject "*": invalid publish subject',
  ],
  [
    '\naccounts { A { exports: [ { service: s, latency: l } ] } }\nno_system_account: true',
    ':2:1: Error adding service latency sampling for "s": system account not setup',
  ],
  ['mappings {\n a { dest: b } }', ':2:2: Missing weight for mapping destination "b"'],
  ['mappings { a { dest: b\n weight: 101 } }', ':2:2: Invalid weight 101 for mapping destination'],
  [
    'mappings {\n a: [ { dest: b, weight: 50 }, { dest: b, weight: 50 } ] }',
    ':2:2: Error adding mapping for "a" : duplicate entry for "b"',
  ],
  ['\nmappings { "a..b": c }', ':2:1: Subject "a..b" is not a valid subject'],
  [
    'accounts { A {\n msg_trace { sampling: 5 } } }',
    ':2:2: Trace destination sampling ignored since no destination was set',
  ],
]

for (const [text, ...faults] of FAULTY) {
  test(`tells what is wrong with ${text.replaceAll('\n', '').slice(0, 110)}`, () => {
    assert.deepEqual(faultsOf(text), faults)
  })
}

test('without rules leaves to the start what is between accounts', () => {
  const faults = new ConfigFaults()
  const text = 'accounts { A { imports: [ { stream { account: B, subject: s } } ] } }'
  readOptions(parseConfigText(`${text}\nmappings { a: "b.$1" }`, {}), faults)
  assert.deepEqual(faults.errors, [])
})

test('complete options keep users, accounts and mappings as they were read', () => {
  const options = read(`
    authorization { users: [ { user: a, permissions { pub: x } } ] }
    accounts { A { limits { max_conn: 0 }, users: [ { user: b } ] } }
    mappings { a: b }`)
  const result = completeOptions(options)
  assert.ok('options' in result)
  const { users, nkeys, accounts, mappings } = result.options
  assert.deepEqual(
    { users, nkeys, accounts, mappings },
    { users: options.users, nkeys: [], accounts: options.accounts, mappings: options.mappings },
  )
})

/** nats-server goes through the fields of a block in random order. */
const BLOCKS: readonly (readonly [path: string, fields: readonly string[]])[] = [
  [
    'accounts { A { exports: [ { % } ] } }',
    ['service: a', 'response: stream', 'threshold: "1s"', 'accounts: [ A ]', 'allow_trace: true'],
  ],
  ['accounts { A { exports: [ { % } ] } }', ['service: a', 'latency: l', 'colour: 1']],
  ['accounts { A { exports: [ { % } ] } }', ['stream: a', 'response: stream', 'latency: l']],
  [
    'accounts { A { exports: [ { service: a } ], imports: [ { % } ] } }',
    ['service { account: A, subject: a }', 'to: b', 'share: true'],
  ],
  [
    'authorization { permissions { % } }',
    ['publish { deny: [ a ] }', 'subscribe: b', 'allow_responses { ttl: "1s", max: 2 }'],
  ],
  [
    '% ',
    [
      'authorization { users: [ { user: a } ] }',
      'accounts { A { exports: [ { service: a, latency: l } ], users: [ { user: a } ] } }',
      'mappings { a: b }',
      'no_system_account: true',
    ],
  ],
]

test('reads a block in whatever order its fields stand, and finds the same faults', () => {
  const shuffled = fc.constantFrom(...BLOCKS).chain(([path, fields]) => {
    const all = { minLength: fields.length, maxLength: fields.length }
    return fc.tuple(fc.constant({ path, fields }), fc.shuffledSubarray([...fields], all))
  })
  const outcome = (path: string, fields: readonly string[]) => {
    const faults = new ConfigFaults()
    const config = parseConfigText(path.replace('%', fields.join(', ')), {})
    const options = readOptions(config, faults, {}, ACCOUNT_RULES)
    const texts = faults.errors.map((text) => text.replace(/^:\d+:\d+: /, ''))
    return { options, faults: texts.sort() }
  }
  fc.assert(
    fc.property(shuffled, ([{ path, fields }, order]) => {
      assert.deepEqual(outcome(path, order), outcome(path, fields))
    }),
  )
})
