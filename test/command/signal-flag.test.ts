/** One command that signals another: `--signal`. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { type Ended, eachProgram, runToEnd } from './run-program.ts'

eachProgram('a command with --signal', ({ path, ...program }, folder) => {
  /** With a `pgrep` that finds those; a real one would also find what is none of ours. */
  const signal = (parameter: string, found: readonly number[] = []): Ended => {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    const lines = found.map((pid) => `echo ${pid}\n`).join('')
    const script = `#!/bin/sh\n[ "$1" = nats-server ] || exit 2\n${lines || 'exit 1'}\n`
    writeFileSync(join(bin, 'pgrep'), script)
    chmodSync(join(bin, 'pgrep'), 0o755)
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` }
    return runToEnd(path, [`--signal=${parameter}`], { env })
  }
  const DONE: Ended = { code: 0, stdout: '', stderr: '' }
  const failed = (text: string): Ended => ({
    code: 1,
    stdout: '',
    stderr: `nats-server: ${text}\n`,
  })

  test('reaches the server by pid, by pid file and by name, in any order of flags', async () => {
    const [pidFile, logFile] = [join(folder, 'server.pid'), join(folder, 'server.log')]
    const flags = ['-P', pidFile, '-l', logFile]
    await using server = await startServer({ ...program, path }, { flags })
    const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
    await until('the log', () => log().includes('Server is ready'))
    renameSync(logFile, `${logFile}.1`)
    assert.deepEqual(signal(`reopen=${server.pid}`), DONE)
    await until('the new log', () => log().includes('File log re-opened'))
    renameSync(logFile, `${logFile}.2`)
    assert.deepEqual(signal(`reopen=${pidFile}`), DONE)
    await until('the next log', () => log().includes('File log re-opened'))
    assert.deepEqual(signal('ldm', [server.pid]), DONE)
    await server.exited()
    assert.equal(server.exitCode, 0)
    assert.match(log(), /Entering lame duck mode/)
  })

  test('says what is wrong, and signals nobody', () => {
    assert.deepEqual(signal('quit'), failed('no nats-server processes running'))
    const several = failed('multiple nats-server processes running:\n1\n2')
    assert.deepEqual(signal('quit', [1, 2]), several)
    assert.deepEqual(signal('frobnicate=1'), failed('unknown signal "frobnicate"'))
    assert.deepEqual(signal('quit=x'), failed('invalid pid: x'))
    assert.deepEqual(signal('quit=1=2'), failed('invalid signal parameters: [2]'))
    const pid = 2 ** 22 + 1 // beyond the largest that Linux gives
    const missing = `\nsignal "quit" ${pid}: no such process`
    assert.deepEqual(signal(`quit=${pid}`), failed(missing))
  })
})
