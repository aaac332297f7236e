import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { BrokerError } from '../../src/base/errors.ts'
import { createLogSink, type LogSinkOptions } from '../../src/monitor/log/log-sink.ts'

const SINK_URL = new URL('../../src/monitor/log/log-sink.ts', import.meta.url).href
const AT_US = Date.UTC(2026, 10, 22, 10, 12, 13) * 1000 + 123_456

let folder: string
let file: string
let options: LogSinkOptions

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-sink-'))
  file = join(folder, 'server.log')
  options = {
    format: 'text',
    file,
    logtime: true,
    logtimeUtc: true,
    debug: false,
    trace: false,
    pid: 42,
    isTerminal: false,
    clock: { wallUs: () => AT_US, monotonicMs: () => 0 },
  }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const content = (): string => readFileSync(file, 'utf8')

describe('log sink', () => {
  it('writes lines of nats-server, texts with percent signs and braces as they are', async () => {
    const sink = await createLogSink(options)
    sink.logger.info('Server is ready')
    sink.logger.warn('100%s %d {"a":1} %%')
    sink.logger.trace('not shown')
    sink.close()
    assert.equal(
      content(),
      '[42] 2026/11/22 10:12:13.123456 [INF] Server is ready\n' +
        '[42] 2026/11/22 10:12:13.123456 [WRN] 100%s %d {"a":1} %%\n',
    )
    assert.equal(sink.lostLineCount, 0)
  })

  it('shows all six levels', async () => {
    const sink = await createLogSink({ ...options, logtime: false, debug: true, trace: true })
    for (const level of ['info', 'warn', 'error', 'fatal', 'debug', 'trace'] as const) {
      sink.logger[level](level)
    }
    sink.close()
    const expected = 'INF info,WRN warn,ERR error,FTL fatal,DBG debug,TRC trace'.split(',')
    assert.deepEqual(
      content().trimEnd().split('\n'),
      expected.map((line) => `[42] [${line.slice(0, 3)}] ${line.slice(4)}`),
    )
  })

  it('does not colour a file', async () => {
    const sink = await createLogSink({ ...options, logtime: false, isTerminal: true })
    sink.logger.info('plain')
    sink.close()
    assert.equal(content(), '[42] [INF] plain\n')
  })

  it('writes one JSON object a line when asked to', async () => {
    const sink = await createLogSink({ ...options, format: 'json' })
    sink.logger.error('a "quoted"\n text')
    sink.accept([{ level: 'trace', atUs: AT_US + 1, text: 'from afar' }])
    sink.close()
    const lines = content().trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [
        { level: 'error', time: '2026-11-22T10:12:13.123456Z', pid: 42, msg: 'a "quoted"\n text' },
        { level: 'trace', time: '2026-11-22T10:12:13.123457Z', pid: 42, msg: 'from afar' },
      ],
    )
  })

  it('leaves time and pid out of JSON when told so', async () => {
    const sink = await createLogSink({ ...options, format: 'json', logtime: false, pid: null })
    sink.logger.info('bare')
    sink.close()
    assert.equal(content(), '{"level":"info","msg":"bare"}\n')
  })

  it('writes the lines of other threads with the times they were logged at', async () => {
    const sink = await createLogSink(options)
    sink.accept([
      { level: 'debug', atUs: AT_US - 23_456, text: 'first' },
      { level: 'info', atUs: AT_US, text: 'second' },
    ])
    sink.close()
    assert.equal(
      content(),
      '[42] 2026/11/22 10:12:13.100000 [DBG] first\n[42] 2026/11/22 10:12:13.123456 [INF] second\n',
    )
  })

  it('opens the file anew on request and says so in the new file', async () => {
    const sink = await createLogSink({ ...options, logtime: false })
    sink.logger.info('one')
    renameSync(file, join(folder, 'moved'))
    sink.reopen()
    sink.close()
    assert.equal(content(), '[42] [INF] File log re-opened\n')
  })

  it('rotates at once a file that was found too long', async () => {
    const first = await createLogSink(options)
    first.logger.info('x'.repeat(100))
    first.close()
    const second = await createLogSink({ ...options, logtime: false, sizeLimitBytes: 100 })
    second.logger.info('fresh')
    second.close()
    assert.match(content(), /^\[42\] \[INF\] Rotated log, backup saved as ".*"\r\n/)
  })

  it('uses other options after a reload, and keeps the old ones when the new file is refused', async () => {
    const sink = await createLogSink({ ...options, logtime: false })
    const { logger } = sink
    logger.debug('hidden')
    assert.throws(
      () => sink.reconfigure({ ...options, file: '/nonexistent/f', debug: true }),
      BrokerError,
    )
    logger.debug('hidden still')
    logger.info('kept')
    sink.reconfigure({ ...options, logtime: false, debug: true, pid: null })
    logger.debug('shown')
    sink.close()
    assert.equal(content(), '[42] [INF] kept\n[DBG] shown\n')
  })

  const noFull = existsSync('/dev/full') ? false : '/dev/full is not here'
  it('counts the lines that could not be written and goes on', { skip: noFull }, async () => {
    const sink = await createLogSink({ ...options, file: '/dev/full' })
    sink.logger.info('no space')
    sink.logger.info('no space')
    sink.close()
    assert.equal(sink.lostLineCount, 2)
  })
})

