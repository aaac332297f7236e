import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigFaults } from '../../src/config/config-faults.ts'
import { parseConfigText } from '../../src/config/config-parser.ts'
import { completeOptions } from '../../src/config/option-checks.ts'
import { defaultsOf } from '../../src/config/option-entry.ts'
import { readOptions } from '../../src/config/option-readers.ts'
import type {
  LeafnodeOptions,
  Options,
  RemoteOptions,
  TlsOptions,
  WebsocketOptions,
} from '../../src/config/option-types.ts'
import { REMOTE_TABLE } from '../../src/config/remote-table.ts'
import { tlsDefaults } from '../../src/config/tls-table.ts'
import { WEBSOCKET_TABLE } from '../../src/config/websocket-table.ts'
import { encodePublicNkey, encodeSeedNkey } from '../../src/protocol/nkey-encoding.ts'
import { makeCertificates } from '../support/certificates.ts'
import { TemporaryFiles } from './temporary-files.ts'

const files = new TemporaryFiles()
const { ca, server } = makeCertificates(files.folder)
const KEY = encodePublicNkey('user', new Uint8Array(32).fill(7))
const SEED = encodeSeedNkey('user', new Uint8Array(32).fill(7))
const ENVIRONMENT = { HOME: '/users/u', WHERE: 'here' }

function faultsOf(text: string): readonly string[] {
  const faults = new ConfigFaults()
  readOptions(parseConfigText(text, {}), faults, ENVIRONMENT)
  return [...faults.errors, ...faults.warnings]
}

/** As the broker gets them; the text must be free of faults. */
function complete(text: string): Options {
  const faults = new ConfigFaults()
  const options = readOptions(parseConfigText(text, {}), faults, ENVIRONMENT)
  assert.deepEqual([...faults.errors, ...faults.warnings], [], text)
  const result = completeOptions(options)
  assert.ok('options' in result, 'error' in result ? result.error : '')
  return result.options
}

function refusal(text: string): string | undefined {
  const faults = new ConfigFaults()
  const options = readOptions(parseConfigText(text, {}), faults, ENVIRONMENT)
  assert.deepEqual(faults.errors, [], text)
  const result = completeOptions(options)
  return 'error' in result ? result.error : undefined
}

function leafnodes(body: string): LeafnodeOptions {
  return complete(`leafnodes { ${body} }`).leafnodes
}

function remote(body: string): RemoteOptions {
  return leafnodes(`remotes [ { url: "nats://h"\n ${body} } ]`).remotes[0]!
}

function websocket(body: string): WebsocketOptions {
  return complete(`websocket { ${body} }`).websocket
}

function tls(body: string): TlsOptions {
  const options = leafnodes(`tls { ${body} }`).tls
  assert.ok(options)
  return options
}

test('a remote has every option nats-server knows, under each of its names', () => {
  const cases: readonly (readonly [body: string, sets: Partial<RemoteOptions>])[] = [
    ['local: "$G"', { account: '$G' }],
    ['creds: "/c"', { credentials: '/c' }],
    [`credentials: "~/$WHERE/\${WHERE}.$NOWHERE"`, { credentials: '/users/u/here/here.' }],
    [`nkey: ${SEED}`, { nkey: SEED }],
    [`seed: ${SEED}`, { nkey: SEED }],
    ['no_randomize: true', { noRandomize: true }],
    ['dont_randomize: true', { noRandomize: true }],
    ['hub: true', { hub: true }],
    [
      'deny_imports: a, deny_export: [ "b.>", c ]',
      { denyImports: ['a'], denyExports: ['b.>', 'c'] },
    ],
    ['websocket_compress: true, ws_no_masking: true', { wsCompression: true, wsNoMasking: true }],
    ['js_cluster_migrate { leader_migrate_delay: "5s" }', { jetstreamClusterMigrate: true }],
    [
      'isolate: true, request_isolation: true',
      { isolateLeafnodeInterest: true, requestIsolation: true },
    ],
    [
      'first_info_timeout: "5s", dial_timeout: "250ms"',
      { firstInfoTimeoutMs: 5_000, dialTimeoutMs: 250 },
    ],
    [
      'first_info_timeout: "-5s", dial_timeout: "-1s"',
      { firstInfoTimeoutMs: 1_000, dialTimeoutMs: 0 },
    ],
    [
      'disabled: true, ignore_discovered_servers: true',
      { disabled: true, ignoreDiscoveredServers: true },
    ],
    ['tls {}', { tls: tlsDefaults() }],
    ['proxy { }', { proxy: undefined }],
    [
      'proxy { url: "http://p:1", username: u, password: p, timeout: "3s" }',
      { proxy: { url: 'http://p:1', username: 'u', password: 'p', timeoutMs: 3_000 } },
    ],
  ]
  const urls = [{ scheme: 'nats', host: 'h', port: 7422, path: '' }]
  for (const [body, sets] of cases) {
    const expected = { ...defaultsOf(REMOTE_TABLE), urls, account: '$G', ...sets }
    assert.deepEqual(remote(body), expected, body)
  }
})

