import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineLogger } from '../../src/base/log-line.ts'
import { defaultOptions, type Options } from '../../src/config/options.ts'
import { SystemTrace } from '../../src/workers/system/system-trace.ts'

/** What is logged of a subscription and two messages. */
function linesWith(given: Partial<Options>, trace = true): readonly string[] {
  const lines: string[] = []
  const log = new LineLogger({ debug: false, trace }, (_level, text) => lines.push(text))
  const options: Options = { ...defaultOptions(), ...given }
  const traced = new SystemTrace(log, () => options)
  traced.subscribed('a.*', '', 7)
  traced.unsubscribed(7)
  traced.published({ subject: 'a.b', payload: Buffer.from('hello') })
  const headers = Buffer.from('NATS/1.0\r\nA: b\r\n\r\n')
  traced.published({ subject: 'a.b', reply: 'r', headers, payload: Buffer.from('hi') })
  return lines
}

test('what the broker does in the system account is traced like a client', () => {
  assert.deepEqual(linesWith({ traceVerbose: true }), [
    'SYSTEM - <<- [SUB a.*  7]',
    'SYSTEM - <-> [DELSUB 7]',
    'SYSTEM - <<- [PUB a.b  5]',
    'SYSTEM - <<- MSG_PAYLOAD: ["hello"]',
    'SYSTEM - <<- [HPUB a.b r 18 20]',
    String.raw`SYSTEM - <<- MSG_PAYLOAD: ["NATS/1.0\r\nA: b\r\n\r\nhi"]`,
  ])
})

test('of its messages only as much is shown as of others', () => {
  const lines = linesWith({ traceVerbose: true, traceHeaders: true, maxTracedMsgLen: 6 })
  assert.deepEqual(
    lines.filter((line) => line.includes('MSG_PAYLOAD')),
    ['SYSTEM - <<- MSG_PAYLOAD: ["NATS/1..."]'],
  )
})

test('it is traced only where trace_verbose is on', () => {
  assert.deepEqual(linesWith({ traceVerbose: false }), [])
  assert.deepEqual(linesWith({ traceVerbose: true }, false), [])
})
