import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  defaultOptions,
  type Options,
  OptionsError,
  optionsFromObject,
  type PartialOptions,
} from '../../src/config/options.ts'

/** Every option, by the type; the compiler refuses this when one is missing. */
const EVERY_OPTION = {
  host: true,
  port: true,
  serverName: true,
  clientAdvertise: true,
  proxyProtocol: true,
  maxPayload: true,
  maxPending: true,
  maxControlLine: true,
  maxConnections: true,
  maxSubscriptions: true,
  maxSubTokens: true,
  pingIntervalMs: true,
  pingMax: true,
  writeDeadlineMs: true,
  writeTimeout: true,
  maxMsgsPerSecond: true,
  maxBytesPerSecond: true,
  noFastProducerStall: true,
  noHeaderSupport: true,
  noSublistCache: true,
  debug: true,
  trace: true,
  traceVerbose: true,
  traceHeaders: true,
  logtime: true,
  logtimeUtc: true,
  logFile: true,
  logSizeLimit: true,
  logMaxNum: true,
  logFormat: true,
  maxTracedMsgLen: true,
  syslog: true,
  remoteSyslog: true,
  pidFile: true,
  portsFileDir: true,
  connectErrorReports: true,
  reconnectErrorReports: true,
  httpHost: true,
  httpPort: true,
  httpsPort: true,
  httpBasePath: true,
  monitorToken: true,
  maxClosedClients: true,
  authorization: true,
  users: true,
  nkeys: true,
  accounts: true,
  mappings: true,
  leafnodes: true,
  websocket: true,
  tls: true,
  allowNonTls: true,
  noAuthUser: true,
  systemAccount: true,
  noSystemAccount: true,
  operator: true,
  trustedProxies: true,
  serverTags: true,
  serverMetadata: true,
  featureFlags: true,
  profPort: true,
  profBlockRate: true,
  storeDir: true,
  lameDuckDurationMs: true,
  lameDuckGracePeriodMs: true,
  workers: true,
  spin: true,
  sharedMemory: true,
} as const satisfies Record<keyof Options, true>

/** Where nothing is given; three defaults depend on what else there is. */
const COMPLETE: Options = {
  ...defaultOptions(),
  systemAccount: '$SYS',
  httpHost: '0.0.0.0',
  authorization: { ...defaultOptions().authorization, timeoutMs: 2_000 },
}

test('the table of options fills every property of the options object, and no other', () => {
  assert.deepEqual(Object.keys(defaultOptions()).sort(), Object.keys(EVERY_OPTION).sort())
})

test('nothing given is all defaults', () => {
  assert.deepEqual(optionsFromObject({}), COMPLETE)
})

test('defaults are a fresh object each time, down to the nested ones', () => {
  const [one, other] = [defaultOptions(), defaultOptions()]
  assert.notEqual(one.leafnodes.authorization, other.leafnodes.authorization)
  assert.notEqual(one.leafnodes.remotes, other.leafnodes.remotes)
})

test('defaults are those of nats-server', () => {
  const { host, port, maxPayload, maxPending, pingIntervalMs, pingMax } = defaultOptions()
  assert.deepEqual(
    { host, port, maxPayload, maxPending, pingIntervalMs, pingMax },
    {
      host: '0.0.0.0',
      port: 4222,
      maxPayload: 1_048_576,
      maxPending: 67_108_864,
      pingIntervalMs: 120_000,
      pingMax: 2,
    },
  )
})

test('what is given replaces the default, at any depth', () => {
  const options = optionsFromObject({
    port: -1,
    authorization: { token: 't' },
    leafnodes: { port: 7422, remotes: [{ urls: ['nats://u:p@hub'] }] },
  })
  assert.equal(options.port, -1)
  assert.deepEqual(options.authorization, {
    ...COMPLETE.authorization,
    token: 't',
  })
  assert.equal(options.leafnodes.reconnectMs, 1_000)
  const [remote] = options.leafnodes.remotes
  assert.deepEqual(remote?.urls, [
    { scheme: 'nats', host: 'hub', port: 7422, path: '', user: 'u', pass: 'p' },
  ])
  assert.equal(remote?.account, '$G')
  assert.deepEqual(remote?.compression, { mode: 's2_auto', rttThresholdsMs: [10, 50, 100] })
})

test('options can be given again as they came out', () => {
  const options = optionsFromObject({ leafnodes: { remotes: [{ urls: ['nats://a@hub:1'] }] } })
  assert.deepEqual(optionsFromObject(options), options)
})

