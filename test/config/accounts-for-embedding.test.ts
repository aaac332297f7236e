import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountOptions, UserOptions } from '../../src/config/account-types.ts'
import { optionsFromObject, type PartialOptions } from '../../src/config/options.ts'
import { NO_RATE } from '../../src/config/rate-table.ts'
import { encodePublicNkey } from '../../src/protocol/nkey-encoding.ts'
import { ACCOUNT_RULES } from '../../src/router/account-rules.ts'

const USER_KEY = encodePublicNkey('user', new Uint8Array(32).fill(7))
const ACCOUNT_KEY = encodePublicNkey('account', new Uint8Array(32).fill(7))

const complete = (given: PartialOptions) => optionsFromObject(given, ACCOUNT_RULES)

const USER: UserOptions = {
  user: 'a',
  pass: '',
  account: '',
  permissions: undefined,
  connectionTypes: [],
  proxyRequired: false,
  ...NO_RATE,
}

test('users of a program have defaults for what it leaves out', () => {
  const { users, nkeys } = complete({
    users: [
      { user: 'a', permissions: { publish: { deny: ['x'] }, responses: { max: 5 } } },
      { user: 'b', pass: 'p', connectionTypes: ['WEBSOCKET'] },
    ],
    nkeys: [{ nkey: USER_KEY, permissions: { subscribe: { allow: ['s q'] } } }],
  })
  assert.deepEqual(users, [
    {
      ...USER,
      permissions: {
        publish: { allow: [], deny: ['x'] },
        subscribe: undefined,
        responses: { max: 5, expiresMs: 120_000 },
      },
    },
    { ...USER, user: 'b', pass: 'p', connectionTypes: ['WEBSOCKET'] },
  ])
  const { user: _, pass: __, ...common } = USER
  assert.deepEqual(nkeys, [
    {
      nkey: USER_KEY,
      ...common,
      permissions: {
        publish: undefined,
        subscribe: { allow: ['s q'] },
        responses: undefined,
      },
    },
  ])
})

const GIVEN: PartialOptions = {
  authorization: {
    defaultPermissions: { subscribe: { allow: ['d'] } },
    authCallout: { issuer: ACCOUNT_KEY, authUsers: ['u'] },
  },
  users: [{ user: 'u', account: 'A' }],
  accounts: [
    {
      name: 'A',
      exports: [
        { kind: 'stream', subject: 's' },
        { kind: 'service', subject: 'v', latency: { subject: 'l' } },
      ],
    },
    {
      name: 'B',
      imports: [
        { kind: 'stream', account: 'A', subject: 's', prefix: 'p' },
        { kind: 'service', account: 'A', subject: 'v', share: true },
      ],
      limits: { maxConnections: 0 },
      mappings: [{ source: 'a', destinations: [{ subject: 'b' }] }],
      defaultPermissions: { publish: { allow: ['x'] } },
      trace: { subject: 't' },
    },
  ],
  mappings: [{ source: 'c.*', destinations: [{ subject: 'd.$1', weight: 20 }] }],
}

test('accounts, mappings and the callout of a program are completed as well', () => {
  const { accounts, mappings, authorization, users } = complete(GIVEN)
  const limits = {
    maxConnections: -1,
    maxLeafnodes: -1,
    maxSubscriptions: -1,
    maxPayload: -1,
    ...NO_RATE,
  }
  const exported = { accounts: undefined, tokenPosition: 0, tokenRequired: false, revocations: {} }
  const imported = { account: 'A', token: '', to: '', allowTrace: false }
  const expected: readonly AccountOptions[] = [
    {
      name: 'A',
      nkey: '',
      exports: [
        { kind: 'stream', subject: 's', ...exported },
        {
          kind: 'service',
          subject: 'v',
          ...exported,
          responseType: 'singleton',
          thresholdMs: 0,
          latency: { subject: 'l', sampling: 100 },
          allowTrace: false,
        },
      ],
      imports: [],
      mappings: [],
      limits,
      defaultPermissions: undefined,
      trace: undefined,
    },
    {
      name: 'B',
      nkey: '',
      exports: [],
      imports: [
        { kind: 'stream', subject: 's', ...imported, prefix: 'p' },
        { kind: 'service', subject: 'v', ...imported, share: true },
      ],
      mappings: [{ source: 'a', destinations: [{ subject: 'b', weight: 100, cluster: '' }] }],
      limits: { ...limits, maxConnections: 0 },
      defaultPermissions: {
        publish: { allow: ['x'] },
        subscribe: undefined,
        responses: undefined,
      },
      trace: { subject: 't', sampling: 100 },
    },
  ]
  assert.deepEqual(accounts, expected)
  assert.deepEqual(mappings, [
    { source: 'c.*', destinations: [{ subject: 'd.$1', weight: 20, cluster: '' }] },
  ])
  assert.equal(users[0]?.account, 'A')
  assert.deepEqual(authorization.defaultPermissions?.subscribe, { allow: ['d'] })
  assert.deepEqual(authorization.authCallout, {
    issuer: ACCOUNT_KEY,
    account: '',
    authUsers: ['u'],
    xkey: '',
    allowedAccounts: [],
  })
})

