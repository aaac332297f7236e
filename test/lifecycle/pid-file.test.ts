import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { BrokerError } from '../../src/base/errors.ts'
import { writePidFile } from '../../src/lifecycle/pid-file.ts'
import { program, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pid-file-'))
  path = join(folder, 'server.pid')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function failure(badPath: string): BrokerError {
  try {
    writePidFile(badPath, 1)
  } catch (error) {
    assert.ok(error instanceof BrokerError)
    return error
  }
  return assert.fail('nothing was thrown')
}

describe('pid file', () => {
  it('holds the decimal pid alone, for the owner, and nothing is left beside it', () => {
    writePidFile(path, 4711)
    assert.equal(readFileSync(path, 'utf8'), '4711')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(folder), ['server.pid'])
  })

  it('replaces the file of an earlier process', () => {
    writeFileSync(path, '1234567890')
    writePidFile(path, 12)
    assert.equal(readFileSync(path, 'utf8'), '12')
  })

  it('is written through a link, which stays one', () => {
    const target = join(folder, 'target')
    symlinkSync(target, path)
    writePidFile(path, 12)
    assert.equal(readFileSync(target, 'utf8'), '12')
    assert.deepEqual(readdirSync(folder).sort(), ['server.pid', 'target'])
    writePidFile('/dev/null', 12)
    assert.ok(statSync('/dev/null').isCharacterDevice())
  })

  it('is written in place where no second file can be made beside it', () => {
    path = join(folder, 'p'.repeat(255)) // the longest name there can be
    writePidFile(path, 12345)
    writePidFile(path, 12)
    assert.equal(readFileSync(path, 'utf8'), '12')
    assert.equal(readdirSync(folder).length, 1)
  })

  it('says why it cannot be written', () => {
    const missing = failure('/nonexistent/p')
    assert.equal(missing.code, 'BRK_PID_FILE')
    const reason = 'open /nonexistent/p: no such file or directory'
    assert.equal(missing.message, `Could not write pidfile: ${reason}`)
    assert.equal(missing.context['reason'], reason)
    mkdirSync(path)
    assert.equal(failure(path).message, `Could not write pidfile: open ${path}: is a directory`)
    assert.deepEqual(readdirSync(folder), ['server.pid'])
  })

  const peer = program('nats-server')
  it('is the same as that of nats-server', { skip: skipReason(peer) }, async () => {
    const theirs = join(folder, 'theirs.pid')
    {
      await using server = await startServer(peer, { flags: ['-P', theirs] })
      assert.equal(readFileSync(theirs, 'utf8'), String(server.pid))
      writePidFile(path, server.pid)
    }
    assert.deepEqual(readFileSync(path), readFileSync(theirs), 'and theirs stays, too')
    assert.equal(statSync(path).mode, statSync(theirs).mode)
  })

  it('fails with the words of nats-server', { skip: skipReason(peer) }, () => {
    for (const bad of ['/nonexistent/p', folder]) {
      const args = ['-a', '127.0.0.1', '-p', '-1', '-T=false', '-P', bad]
      const { stderr } = spawnSync(peer.path, args, { encoding: 'utf8', timeout: 10_000 })
      assert.match(stderr.trimEnd(), new RegExp(`\\[FTL\\] ${failure(bad).message}$`))
    }
  })
})
