import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { NATS_VERSION } from '../../src/base/version.ts'
import { COMMAND_FLAGS } from '../../src/config/command-flags.ts'
import { type CommandLineResult, interpretCommandLine } from '../../src/config/command-line.ts'
import { configDigest } from '../../src/config/config-digest.ts'
import { parseConfigFile, parseConfigText } from '../../src/config/config-parser.ts'
import { parseFlags, parseGoInteger } from '../../src/config/flag-syntax.ts'
import { monitoringFault, normaliseBasePath } from '../../src/config/monitoring-checks.ts'
import type { Options } from '../../src/config/option-types.ts'
import { optionsFromObject } from '../../src/config/options.ts'
import { redactedArguments } from '../../src/config/redacted-arguments.ts'
import { tlsHelpText } from '../../src/config/tls-help.ts'
import {
  ABSENT_CIPHERS,
  CURVES,
  INSECURE_CIPHERS,
  SECURE_CIPHERS,
} from '../../src/config/tls-table.ts'
import { ROOT } from '../support/peers.ts'
import { TemporaryFiles } from './temporary-files.ts'

const files = new TemporaryFiles()

function interpret(...argv: readonly string[]): CommandLineResult {
  return interpretCommandLine(argv, {})
}

/** The result must be a run. */
function run(...argv: readonly string[]): Extract<CommandLineResult, { kind: 'run' }> {
  const result = interpret(...argv)
  assert.equal(result.kind, 'run', JSON.stringify(result))
  return result as Extract<CommandLineResult, { kind: 'run' }>
}

function changes(...argv: readonly string[]): Partial<Options> {
  const defaults = run().options
  const changed = Object.entries(run(...argv).options).filter(([option, value]) => {
    return JSON.stringify(value) !== JSON.stringify(defaults[option as keyof Options])
  })
  return Object.fromEntries(changed)
}

const authorization = run().options.authorization

const SETTINGS: readonly (readonly [argv: readonly string[], sets: Partial<Options>])[] = [
  [[], {}],
  [['--'], {}],
  [['-p', '-1'], { port: -1 }],
  [['--port=5222'], { port: 5222 }],
  [['-port', '0x10'], { port: 16 }],
  [['-p', '1', '--port', '2'], { port: 2 }],
  [['-p', '1', '--port', '2', '-p', '3'], { port: 3 }],
  [['-p', '0'], {}],
  [['-a', '::'], { host: '::', httpHost: '::' }],
  [['--addr', '-x'], { host: '-x', httpHost: '-x' }],
  [['-net=h=1'], { host: 'h=1', httpHost: 'h=1' }],
  [['-a', ''], {}],
  [['-n', 'a'], { serverName: 'a' }],
  [['--name', 'a'], { serverName: 'a' }],
  [['--server_name', 'a'], { serverName: 'a' }],
  [['--client_advertise', 'h:1'], { clientAdvertise: 'h:1' }],
  [['-P', 'f'], { pidFile: 'f' }],
  [['--pid=f'], { pidFile: 'f' }],
  [['--ports_file_dir', 'd'], { portsFileDir: 'd' }],
  [['-m', '8222'], { httpPort: 8222 }],
  [['--http_port=-1'], { httpPort: -1 }],
  [['-ms', '0x1'], { httpsPort: 1 }],
  [['--https_port', '2'], { httpsPort: 2 }],
  [['-s'], { syslog: true }],
  [['--syslog=false'], {}],
  [['-r', 'udp://h:1', '-syslog'], { remoteSyslog: 'udp://h:1', syslog: true }],
  [['--remote_syslog=tcp://h:1'], { remoteSyslog: 'tcp://h:1' }],
  [['--profile', '6060'], { profPort: 6060 }],
  [['--no_advertise', '--connect_retries', '3'], {}],
  [['-sd', 'd'], { storeDir: 'd' }],
  [['--store_dir=d'], { storeDir: 'd' }],
  [['-l', 'f'], { logFile: 'f' }],
  [['--log', 'f', '--log_size_limit', '1_000'], { logFile: 'f', logSizeLimit: 1000 }],
  [['--max_traced_msg_len', '5'], { maxTracedMsgLen: 5 }],
  [['-T=false', '--logtime_utc'], { logtime: false, logtimeUtc: true }],
  [['--logtime=0'], { logtime: false }],
  [['-D'], { debug: true }],
  [['--debug=T', '--trace'], { debug: true, trace: true }],
  [['-V'], { trace: true }],
  [['-VV'], { trace: true, traceVerbose: true }],
  [['-DV'], { debug: true, trace: true }],
  [['-DVV'], { debug: true, trace: true, traceVerbose: true }],
  [['-D', '-DV=false'], {}],
  [['-VV', '-DV=false'], { trace: true, traceVerbose: true }],
  [['--user', 'u', '-pass', 'p'], { authorization: { ...authorization, user: 'u', pass: 'p' } }],
  [['--auth=t'], { authorization: { ...authorization, token: 't' } }],
  [['--tls=false', '-m', '0', '--routes', '', '-js=false'], {}], // asks for nothing
]

