import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodePublicNkey } from '../../src/protocol/nkey-encoding.ts'
import { makeCertificates } from '../support/certificates.ts'
import { compareFiles, needsServer, ours, theirs } from './compare.ts'
import { base64Json, decorated, signedJwt, signer } from './signed-jwt.ts'
import { TemporaryFiles } from './temporary-files.ts'

/**
 * TLS for clients, the system account, operator mode and proxies, put to the real program as well:
 * with `-t`, and where a file is only refused at the start, by starting it.
 */

const files = new TemporaryFiles()
const { ca, client, server } = makeCertificates(files.folder)
const PAIR = `cert_file: "${server.certFile}", key_file: "${server.keyFile}"`

const operator = signer('operator', 1)
const account = signer('account', 2)
const user = signer('user', 3)
const OTHER = encodePublicNkey('account', new Uint8Array(32).fill(9))
const SERVER = encodePublicNkey('server', new Uint8Array(32).fill(7))

const operatorJwt = (nats: object = {}, parts = {}) =>
  signedJwt(operator, operator.publicKey, { type: 'operator', ...nats }, parts)
const PLAIN = operatorJwt()
const SYSTEM = operatorJwt({ system_account: account.publicKey })
const ACCOUNT = signedJwt(operator, account.publicKey, { type: 'account' })
const USER = signedJwt(account, user.publicKey, { type: 'user', pub: {}, sub: {} })
const BEARER = signedJwt(account, user.publicKey, { type: 'user', bearer_token: true })
const PRELOAD = `resolver_preload { ${account.publicKey}: "${ACCOUNT}" }`

const decoratedFile = files.write(decorated('OPERATOR', PLAIN), 'decorated.jwt')
const plainFile = files.write(`${PLAIN}\n`, 'plain.jwt')
const windowsFile = files.write(
  decorated('OPERATOR', PLAIN).replaceAll('\n', '\r\n'),
  'windows.jwt',
)
const emptyFile = files.write('', 'empty.jwt')
const store = join(files.folder, 'store')

const [header, body, signature] = PLAIN.split('.') as [string, string, string]
const withHeader = (value: unknown) => `${base64Json(value)}.${body}.${signature}`

const BAD_TOKENS: readonly string[] = [
  'eyJ',
  'eyJ.eyJ',
  'eyJ.eyJ.eyJ.eyJ',
  `${header}.${body}.`,
  `${header}.${body}.${signature.slice(0, -2)}`,
  `${header}.${body}.${signature.slice(0, -4)}AAAA`,
  `${header}.${body}.${signature}=`,
  `${header}.${body}.${signature.slice(0, 10)}*`,
  withHeader({ typ: 'JWS', alg: 'ed25519-nkey' }),
  withHeader({ typ: 'jwt', alg: 'none' }),
  withHeader({ typ: 'jwt', alg: 'ed25519x' }),
  withHeader({ alg: 'ed25519-nkey' }),
  operatorJwt({ version: 3 }),
  ACCOUNT,
  USER,
  operatorJwt({ type: 'cheese' }),
  signedJwt(account, operator.publicKey, { type: 'operator' }),
  operatorJwt({}, { claims: { iss: OTHER } }),
  operatorJwt({}, { claims: { iss: 'x' } }),
]

const OPERATORS: readonly string[] = [
  ...['operator', 'operators', 'root', 'roots', 'Root_Operator', 'root_operators'].map((key) => {
    return `${key}: "${PLAIN}"`
  }),
  ...[decoratedFile, plainFile, windowsFile, emptyFile].map((file) => `operator: "${file}"`),
  `operator: "/nonexistent/x.jwt"`,
  `operator: "${files.folder}"`,
  'operator: hello',
  `operator: [ "${PLAIN}", "${decoratedFile}" ]`,
  'operator: []',
  ...['5', '[\n 5 ]', '{}', '["/nonexistent/x",\n 5 ]', 'true'].map((v) => `operator:\t${v}`),
  ...BAD_TOKENS.map((token) => `operator: "${token}"`),
]

