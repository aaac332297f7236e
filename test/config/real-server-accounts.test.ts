import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePublicNkey, type NkeyKind } from '../../src/protocol/nkey-encoding.ts'
import { compareFiles, needsServer, ours, theirs } from './compare.ts'
import { TemporaryFiles } from './temporary-files.ts'

/** Users, permissions, accounts and mappings, put to the real program as well. */

const files = new TemporaryFiles()
const keyOf = (kind: NkeyKind): string => encodePublicNkey(kind, new Uint8Array(32).fill(7))
const USER_KEY = keyOf('user')
const ACCOUNT_KEY = keyOf('account')
const CURVE_KEY = keyOf('curve')

const USERS: readonly string[] = [
  ...['5', '"x"', '[]', '{}', 'true', '[\n 5 ]', '[\n {} ]', '[ {\n user: 5 } ]'],
  ...['[ {\n pass: x } ]', '[ { user: a } ]', '[ { username: a, password: b } ]'],
  ...['[ {\n nkey: x } ]', `[ { nkey: ${USER_KEY} } ]`, `[ {\n nkey: ${ACCOUNT_KEY} } ]`],
  ...['[ { user: a\n colour: 1 } ]', '[ { user: a } { user: a } ]'],
  ...['[ { user: a }, { user: b } ]', `[ { nkey: ${USER_KEY} }, { nkey: ${USER_KEY} } ]`],
  ...['[ { user: a\n proxy_required: 5 } ]', '[ { user: a, proxy_required: true } ]'],
  ...[
    ...['standard', '[STANDARD, websocket]', '[\n x\n y ]', '5', '[\n 5 ]', '[]', 'in_process'],
    ...['leafnode', 'leafnode_ws', '[ mqtt, MQTT_WS ]'],
  ].map((types) => `[ { user: a\n allowed_connection_types: ${types} } ]`),
  ...['connection_types', 'clients'].map((key) => `[ { user: a\n ${key}: nope } ]`),
  ...['5', '"x"', '[]', '{}'].map((value) => `[ { user: a\n permissions: ${value} } ]`),
  ...['permission', 'authorization'].map((key) => `[ { user: a\n ${key}: 5 } ]`),
]

const PERMISSIONS: readonly string[] = [
  ...['publish: 5', 'publish: foo', 'pub: [ foo, "bar.>" ]', 'import: "foo..bar"'],
  ...['publish: [\n "a"\n "foo..bar" ]', 'publish: [\n 5 ]', 'publish: "foo q"'],
  ...['publish: {}', 'publish: []', 'publish { allow: a, deny: [ b ] }', 'publish: true'],
  ...['publish {\n allow: 5 }', 'publish {\n deny: "x..y" }', 'publish {\n deny: [\n 5 ] }'],
  ...['publish {\n allowed: x }', 'Publish: foo\n SUBSCRIBE: bar', 'Y = foo\n publish: $Y'],
  ...['subscribe: "foo v1.*"', 'sub: "foo x..y"', 'export: "foo..bar q"', 'subscribe: "a b c"'],
  ...['subscribe {\n deny: "foo x..y" }', 'subscribe: [ "foo  q" , "*.x" ]', 'subscribe: " foo "'],
  ...['subscribe: ""', 'allow_responses: true', 'publish_allow_responses: false'],
  ...['5', 'x', '{}', '{ max: 10, ttl: "50ms" }', '{\n max: x }', '{\n expires: 5 }'].map(
    (value) => `allow_responses: ${value}`,
  ),
  ...['{\n expiration: x }', '{\n colour: 5 }', '{ max_msgs: -1, expires: "-1s" }'].map(
    (value) => `allow_responses: ${value}`,
  ),
  ...['{ max_messages: 0, ttl: "0s" }', '{ max_responses: 3 }'].map(
    (value) => `allow_responses: ${value}`,
  ),
  'colour: red',
]

