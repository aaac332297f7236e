/**
 * What connections may publish and be sent: patterns of subjects in blocks of the sublist's memory,
 * written by the routing worker and freed by epochs like everything there, read by whoever makes a
 * plan. A verdict is part of a plan, so that it costs nothing per message.
 */
import {
  PERMISSIONS_ALLOWED,
  PERMISSIONS_DENIED,
  PERMISSIONS_GROUPS,
  PERMISSIONS_HAS_ALLOW,
  PERMISSIONS_PATTERNS,
  PERMISSION_BYTES,
  PERMISSION_TEXT,
} from './layout'
import { hasEmptyToken } from './sublist'

const DOT: u8 = 46
const STAR: u8 = 42
const FULL: u8 = 62

// First words of subjects that nobody's permissions were written for.
const JETSTREAM: u32 = 0x2e534a24 // "$JS."
const JETSTREAM_API: u32 = 0x2e495041 // "API."
const JETSTREAM_ACK: u32 = 0x2e4b4341 // "ACK."
const KEY_VALUE: u32 = 0x2e564b24 // "$KV."
const OBJECT: u32 = 0x4a424f24 // "$OBJ"
const SERVICE_REPLY: u32 = 0x2e5f525f // "_R_."
const GATEWAY: u32 = 0x5f52475f // "_GR_"
const GATEWAY_OLD: u32 = 0x2e524724 // "$GR."
/** `_GR_.`, two hashes of six characters, each with its dot: what routes a reply. */
const GATEWAY_PREFIX_BYTES: u32 = 19
/** `$GR.` and a hash of four characters with its dot. */
const GATEWAY_OLD_PREFIX_BYTES: u32 = 9

// ── subjects that have rules of their own ───────────────────────────────────────────────────

/**
 * nats-server never lets these cross a leaf link under their own names (JetStream, KV, objects).
 * It takes them when they come.
 */
export function isDeniedOnLeafs(subject: u32, bytes: u32): bool {
  if (bytes < 5) return false
  const head = load<u32>(subject)
  if (head == JETSTREAM) return bytes > 8 && load<u32>(subject, 4) == JETSTREAM_API
  if (head == KEY_VALUE) return true
  return head == OBJECT && load<u8>(subject, 4) == DOT && bytes > 5
}

/** `_R_.…` and `$JS.ACK.…`: a peer may always send these, as in nats-server. */
export function isServiceReply(subject: u32, bytes: u32): bool {
  if (bytes < 5) return false
  const head = load<u32>(subject)
  if (head == SERVICE_REPLY) return true
  return head == JETSTREAM && bytes > 8 && load<u32>(subject, 4) == JETSTREAM_ACK
}

/** Bytes in front of the subject that a gateway's reply is really for; 0 = it is none. */
export function gatewayPrefixBytes(subject: u32, bytes: u32): u32 {
  if (bytes <= GATEWAY_OLD_PREFIX_BYTES) return 0
  const head = load<u32>(subject)
  if (head == GATEWAY_OLD) return GATEWAY_OLD_PREFIX_BYTES
  const isGateway =
    head == GATEWAY && load<u8>(subject, 4) == DOT && bytes > GATEWAY_PREFIX_BYTES
  return isGateway ? GATEWAY_PREFIX_BYTES : 0
}

// ── verdicts ────────────────────────────────────────────────────────────────────────────────

/**
 * Whether a literal subject may cross a leaf link: it is allowed and not denied. Permissions 0 =
 * everything may.
 */
export function permits(permissions: u32, subject: u32, bytes: u32): bool {
  if (permissions == 0) return true
  const prefix = gatewayPrefixBytes(subject, bytes)
  return permitsInner(permissions, subject + prefix, bytes - prefix)
}

/** Whether a client may publish on a literal subject. */
export function permitsClient(permissions: u32, subject: u32, bytes: u32): bool {
  return permissions == 0 || permitsInner(permissions, subject, bytes)
}

