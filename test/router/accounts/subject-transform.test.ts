import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { isValidPublishSubject, subjectMatches } from '../../../src/protocol/subjects.ts'
import { intersectSubjects, isSubsetSubject } from '../../../src/router/accounts/subject-sets.ts'
import {
  createTransform,
  type SubjectTransform,
  toDestination,
  toPattern,
} from '../../../src/router/accounts/subject-transform.ts'

const INVALID = 'invalid mapping destination'

function transform(source: string, destination: string, strict = false): SubjectTransform {
  const made = createTransform(source, destination, { strict })
  assert.ok(made.ok, `${source} to ${destination}: ${made.ok ? '' : made.error}`)
  return made.transform
}

/** Source, destination, subject, result; mostly from nats-server's own test of transforms. */
const RESULTS: readonly (readonly [string, string, string, string])[] = [
  ['', 'prefix.>', 'foo', 'prefix.foo'],
  ['foo', 'bar', 'foo', 'bar'],
  ['foo.*.bar.*.baz', 'req.$2.$1', 'foo.A.bar.B.baz', 'req.B.A'],
  ['foo.*.bar.*.baz', 'req.{{wildcard(2)}}.{{ Wildcard( 1 ) }}', 'foo.A.bar.B.baz', 'req.B.A'],
  ['baz.>', 'my.pre.>', 'baz.1.2.3', 'my.pre.1.2.3'],
  ['baz.*.>', 'x.>', 'baz.1.2.3', 'x.2.3'],
  ['foo.*.>', 'bar.$1.>', 'foo.a.b.c', 'bar.a.b.c'],
  ['*', 'foo.bar.$1', 'foo', 'foo.bar.foo'],
  ['*', 'foo.$0', 'a', 'foo.a'],
  ['foo.*', 'bar.$foo', 'foo.x', 'bar.$foo'],
  ['foo.*', 'bar.$', 'foo.x', 'bar.$'],
  ['*', '{{splitfromleft(1,3)}}', '12345', '123.45'],
  ['*', '{{SplitFromRight(1,3)}}', '12345', '12.345'],
  ['*', '{{splitFromleft(1,5)}}', '12345', '12345'],
  ['*', '{{splitfromleft(1,0)}}', '12345', '12345'],
  ['*', '{{splitfromleft(1,-1)}}', '12345', '12345'],
  ['*', '{{SliceFromLeft(1,3)}}', '1234567890', '123.456.789.0'],
  ['*', '{{SliceFromLeft(1,3)}}', '123456', '123.456'],
  ['*', '{{SliceFromRight(1,3)}}', '1234567890', '1.234.567.890'],
  ['*', '{{SliceFromRight(1,3)}}', '123456', '123.456'],
  ['*', '{{SliceFromRight(1,9)}}', '123456', '123456'],
  ['*', '{{split(1,-)}}', '-abc-def--ghi-', 'abc.def.ghi'],
  ['*', '{{split(1,-)}}', 'abc-def--ghi-', 'abc.def.ghi'],
  ['*', '{{split(1,)}}', 'abc', 'a.b.c'],
  ['*', '{{split(1,)}}', '\xc3\xa4b', '\xc3\xa4.b'],
  ['*.*', '{{split(2,-)}}.{{splitfromleft(1,2)}}', 'foo.-abc-def--ghij-', 'abc.def.ghij.fo.o'],
  ['*', '{{right(1,1)}}', '1234', '4'],
  ['*', '{{right(1,3)}}', '1234', '234'],
  ['*', '{{right(1,6)}}', '1234', '1234'],
  ['*', '{{left(1,1)}}', '1234', '1'],
  ['*', '{{left(1,3)}}', '1234', '123'],
  ['*', '{{left(1,6)}}', '1234', '1234'],
  ['*', 'bar.{{partition(0)}}', 'baz', 'bar.0'],
  ['*', 'bar.{{partition(10, 0)}}', 'foo', 'bar.3'],
  ['*.*', 'bar.{{partition(10)}}', 'foo.bar', 'bar.6'],
  ['*', 'bar.{{partition(10)}}', 'foo', 'bar.3'],
  ['*', 'bar.{{partition(10)}}', 'baz', 'bar.0'],
  ['*', 'bar.{{partition(10)}}', 'qux', 'bar.9'],
  ['*', 'bar.{{random(0)}}', 'qux', 'bar.0'],
  ['foo.bar', 'baz.{{partition(10)}}', 'foo.bar', 'baz.6'],
  ['foo.baz', 'qux.{{partition(10)}}', 'foo.baz', 'qux.4'],
  ['test.subject', 'result.{{partition(5)}}', 'test.subject', 'result.0'],
]

for (const [source, destination, subject, expected] of RESULTS) {
  test(`${subject} becomes ${expected} by ${source} to ${destination}`, () => {
    assert.equal(transform(source, destination).apply(subject), expected)
  })
}

