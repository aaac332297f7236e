import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOT_YET_HONOURED } from '../../src/config/not-yet-honoured.ts'
import { OPTION_SECTIONS, type SectionName } from '../../src/config/option-table.ts'
import { compareFiles, needsServer, ours, theirs } from './compare.ts'
import { TemporaryFiles } from './temporary-files.ts'

/** Everything here is put to the real program as well. */
const files = new TemporaryFiles()

files.write('max_payload: 1kb\nTAG: "a b"', 'good.inc')
files.write('\n\nport: "x"', 'faulty.inc')
files.write('port: [', 'broken.inc')

const GOOD_TEXTS: readonly string[] = [
  'port: 4222',
  '{ "port": 4222, "leafnodes": { "remotes": [ { "urls": ["a://h"] } ] }, "debug": true }',
  'listen: 127.0.0.1:4222\nhost: localhost',
  'listen = "[::1]:-1"; trace = off, logtime: YES',
  'max_payload: 1mb\nmax_pending: 10MiB\nmax_control_line: 4k\nmax_connections: 0',
  'ping_interval: "1m30s"\nwrite_deadline: 500us',
  'max_subs: 3\nmax_sub_tokens: 16\nping_max: 3',
  'Ä = "\\x41\\t<&>"\nlog_file: $Ä\nleaf { remotes [ { urls: [ "a://h/<&>" ] } ] }',
  'X = 5\nport = $X\nM { token: b }\nauthorization: $M',
  'port: $SABLE_INT',
  'include good.inc\npid_file: $TAG',
  'authorization { user: a, password: $2a$04$P/.bd.7unw9Ew7yWJqXsl, timeout: 2.5 }',
  'authorization: { token: "t", timeout: "500ms" }',
  'authorization { token: $SABLE_TEXT }',
  'leafnodes { port: -1, advertise: h, no_advertise: true, reconnect: 2s, compression: accept }',
  'leaf { listen: "0.0.0.0:7422"\n authorization { user: a, pass: b, account: A, timeout: 1 } }',
  'leaf { remotes [ { url: "nats://h" }, { urls: [ "tls://u:p@h:1", nats-leaf://t@h ], account: A } ] }',
  'leaf { remotes [ { url: "localhost:7422", compression: { mode: off2, rtts: ["1ms"] } } ] }',
  'leaf { compression { mode: "s2_auto", rtt_thresholds: [ "10ms", 50ms ] } }',
  'max_pending: 1\nport: 70000', // faults of the start only
  'no_fast_producer_stall: true, no_header_support: on',
  'log_file: x, logfile_size_limit: 5, log_max_num: 2, pid_file: p, ports_file_dir: d',
  'connect_error_reports: 5\nreconnect_error_reports: 2\nmax_traced_msg_len: 5',
  'client_advertise: nonsense:::',
  'http: 8222\nhttp_port: -1, http_base_path: "//a/../b"\nmax_closed_clients: -5',
  'https: "[::1]:8222"\nmonitor_port: 1, https_port: 2',
  'syslog: on, remote_syslog: "foo://bar"\ntrace_headers: true',
  'write_timeout: close\nproxy_protocol: true\nprof_port: 70000, prof_block_rate: -1',
  'feature_flags { a: true, "b c": off }',
  'port: 4222\n}',
  '{ port: 4222\n',
  '# C\nport: 4222 # D\n// E\n\n',
  'port: 4222\r\nhost: localhost\r\n',
  'server_name: (\nblock\n)\n',
]

