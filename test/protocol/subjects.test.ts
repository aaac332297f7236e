import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  isLiteralSubject,
  isValidPublishSubject,
  isValidSubject,
  isValidSubscriptionSubject,
  subjectMatches,
} from '../../src/protocol/subjects.ts'
import { ReferenceSublist } from '../reference/reference-sublist.ts'

type Row = readonly [
  subject: string,
  config: boolean,
  subscribe: boolean,
  literal: boolean,
  publish: boolean,
]

const SUBJECTS: readonly Row[] = [
  ['foo', true, true, true, true],
  ['foo.bar.baz', true, true, true, true],
  ['*', true, true, false, false],
  ['>', true, true, false, false],
  ['foo.*.bar', true, true, false, false],
  ['foo.>', true, true, false, false],
  ['*.>', true, true, false, false],
  ['foo.>.bar', false, false, false, false],
  ['>.foo', false, false, false, false],
  ['', false, false, true, false],
  ['.', false, false, true, false],
  ['.foo', false, false, true, false],
  ['foo.', false, false, true, false],
  ['foo..bar', false, false, true, false],
  ['foo*', true, true, true, true],
  ['f>o.*bar.>>', true, true, true, true],
  ['foo bar', false, true, true, true],
  ['foo.\t', false, true, true, true],
  ['foo\f', false, true, true, true],
  ['a\r.b\n', false, true, true, true],
  ['foo\v\u00a0\0', true, true, true, true],
  ['é.😀', true, true, true, true],
]

for (const [subject, config, subscribe, literal, publish] of SUBJECTS) {
  test(`validity of the subject ${JSON.stringify(subject)}`, () => {
    assert.deepEqual(
      {
        config: isValidSubject(subject),
        subscribe: isValidSubscriptionSubject(subject),
        literal: isLiteralSubject(subject),
        publish: isValidPublishSubject(subject),
      },
      { config, subscribe, literal, publish },
    )
  })
}

const MATCHES: readonly (readonly [pattern: string, literal: string, matches: boolean])[] = [
  ['foo', 'foo', true],
  ['foo', 'bar', false],
  ['foo', 'foo.bar', false],
  ['foo.bar', 'foo', false],
  ['*', 'foo', true],
  ['*', 'foo.bar', false],
  ['foo.*', 'foo.bar', true],
  ['*.bar', 'foo.bar', true],
  ['foo.*.baz', 'foo.bar.baz', true],
  ['foo.*.baz', 'foo.bar.x', false],
  ['>', 'foo', true],
  ['>', 'foo.bar.baz', true],
  ['foo.>', 'foo', false],
  ['foo.>', 'foo.bar', true],
  ['foo.>', 'foo.bar.baz', true],
  ['foo.*.>', 'foo.bar', false],
  ['*.*', 'foo.bar', true],
  // Wildcard characters inside a longer token, and in what is published, are text.
  ['foo*', 'foobar', false],
  ['foo*', 'foo*', true],
  ['foo.*', 'foo.*', true],
  ['foo.>', 'foo.*', true],
  ['foo.bar', 'foo.*', false],
  ['foo.*', 'foo.>', true],
  ['foo.bar', 'foo.>', false],
  ['>', '>', true],
  // Empty tokens reach nobody.
  ['>', '', false],
  ['foo.>', 'foo.', false],
  ['>', '.foo', false],
  ['*.*', 'a..b', false],
  ['foo.>.bar', 'foo.x.bar', false],
  ['Foo', 'foo', false],
]

for (const [pattern, literal, matches] of MATCHES) {
  test(`${pattern} ${matches ? 'receives' : 'does not receive'} a message to "${literal}"`, () => {
    assert.equal(subjectMatches(pattern, literal), matches)
    const sublist = new ReferenceSublist<number>()
    sublist.insert({ subject: pattern, queue: null, value: 1 })
    assert.equal(sublist.match(literal).plain.length, matches ? 1 : 0)
  })
}

test('matching agrees with the reference sublist on random subjects', () => {
  const token = fc.constantFrom(...'aaab**>', 'a*', '')
  const subject = fc.array(token, { minLength: 1, maxLength: 3 }).map((tokens) => tokens.join('.'))
  let matched = 0
  fc.assert(
    fc.property(subject, subject, (pattern, literal) => {
      const sublist = new ReferenceSublist<string>()
      assert.equal(
        sublist.insert({ subject: pattern, queue: null, value: pattern }),
        isValidSubscriptionSubject(pattern),
      )
      const expected = sublist.match(literal).plain.length === 1
      if (expected) matched++
      assert.equal(subjectMatches(pattern, literal), expected)
    }),
    { seed: 11, numRuns: 5000 },
  )
  assert.ok(matched > 300, `matched=${matched}`)
})

test('the reference sublist merges queue groups by name and removes one at a time', () => {
  const sublist = new ReferenceSublist<number>()
  const add = (subject: string, queue: string | null, value: number) =>
    sublist.insert({ subject, queue, value })
  assert.ok(add('foo.*', 'q', 1))
  assert.ok(add('foo.>', 'q', 2))
  assert.ok(add('foo.bar', 'other', 3))
  assert.ok(add('foo.bar', null, 4))
  assert.ok(add('foo.bar', null, 4))
  assert.equal(add('foo..bar', null, 5), false)
  assert.deepEqual(sublist.match('foo.bar'), {
    plain: [4, 4],
    queues: new Map([
      ['q', [1, 2]],
      ['other', [3]],
    ]),
  })
  assert.ok(sublist.remove({ subject: 'foo.bar', queue: null, value: 4 }))
  assert.ok(sublist.remove({ subject: 'foo.*', queue: 'q', value: 1 }))
  assert.equal(sublist.remove({ subject: 'foo.*', queue: 'q', value: 1 }), false)
  assert.equal(sublist.remove({ subject: 'foo.*', queue: null, value: 2 }), false)
  assert.deepEqual(sublist.match('foo.bar'), {
    plain: [4],
    queues: new Map([
      ['q', [2]],
      ['other', [3]],
    ]),
  })
  assert.equal(sublist.size, 3)
})
