import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { encodePublicNkey, encodeSeedNkey } from '../../src/protocol/nkey-encoding.ts'
import { makeCertificates } from '../support/certificates.ts'
import { compareFiles, needsServer, ours, theirs } from './compare.ts'
import { TemporaryFiles } from './temporary-files.ts'

/**
 * The blocks `leafnodes`, `tls` and `websocket`, put to the real program as well: with `-t`, and
 * where a file is only refused at the start, by starting it.
 */

const files = new TemporaryFiles()
const { ca, client, server } = makeCertificates(files.folder)
const read = (file: string): string => readFileSync(file, 'utf8')
const empty = files.write('', 'empty.pem')
const junk = files.write(pemOf('CERTIFICATE'), 'junk.pem')
const junkKey = files.write(pemOf('PRIVATE KEY'), 'junk-key.pem')
const twoKeys = files.write(read(server.keyFile) + read(client.keyFile), 'two-keys.pem')
const KEY = encodePublicNkey('user', new Uint8Array(32).fill(7))
const SEED = encodeSeedNkey('user', new Uint8Array(32).fill(7))

function pemOf(type: string): string {
  return `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`
}

function filePair(certFile: string, keyFile: string): string {
  return `cert_file: "${certFile}", key_file: "${keyFile}"`
}

const PAIR = filePair(server.certFile, server.keyFile)
const NOWHERE = '/nonexistent/x'

const TLS_BODIES: readonly string[] = [
  '',
  PAIR,
  `${PAIR}, ca_file: "${ca.certFile}", verify: true`,
  'cert_file: "x"',
  'key_file: "x"',
  filePair(NOWHERE, '/nonexistent/y'),
  filePair(files.folder, 'x'),
  filePair(server.certFile, NOWHERE),
  filePair(empty, server.keyFile),
  filePair(server.certFile, empty),
  filePair(server.keyFile, server.certFile),
  filePair(server.certFile, server.certFile),
  filePair(server.certFile, client.keyFile),
  filePair(twoKeys, server.keyFile),
  filePair(junk, server.keyFile),
  filePair(server.certFile, junkKey),
  ...[NOWHERE, empty, junk, server.keyFile].map((file) => `ca_file: "${file}"`),
  `certs: [ { ${PAIR} }, { ${PAIR} } ]`,
  `certificates: [ { ${PAIR} }, { ${filePair(NOWHERE, 'y')} } ]`,
  `${PAIR}\n certs: [ { ${PAIR} } ]`,
  ...['5', '[ ]', '[\n 5 ]', '[ {\n cert_file: 5 } ]', '[ {\n colour: "x" } ]'].map(
    (value) => `certs: ${value}`,
  ),
  'certs: [ {\n cert_file: "x" } ]',
  'certs: [ { Cert_File:\n x } ]',
  'certs: [ {} ]',
  ...['cert_file: 5', 'key_file: 5', 'ca_file: true', 'insecure: 5', 'verify: "x"'],
  ...['verify_and_map: 1', 'verify_and_map: true'],
  ...['1', 'true', 'false'].map((value) => `verify_cert_and_check_known_urls: ${value}`),
  'allow_insecure_cipher_suites: 1',
  ...['[]', '5', '[\n 5 ]', '[\n "X" ]'].map((value) => `cipher_suites: ${value}`),
  'cipher_suites: [ TLS_RSA_WITH_RC4_128_SHA, TLS_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA ]',
  'cipher_suites: [ TLS_RSA_WITH_AES_128_CBC_SHA ]\n allow_insecure_cipher_suites: true',
  ...['[]', '5', '[\n 5 ]', '[\n "X" ]'].map((value) => `curve_preferences: ${value}`),
  'curve_preferences: [ X25519, CurveP256, CurveP384, CurveP521, X25519MLKEM768 ]',
  'curve_preferences: [ SecP256r1MLKEM768, SecP384r1MLKEM1024 ]',
  ...['x', '[]', '5', '0.5', '"2s"'].map((value) => `timeout: ${value}`),
  ...['x', '5'].map((value) => `connection_rate_limit: ${value}`),
  ...['5', '[\n "x" ]', '[\n 5 ]', '[]'].map((value) => `pinned_certs: ${value}`),
  `pinned_certs: [ "${server.pin.toUpperCase()}" ]`,
  ...['true', '"on"', 'OFF', '"auto"', '"AUTO_fallback"', '"100ms"', '"-5s"'].map(
    (value) => `handshake_first: ${value}`,
  ),
  ...['First: x', 'immediate: 1.5', 'first: "123"', 'handshake_first: []'],
  ...['"1.2"', '"1.3"', '"1.1"', '"1.0"', '"x"', '1.2', '5', 'true'].map(
    (value) => `min_version: ${value}`,
  ),
  'colour: red',
  'Y = 5\n timeout: $Y',
]