for (const [argv, sets] of SETTINGS) {
  test(`understands nats-server ${argv.join(' ')}`, () => assert.deepEqual(changes(...argv), sets))
}

test('nothing given is all defaults, as for a program that starts the broker', () => {
  assert.deepEqual(run().options, optionsFromObject({}))
})

function exit(code: number, stdout: string, stderr: string): CommandLineResult {
  const [, reason] = /^nats-server: ([\s\S]*)\n$/.exec(stderr) ?? []
  const result = { kind: 'exit', code, stdout, stderr } as const
  return code === 0 || reason === undefined ? result : { ...result, reason }
}

const usage = interpret('--help')
const usageOut = usage.kind === 'exit' ? usage.stdout : ''
const tlsHelp = exit(0, tlsHelpText(), '')
const version = exit(0, `nats-server: v${NATS_VERSION}\n`, '')

const EXITS: readonly (readonly [argv: readonly string[], result: CommandLineResult])[] = [
  [['-v'], version],
  [['--version'], version],
  [['-p', '1', 'VERSION'], version],
  [['-v', 'bogus'], version],
  [['-v', '-h'], version],
  [['-h'], exit(0, usageOut, '')],
  [['-h', '--help_tls'], exit(0, usageOut, '')],
  [['--help_tls', 'bogus'], tlsHelp],
  [['--signal', 'reload=5', '--help_tls'], tlsHelp],
  [['--signal', 'reload', 'bogus'], exit(1, '', 'nats-server: unrecognized command: "bogus"\n')],
  [['--signal', 'reload', '-c', 'none.conf', '-t'], { kind: 'signal', command: 'reload' }],
  [['-sl=quit=pid.file'], { kind: 'signal', command: 'quit=pid.file' }],
  [['Help'], exit(0, usageOut, '')],
  [['bogus'], exit(1, '', 'nats-server: unrecognized command: "bogus"\n')],
  [['-'], exit(1, '', 'nats-server: unrecognized command: "-"\n')],
  [['--', '-D'], exit(1, '', 'nats-server: unrecognized command: "-D"\n')],
  [['-foo'], exit(0, usageOut, 'flag provided but not defined: -foo\n')],
  [['-v', '--foo=1'], exit(0, usageOut, 'flag provided but not defined: -foo\n')],
  [['-p', 'x'], exit(0, usageOut, 'invalid value "x" for flag -p: parse error\n')],
  [['-p='], exit(0, usageOut, 'invalid value "" for flag -p: parse error\n')],
  [
    ['-port', '99999999999999999999'],
    exit(0, usageOut, 'invalid value "99999999999999999999" for flag -port: value out of range\n'),
  ],
  [['-D=2'], exit(0, usageOut, 'invalid boolean value "2" for -D: parse error\n')],
  [['-c'], exit(0, usageOut, 'flag needs an argument: -c\n')],
  [['---x'], exit(0, usageOut, 'bad flag syntax: ---x\n')],
  [['--=x'], exit(0, usageOut, 'bad flag syntax: --=x\n')],
  [['-n', 'a b'], exit(1, '', 'nats-server: server name cannot contain spaces\n')],
  [
    ['-p', '70000'],
    exit(1, '', 'nats-server: option port has the value 70000: must be at most 65535\n'),
  ],
  [
    ['-m', '-2'],
    exit(1, '', 'nats-server: option http_port has the value -2: must be at least -1\n'),
  ],
  [
    ['-t'],
    exit(
      1,
      '',
      'nats-server: must specify [-c, --config] option to check configuration file syntax\n',
    ),
  ],
]

