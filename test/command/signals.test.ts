/** What the running command does with signals. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { RawClient } from '../support/raw-client.ts'
import { ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { eachProgram } from './run-program.ts'

async function assertServes(server: ServerProcess): Promise<void> {
  await using client = await RawClient.connect(server.port)
  await client.send('CONNECT {"verbose":false}\r\nPING\r\n')
  await client.readUntil('PONG\r\n')
}

/** Texts of the log since the line `Server is ready`, with their levels. */
function linesSinceReady(log: string): readonly string[] {
  const lines = [...log.matchAll(/(\[(?:INF|WRN|ERR|FTL)\] .*)$/gm)].map(([, line]) => line!)
  return lines.slice(lines.indexOf('[INF] Server is ready') + 1)
}

eachProgram('a server that gets a signal', (program, folder) => {
  test('SIGUSR1 opens the log file anew after a rename, and nothing else', async () => {
    const logFile = join(mkdtempSync(join(folder, 'log-')), 'server.log')
    await using server = await startServer(program, { flags: ['-l', logFile] })
    await until('the log', () => readFileSync(logFile, 'utf8').includes('Server is ready'))
    renameSync(logFile, `${logFile}.1`)
    server.signal('SIGUSR1')
    await until('the new log', () => existsSync(logFile) && readFileSync(logFile).length > 0)
    await assertServes(server)
    await server.stop()
    assert.equal(linesSinceReady(readFileSync(logFile, 'utf8'))[0], '[INF] File log re-opened')
    assert.deepEqual(linesSinceReady(readFileSync(`${logFile}.1`, 'utf8')), [
      '[INF] Trapped "user defined signal 1" signal',
    ])
    assert.equal(server.log, '', 'a debugger would tell its address on stderr')
  })

  test('SIGUSR1 without a log file is told to have no effect', async () => {
    await using server = await startServer(program)
    server.signal('SIGUSR1')
    await until('the answer', () => server.log.includes('File log re-open ignored'))
    await assertServes(server)
    assert.deepEqual(linesSinceReady(server.log), [
      '[INF] Trapped "user defined signal 1" signal',
      '[INF] File log re-open ignored, not a file logger',
    ])
  })

  test('SIGHUP without a configuration file is told to have no effect', async () => {
    const refusal = 'can only reload config when a file is provided using -c or --config'
    await using server = await startServer(program)
    server.signal('SIGHUP')
    await until('the refusal', () => server.log.includes(refusal))
    await assertServes(server)
    assert.deepEqual(linesSinceReady(server.log), [
      '[INF] Trapped "hangup" signal',
      `[ERR] Failed to reload server configuration: ${refusal}`,
    ])
  })

  test('SIGUSR2 ends a server without clients at once', async () => {
    await using server = await startServer(program)
    server.signal('SIGUSR2')
    await server.exited()
    assert.equal(server.exitCode, 0, server.logTail)
    assert.deepEqual(linesSinceReady(server.log), [
      '[INF] Trapped "user defined signal 2" signal',
      '[INF] Entering lame duck mode, stop accepting new clients',
      '[INF] Initiating Shutdown...',
      '[INF] Server Exiting..',
    ])
  })

  test('signals that come while it starts are acted on once it can, and it starts', async () => {
    await using server = new ServerProcess(program, {})
    await until('the first line of the log', () => server.log !== '', 10_000, 1)
    server.signal('SIGHUP')
    server.signal('SIGUSR1')
    await server.ready()
    await until('both answers', () => {
      return server.log.includes('re-open ignored') && server.log.includes('Failed to reload')
    })
    await assertServes(server)
    await server.stop('SIGINT')
    assert.equal(server.exitCode, 0, server.logTail)
    assert.match(server.log, /\[INF\] Server Exiting\.\.\n$/)
  })

  for (const signal of ['SIGINT', 'SIGUSR2'] as const) {
    const hangs = program.name !== 'sable' && signal === 'SIGUSR2'
    const skip = hangs ? 'nats-server then never ends' : false
    test(`${signal} while it starts ends it, no ports file is left`, { skip }, async () => {
      await using server = new ServerProcess(program, {})
      await until('the first line of the log', () => server.log !== '', 10_000, 1)
      server.signal(signal)
      await server.exited()
      assert.equal(server.exitCode, 0, server.logTail)
      const left = readdirSync(server.folder).filter((name) => name.endsWith('.ports'))
      assert.deepEqual(left, [])
    })
  }

  test('signals that come while it ends change nothing', async () => {
    await using server = await startServer(program)
    server.signal('SIGTERM')
    await until('the first answer', () => server.log.includes('Trapped "terminated"'), 10_000, 1)
    const further = setInterval(() => {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const) {
        server.signal(signal)
      }
    }, 1)
    try {
      await server.exited()
    } finally {
      clearInterval(further)
    }
    assert.equal(server.exitCode, 0, server.logTail)
    assert.deepEqual(linesSinceReady(server.log), [
      '[INF] Trapped "terminated" signal',
      '[INF] Initiating Shutdown...',
      '[INF] Server Exiting..',
    ])
  })
})