const BAD_TEXTS: readonly string[] = [
  '',
  '# only a comment\n',
  'port: "abc"',
  '\n\n  port: 1.5',
  'port: true\nhost: 5\ndebug: 1\ntrace: "on"\nlogtime: {}\nping_max: []',
  'monitor: 5\nfoo { bar: 1 }\n"q uoted": 2',
  'Ünknown: 5\n"\\n": 1\n\'\t"\': 1',
  'ping_interval: 2',
  'ping_interval: 2\nwrite_deadline: 1m\nport: x',
  'ping_interval: abc',
  'ping_interval: [1 ]',
  'write_deadline: "5x"',
  'write_deadline: ""',
  'http: true\nhttps: xxxx',
  'http: "h:XXXX"',
  'https: [ ]\nhttp_port: "1"\nmonitor_port: 1.5\nhttps_port: {}',
  'http_base_path: 5\nmax_closed_clients: "5"',
  'syslog: 1\nremote_syslog: 5\ntrace_headers: "x"',
  'write_timeout: x\nproxy_protocol: 1',
  'write_timeout: 1',
  'prof_port: x\nprof_block_rate: true',
  'feature_flags: [ ]',
  'feature_flags {\n a: 1 }',
  'listen: true',
  'listen: xxxxxxxx',
  'listen: "127.0.0.1:XXXX"',
  'listen: "::1:4222"',
  'listen: "h:"',
  'listen: "h:+5", host: [ ]',
  'listen: 1.5',
  'server_name: "a b"',
  'max_payload: 2gb',
  'MAX_CONTROL_LINE: 3gb',
  'max_sub_tokens: 256',
  'max_sub_tokens: 0',
  'max_sub_tokens: -1',
  'authorization: 5',
  'authorization {\n user: 5 }',
  'authorization {\n user: a, pass: b, token: c }',
  'authorization {\n timeout: x }',
  'authorization {\n timeout: [] }',
  'authorization {\n timeout: 1m }',
  'authorization {\n timeout: 60.5 }',
  'authorization {\n timeout: "2m" }',
  'authorization {\n colour: red }',
  'leafnodes: 5',
  'leafnodes: [ ]',
  'leafnodes {\n port: x }',
  'leafnodes {\n listen: x }',
  'leafnodes {\n reconnect: 5 }',
  'leafnodes {\n reconnect_interval: x }',
  'leafnodes {\n compression: 5 }',
  'leafnodes {\n compression {\n foo: 1 } }',
  'leafnodes {\n compression {\n rtt: [ x ] } }',
  'leafnodes {\n colour: red }',
  'leafnodes {\n remotes: {} }',
  'leafnodes {\n remotes [\n 5\n "x" ] }',
  'leafnodes {\n remotes [\n { url: 5 } ] }',
  'leafnodes {\n remotes [\n { url: "127.0.0.1:7422" } ] }',
  'leafnodes {\n remotes [\n { urls: [ "nats://h:x"\n" ://"\n "nats://h h" ] } ] }',
  'leafnodes {\n remotes [\n { urls: [\n 5 ] } ] }',
  'leafnodes {\n remotes [\n { urls: [ a://h, a://h ] } ] }',
  'leafnodes {\n remotes [\n { url: "a://u:p@h:1/x" }\n { url: "a://u:p@h:1/x" } ] }',
  'leafnodes {\n remotes [\n { url: a://h, colour: red } ] }',
  'leafnodes {\n authorization {\n colour: red } }',
  'leafnodes {\n authorization {\n timeout: x } }',
  'leafnodes {\n authorization {\n timeout: 100 } }',
  'port: $NOWHERE',
  'port: $SABLE_TEXT',
  'port: $SABLE_LOOP',
  'port: $SABLE_BAD',
  'include good.inc',
  'include faulty.inc\nTAG: 1',
  'include broken.inc',
  'm { include "missing.inc" }',
  'include /etc/../missing.inc',
  'a',
  'a: "',
  'a: "x',
  'port: 10.5ms',
  'port: 9999999999999999999',
  'port: 2016-13-01T00:00:00Z',
  'server_name: 3f2504e0-4f89',
  'port: [1]\n',
  'a: [1,,2]\n',
  'm { a: ,',
  '= 5',
  'a: "\\q"',
  'server_name: x y',
]

