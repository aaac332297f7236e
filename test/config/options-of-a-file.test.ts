import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigFaults } from '../../src/config/config-faults.ts'
import { parseConfigText } from '../../src/config/config-parser.ts'
import { NOT_YET_HONOURED } from '../../src/config/not-yet-honoured.ts'
import { defaultsOf } from '../../src/config/option-entry.ts'
import { readOptions } from '../../src/config/option-readers.ts'
import { OPTION_SECTIONS, type SectionName } from '../../src/config/option-table.ts'
import type { Options } from '../../src/config/option-types.ts'
import { defaultOptions, fileSpelling } from '../../src/config/options.ts'
import { REMOTE_TABLE } from '../../src/config/remote-table.ts'

interface Reading {
  readonly options: Options
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
}

function read(text: string): Reading {
  const faults = new ConfigFaults()
  const options = readOptions(parseConfigText(text, {}), faults)
  return { options, errors: faults.errors, warnings: faults.warnings }
}

/** What the text changes; it must be free of faults. */
function changes(text: string): Partial<Options> {
  const { options, errors, warnings } = read(text)
  assert.deepEqual([...errors, ...warnings], [], text)
  const defaults = defaultOptions()
  const changed = Object.entries(options).filter(([option, value]) => {
    return JSON.stringify(value) !== JSON.stringify(defaults[option as keyof Options])
  })
  return Object.fromEntries(changed)
}

const LOGIN = defaultOptions().authorization

const UNDERSTOOD: readonly (readonly [text: string, sets: Partial<Options>])[] = [
  ['listen: 127.0.0.1:5222', { host: '127.0.0.1', port: 5222 }],
  ['listen: "[::1]:5222"', { host: '::1', port: 5222 }],
  ['listen: 5222', { host: '', port: 5222 }],
  ['listen: ":-1"', { host: '', port: -1 }],
  ['port: 5222\nlisten: 127.0.0.1:6222', { host: '127.0.0.1', port: 5222 }],
  ['PORT: -1\nNet: localhost', { port: -1, host: 'localhost' }],
  ['server_name: a\nclient_advertise: h:1', { serverName: 'a', clientAdvertise: 'h:1' }],
  ['max_payload: 2mb, max_pending: 128MB', { maxPayload: 2 ** 21, maxPending: 2 ** 27 }],
  ['max_control_line: 1k', { maxControlLine: 1000 }],
  ['max_conn: 0', { maxConnections: -1 }],
  ['max_connections: -5', { maxConnections: -5 }],
  ['max_subs: 3, max_subscription_tokens: 16', { maxSubscriptions: 3, maxSubTokens: 16 }],
  ['ping_interval: "1m30s", ping_max: 5', { pingIntervalMs: 90_000, pingMax: 5 }],
  ['write_deadline: 500us', { writeDeadlineMs: 0.5 }],
  [
    'no_fast_producer_stall: on, no_header_support: yes, disable_sublist_cache: true',
    { noFastProducerStall: true, noHeaderSupport: true, noSublistCache: true },
  ],
  ['debug: true, trace: true', { debug: true, trace: true }],
  ['trace_verbose: true', { trace: true, traceVerbose: true }],
  ['trace_verbose: true, trace: false', { trace: true, traceVerbose: true }],
  ['logtime: false, logtime_utc: true', { logtime: false, logtimeUtc: true }],
  [
    'logfile: x.log, logfile_size_limit: 1mb, logfile_max_num: 3',
    { logFile: 'x.log', logSizeLimit: 2 ** 20, logMaxNum: 3 },
  ],
  ['log_format: json, max_traced_msg_len: 9', { logFormat: 'json', maxTracedMsgLen: 9 }],
  ['trace_headers: true', { trace: true, traceHeaders: true }],
  ['syslog: on, remote_syslog: "udp://h:1"', { syslog: true, remoteSyslog: 'udp://h:1' }],
  ['write_timeout: retry, proxy_protocol: yes', { writeTimeout: 'retry', proxyProtocol: true }],
  ['http: 127.0.0.1:8222', { httpHost: '127.0.0.1', httpPort: 8222 }],
  ['https: "[::1]:-1"', { httpHost: '::1', httpsPort: -1 }],
  ['http: 8222', { httpPort: 8222 }],
  ['monitor_port: 1\nhttp: h:2', { httpHost: 'h', httpPort: 1 }],
  [
    'https_port: -1, http_base_path: a/b, monitor_token: t, max_closed_clients: 7',
    { httpsPort: -1, httpBasePath: 'a/b', monitorToken: 't', maxClosedClients: 7 },
  ],
  [
    'max_msgs_per_second: 10k, max_bytes_per_second: 1mb',
    { maxMsgsPerSecond: 10_000, maxBytesPerSecond: 2 ** 20 },
  ],
  ['feature_flags { a: true, b: off }', { featureFlags: { a: true, b: false } }],
  ['prof_port: 6060, prof_block_rate: 2', { profPort: 6060, profBlockRate: 2 }],
  ['pidfile: a, ports_file_dir: b', { pidFile: 'a', portsFileDir: 'b' }],
  [
    'connect_error_reports: 5, reconnect_error_reports: 2',
    { connectErrorReports: 5, reconnectErrorReports: 2 },
  ],
  [
    'lame_duck_duration: "1m", lame_duck_grace_period: "0s"',
    { lameDuckDurationMs: 60_000, lameDuckGracePeriodMs: 0 },
  ],
  ['server_tags: [ a, " b ", a, "" ]', { serverTags: ['a', 'b'] }],
  ['server_tags: a', { serverTags: ['a'] }],
  ['server_metadata { zone: west, rack: "7" }', { serverMetadata: { zone: 'west', rack: '7' } }],
  ['storedir: /tmp/x', { storeDir: '/tmp/x' }],
  ['workers: 3, shared_memory: 1gb', { workers: 3, sharedMemory: 2 ** 30 }],
  ['spin: false', { spin: false }],
  [
    'authorization { username: u, password: $2a$04$x, timeout: 1.5 }',
    { authorization: { ...LOGIN, user: 'u', pass: '$2a$04$x', timeoutMs: 1_500 } },
  ],
  [
    'authorization { token: t, timeout: "500ms" }',
    { authorization: { ...LOGIN, token: 't', timeoutMs: 500 } },
  ],
]

