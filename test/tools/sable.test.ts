import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from '../support/peers.ts'

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const COMMAND_NAMES = [
  ...['sub', 'pub', 'request', 'reply', 'jwt', 'nk', 'passwd', 'bench', 'version', 'help'],
]

/** The same command from the bundle and from the sources. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  'bin/sable': [join(ROOT, 'bin', 'sable')],
  'src/tools/sable.ts': [process.execPath, join(ROOT, 'src', 'tools', 'sable.ts')],
}

for (const [name, [program, ...first]] of Object.entries(COMMANDS)) {
  const sable = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(program!, [...first, ...args], {
      encoding: 'utf8',
    })
    return { code: status, stdout, stderr }
  }

  describe(name, () => {
    for (const word of ['version', '--version', '-v']) {
      test(`${word} names its own version and that of nats-server`, () => {
        const { code, stdout, stderr } = sable(word)
        assert.equal(code, 0)
        const start = `sable ${version} (nats-server v`
        assert.equal(stdout.slice(0, start.length), start)
        assert.match(stdout, /^sable \S+ \(nats-server v\d+\.\d+\.\d+ compatible\)\n$/)
        assert.equal(stderr, '')
      })
    }

    for (const word of ['help', '--help', '-h']) {
      test(`${word} lists the commands on stdout`, () => {
        const { code, stdout, stderr } = sable(word)
        assert.equal(code, 0)
        assert.match(stdout, /^Usage: sable <command>/)
        for (const command of COMMAND_NAMES) {
          assert.match(stdout, RegExp(`^ {2}${command} `, 'm'))
        }
        assert.equal(stderr, '')
      })
    }

    test('without a command the help goes to stderr and the exit code is 1', () => {
      const { code, stdout, stderr } = sable()
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, /^Usage: sable <command>/)
    })

    test('an unknown command is named in the error and the exit code is 1', () => {
      const { code, stdout, stderr } = sable('benhc', '--smoke')
      assert.deepEqual([code, stdout], [1, ''])
      assert.equal(stderr, "sable: unknown command: benhc\nTry 'sable help'.\n")
    })

    test('bench gets its own arguments, and its exit code is that of the command', () => {
      const help = sable('bench', '--help')
      assert.equal(help.code, 0)
      assert.match(help.stdout, /^Usage: sable bench/)
      const refused = sable('bench', '--rounds', 'none')
      assert.equal(refused.code, 2)
      assert.match(refused.stderr, /--rounds must be a whole number/)
    })
  })
}
