/** What packaging/ holds for those who run the broker. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { interpretCommandLine } from '../../src/config/command-line.ts'
import { ROOT } from '../support/peers.ts'

const text = (...path: readonly string[]): string =>
  readFileSync(join(ROOT, 'packaging', ...path), 'utf8')

/** Instructions, their continuation lines joined; comments left out. */
const DOCKERFILE: readonly string[] = text('docker', 'Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line.trim() !== '')

/** What follows that word, in the stage that runs. */
function lastStage(word: string): readonly string[] {
  const start = DOCKERFILE.findLastIndex((line) => line.startsWith('FROM '))
  const lines = DOCKERFILE.slice(start).filter((line) => line.startsWith(`${word} `))
  return lines.map((line) => line.slice(word.length + 1))
}

test('the image is built from what there is, and runs as nobody special', () => {
  assert.equal(DOCKERFILE.filter((line) => line.startsWith('FROM ')).length, 2)
  assert.deepEqual(lastStage('USER'), ['node'])
  const [check] = lastStage('HEALTHCHECK')
  assert.match(check!, /CMD \["sable", "healthcheck"\]$/)
  for (const copied of lastStage('COPY')) {
    const sources = copied.split(' ').slice(0, -1)
    const isBuilt = sources[0]!.startsWith('--from=build')
    for (const source of isBuilt ? sources.slice(1) : sources) {
      const path = source.replace(/^\/src\//, '')
      if (path !== 'dist' && path !== 'node_modules') assert.ok(existsSync(join(ROOT, path)), path)
    }
  }
})

test('the configuration of the image is taken, and opens the ports that it exposes', () => {
  const file = join(ROOT, 'packaging', 'docker', 'nats-server.conf')
  const result = interpretCommandLine(['-c', file], {})
  assert.equal(result.kind, 'run')
  if (result.kind !== 'run') return
  assert.deepEqual(result.warnings, [])
  const exposed = lastStage('EXPOSE').join(' ').split(' ').map(Number)
  const { port, httpPort } = result.options
  assert.ok(exposed.includes(port) && exposed.includes(httpPort))
})

const VERIFIER = 'systemd-analyze'
const hasVerifier = spawnSync(VERIFIER, ['--version']).status === 0
const skip = hasVerifier ? false : 'systemd-analyze is not here'

test('systemd finds nothing wrong with the unit', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'))
  try {
    const unit = text('systemd', 'nats-server.service')
    // What it starts is not installed here.
    const file = join(folder, 'nats-server.service')
    writeFileSync(
      file,
      unit.replace(/^(Exec\w+=)\/usr\/local\/bin\/nats-server\b/gm, '$1/bin/true'),
    )
    const { stderr, status } = spawnSync(VERIFIER, ['verify', '--man=no', file], {
      encoding: 'utf8',
    })
    const about = stderr.split('\n').filter((line) => line.includes('nats-server.service'))
    assert.deepEqual(about, [])
    assert.equal(status, 0, stderr)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