for (const [argv, result] of EXITS) {
  test(`answers nats-server ${argv.join(' ')}`, () => assert.deepEqual(interpret(...argv), result))
}

test('refuses every flag of a feature it does not have, whichever way it is spelt', () => {
  const values = { boolean: 'true', integer: '1', text: 'x' } as const
  const names = COMMAND_FLAGS.filter(({ effect }) => effect === 'unsupported').flatMap((flag) =>
    flag.names.map((name) => [name, values[flag.kind]] as const),
  )
  assert.ok(names.length > 5)
  for (const [name, value] of names) {
    const text = `nats-server: flag -${name} is not supported by this version of Sable\n`
    assert.deepEqual(interpret(`--${name}=${value}`), exit(1, '', text))
  }
})

test('the usage text names every flag that is honoured', () => {
  assert.match(usageOut, /^\nUsage: nats-server \[options\]\n\nServer Options:\n/)
  for (const { names, group } of COMMAND_FLAGS) {
    if (group === 'Other') continue
    for (const name of names) assert.match(usageOut, new RegExp(`(^|[ ,])--?${name}[ ,\n]`, 'm'))
  }
})

test('the help on TLS names every suite and every curve a file may have', () => {
  const words = tlsHelpText().split(/\s+/)
  for (const name of [...SECURE_CIPHERS, ...INSECURE_CIPHERS, ...CURVES]) {
    assert.ok(words.includes(name), name)
  }
  for (const name of ABSENT_CIPHERS) assert.ok(!words.includes(name), name)
})

test('what logs clients in is masked in the arguments that may be shown', () => {
  const cases: readonly (readonly [argv: readonly string[], shown: readonly string[]])[] = [
    [
      ['-p', '4222', '--pass', 's', '-D'],
      ['-p', '4222', '--pass', '[REDACTED]', '-D'],
    ],
    [
      ['--user=u', '-auth=a=b'],
      ['--user=[REDACTED]', '-auth=[REDACTED]'],
    ],
    [['--pass'], ['--pass']],
    [
      ['--pass', '--user', 'x'],
      ['--pass', '[REDACTED]', 'x'],
    ],
    [
      ['--username', 'u'],
      ['--username', 'u'],
    ],
    [
      ['--routes', 'nats://u:p@a:1, nats://t@b:2,nats://c:3'],
      ['--routes', 'nats://[REDACTED]@a:1, nats://[REDACTED]@b:2,nats://c:3'],
    ],
    [['--cluster=nats://u:p@h:-1'], ['--cluster=nats://[REDACTED]@h:-1']],
    [
      ['-cluster_listen', 'nats://h:1'],
      ['-cluster_listen', 'nats://h:1'],
    ],
  ]
  for (const [argv, shown] of cases) assert.deepEqual(redactedArguments(argv), shown)
})

test('monitoring on two ports, or by HTTPS without a certificate, cannot be started', () => {
  const fault = (...argv: readonly string[]) => monitoringFault(run(...argv).options)
  assert.equal(fault(), undefined)
  assert.equal(fault('-m', '8222'), undefined)
  assert.equal(
    fault('-m', '8222', '-ms', '-1'),
    "can't specify both HTTP (8222) and HTTPs (-1) ports",
  )
  assert.equal(fault('-ms', '8222'), 'TLS cert and key required for HTTPS')
})