const REMOTE_FIELDS: readonly string[] = [
  `tls { ${PAIR} }`,
  'tls: 5',
  'tls { cert_file: x }',
  ...['no_randomize: 5', 'dont_randomize: true', 'hub: 5', 'hub: true'],
  ...['creds: 5', 'creds: "$SABLE_INT/x"', 'credentials: "/x"', 'nkey: 5', `seed: ${SEED}`],
  ...['5', '"a..b"', '[ a, "b c" ]', '[\n 5 ]', '{ a: b }'].map(
    (value) => `deny_imports: ${value}`,
  ),
  ...['deny_import: a', 'deny_export: [ "x.>", "y" ]', 'deny_exports: ["a", ""]'],
  ...['ws_compress: 1', 'ws_compression: true', 'websocket_compress: true'],
  ...['websocket_compression: true', 'ws_no_masking: true', 'websocket_no_masking: "x"'],
  ...['true', '5', '{}', '{ leader_migrate_delay: "5s" }', '{ leader_migrate_delay: x }'].map(
    (value) => `jetstream_cluster_migrate: ${value}`,
  ),
  ...['js_cluster_migrate {\n leader_migrate_delay: 5 }', 'js_cluster_migrate { other: 5 }'],
  ...['isolate: true', 'isolate_leafnode_interest: 5', 'request_isolation: true'],
  ...['request_isolation: x', 'compression: 5', 'Compression: []', 'compression: off'],
  ...['First_Info_Timeout: "2s"', 'First_Info_Timeout: 5', 'First_Info_Timeout: x'],
  ...['"2s"', '5', 'x', '"-1s"'].map((value) => `dial_timeout: ${value}`),
  ...['disabled: 5', 'disabled: true', 'ignore_discovered_servers: true'],
  ...['ignore_discovered_servers: 1', 'colour: red'],
  ...['proxy: 5', 'proxy: {}', 'proxy { url: 5 }', 'proxy { colour: 5 }'],
  ...[
    'ftp://h',
    'http://',
    'http://h:x',
    ':x',
    'h h',
    'http://h h',
    'http://h%zz',
    'http://:80',
  ].map((url) => `proxy { url: "${url}" }`),
  ...['http://[::1', 'http://[::1]x', '127.0.0.1:80', 'http://h\n', 'https://h:1#%zz'].map(
    (url) => `proxy { url: "${url}" }`,
  ),
  'proxy {\n url: "http://h"\n username: u }',
  'proxy { url: "http://h", username: u, password: p }',
  ...['"-1s"', 'x', '5', '"5s"'].map((value) => `proxy { url: "http://h", timeout: ${value} }`),
]

