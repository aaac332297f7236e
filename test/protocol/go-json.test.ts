import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { goJson, goJsonObject, goJsonString } from '../../src/protocol/go-json.ts'
import { decodeGoJson } from '../../src/protocol/go-json-decode.ts'
import { JSON_DEPTH_MAX, scanGoJson } from '../../src/protocol/go-json-scan.ts'

const STRINGS: readonly (readonly [value: string | Uint8Array, json: string])[] = [
  ['', '""'],
  ['plain', '"plain"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['\b\f\n\r\t', '"\\b\\f\\n\\r\\t"'],
  ['\u0000\u0001\u001f\u007f', '"\\u0000\\u0001\\u001f\u007f"'],
  ['<a href="x">&</a>', '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u003c/a\\u003e"'],
  ['\u2028\u2029', '"\\u2028\\u2029"'],
  ['é 日本 😀', '"é 日本 😀"'],
  ['\ufffd', '"\ufffd"'],
  ['\ud800x', '"\\ufffdx"'],
  [Uint8Array.of(0x61, 0xff, 0xe2, 0x82), '"a\\ufffd\\ufffd\\ufffd"'],
  [Buffer.from('<日>'), '"\\u003c日\\u003e"'],
]

for (const [value, json] of STRINGS) {
  test(`the JSON string of ${JSON.stringify(String(value))} is ${json}`, () => {
    assert.equal(goJsonString(value), json)
  })
}

test('an object keeps the order of its members and leaves out undefined ones', () => {
  const entries = [
    ['z', 1],
    ['a', undefined],
    ['m', [true, null, 'x']],
    ['o', { b: -2, c: undefined, d: {} }],
    ['big', 2n ** 63n],
  ] as const
  assert.equal(
    goJsonObject(entries),
    '{"z":1,"m":[true,null,"x"],"o":{"b":-2,"d":{}},"big":9223372036854775808}',
  )
  assert.throws(() => goJson(Number.NaN), /not a JSON number: value=NaN/)
})

test('what is written can be read by any JSON reader, and by ours', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = goJsonString(text)
      assert.equal(JSON.parse(json), text.toWellFormed())
      assert.deepEqual(scanGoJson(json), {
        ok: true,
        node: { type: 'string', value: text.toWellFormed() },
      })
      assert.equal(
        goJsonString(Buffer.from(text.toWellFormed())),
        goJsonString(text.toWellFormed()),
      )
    }),
  )
})

const FIELDS = {
  user: { json: 'user', type: 'string' },
  verbose: { json: 'verbose', type: 'bool' },
  protocol: { json: 'protocol', type: 'int' },
  maxPayload: { json: 'max_payload', type: 'int32' },
  clientId: { json: 'client_id', type: 'uint64' },
  gossipMode: { json: 'gossip_mode', type: 'uint8' },
  denyPub: { json: 'deny_pub', type: 'strings' },
  import: { json: 'import', type: 'permission' },
} as const

