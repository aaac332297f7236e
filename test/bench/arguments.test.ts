import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BenchOptions, parseBenchArguments, splitCommand } from '../../bench/arguments.ts'
import { helpText } from '../../bench/help.ts'
import { SCENARIOS } from '../../bench/scenarios.ts'

function accepted(...argv: string[]): BenchOptions {
  const parsed = parseBenchArguments(argv)
  assert.equal(parsed.kind, 'run', JSON.stringify(parsed))
  return (parsed as { options: BenchOptions }).options
}

function refused(...argv: string[]): string {
  const parsed = parseBenchArguments(argv)
  assert.equal(parsed.kind, 'refused', JSON.stringify(parsed))
  return (parsed as { reason: string }).reason
}

test('without options all scenarios run in full, three rounds, on our own server', () => {
  const options = accepted()
  assert.equal(options.scenarios.length, SCENARIOS.length)
  assert.equal(options.size, 'full')
  assert.equal(options.rounds, 3)
  assert.equal(options.targets.length, 1)
  const [ours] = options.targets
  assert.ok(ours !== undefined && 'command' in ours)
  assert.equal(ours.name, 'sable')
  assert.match(ours.command[0]!, /bin.nats-server$/)
})

test('--smoke runs one round unless --rounds says otherwise', () => {
  assert.equal(accepted('--smoke').rounds, 1)
  assert.equal(accepted('--smoke', '--rounds', '2').rounds, 2)
})

test('each --vs adds a server, called by its program', () => {
  const { targets } = accepted('--vs', '/opt/nats-2.9 --trace', '--vs', 'other')
  assert.deepEqual(
    targets.map(({ name }) => name),
    ['sable', 'nats-2.9', 'other'],
  )
  assert.deepEqual('command' in targets[1]! && targets[1].command, ['/opt/nats-2.9', '--trace'])
})

test('servers whose programs share a name are called by their commands', () => {
  const { targets } = accepted('--server', '/a/server', '--vs', '/b/server -D')
  assert.deepEqual(
    targets.map(({ name }) => name),
    ['/a/server', '/b/server -D'],
  )
})

test('--url names host, port and credentials; the name in the report shows no credentials', () => {
  const { targets } = accepted('--url', 'nats://me:se%20cret@example.org:4333', '--pid', '12')
  assert.deepEqual(targets, [
    {
      name: 'nats://example.org:4333',
      endpoint: { host: 'example.org', port: 4333, user: 'me', password: 'se cret' },
      pid: 12,
    },
  ])
})

test('--url takes a token, an IPv6 host, and the default port', () => {
  const [target] = accepted('--url', 'nats://tok@[::1]').targets
  assert.deepEqual(target && 'endpoint' in target && target.endpoint, {
    host: '::1',
    port: 4222,
    token: 'tok',
  })
})

test('--scenario takes names and families, each scenario once, in the order given', () => {
  const { scenarios } = accepted('--scenario', 'idle,1:1', '--scenario', '1:1-16')
  assert.deepEqual(
    scenarios.map(({ name }) => name),
    ['idle', '1:1-16', '1:1-128', '1:1-1024', '1:1-8192'],
  )
})

test('leaf links: families by way and compression, a hub of another kind, sizes', () => {
  const { scenarios } = accepted('--scenario', 'leaf-down,leaf-off,leaf-16')
  assert.deepEqual(
    scenarios.map(({ name }) => name),
    ['leaf-down-16', 'leaf-down-1024', 'leaf-off-16', 'leaf-off-1024', 'leaf-16'],
  )
  const options = accepted('--hub', '/opt/hub -D', '--links', '2', '--subscriptions', '7')
  assert.deepEqual(options.hub, ['/opt/hub', '-D'])
  assert.equal(options.links, 2)
  assert.equal(options.subscriptions, 7)
  assert.equal(accepted().hub, undefined)
})