test('the leafnodes block has every option nats-server knows, and two of its own', () => {
  const options = leafnodes(`
    minimum_version: "2.10.0", isolate: true, write_deadline: "3s", write_timeout: close
    dial_timeout: "4s", max_pending: 1mb, slow_leaf: drop
    authorization { nkey: ${KEY}, proxy_required: true }`)
  assert.equal(options.minVersion, '2.10.0')
  assert.equal(options.isolateLeafnodeInterest, true)
  assert.equal(options.writeDeadlineMs, 3_000)
  assert.equal(options.writeTimeout, 'close')
  assert.equal(options.dialTimeoutMs, 4_000)
  assert.equal(options.maxPending, 2 ** 20)
  assert.equal(options.slowLeaf, 'drop')
  assert.equal(options.authorization.nkey, KEY)
  assert.equal(options.authorization.proxyRequired, true)
})

test('several leaf users are read, with their accounts', () => {
  const { authorization } = leafnodes(
    'authorization { users = [ { username: a, pass: b, account: "$G" }, { user: c, proxy_required: on } ] }',
  )
  assert.deepEqual(authorization.users, [
    { user: 'a', pass: 'b', account: '$G', proxyRequired: false },
    { user: 'c', pass: '', account: '', proxyRequired: true },
  ])
})

test('the time a leaf has to log in follows that of TLS, unless it is given', () => {
  assert.equal(leafnodes('port: -1').authorization.timeoutMs, 2_000)
  assert.equal(leafnodes('tls { timeout: 5 }').authorization.timeoutMs, 6_000)
  assert.equal(leafnodes('authorization { user: a }\n tls {}').authorization.timeoutMs, 3_000)
  assert.equal(leafnodes('authorization { timeout: 1 }\n tls {}').authorization.timeoutMs, 1_000)
})

test('compression has one word for each mode, whatever the spelling', () => {
  const modes: Readonly<Record<string, readonly string[]>> = {
    s2_auto: [
      'true',
      'on',
      '"ON"',
      '"enabled"',
      '"true"',
      'auto',
      'S2_Auto',
      '{}',
      '{ mode: "on" }',
    ],
    s2_fast: ['fast', '"s2_fast"', '{ mode: FAST, rtts: ["5ms"] }'],
    s2_better: ['better', '"s2_better"'],
    s2_best: ['best', '"s2_best"'],
    off: ['false', 'off', '"OFF"', '"disabled"', '"false"'],
    accept: ['accept'],
    'not supported': ['"not supported"', 'not_supported'],
  }
  for (const [mode, spellings] of Object.entries(modes)) {
    for (const spelling of spellings) {
      const { compression } = leafnodes(`compression: ${spelling}`)
      const rttThresholdsMs = mode === 's2_auto' ? [10, 50, 100] : []
      assert.deepEqual(compression, { mode, rttThresholdsMs }, spelling)
      assert.deepEqual(remote(`compression: ${spelling}`).compression, compression)
    }
  }
})

