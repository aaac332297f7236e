import { isUtf8 } from 'node:buffer'
import { CLOSED_STATES, type ClosedState } from '../closed-states.ts'
import { CONTROL_PAYLOAD_BYTES_MAX } from './frame-header.ts'

/** Statuses of RFC 6455, section 7.4.1, that a server sends. */
const CLOSE_NORMAL = 1000
const CLOSE_GOING_AWAY = 1001
export const CLOSE_PROTOCOL_ERROR = 1002
const CLOSE_INVALID_PAYLOAD = 1007
const CLOSE_POLICY_VIOLATION = 1008
const CLOSE_TOO_BIG = 1009
const CLOSE_INTERNAL_ERROR = 1011
const CLOSE_TLS_HANDSHAKE = 1015

/** Never in a frame: "no status was there", "connection was lost", and one without a meaning. */
const RESERVED_STATUSES: ReadonlySet<number> = new Set([1004, 1005, 1006, CLOSE_TLS_HANDSHAKE])
const FIRST_UNASSIGNED_STATUS = 1016
const FIRST_REGISTERED_STATUS = 3000
const STATUS_BYTES = 2
const ELLIPSIS = '...'

/** What the other states give; those that are absent are internal errors. Source: nats-server. */
const STATUS_OF: Partial<Record<ClosedState, number>> = {
  clientClosed: CLOSE_NORMAL,
  authenticationTimeout: CLOSE_POLICY_VIOLATION,
  authenticationFailure: CLOSE_POLICY_VIOLATION,
  slowConsumerPendingBytes: CLOSE_POLICY_VIOLATION,
  slowConsumerWriteDeadline: CLOSE_POLICY_VIOLATION,
  maxAccountConnectionsExceeded: CLOSE_POLICY_VIOLATION,
  maxConnectionsExceeded: CLOSE_POLICY_VIOLATION,
  maxControlLineExceeded: CLOSE_POLICY_VIOLATION,
  maxSubscriptionsExceeded: CLOSE_POLICY_VIOLATION,
  missingAccount: CLOSE_POLICY_VIOLATION,
  authenticationExpired: CLOSE_POLICY_VIOLATION,
  credentialsRevoked: CLOSE_POLICY_VIOLATION,
  tlsHandshakeFailure: CLOSE_TLS_HANDSHAKE,
  parseError: CLOSE_PROTOCOL_ERROR,
  protocolViolation: CLOSE_PROTOCOL_ERROR,
  badClientProtocolVersion: CLOSE_PROTOCOL_ERROR,
  maxPayloadExceeded: CLOSE_TOO_BIG,
  writeError: CLOSE_GOING_AWAY,
  readError: CLOSE_GOING_AWAY,
  staleConnection: CLOSE_GOING_AWAY,
  serverShutdown: CLOSE_GOING_AWAY,
}

/** Payload of the close frame with which a connection ends. */
export function closePayloadOf(reason: ClosedState): Uint8Array {
  return closePayload(STATUS_OF[reason] ?? CLOSE_INTERNAL_ERROR, CLOSED_STATES[reason])
}

/** @param text cut when it is longer than a control frame may be, and then ends in `...` */
export function closePayload(status: number, text: string): Uint8Array {
  const bodyBytesMax = CONTROL_PAYLOAD_BYTES_MAX - STATUS_BYTES
  let body = Buffer.from(text)
  if (body.length > bodyBytesMax) {
    body = Buffer.concat([body.subarray(0, bodyBytesMax - ELLIPSIS.length), Buffer.from(ELLIPSIS)])
  }
  const payload = new Uint8Array(STATUS_BYTES + body.length)
  payload[0] = status >>> 8
  payload[1] = status
  payload.set(body, STATUS_BYTES)
  return payload
}

export function isValidCloseStatus(status: number): boolean {
  if (status < CLOSE_NORMAL || status >= 5000 || RESERVED_STATUSES.has(status)) return false
  return status < FIRST_UNASSIGNED_STATUS || status >= FIRST_REGISTERED_STATUS
}

/** A peer's close frame: the payload to answer with, or what is wrong with it. */
export type CloseAnswer = { readonly answer: Uint8Array } | { readonly violation: string }

/** An empty payload is answered by an empty one, a text that is no UTF-8 by status 1007. */
export function answerClose(payload: Uint8Array): CloseAnswer {
  if (payload.length === 0) return { answer: payload }
  if (payload.length < STATUS_BYTES) return { violation: 'close frame payload cannot be 1 byte' }
  const status = payload[0]! * 256 + payload[1]!
  if (!isValidCloseStatus(status)) return { violation: `invalid close status code ${status}` }
  if (isUtf8(payload.subarray(STATUS_BYTES))) return { answer: payload }
  return { answer: closePayload(CLOSE_INVALID_PAYLOAD, 'invalid utf8 body in close frame') }
}