const RESOLVERS: readonly string[] = [
  ...['MEM', 'MEMORY', 'memory', '"my memory"', 'URL', '"URL()"', 'hello', '""'].map((v) => {
    return `resolver: ${v}`
  }),
  'resolver: URL(http://127.0.0.1:1/jwt/v1/accounts/)',
  'account_resolver: URL("http://127.0.0.1:1")',
  'accounts_resolver: "URL( http://127.0.0.1:1 )"',
  'resolver: "URL(:x)"',
  'resolver: "url(http://h%zz)"',
  ...['5', 'true', '[]', '2016-05-04T18:53:41Z'].map((v) => `resolver: ${v}`),
  ...[
    '',
    'type: x',
    'type: MEM',
    'type: memory, dir: 5',
    'type: full',
    'type: cache',
    'dir: "x"',
    `type: full, dir: "${store}"`,
    `type: FULL, dir: "${store}", limit: 5, allow_delete: true, hard_delete: true`,
    `type: full, dir: "${store}", interval: "1m", timeout: "1.9s"`,
    `type: full, dir: "${store}/a/b"`,
    `type: full, dir: "${store}", ttl: "5s"`,
    `type: full, dir: "${store}", hard_delete: false`,
    `type: full, dir: "${store}", timeout: "-1s"`,
    `type: full, dir: "${store}", timeout: "0s"`,
    `type: cache, dir: "${store}", limit: 5, ttl: "1h", timeout: "5s"`,
    `type: cache, dir: "${store}", interval: "5s", allow_delete: true, hard_delete: false`,
    `type: full, dir: "${emptyFile}"`,
    `type: full, dir: "${emptyFile}/x"`,
    'type: full, dir: "/proc/x/y"',
    ...['ttl', 'interval', 'timeout'].map((key) => `type: full, dir: "${store}", ${key}: x`),
    ...['ttl', 'interval', 'timeout', 'dir', 'type'].map((key) => `\n ${key}: 5`),
    ...['allow_delete', 'hard_delete', 'limit'].map((key) => `\n ${key}: x`),
    `type: full, dir: "${store}", colour: red, Limit: x`,
  ].map((fields) => `resolver { ${fields} }`),
]

const OTHERS: readonly string[] = [
  PRELOAD,
  ...['5', '[]', '{}', `{ x:\n 5 }`, `{ x: hello }`, `{ x: "${USER}"\n y: "${PLAIN}" }`].map(
    (value) => `resolver_preload: ${value}`,
  ),
  ...[`"${OTHER}"`, '[]', '[ a, b ]', '5', '[ a,\n 5,\n true ]', '{}'].map(
    (value) => `resolver_pinned_accounts: ${value}`,
  ),
  ...[operator.publicKey, `[ ${operator.publicKey} ]`, OTHER, '[]', '5', 'true'].map(
    (value) => `trusted_keys: ${value}`,
  ),
  `trusted: [ x\n ${operator.publicKey}\n 5 ]`,
  'trusted: [ x\n y ]',
  `resolver_tls { ${PAIR} }`,
  'resolver_tls { cert_file: x }',
  'resolver_tls: 5',
  'default_sentinel: 5',
  `default_sentinel: "${BEARER}"`,
  ...['5', 'x', '[]', 'true'].map((value) => `system_account: ${value}`),
  ...['5', 'x'].map((value) => `system: ${value}`),
  'system: x, system_account: y',
  ...['no_system_account', 'no_system', 'no_sys_acc'].flatMap((key) => {
    return [`${key}: true`, `${key}: 5`]
  }),
  ...['5', 'x', '[]'].map((value) => `no_auth_user: ${value}`),
  ...['5', 'true'].map((value) => `allow_non_tls: ${value}`),
  ...['5', '[]', '{}', '{ trusted: 5 }', '{ trusted: [] }', '{ colour: 5 }'].map(
    (value) => `proxies: ${value}`,
  ),
  ...['\n 5', '[ ]', '{ key: 5 }', '{\n key: x }', '{ colour: x }', '{}'].map(
    (entry) => `proxies { trusted [ ${entry} ] }`,
  ),
  `proxies { Trusted [ { key: ${SERVER} }, { Public_Key: ${OTHER} } ] }`,
  'websocket { no_auth_user: 5 }',
  'websocket { no_auth_user: x }',
]

const TLS: readonly string[] = [
  'tls: 5',
  ...[
    '',
    PAIR,
    `${PAIR}, ca_file: "${ca.certFile}", verify: true, timeout: 5`,
    `${PAIR}, verify_and_map: true, connection_rate_limit: 10`,
    'cert_file: x',
    'colour: red',
    'verify_cert_and_check_known_urls: true',
    'handshake_first: 5',
    `cert_file: "${server.certFile}", key_file: "${client.keyFile}"`,
  ].map((fields) => `tls {\n ${fields} }`),
]