test('the base path of monitoring is cleaned as by Go', () => {
  const cases = [
    ['', '/'],
    ['/', '/'],
    ['a', '/a'],
    ['/a/b/', '/a/b'],
    ['a//./b/../c', '/a/c'],
    ['/../..', '/'],
  ] as const
  for (const [path, clean] of cases) assert.equal(normaliseBasePath(path), clean, path)
})

test('the host of monitoring is that of clients, unless the file says otherwise', () => {
  assert.equal(run('-m', '1').options.httpHost, '0.0.0.0')
  assert.equal(run('-m', '1', '-a', '127.0.0.1').options.httpHost, '127.0.0.1')
  const file = files.write('http: "127.0.0.2:8222"')
  const { httpHost, httpPort } = run('-c', file, '-a', '127.0.0.1', '-m', '5').options
  assert.deepEqual([httpHost, httpPort], ['127.0.0.2', 5])
})

test('flags win over the file, the file over the defaults', () => {
  const file = files.write('port: 5222, debug: true, server_name: a, authorization { user: u }')
  const { options, configFile, configDigest, warnings } = run('-c', file, '-D=false', '--pass=p')
  assert.equal(options.port, 5222)
  assert.equal(options.debug, false)
  assert.equal(options.serverName, 'a')
  assert.deepEqual(options.authorization, { ...authorization, user: 'u', pass: 'p' })
  assert.equal(configFile, file)
  assert.match(configDigest ?? '', /^sha256:[\da-f]{64}$/)
  assert.deepEqual(warnings, [])
})

test('a file may use the environment', () => {
  const file = files.write('port: $SABLE_PORT')
  const result = interpretCommandLine(['-c', file], { SABLE_PORT: '5' })
  assert.equal(result.kind === 'run' && result.options.port, 5)
})

test('the check prints the verdict with a digest of the content', () => {
  const file = files.write('port: 5222')
  const digest = configDigest(parseConfigFile(file, {}))
  const text = `nats-server: configuration file ${file} is valid (${digest})\n`
  assert.deepEqual(interpret('-t', '-c', file), exit(0, '', text))
})

test('the digest is taken over the JSON that Go would write', () => {
  const text = `
    z: -1, y: [ 1, 2.5, on ], "<&>": "\\t\\x01\\"é", x { d: 2016-05-04T18:53:41Z, c: 1e }
    w: [], Ä: {}, v: -0.0, u: 0.0000001, t: $z, s: 9223372036854775807`
  const json =
    '{"\\u003c\\u0026\\u003e":"\\t\\u0001\\"é","s":9223372036854775807,"t":-1,"u":1e-7,"v":-0,' +
    '"w":[],"x":{"c":1000000000000000000,"d":"2016-05-04T18:53:41Z"},"y":[1,2.5,true],' +
    '"z":-1,"Ä":{}}\n'
  const expected = `sha256:${createHash('sha256').update(json).digest('hex')}`
  assert.equal(configDigest(parseConfigText(text, {})), expected)
})

test('the check takes warnings for errors', () => {
  const file = files.write('ping_interval: 2\nport: x')
  const warning =
    `${file}:1:0: invalid use of field "ping_interval": ` +
    'ping_interval should be converted to a duration\n'
  const error = `${file}:2:1: interface conversion: interface {} is string, not int64\n`
  assert.deepEqual(interpret('-t', '-c', file), exit(1, '', `nats-server: ${warning}${error}\n`))
  const doubtful = files.write('ping_interval: 2')
  const text = warning.replace(file, doubtful)
  assert.deepEqual(interpret('-t', '-c', doubtful), exit(1, '', `nats-server: ${text}\n`))
  assert.deepEqual(run('-c', doubtful).warnings, [text.trimEnd()])
})

