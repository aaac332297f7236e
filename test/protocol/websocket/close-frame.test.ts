import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOSED_STATES, type ClosedState } from '../../../src/protocol/closed-states.ts'
import {
  answerClose,
  closePayload,
  closePayloadOf,
  isValidCloseStatus,
} from '../../../src/protocol/websocket/close-frame.ts'

function statusOf(payload: Uint8Array): number {
  return payload[0]! * 256 + payload[1]!
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.subarray(2)).toString()
}

test('the status tells why the server closes, the text is that of the closed state', () => {
  const expected: Partial<Record<ClosedState, number>> = {
    clientClosed: 1000,
    authenticationTimeout: 1008,
    authenticationFailure: 1008,
    slowConsumerPendingBytes: 1008,
    slowConsumerWriteDeadline: 1008,
    maxConnectionsExceeded: 1008,
    maxControlLineExceeded: 1008,
    maxSubscriptionsExceeded: 1008,
    tlsHandshakeFailure: 1015,
    parseError: 1002,
    protocolViolation: 1002,
    badClientProtocolVersion: 1002,
    maxPayloadExceeded: 1009,
    writeError: 1001,
    readError: 1001,
    staleConnection: 1001,
    serverShutdown: 1001,
    duplicateRoute: 1011,
    kicked: 1011,
  }
  for (const [reason, status] of Object.entries(expected)) {
    const payload = closePayloadOf(reason as ClosedState)
    assert.equal(statusOf(payload), status, reason)
    assert.equal(textOf(payload), CLOSED_STATES[reason as ClosedState])
  }
})

test('a long text is cut to what a control frame holds', () => {
  assert.equal(textOf(closePayload(1002, 'x'.repeat(123))), 'x'.repeat(123))
  const cut = closePayload(1002, 'x'.repeat(124))
  assert.equal(cut.length, 125)
  assert.equal(textOf(cut), `${'x'.repeat(120)}...`)
})

test('statuses that may be in a frame', () => {
  const valid = [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999]
  const invalid = [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535]
  for (const status of valid) assert.equal(isValidCloseStatus(status), true, `${status}`)
  for (const status of invalid) assert.equal(isValidCloseStatus(status), false, `${status}`)
})

test('a close frame is answered with what it says, unless it is malformed', () => {
  const empty = new Uint8Array(0)
  assert.deepEqual(answerClose(empty), { answer: empty })
  const goingAway = closePayload(1001, 'bye')
  assert.deepEqual(answerClose(goingAway), { answer: goingAway })
  assert.deepEqual(answerClose(Uint8Array.of(3)), {
    violation: 'close frame payload cannot be 1 byte',
  })
  assert.deepEqual(answerClose(closePayload(1005, '')), {
    violation: 'invalid close status code 1005',
  })
  const answer = answerClose(Uint8Array.of(0x03, 0xe8, 0xff, 0xfe))
  assert.ok('answer' in answer)
  assert.equal(statusOf(answer.answer), 1007)
  assert.equal(textOf(answer.answer), 'invalid utf8 body in close frame')
})