const CALLOUTS: readonly string[] = [
  ...['5', '{}', '"x"', '{\n issuer: x }', `{\n issuer: ${USER_KEY} }`, '{\n issuer: 5 }'],
  ...[`{\n issuer: ${ACCOUNT_KEY} }`, '{\n auth_users: [ a ] }', '{\n auth_users: 5 }'],
  ...['{\n users: [\n 5 ] }', '{\n xkey: x }', '{\n allowed_accounts: 5 }', '{\n account: 5 }'],
  ...[
    '',
    `, acc: B, key: ${CURVE_KEY}`,
    ', allowed_accounts: [ B ]',
    ', allowed_accounts: [ "$G" ]',
    ', allowed_accounts: [\n 5 ]',
    '\n colour: 1',
  ].map((more) => `{ issuer: ${ACCOUNT_KEY}, auth_users: [ a ]${more} }`),
]

const AUTHORIZATIONS: readonly string[] = [
  ...['user: a, pass: b\n users: []', 'user: a\n users: [ { user: b } ]', 'token: a\n users: []'],
  ...['pass: a\n users: [ { user: b } ]', 'user: a, token: b', 'pass: a, token: b'],
  ...['proxy_required: 5', 'proxy_required: true', 'default_permission: 5'],
  ...['users: [ { user: a } ]\n default_permissions { publish: a }', 'permissions { colour: 1 }'],
  'default_permissions { pub: "a..b" }',
  ...USERS.map((users) => `users: ${users}`),
  ...PERMISSIONS.map((fields) => `users: [ { user: a, permissions {\n ${fields} } } ]`),
  ...CALLOUTS.map((callout) => `auth_callout: ${callout}`),
]

const EXPORTS: readonly string[] = [
  ...['', 'stream: a', 'service: a', 'stream: 5', 'service: 5', 'stream: a\n colour: 5'],
  ...['service: a, response: single', 'service: a, response_type: Chunked'],
  ...['service: a, response: stream', 'service: a\n response: x', 'service: a\n response: 5'],
  ...['stream: a\n threshold: x', 'service: a\n threshold: x', 'service: a\n threshold: 5'],
  ...['response_threshold', 'response_time', 'response_max_time'].map((key) => {
    return `service: a, ${key}: "5s"`
  }),
  ...['b', '5', '{}', '{ sampling: 50, subject: b }', '{ sampling: "50%", subject: b }'].map(
    (latency) => `service: a\n latency: ${latency}`,
  ),
  ...['headers', '\n 0\n', '101', 'x', '1.5', '" Headers "'].map((sampling) => {
    return `service: a, latency {\n sampling: ${sampling}\n subject: b }`
  }),
  ...['{ sampling: 50 }', '{\n subject: 5 }', '"*"', 'a', '"b..c"'].map((latency) => {
    return `service: a\n latency: ${latency}`
  }),
  ...['service: "a.*", latency: a.b', 'service: a, response: stream, latency: b'],
  ...['service: a, allow_trace: true', 'service: a\n allow_trace: 5'],
  ...['stream: a, accounts: [ B ]', 'stream: a, accounts: [ C ]', 'stream: a\n accounts: 5'],
  ...['stream: a\n accounts: [\n 5 ]', 'stream: a, accounts: []', 'accounts: [ B ]'],
  ...['1', '2', '5'].map((position) => `stream: "a.*", account_token_position: ${position}`),
  ...['service: "a.*", account_token_position: 1', 'stream: a\n account_token_position: x'],
]

const IMPORTS: readonly string[] = [
  ...['', 'stream: 5', 'service: 5', 'stream {}', 'service: {}'],
  ...['stream {\n account: 5, subject: x }', 'stream { account: B\n subject: s\n colour: 5 }'],
  ...['stream { account: C, subject: s }', 'service { account: C, subject: s }'],
  ...['stream { account: B, subject: t }', 'service { account: B, subject: u }'],
  ...['', ', prefix: p', ', to: p', '\n prefix: 5', '\n to: 5', ', allow_trace: true'].map(
    (more) => `stream { account: B, subject: s }${more}`,
  ),
  ...['\n allow_trace: 5', '\n colour: 1', ', to: "p.$1"'].map((more) => {
    return `stream { account: B, subject: s }${more}`
  }),
  ...['', ', to: w, share: true', '\n share: 5', ', to: "a..b"'].map((more) => {
    return `service { account: B, subject: v }${more}`
  }),
  'service { account: B, subject: v }, to: l } { service { account: B, subject: w }, to: l',
  'service { account: B, subject: v } } { service { account: B, subject: v }',
]

