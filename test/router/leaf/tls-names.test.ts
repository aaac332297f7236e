import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TlsNames } from '../../../src/router/leaf/tls-names.ts'

test('a name is asked for as it is, an address by the first name that was seen', () => {
  const names = new TlsNames()
  names.see('10.0.0.1')
  assert.equal(names.nameFor('10.0.0.1'), '10.0.0.1')
  names.see('hub.example')
  names.see('other.example')
  assert.equal(names.nameFor('10.0.0.1'), 'hub.example')
  assert.equal(names.nameFor('::1'), 'hub.example')
  assert.equal(names.nameFor('other.example'), 'other.example')
})

test('what only looks like an address is a name', () => {
  for (const host of ['10.0.0', '10.0.0.256', '010.0.0.1', '1.2.3.4.5', 'a.0.0.1', 'hub']) {
    const names = new TlsNames()
    names.see(host)
    assert.equal(names.nameFor('10.0.0.1'), host)
  }
})

test('a mismatch of the remembered name makes the next attempt use the address', () => {
  const names = new TlsNames()
  names.see('hub.example')
  names.see('other.example')
  names.onMismatch('other.example')
  assert.equal(names.nameFor('10.0.0.1'), 'hub.example')
  names.onMismatch('10.0.0.1')
  assert.equal(names.nameFor('10.0.0.1'), '10.0.0.1')
  names.onMismatch('10.0.0.1')
  names.see('other.example')
  assert.equal(names.nameFor('10.0.0.1'), 'other.example')
})
