import assert from 'node:assert/strict'
import test from 'node:test'
import { CLOSED_STATES } from '../../src/protocol/closed-states.ts'
import {
  errorLine,
  leafGatewayText,
  leafLoopText,
  leafMinimumVersionText,
  publishPermissionText,
  replyPermissionText,
  subscriptionPermissionText,
  subscriptionRemovedText,
  tooManyTokensText,
  VIOLATIONS,
  type Violation,
} from '../../src/protocol/violations.ts'

const ROWS: readonly (readonly [name: string, violation: Violation])[] = Object.entries(VIOLATIONS)

test('every violation has a code of its own', () => {
  const codes = ROWS.map(([, { code }]) => code)
  assert.equal(new Set(codes).size, codes.length)
  for (const code of codes) assert.match(code, /^BRK_[A-Z_]+$/)
})

test('a violation either closes with a reason or has a text for the peer', () => {
  for (const [name, { closes, closedState, wire }] of ROWS) {
    if (closes) assert.ok(closedState !== null && closedState in CLOSED_STATES, name)
    else assert.ok(closedState === null && wire !== null, name)
  }
})

test('texts fit between the quotes of one line', () => {
  for (const [name, { wire }] of ROWS) if (wire !== null) assert.match(wire, /^[^'\r\n]+$/, name)
  assert.equal(
    errorLine(VIOLATIONS.unknownProtocolOperation.wire),
    "-ERR 'Unknown Protocol Operation'\r\n",
  )
})

test('permission texts quote names as Go does', () => {
  assert.equal(publishPermissionText('a"b'), 'Permissions Violation for Publish to "a\\"b"')
  assert.equal(
    publishPermissionText(Uint8Array.of(0x61, 0xff)),
    'Permissions Violation for Publish to "a\\xff"',
  )
  assert.equal(
    replyPermissionText('_R_.x'),
    'Permissions Violation for Publish with Reply of "_R_.x"',
  )
  assert.equal(subscriptionPermissionText('foo'), 'Permissions Violation for Subscription to "foo"')
  assert.equal(
    subscriptionPermissionText('foo', 'q'),
    'Permissions Violation for Subscription to "foo" using queue "q"',
  )
  assert.equal(
    subscriptionRemovedText('foo', '7'),
    'Permissions Violation for Subscription to "foo" (sid "7")',
  )
  assert.equal(
    subscriptionRemovedText('foo', '7', 'q'),
    'Permissions Violation for Subscription to "foo" using queue "q" (sid "7")',
  )
  assert.equal(
    tooManyTokensText('a.b'),
    'Permissions Violation for Subscription to "a.b", too many tokens',
  )
})

test('texts between servers name account, version and gateway', () => {
  assert.equal(
    leafLoopText('$G'),
    'Loop detected for leafnode account="$G". Delaying attempt to reconnect for 30s',
  )
  assert.equal(
    leafMinimumVersionText('2.11.0'),
    'connection rejected since minimum version required is "2.11.0"',
  )
  assert.equal(leafGatewayText('G'), 'Rejecting connection from gateway "G" on the leafnode port')
})
