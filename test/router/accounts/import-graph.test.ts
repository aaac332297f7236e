import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { AccountOptions } from '../../../src/config/account-types.ts'
import { AccountGraph, type GraphChange } from '../../../src/router/accounts/import-graph.ts'
import {
  type ActivationRequest,
  deliverySubject,
  type ResolvedServiceImport,
  type ResolvedStreamImport,
  targetSubject,
} from '../../../src/router/accounts/import-types.ts'
import {
  account,
  serviceExport,
  serviceImport,
  streamExport,
  streamImport,
} from './account-builders.ts'

function graphOf(accounts: readonly AccountOptions[]): AccountGraph {
  const graph = new AccountGraph()
  for (const options of accounts) graph.set(options)
  return graph
}

function onlyStream(accounts: readonly AccountOptions[]): ResolvedStreamImport {
  const [resolved, ...more] = graphOf(accounts).streamImports('B')
  assert.ok(resolved !== undefined && more.length === 0)
  return resolved
}

function onlyService(accounts: readonly AccountOptions[]): ResolvedServiceImport {
  const [resolved, ...more] = graphOf(accounts).serviceImports('B')
  assert.ok(resolved !== undefined && more.length === 0)
  return resolved
}

function froms(change: Pick<GraphChange, 'added'>['added']): string[] {
  return change.map(({ importer, from }) => `${importer} ${from}`).sort()
}

// ── what imports do to subjects ──────────────────────────────────────────────────────────────

/** Subject, prefix, to, what the importer sees, a message, what it becomes. */
const STREAMS: readonly (readonly [string, string, string, string, string, string])[] = [
  ['foo', '', '', 'foo', 'foo', 'foo'],
  ['foo.*', '', '', 'foo.*', 'foo.x', 'foo.x'],
  ['foo.*', '', 'foo.*', 'foo.*', 'foo.x', 'foo.x'],
  ['foo.>', 'p', '', 'p.foo.>', 'foo.x.y', 'p.foo.x.y'],
  ['foo.>', 'p.', '', 'p.foo.>', 'foo.x.y', 'p.foo.x.y'],
  ['>', 'pre', '', 'pre.>', 'a.b', 'pre.a.b'],
  ['foo', 'p', '', 'p.foo', 'foo', 'p.foo'],
  ['foo', '', 'bar', 'bar', 'foo', 'bar'],
  ['foo.*.*', '', 'bar.$2.$1', 'bar.*.*', 'foo.x.y', 'bar.y.x'],
  ['foo.*', '', 'bar.*', 'bar.*', 'foo.x', 'bar.x'],
  ['foo.*.>', '', '$1.{{Wildcard(1)}}.>', '*.*.>', 'foo.a.b', 'a.a.b'],
]

for (const [subject, prefix, to, seen, message, delivered] of STREAMS) {
  test(`a stream import of ${subject}, prefix '${prefix}', to '${to}': ${delivered}`, () => {
    const resolved = onlyStream([
      account('A', [streamExport('>')]),
      account('B', [], [streamImport('A', subject, { prefix, to })]),
    ])
    assert.equal(resolved.from, subject)
    assert.equal(resolved.to, seen)
    assert.equal(deliverySubject(resolved, message), delivered)
  })
}

/** Exporter's subject, to, importer's pattern, a request, what it becomes. */
const SERVICES: readonly (readonly [string, string, string, string, string])[] = [
  ['foo', '', 'foo', 'foo', 'foo'],
  ['foo', 'bar', 'bar', 'bar', 'foo'],
  ['foo', 'bar.*', 'bar.*', 'bar.x', 'foo'],
  ['foo.*', '', 'foo.*', 'foo.x', 'foo.x'],
  ['foo.*', 'foo.*', 'foo.*', 'foo.x', 'foo.x'],
  ['foo.*', 'bar.$1', 'bar.*', 'bar.x', 'foo.x'],
  ['foo.*', 'bar.*', 'bar.*', 'bar.x', 'foo.x'],
  ['foo.*.*', 'local.$2.{{wildcard(1)}}', 'local.*.*', 'local.x.y', 'foo.y.x'],
  ['foo.>', 'bar.>', 'bar.>', 'bar.x.y', 'foo.x.y'],
  ['foo.*', 'bar.$1.$1', 'bar.*.*', 'bar.x.y', 'foo.x'],
]