test('an empty file is worth a warning only', () => {
  const file = files.write('# nothing\n')
  const text = `${file}: config has no values or is empty`
  assert.deepEqual(interpret('-t', '-c', file), exit(1, '', `nats-server: ${text}\n\n`))
  assert.deepEqual(run('-c', file).warnings, [text])
})

test('a file that cannot be read or parsed ends the program', () => {
  const missing = join(files.folder, 'missing.conf')
  assert.deepEqual(
    interpret('-c', missing),
    exit(1, '', `nats-server: open ${missing}: no such file or directory\n`),
  )
  const broken = files.write('a: "')
  assert.deepEqual(
    interpret('--config', broken),
    exit(1, '', `nats-server: config is invalid (${broken}:1:4)\n`),
  )
})

test('what only contradicts itself passes the check, but does not start', () => {
  const cases = [
    ['max_pending: 1k', 'max_payload (1048576) cannot be higher than max_pending (1000)'],
    [
      'leafnodes { remotes [ { url: "a://h", account: A } ] }',
      'cannot find local account "A" specified in leafnode remote',
    ],
    ['leafnodes { port: -1, compression: gzip }', 'unsupported compression mode "gzip"'],
    ['websocket { port: -1 }', 'websocket requires TLS configuration'],
    ['workers: 1k', 'option workers has the value 1000: must be at most 31'],
    [
      'shared_memory: 1mb',
      'option shared_memory has the value 1048576: must be at least 268435456',
    ],
    [
      'leafnodes { port: 70000 }',
      'option leafnodes.port has the value 70000: must be at most 65535',
    ],
    [
      'authorization { timeout: -1 }',
      'option authorization.timeout has the value -1000: must be at least 0',
    ],
  ] as const
  for (const [text, refusal] of cases) {
    const file = files.write(text)
    const check = interpret('-t', '-c', file)
    assert.equal(check.kind === 'exit' && check.code, 0, text)
    assert.deepEqual(interpret('-c', file), exit(1, '', `nats-server: ${refusal}\n`))
  }
})

test('integers are read as Go reads them', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['+7', 7],
    ['010', 8],
    ['0_7', 7],
    ['0o17', 15],
    ['0b101', 5],
    ['0xFf', 255],
    ['-0x1', -1],
    ['1_000_000', 1_000_000],
  ]
  for (const [text, value] of cases) assert.equal(Number(parseGoInteger(text)), value, text)
  for (const text of ['', '08', '1__0', '_1', '1_', '0x', '1.5', '1e3', ' 1', '--1']) {
    assert.deepEqual(parseGoInteger(text), { error: 'parse error' }, text)
  }
  assert.deepEqual(parseGoInteger('9223372036854775808'), { error: 'value out of range' })
  assert.equal(parseGoInteger('-9223372036854775808'), -(2 ** 63))
})

test('any arguments are understood or refused, never more', () => {
  const words = fc.oneof(
    fc.string(),
    fc.constantFrom('-', '--', '-p', '-p=1', '-DV', '-D=x', '--auth', '=', 'help', '-m'),
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 5 }), (argv) => {
      const safe = argv.filter((word) => !/^--?(c|config)(=|$)/.test(word))
      assert.ok(['run', 'exit'].includes(interpret(...safe).kind))
      const parsed = parseFlags(safe, () => 'text')
      assert.ok('error' in parsed || parsed.positional.length <= safe.length)
    }),
  )
})

test('a start without a file does not load the validator', () => {
  const script = `
    import { createRequire } from 'node:module'
    import { interpretCommandLine } from './src/config/command-line.ts'
    const loaded = () =>
      Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('validator'))
    interpretCommandLine(['-p', '-1', '-DV'], {})
    const before = loaded()
    interpretCommandLine(['-c', process.argv[1]], {})
    console.log(before, loaded())`
  const file = files.write('port: -1')
  const argv = ['--input-type=module-typescript', '-e', script, file]
  const { stdout, stderr } = spawnSync(process.execPath, argv, { cwd: ROOT, encoding: 'utf8' })
  assert.equal(stdout.trim(), 'false true', stderr)
})
