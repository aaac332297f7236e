/**
 * Reads runs of SUB and UNSUB of clients that may subscribe to anything: as with messages,
 * everything odd is TypeScript's, which reads the same bytes again with the full grammar.
 */
import {
  CONNECTION_CONTROL_LINE_MAX,
  CONNECTION_SUB_COUNT,
  CONTROL_BYTES,
  CONTROL_GENERATION,
  CONTROL_SLOT,
  RECORD_KIND,
  RECORD_PADDING,
  RECORD_SUBSCRIBE,
  RECORD_UNSUBSCRIBE,
  ROUTER_THREAD,
  SUB_GENERATION,
} from './layout'
import { claim } from './lane'
import { CRLF, nextBlank } from './scan'
import { findBySid } from './sids'
import { createSubscription, removeSubscription } from './subscriptions'

/** Little-endian words, in lower case. */
const SUB: u32 = 0x20627573 //  "sub "
const UNSU: u32 = 0x75736e75 // "unsu"
const LOWER: u32 = 0x20202020
const DOT: u8 = 46
const FULL: u8 = 62
/** "_sys", and "_": the queue group that clients may not join is "_sys_". */
const SYSTEM_HEAD: u32 = 0x7379735f
const SYSTEM_LAST: u8 = 95
const SYSTEM_BYTES: u32 = 5

/** Lines that the last call has read. */
export let interestLines: u32 = 0

/**
 * Does what the lines from `from` on say, as long as they are plain and there is room for them.
 *
 * @param most lines; chosen by the caller, so that others get their turn
 * @param countMax subscriptions that the connection may have, 0 = any number
 * @param ends whether UNSUB is read: what came for the subscriptions has been delivered
 * @returns address behind the last of them
 */
export function ingestInterest(
  connection: u32,
  from: u32,
  to: u32,
  most: u32,
  countMax: u32,
  ends: bool,
): u32 {
  let at = from
  interestLines = 0
  for (; interestLines < most && at < to; interestLines++) {
    const verb = load<u32>(at) | LOWER
    let next = at
    if (verb == SUB) next = subscribeAt(connection, at, to, countMax)
    else if (verb == UNSU && ends) next = unsubscribeAt(connection, at, to)
    if (next == at) break
    at = next
  }
  return at
}

/** One SUB; returns its end, or `at`. */
function subscribeAt(connection: u32, at: u32, to: u32, countMax: u32): u32 {
  if (load<u8>(at + 3) != 32) return at
  const subject = at + 4
  let end = nextBlank(subject, to)
  const subjectBytes = end - subject
  if (end + 1 >= to || load<u8>(end) != 32 || !isSubject(subject, subjectBytes)) return at
  let sid = end + 1
  end = nextBlank(sid, to)
  if (end + 1 >= to || end == sid) return at
  let queue: u32 = 0
  let queueBytes: u32 = 0
  if (load<u8>(end) == 32) {
    queue = sid
    queueBytes = end - sid
    sid = end + 1
    end = nextBlank(sid, to)
    if (end + 1 >= to || end == sid || isSystemQueue(queue, queueBytes)) return at
  }
  if (load<u16>(end) != CRLF) return at
  if (end - subject > load<u32>(connection, CONNECTION_CONTROL_LINE_MAX)) return at
  if (countMax != 0 && load<u32>(connection, CONNECTION_SUB_COUNT) >= countMax) return at
  // A sid that is in use stays what it is.
  if (findBySid(connection, sid, end - sid) != 0) return end + 2
  const record = claim(ROUTER_THREAD, CONTROL_BYTES, RECORD_SUBSCRIBE)
  if (record == 0) return at
  const slot = createSubscription(
    connection,
    subject,
    subjectBytes,
    queue,
    queueBytes,
    sid,
    end - sid,
  )
  if (slot == 0) {
    store<u32>(record, RECORD_PADDING, RECORD_KIND)
    return at
  }
  store<u32>(record, slot, CONTROL_SLOT)
  store<u32>(record, load<u32>(slot, SUB_GENERATION), CONTROL_GENERATION)
  return end + 2
}

/** One UNSUB without a number of messages; returns its end, or `at`. */
function unsubscribeAt(connection: u32, at: u32, to: u32): u32 {
  const sid = at + 6
  if (sid > to || (load<u8>(at + 4) | 32) != 98 || load<u8>(at + 5) != 32) return at
  const end = nextBlank(sid, to)
  if (end + 1 >= to || end == sid || load<u16>(end) != CRLF) return at
  if (end - sid > load<u32>(connection, CONNECTION_CONTROL_LINE_MAX)) return at
  const slot = findBySid(connection, sid, end - sid)
  if (slot == 0) return end + 2
  const record = claim(ROUTER_THREAD, CONTROL_BYTES, RECORD_UNSUBSCRIBE)
  if (record == 0) return at
  removeSubscription(slot)
  store<u32>(record, slot, CONTROL_SLOT)
  store<u32>(record, load<u32>(slot, SUB_GENERATION), CONTROL_GENERATION)
  return end + 2
}

/** No empty token, `>` only as the last one. */
function isSubject(at: u32, bytes: u32): bool {
  let previous = DOT
  let isFull = false
  for (let i: u32 = 0; i < bytes; i++) {
    const c = load<u8>(at + i)
    if (c == DOT) {
      if (previous == DOT || isFull) return false
    } else {
      isFull = c == FULL && previous == DOT
    }
    previous = c
  }
  return previous != DOT
}

function isSystemQueue(at: u32, bytes: u32): bool {
  return (
    bytes == SYSTEM_BYTES &&
    load<u32>(at) == SYSTEM_HEAD &&
    load<u8>(at + SYSTEM_BYTES - 1) == SYSTEM_LAST
  )
}
