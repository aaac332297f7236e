import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { METRICS, type MetricKey } from '../../bench/measurement.ts'
import { SCENARIOS } from '../../bench/scenarios.ts'
import { program } from '../support/peers.ts'
import { runBenchProgram } from './bench-program.ts'

const peer = program('nats-server')
const skip = peer.missing ?? false

/**
 * What must have arrived in a smoke run, whichever the server: it changes only with the workload or
 * the hash function, and then on purpose.
 */
const SMOKE_HASHES: Readonly<Record<string, string>> = {
  '1:1-16': 'f47d5638dff47d3e',
  '1:1-128': '81138e1d0bc954b0',
  '1:1-1024': '2dc2c5a85c1675c3',
  '1:1-8192': 'f72528c67b0b86de',
  'fan-out': '7b0c35123eb8e6c0',
  'fan-out-1000': 'f55ebeaa74d6a600',
  'subjects-1k': 'f47d5638dff47d3e',
  'subjects-100k': '57383a38b7ac9619',
  'subjects-zipf': '57383a38b7ac9619',
  'queue-8': '232f9f0dc5c9c303',
  '4:4': 'e56707554ce4357b',
  'fan-in': '37d164cc304e1818',
  wildcards: '5ef4900d3768a300',
  'headers-32': 'f47d5638dff47d3e',
  'headers-512': 'ce9e0bf3911bdee4',
  'payload-0': '72550b79e3909930',
  'payload-16': 'f47d5638dff47d3e',
  'payload-64': '285b9d79d0f0ead3',
  'payload-256': 'd7168d3e9a23ecd9',
  'payload-1024': '2dc2c5a85c1675c3',
  'payload-4096': '5862e5278b72b4e6',
  'payload-16384': '6470c2bc8993933f',
  'payload-65536': '154f6d105cce5d84',
  'payload-262144': 'c2037065c06cee13',
  'payload-1048576': '914fe5969762f0ce',
  'workers-1': '5ef4900d3768a300',
  'workers-2': '5ef4900d3768a300',
  'workers-4': '5ef4900d3768a300',
  'workers-8': '5ef4900d3768a300',
  'workers-16': '5ef4900d3768a300',
  'slow-consumer': '9634389cbdb6b440',
  monitored: 'd3ba2ccf25e368e2',
  'tls-16': 'f47d5638dff47d3e',
  'tls-1024': '2dc2c5a85c1675c3',
  'ws-16': 'f47d5638dff47d3e',
  'ws-1024': '2dc2c5a85c1675c3',
  users: 'f47d5638dff47d3e',
  'stream-import': 'f47d5638dff47d3e',
  'stream-import-prefix': 'f47d5638dff47d3e',
  // One publisher and one subscriber: what arrives is the same with a link between them.
  'leaf-16': 'f47d5638dff47d3e',
  'leaf-128': '81138e1d0bc954b0',
  'leaf-1024': '2dc2c5a85c1675c3',
  'leaf-8192': 'f72528c67b0b86de',
  'leaf-off-16': 'f47d5638dff47d3e',
  'leaf-off-1024': '2dc2c5a85c1675c3',
  'leaf-down-16': 'f47d5638dff47d3e',
  'leaf-down-1024': '2dc2c5a85c1675c3',
}

interface Report {
  readonly scenarios: readonly {
    readonly scenario: string
    readonly targets: readonly {
      readonly target: string
      readonly failures: readonly string[]
      readonly rounds: readonly { readonly hash?: string; readonly metrics: object }[]
    }[]
  }[]
}