const LEAFNODE_FIELDS: readonly string[] = [
  'tls: 5',
  'tls: [ ]',
  ...[
    '5',
    '"x"',
    '"2.7.9"',
    '"v2.9.0"',
    '"3.0.0-rc.1+x.01"',
    '"2.8.0.0"',
    '"3.0.0-01"',
    '"3.0.0-"',
    '"3.0.0-0a.-.x"',
    '"3.0.0+a..b"',
  ].map((value) => `min_version: ${value}`),
  'minimum_version: "2.8.0"',
  ...['dial_timeout: 5', 'dial_timeout: x', 'write_deadline: 5', 'write_deadline: x'],
  ...['x', '5', 'default', 'close', 'retry'].map((value) => `write_timeout: ${value}`),
  ...['isolate: 5', 'isolate_leafnode_interest: true'],
  ...['{ mode: 5 }', '{ rtt: 5 }', '{ rtt: [\n 5 ] }', '{ thresholds: ["1s"] }'].map(
    (value) => `compression ${value}`,
  ),
  ...['nkey: x', 'nkey: 5', `nkey: ${KEY}`, 'proxy_required: 5', 'proxy_required: true'].map(
    (field) => `authorization {\n ${field} }`,
  ),
  ...['5', '{}', '[ ]\n user: a', '[\n 5 ]', '[ { user: 5 } ]', '[ {\n colour: 1 } ]'].map(
    (users) => `authorization {\n users: ${users} }`,
  ),
  'authorization {\n users: [ { user: a, password: b, account: A, proxy_required: true } ] }',
  'authorization {\n users: [ { user: a }, { user: a } ] }',
  'authorization {\n users: [ { user: a, proxy_required: 5 } ] }',
  'authorization {\n user: x\n users [ { user: a } ] }',
  `authorization {\n nkey: ${KEY}\n users [ { user: a } ] }`,
]

const WEBSOCKET_FIELDS: readonly string[] = [
  ...['listen: x', 'port: x', 'port: 8080', 'host: 5', 'net: h', 'advertise: 5', 'no_tls: 5'],
  ...['tls: 5', 'tls { foo: 1 }', `tls { ${PAIR} }`, 'same_origin: 1', 'colour: red'],
  ...['5', '[\n 5\n true\n "x" ]', '"x"', '[ ]'].map((value) => `allowed_origins: ${value}`),
  ...['allowed_origin', 'allow_origins', 'allow_origin', 'origins', 'origin'].map((key) => {
    return `${key}: "x"`
  }),
  ...['x', '[]', '5', '"5s"', '1.5'].map((value) => `handshake_timeout: ${value}`),
  ...['compress: 5', 'compression: true', 'ping_interval: 5', 'ping_interval: x'],
  ...['5', '{ user: 5 }', '{ colour: 5 }', '{ timeout: 2 }', '{ timeout: "2s" }'].map(
    (value) => `authorization: ${value}`,
  ),
  'authentication { user: a, pass: b, token: c, timeout: 5 }',
  ...['jwt_cookie: 5', 'jwt_cookie: a', 'user_cookie: 5', 'pass_cookie: 5', 'token_cookie: 5'],
  'user_cookie: a, pass_cookie: b, token_cookie: c',
  ...['5', '{\n a: 5 }', '{ a: b, host: c }'].map((value) => `headers: ${value}`),
  'ping_interval: "5s"',
]

const TOP_FIELDS: readonly string[] = [
  ...['websocket: 5', 'websocket: []', 'ws { port: 5 }'],
  ...['5', 'x', '"5s"', '"29999ms"', '"30s"'].map((value) => `lame_duck_duration: ${value}`),
  ...['5', 'x', '"-1s"', '"0s"', '"1s"'].map((value) => `lame_duck_grace_period: ${value}`),
  ...['a', '[ a, b ]', '5', '[ 5 ]', '{}'].map((value) => `server_tags: ${value}`),
  ...['5', '{ a: b }', '{\n a: 5 }'].map((value) => `server_metadata: ${value}`),
  ...['store_dir: 5', 'store_dir: x', 'storedir: x'],
]