const noShell = process.platform === 'win32' ? 'needs ulimit' : false

it('goes on when there is space again, and says once that there was none', {
  skip: noShell,
}, () => {
  const code = `
    import { truncateSync } from 'node:fs'
    import { createLogSink } from '${SINK_URL}'
    const file = ${JSON.stringify(file)}
    const base = { format: 'text', logtime: false, logtimeUtc: false, debug: false, trace: false }
    const sink = await createLogSink({ ...base, pid: 1, file, isTerminal: false })
    sink.logger.info('a'.repeat(300))
    sink.logger.info('b'.repeat(300))
    sink.logger.info('lost')
    truncateSync(file, 320)
    sink.logger.info('c')
    sink.close()`
  // The limit is counted in blocks of 512 bytes; a file as long as that is full.
  const { stderr, status } = spawnSync(
    'sh',
    ['-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"', process.execPath, code],
    { encoding: 'utf8' },
  )
  assert.equal(status, 0, stderr)
  assert.equal(stderr, 'nats-server: log lines are lost: file too large\n')
  assert.deepEqual(content().trimEnd().split('\n'), [
    `[1] [INF] ${'a'.repeat(300)}`,
    '[1] [INF]',
    '[1] [INF] c',
    '[1] [WRN] 2 log lines were lost',
  ])
})

/** Runs a module text in a process of its own, with `sink` at hand; stderr goes to a pipe. */
function runWithSink(extra: string, body: string): { stderr: string; signal: string | null } {
  const code = `
    import { createLogSink } from '${SINK_URL}'
    const base = { format: 'text', logtime: false, logtimeUtc: false, debug: false, trace: false, pid: 1 }
    const sink = await createLogSink({ ...base, isTerminal: false, ${extra} })
    ${body}`
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  })
  return { stderr: result.stderr, signal: result.signal }
}

describe('log sink on stderr', () => {
  it('loses no line when the process is killed right after the last one', () => {
    const { stderr, signal } = runWithSink(
      '',
      `for (let i = 0; i < 5000; i++) sink.logger.info('line ' + i)
       process.kill(process.pid, 'SIGKILL')`,
    )
    assert.equal(signal, 'SIGKILL')
    const lines = stderr.trimEnd().split('\n')
    assert.equal(lines.length, 5000)
    assert.equal(lines[4999], '[1] [INF] line 4999')
  })

  it('colours the levels on a terminal', () => {
    const { stderr } = runWithSink('isTerminal: true', `sink.logger.warn('careful')`)
    assert.equal(stderr, '[1] [\x1b[0;93mWRN\x1b[0m] careful\n')
  })

  it('says that there is no file to open anew', () => {
    const { stderr } = runWithSink('', 'sink.reopen()')
    assert.equal(stderr, '[1] [INF] File log re-open ignored, not a file logger\n')
  })
})
