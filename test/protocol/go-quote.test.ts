import assert from 'node:assert/strict'
import test from 'node:test'
import { goQuote, goQuoteSpan } from '../../src/protocol/go-quote.ts'
import { goText } from '../../src/protocol/go-text.ts'

const QUOTED: readonly (readonly [text: string, quoted: string])[] = [
  ['', '""'],
  ['foo.bar', '"foo.bar"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['\x07\b\t\n\v\f\r', '"\\a\\b\\t\\n\\v\\f\\r"'],
  ['\x00\x1b\x7f', '"\\x00\\x1b\\x7f"'],
  ["<&>'", '"<&>\'"'],
  ['é日本😀', '"é日本😀"'],
  ['a\u00a0b\u200b\u2028', '"a\\u00a0b\\u200b\\u2028"'],
  ['\u0085\u00ad', '"\\u0085\\u00ad"'],
  ['\u{e0001}\u{10ffff}', '"\\U000e0001\\U0010ffff"'],
  ['\ufffd', '"\ufffd"'],
]

for (const [text, quoted] of QUOTED) {
  test(`${JSON.stringify(text)} is quoted as ${quoted}, as text and as bytes`, () => {
    assert.equal(goQuote(text), quoted)
    assert.equal(goQuote(Buffer.from(text)), quoted)
  })
}

test('bytes that are no UTF-8 are escaped one by one', () => {
  const cases: readonly (readonly [bytes: readonly number[], quoted: string])[] = [
    [[0xff], '"\\xff"'],
    [[0x61, 0xe2, 0x82, 0x62], '"a\\xe2\\x82b"'],
    [[0xc0, 0x80], '"\\xc0\\x80"'],
    [[0xe0, 0x80, 0x80], '"\\xe0\\x80\\x80"'],
    [[0xed, 0xa0, 0x80], '"\\xed\\xa0\\x80"'],
    [[0xf4, 0x90, 0x80, 0x80], '"\\xf4\\x90\\x80\\x80"'],
    [[0xf5, 0x80, 0x80, 0x80], '"\\xf5\\x80\\x80\\x80"'],
    [[0xf0, 0x9f, 0x98], '"\\xf0\\x9f\\x98"'],
  ]
  for (const [bytes, quoted] of cases) assert.equal(goQuote(Uint8Array.from(bytes)), quoted)
})

test('a span is quoted without its surroundings', () => {
  assert.equal(goQuoteSpan(Buffer.from('xéx'), 1, 3), '"é"')
  assert.equal(goQuoteSpan(Buffer.from('xéx'), 1, 2), '"\\xc3"')
})

test('text of broken bytes has one U+FFFD for each', () => {
  assert.equal(goText(Uint8Array.of(0x61, 0xf0, 0x9f, 0x98)), 'a\ufffd\ufffd\ufffd')
  assert.equal(goText(Buffer.from('é😀')), 'é😀')
})
