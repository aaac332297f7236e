import { assert } from '../../base/assert.ts'
import type { ClosedState } from '../../protocol/closed-states.ts'
import { VIOLATIONS, type ViolationName } from '../../protocol/violations.ts'

/** The text for the peer, where a violation has one. */
export function wireOf(which: ViolationName): string {
  const { wire } = VIOLATIONS[which]
  assert(wire !== null, 'violation has a text for the peer', { which })
  return wire
}

/** Why the link ends, where a violation ends it. */
export function closedStateOf(which: ViolationName): ClosedState {
  const { closedState } = VIOLATIONS[which]
  assert(closedState !== null, 'violation ends the connection', { which })
  return closedState
}