for (const [subject, to, local, request, target] of SERVICES) {
  test(`a service import of ${subject} to '${to}': ${request} goes to ${target}`, () => {
    const resolved = onlyService([
      account('A', [serviceExport('>')]),
      account('B', [], [serviceImport('A', subject, { to })]),
    ])
    assert.equal(resolved.from, local)
    assert.equal(targetSubject(resolved, request), target)
  })
}

test('a service import has the traits of the narrowest export', () => {
  const latency = { sampling: 50, subject: 'lat' }
  const exports = [
    serviceExport('foo.>', { responseType: 'stream' }),
    serviceExport('foo.*', { thresholdMs: 5000, latency, allowTrace: true }),
    serviceExport('*.x.>', { responseType: 'chunked' }),
  ]
  const resolved = onlyService([
    account('A', exports),
    account('B', [], [serviceImport('A', 'foo.x', { share: true })]),
  ])
  assert.equal(resolved.export?.subject, 'foo.*')
  assert.equal(resolved.responseType, 'singleton')
  assert.equal(resolved.thresholdMs, 5000)
  assert.deepEqual(resolved.latency, latency)
  assert.equal(resolved.allowTrace, true)
  assert.equal(resolved.share, true)
  assert.equal(resolved.isSystem, false)
})

test('without a threshold answers are awaited for two minutes', () => {
  const resolved = onlyService([
    account('A', [serviceExport('foo', { responseType: 'chunked' })]),
    account('B', [], [serviceImport('A', 'foo')]),
  ])
  assert.equal(resolved.thresholdMs, 120_000)
  assert.equal(resolved.responseType, 'chunked')
})

test('imports from the system account are marked', () => {
  const graph = new AccountGraph({ systemAccount: 'A' })
  graph.set(account('A', [serviceExport('foo')]))
  graph.set(account('B', [], [serviceImport('A', 'foo')]))
  assert.equal(graph.serviceImports('B')[0]?.isSystem, true)
})

test('exports of one subject add up', () => {
  const graph = graphOf([
    account('A', [
      streamExport('foo', { accounts: ['B'] }),
      streamExport('foo', { accounts: ['C'] }),
      streamExport('foo'),
    ]),
    account('B', [], [streamImport('A', 'foo')]),
    account('C', [], [streamImport('A', 'foo')]),
    account('D', [], [streamImport('A', 'foo')]),
  ])
  assert.equal(graph.streamImports('B').length, 1)
  assert.equal(graph.streamImports('C').length, 1)
  assert.deepEqual(
    graph.rejectedImports('D').map(({ error }) => error),
    ['stream import not authorized'],
  )
})

// ── activation ───────────────────────────────────────────────────────────────────────────────

test('an export that needs a token asks for each import', () => {
  const asked: ActivationRequest[] = []
  let isGood = true
  const graph = new AccountGraph({
    checkActivation: (request) => {
      asked.push(request)
      return isGood && request.token === 'good'
    },
  })
  const exported = serviceExport('foo.*', { tokenRequired: true, revocations: { B: 5 } })
  const imported = serviceImport('A', 'foo.x', { token: 'good' })
  graph.set(account('A', [exported]))
  graph.set(account('B', [], [imported]))
  graph.set(account('C', [], [serviceImport('A', 'foo.x', { token: 'bad' })]))
  assert.deepEqual(asked[0], {
    token: 'good',
    import: imported,
    export: exported,
    exporter: 'A',
    importer: 'B',
  })
  assert.equal(graph.serviceImports('B').length, 1)
  assert.equal(graph.serviceImports('C').length, 0)
  isGood = false
  const change = graph.refresh('B')
  assert.deepEqual(froms(change.removed), ['B foo.x'])
  assert.deepEqual(
    change.rejected.map(({ error }) => error),
    ['service import not authorized'],
  )
  assert.equal(graph.serviceImports('B').length, 0)
})

test('without somebody to check them tokens are not good', () => {
  const graph = graphOf([
    account('A', [streamExport('foo', { tokenRequired: true })]),
    account('B', [], [streamImport('A', 'foo', { token: 'any' })]),
  ])
  assert.equal(graph.streamImports('B').length, 0)
})