const MAPPINGS: readonly string[] = [
  ...['5', '{}', '[]', '{ a: b }', '{ "a..b": c }', '{ "a.*": "b.$1" }', '{ "a.*": "b.$2" }'],
  ...['{\n a: 5 }', '{\n a: true }', '{ a: [\n 5 ] }', '{ a: [] }', '{\n a: "b..c" }'],
  ...[
    ...['dest: b', 'dest: b, weight: 50', 'destination: b, weight: "50%"', 'dest: 5, weight: 5'],
    ...['dest: b, weight: "50", cluster: c', 'dest: b\n weight: 101', 'dest: b\n weight: -1'],
    ...['dest: b\n weight: "x%"', 'dest: b\n weight: "101%"', 'dest: b\n weight: 1.5'],
    ...['dest: b, weight: 5\n cluster: 5', 'dest: "b.$1", weight: 5'],
  ].map((fields) => `{ a {\n ${fields} } }`),
  ...[
    '{ dest: b, weight: 50 }, { dest: c, weight: 50 }',
    '{ dest: b, weight: 50 }, { dest: b, weight: 50 }',
    '{ dest: b, weight: 60 }, { dest: c, weight: 60 }',
    '{ dest: b, weight: 50 }\n { dest: c }',
  ].map((destinations) => `{ a: [ ${destinations} ] }`),
]

const ACCOUNTS: readonly string[] = [
  ...['nkey: x', `nkey: ${ACCOUNT_KEY}`, `nkey: ${USER_KEY}`, 'colour: red'],
  ...['limits: 5', 'limits {}', 'limits: []', 'limits {\n colour: 5 }', 'limits {\n max_subs: x }'],
  'limits { max_conn: 5, max_subs: 6, max_pay: 7, max_leafs: 8 }',
  'limits { max_connections: -1, max_subscriptions: 5, max_payload: 1mb, max_leafnodes: 2 }',
  ...['default_permissions: 5', 'default_permissions { pub: a }', 'default_permission { pub: a }'],
  ...USERS.map((users) => `users: ${users}`),
  ...['true', 'false', 'enabled', 'Disable', 'x', '5', '{}', '[]', '{\n max_mem: x }'].map(
    (value) => `jetstream: ${value}`,
  ),
  ...['{ max_file: 5, streams: 2, consumers: 3 }', '{ max_bytes: true, max_ack_pending: 5 }'].map(
    (value) => `jetstream: ${value}`,
  ),
  ...['max_bytes: 5', 'colour: 5', 'cluster_traffic: x', 'cluster_traffic: 5'].map((field) => {
    return `jetstream {\n ${field} }`
  }),
  'jetstream { cluster_traffic: owner }',
  ...['foo', '5', '"a.*"', '{}', '[]', '{ dest: a }', '{\n dest: 5 }', '{\n dest: "a..b" }'].map(
    (value) => `msg_trace: ${value}`,
  ),
  ...['50', '"50%"', '0', '101', '"x%"', '1.5'].map((sampling) => {
    return `msg_trace { dest: a\n sampling: ${sampling} }`
  }),
  ...['msg_trace { sampling: 50 }', 'trace_dest: 5', 'Trace_Dest {\n foo: 5 }'],
  ...['exports: 5', 'exports: {}', 'exports: []', 'exports: [\n 5\n "x" ]'],
  ...EXPORTS.map((entry) => `exports: [ { ${entry} } ]`),
  ...['imports: 5', 'imports: []', 'imports: [\n 5 ]'],
  ...IMPORTS.map((entry) => `imports: [ { ${entry} } ]`),
  ...MAPPINGS.map((mappings) => `maps: ${mappings}`),
]

const EXPORTER = 'B { exports: [ { stream: s }, { service: v }, { service: w } ] }'

