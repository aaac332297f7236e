import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogLevel } from '../../src/base/log-line.ts'
import { createTextLine } from '../../src/monitor/log/text-line.ts'
import { program, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const AT_US = Date.UTC(2026, 10, 22, 10, 12, 13) * 1000 + 1456

/** Parts of a line of nats-server, the time read in the local zone. */
const LINE = /^\[(\d+)\] (\d+)\/(\d+)\/(\d+) (\d+):(\d+):(\d+)\.(\d{6}) \[([A-Z]{3})\] (.*)$/
const LEVELS: Readonly<Record<string, LogLevel>> = { INF: 'info', DBG: 'debug', TRC: 'trace' }

describe('text lines', () => {
  it('carry pid, date, time with microseconds, level and text', () => {
    const line = createTextLine({ pid: 7, logtime: true, logtimeUtc: true }, false)
    assert.equal(line('info', AT_US, 'hi'), '[7] 2026/11/22 10:12:13.001456 [INF] hi')
    assert.equal(line('warn', AT_US + 999e3, 'hi'), '[7] 2026/11/22 10:12:14.000456 [WRN] hi')
    assert.equal(line('error', AT_US, 'hi'), '[7] 2026/11/22 10:12:13.001456 [ERR] hi')
  })

  it('leave out pid and time when told so', () => {
    const line = createTextLine({ pid: null, logtime: false, logtimeUtc: false }, false)
    assert.equal(line('fatal', AT_US, 'hi'), '[FTL] hi')
  })

  it('use the local zone unless told UTC', () => {
    const line = createTextLine({ pid: null, logtime: true, logtimeUtc: false }, false)
    const at = new Date(AT_US / 1000)
    const hour = String(at.getHours()).padStart(2, '0')
    assert.match(
      line('debug', AT_US, 'hi'),
      new RegExp(` ${hour}:\\d\\d:13\\.001456 \\[DBG\\] hi$`),
    )
  })

  it('colour the level only, in the colours of nats-server', () => {
    const line = createTextLine({ pid: 7, logtime: false, logtimeUtc: false }, true)
    assert.equal(line('info', 0, 'hi'), '[7] [\x1b[32mINF\x1b[0m] hi')
    assert.equal(line('warn', 0, 'hi'), '[7] [\x1b[0;93mWRN\x1b[0m] hi')
    assert.equal(line('error', 0, 'hi'), '[7] [\x1b[31mERR\x1b[0m] hi')
    assert.equal(line('fatal', 0, 'hi'), '[7] [\x1b[31mFTL\x1b[0m] hi')
    assert.equal(line('debug', 0, 'hi'), '[7] [\x1b[36mDBG\x1b[0m] hi')
    assert.equal(line('trace', 0, 'hi'), '[7] [\x1b[33mTRC\x1b[0m] hi')
  })

  const peer = program('nats-server')
  it('are those of nats-server, byte for byte', { skip: skipReason(peer) }, async () => {
    await using server = await startServer(peer, { flags: ['-DV'] })
    await until('the log to be ready', () => server.log.includes('Server is ready\n'))
    const lines = server.log.trimEnd().split('\n')
    assert.ok(lines.length >= 8)
    for (const real of lines) {
      const [, pid, year, month, day, hour, minute, second, micros, label, text] =
        LINE.exec(real) ?? assert.fail(`not a line: ${real}`)
      const at = new Date(+year!, +month! - 1, +day!, +hour!, +minute!, +second!)
      const ours = createTextLine({ pid: Number(pid), logtime: true, logtimeUtc: false }, false)
      const level = LEVELS[label!] ?? assert.fail(`unexpected level ${label}`)
      assert.equal(ours(level, at.getTime() * 1000 + Number(micros), text!), real)
    }
  })
})
