import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PlainMap, parsePlain } from './config-text.ts'

const date = new Date('2016-05-04T18:53:41Z')

/** Each text and what it means; the same texts were put to nats-server's own parser. */
const MEANINGS: Readonly<Record<string, readonly (readonly [text: string, means: PlainMap])[]>> = {
  'separators of keys and values': [
    ['a = 1', { a: 1n }],
    ['a: 1', { a: 1n }],
    ['a 1', { a: 1n }],
    ['a=1', { a: 1n }],
    ['a\n1', { a: 1n }],
    ['a\n=\t1', { a: 1n }],
    ['a = 1; b = 2, c = 3\nd = 4', { a: 1n, b: 2n, c: 3n, d: 4n }],
    ['a: 1\r\nb: 2\r\n', { a: 1n, b: 2n }],
  ],
  keys: [
    ['"a b" = 1', { 'a b': 1n }],
    ["'a\\nb' = 1", { 'a\\nb': 1n }],
    ['a.b-c/$d = 1', { 'a.b-c/$d': 1n }],
    ['foo{ 1', { 'foo{': 1n }],
    ['a: 1\na: 2', { a: 2n }],
    ['Zürich: 1', { Zürich: 1n }],
  ],
  wholes: [
    ['', {}],
    ['# nothing', {}],
    ['{ "a": 1, "b": [true], }', { a: 1n, b: [true] }],
    ['{ a: 1\n b: 2 }', { a: 1n, b: 2n }],
    ['{{ a: 1 }}', { a: 1n }],
    ['{ a: 1\n', { a: 1n }],
    ['a: 1\n}', { a: 1n }],
    ['a: 1\0b: 2', { a: 1n, b: 2n }],
  ],
  comments: [
    ['a: 1 # one\n// two\nb: 2 // three', { a: 1n, b: 2n }],
    ['m { # in\n a: 1 // on\n }', { m: { a: 1n } }],
    ['l [ # in\n 1, // on\n 2 ]', { l: [1n, 2n] }],
    ['a: nats://h#x', { a: 'nats://h#x' }],
  ],
  integers: [
    ['a: 0', { a: 0n }],
    ['a: 007', { a: 7n }],
    ['a: -4222', { a: -4222n }],
    ['a: 9223372036854775807', { a: 2n ** 63n - 1n }],
    ['a: -9223372036854775808', { a: -(2n ** 63n) }],
  ],
  sizes: [
    ['a: 2k, b: 2K, c: 2kb, d: 2Ki, e: 2KiB', { a: 2000n, b: 2000n, c: 2048n, d: 2048n, e: 2048n }],
    ['a: 1m, b: 1MB', { a: 1_000_000n, b: 1_048_576n }],
    ['a: 1g, b: 1gib', { a: 10n ** 9n, b: 2n ** 30n }],
    ['a: 1t, b: 1tb', { a: 10n ** 12n, b: 2n ** 40n }],
    ['a: 1p, b: 1pi', { a: 10n ** 15n, b: 2n ** 50n }],
    ['a: 1e, b: 1eb', { a: 10n ** 18n, b: 2n ** 60n }],
    ['a: -1k', { a: -1000n }],
    ['a: 8eb', { a: -(2n ** 63n) }], // wraps like a 64-bit integer
  ],
  'numbers with a point': [
    ['a: 1.5', { a: 1.5 }],
    ['a: -0.25', { a: -0.25 }],
  ],
  'text that begins like a number': [
    ['a: 2s', { a: '2s' }],
    ['a: 100ms', { a: '100ms' }],
    ['a: 4222abc', { a: '4222abc' }],
    ['a: 5e7bcd', { a: '5e7bcd' }],
    ['a: 1_000', { a: '1_000' }],
    ['a: 127.0.0.1', { a: '127.0.0.1' }],
    ['a: 127.0.0.1:4222', { a: '127.0.0.1:4222' }],
  ],
  'booleans, of any case': [
    [
      'a: true, b: ON, c: Yes, d: false, e: off, f: NO',
      { a: true, b: true, c: true, d: false, e: false, f: false },
    ],
    ['a: "true"', { a: 'true' }],
    ['a: truely', { a: 'truely' }],
  ],
  dates: [
    ['a: 2016-05-04T18:53:41Z', { a: date }],
    ['a: "2016-05-04T18:53:41Z"', { a: '2016-05-04T18:53:41Z' }],
  ],
  'bare text': [
    ['a: hello', { a: 'hello' }],
    ['a: hello; b: there', { a: 'hello', b: 'there' }],
    ['a: nats://localhost:4222', { a: 'nats://localhost:4222' }],
    ["a: it'\nb: 1", { a: 'it', b: 1n }], // a single quote ends it
    [String.raw`a: x\ty\x41`, { a: 'x\tyA' }],
    ['a: /tmp/x', { a: '/tmp/x' }],
  ],
  'quoted text': [
    ['a: "x y"', { a: 'x y' }],
    ['a: ""', { a: '' }],
    ['a: "x\ny"', { a: 'x\ny' }],
    [String.raw`a: "\x41\t\n\r\"\\"`, { a: 'A\t\n\r"\\' }],
    [String.raw`a: "\xc3\xa9"`, { a: 'é' }],
    [String.raw`a: '\x41\t"'`, { a: String.raw`\x41\t"` }],
    ["a: 'x\ny'", { a: 'x\ny' }],
    ['a: "# no comment // here"', { a: '# no comment // here' }],
  ],
  'block text': [
    ['a: (\nx\n y)\n)\nb: 1', { a: '\nx\n y)\n', b: 1n }],
    ['a: (\nx\n)', { a: '\nx\n)' }], // at the end of the file the bracket stays
  ],
  arrays: [
    ['a: []', { a: [] }],
    ['a: [1, "x", true, [2.5, ], {b: 3}]', { a: [1n, 'x', true, [2.5], { b: 3n }] }],
    ['a: [\n x\n y\n]', { a: ['x', 'y'] }],
    ['a: [1, 2,]', { a: [1n, 2n] }],
    ['a [ {b: 1}\n {c: 2} ]', { a: [{ b: 1n }, { c: 2n }] }],
    ['server_tags [ id:XXX ]', { server_tags: ['id:XXX'] }],
    ['a: [1]\n]', { a: ['1]'] }], // a bracket right behind a number belongs to it
  ],
  maps: [
    ['m {}', { m: {} }],
    ['m { a: 1, b = 2; c 3\n d { e: x } }', { m: { a: 1n, b: 2n, c: 3n, d: { e: 'x' } } }],
    ['m {\n a:\n 1\n}', { m: { a: 1n } }],
    ['m { "a b": 1, \'c\': 2 }', { m: { 'a b': 1n, c: 2n } }],
    ['m { /a: 1 }', { m: { a: 1n } }], // a lone slash is dropped
  ],
}

for (const [topic, cases] of Object.entries(MEANINGS)) {
  test(`understands ${topic}`, () => {
    for (const [text, means] of cases) assert.deepEqual(parsePlain(text), means, text)
  })
}

test('keeps bytes that are no UTF-8 apart, one replacement for each', () => {
  const bytes = Buffer.concat([Buffer.from('a: "x'), Buffer.from([0xff, 0xc3]), Buffer.from('"')])
  assert.deepEqual(parsePlain(bytes), { a: 'x\u{fffd}\u{fffd}' })
})