test('a smoke run of all scenarios loses nothing and compares two servers', { skip }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bench-test-'))
  try {
    const jsonPath = join(directory, 'report.json')
    const { path } = peer
    const run = await runBenchProgram(
      '--smoke',
      '--server',
      path,
      '--vs',
      `${path} -D`,
      '--json',
      jsonPath,
    )
    assert.equal(run.code, 0, run.stderr)

    const report = JSON.parse(await readFile(jsonPath, 'utf8')) as Report
    assert.deepEqual(
      report.scenarios.map(({ scenario }) => scenario),
      SCENARIOS.map(({ name }) => name),
    )
    for (const { scenario, targets } of report.scenarios) {
      assert.deepEqual(
        targets.map(({ target }) => target),
        [path, `${path} -D`],
      )
      for (const { rounds, failures } of targets) {
        assert.deepEqual(failures, [])
        assert.equal(rounds.length, 1)
        assert.equal(rounds[0]!.hash, SMOKE_HASHES[scenario])
        for (const key of Object.keys(rounds[0]!.metrics) as MetricKey[]) {
          assert.ok(run.stdout.includes(METRICS[key].label), `${scenario} ${key}`)
        }
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

test('the leaf scenarios lose nothing between two of our own servers', async () => {
  const run = await runBenchProgram('--smoke', '--scenario', 'leaf')
  assert.equal(run.code, 0, run.stderr)
  for (const { name } of SCENARIOS.filter((scenario) => scenario.name.startsWith('leaf-'))) {
    const line = run.stderr.split('\n').find((text) => text.startsWith(`${name} round 1/1 sable: `))
    assert.ok(line !== undefined, `${name}\n${run.stderr}`)
    assert.match(
      line,
      SMOKE_HASHES[name] === undefined ? /[mu]s \d/ : new RegExp(SMOKE_HASHES[name]),
    )
  }
})

test('--hub puts another program at the end of the links', { skip }, async () => {
  const hub = ['--server', peer.path, '--hub', `${peer.path} -D`]
  const run = await runBenchProgram(
    '--smoke',
    '--scenario',
    'leaf-16,leaf-interest,leaf-fleet',
    ...hub,
  )
  assert.equal(run.code, 0, run.stderr)
  assert.ok(run.stdout.includes(`--hub '${peer.path} -D'`))
})

test('a hub that does not start, or breaks off, is a failure with its reason', async () => {
  const absent = await runBenchProgram(
    '--smoke',
    '--scenario',
    'leaf',
    '--hub',
    `"${process.execPath}" -e 0 --`,
  )
  assert.equal(absent.code, 1)
  for (const name of ['leaf-16', 'leaf-request', 'leaf-interest', 'leaf-fleet']) {
    const reason = new RegExp(`^FAILED ${name} on sable: server did not start: .* code=0`, 'm')
    assert.match(absent.stdout, reason)
  }
  const hub = fileURLToPath(new URL('./refusing-hub.ts', import.meta.url))
  const command = `"${process.execPath}" "${hub}"`
  const refusing = await runBenchProgram('--smoke', '--scenario', 'leaf-fleet', '--hub', command)
  assert.equal(refusing.code, 1)
  assert.match(refusing.stdout, /^FAILED leaf-fleet on sable: -ERR 'No News'$/m)
})

test('users and accounts lose nothing on our own server', async () => {
  const imports = ['stream-import', 'stream-import-prefix', 'service-import']
  const names = ['users', ...imports, 'requests', 'logins']
  const run = await runBenchProgram('--smoke', '--scenario', names.join())
  assert.equal(run.code, 0, run.stderr)
  for (const name of ['users', 'stream-import', 'stream-import-prefix']) {
    assert.match(run.stderr, new RegExp(`^${name} .* hash ${SMOKE_HASHES[name]}$`, 'm'))
  }
  assert.match(run.stderr, /^service-import round 1\/1 sable: requests\/s, many under way \d/m)
  assert.match(run.stderr, /^logins round 1\/1 sable: .* logins\/s \d/m)
})

test('monitoring and reloads lose nothing on our own server', async () => {
  const run = await runBenchProgram('--smoke', '--scenario', 'monitored,connz,reload')
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stderr, new RegExp(`^monitored .* hash ${SMOKE_HASHES['monitored']}$`, 'm'))
  assert.match(run.stderr, /^connz round 1\/1 sable: .* connz subs=1 max ms \d/m)
  assert.match(run.stderr, /^reload round 1\/1 sable: reload ms \d.* longest PING ms, reloads \d/m)
})

test('a running server has no users, accounts, and monitor to measure', async () => {
  const names = ['users', 'service-import', 'logins', 'monitored', 'connz', 'reload']
  const run = await runBenchProgram(
    '--smoke',
    '--scenario',
    names.join(),
    '--url',
    'nats://127.0.0.1:1',
  )
  assert.equal(run.code, 0, run.stderr)
  for (const name of names) assert.match(run.stdout, new RegExp(`^${name} +n/a$`, 'm'))
})

test('a running server has no leaf links to measure', async () => {
  const run = await runBenchProgram('--smoke', '--scenario', 'leaf', '--url', 'nats://127.0.0.1:1')
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stdout, /^leaf-16 +n\/a$/m)
})

test('a server that does not start is a failure with its reason', async () => {
  const run = await runBenchProgram(
    '--smoke',
    '--scenario',
    '1:1-16',
    '--server',
    `"${process.execPath}" -e 0 --`,
  )
  assert.equal(run.code, 1)
  assert.match(run.stdout, /^FAILED 1:1-16 on .*: server did not start: .* code=0/m)
})

test('a server that delivers a message twice is found out', async () => {
  const server = fileURLToPath(new URL('./doubling-server.ts', import.meta.url))
  const command = `"${process.execPath}" "${server}"`
  const run = await runBenchProgram('--smoke', '--scenario', '1:1-16', '--server', command)
  assert.equal(run.code, 1)
  assert.match(run.stdout, /^FAILED 1:1-16 on .*: messages (lost or doubled|not as published): /m)
})

test('wrong usage ends with code 2 and the reason', async () => {
  const run = await runBenchProgram('--scenario', 'nonesuch')
  assert.equal(run.code, 2)
  assert.match(run.stderr, /unknown scenario: nonesuch/)
})

test('--help ends with code 0', async () => {
  const run = await runBenchProgram('--help')
  assert.equal(run.code, 0)
  assert.match(run.stdout, /^Usage: sable bench/)
})