test('thresholds keep their zeros, except at the end, and have no negative ones', () => {
  const thresholds = (list: string) =>
    leafnodes(`compression { mode: s2_auto, rtt_thresholds: ${list} }`).compression.rttThresholdsMs
  assert.deepEqual(thresholds('["0s", "10ms", "-5ms", "20ms", "0s", "0s"]'), [0, 10, 0, 20])
  assert.deepEqual(thresholds('["1ms", "1ms", "2ms", "3ms", "0s"]'), [1, 1, 2, 3])
  assert.deepEqual(thresholds('["500us"]'), [0.5])
})

test('a tls block says all it can, in one object', () => {
  const options = tls(`
    cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${ca.certFile}"
    verify_and_map: true, insecure: true, timeout: 0.5, connection_rate_limit: 7
    cipher_suites: [ TLS_AES_128_GCM_SHA256 ], curve_preferences: [ X25519 ]
    pinned_certs: [ "${server.pin.toUpperCase()}" ], min_version: "1.3", first: "250ms"`)
  assert.deepEqual(options, {
    certFile: server.certFile,
    keyFile: server.keyFile,
    caFile: ca.certFile,
    certificates: [],
    verify: true,
    verifyAndMap: true,
    insecure: true,
    cipherSuites: ['TLS_AES_128_GCM_SHA256'],
    curvePreferences: ['X25519'],
    timeoutMs: 500,
    connectionRateLimit: 7,
    pinnedCerts: [server.pin],
    minVersion: '1.3',
    handshakeFirst: true,
    handshakeFirstFallbackMs: 250,
  })
})

test('a tls block may have several certificates, and an empty one has the defaults', () => {
  const pair = { certFile: server.certFile, keyFile: server.keyFile }
  const text = `{ cert_file: "${pair.certFile}", key_file: "${pair.keyFile}" }`
  assert.deepEqual(tls(`certs: [ ${text}, ${text} ]`).certificates, [pair, pair])
  assert.deepEqual(tls(''), tlsDefaults())
  assert.equal(tls('timeout: 0').timeoutMs, 2_000)
})

test('TLS first has a wait only where one is asked for', () => {
  const first = (value: string) => {
    const { handshakeFirst, handshakeFirstFallbackMs } = tls(`handshake_first: ${value}`)
    return [handshakeFirst, handshakeFirstFallbackMs]
  }
  for (const value of ['true', '"on"', '"TRUE"', '"-1s"']) {
    assert.deepEqual(first(value), [true, 0], value)
  }
  for (const value of ['false', '"off"']) assert.deepEqual(first(value), [false, 0], value)
  for (const value of ['auto', '"AUTO_FALLBACK"']) {
    assert.deepEqual(first(value), [true, 50], value)
  }
  assert.deepEqual(first('"1s"'), [true, 1_000])
})

test('insecure ciphers must be allowed, and the broken ones are not to be had', () => {
  const allowed = 'allow_insecure_cipher_suites: true\n cipher_suites:'
  assert.deepEqual(tls(`${allowed} [ TLS_RSA_WITH_AES_128_CBC_SHA ]`).cipherSuites, [
    'TLS_RSA_WITH_AES_128_CBC_SHA',
  ])
  assert.deepEqual(faultsOf(`ws {\ntls { ${allowed} [ TLS_RSA_WITH_RC4_128_SHA ] } }`), [
    ':2:1: cipher suite TLS_RSA_WITH_RC4_128_SHA is not supported by this version of Sable',
  ])
})

