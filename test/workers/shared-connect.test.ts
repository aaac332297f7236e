import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONNECT_DEFAULTS, decodeConnect } from '../../src/protocol/connect.ts'
import { decodeClientConnect } from '../../src/workers/clients/shared-connect.ts'

const PLAIN = '{"verbose":false,"lang":"go","version":"1.2.3","headers":true}'

test('clients that say the same share what it means', () => {
  const first = decodeClientConnect(PLAIN, CONNECT_DEFAULTS)
  assert.deepEqual(first, decodeConnect(PLAIN, CONNECT_DEFAULTS))
  assert.equal(decodeClientConnect(PLAIN, CONNECT_DEFAULTS), first)
})

test('what an earlier CONNECT has said stays', () => {
  const before = { ...CONNECT_DEFAULTS, name: 'before' }
  const decoded = decodeClientConnect(PLAIN, before)
  assert.ok(decoded.ok)
  assert.equal(decoded.options.name, 'before')
})

test('what may hold a secret is not kept, nor what makes no sense', () => {
  for (const text of [
    '{"user":"bob","pass":"secret"}',
    '{"auth_token":"secret"}',
    '{"jwt":"secret","sig":"x"}',
    '{"verbose":',
  ]) {
    const first = decodeClientConnect(text, CONNECT_DEFAULTS)
    assert.notEqual(decodeClientConnect(text, CONNECT_DEFAULTS), first)
  }
})

test('however many different ones come, few are kept', () => {
  const texts = Array.from({ length: 200 }, (_, i) => `{"name":"${i}"}`)
  const decoded = texts.map((text) => decodeClientConnect(text, CONNECT_DEFAULTS))
  const again = texts.map((text) => decodeClientConnect(text, CONNECT_DEFAULTS))
  assert.ok(again.filter((one, i) => one === decoded[i]).length <= 64)
  assert.deepEqual(again, decoded)
})
