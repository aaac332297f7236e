/**
 * Subjects that somebody watches now and then: a message that matches is left to TypeScript, which
 * says where it goes. The list is short, and empty most of the time.
 *
 *   list: (account record, 0 = any; permissions that allow the subject) …
 */
import { CONNECTION_ACCOUNT } from './layout'
import { permitsClient } from './permissions'

const TAP_BYTES: u32 = 8

let taps: u32 = 0
let tapCount: u32 = 0
let toSkip: u32 = 0

/**
 * @param at address of the list, which stays the caller's; count 0 = nobody watches now
 * @param skip so many messages that match are passed over first
 */
export function setTaps(at: u32, count: u32, skip: u32): void {
  taps = at
  tapCount = count
  toSkip = skip
}

@inline
export function hasTaps(): bool {
  return tapCount != 0
}

/** Hot. */
@inline
export function isTapped(connection: u32, subject: u32, bytes: u32): bool {
  return tapCount != 0 && matchesTap(connection, subject, bytes)
}

function matchesTap(connection: u32, subject: u32, bytes: u32): bool {
  const source = load<u32>(connection, CONNECTION_ACCOUNT)
  const end = taps + tapCount * TAP_BYTES
  for (let at = taps; at < end; at += TAP_BYTES) {
    const account = load<u32>(at)
    if (account != 0 && account != source) continue
    if (!permitsClient(load<u32>(at, 4), subject, bytes)) continue
    if (toSkip == 0) return true
    toSkip--
    return false
  }
  return false
}
