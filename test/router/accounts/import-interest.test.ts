import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { subjectMatches } from '../../../src/protocol/subjects.ts'
import { AccountGraph } from '../../../src/router/accounts/import-graph.ts'
import { announcedSubjects, shadowSubjects } from '../../../src/router/accounts/import-interest.ts'
import {
  deliverySubject,
  type ResolvedStreamImport,
} from '../../../src/router/accounts/import-types.ts'
import { createMappings } from '../../../src/router/accounts/subject-mappings.ts'
import {
  account,
  serviceExport,
  serviceImport,
  streamExport,
  streamImport,
} from './account-builders.ts'

type Import = readonly [subject: string, to: string]

function importsOf(...imports: readonly Import[]): readonly ResolvedStreamImport[] {
  const graph = new AccountGraph()
  graph.set(account('A', [streamExport('>')]))
  const wanted = imports.map(([subject, to]) => streamImport('A', subject, { to }))
  graph.set(account('B', [], wanted))
  assert.deepEqual(graph.rejectedImports('B'), [])
  return graph.streamImports('B')
}

/** Import, subscription, subject in the exporting account. */
const SHADOWS: readonly (readonly [Import, string, string | undefined])[] = [
  // The same subject, or a wider one: all of what is imported.
  [['foo', ''], 'foo', 'foo'],
  [['foo', 'bar'], 'bar', 'foo'],
  [['foo', 'bar'], '*', 'foo'],
  [['foo', 'bar'], 'foo', undefined],
  [['foo.*', ''], 'foo.>', 'foo.*'],
  [['foo.*', 'bar.$1'], 'bar.*', 'foo.*'],
  [['foo.*', 'bar.$1'], '>', 'foo.*'],
  // Narrower: that part of it.
  [['foo.*', ''], 'foo.x', 'foo.x'],
  [['foo.>', ''], 'foo.*.x', 'foo.*.x'],
  [['foo.*', 'bar.$1'], 'bar.x', 'foo.x'],
  [['foo.*.*', 'bar.$2.$1'], 'bar.x.*', 'foo.*.x'],
  [['foo.>', 'p.foo.>'], 'p.foo.x.>', 'foo.x.>'],
  // Neither: what both have.
  [['foo.*.y', ''], 'foo.x.*', 'foo.x.y'],
  [['foo.*.y', ''], '*.x.>', 'foo.x.y'],
  [['foo.>', ''], '*.x', 'foo.x'],
  [['foo.*.y', 'bar.$1.y'], '*.x.*', 'foo.x.y'],
  [['foo.*.*', 'bar.$2.k.$1'], '*.x.>', 'foo.*.x'],
  [['foo.*', 'bar.$1'], '*.x.y', undefined],
  [['foo.*', 'bar.$1.$1'], 'bar.x.y', undefined],
  [['foo.*', 'bar.$1.$1'], 'bar.x.*', 'foo.x'],
]

for (const [wanted, subscription, subject] of SHADOWS) {
  const [from, to] = wanted
  test(`${subscription} over an import of ${from} to '${to}' wants ${subject}`, () => {
    const found = shadowSubjects(importsOf(wanted), subscription)
    const expected = subject === undefined ? [] : [{ exporter: 'A', subject }]
    assert.deepEqual(
      found.map((shadow) => ({ exporter: shadow.exporter, subject: shadow.subject })),
      expected,
    )
  })
}

test('one subscription reaches through each import that gives it something', () => {
  const imports = importsOf(['foo.*', ''], ['foo.x', 'bar'], ['baz', ''])
  const found = shadowSubjects(imports, '>').map(({ subject }) => subject)
  assert.deepEqual(found, ['foo.*', 'foo.x', 'baz'])
})

test('leaf links are told of service imports and mapped subjects', () => {
  const graph = new AccountGraph()
  graph.set(account('A', [serviceExport('>')]))
  graph.set(account('C', [serviceExport('>')]))
  const imports = [
    serviceImport('A', 'foo.*', { to: 'bar.$1' }),
    serviceImport('A', 'foo', { to: 'local' }),
    serviceImport('C', 'foo', { to: 'local' }),
  ]
  graph.set(account('B', [], imports))
  const destinations = [{ subject: 'there', weight: 100, cluster: '' }]
  const { mappings } = createMappings(
    [
      { source: 'here.>', destinations: [] },
      { source: 'local', destinations },
    ],
    '',
  )
  assert.deepEqual(
    announcedSubjects(graph.serviceImports('B'), mappings),
    new Map([
      ['bar.*', 1],
      ['local', 3],
      ['here.>', 1],
    ]),
  )
})

// ── property ─────────────────────────────────────────────────────────────────────────────────

const TOKENS = ['a', 'b', 'foo'] as const
const pattern = fc
  .tuple(
    fc.array(fc.constantFrom(...TOKENS, '*'), { maxLength: 3 }),
    fc.constantFrom('a', '*', '>'),
  )
  .map(([tokens, last]) => [...tokens, last].join('.'))

/** Destination with all wildcards of the source, some twice, in any order. */
function destinationFor(
  source: string,
  extra: readonly string[],
  order: readonly number[],
): string {
  const wildcards = source.split('.').filter((token) => token === '*').length
  const placeholders = Array.from({ length: wildcards }, (_, i) => `$${i + 1}`)
  const parts = [...extra, ...placeholders, ...placeholders.slice(0, order[0])]
  const turned = parts
    .map((part, i) => ({ part, at: order[i % order.length] ?? 0 }))
    .sort((a, b) => a.at - b.at)
    .map(({ part }) => part)
  if (source.endsWith('>')) turned.push('>')
  return turned.join('.')
}

const anImport = fc
  .tuple(
    pattern,
    fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 2 }),
    fc.array(fc.nat({ max: 9 }), { minLength: 3, maxLength: 7 }),
    fc.boolean(),
  )
  .map(([source, extra, order, isRenamed]): Import => {
    return [source, isRenamed ? destinationFor(source, extra, order) : '']
  })

function messages(length: number): string[] {
  if (length === 0) return ['']
  return messages(length - 1).flatMap((head) =>
    TOKENS.map((token) => (head === '' ? token : `${head}.${token}`)),
  )
}

const UNIVERSE = [1, 2, 3, 4].flatMap(messages)

test('a message reaches a subscription through an import if its shadow matches, and only then', () => {
  fc.assert(
    fc.property(anImport, pattern, (wanted, subscription) => {
      const imports = importsOf(wanted)
      const shadow = shadowSubjects(imports, subscription)[0]
      const [imported] = imports
      assert.ok(imported !== undefined)
      for (const message of UNIVERSE) {
        const reaches: boolean =
          subjectMatches(imported.from, message) &&
          subjectMatches(subscription, deliverySubject(imported, message))
        const isMatched = shadow !== undefined && subjectMatches(shadow.subject, message)
        assert.equal(isMatched, reaches, message)
      }
    }),
    { numRuns: 1000 },
  )
})