test('judges files with -t like nats-server, in the same words', needsServer, async (t) => {
  for (const text of [...OPERATORS, ...RESOLVERS, ...OTHERS, ...TLS]) {
    await t.test(JSON.stringify(text.slice(0, 90)), () => {
      compareFiles(files.write(text))
    })
  }
})

const MEMORY = `resolver: MEMORY\n${PRELOAD}`
const asserting = (version: string) =>
  `${MEMORY}\noperator: "${operatorJwt({ assert_server_version: version })}"`
const remote = (more: string) => `leafnodes { remotes [ { url: "a://127.0.0.1:1"${more} } ] }`

const REFUSED_AT_START: readonly string[] = [
  `operators: [ "${PLAIN}", "${SYSTEM}" ]`,
  `operator: "${PLAIN}"`,
  `operator: "${operatorJwt({ account_server_url: 'ftp://h/x' })}"`,
  `operator: "${PLAIN}", resolver: URL`,
  `operator: "${PLAIN}", resolver: "URL(ftp://h)"`,
  `operator: "${PLAIN}", resolver: "URL(http://127.0.0.1:1)"\n${PRELOAD}`,
  `operator: "${PLAIN}", ${PRELOAD}`,
  `operator: "${PLAIN}"\n${MEMORY}\naccounts { A {} }`,
  `operator: "${PLAIN}"\n${MEMORY}\nauthorization { users [ { user: a, password: b } ] }`,
  `operator: "${PLAIN}"\n${MEMORY}\nauthorization { users [ { nkey: ${user.publicKey} } ] }`,
  `operator: "${PLAIN}"\n${MEMORY}\ntrusted: ${operator.publicKey}`,
  `operator: "${SYSTEM}"\n${MEMORY}\nsystem_account: ${OTHER}`,
  `operators: [ "${SYSTEM}", "${PLAIN}" ]\n${MEMORY}\nsystem_account: x`,
  `operator: "${PLAIN}"\n${MEMORY}\nsystem_account: ${OTHER}`,
  `operator: "${PLAIN}"\n${MEMORY}\nsystem_account: x`,
  `operator: "${PLAIN}"\nresolver { type: full, dir: "${store}" }`,
  `operator: "${PLAIN}"\nresolver { type: cache, dir: "${store}" }`,
  `operator: "${PLAIN}"\n${MEMORY}\nresolver_pinned_accounts: [ ${OTHER}, x ]`,
  `operator: "${PLAIN}"\n${MEMORY}\nno_auth_user: x`,
  ...['x', '1.2', '1.x.3', '2.-1.0', '99.0.0', '2.99.0'].map(asserting),
  `operator: "${operatorJwt({ signing_keys: [OTHER] })}"\n${MEMORY}`,
  `operator: "${PLAIN}"\n${MEMORY}\ndefault_sentinel: x`,
  `operator: "${PLAIN}"\n${MEMORY}\ndefault_sentinel: "${ACCOUNT}"`,
  `operator: "${PLAIN}"\n${MEMORY}\ndefault_sentinel: "${USER}"`,
  `default_sentinel: "${BEARER}"`,
  `operator: "${PLAIN}"\n${MEMORY}\n${remote('')}`,
  `operator: "${PLAIN}"\n${MEMORY}\n${remote(', account: A')}`,
  `operator: "${PLAIN}"\n${MEMORY}\nleafnodes { port: -1, authorization { account: A } }`,
  `operator: "${PLAIN}"\n${MEMORY}\nleaf { authorization { users [ { user: a } ] } }`,
  `operator: "${PLAIN}"\n${MEMORY}\nauthorization { auth_callout { issuer: ${OTHER}\n users: [ a ] } }`,
  'system_account: X',
  'system_account: X, accounts { A {} }',
  'no_auth_user: x',
  'no_auth_user: x, authorization { user: x, password: y }',
  'no_auth_user: x, authorization { users [ { user: a, password: b } ] }',
  'no_auth_user: x, accounts { A { users [ { user: a, password: b } ] } }',
  'proxies { trusted [ {} ] }',
  `accounts { A {} }\n${remote(', account: B')}`,
  'accounts { A {} }, leafnodes { authorization { account: B } }',
  'accounts { A {} }, leafnodes { authorization { users [ { user: a, account: B } ] } }',
  `system_account: A, accounts { A {} }\n${remote(', account: "$SYS"')}`,
  `no_system_account: true\n${remote(', account: "$SYS"')}`,
  'websocket { port: -1, no_tls: true, no_auth_user: x }',
  ...['username: a, password: b', 'token: t'].map((login) => {
    return (
      'authorization { users [ { user: a, password: b } ] }\n' +
      `websocket { port: -1, no_tls: true, authorization { ${login} } }`
    )
  }),
  `operator: "${PLAIN}"\n${MEMORY}\nwebsocket { port: -1, no_tls: true, no_auth_user: x }`,
]