test('a partition is the hash of the wildcard tokens without dots, or of the whole subject', () => {
  const byTokens = transform('*.*', '{{partition(1000000,1,2)}}')
  const joined = transform('*', '{{partition(1000000)}}')
  assert.equal(byTokens.apply('foo.bar'), joined.apply('foobar'))
  const turned = transform('*.*', '{{partition(1000000,2,1)}}')
  assert.equal(turned.apply('foo.bar'), joined.apply('barfoo'))
})

/** Source, destination, strict, error. */
const ERRORS: readonly (readonly [string, string, boolean, string])[] = [
  ['foo..', 'bar', false, 'invalid subject'],
  ['foo', '', false, 'invalid subject'],
  ['foo.*', 'bar.*', false, 'invalid subject'],
  ['foo.*', 'bar.$1.>', false, 'invalid subject'],
  ['foo.>', 'bar.baz', false, 'invalid subject'],
  ['foo.*', 'bar.$2', false, `${INVALID}: wildcard index out of range in $2: [2]`],
  [
    'foo.*',
    'foo.{{wildcard(2)}}',
    false,
    `${INVALID}: wildcard index out of range in {{wildcard(2)}}: [2]`,
  ],
  [
    'foo',
    'bla.{{wildcard(1)}}',
    false,
    `${INVALID}: wildcard index out of range in {{wildcard(1)}}`,
  ],
  [
    'foo.*',
    'bar.{{Partition(2,1)}}',
    true,
    `${INVALID}: the only mapping function allowed for import transforms is {{Wildcard()}}` +
      ' in {{Partition(2,1)}}',
  ],
  ['foo.*.*', 'bar.$2', true, `${INVALID}: not using all of the token wildcard(s) in bar.$2`],
  ['foo.*', 'foo.$foo', true, `${INVALID}: not using all of the token wildcard(s) in foo.$foo`],
  [
    'foo.*',
    'foo.{{unimplemented(1)}}',
    false,
    `${INVALID}: unknown function in {{unimplemented(1)}}`,
  ],
  ['foo.*', 'foo.{{ wildcard5) }}', false, `${INVALID}: unknown function in {{ wildcard5) }}`],
  [
    'foo.*',
    'foo.{{wildcard()}}',
    false,
    `${INVALID}: not enough arguments passed to the function in {{wildcard()}}`,
  ],
  [
    'foo.*',
    'foo.{{wildcard(1,2)}}',
    false,
    `${INVALID}: too many arguments passed to the function in {{wildcard(1,2)}}`,
  ],
  [
    'foo.*',
    'foo.{{split(1)}}',
    false,
    `${INVALID}: not enough arguments passed to the function in {{split(1)}}`,
  ],
  [
    'foo.*',
    'foo.{{left(1,2,3)}}',
    false,
    `${INVALID}: too many arguments passed to the function in {{left(1,2,3)}}`,
  ],
  [
    'foo.*',
    'foo.{{split(1, x )}}',
    false,
    `${INVALID}: function argument is invalid or in the wrong format in {{split(1, x )}}`,
  ],
]

for (const [source, destination, strict, error] of ERRORS) {
  test(`${source} to ${destination} is refused${strict ? ' for imports' : ''}`, () => {
    assert.deepEqual(createTransform(source, destination, { strict }), { ok: false, error })
  })
}

for (const argument of [
  'partition()',
  'random()',
  'wildcard(foo)',
  'partition(2147483648)',
  'random(2147483648)',
  'left(1,2147483648)',
  'partition(3,x)',
  'wildcard(9223372036854775808)',
]) {
  test(`the argument of ${argument} is refused`, () => {
    const made = createTransform('foo.*', `foo.{{${argument}}}`)
    const error = `${INVALID}: function argument is invalid or in the wrong format`
    assert.deepEqual(made, { ok: false, error: `${error} in {{${argument}}}` })
  })
}

test('random() draws each time and says so', () => {
  const drawn = [3, 0, 5]
  const limits: number[] = []
  const random = transform('foo.*', 'foo.{{random(6)}}')
  const draw = (limit: number): number => {
    limits.push(limit)
    return drawn[limits.length - 1] ?? -1
  }
  assert.equal(random.isVolatile, true)
  assert.equal(transform('foo.*', 'foo.{{partition(6)}}').isVolatile, false)
  const made = drawn.map(() => random.apply('foo.x', draw))
  assert.deepEqual(made, ['foo.3', 'foo.0', 'foo.5'])
  assert.deepEqual(limits, [6, 6, 6])
})

test('without a source of numbers, random() stays below its limit', () => {
  const random = transform('*', '{{random(3)}}')
  const seen = new Set(Array.from({ length: 200 }, () => random.apply('x') ?? ''))
  assert.deepEqual([...seen].sort(), ['0', '1', '2'])
})

