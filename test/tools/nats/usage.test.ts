import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from '../../support/peers.ts'
import { runTool, type ToolName, toolPath } from './tool-process.ts'

const SABLE = join(ROOT, 'bin', 'sable')
const CERTIFICATES = '[-tlscert file] [-tlskey file] [-tlscacert file]'
const COMMANDS: Readonly<Record<ToolName, string>> = {
  'nats-sub': 'sub',
  'nats-pub': 'pub',
  'nats-req': 'request',
  'nats-rply': 'reply',
}
const SYNOPSES: Readonly<Record<ToolName, string>> = {
  'nats-sub': `[-s server] [-creds file] [-nkey file] ${CERTIFICATES} [-t] <subject>`,
  'nats-pub': `[-s server] [-creds file] [-nkey file] ${CERTIFICATES} <subject> <msg>`,
  'nats-req': '[-s server] [-creds file] [-nkey file] <subject> <msg>',
  'nats-rply': '[-s server] [-creds file] [-nkey file] [-t] [-q queue] <subject> <response>',
}
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  creds: '  -creds string\n    \tUser Credentials File\n',
  h: '  -h\tShow help message\n',
  nkey: '  -nkey string\n    \tNKey Seed File\n',
  q: '  -q string\n    \tQueue Group Name (default "NATS-RPLY-22")\n',
  reply: '  -reply string\n    \tSets a specific reply subject\n',
  s:
    '  -s string\n    \tThe nats server URLs (separated by comma) ' +
    '(default "nats://127.0.0.1:4222")\n',
  t: '  -t\tDisplay timestamps\n',
  tlscacert: '  -tlscacert string\n    \tCA certificate to verify peer against\n',
  tlscert: '  -tlscert string\n    \tTLS client certificate file\n',
  tlskey: '  -tlskey string\n    \tPrivate key file for client certificate\n',
}
const FLAGS: Readonly<Record<ToolName, readonly string[]>> = {
  'nats-sub': ['creds', 'h', 'nkey', 's', 't', 'tlscacert', 'tlscert', 'tlskey'],
  'nats-pub': ['creds', 'h', 'nkey', 'reply', 's', 'tlscacert', 'tlscert', 'tlskey'],
  'nats-req': ['creds', 'h', 'nkey', 's'],
  'nats-rply': ['creds', 'h', 'nkey', 'q', 's', 't'],
}

for (const [name, command] of Object.entries(COMMANDS) as [ToolName, string][]) {
  const flagList = FLAGS[name].map((flag) => DESCRIPTIONS[flag]).join('')
  const usage = `Usage: ${name} ${SYNOPSES[name]}\n${flagList}`
  const run = (...args: readonly string[]) => runTool(toolPath(name), args)

  describe(`usage of ${name}`, () => {
    test('-h and -help show it, exit code 0', () => {
      const expected = { code: 0, stdout: '', stderr: usage }
      assert.deepEqual(run('-h'), expected)
      assert.deepEqual(run('--help', 'a'), expected)
    })

    test(`sable ${command} is the same tool under its own name`, () => {
      const stderr = usage.replace(name, `sable ${command}`)
      assert.deepEqual(runTool(SABLE, [command, '-h']), { code: 0, stdout: '', stderr })
      assert.deepEqual(runTool(SABLE, [name, '-h']), { code: 0, stdout: '', stderr: usage })
    })

    test('arguments that are missing, exit code 1', () => {
      const expected = { code: 1, stdout: '', stderr: usage }
      assert.deepEqual(run(), expected)
      if (name !== 'nats-sub') assert.deepEqual(run('a'), expected)
    })

    test('a flag it does not have, or without its value, exit code 2', () => {
      const unknown = `flag provided but not defined: -queue\n${usage}`
      assert.deepEqual(run('-queue', 'a', 'b'), { code: 2, stdout: '', stderr: unknown })
      const missing = `flag needs an argument: -s\n${usage}`
      assert.deepEqual(run('-s'), { code: 2, stdout: '', stderr: missing })
    })
  })
}

for (const [name, args] of [
  ['nats-sub', ['a', 'b']],
  ['nats-pub', ['a', 'b', 'c']],
] as const) {
  test(`${name} takes no further arguments`, () => {
    const { code, stderr } = runTool(toolPath(name), args)
    assert.equal(code, 1)
    assert.match(stderr, RegExp(`^Usage: ${name} `))
  })
}