for (const [text, sets] of UNDERSTOOD) {
  test(`reads ${text.slice(0, 60).replaceAll('\n', '; ')}`, () => {
    assert.deepEqual(changes(text), sets)
  })
}

test('reads the leafnodes block', () => {
  const text = `
    leaf {
      listen: 127.0.0.1:-1, advertise: hub.example:7422, no_advertise: true
      reconnect_delay: "250ms", compression: { mode: "OFF", rtt_thresholds: ["10ms"] }
      authorization { user: leaf, pass: secret, account: $G, timeout: 3 }
      remotes [
        { url: "nats-leaf://u:p%40ss@hub:7423/x", account: "$G" }
        { urls: [ nats://token@one, "tls://[::1]:9" ] }
      ]
    }`.replace('account: $G', 'account: "$G"')
  assert.deepEqual(changes(text).leafnodes, {
    ...defaultOptions().leafnodes,
    host: '127.0.0.1',
    port: -1,
    advertise: 'hub.example:7422',
    noAdvertise: true,
    reconnectMs: 250,
    compression: { mode: 'OFF', rttThresholdsMs: [10] },
    authorization: {
      ...defaultOptions().leafnodes.authorization,
      user: 'leaf',
      pass: 'secret',
      account: '$G',
      timeoutMs: 3_000,
    },
    remotes: [
      {
        ...defaultsOf(REMOTE_TABLE),
        urls: [
          { scheme: 'nats-leaf', host: 'hub', port: 7423, path: '/x', user: 'u', pass: 'p@ss' },
        ],
        account: '$G',
      },
      {
        ...defaultsOf(REMOTE_TABLE),
        urls: [
          { scheme: 'nats', host: 'one', port: 7422, path: '', token: 'token' },
          { scheme: 'tls', host: '::1', port: 9, path: '' },
        ],
      },
    ],
  })
})

const isNot = (is: string, wanted: string): string =>
  `interface conversion: interface {} is ${is}, not ${wanted}`

const FAULTY: readonly (readonly [text: string, error: string])[] = [
  ['port: "abc"', isNot('string', 'int64')],
  ['port: 1.5', isNot('float64', 'int64')],
  ['port: [ ]', isNot('[]interface {}', 'int64')],
  ['port { }', isNot('map[string]interface {}', 'int64')],
  ['port: 2016-05-04T18:53:41Z', isNot('time.Time', 'int64')],
  ['host: 5', isNot('int64', 'string')],
  ['debug: "yes"', isNot('string', 'bool')],
  ['trace_verbose: 1', isNot('int64', 'bool')],
  ['listen: true', 'expected port or host:port, got bool'],
  ['listen: xxxx', 'could not parse address string "xxxx"'],
  ['listen: "::1:4222"', 'could not parse address string "::1:4222"'],
  ['listen: "h:XXXX"', 'could not parse port "XXXX"'],
  ['server_name: "a b"', 'server name cannot contain spaces'],
  ['max_payload: 2gb', 'max_payload value is too big'],
  ['Max_Control_Line: 3gb', 'Max_Control_Line value is too big'],
  ['max_sub_tokens: 256', 'max_sub_tokens value is too big'],
  ['max_sub_tokens: 0', 'max_sub_tokens value can not be negative'],
  ['ping_interval: abc', 'error parsing ping_interval: time: invalid duration "abc"'],
  ['write_deadline: 5x', 'error parsing write_deadline: time: unknown unit "x" in duration "5x"'],
  ['http: true', 'expected port or host:port, got bool'],
  ['https: xxxx', 'could not parse address string "xxxx"'],
  ['http_port: "a"', isNot('string', 'int64')],
  ['write_timeout: x', "write_timeout must be 'default', 'close' or 'retry'"],
  ['write_timeout: 5', isNot('int64', 'string')],
  ['feature_flags: 5', 'error parsing feature flags: unsupported type int64'],
  ['log_format: xml', "log_format must be 'text' or 'json'"],
  ['authorization: 5', isNot('int64', 'map[string]interface {}')],
  ['authorization { user: a, pass: b, token: c }', 'Cannot have a user/pass and token'],
  ['leafnodes: 5', 'Expected map to define a leafnode, got int64'],
]