test('blocks inside are completed as well, down to single certificates and users', () => {
  const { leafnodes, websocket } = optionsFromObject({
    leafnodes: {
      tls: { timeoutMs: 500, handshakeFirst: true },
      authorization: { users: [{ user: 'a' }] },
      compression: { mode: 's2_auto', rttThresholdsMs: [5] },
      remotes: [
        {
          urls: [{ scheme: 'wss', host: 'h', port: 443 }],
          compression: false,
          tls: {},
          proxy: { url: 'http://p:1' },
        },
      ],
    },
    websocket: { port: -1, noTls: true, authorization: { token: 't' } },
  })
  const [remote] = leafnodes.remotes
  assert.equal(leafnodes.tls?.handshakeFirst, true)
  assert.equal(leafnodes.tls?.handshakeFirstFallbackMs, 0)
  assert.equal(leafnodes.authorization.timeoutMs, 1_500)
  assert.deepEqual(leafnodes.authorization.users, [
    { user: 'a', pass: '', account: '', proxyRequired: false },
  ])
  assert.deepEqual(leafnodes.compression, { mode: 's2_auto', rttThresholdsMs: [5] })
  assert.equal(remote?.urls[0]?.path, '')
  assert.deepEqual(remote?.compression, { mode: 'off', rttThresholdsMs: [] })
  assert.equal(remote?.tls?.timeoutMs, 2_000)
  assert.deepEqual(remote?.proxy, {
    url: 'http://p:1',
    username: '',
    password: '',
    timeoutMs: 0,
  })
  assert.deepEqual(websocket.authorization, { user: '', pass: '', token: 't', timeoutMs: 0 })
})

test('the time a leaf has to log in is as given, with TLS or without', () => {
  const { leafnodes } = optionsFromObject({
    leafnodes: { tls: {}, authorization: { timeoutMs: 700 } },
  })
  assert.equal(leafnodes.authorization.timeoutMs, 700)
})

test('0 stands for the default where it means nothing of its own', () => {
  const zeros = {
    port: 0,
    maxPayload: 0,
    pingIntervalMs: 0,
    workers: 0,
    sharedMemory: 0,
    maxSubscriptions: 0,
    authorization: { timeoutMs: 0 },
  }
  assert.deepEqual(optionsFromObject(zeros), COMPLETE)
})

test('undefined is as good as left out', () => {
  const given: object = { port: undefined, leafnodes: undefined }
  assert.deepEqual(optionsFromObject(given), COMPLETE)
})