test('a subject that is exported as a whole for tokens is not given for a position', () => {
  const graph = graphOf([
    account('A', [serviceExport('req.*.info', { tokenPosition: 2 })]),
    account('B', [], [serviceImport('A', 'req.B.info', { to: 'info' })]),
    account('C', [], [serviceImport('A', 'req.B.info', { to: 'info' })]),
  ])
  assert.equal(graph.serviceImports('B').length, 1)
  assert.equal(graph.serviceImports('C').length, 0)
})

// ── changes ──────────────────────────────────────────────────────────────────────────────────

test('an exporter that is not known is pending until it comes', () => {
  const graph = new AccountGraph()
  const early = graph.set(account('B', [], [streamImport('A', 'foo'), serviceImport('A', 'bar')]))
  assert.deepEqual(early, { removed: [], added: [], rejected: [], pending: ['A'] })
  assert.deepEqual(graph.pending, ['A'])
  const late = graph.set(account('A', [streamExport('foo'), serviceExport('bar')]))
  assert.deepEqual(froms(late.added), ['B bar', 'B foo'])
  assert.deepEqual(late.pending, [])
  assert.deepEqual(graph.pending, [])
})

test('an exporter that goes takes the imports with it', () => {
  const graph = graphOf([
    account('A', [streamExport('foo')]),
    account('B', [], [streamImport('A', 'foo')]),
  ])
  const change = graph.remove('A')
  assert.deepEqual(froms(change.removed), ['B foo'])
  assert.deepEqual(change.pending, ['A'])
  assert.deepEqual(graph.pending, ['A'])
  assert.equal(graph.account('A'), undefined)
  assert.deepEqual(froms(graph.remove('A').removed), [])
})

test('an importer that goes takes its imports with it', () => {
  const graph = graphOf([
    account('A', [streamExport('foo')]),
    account('B', [], [streamImport('A', 'foo'), streamImport('X', 'foo')]),
  ])
  assert.deepEqual(froms(graph.remove('B').removed), ['B foo'])
  assert.deepEqual(graph.pending, [])
  assert.deepEqual(graph.streamImports('B'), [])
})

test('only what differs is taken out and put in', () => {
  const graph = graphOf([
    account('A', [streamExport('foo.>'), serviceExport('svc')]),
    account('B', [], [streamImport('A', 'foo.a'), streamImport('A', 'foo.b')]),
  ])
  const imports = [
    streamImport('A', 'foo.b'),
    streamImport('A', 'foo.c'),
    serviceImport('A', 'svc'),
  ]
  const change = graph.set(account('B', [], imports))
  assert.deepEqual(froms(change.removed), ['B foo.a'])
  assert.deepEqual(froms(change.added), ['B foo.c', 'B svc'])
  assert.deepEqual(graph.set(account('B', [], imports)).added, [])
  const measured = serviceExport('svc', { latency: { sampling: 10, subject: 'lat' } })
  const again = graph.set(account('A', [streamExport('foo.>'), measured]))
  assert.deepEqual(froms(again.removed), ['B svc'])
  assert.deepEqual(froms(again.added), ['B svc'])
})

test('an export that is withdrawn takes its imports with it', () => {
  const graph = graphOf([
    account('A', [streamExport('foo'), streamExport('bar')]),
    account('B', [], [streamImport('A', 'foo'), streamImport('A', 'bar')]),
  ])
  const change = graph.set(account('A', [streamExport('bar')]))
  assert.deepEqual(froms(change.removed), ['B foo'])
  assert.deepEqual(
    change.rejected.map(({ importer, error }) => [importer, error]),
    [['B', 'stream import not authorized']],
  )
})

test('an import that closes a cycle stops all of it, until it goes', () => {
  const graph = graphOf([
    account('A', [serviceExport('help')], [serviceImport('B', 'help')]),
    account('B', [serviceExport('help')], [serviceImport('C', 'help')]),
    account('C', [serviceExport('help')]),
    account('D', [], [serviceImport('A', 'help')]),
  ])
  assert.equal(graph.serviceImports('A').length, 1)
  const closed = graph.set(account('C', [serviceExport('help')], [serviceImport('A', 'help')]))
  assert.deepEqual(froms(closed.removed), ['A help', 'B help'])
  assert.deepEqual(
    closed.rejected.map(({ importer, error }) => `${importer} ${error}`).sort(),
    ['A', 'B', 'C'].map((name) => `${name} import forms a cycle`),
  )
  // It leads into the cycle, but not back to itself.
  assert.equal(graph.serviceImports('D').length, 1)
  const opened = graph.set(account('C', [serviceExport('help')]))
  assert.deepEqual(froms(opened.added), ['A help', 'B help'])
})