for (const [text, error] of FAULTY) {
  test(`tells what is wrong with ${text}`, () => {
    assert.deepEqual(read(text).errors, [`:1:0: ${error}`])
  })
}

const FAULTY_INSIDE: readonly (readonly [text: string, at: string, error: string])[] = [
  ['authorization {\nuser: 1 }', '2:1', isNot('int64', 'string')],
  [
    'authorization {\ntimeout: x }',
    '2:1',
    `error parsing authorization config, 'timeout' time: invalid duration "x"`,
  ],
  [
    'authorization {\ntimeout: [] }',
    '2:1',
    "error parsing authorization config, 'timeout' wrong type",
  ],
  [
    'leaf {\nremotes: {} }',
    '2:1',
    'Expected remotes field to be an array, got map[string]interface {}',
  ],
  ['leaf { remotes [\n 5 ] }', '2:2', 'Expected remote leafnode entry to be a map/struct, got 5'],
  [
    'leaf { remotes [\n { url: 5 } ] }',
    '2:4',
    'Expected remote leafnode url to be an array or string, got 5',
  ],
  [
    'leaf { remotes [\n { url: "127.0.0.1:1" } ] }',
    '2:4',
    'error parsing leafnode url ["127.0.0.1:1"]',
  ],
  ['leaf { remotes [ { urls: [\n 5 ] } ] }', '2:2', isNot('int64', 'string')],
  [
    'leaf { remotes [ { url: "a://u:p@h" }\n { url: "a://u:p@h" } ] }',
    '2:4',
    'duplicate remote urls=["a://u:xxxxx@h"], account="$G"',
  ],
  [
    'leaf {\ncompression: 5 }',
    '2:1',
    'field "compression" should be a boolean or a structure, got int64',
  ],
  ['leaf { compression {\nfoo: 5 } }', '2:1', 'unknown field "foo"'],
  ['leaf { compression {\nrtt: [ x ] } }', '2:1', 'time: invalid duration "x"'],
  [
    'leaf { authorization {\ntimeout: x } }',
    '2:1',
    `error parsing leafnode authorization config, 'timeout' time: invalid duration "x"`,
  ],
]

for (const [text, at, error] of FAULTY_INSIDE) {
  test(`tells what is wrong inside ${text.replaceAll('\n', '')}`, () => {
    assert.deepEqual(read(text).errors, [`:${at}: ${error}`])
  })
}

const DOUBTFUL: readonly (readonly [text: string, field: string, warning: string])[] = [
  ['ping_interval: 2', 'ping_interval', 'ping_interval should be converted to a duration'],
  ['write_deadline: 1m', 'write_deadline', 'write_deadline should be converted to a duration'],
]

for (const [text, field, warning] of DOUBTFUL) {
  test(`warns of ${text}, and goes on`, () => {
    const { errors, warnings } = read(text)
    assert.deepEqual(errors, [])
    assert.deepEqual(warnings, [`:1:0: invalid use of field "${field}": ${warning}`])
  })
}

test('takes a bare integer for seconds', () => {
  assert.equal(read('ping_interval: 2').options.pingIntervalMs, 2_000)
})

test('warns of a time to log in that is most likely a forgotten quote', () => {
  assert.deepEqual(read('\nauthorization { timeout: 1m }').warnings, [
    ':2:17: invalid use of field "timeout": timeout of 1000000 (1000000.000000 seconds) is high, ' +
      "consider keeping it under 60 seconds. possibly caused by unquoted duration; use '1m' " +
      'instead of 1m, for example',
  ])
})

test('warns of an address given twice and keeps it once', () => {
  const { options, warnings } = read('\nleaf { remotes [ { urls: [ a://h, a://h ] } ] }')
  assert.deepEqual(warnings, [
    ':2:35: invalid use of field "a://h": Duplicate leafnode entry detected',
  ])
  assert.equal(options.leafnodes.remotes[0]?.urls.length, 1)
})

