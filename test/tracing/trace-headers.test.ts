import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readTraceRequest } from '../../src/monitor/trace/trace-headers.ts'

function read(...lines: readonly string[]) {
  const block = ['NATS/1.0', ...lines, '', ''].join('\r\n')
  return readTraceRequest(Buffer.from(block, 'latin1'))
}

describe('what headers ask for', () => {
  test('a destination', () => {
    const request = read('A: 1', 'Nats-Trace-Dest:  tr.dest\t', 'A: 2', 'B:')
    assert.equal(request?.dest, 'tr.dest')
    assert.equal(request?.isExternal, false)
    assert.deepEqual(
      [...request.headers],
      [
        ['A', ['1', '2']],
        ['Nats-Trace-Dest', ['tr.dest']],
      ],
    )
  })

  const NONE: readonly (readonly [why: string, ...lines: string[]])[] = [
    ['another case', 'nats-trace-dest: tr'],
    ['no value', 'Nats-Trace-Dest: '],
    ['told not to', 'Nats-Trace-Dest: trace disabled'],
    ['told not to, whatever else', 'Nats-Trace-Dest: trace disabled', `traceparent: ${'0-0-0-01'}`],
    ['a blank before the colon', 'Nats-Trace-Dest : tr'],
    ['swallowed by a line without a colon', 'nonsense', 'Nats-Trace-Dest: tr'],
    ['only', 'Nats-Trace-Only: true'],
    ['flags of one digit', 'traceparent: 0-0-0-1'],
    ['flags of three digits', 'traceparent: 0-0-0-001'],
    ['not sampled', 'traceparent: 0-0-0-02'],
    ['more than a signed byte', 'traceparent: 0-0-0-ff'],
    ['three fields', 'traceparent: 0-0-01'],
  ]
  for (const [why, ...lines] of NONE) {
    test(`nothing: ${why}`, () => assert.equal(read(...lines), undefined))
  }

  test('nothing, with a status in the first line', () => {
    const block = Buffer.from('NATS/1.0 503\r\nNats-Trace-Dest: tr\r\n\r\n')
    assert.equal(readTraceRequest(block), undefined)
  })

  test('a parent that is sampled, in any case', () => {
    for (const line of ['traceparent: 0-0-0-01', 'TraceParent:0-0-0-7f']) {
      const request = read('Nats-Trace-Only: true', line)
      assert.deepEqual([request?.isExternal, request?.isOnly, request?.dest], [true, false, ''])
    }
  })

  test('a destination rather than a parent', () => {
    const request = read('traceparent: 0-0-0-01', 'Nats-Trace-Dest: tr', 'Nats-Trace-Only: ON')
    assert.deepEqual([request?.isExternal, request?.isOnly, request?.dest], [false, true, 'tr'])
  })

  test('a block that is cut off counts as far as its lines are whole', () => {
    const whole = 'NATS/1.0\r\nNats-Trace-Dest: tr\r\nNats-Trace-Only: true\r\n\r\n'
    const at = (bytes: number) => readTraceRequest(Buffer.from(whole).subarray(0, bytes))
    assert.equal(at(28), undefined)
    assert.equal(at(40)?.dest, 'tr')
    assert.equal(at(40)?.isOnly, false)
    assert.equal(at(whole.length)?.isOnly, true)
  })

  test('an encoding', () => {
    const of = (value: string) => read('Nats-Trace-Dest: tr', `Accept-Encoding: ${value}`)?.encoding
    assert.deepEqual(['s2, gzip', 'x, GZIP', 'br'].map(of), ['snappy', 'gzip', 'identity'])
    assert.equal(read('Nats-Trace-Dest: tr')?.encoding, 'none')
  })
})
