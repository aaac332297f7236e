import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createClock } from '../../src/base/clock.ts'
import { BrokerError } from '../../src/base/errors.ts'
import { LogFile } from '../../src/monitor/log/log-file.ts'

let folder: string
let path: string
let nowMs: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-file-'))
  path = join(folder, 'server.log')
  nowMs = new Date(2026, 10, 22, 9, 8, 7).getTime()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function openLog(sizeLimitBytes = 0, maxFiles = 0): LogFile {
  return new LogFile({
    path,
    sizeLimitBytes,
    maxFiles,
    clock: createClock(
      () => nowMs,
      () => 0,
    ),
    ownLine: (level, text) => `${level}: ${text}\r\n`,
  })
}

const line = (text: string): Buffer => Buffer.from(`${text}\n`)
const archives = (): string[] => readdirSync(folder).filter((name) => name !== 'server.log')
const content = (name = 'server.log'): string => readFileSync(join(folder, name), 'utf8')

describe('log file', () => {
  it('is made for owner and group, and appended to', () => {
    writeFileSync(path, 'old\n')
    const log = openLog()
    assert.equal(log.write(line('new')), undefined)
    assert.equal(content(), 'old\nnew\n', 'written when write() returns')
    log.close()
    rmSync(path)
    openLog().close()
    assert.equal(statSync(path).mode & 0o777, 0o640 & ~process.umask())
  })

  it('refuses a path it cannot open, in the words of nats-server', () => {
    path = '/nonexistent/f'
    assert.throws(openLog, (error) => {
      assert.ok(error instanceof BrokerError)
      assert.equal(error.code, 'BRK_LOG_FILE')
      const text = 'error opening file: open /nonexistent/f: no such file or directory'
      assert.equal(error.message, text)
      return true
    })
  })

  it('goes on in a new file at the same path when it was moved away', () => {
    const log = openLog()
    log.write(line('one'))
    renameSync(path, join(folder, 'moved'))
    log.write(line('two'))
    log.reopen()
    log.write(line('three'))
    log.close()
    assert.equal(content('moved'), 'one\ntwo\n')
    assert.equal(content(), 'three\n')
  })

  it('keeps the old file when the path cannot be opened again', () => {
    const log = openLog()
    renameSync(path, join(folder, 'moved'))
    mkdirSync(path)
    assert.throws(() => log.reopen(), BrokerError)
    assert.equal(log.write(line('still here')), undefined)
    log.close()
    assert.equal(content('moved'), 'still here\n')
  })

  it('writes nothing after close, which may come twice', () => {
    const log = openLog()
    log.close()
    log.close()
    assert.notEqual(log.write(line('late')), undefined)
    assert.equal(content(), '')
  })
})

describe('rotation of the log file', () => {
  it('puts the file aside when a write takes it beyond the limit, not at the limit', () => {
    const log = openLog(10)
    log.write(line('123456789'))
    assert.deepEqual(archives(), [])
    log.write(line('x'))
    log.close()
    const archive = 'server.log.2026.11.22.09.08.07.000000000'
    assert.deepEqual(archives(), [archive])
    assert.equal(content(archive), '123456789\nx\n')
    assert.equal(content(), `info: Rotated log, backup saved as "${join(folder, archive)}"\r\n`)
  })

  it('counts the bytes that were there before', () => {
    writeFileSync(path, 'x'.repeat(11))
    const log = openLog(10)
    assert.equal(log.isTooLong, true)
    log.write(line('y'))
    log.close()
    assert.equal(archives().length, 1)
  })

  it('keeps maxFiles files, the current one included, and no file of others', () => {
    for (const name of [
      'server.log.bak',
      'server.log.2020.01.01',
      'other.2020.01.01.00.00.00.000000000',
    ]) {
      writeFileSync(join(folder, name), '')
    }
    const log = openLog(10, 3)
    const stamps: string[] = []
    for (let i = 0; i < 5; i++) {
      log.write(line(`0123456789 ${i} ${'x'.repeat(200)}`)) // each write goes beyond the limit
      stamps.push(`server.log.2026.11.22.09.08.${String(7 + i).padStart(2, '0')}.000000000`)
      nowMs += 1000
    }
    log.close()
    const kept = archives().filter((name) => stamps.includes(name))
    assert.deepEqual(kept, stamps.slice(-2))
    assert.equal(archives().length, 2 + 3)
    assert.match(content(), new RegExp(`info: Purged log file "${stamps[2]}"\\r\\n$`))
  })

  it('goes on in the same file, and tries less often, when it cannot be put aside', () => {
    const log = openLog(10)
    rmSync(path) // nothing to rename
    log.write(line('0123456789'))
    mkdirSync(path)
    log.write(line('more'))
    log.close()
    assert.deepEqual(archives(), [])
  })
})