const URLS_BEHIND_PROXY: readonly string[] = [
  '"ws://h"',
  '["ws://h", "nats://h"]',
  '"wss://h:443/x?y"',
  '["wss://h", "ws://h"]',
  '"wss://h", tls {}',
]

const CHECKED_TEXTS: readonly string[] = [
  ...TLS_BODIES.map((body) => `leafnodes {\n tls {\n ${body} } }`),
  ...REMOTE_FIELDS.map((field) => `leaf {\n remotes [\n { url: "nats://h"\n ${field} } ] }`),
  ...URLS_BEHIND_PROXY.map((url) => {
    return `leaf { remotes [ { url: ${url}\n proxy { url: "http://h:80" } } ] }`
  }),
  ...LEAFNODE_FIELDS.map((field) => `leafnodes {\n ${field} }`),
  ...WEBSOCKET_FIELDS.map((field) => `websocket {\n ${field} }`),
  ...TOP_FIELDS,
  'leaf { remotes [ { url: "a://h", creds: x }, { url: "a://h", creds: y } ] }',
]

test('judges the blocks with -t like nats-server, in the same words', needsServer, async (t) => {
  for (const text of CHECKED_TEXTS) {
    await t.test(JSON.stringify(text.slice(0, 90)), () => {
      compareFiles(files.write(text))
    })
  }
})

const ORIGINS = ['x', '', 'ftp://h', 'http://', 'http:///x', 'http://h:x', '/x', '*', 'http:x']

const REFUSED_AT_START: readonly string[] = [
  'lame_duck_duration: "30s"\nlame_duck_grace_period: "30s"',
  'lame_duck_grace_period: "3m"',
  'max_payload: 2mb, max_pending: 1mb\nlame_duck_grace_period: "3m"',
  ...[
    'gzip',
    '"S2_uncompressed"',
    '{ mode: auto, rtts: ["10ms","5ms"] }',
    '{ mode: auto, rtts: ["1ms","2ms","3ms","4ms","5ms"] }',
    '{ mode: Auto, rtts: ["0s","-1s"] }',
    '{ rtts: ["10ms","0s","5ms"] }',
    '{ rtts: ["1ms","2ms","3ms","4ms","5ms"] }',
  ].map((compression) => `leafnodes { port: -1\n compression: ${compression} }`),
  ...[
    '{ url: "a://h", compression: gzip }',
    '{ url: "a://h" }, { url: "a://h:7422" }',
    '{ url: "a://u:p@h", creds: x }, { url: "a://u:p@h:7422", creds: x }',
    '{ urls: ["ws://h", "nats://u:p@h:5/x"] }',
    '{ urls: ["nats://h", "wss://h/a%20b"] }',
    '{ url: "a://h", account: X }',
  ].map((remotes) => `leafnodes { remotes [ ${remotes} ] }`),
  'leafnodes { authorization { account: X } }',
  'leafnodes { authorization { users [ { user: a, account: X } ] } }',
  'websocket { port: -1 }',
  ...[...ORIGINS, 'http://[::1', 'http://h h'].map((origin) => {
    return `websocket { port: -1, no_tls: true, origin: "${origin}" }`
  }),
  'websocket { port: -1, no_tls: true, jwt_cookie: j }',
  ...[
    ...['Host', 'Content-Length', 'CONNECTION', 'upgrade', 'Nats-No-Masking'],
    'Sec-Websocket-Foo',
  ].map((name) => `websocket { port: -1, no_tls: true, headers { ${name}: x } }`),
]

test('refuses to start like nats-server, in the same words', needsServer, async (t) => {
  for (const text of REFUSED_AT_START) {
    await t.test(JSON.stringify(text.slice(0, 90)), () => {
      const file = files.write(`port: -1\n${text}`)
      assert.equal(ours(['-t', '-c', file]).code, 0)
      assert.equal(ours(['-c', file]).code, 1)
      assert.deepEqual(ours(['-c', file]), theirs(['-c', file]))
    })
  }
})