test('many accounts without imports cost nothing but their place', () => {
  const graph = new AccountGraph()
  for (let i = 0; i < 20_000; i++) {
    const change = graph.set(account(`ACC-${i}`))
    assert.ok(change.added.length === 0 && change.removed.length === 0)
  }
  assert.deepEqual(graph.pending, [])
})

test('many accounts may import from one', () => {
  const graph = new AccountGraph()
  graph.set(account('HUB', [streamExport('news.>'), serviceExport('ask.*')]))
  for (let i = 0; i < 5000; i++) {
    const imports = [streamImport('HUB', 'news.>'), serviceImport('HUB', 'ask.x')]
    assert.equal(graph.set(account(`ACC-${i}`, [], imports)).added.length, 2)
  }
  assert.equal(graph.remove('HUB').removed.length, 10_000)
})

// ── any order ────────────────────────────────────────────────────────────────────────────────

const NAMES = ['A', 'B', 'C', 'D'] as const
const subjects = fc.constantFrom('foo', 'bar', 'foo.*', 'foo.x', '*', '>')
const exported = fc
  .tuple(
    fc.boolean(),
    subjects,
    fc.constantFrom<readonly string[] | undefined>(undefined, ['A', 'B']),
  )
  .map(([isStream, subject, accounts]) =>
    isStream ? streamExport(subject, { accounts }) : serviceExport(subject, { accounts }),
  )
const imported = fc
  .tuple(
    fc.boolean(),
    fc.constantFrom(...NAMES, 'NONE'),
    subjects,
    fc.constantFrom('', 'bar', 'foo.$1', 'bar.$1'),
  )
  .map(([isStream, from, subject, to]) =>
    isStream ? streamImport(from, subject, { to }) : serviceImport(from, subject, { to }),
  )
const options = fc
  .tuple(
    fc.constantFrom(...NAMES),
    fc.array(exported, { maxLength: 2 }),
    fc.array(imported, { maxLength: 3 }),
  )
  .map(([name, exports, imports]) => account(name, exports, imports))
const steps = fc.array(
  fc.oneof({ weight: 4, arbitrary: options }, { weight: 1, arbitrary: fc.constantFrom(...NAMES) }),
  { minLength: 1, maxLength: 12 },
)

function picture(graph: AccountGraph): unknown {
  return NAMES.map((name) => ({
    name,
    keys: [...graph.streamImports(name), ...graph.serviceImports(name)].map(({ key }) => key),
    rejected: graph.rejectedImports(name).map(({ import: wanted, error }) => [wanted, error]),
    pending: [...graph.pending].sort(),
  }))
}

test('a graph that grew is the one made at once, and its changes add up', () => {
  fc.assert(
    fc.property(steps, (changes) => {
      const grown = new AccountGraph()
      const inForce = new Map<string, number>()
      const last = new Map<string, AccountOptions>()
      for (const change of changes) {
        const isName = typeof change === 'string'
        if (isName) last.delete(change)
        else last.set(change.name, change)
        const { removed, added } = isName ? grown.remove(change) : grown.set(change)
        for (const { key } of removed) {
          assert.ok(inForce.delete(key), `removed what was not there: ${key}`)
        }
        for (const { key } of added) {
          assert.ok(!inForce.has(key), `added what was there: ${key}`)
          inForce.set(key, 1)
        }
      }
      const backward = [...last.values()].toReversed()
      assert.deepEqual(picture(grown), picture(graphOf(backward)))
      const keys = NAMES.flatMap((name) => [
        ...grown.streamImports(name),
        ...grown.serviceImports(name),
      ]).map(({ key }) => key)
      assert.deepEqual([...inForce.keys()].sort(), keys.sort())
    }),
    { numRuns: 500 },
  )
})