test('completed users and accounts can be given again as they came out', () => {
  const { users, nkeys, accounts, mappings, authorization } = complete(GIVEN)
  const again = complete({ users, nkeys, accounts, mappings, authorization })
  assert.deepEqual(again, complete(GIVEN))
})

const account = (more: object) => ({ accounts: [{ name: 'A', ...more }, { name: 'B' }] })

const REFUSED: readonly (readonly [given: object, text: string])[] = [
  [{ users: {} }, 'option users must be an array'],
  [{ users: [5] }, 'option users[0] has the value 5: must be an object'],
  [{ users: [{ user: '' }] }, 'option users[0].user must not be empty'],
  [{ users: [{ pass: 'x' }] }, 'option users[0].user must be set'],
  [{ users: [{ user: 'a', name: 'b' }] }, 'option users[0].name is not an option'],
  [{ users: [{ user: 'a', pass: 5 }] }, 'option users[0].pass must be a text'],
  [
    { users: [{ user: 'a', connectionTypes: ['TCP'] }] },
    'option users[0].connectionTypes[0] has the value "TCP": must be one of STANDARD, WEBSOCKET, ' +
      'LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS, IN_PROCESS',
  ],
  [
    { users: [{ user: 'a', permissions: { publish: 'x' } }] },
    'option users[0].permissions.publish has the value "x": must be an object',
  ],
  [
    { users: [{ user: 'a', permissions: { publish: { allow: ['a..b'] } } }] },
    'invalid permissions for user "a": publish allow: subject "a..b" is not a valid subject',
  ],
  [
    { users: [{ user: 'a', permissions: { subscribe: { deny: ['a q..r'] } } }] },
    'invalid permissions for user "a": subscribe deny: queue "q..r" is not a valid queue',
  ],
  [
    { nkeys: [{ nkey: USER_KEY, permissions: { publish: { deny: ['a b'] } } }] },
    `invalid permissions for nkey "${USER_KEY}": publish deny: subject "a b" is not a valid subject`,
  ],
  [
    { authorization: { defaultPermissions: { publish: { allow: [''] } } } },
    'invalid default permissions of authorization: publish allow: subject "" is not a valid subject',
  ],
  [
    account({ defaultPermissions: { publish: { allow: [''] } } }),
    'invalid default permissions of account "A": publish allow: subject "" is not a valid subject',
  ],
  [{ nkeys: [{ nkey: ACCOUNT_KEY }] }, 'Not a valid public nkey for a user'],
  [{ users: [{ user: 'a' }, { user: 'a' }] }, 'Duplicate user "a" detected'],
  [{ nkeys: [{ nkey: USER_KEY }, { nkey: USER_KEY }] }, `Duplicate nkey "${USER_KEY}" detected`],
  [{ users: [{ user: 'a', account: 'X' }] }, '"X" account not defined for user "a"'],
  [
    { authorization: { user: 'u' }, users: [{ user: 'a' }] },
    'Can not have a single user/pass and a users array',
  ],
  [
    { authorization: { token: 't' }, users: [{ user: 'a' }] },
    'Can not have a token and a users array',
  ],
  [{ accounts: [{}] }, 'option accounts[0].name must be set'],
  [{ accounts: [{ name: '$G' }] }, '"$G" is a Reserved Account'],
  [{ accounts: [{ name: 'A' }, { name: 'A' }] }, 'Duplicate Account Entry: A'],
  [account({ nkey: 'x' }), 'Not a valid public nkey for an account: "x"'],
  [account({ users: [] }), 'option accounts[0].users is not an option'],
  [account({ limits: { maxConn: 1 } }), 'option accounts[0].limits.maxConn is not an option'],
  [
    account({ limits: { maxPayload: 1.5 } }),
    'option accounts[0].limits.maxPayload has the value 1.5: must be a whole number',
  ],
  [account({ exports: [{ subject: 's' }] }), 'option accounts[0].exports[0].kind must be set'],
  [
    account({ exports: [{ kind: 'service', subject: 's', responseType: 'x' }] }),
    'option accounts[0].exports[0].responseType has the value "x": must be one of singleton, ' +
      'stream, chunked',
  ],
  [
    account({
      exports: [{ kind: 'service', subject: 's', latency: { subject: 'l', sampling: 101 } }],
    }),
    'option accounts[0].exports[0].latency.sampling has the value 101: must be at most 100',
  ],
  [
    account({ exports: [{ kind: 'service', subject: 's', latency: { subject: '*' } }] }),
    'Error adding service latency sampling for "s" on subject "*": invalid publish subject',
  ],
  [
    account({ imports: [{ kind: 'stream', account: 'B', subject: 's' }] }),
    'Error adding stream import "s": stream import not authorized',
  ],
  [
    account({ imports: [{ kind: 'stream', account: 'C', subject: 's' }] }),
    '"C" account not defined for stream import',
  ],
  [
    account({ imports: [{ kind: 'stream', account: 'B', subject: 's', prefix: 'p', to: 't' }] }),
    "Stream import can not have a 'prefix' and a 'to' property",
  ],
  [
    account({
      imports: [
        { kind: 'service', account: 'B', subject: 's', to: 'l' },
        { kind: 'service', account: 'B', subject: 't', to: 'l' },
      ],
    }),
    'Duplicate service import subject "l", previously used in import for account "B", subject "s"',
  ],
  [account({ trace: { subject: 'a.*' } }), 'Trace destination "a.*" is not valid'],
  [
    account({ trace: { subject: 'a', sampling: 0 } }),
    'option accounts[0].trace.sampling has the value 0: must be at least 1',
  ],
  [{ mappings: [{ source: 'a' }] }, 'option mappings[0].destinations must be set'],
  [{ mappings: [{ source: 'a..b', destinations: [] }] }, 'Subject "a..b" is not a valid subject'],
  [
    { mappings: [{ source: 'a', destinations: [{ subject: 'b', weight: 101 }] }] },
    'option mappings[0].destinations[0].weight has the value 101: must be at most 100',
  ],
  [
    account({ mappings: [{ source: 'a', destinations: [{ subject: 'b' }, { subject: 'b' }] }] }),
    'Error adding mapping for "a" : duplicate entry for "b"',
  ],
  [
    { mappings: [{ source: 'a', destinations: [{ subject: 'b..c' }] }] },
    'Error adding mapping for "a" to "b..c" : invalid mapping destination: invalid transform',
  ],
  [
    { authorization: { authCallout: { authUsers: ['a'] } } },
    'Authorization callouts require an issuer to be specified',
  ],
  [
    { authorization: { authCallout: { issuer: ACCOUNT_KEY } } },
    'Authorization callouts require authorized users to be specified',
  ],
  [
    { authorization: { authCallout: { issuer: 'x', authUsers: ['a'] } } },
    'Expected callout user to be a valid public account nkey, got "x"',
  ],
  [
    { authorization: { authCallout: { issuer: ACCOUNT_KEY, authUsers: ['a'], xkey: 'x' } } },
    'Expected callout xkey to be a valid public xkey, got "x"',
  ],
  [
    {
      authorization: {
        authCallout: { issuer: ACCOUNT_KEY, authUsers: ['a'], allowedAccounts: ['X'] },
      },
    },
    'auth_callout allowed account "X" not found in configured accounts',
  ],
]

for (const [given, text] of REFUSED) {
  test(`refuses ${JSON.stringify(given).slice(0, 100)}`, () => {
    assert.throws(() => complete(given), { code: 'BRK_BAD_OPTION', message: text })
  })
}
