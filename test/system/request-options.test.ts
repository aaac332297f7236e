import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isMeant, readRequestOptions } from '../../src/monitor/requests/request-options.ts'
import { goJsonSyntaxError } from '../../src/protocol/go-json-error.ts'

const read = (name: string, body: string) => readRequestOptions(name, Buffer.from(body))

describe('what Go says of broken JSON', () => {
  // Texts of encoding/json, go1.26.
  const SAMPLES: readonly (readonly [string, string])[] = [
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a"', 'unexpected end of JSON input'],
    ['[1,', 'unexpected end of JSON input'],
    ['"a', 'unexpected end of JSON input'],
    ['{a', "invalid character 'a' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 2}', "invalid character '2' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ["'x'", "invalid character '\\'' looking for beginning of value"],
    ['{} "', "invalid character '\"' after top-level value"],
    ['tru3', "invalid character '3' in literal true (expecting 'e')"],
    ['"\n"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
    ['01', "invalid character '1' after top-level value"],
    ['{\u00e9', "invalid character 'Ã' looking for beginning of object key string"],
  ]

  for (const [text, wanted] of SAMPLES) {
    test(JSON.stringify(text), () => assert.equal(goJsonSyntaxError(Buffer.from(text)), wanted))
  }

  test('is nothing of what is JSON, and something of all else', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '1', '-0.5e+3', 'null', ' ')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.array(piece).map((all) => all.join('')),
        ),
        (text) => {
          let isJson = true
          try {
            JSON.parse(text)
          } catch {
            isJson = false
          }
          assert.equal(goJsonSyntaxError(Buffer.from(text)) === undefined, isJson, text)
        },
      ),
    )
  })
})

describe('options of a request', () => {
  test('are taken with names in any case; unknown ones and null say nothing', () => {
    assert.deepEqual(read('CONNZ', '{"LIMIT":3,"limit":null,"nothing":[{}],"tags":["a",null]}'), {
      ok: true,
      values: { limit: 3, tags: ['a', ''] },
    })
    assert.deepEqual(read('VARZ', ''), { ok: true, values: {} })
    assert.deepEqual(read('VARZ', 'null'), { ok: true, values: {} })
  })

  test('of the wrong type are refused in the words of Go', () => {
    const place = (of: string) => `json: cannot unmarshal ${of}`
    const errorOf = (name: string, body: string) => {
      const result = read(name, body)
      return result.ok ? '' : result.error
    }
    assert.equal(
      errorOf('SUBSZ', '{"offset":9223372036854775808}'),
      place(
        'number 9223372036854775808 into Go struct field SubszEventOptions.SubszOptions.offset of type int',
      ),
    )
    assert.equal(
      errorOf('JSZ', '{"streams":"x","limit":{}}'),
      place('string into Go struct field JszEventOptions.JSzOptions.streams of type bool'),
    )
    assert.equal(
      errorOf('KICK', '7'),
      place('number into Go value of type server.EventFilterOptions'),
    )
  })

  test('choose servers by name, host, cluster, tags and domain', () => {
    const server = { name: 'n1', host: '10.0.0.1', cluster: 'c1', domain: '', tags: ['a', 'b:c'] }
    const MEANT = [
      {},
      { server_name: '', host: '', cluster: '' },
      { server_name: 'n' },
      { server_name: 'n1', exact_match: true },
      { host: '0.0', cluster: 'c1', tags: ['B:C ', 'a'] },
    ]
    const NOT_MEANT = [
      { server_name: 'n', exact_match: true },
      { server_name: 'N1' },
      { cluster: 'c2' },
      { host: '10.0.0.1', cluster: 'c', exact_match: true },
      { tags: ['a', 'x'] },
      { domain: 'd' },
    ]
    for (const options of MEANT) assert.ok(isMeant(options, server), JSON.stringify(options))
    for (const options of NOT_MEANT) assert.ok(!isMeant(options, server), JSON.stringify(options))
  })
})