/** A text in which `key` stands in that block, on line 2. */
function textWith(section: SectionName, key: string): string {
  const blocks: Readonly<Record<SectionName, string>> = {
    '': `\n${key}: 1`,
    authorization: `authorization {\n${key}: 1 }`,
    'authorization.users': `authorization { users [ {\n${key}: 1 } ] }`,
    'authorization.permissions': `authorization { permissions {\n${key}: 1 } }`,
    'authorization.permissions.allow_responses': `authorization { permissions { allow_responses {\n${key}: 1 } } }`,
    'authorization.auth_callout': `authorization { auth_callout {\n${key}: 1 } }`,
    'accounts.A': `accounts { A {\n${key}: 1 } }`,
    'accounts.A.limits': `accounts { A { limits {\n${key}: 1 } } }`,
    'accounts.A.exports': `accounts { A { exports [ {\n${key}: 1 } ] } }`,
    'accounts.A.imports': `accounts { A { imports [ {\n${key}: 1 } ] } }`,
    'mappings.from': `mappings { from {\n${key}: 1 } }`,
    leafnodes: `leafnodes {\n${key}: 1 }`,
    'leafnodes.authorization': `leafnodes { authorization {\n${key}: 1 } }`,
    'leafnodes.authorization.users': `leaf { authorization { users [ {\n${key}: 1 } ] } }`,
    'leafnodes.remotes': `leafnodes { remotes [ {\n${key}: 1 } ] }`,
    'leafnodes.remotes.proxy': `leaf { remotes [ { proxy {\n${key}: 1 } } ] }`,
    websocket: `websocket {\n${key}: 1 }`,
    'websocket.authorization': `ws { authorization {\n${key}: 1 } }`,
    proxies: `proxies {\n${key}: 1 }`,
    'proxies.trusted': `proxies { trusted [ {\n${key}: 1 } ] }`,
    tls: `websocket { tls {\n${key}: 1 } }`,
    'tls.certificates': `websocket { tls { certs [ {\n${key}: "1" } ] } }`,
  }
  return blocks[section]
}

const IN_PERMISSIONS = (key: string): string => `Unknown field "${key}" parsing permissions`

/** What blocks say that word it in their own way. */
const UNKNOWN: Readonly<Partial<Record<SectionName, (key: string) => string>>> = {
  'authorization.permissions': IN_PERMISSIONS,
  'authorization.permissions.allow_responses': IN_PERMISSIONS,
  'authorization.auth_callout': (key) => `Unknown field "${key}" parsing authorization callout`,
  'accounts.A.limits': (key) => `Unknown field "${key}" parsing account limits`,
  'mappings.from': (key) => `Unknown field "${key}" for mapping destination`,
  tls: (key) => `error parsing tls config, unknown field "${key}"`,
  'tls.certificates': (key) => `error parsing tls certs config, unknown field "${key}"`,
}

const sections = Object.keys(OPTION_SECTIONS) as SectionName[]

for (const section of sections) {
  test(`refuses what it does not honour in block "${section}" like a misspelt option`, () => {
    for (const key of [...NOT_YET_HONOURED[section], 'colour']) {
      const text = UNKNOWN[section]?.(key) ?? `unknown field "${key}"`
      assert.deepEqual(read(textWith(section, key)).errors, [`:2:1: ${text}`])
    }
  })

  test(`lists no option of block "${section}" twice`, () => {
    const table: readonly { readonly key: string; readonly aliases?: readonly string[] }[] =
      OPTION_SECTIONS[section]
    const honoured = table.flatMap(({ key, aliases = [] }) => [key, ...aliases])
    const all = [...honoured, ...NOT_YET_HONOURED[section]]
    assert.deepEqual(
      all.filter((key, index) => all.indexOf(key) !== index || key !== key.toLowerCase()),
      [],
    )
  })

  test(`spells every option of block "${section}" in the object like in a file`, () => {
    const table: readonly {
      key: string
      option: string
      isSecondary?: boolean
      objectKey?: string
    }[] = OPTION_SECTIONS[section]
    for (const { key, option, isSecondary, objectKey } of table) {
      if (isSecondary === true || objectKey !== undefined) continue
      assert.equal(fileSpelling(option), key)
    }
  })
}

test('a key that serves as a constant is no misspelt option', () => {
  assert.deepEqual(changes('MY_PORT: 5\nport: $MY_PORT'), { port: 5 })
})

test('but an option that is not honoured is refused even if something refers to it', () => {
  assert.deepEqual(read('ocsp: 5\nport: $ocsp').errors, [':1:0: unknown field "ocsp"'])
})

test('tells of every fault at once', () => {
  assert.equal(read('a: 1\nport: x\nleaf { b: 1 }\nping_interval: [ ]').errors.length, 4)
})