const DECODED: readonly (readonly [text: string, value: object | null])[] = [
  ['{}', {}],
  [' \t\r\n{ "user" : "a" } \n', { user: 'a' }],
  ['null', {}],
  ['{"USER":"a"}', { user: 'a' }],
  ['{"\u017f":1,"u\u017fer":"a"}', { user: 'a' }],
  ['{"Max_Payload":7}', { maxPayload: 7 }],
  ['{"user":"a","User":"b","user":"c"}', { user: 'c' }],
  ['{"user":"a","USER":"b"}', { user: 'b' }],
  ['{"user":"a","user":null}', { user: 'a' }],
  ['{"user":null,"verbose":null,"protocol":null}', {}],
  ['{"unknown":{"a":[1,2.5e7,{"b":null}]},"verbose":true}', { verbose: true }],
  ['{"user":"\\u0041\\ud83d\\ude00\\/\\b"}', { user: 'A😀/\b' }],
  ['{"user":"\\ud800x\\udc00"}', { user: '\ufffdx\ufffd' }],
  ['{"protocol":-0}', { protocol: 0 }],
  ['{"protocol":9223372036854775807}', { protocol: 2 ** 63 }],
  ['{"max_payload":-2147483648}', { maxPayload: -2147483648 }],
  ['{"gossip_mode":255,"client_id":0}', { gossipMode: 255, clientId: 0 }],
  ['{"deny_pub":["a",null,"b"]}', { denyPub: ['a', '', 'b'] }],
  ['{"deny_pub":["a"],"deny_pub":null}', { denyPub: undefined }],
  ['{"import":{"allow":["a"],"DENY":["b"],"x":1}}', { import: { allow: ['a'], deny: ['b'] } }],
  ['{"import":{"allow":["a"]},"import":{"deny":[]}}', { import: { allow: ['a'], deny: [] } }],
  ['{"import":null}', { import: undefined }],
  ['{"__proto__":{"user":1}}', {}],
  // Wrong types.
  ['{"user":1}', null],
  ['{"user":["a"]}', null],
  ['{"verbose":"true"}', null],
  ['{"verbose":1}', null],
  ['{"protocol":1.0}', null],
  ['{"protocol":1e0}', null],
  ['{"protocol":"1"}', null],
  ['{"protocol":9223372036854775808}', null],
  [`{"protocol":${'9'.repeat(5000)}}`, null],
  ['{"max_payload":2147483648}', null],
  ['{"client_id":-1}', null],
  ['{"client_id":-0}', null],
  ['{"client_id":18446744073709551616}', null],
  ['{"gossip_mode":256}', null],
  ['{"deny_pub":"a"}', null],
  ['{"deny_pub":{}}', null],
  ['{"deny_pub":[1]}', null],
  ['{"deny_pub":[["a"]]}', null],
  ['{"import":["a"]}', null],
  ['{"import":{"allow":"a"}}', null],
  ['[]', null],
  ['"x"', null],
  ['1', null],
  ['true', null],
  // No JSON.
  ['', null],
  [' ', null],
  ['\r', null],
  ['{', null],
  ['{}}', null],
  ['{} x', null],
  ['{"a":1,}', null],
  ['{"a" 1}', null],
  ['{a:1}', null],
  ["{'a':1}", null],
  ['{"a":01}', null],
  ['{"a":1.}', null],
  ['{"a":.5}', null],
  ['{"a":+1}', null],
  ['{"a":-}', null],
  ['{"a":1e}', null],
  ['{"a":nul}', null],
  ['{"a":truex}', null],
  ['{"a":[1,]}', null],
  ['{"a":[1}', null],
  ['{"a":"\n"}', null],
  ['{"a":"\\x"}', null],
  ['{"a":"\\u12"}', null],
  ['{"a":"b}', null],
  ['{"a":"b\\', null],
  ['\ufeff{}', null],
  ['{\u00a0}', null],
]

for (const [text, value] of DECODED) {
  test(`decoding ${JSON.stringify(text.slice(0, 60))} gives ${JSON.stringify(value)}`, () => {
    const decoded = decodeGoJson(text, FIELDS)
    if (value === null) assert.equal(decoded.ok, false)
    else assert.deepEqual(decoded, { ok: true, value })
  })
}

test('broken UTF-8 inside a string becomes U+FFFD, one for each byte', () => {
  const bytes = Buffer.from('{"user":"a\xe2\x82\xffb"}', 'latin1')
  assert.deepEqual(decodeGoJson(bytes, FIELDS), {
    ok: true,
    value: { user: 'a\ufffd\ufffd\ufffdb' },
  })
  assert.equal(decodeGoJson(Buffer.from('{\xff}', 'latin1'), FIELDS).ok, false)
})

test('depth is bounded as in Go, and far deeper text does not end the stack', () => {
  const nested = (depth: number) => `{"x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  assert.equal(decodeGoJson(nested(JSON_DEPTH_MAX), FIELDS).ok, true)
  assert.equal(decodeGoJson(nested(JSON_DEPTH_MAX + 1), FIELDS).ok, false)
  assert.equal(decodeGoJson('['.repeat(1_000_000), FIELDS).ok, false)
  assert.equal(decodeGoJson(`{"user":"${'a\\n'.repeat(1_000_000)}"}`, FIELDS).ok, true)
})

test('the scanner accepts exactly what JSON.parse accepts', () => {
  const mutated = fc
    .tuple(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', ',', '"', '0', '}', '\\', 'e', ' '),
    )
    .map(([json, at, insert]) => {
      const cut = at % (json.length + 1)
      return json.slice(0, cut) + insert + json.slice(cut + (at % 2))
    })
  let accepted = 0
  fc.assert(
    fc.property(fc.oneof(fc.json(), mutated), (text) => {
      let valid = true
      try {
        JSON.parse(text)
      } catch {
        valid = false
      }
      if (valid) accepted++
      assert.equal(scanGoJson(text).ok, valid)
    }),
    { seed: 7, numRuns: 2000 },
  )
  assert.ok(accepted > 500 && accepted < 1900, `accepted=${accepted}`)
})
