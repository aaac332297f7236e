import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { MappingDestination, SubjectMapping } from '../../../src/config/account-types.ts'
import {
  createMappings,
  decodeMappings,
  encodeMappings,
  type SubjectMappings,
} from '../../../src/router/accounts/subject-mappings.ts'

function to(subject: string, weight = 100, cluster = ''): MappingDestination {
  return { subject, weight, cluster }
}

function mapping(source: string, ...destinations: MappingDestination[]): SubjectMapping {
  return { source, destinations }
}

function mappingsOf(list: readonly SubjectMapping[], cluster = ''): SubjectMappings {
  const { mappings, errors } = createMappings(list, cluster)
  assert.deepEqual(errors, [])
  return mappings
}

/** Subjects with the numbers of 100 they get. */
function shares(mappings: SubjectMappings, subject: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let drawn = 0; drawn < 100; drawn++) {
    const chosen = mappings.choose(subject, () => drawn) ?? 'unmapped'
    counts[chosen] = (counts[chosen] ?? 0) + 1
  }
  return counts
}

test('a literal and a wildcard source map; others do not', () => {
  const mappings = mappingsOf([
    mapping('foo', to('bar')),
    mapping('foo.*.bar', to('req.$1')),
    mapping('all.>', to('rest.>')),
  ])
  assert.deepEqual(mappings.destinationsOf('foo'), {
    destinations: [{ subject: 'bar', cumulative: 100 }],
    isVolatile: false,
  })
  assert.equal(mappings.choose('foo.x.bar'), 'req.x')
  assert.equal(mappings.choose('all.a.b'), 'rest.a.b')
  assert.equal(mappings.choose('bar'), undefined)
  assert.equal(mappings.destinationsOf('bar'), undefined)
  assert.deepEqual(mappings.sources, ['foo', 'foo.*.bar', 'all.>'])
  assert.equal(mappings.isEmpty, false)
  assert.equal(mappingsOf([]).isEmpty, true)
})

test('the first source that matches decides, be it literal or not', () => {
  const wide = mapping('foo.*', to('wide.$1'))
  const narrow = mapping('foo.x', to('narrow'))
  assert.equal(mappingsOf([wide, narrow]).choose('foo.x'), 'wide.x')
  assert.equal(mappingsOf([narrow, wide]).choose('foo.x'), 'narrow')
  assert.equal(mappingsOf([narrow, wide]).choose('foo.y'), 'wide.y')
})

test('a source that comes again stands in the place of the earlier one', () => {
  const mappings = mappingsOf([
    mapping('foo.x', to('old')),
    mapping('foo.*', to('wide')),
    mapping('foo.x', to('new')),
  ])
  assert.equal(mappings.choose('foo.x'), 'new')
  assert.deepEqual(mappings.sources, ['foo.x', 'foo.*'])
})

test('mappings are not chained', () => {
  const mappings = mappingsOf([mapping('a', to('b')), mapping('b', to('c'))])
  assert.equal(mappings.choose('a'), 'b')
})

test('weights share the messages out, the smallest first', () => {
  const mappings = mappingsOf([mapping('foo', to('v1', 60), to('v2', 40))])
  assert.deepEqual(mappings.destinationsOf('foo')?.destinations, [
    { subject: 'v2', cumulative: 40 },
    { subject: 'v1', cumulative: 100 },
  ])
  assert.deepEqual(shares(mappings, 'foo'), { v1: 60, v2: 40 })
})

test('what the weights leave goes on unchanged', () => {
  const mappings = mappingsOf([mapping('foo.*', to('v2.$1', 20)), mapping('bare')])
  assert.deepEqual(shares(mappings, 'foo.x'), { 'foo.x': 80, 'v2.x': 20 })
  assert.deepEqual(shares(mappings, 'bare'), { bare: 100 })
})

test('what the weights leave is lost if the source is among the destinations', () => {
  const mappings = mappingsOf([mapping('foo', to('foo', 80)), mapping('bar', to('bar', 0))])
  assert.deepEqual(shares(mappings, 'foo'), { '': 20, foo: 80 })
  assert.deepEqual(shares(mappings, 'bar'), { '': 100 })
})

