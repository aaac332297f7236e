import assert from 'node:assert/strict'
import test from 'node:test'
import {
  encodeHeaders,
  findHeader,
  isHeaderBlock,
  noResponders,
  readStatus,
  stripHeaders,
} from '../../src/protocol/headers.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

test('nobody listening is told with the subject asked for, byte for byte', () => {
  assert.equal(
    noResponders(bytes('_INBOX.a.1'), bytes('1'), bytes('svc.echo')).toString('latin1'),
    'HMSG _INBOX.a.1 1 40 40\r\nNATS/1.0 503\r\nNats-Subject: svc.echo\r\n\r\n\r\n',
  )
  const line = noResponders(bytes('r'), bytes('s'), bytes('\xff'.repeat(70)))
  const [head = ''] = line.toString('latin1').split('\r\n')
  assert.equal(head, 'HMSG r s 102 102')
  assert.equal(line.length, head.length + 2 + 102 + 2)
})

test('a header block starts with the version and ends with an empty line', () => {
  const block = (text: string) => isHeaderBlock(bytes(`x${text}x`), 1, text.length + 1)
  assert.equal(block('NATS/1.0\r\n\r\n'), true)
  assert.equal(block('NATS/1.0 503\r\nA: b\r\n\r\n'), true)
  for (const bad of ['', 'NATS/1.0', 'NATS/1.0\r\n', 'NATS/1.0\r\nA: b\r\n', 'NATS/2.0\r\n\r\n']) {
    assert.equal(block(bad), false, bad)
  }
  assert.equal(block('nats/1.0\r\n\r\n'), false)
})

test('status and description are read from the first line', () => {
  const status = (text: string) => readStatus(bytes(text), 0, text.length)
  assert.deepEqual(status('NATS/1.0 503\r\n\r\n'), { code: 503, description: '' })
  assert.deepEqual(status('NATS/1.0 408 Request Timeout\r\nA: b\r\n\r\n'), {
    code: 408,
    description: 'Request Timeout',
  })
  assert.equal(status('NATS/1.0\r\n\r\n'), null)
  assert.equal(status('NATS/1.0 abc\r\n\r\n'), null)
  assert.equal(status('hello'), null)
})

test('a header is found by its exact key, its leading spaces are not part of it', () => {
  const text =
    'NATS/1.0\r\nNats-Trace-Dest-X: no\r\nnats-trace-dest: no\r\n' +
    'Nats-Trace-Dest:   a b \r\nE:\r\n\r\n'
  const find = (key: string) => findHeader(bytes(text), 0, text.length, key)
  assert.equal(find('Nats-Trace-Dest'), 'a b ')
  assert.equal(find('E'), '')
  assert.equal(find('Nats'), undefined)
  assert.equal(find('NATS/1.0'), undefined)
  assert.equal(find(''), undefined)
  assert.equal(findHeader(bytes(text), 0, 20, 'Nats-Trace-Dest-X'), undefined)
})

test('the first of two headers with one key counts', () => {
  const text = 'NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n'
  assert.equal(findHeader(bytes(text), 0, text.length, 'A'), '1')
})

test('headers are written in order', () => {
  const block = encodeHeaders([
    ['A', '1'],
    ['B', 'é'],
  ])
  assert.equal(block.toString(), 'NATS/1.0\r\nA: 1\r\nB: é\r\n\r\n')
  assert.equal(encodeHeaders([], '503').toString(), 'NATS/1.0 503\r\n\r\n')
  assert.equal(isHeaderBlock(block, 0, block.length), true)
})

test('a message without its header block is the payload', () => {
  const message = bytes('NATS/1.0\r\n\r\nhello')
  assert.equal(Buffer.from(stripHeaders(message, 12)).toString(), 'hello')
  assert.equal(stripHeaders(message, message.length).length, 0)
  assert.throws(() => stripHeaders(message, 100), /headerBytes=100, messageBytes=17/)
})