const REFUSED: readonly (readonly [given: unknown, text: string | RegExp])[] = [
  [{ prot: 1 }, 'option prot is not an option'],
  [{ tls: { first: true } }, 'option tls.first is not an option'],
  [{ tls: { certFile: 'a' } }, "option tls: missing 'key_file' in TLS configuration"],
  [{ allowNonTls: 1 }, 'option allowNonTls has the value 1: must be true or false'],
  [{ trustedProxies: 'N' }, 'option trustedProxies has the value "N": must be an array'],
  [{ trustedProxies: ['N'] }, 'proxy trusted key "N" is invalid'],
  [{ noAuthUser: 'u' }, 'no_auth_user: "u" present, but users/nkeys are not defined'],
  [{ systemAccount: 'X' }, 'error resolving system account: account missing'],
  [{ operator: { jwt: 'x' } }, 'option operator.jwt is not an option'],
  [{ operator: { jwts: [5] } }, 'option operator.jwts[0] has the value 5: must be a text'],
  [{ operator: { jwts: ['x'] } }, 'error parsing operator JWT: expected 3 chunks'],
  [{ operator: { trustedKeys: ['x'] } }, 'Error processing trusted operator keys'],
  [
    { operator: { resolver: { kind: 'disk' } } },
    'option operator.resolver.kind has the value "disk": must be one of memory, url, full, cache',
  ],
  [
    { operator: { resolver: { kind: 'full', dir: '/x' } } },
    'option operator.resolver.dir is not an option',
  ],
  [
    { operator: { resolver: { kind: 'full' } } },
    'dir has no value and needs to point to a directory',
  ],
  [
    { operator: { resolver: { kind: 'url', url: 'x' }, resolverTls: { keyFile: 'x' } } },
    "option operator.resolverTls: missing 'cert_file' in TLS configuration",
  ],
  [
    { websocket: { port: -1, noTls: true, noAuthUser: 'u' } },
    'no_auth_user: "u" present, but users/nkeys are not defined',
  ],
  [{ serverTags: 'a' }, 'option serverTags has the value "a": must be an array'],
  [{ serverMetadata: { a: 5 } }, 'option serverMetadata.a has the value 5: must be a text'],
  [{ leafnodes: { tls: 5 } }, 'option leafnodes.tls has the value 5: must be an object'],
  [{ leafnodes: { tls: { first: true } } }, 'option leafnodes.tls.first is not an option'],
  [
    { leafnodes: { tls: { cipherSuites: ['TLS_RSA_WITH_RC4_128_SHA'] } } },
    /^option leafnodes.tls.cipherSuites\[0\] has the value "TLS_RSA_WITH_RC4_128_SHA": must be one of /,
  ],
  [
    { websocket: { tls: { pinnedCerts: ['AB'] } } },
    'option websocket.tls.pinnedCerts[0] has the value "AB": must be 64 hexadecimal digits in ' +
      'lower case',
  ],
  [
    { leafnodes: { tls: { minVersion: '1.1' } } },
    'option leafnodes.tls.minVersion has the value "1.1": must be one of , 1.2, 1.3',
  ],
  [
    { leafnodes: { tls: { certFile: 'a' } } },
    "option leafnodes.tls: missing 'key_file' in TLS configuration",
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h'], tls: { caFile: '/nonexistent/ca' } }] } },
    'option leafnodes.remotes[0].tls: open /nonexistent/ca: no such file or directory',
  ],
  [
    { leafnodes: { authorization: { users: [{ name: 'a' }] } } },
    'option leafnodes.authorization.users[0].name is not an option',
  ],
  [
    { leafnodes: { authorization: { users: [{ user: 'a' }, { user: 'a' }] } } },
    'duplicate user "a" detected in leafnode authorization',
  ],
  [
    { leafnodes: { slowLeaf: 'wait' } },
    'option leafnodes.slowLeaf has the value "wait": must be one of close, drop',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h'], nkey: 5 }] } },
    'option leafnodes.remotes[0].nkey must be a text',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h'], nkey: 'SUx', credentials: 'f' }] } },
    'Remote leafnode can not have both creds and nkey defined',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h'], nkey: 'SUx' }] } },
    'Remote leafnode nkey is not a valid seed: "[REDACTED]"',
  ],
  [
    { leafnodes: { authorization: { nkey: 'Ux' } } },
    'Not a valid public nkey for leafnode authorization',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h'], proxy: { url: 'ftp://p' } }] } },
    'proxy URL scheme must be http or https, got: ftp',
  ],
  [
    { leafnodes: { port: -1, minVersion: '1' } },
    "invalid leafnode's minimum version: invalid semver",
  ],
  [{ websocket: { port: -1 } }, 'websocket requires TLS configuration'],
  [{ lameDuckDurationMs: 5_000 }, /^lame duck grace period \(10s\) should be strictly lower/],
  [{ port: 70_000 }, 'option port has the value 70000: must be at most 65535'],
  [{ port: -2 }, 'option port has the value -2: must be at least -1'],
  [{ port: '4222' }, 'option port has the value "4222": must be a number'],
  [{ port: Number.NaN }, 'option port has the value NaN: must be a number'],
  [{ maxPayload: 1.5 }, 'option maxPayload has the value 1.5: must be a whole number'],
  [{ host: 5 }, 'option host has the value 5: must be a text'],
  [{ debug: 1 }, 'option debug has the value 1: must be true or false'],
  [{ logFormat: 'xml' }, 'option logFormat has the value "xml": must be one of text, json'],
  [{ authorization: 'x' }, 'option authorization has the value "x": must be an object'],
  [{ authorization: { pass: 5 } }, 'option authorization.pass must be a text'],
  [{ pingMax: -1 }, 'option pingMax has the value -1: must be at least 1'],
  [{ workers: 32 }, 'option workers has the value 32: must be at most 31'],
  [
    { sharedMemory: 2 ** 31 + 1 },
    'option sharedMemory has the value 2147483649: must be at most 2147483648',
  ],
  [{ sharedMemory: 1 }, 'option sharedMemory has the value 1: must be at least 268435456'],
  [{ sharedMemory: -1 }, 'option sharedMemory has the value -1: must be at least 268435456'],
  [{ leafnodes: { remotes: {} } }, 'option leafnodes.remotes must be an array'],
  [
    { leafnodes: { remotes: [{ urls: [] }] } },
    'option leafnodes.remotes[0].urls must not be empty',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h', 'a://u:pw@h:x'] }] } },
    'option leafnodes.remotes[0].urls[1] has the value "a://u:xxxxx@h:x": is no URL',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h:70000'] }] } },
    'option leafnodes.remotes[0].urls[0].port has the value 70000: must be at most 65535',
  ],
  ['port', 'options must be an object'],
  [null, 'options must be an object'],
  [{ serverName: 'a b' }, 'server name cannot contain spaces'],
  [
    { maxPayload: 2_000, maxPending: 1_000 },
    'max_payload (2000) cannot be higher than max_pending (1000)',
  ],
  [
    { leafnodes: { authorization: { account: 'A' } } },
    'cannot find local account "A" specified in leafnode authorization',
  ],
  [
    { noSystemAccount: true, leafnodes: { remotes: [{ urls: ['a://h'], account: '$SYS' }] } },
    'cannot find local account "$SYS" specified in leafnode remote',
  ],
  [{ leafnodes: { compression: 'gzip' } }, 'unsupported compression mode "gzip"'],
  [
    { leafnodes: { compression: 5 } },
    'option leafnodes.compression has the value 5: must be an object',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['ws://h', 'a://u:p@h'] }] } },
    'remote leaf node configuration cannot have a mix of websocket and non-websocket urls: ' +
      '["ws://h:7422" "a://u:xxxxx@h:7422"]',
  ],
]

for (const [given, text] of REFUSED) {
  test(`refuses ${JSON.stringify(given)}`, () => {
    assert.throws(
      () => optionsFromObject(given as PartialOptions),
      (error) => {
        assert.ok(error instanceof OptionsError)
        if (typeof text === 'string') assert.equal(error.message, text)
        else assert.match(error.message, text)
        return true
      },
    )
  })
}

test('the option to blame is told apart from the text', () => {
  assert.throws(() => optionsFromObject({ port: 70_000 }), {
    code: 'BRK_BAD_OPTION',
    context: { option: 'port' },
  })
})
