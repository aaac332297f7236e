import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { describeFlags, type Flags, parseFlags } from '../../../src/tools/nats/flags.ts'

const FLAGS = {
  s: { fallback: 'here', help: 'Where' },
  creds: { fallback: '', help: 'Who' },
  t: { fallback: false, help: 'Times' },
  long: { fallback: false, help: 'A long one' },
} as const satisfies Flags
const DEFAULTS = { s: 'here', creds: '', t: false, long: false }

const PARSED = [
  { args: [], values: {}, rest: [] },
  { args: ['a', 'b'], values: {}, rest: ['a', 'b'] },
  { args: ['-s', 'x', 'a'], values: { s: 'x' }, rest: ['a'] },
  { args: ['--s', 'x', 'a'], values: { s: 'x' }, rest: ['a'] },
  { args: ['-s=x', '--creds=y=z', 'a'], values: { s: 'x', creds: 'y=z' }, rest: ['a'] },
  { args: ['-s=', 'a'], values: { s: '' }, rest: ['a'] },
  { args: ['-s', '-t', 'a'], values: { s: '-t' }, rest: ['a'] },
  { args: ['-s', 'x', '-s', 'y'], values: { s: 'y' }, rest: [] },
  { args: ['-t', 'a'], values: { t: true }, rest: ['a'] },
  { args: ['-t=true', '--long=1'], values: { t: true, long: true }, rest: [] },
  { args: ['-t', '-t=false', '-long=F'], values: {}, rest: [] },
  { args: ['a', '-t'], values: {}, rest: ['a', '-t'] },
  { args: ['--', '-t'], values: {}, rest: ['-t'] },
  { args: ['-t', '--', '--'], values: { t: true }, rest: ['--'] },
  { args: ['-', '-t'], values: {}, rest: ['-', '-t'] },
  { args: ['', '-t'], values: {}, rest: ['', '-t'] },
]

const REFUSED = [
  { args: ['-x'], reason: 'flag provided but not defined: -x' },
  { args: ['--x=3'], reason: 'flag provided but not defined: -x' },
  { args: ['-toString'], reason: 'flag provided but not defined: -toString' },
  { args: ['-t', '-s'], reason: 'flag needs an argument: -s' },
  { args: ['---s', 'x'], reason: 'bad flag syntax: ---s' },
  { args: ['-=x'], reason: 'bad flag syntax: -=x' },
  { args: ['--=x'], reason: 'bad flag syntax: --=x' },
  { args: ['-t=maybe'], reason: 'invalid boolean value "maybe" for -t: parse error' },
  { args: ['-t='], reason: 'invalid boolean value "" for -t: parse error' },
]

describe('flags', () => {
  for (const { args, values, rest } of PARSED) {
    test(`taken: ${JSON.stringify(args)}`, () => {
      const parsed = parseFlags(FLAGS, args)
      assert.deepEqual(parsed, { outcome: 'parsed', values: { ...DEFAULTS, ...values }, rest })
    })
  }

  for (const { args, reason } of REFUSED) {
    test(`refused: ${JSON.stringify(args)}`, () => {
      assert.deepEqual(parseFlags(FLAGS, args), { outcome: 'refused', reason })
    })
  }

  for (const args of [['-h'], ['--help', 'a'], ['-t', '-help=x']]) {
    test(`help: ${JSON.stringify(args)}`, () => {
      assert.deepEqual(parseFlags(FLAGS, args), { outcome: 'help' })
    })
  }

  test('every value comes out as it went in, whichever of the two forms it has', () => {
    const given = fc.array(fc.tuple(fc.constantFrom('s', 'creds'), fc.string(), fc.boolean()))
    fc.assert(
      fc.property(given, fc.array(fc.string()), (flags, rest) => {
        const args = flags.flatMap(([name, value, isOneWord]) =>
          isOneWord ? [`--${name}=${value}`] : [`-${name}`, value],
        )
        const values = { ...DEFAULTS, ...Object.fromEntries(flags) }
        const parsed = parseFlags(FLAGS, [...args, '--', ...rest])
        assert.deepEqual(parsed, { outcome: 'parsed', values, rest })
      }),
    )
  })

  test('the list is sorted, with defaults that are not empty', () => {
    assert.equal(
      describeFlags(FLAGS),
      '  -creds string\n    \tWho\n  -long\n    \tA long one\n' +
        '  -s string\n    \tWhere (default "here")\n  -t\tTimes\n',
    )
  })
})
