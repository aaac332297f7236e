/**
 * What may cross a leaf link: patterns of subjects in the sublist's memory, written by the routing
 * worker and freed by epochs like everything there, read by whoever makes a plan. A verdict is part
 * of a plan, so that it costs nothing per message.
 */
import {
  PERMISSIONS_ALLOWED,
  PERMISSIONS_BYTES,
  PERMISSIONS_DENIED,
  PERMISSIONS_HAS_ALLOW,
  PERMISSIONS_PATTERNS,
  PERMISSION_BYTES,
  PERMISSION_TEXT,
} from './layout'
import { retire, take } from './sublist'

const DOT: u8 = 46
const STAR: u8 = 42
const FULL: u8 = 62

/** Room for permissions; TypeScript fills it before it sets it in a connection's record. */
export function createPermissions(bytes: u32): u32 {
  const permissions = take(bytes)
  if (permissions != 0) store<u32>(permissions, bytes, PERMISSIONS_BYTES)
  return permissions
}

/** To be called once no record points to them. */
export function retirePermissions(permissions: u32): void {
  retire(permissions, load<u32>(permissions, PERMISSIONS_BYTES))
}

/** Whether a literal subject is allowed and not denied; permissions 0 = everything is. */
export function permits(permissions: u32, subject: u32, bytes: u32): bool {
  if (permissions == 0) return true
  let at = permissions + PERMISSIONS_PATTERNS
  let isAllowed = load<u32>(permissions, PERMISSIONS_HAS_ALLOW) == 0
  for (let i = load<u32>(permissions, PERMISSIONS_ALLOWED); i > 0; i--) {
    if (!isAllowed) isAllowed = covers(at, subject, bytes)
    at = nextPattern(at)
  }
  if (!isAllowed) return false
  for (let i = load<u32>(permissions, PERMISSIONS_DENIED); i > 0; i--) {
    if (covers(at, subject, bytes)) return false
    at = nextPattern(at)
  }
  return true
}

function nextPattern(at: u32): u32 {
  return at + PERMISSION_TEXT + ((load<u32>(at, PERMISSION_BYTES) + 3) & ~3)
}

/** Whether the pattern at `at` matches a literal subject, token by token. */
function covers(at: u32, subject: u32, bytes: u32): bool {
  const pattern = at + PERMISSION_TEXT
  const patternEnd = pattern + load<u32>(at, PERMISSION_BYTES)
  const end = subject + bytes
  let p = pattern
  let s = subject
  while (p <= patternEnd && s <= end) {
    let pTo = p
    while (pTo < patternEnd && load<u8>(pTo) != DOT) pTo++
    let sTo = s
    while (sTo < end && load<u8>(sTo) != DOT) sTo++
    const isOne = pTo - p == 1
    if (isOne && load<u8>(p) == FULL) return true
    if (!(isOne && load<u8>(p) == STAR) && !isSame(p, pTo - p, s, sTo - s)) return false
    if (pTo == patternEnd || sTo == end) return pTo == patternEnd && sTo == end
    p = pTo + 1
    s = sTo + 1
  }
  return false
}

function isSame(a: u32, aBytes: u32, b: u32, bBytes: u32): bool {
  if (aBytes != bBytes) return false
  for (let i: u32 = 0; i < aBytes; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false
  return true
}
