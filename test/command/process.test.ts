/** The running command as launchers and operators see it from outside. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { test } from 'node:test'
import type { ServerProgram } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { eachProgram } from './run-program.ts'

/** Linux keeps no more of a process's name. */
const COMM_CHARS_MAX = 15
const NO_PROC = existsSync('/proc/self/stat') ? false : 'this system has no /proc'

/** Processes whose parent is `pid`. Threads are none. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number)
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined // ended meanwhile
  }
}

async function assertServes(server: ServerProcess): Promise<void> {
  await using client = await RawClient.connect(server.port)
  await client.send('CONNECT {"verbose":false}\r\nPING\r\n')
  await client.readUntil('PONG\r\n')
}

eachProgram('a running server', (program, folder) => {
  const started = (path: string): ServerProgram => ({ ...program, path })

  test('the pid file names the process as soon as the ports file is there', async () => {
    const pidFile = join(folder, 'server.pid')
    await using server = await startServer(program, { flags: ['-P', pidFile] })
    assert.equal(readFileSync(pidFile, 'utf8'), String(server.pid))
    await assertServes(server)
  })

  test('the ports file is named after program and process, holds the real port', async () => {
    await using server = await startServer(program)
    const file = join(server.folder, `nats-server_${server.pid}.ports`)
    const { nats } = JSON.parse(readFileSync(file, 'utf8'))
    assert.deepEqual(nats, [`nats://127.0.0.1:${server.port}`])
    assert.ok(server.port > 0)
  })

  for (const [signal, word] of [
    ['SIGINT', 'interrupt'],
    ['SIGTERM', 'terminated'],
  ] as const) {
    test(`${signal} ends clients and server, removes the ports file, code 0`, async () => {
      await using server = await startServer(program)
      await using client = await RawClient.connect(server.port)
      await client.readUntil('INFO ')
      server.signal(signal)
      await server.exited()
      await client.readUntilClose()
      assert.equal(server.exitCode, 0, server.logTail)
      assert.ok(server.log.includes(`Trapped "${word}" signal`), server.logTail)
      assert.deepEqual(
        readdirSync(server.folder).filter((name) => name.endsWith('.ports')),
        [],
      )
    })
  }

  test('a signal right after the start ends it, too', async () => {
    await using server = new ServerProcess(program, {})
    await until('the first line of the log', () => server.log !== '')
    server.signal('SIGTERM')
    await server.exited()
    assert.equal(server.exitCode, 0, server.logTail)
  })

  test('it can be started through a link, and from another folder', async () => {
    mkdirSync(join(folder, 'bin'))
    const link = join(folder, 'bin', 'nats-server')
    symlinkSync(program.path, link)
    await using absolute = await startServer(started(link))
    await assertServes(absolute)
    symlinkSync(relative(join(folder, 'bin'), link), join(folder, 'bin', 'second'))
    await using chained = await startServer(started(join(folder, 'bin', 'second')))
    await assertServes(chained)
  })

  test('it is one process, named nats-server', { skip: NO_PROC }, async () => {
    await using server = await startServer(program)
    await assertServes(server)
    const name = basename(program.path).slice(0, COMM_CHARS_MAX)
    assert.equal(readFileSync(`/proc/${server.pid}/comm`, 'utf8'), `${name}\n`)
    assert.match(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8'), /^nats-server\0/)
    assert.deepEqual(childrenOf(server.pid), [])
  })

  const shows = program.name === 'sable' ? NO_PROC : 'nats-server shows them'
  test('secrets among its flags are not to be seen in ps', { skip: shows }, async () => {
    await using server = await startServer(program, { flags: ['--user=anna', '--pass', 'correct'] })
    const shown = readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')
    assert.equal(shown.replaceAll('\0', ''), 'nats-server')
  })

  test('with -l the log goes to the file, and nothing to the terminal', async () => {
    const logFile = join(folder, 'server.log')
    await using server = await startServer(program, { flags: ['-l', logFile] })
    const line = new RegExp(`^\\[${server.pid}\\] \\S+ \\S+ \\[INF\\] Server is ready$`, 'm')
    await until('the log', () => line.test(readFileSync(logFile, 'utf8')))
    await server.stop()
    assert.equal(server.log, '')
    assert.match(readFileSync(logFile, 'utf8'), /\[INF\] Server Exiting\.\.\n$/)
  })

  const isReal = program.name === 'sable' ? false : 'an option of Sable'
  test('with log_format json each line is an object', { skip: isReal }, async () => {
    await using server = await startServer(program, { config: 'log_format: json\n' })
    await server.stop()
    const lines = server.log.trimEnd().split('\n')
    const objects = lines.map((line) => JSON.parse(line))
    for (const { level, time, pid } of objects) {
      assert.deepEqual([level, pid], ['info', server.pid])
      assert.ok(!Number.isNaN(Date.parse(time)), time)
    }
    const texts = objects.map(({ msg }) => msg)
    assert.ok(texts.includes('Server is ready'))
    assert.equal(texts.at(-1), 'Server Exiting..')
  })
})