test('refuses to start like nats-server, in the same words', needsServer, async (t) => {
  for (const text of REFUSED_AT_START) {
    await t.test(JSON.stringify(text.replace(/eyJ[\w.-]+/g, 'JWT').slice(0, 120)), () => {
      const file = files.write(`port: -1\n${text}`)
      assert.equal(ours(['-t', '-c', file]).code, 0, text)
      assert.deepEqual(ours(['-c', file]), theirs(['-c', file]))
    })
  }
})

const STARTED: readonly string[] = [
  'system_account: X, accounts { X {} }',
  'system_account: "$G"',
  'accounts { "$SYS" { users [ { user: a, password: b } ] } }',
  `operator: "${PLAIN}"\n${MEMORY}`,
  `operator: "${SYSTEM}"\n${MEMORY}\nresolver_pinned_accounts: [ ${OTHER} ]`,
  asserting('2.0.0'),
  `operator: "${PLAIN}"\n${MEMORY}\ndefault_sentinel: "${BEARER}"`,
  `operator: "${SYSTEM}"\nresolver { type: full, dir: "${store}" }`,
  `trusted: ${operator.publicKey}, accounts { A {} }`,
  'resolver: MEMORY',
  `tls { ${PAIR} }, allow_non_tls: true`,
  'tls {}',
  `proxies { trusted [ { key: ${SERVER} } ] }`,
  'accounts { A {} }, leafnodes { authorization { account: A } }',
  remote(', account: "$SYS"'),
  `operator: "${PLAIN}"\n${MEMORY}\nwebsocket { port: -1, no_tls: true, jwt_cookie: j }`,
  `operator: "${PLAIN}"\n${MEMORY}\n${remote(`, account: ${account.publicKey}`)}`,
]

test('starts with what nats-server starts with', needsServer, async (t) => {
  for (const text of STARTED) {
    await t.test(JSON.stringify(text.replace(/eyJ[\w.-]+/g, 'JWT').slice(0, 120)), () => {
      const file = files.write(`port: -1\n${text}`)
      assert.deepEqual(ours(['-c', file]), { code: null, stdout: 'runs', stderr: [''] })
      assert.ok(theirs(['-c', file], 700).stderr.some((line) => line.includes('Server is ready')))
    })
  }
})

const { certFile, keyFile } = server
const TLS_FLAGS: readonly (readonly string[])[] = [
  ['--tls'],
  ['--tls', '--tlscert', certFile],
  ['--tlskey', keyFile],
  ['--tlsverify'],
  ['--tlsverify=false'],
  ['--tlscacert', ca.certFile],
  ['--tls', '--tlscert', certFile, '--tlskey', client.keyFile],
  ['--tlscert', certFile, '--tlskey', '/nonexistent/x'],
  ['--tls', '--tlscert', certFile, '--tlskey', keyFile, '--tlscacert', '/nonexistent/x'],
  ['--tlscert', certFile, '--tlskey', keyFile, '--tlscacert', emptyFile],
  ['--tls=x'],
  ['--tlscert'],
]

test('refuses flags about TLS like nats-server, in the same words', needsServer, async (t) => {
  const file = files.write(`tls { ${PAIR} }`)
  for (const flags of TLS_FLAGS) {
    await t.test(flags.join(' '), () => {
      assert.deepEqual(ours(flags), theirs(flags))
      assert.deepEqual(ours(['-c', file, ...flags]), theirs(['-c', file, ...flags]))
    })
  }
})