test('--floor adds the relay after all others', () => {
  const { targets } = accepted('--floor', '--vs', '/opt/nats')
  assert.deepEqual(
    targets.map(({ name }) => name),
    ['sable', 'nats', 'floor'],
  )
})

test('--report takes results files, and no option that measures', () => {
  const outputs = { jsonPath: undefined, csvPath: 'c', htmlPath: 'h' }
  const parsed = parseBenchArguments(['--report', 'a', '--csv', 'c', 'b', '--html', 'h'])
  assert.deepEqual(parsed, { kind: 'report', paths: ['a', 'b'], outputs })
  assert.match(refused('--report'), /needs results files/)
  assert.match(refused('--report', 'a', '--rounds', '2'), /measures nothing: --rounds/)
})

test('--duration takes seconds and milliseconds, --messages a count', () => {
  assert.deepEqual(accepted('--duration', '2').amount, { durationMs: 2000 })
  assert.deepEqual(accepted('--duration', '10m').amount, { durationMs: 600_000 })
  assert.deepEqual(accepted('--duration', '0.5s').amount, { durationMs: 500 })
  assert.deepEqual(accepted('--duration', '250ms', '--messages', '9').amount, {
    durationMs: 250,
    messages: 9,
  })
  assert.equal(accepted('--messages', '9').amount?.messages, 9)
  assert.equal(accepted().amount, undefined)
})

test('a scenario of one’s own is made of options', () => {
  const words = ['--pubs', '4', '--subs', '3', '--size', '0', '--queue', 'g', '--subjects', '10']
  const [custom] = accepted('--scenario', 'custom', ...words).scenarios
  assert.ok(custom?.kind === 'throughput')
  assert.equal(custom.publishers, 4)
  assert.equal(custom.subscribers.full, 3)
  assert.equal(custom.payloadBytes, 0)
  assert.equal(custom.audience, 'queue')
  assert.equal(custom.queue, 'g')
  assert.deepEqual(custom.subjects, { count: 10, pick: 'in-turn' })
  assert.match(refused('--pubs', '4'), /--pubs goes with --scenario custom/)
  assert.match(refused('--scenario', 'custom', '--subject', 'a.*'), /--subject must be/)
  assert.match(refused('--scenario', 'custom', '--subs', '-1'), /--subs/)
})

test('wrong usage is refused with the reason', () => {
  assert.match(refused('--scenario', 'nonesuch'), /unknown scenario: nonesuch/)
  assert.match(refused('--rounds', '0'), /--rounds must be a whole number/)
  assert.match(refused('--connections', '1e3'), /--connections must be a whole number/)
  assert.match(refused('--links', '1'), /--links must be 2 or more/)
  assert.match(refused('--subscriptions', '0'), /--subscriptions must be a whole number/)
  assert.match(refused('--hub', ''), /empty server command/)
  assert.match(refused('--duration', '30h'), /--duration must be between/)
  assert.match(refused('--duration', '90000s'), /--duration must be between/)
  assert.match(refused('--url', 'tls://a'), /--url must look like/)
  assert.match(refused('--url', 'nats://a', '--server', 'b'), /exclude each other/)
  assert.match(refused('--pid', '1'), /--pid goes with --url/)
  assert.match(refused('--server', ' '), /empty server command/)
  assert.match(refused('--nonesuch'), /nonesuch/)
  assert.match(refused('stray'), /stray/)
})

test('a command is split at blanks outside quotes', () => {
  assert.deepEqual(splitCommand(`  /x/y -c "a b.conf" --name='c d' ''`), [
    '/x/y',
    '-c',
    'a b.conf',
    '--name=c d',
    '',
  ])
  assert.throws(() => splitCommand('a "b'), /quote not closed/)
})

test('--help names every scenario', () => {
  assert.equal(parseBenchArguments(['--smoke', '-h']).kind, 'help')
  const text = helpText()
  for (const { name, workload } of SCENARIOS) {
    assert.ok(text.includes(name) && text.includes(workload), name)
  }
})