const TEXTS: readonly string[] = [
  ...AUTHORIZATIONS.map((body) => `authorization {\n ${body} }`),
  ...ACCOUNTS.map((body) => `accounts { A {\n ${body} }\n ${EXPORTER} }`),
  ...MAPPINGS.map((mappings) => `mappings: ${mappings}`),
  'maps { a: b }',
  ...['5', 'x', '[]', '[ A, B ]', '[\n A\n A ]', '[\n "$G" ]', '[\n 5 ]', '{}'].map((value) => {
    return `accounts: ${value}`
  }),
  ...['{\n "$G" {} }', '{\n A: 5 }', '{\n A: [] }', '{ "$SYS" { users: [ { user: a } ] } }'].map(
    (value) => `accounts: ${value}`,
  ),
  'accounts { A { users: [ { user: a } ] }\n B { users: [ { user: b } ] } }',
  'accounts { C: 5\n A { limits { max_conn: $C } } }',
  'accounts { P { pub: a }, A { users: [ { user: u, permissions: $P } ] } }',
  'accounts { A { exports: [ { stream: s, accounts: [ C ] } ] }, B {}\n' +
    ' C { imports: [ { stream { account: A, subject: s } } ] } }',
  'accounts { A { exports: [ { stream: s, accounts: [ C ] } ] }, C {}\n' +
    ' B { imports: [ { stream { account: A, subject: s } } ] } }',
  'accounts { A { exports: [ { service: s } ], imports: [ { service { account: A, subject: s } } ] } }',
  `authorization { auth_callout { issuer: ${ACCOUNT_KEY}, auth_users: [ a ]\n` +
    ' allowed_accounts: [ "$G", B ] } }\naccounts { B {} }\nmappings { a: b }',
]

test('judges users and accounts with -t like nats-server', needsServer, async (t) => {
  assert.ok(TEXTS.length > 300)
  for (const text of TEXTS) {
    await t.test(JSON.stringify(text.slice(0, 120)), () => compareFiles(files.write(text)))
  }
})

/**
 * nats-server says one thing or another, or nothing at all, depending on what it comes to first.
 */
const RANDOM: readonly (readonly [text: string, refusal: RegExp])[] = [
  ['authorization { user: a }\naccounts { A { users: [ { user: b } ] } }', /Can not have a single/],
  ['authorization { token: a }\naccounts { A { users: [ { user: b } ] } }', /Can not have a token/],
  [
    'authorization { users: [ { user: b } ] }\naccounts { A { users: [ { user: b } ] } }',
    /Duplicate user "b" detected/,
  ],
  [
    'accounts { A { users: [ { user: b } ] }, B { users: [ { user: b } ] } }',
    /Duplicate user "b" detected/,
  ],
  [
    `authorization { users: [ { user: a, nkey: ${USER_KEY} } ] }`,
    /Nkey users do not take usernames or passwords/,
  ],
  ['accounts { A { exports: [ { stream: a, service: b } ] } }', /but already saw a/],
  [
    'accounts { A { exports: [ { service: a, response: single, response_type: single } ] } }',
    /Duplicate response type definition/,
  ],
  [
    'accounts { A { exports: [ { service: a, threshold: "1s", response_time: "1s" } ] } }',
    /Duplicate response threshold detected/,
  ],
  [
    'accounts { A { exports: [ { stream: a, response: single } ] } }',
    /Detected response directive on non-service/,
  ],
  [
    'accounts { A { exports: [ { stream: a, latency: b } ] } }',
    /Detected latency directive on non-service/,
  ],
  [
    'accounts { A { exports: [ { stream: a, allow_trace: true } ] } }',
    /Detected allow_trace directive on non-service/,
  ],
  [
    'accounts { A { imports: [ { stream { account: B, subject: s }\n' +
      ' service { account: B, subject: v } } ] }, B {} }',
    /but already saw a/,
  ],
  [
    'accounts { A { imports: [ { service { account: B, subject: v }, allow_trace: true } ] }, B {} }',
    /Detected allow_trace directive on a non-stream/,
  ],
]

test('refuses in the same words what nats-server finds in random order', needsServer, async (t) => {
  for (const [text, refusal] of RANDOM) {
    await t.test(text.slice(0, 90), () => {
      const argv = ['-t', '-c', files.write(text)]
      for (const { code, stderr } of [ours(argv), theirs(argv)]) {
        assert.equal(code, 1)
        assert.match(stderr.join('\n'), refusal)
      }
    })
  }
})
