/** What the command prints, and with which code it ends, when it does not become a server. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { eachProgram, runToEnd } from './run-program.ts'

const LISTEN = ['-a', '127.0.0.1', '-p', '-1']

eachProgram('a command that ends at once', ({ path }, folder) => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  for (const args of [['-v'], ['--version'], ['version']]) {
    test(`${args.join(' ')} prints the version to stdout, code 0`, () => {
      const { code, stdout, stderr } = runToEnd(path, args)
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, /^nats-server: v2\.\d+\.\d+\n$/)
    })
  }

  for (const args of [['-h'], ['--help'], ['help']]) {
    test(`${args.join(' ')} prints the usage to stdout, code 0`, () => {
      const { code, stdout, stderr } = runToEnd(path, args)
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, /^\nUsage: nats-server \[options\]\n/)
    })
  }

  test('a flag nobody knows: error on stderr, usage on stdout, code 0', () => {
    const { code, stdout, stderr } = runToEnd(path, ['--nonsense'])
    assert.deepEqual([code, stderr], [0, 'flag provided but not defined: -nonsense\n'])
    assert.match(stdout, /^\nUsage: nats-server \[options\]\n/)
  })

  test('a word that is no command: error on stderr, code 1', () => {
    const { code, stdout, stderr } = runToEnd(path, ['frobnicate'])
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(stderr, 'nats-server: unrecognized command: "frobnicate"\n')
  })

  test('-t with a valid file: its verdict on stderr, code 0', () => {
    const file = write('good.conf', 'port: -1\n')
    const { code, stdout, stderr } = runToEnd(path, ['-t', '-c', file])
    assert.deepEqual([code, stdout], [0, ''])
    assert.match(stderr, /^nats-server: configuration file .*good\.conf is valid \(sha256:\w+\)\n$/)
  })

  for (const flags of [['-t'], []]) {
    test(`${['a faulty file', ...flags].join(' with ')}: place and fault on stderr, code 1`, () => {
      const file = write('faulty.conf', 'port: -1\nprot: 4222\n')
      const { code, stdout, stderr } = runToEnd(path, [...flags, ...LISTEN, '-c', file])
      assert.deepEqual([code, stdout], [1, ''])
      assert.ok(stderr.startsWith(`nats-server: ${file}:2:1: unknown field "prot"\n`), stderr)
    })
  }

  test('a file that is not there: its name on stderr, code 1', () => {
    const file = join(folder, 'none.conf')
    const { code, stderr } = runToEnd(path, [...LISTEN, '-c', file])
    assert.equal(code, 1)
    assert.equal(stderr, `nats-server: open ${file}: no such file or directory\n`)
  })

  test('a log file that cannot be opened: its name on stderr, code 1', () => {
    const file = join(folder, 'none', 'server.log')
    const { code, stderr } = runToEnd(path, [...LISTEN, '-l', file])
    assert.equal(code, 1)
    assert.ok(stderr.includes(`error opening file: open ${file}: no such file or directory\n`))
  })

  test('a pid file that cannot be written: its name in the log, code 1', () => {
    const file = join(folder, 'none', 'server.pid')
    const { code, stderr } = runToEnd(path, [...LISTEN, '-P', file])
    assert.equal(code, 1)
    const line = `[FTL] Could not write pidfile: open ${file}: no such file or directory\n`
    assert.ok(stderr.endsWith(line), stderr)
  })

  for (const [ports, reason] of [
    [['-m', '1', '-ms', '2'], "can't specify both HTTP (1) and HTTPs (2) ports"],
    [['-ms', '-1'], 'TLS cert and key required for HTTPS'],
  ] as const) {
    test(`monitoring with ${ports.join(' ')} cannot start: the reason in the log, code 1`, () => {
      const { code, stdout, stderr } = runToEnd(path, [...LISTEN, ...ports])
      assert.deepEqual([code, stdout], [1, ''])
      assert.ok(stderr.endsWith(` [FTL] Can't start monitoring: ${reason}\n`), stderr)
    })
  }

  test('--help_tls names suites and curves on stdout, code 0', () => {
    const { code, stdout, stderr } = runToEnd(path, ['--help_tls'])
    assert.deepEqual([code, stderr], [0, ''])
    for (const name of ['TLS_AES_128_GCM_SHA256', 'X25519', 'CurveP256']) {
      assert.match(stdout, new RegExp(`^ {4}${name}$`, 'm'))
    }
  })

  for (const [what, argsFor, kind] of [
    ['client port', (port: number) => ['-a', '127.0.0.1', '-p', String(port)], ''],
    ['leaf port', (port: number) => [...LISTEN, '-c', leafConfig(port)], 'leafnode '],
  ] as const) {
    test(`a ${what} that is taken: its address in the log, code 1`, async (t) => {
      const server = createServer()
      t.after(() => server.close())
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      assert.ok(address !== null && typeof address === 'object')
      const { code, stdout, stderr } = runToEnd(path, argsFor(address.port))
      assert.deepEqual([code, stdout], [1, ''])
      const place = `127.0.0.1:${address.port}`
      const reason = `listen tcp ${place}: bind: address already in use`
      const start = `[FTL] Error listening on ${kind}port: `
      const last = stderr.trimEnd().split('\n').at(-1)!
      assert.ok(last.includes(start), last)
      assert.ok(last.includes(place) && last.includes(reason), last)
    })
  }

  function leafConfig(port: number): string {
    return write('leaf.conf', `leafnodes { host: 127.0.0.1, port: ${port} }\n`)
  }
})