test('a subject the source does not match becomes nothing', () => {
  assert.equal(transform('foo.*', 'bar.$1').apply('foo'), undefined)
  assert.equal(transform('foo.*', 'bar.$1').apply('foo.'), undefined)
  assert.equal(transform('foo.>', 'bar.>').apply('foo'), undefined)
})

test('destinations and patterns are made of each other', () => {
  assert.equal(toDestination('foo.*.*.>'), 'foo.$1.$2.>')
  assert.equal(toPattern('foo.$2.{{wildcard(1)}}.>'), 'foo.*.*.>')
  assert.equal(toPattern('bar.$x'), 'bar.$x')
})

test('a way back leads where nats-server loses its way', () => {
  const turned = transform('foo.*.*.*', 'bar.$2.$3.$1', true)
  assert.equal(turned.apply('foo.a.b.c'), 'bar.b.c.a')
  assert.equal(turned.reverse()?.apply('bar.b.c.a'), 'foo.a.b.c')
  assert.equal(turned.reverseSubject('bar.b.*.a'), 'foo.a.b.*')
})

test('a wildcard used twice leads back only where both agree', () => {
  const twice = transform('foo.*', 'bar.$1.$1', true)
  assert.equal(twice.reverseSubject('bar.x.*'), 'foo.x')
  assert.equal(twice.reverseSubject('bar.x.x'), 'foo.x')
  assert.equal(twice.reverseSubject('bar.x.y'), undefined)
})

test('there is no way back from a destination without one of the wildcards', () => {
  assert.equal(transform('foo.*.*', 'bar.$1.$1', true).reverse(), undefined)
})

// ── properties ───────────────────────────────────────────────────────────────────────────────

const TOKENS = ['a', 'b', 'c'] as const
const literal = fc
  .array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 4 })
  .map((tokens) => tokens.join('.'))
const pattern = fc
  .tuple(
    fc.array(fc.constantFrom(...TOKENS, '*'), { minLength: 0, maxLength: 3 }),
    fc.constantFrom('', '*', 'a', '>'),
  )
  .map(([tokens, last]) => [...tokens, last].filter((token) => token !== '').join('.') || 'a')

/** A pattern and a destination for it that uses each of its wildcards, in any order. */
const strictTransform = fc
  .tuple(
    pattern,
    fc.array(fc.constantFrom(...TOKENS), { maxLength: 2 }),
    fc.infiniteStream(fc.nat()),
  )
  .map(([source, extra, order]) => {
    const wildcards = source.split('.').filter((token) => token === '*').length
    const parts = [...extra, ...Array.from({ length: wildcards }, (_, i) => `$${i + 1}`)]
    const keyed = parts.map((part) => ({ part, at: order.next().value ?? 0 }))
    const turned = keyed.sort((a, b) => a.at - b.at).map(({ part }) => part)
    if (source.endsWith('>')) turned.push('>')
    return { source, destination: turned.join('.') || 'a' }
  })

test('whatever a transform makes of a subject can be published, and leads back', () => {
  fc.assert(
    fc.property(strictTransform, literal, ({ source, destination }, subject) => {
      const made = transform(source, destination, true)
      const result = made.apply(subject)
      assert.equal(result !== undefined, subjectMatches(source, subject))
      if (result === undefined) return
      assert.ok(isValidPublishSubject(result), result)
      assert.ok(subjectMatches(toPattern(destination), result))
      assert.equal(made.reverse()?.apply(result), subject)
      assert.equal(made.reverseSubject(result), subject)
    }),
  )
})

test('functions make subjects that can be published', () => {
  const call = fc.constantFrom(
    'splitFromLeft(1,2)',
    'splitFromRight(1,2)',
    'sliceFromLeft(1,2)',
    'sliceFromRight(1,2)',
    'left(1,2)',
    'right(1,2)',
    'split(1,x)',
    'partition(7,1)',
    'random(7)',
  )
  const token = fc.string({ unit: fc.constantFrom('x', 'y', '1'), minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(call, token, (called, text) => {
      const result = transform('*', `a.{{${called}}}.b`).apply(text) ?? ''
      // Of delimiters only, split() has nothing to give.
      if (called.startsWith('split(') && /^x+$/.test(text)) assert.equal(result, 'a..b')
      else assert.ok(isValidPublishSubject(result), result)
    }),
  )
})

test('what two patterns have in common is what both match', () => {
  fc.assert(
    fc.property(pattern, pattern, literal, (one, other, subject) => {
      const both = intersectSubjects(one, other)
      const isMatched = subjectMatches(one, subject) && subjectMatches(other, subject)
      assert.equal(both !== undefined && subjectMatches(both, subject), isMatched)
      if (isSubsetSubject(one, other) && subjectMatches(one, subject)) {
        assert.ok(subjectMatches(other, subject))
      }
      if (isSubsetSubject(one, other)) assert.equal(both, one)
    }),
  )
})