test('destinations of the own cluster stand for the others', () => {
  const list = [mapping('foo', to('east', 50, 'E'), to('west', 100, 'W'), to('else', 100))]
  assert.deepEqual(shares(mappingsOf(list, 'E'), 'foo'), { east: 50, foo: 50 })
  assert.deepEqual(shares(mappingsOf(list, 'W'), 'foo'), { west: 100 })
  assert.deepEqual(shares(mappingsOf(list, 'N'), 'foo'), { else: 100 })
  assert.deepEqual(shares(mappingsOf(list), 'foo'), { else: 100 })
})

test('clusters without destinations of their own leave messages alone', () => {
  const list = [mapping('foo', to('bar', 100, 'E'))]
  assert.deepEqual(shares(mappingsOf(list, 'W'), 'foo'), { foo: 100 })
  const lossy = [mapping('foo', to('foo', 10, 'E'))]
  assert.deepEqual(shares(mappingsOf(lossy, 'W'), 'foo'), { '': 100 })
})

test('random destinations are not to be kept', () => {
  const mappings = mappingsOf([
    mapping('foo', to('bar.{{random(10)}}')),
    mapping('baz', to('qux.{{partition(10)}}')),
  ])
  assert.equal(mappings.destinationsOf('foo', () => 7)?.isVolatile, true)
  assert.equal(mappings.destinationsOf('foo', () => 7)?.destinations[0]?.subject, 'bar.7')
  assert.equal(mappings.destinationsOf('baz')?.isVolatile, false)
})

const INVALID = 'invalid mapping destination'
const ERRORS: readonly (readonly [SubjectMapping, string])[] = [
  [mapping('foo..bar', to('bar')), 'invalid subject'],
  [mapping('foo bar', to('bar')), 'invalid subject'],
  [mapping('foo', to('bar', 10), to('bar', 20)), 'duplicate entry for "bar"'],
  [mapping('foo', to('bar', 10, 'A'), to('bar', 20, 'B')), 'duplicate entry for "bar"'],
  [mapping('foo', to('bar', 101)), 'individual weights need to be <= 100'],
  [mapping('foo', to('bar', 60), to('baz', 60)), 'total weight needs to be <= 100'],
  [mapping('b.>', to('c')), 'invalid subject'],
  [mapping('x.*', to('y.$2')), `${INVALID}: wildcard index out of range in $2: [2]`],
  [mapping('x.*', to('y.{{unknown(1)}}')), `${INVALID}: unknown function in {{unknown(1)}}`],
  [mapping('foo', to('foo..}')), `${INVALID}: invalid transform`],
  [mapping('foo', to('foo. bar}')), `${INVALID}: invalid transform`],
  [mapping('foo', to('>.bar')), `${INVALID}: invalid transform in bar`],
]

for (const [wrong, error] of ERRORS) {
  const destinations = wrong.destinations.map(({ subject }) => subject).join(', ')
  test(`a mapping of ${wrong.source} to ${destinations} is refused: ${error}`, () => {
    const { mappings, errors } = createMappings([wrong, mapping('good', to('better'))], '')
    assert.deepEqual(errors, [{ source: wrong.source, error }])
    assert.deepEqual(mappings.sources, ['good'])
  })
}

test('weights of different clusters do not add up', () => {
  mappingsOf([mapping('foo', to('a', 100, 'A'), to('b', 100, 'B'), to('c', 100))])
})

test('mappings read from shared memory do what the written ones do', () => {
  const weight = fc.nat({ max: 33 })
  const list = fc.record({
    a: weight,
    b: weight,
    self: weight,
    hasSelf: fc.boolean(),
    cluster: fc.constantFrom('', 'E'),
  })
  fc.assert(
    fc.property(
      list,
      fc.constantFrom('foo.a', 'foo.b', 'bar', 'r.\xe4', 'none'),
      (wanted, subject) => {
        const { a, b, self, hasSelf, cluster } = wanted
        const own = hasSelf ? [to('bar', self, cluster)] : []
        const made = mappingsOf(
          [
            mapping('foo.*', to('x.$1.{{partition(5,1)}}', a), to('y', b, cluster)),
            mapping('bar', to('baz', a), ...own),
            mapping('r.*', to('\xe4.{{random(9)}}')),
          ],
          'E',
        )
        const read = decodeMappings(encodeMappings(made))
        assert.deepEqual(read.sources, made.sources)
        assert.deepEqual(
          read.destinationsOf(subject, () => 4),
          made.destinationsOf(subject, () => 4),
        )
      },
    ),
  )
})