test('the websocket block says all it can, in one object', () => {
  const options = websocket(`
    listen: "127.0.0.1:-1", advertise: "h:443", no_tls: true, same_origin: true
    origin: "https://a", handshake_timeout: "5s", compress: true, ping_interval: "30s"
    authentication { username: u, password: p, timeout: "500ms" }
    user_cookie: a, pass_cookie: b, token_cookie: c, headers { X-One: "1" }`)
  assert.deepEqual(options, {
    ...defaultsOf(WEBSOCKET_TABLE),
    host: '127.0.0.1',
    port: -1,
    advertise: 'h:443',
    noTls: true,
    sameOrigin: true,
    allowedOrigins: ['https://a'],
    handshakeTimeoutMs: 5_000,
    compression: true,
    authorization: { user: 'u', pass: 'p', token: '', timeoutMs: 500 },
    userCookie: 'a',
    passCookie: 'b',
    tokenCookie: 'c',
    headers: { 'X-One': '1' },
    pingIntervalMs: 30_000,
  })
})

test('without a port nothing else in the websocket block matters', () => {
  assert.equal(refusal('websocket { origin: "x", jwt_cookie: j }'), undefined)
})

test('headers that would break the answer to a handshake are refused', () => {
  const withHeader = (header: string) => `ws { port: -1, no_tls: true, headers { ${header} } }`
  assert.equal(
    refusal(withHeader('"a b": x')),
    'websocket: invalid header "a b": not a header name',
  )
  assert.equal(
    refusal(withHeader('a: "x\\r\\nb: c"')),
    'websocket: invalid header "a": control character in value',
  )
  assert.equal(refusal(withHeader('a: "x\\ty"')), undefined)
})

test('a time to log in over WebSocket that is none is refused, unlike by nats-server', () => {
  assert.deepEqual(faultsOf('websocket { authorization {\ntimeout: x } }'), [
    `:2:1: error parsing websocket authorization config, 'timeout' time: invalid duration "x"`,
  ])
})

test('of a slow leaf one can only be rid or drop messages', () => {
  assert.deepEqual(faultsOf('leafnodes {\nslow_leaf: wait }'), [
    ":2:1: slow_leaf must be 'close' or 'drop'",
  ])
})

const SECRET_KEEPERS: readonly (readonly [remotes: string, fault: string])[] = [
  ['{\nnkey: SUsecret }', ':2:1: Remote leafnode nkey is not a valid seed: "[REDACTED]"'],
  [
    `{\nurl: "a://secret@h", nkey: ${SEED} }, {\nurl: "a://secret@h", nkey: ${SEED} }`,
    ':3:22: duplicate remote urls=["a://xxxxx@h"], account="$G", nkey="[REDACTED]"',
  ],
  ['{\nurl: "a://u:secret@h:x" }', ':2:1: error parsing leafnode url ["a://u:xxxxx@h:x"]'],
  [
    '{ urls: [ "a://u:secret@h"\n"a://u:secret@h" ] }',
    ':2:2: invalid use of field "a://u:xxxxx@h": Duplicate leafnode entry detected',
  ],
  [
    '{ url: a\nproxy { url: "http://u:secret@h:x" } }',
    ':2:1: invalid proxy URL: parse "http://u:xxxxx@h:x": invalid port ":x" after host',
  ],
  [
    '{ url: "wss://u:secret@h"\nproxy { url: "http://p:1" } }',
    ':2:1: proxy is configured but remote URL wss://u:xxxxx@h requires TLS and no TLS ' +
      'configuration is provided. When using proxy with TLS endpoints, ensure TLS is properly ' +
      'configured for the leafnode remote',
  ],
]

for (const [remotes, fault] of SECRET_KEEPERS) {
  test(`keeps the secret in ${remotes.replaceAll('\n', '').slice(0, 60)}`, () => {
    assert.deepEqual(faultsOf(`leaf { remotes [ ${remotes} ] }`), [fault])
  })
}

test('a remote has a credentials file or a seed, not both', () => {
  const [fault] = faultsOf(`leaf { remotes [ { url: a, creds: x, nkey: ${SEED} } ] }`)
  assert.match(fault ?? '', /Remote leafnode can not have both creds and nkey defined$/)
})