test('judges good and bad files like nats-server, in the same words', needsServer, async (t) => {
  for (const text of [...GOOD_TEXTS, ...BAD_TEXTS]) {
    await t.test(JSON.stringify(text.slice(0, 60)), () => compareFiles(files.write(text)))
  }
})

test('calls those files good that were meant to be', () => {
  for (const text of GOOD_TEXTS) {
    const result = ours(['-t', '-c', files.write(text)])
    assert.equal(result.code, 0, `${text}\n${result.stderr.join('\n')}`)
  }
})

const COMMAND_LINES: readonly (readonly string[])[] = [
  ['-v'],
  ['--version=true'],
  ['VERSION'],
  ['-v', 'bogus'],
  ['-h'],
  ['--help_tls=false', 'bogus'],
  ['-m', 'x'],
  ['--https_port'],
  ['-syslog=2'],
  ['--signal'],
  ['--profile', '1x'],
  ['help', 'bogus'],
  ['bogus'],
  ['b"gus\x01é'],
  ['-'],
  ['--', '-v'],
  ['-foo'],
  ['--foo=1', '-v'],
  ['-v', '-foo'],
  ['---v'],
  ['-=v'],
  ['--=v'],
  ['-p', 'x'],
  ['-p='],
  ['--port', '08'],
  ['-p', '99999999999999999999'],
  ['--log_size_limit', '9223372036854775808'],
  ['-D=2', '-v'],
  ['-D=', '-v'],
  ['-D=TRUE', '-v'],
  ['-D=tRUE', '-v'],
  ['-c'],
  ['-t'],
  ['-t', '-c', ''],
  ['-c', '/nonexistent/x.conf'],
  ['-c', files.folder],
  ['-t', '-c', files.write('port: 1'), 'version'],
]

test('answers command lines like nats-server', needsServer, async (t) => {
  for (const argv of COMMAND_LINES) {
    await t.test(argv.join(' '), () => assert.deepEqual(ours(argv), theirs(argv)))
  }
})

/** A file in which `key` stands in that block, on line 2. */
function fileWith(section: SectionName, key: string): string {
  const entry = `\n${key}: -1.5`
  const path = section.replace(/^tls/, 'leafnodes.tls')
  const arrays = ['remotes', 'users', 'trusted', 'exports', 'imports', 'certificates']
  return path.split('.').reduceRight((inner, block) => {
    if (block === '') return inner
    return arrays.includes(block) ? `${block} [ {${inner} } ]` : `${block} {${inner} }`
  }, entry)
}

const sections = Object.keys(OPTION_SECTIONS) as SectionName[]

test('every option it reads or refuses is one of nats-server, or its own', needsServer, () => {
  const unknown: string[] = []
  for (const section of sections) {
    const table: readonly {
      key: string
      aliases?: readonly string[]
      kind: string
      isOwn?: boolean
    }[] = OPTION_SECTIONS[section]
    const borrowed = table.filter(({ kind, isOwn }) => isOwn !== true && kind !== 'program only')
    const keys = borrowed.flatMap(({ key, aliases = [] }) => [key, ...aliases])
    for (const key of [...keys, ...NOT_YET_HONOURED[section]]) {
      const { stderr } = theirs(['-t', '-c', files.write(fileWith(section, key))])
      if (/unknown field/i.test(stderr.join('\n'))) unknown.push(`${section} ${key}`)
    }
  }
  assert.deepEqual(unknown, [])
})

const NOT_HONOURED_TEXTS: readonly string[] = [
  'mqtt { port: 1883 }',
  'ocsp: true',
  'default_js_domain { A: "x" }',
]

test('refuses what nats-server takes and it does not honour', needsServer, () => {
  for (const text of NOT_HONOURED_TEXTS) {
    const argv = ['-t', '-c', files.write(text)]
    assert.equal(theirs(argv).code, 0, text)
    assert.match(ours(argv).stderr.join('\n'), /:1:0: unknown field "[a-z_]+"/, text)
    assert.equal(ours(argv).code, 1, text)
  }
})
