import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rttText, uptimeText } from '../../src/monitor/endpoints/go-texts.ts'
import { type JsonValue, omitEmpty, writeJson } from '../../src/monitor/endpoints/json-value.ts'
import { goInt } from '../../src/monitor/endpoints/paging.ts'
import { ParameterError, Query } from '../../src/monitor/endpoints/query.ts'
import { parseRequestTarget } from '../../src/monitor/http/request-target.ts'
import { goTimeOfMs } from '../../src/protocol/go-time.ts'

test('parameters are read as Go reads them', () => {
  const query = new Query('a=1&a=2&b=x+y%26&=q&bad=%zz&c;d=1&%61b=%C3%A9&e&f=%ff')
  assert.equal(query.text('a'), '1')
  assert.equal(query.text('b'), 'x y&')
  assert.equal(query.text('bad'), '')
  assert.equal(query.text('d'), '')
  assert.equal(query.text('ab'), 'é')
  assert.equal(query.text('e'), '')
  assert.equal(query.text('f'), '\ufffd')
  assert.equal(query.text('absent'), '')
})

test('booleans are those of strconv.ParseBool', () => {
  for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True']) {
    assert.equal(new Query(`a=${text}`).bool('a'), true)
  }
  for (const text of ['', '0', 'f', 'F', 'false', 'FALSE', 'False']) {
    assert.equal(new Query(`a=${text}`).bool('a'), false)
  }
})

/** Texts of nats-server 2.15, taken from its answers. */
const REFUSED: readonly (readonly [string, (query: Query) => unknown, string])[] = [
  [
    'auth=x',
    (query) => query.bool('auth'),
    `Error decoding boolean for 'auth': strconv.ParseBool: parsing "x": invalid syntax`,
  ],
  [
    'auth=x%22%0a%c3%a9%ff',
    (query) => query.bool('auth'),
    `Error decoding boolean for 'auth': strconv.ParseBool: parsing "x\\"\\né\\xff": invalid syntax`,
  ],
  [
    'limit=99999999999999999999',
    (query) => query.int('limit'),
    `Error decoding int for 'limit': strconv.Atoi: parsing "99999999999999999999": value out of range`,
  ],
  [
    'limit=1_000',
    (query) => query.int('limit'),
    `Error decoding int for 'limit': strconv.Atoi: parsing "1_000": invalid syntax`,
  ],
  [
    'limit=+5',
    (query) => query.int('limit'),
    `Error decoding int for 'limit': strconv.Atoi: parsing " 5": invalid syntax`,
  ],
  [
    'cid=-1',
    (query) => query.uint64('cid'),
    `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "-1": invalid syntax`,
  ],
]

test('what cannot be read is refused with the texts of Go', () => {
  for (const [raw, read, message] of REFUSED) {
    assert.throws(() => read(new Query(raw)), { name: 'ParameterError', message })
  }
})

test('whole numbers are read in 64 bits and written as such', () => {
  assert.equal(new Query('a=%2B7').int('a'), 7)
  assert.equal(new Query('a=-7').int('a'), -7)
  assert.equal(goInt(new Query('a=9223372036854775807').int('a')), 9223372036854775807n)
  assert.equal(new Query('a=18446744073709551615').uint64('a'), 2 ** 64)
  assert.throws(() => new Query(`a=${'9'.repeat(1e5)}`).int('a'), ParameterError)
})

test('any query is read, or refused with a text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      const raw = Buffer.from(text).toString('latin1')
      const query = new Query(`${raw}&a=${raw}`)
      for (const read of [() => query.bool('a'), () => query.int('a'), () => query.uint64('a')]) {
        try {
          read()
        } catch (error) {
          assert.ok(error instanceof ParameterError)
        }
      }
      assert.equal(typeof query.text('a'), 'string')
    }),
  )
})

test('JSON is laid out as by json.MarshalIndent', () => {
  const value = { a: [1, { b: '<x>&\u2028' }], none: undefined, c: {}, d: [], e: null, f: true }
  assert.equal(
    writeJson(value, '  '),
    '{\n  "a": [\n    1,\n    {\n      "b": "\\u003cx\\u003e\\u0026\\u2028"\n    }\n  ],\n' +
      '  "c": {},\n  "d": [],\n  "e": null,\n  "f": true\n}',
  )
  assert.equal(writeJson({ a: [1], c: {} }), '{"a":[1],"c":{}}')
})

test('keys of maps stand in the order of their bytes, whatever they are', () => {
  const map = new Map([
    ['b', 1],
    ['10', 2],
    ['__proto__', 3],
    ['9', 4],
  ])
  assert.equal(writeJson(map), '{"10":2,"9":4,"__proto__":3,"b":1}')
})

test('JSON of any value can be parsed, and means the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const same = JSON.parse(JSON.stringify(value).toWellFormed())
      assert.deepEqual(JSON.parse(writeJson(same as JsonValue, '  ')), same)
    }),
  )
})

test('what is empty is left out', () => {
  for (const empty of ['', 0, false, [], new Map()]) assert.equal(omitEmpty(empty), undefined)
  for (const kept of ['a', -1, true, [0], new Map([['a', 1]]), {}]) {
    assert.equal(omitEmpty(kept), kept)
  }
})

test('uptimes have no units in front that are 0', () => {
  const SECOND = 1000
  const DAY = 24 * 3600 * SECOND
  assert.equal(uptimeText(999), '0s')
  assert.equal(uptimeText(59 * SECOND), '59s')
  assert.equal(uptimeText(245 * SECOND), '4m5s')
  assert.equal(uptimeText(3 * 3600 * SECOND), '3h0m0s')
  assert.equal(uptimeText(2 * DAY + SECOND), '2d0h0m1s')
  assert.equal(uptimeText(367 * DAY), '1y2d0h0m0s')
})

test('round-trip times are whole microseconds below a millisecond', () => {
  assert.equal(rttText(0), '0s')
  assert.equal(rttText(999), '999ns')
  assert.equal(rttText(412_345), '412µs')
  assert.equal(rttText(1_412_345), '1.412345ms')
  assert.equal(rttText(-5), '0s')
})

test('times are written without zeros at the end', () => {
  assert.equal(goTimeOfMs(0), '0001-01-01T00:00:00Z')
  assert.equal(goTimeOfMs(Date.UTC(2026, 0, 2)), '2026-01-02T00:00:00Z')
  assert.equal(goTimeOfMs(Date.UTC(2026, 0, 2) + 120), '2026-01-02T00:00:00.12Z')
  assert.equal(goTimeOfMs(Date.UTC(2026, 0, 2) + 0.5), '2026-01-02T00:00:00.0005Z')
  const slow = (ms: number) => new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')
  const near = fc.integer({ min: -1_000_000, max: 1_000_000 }).filter((ms) => ms !== 0)
  const far = fc.integer({ min: 1, max: 8.64e15 })
  fc.assert(fc.property(fc.oneof(near, far), (ms) => assert.equal(goTimeOfMs(ms), slow(ms))))
})

test('paths are cleaned as by ServeMux', () => {
  const pathOf = (target: string) => parseRequestTarget(target)?.cleanPath
  assert.equal(pathOf('//a/../varz?x=1'), '/varz')
  assert.equal(pathOf('/varz/'), '/varz/')
  assert.equal(pathOf('/%76arz'), '/varz')
  assert.equal(pathOf('http://host:1/varz?x'), '/varz')
  assert.equal(pathOf('http://host'), '/')
  assert.equal(pathOf('/%zz'), undefined)
})
