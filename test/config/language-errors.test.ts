import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import { parseConfigText } from '../../src/config/config-parser.ts'
import { parsePlain, refusalOf } from './config-text.ts'

const onLine = (line: number, text: string): string => `Parse error on line ${line}: '${text}'`

const REFUSALS: readonly (readonly [text: string, refusal: string])[] = [
  ['= 1', onLine(1, "Unexpected key separator '='")],
  ['/x', onLine(1, 'Unexpected EOF.')],
  ['a: 1\n"b', onLine(2, 'Unexpected EOF.')],
  ['a: "x', onLine(1, 'Unexpected EOF.')],
  ["a: 'x", onLine(1, 'Unexpected EOF.')],
  ['a: (\nx', onLine(2, 'Unexpected EOF processing block.')],
  ['a', 'config is invalid (:1:1)'],
  ['a:\n1', onLine(2, 'Expected value but found new line')],
  ['a: .5', onLine(1, 'Floats must start with a digit')],
  ['a: -.5', onLine(1, "Floats must start with a digit, not '.'.")],
  ['a: -x', onLine(1, "Expected a digit but got 'x'.")],
  ['a: 5.x', onLine(1, "Floats must have a digit after the '.', but got 'x' instead.")],
  [
    'a: 10.5ms',
    onLine(
      1,
      "Expected a top-level value to end with a new line, comment or EOF, but got 'm' instead.",
    ),
  ],
  ['a: 123-4', onLine(1, 'All ISO8601 dates must be in full Zulu form.')],
  ['a: 2016-5', onLine(1, "Expected digit in ISO8601 datetime, but found '\0' instead.")],
  ['a: 2016-05x', onLine(1, "Expected '-' in ISO8601 datetime, but found 'x' instead.")],
  ['a: 2016-13-04T18:53:41Z', "expected Zulu formatted DateTime, but got '2016-13-04T18:53:41Z'"],
  ['a: 2016-02-30T18:53:41Z', "expected Zulu formatted DateTime, but got '2016-02-30T18:53:41Z'"],
  ['a: 9223372036854775808', "integer '9223372036854775808' is out of the range"],
  ['a: 99999999999999999999k', "integer '99999999999999999999k' is out of the range"],
  [`a: ${'9'.repeat(400)}.0`, `float '${'9'.repeat(400)}.0' is out of the range`],
  ['a: 5mbb', "expected integer, but got '5mbb'"], // nats-server drops such an option
  [
    String.raw`a: "\q"`,
    onLine(
      1,
      "Invalid escape character 'q'. Only the following escape characters are allowed: " +
        String.raw`\xXX, \t, \n, \r, \", \\.`,
    ),
  ],
  [
    String.raw`a: "\xzz"`,
    onLine(1, String.raw`Expected two hexadecimal digits after '\x', but got 'zz'`),
  ],
  [
    'a: "\\x1\n"',
    onLine(2, String.raw`Expected two hexadecimal digits after '\x', but hit end of line`),
  ],
  ['a: [1,,2]', onLine(1, "Unexpected array value terminator ','.")],
  [
    'a: ["x" "y"]',
    onLine(
      1,
      `Expected an array value terminator "," or an array terminator "]", but got '"' instead.`,
    ),
  ],
  ['m { ]', onLine(1, "Unexpected array end ']' processing map.")],
  ['m { = 1', onLine(1, "Unexpected key separator '='.")],
  ['m { a: ,', onLine(1, 'Unexpected map value terminator ",".')],
  ['m {\n', onLine(2, 'Unexpected EOF processing map.')],
  ['m { a', onLine(1, 'Unexpected EOF processing map key.')],
  ['m { "a', onLine(1, 'Unexpected EOF processing double quoted map key.')],
  ["m { 'a", onLine(1, 'Unexpected EOF processing quoted map key.')],
  [
    'm { a: "x" y }',
    onLine(1, `Expected a map value terminator "," or a map terminator "}", but got 'y' instead.`),
  ],
  [
    '{ a: "x" y }',
    onLine(
      1,
      "Expected a block-level value to end with a new line, comment or EOF, but got 'y' instead.",
    ),
  ],
  ['{{ a: 1 } x', onLine(1, "Expected a block-level to end with a '}', but got 'x' instead.")],
  ['include [', onLine(1, 'Expected include value but found start of an array')],
  ['include {', onLine(1, 'Expected include value but found start of a map')],
  ['include (', onLine(1, 'Expected include value but found start of a block')],
  ['include 5', onLine(1, 'Expected include value but found start of a number')],
  ['include \\', onLine(1, 'Expected include value but found escape sequence')],
  ['include \n', onLine(2, 'Expected include value but found new line')],
  ["include 'x", onLine(1, 'Unexpected EOF in quoted include')],
  ['include "x', onLine(1, 'Unexpected EOF in double quoted include')],
]

for (const [text, refusal] of REFUSALS) {
  test(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.equal(
      refusalOf(() => parsePlain(text)),
      refusal,
    )
  })
}

test('a fault in the meaning of an early line is told before one in the grammar below', () => {
  const text = 'a: $NOWHERE\nb: ['
  assert.equal(
    refusalOf(() => parsePlain(text)),
    "variable reference for 'NOWHERE' on line 1 can not be found",
  )
})

test('nesting has an end', () => {
  for (const opening of ['a [', '[', '{', 'a {']) {
    assert.throws(() => parseConfigText(`x ${opening.repeat(100_000)}`, {}), ConfigError)
  }
  assert.throws(() => parseConfigText('{'.repeat(100_000), {}), ConfigError)
})

const POSITIONS: readonly (readonly [what: string, text: string, at: readonly [number, number]])[] =
  [
    ['a key of the first line, counted from 0', 'k: 1', [1, 0]],
    ['a key of a later line, counted from 1', '\nk: 1', [2, 1]],
    ['a key behind blanks', '\n\n  k: 1', [3, 3]],
    ['a quoted key, behind its quote', '\n"k": 1', [2, 2]],
    ['columns in bytes', '\n"é": 1; k: 1', [2, 10]],
    ['an entry whose value spans lines', '\nk: "a\nb"', [2, 1]],
  ]

for (const [what, text, [line, column]] of POSITIONS) {
  test(`knows the position of ${what}`, () => {
    const node = parseConfigText(text, {}).get('k')
    assert.deepEqual([node?.line, node?.column], [line, column])
  })
}

test('an element of an array has its own position, a map that of its end', () => {
  const elements = parseConfigText('l [\n  one,\n  { k: 1 }\n]', {}).get('l')?.data
  assert.ok(Array.isArray(elements))
  assert.deepEqual(
    elements.map(({ line, column }) => [line, column]),
    [
      [2, 3],
      [3, 11],
    ],
  )
})