function permitsInner(permissions: u32, subject: u32, bytes: u32): bool {
  let at = permissions + PERMISSIONS_PATTERNS
  let isAllowed = load<u32>(permissions, PERMISSIONS_HAS_ALLOW) == 0
  // Such a subject is none: no pattern matches it.
  if (hasEmptyToken(subject, bytes)) return isAllowed
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

/** Whether nothing denies a literal subject to one queue group; it must be permitted besides. */
export function permitsGroup(
  permissions: u32,
  subject: u32,
  bytes: u32,
  name: u32,
  nameBytes: u32,
): bool {
  if (permissions == 0) return true
  const prefix = gatewayPrefixBytes(subject, bytes)
  return permitsGroupInner(permissions, subject + prefix, bytes - prefix, name, nameBytes)
}

/**
 * Whether a message may be delivered to a client's subscription.
 * @param denies block, of which only what it denies is looked at
 * @param nameBytes 0 = plain subscription
 */
export function permitsDelivery(
  denies: u32,
  subject: u32,
  bytes: u32,
  name: u32,
  nameBytes: u32,
): bool {
  let at = denies + PERMISSIONS_PATTERNS
  for (let i = load<u32>(denies, PERMISSIONS_ALLOWED); i > 0; i--) at = nextPattern(at)
  for (let i = load<u32>(denies, PERMISSIONS_DENIED); i > 0; i--) {
    if (covers(at, subject, bytes)) return false
    at = nextPattern(at)
  }
  return nameBytes == 0 || permitsGroupInner(denies, subject, bytes, name, nameBytes)
}

function permitsGroupInner(
  permissions: u32,
  subject: u32,
  bytes: u32,
  name: u32,
  nameBytes: u32,
): bool {
  const groups = load<u32>(permissions, PERMISSIONS_GROUPS)
  if (groups == 0) return true
  let at = permissions + PERMISSIONS_PATTERNS
  let skipped = load<u32>(permissions, PERMISSIONS_ALLOWED)
  skipped += load<u32>(permissions, PERMISSIONS_DENIED)
  for (; skipped > 0; skipped--) at = nextPattern(at)
  for (let i = groups; i > 0; i--) {
    const group = nextPattern(at)
    if (covers(at, subject, bytes) && coversGroup(group, name, nameBytes)) return false
    at = nextPattern(group)
  }
  return true
}

function nextPattern(at: u32): u32 {
  return at + PERMISSION_TEXT + ((load<u32>(at, PERMISSION_BYTES) + 3) & ~3)
}

/** Whether the pattern at `at` matches a literal subject, token by token. */
function covers(at: u32, subject: u32, bytes: u32): bool {
  return coversTokens(at, subject, bytes, false)
}

/**
 * Whether the pattern at `at` is a group's name or covers it. Names may look like patterns
 * themselves, and are then covered by wider ones only.
 */
function coversGroup(at: u32, name: u32, bytes: u32): bool {
  if (isSame(at + PERMISSION_TEXT, load<u32>(at, PERMISSION_BYTES), name, bytes)) return true
  return coversTokens(at, name, bytes, true)
}

function coversTokens(at: u32, text: u32, bytes: u32, isPattern: bool): bool {
  const pattern = at + PERMISSION_TEXT
  const patternEnd = pattern + load<u32>(at, PERMISSION_BYTES)
  const end = text + bytes
  let p = pattern
  let s = text
  while (p <= patternEnd && s <= end) {
    let pTo = p
    while (pTo < patternEnd && load<u8>(pTo) != DOT) pTo++
    let sTo = s
    while (sTo < end && load<u8>(sTo) != DOT) sTo++
    const isOne = pTo - p == 1
    if (isOne && load<u8>(p) == FULL) return true
    if (isPattern && sTo - s == 1 && load<u8>(s) == FULL) return false
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
