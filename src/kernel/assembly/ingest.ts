/**
 * Reads the bytes of a connection: well-formed PUB and HPUB (LMSG and HMSG on leaf links) are
 * delivered here, message by message; everything else, and everything odd, is TypeScript's.
 *
 * Odd is whatever needs a decision: other verbs, runs of blanks, tabs, lines that
 * are not complete, sizes over the limit, bad digits, a payload without CRLF, subjects that are
 * reserved or forbidden, headers that ask for a trace, subjects that are tapped. TypeScript reads
 * the same bytes again with the full grammar, so nothing is decided twice.
 */
import { deliver, DELIVER_FORBIDDEN, plainPlan, serviceCount } from './deliver'
import {
  CONNECTION_CONTROL_LINE_MAX,
  CONNECTION_FLAGS,
  CONNECTION_IN_BYTES,
  CONNECTION_IN_MSGS,
  CONNECTION_KIND,
  CONNECTION_PAYLOAD_MAX,
  FLAG_AWAITING_SUB,
  FLAG_CLOSED,
  FLAG_HEADERS,
  FLAG_NO_RESPONDERS,
  FLAG_PEDANTIC,
  FLAG_SLOW_PATH,
  FLAG_SPOKE,
  FLAG_TRACES_PARENTS,
  KIND_CLIENT,
  KIND_LEAF,
  STATUS_DONE,
  STATUS_FORBIDDEN,
  STATUS_IMPORTS,
  STATUS_LANE_FULL,
  STATUS_NO_RESPONDERS,
  STATUS_NO_SUBLIST,
  STATUS_OPERATION,
  THREAD_IN_BYTES,
  THREAD_IN_MSGS,
} from './layout'
import { readLeafLine } from './leaf-line'
import { check } from './memory'
import {
  headerBytes,
  replyBytes,
  setPayload,
  setQueues,
  setReply,
  setSizes,
  setSubject,
  subject,
  subjectBytes,
  totalBytes,
} from './message'
import { DELIVER_LANE_FULL } from './records'
import { ingestRepeats, repeats } from './repeats'
import { CRLF, nextBlank, NOT_A_SIZE, sizeAt } from './scan'
import { hasTaps, isTapped } from './taps'
import { threadBlock } from './thread'
import { mayBeTraced } from './trace-search'

/** What the last call of ingest or publish ended with, STATUS_*. */
export let status: u32 = 0
/** Whole bytes of the unfinished operation at the end, as far as known; 0 = not known. */
export let needBytes: u32 = 0
/** Receivers of the last message; service imports are none. */
export let delivered: u32 = 0

export function setStatus(value: u32): void {
  status = value
}

const PUB: u32 = 0x20627570 // "pub "
const HPUB: u32 = 0x62757068 // "hpub"
const LOWER: u32 = 0x20202020
const UNDERSCORE: u8 = 95
const DOLLAR: u8 = 36
const DOT: u8 = 46
const STAR: u8 = 42
const FULL: u8 = 62

/** "_GR_", "$NRG": subjects that only servers may use, and others that TypeScript handles. */
@inline
function isReservedSubject(at: u32, bytes: u32): bool {
  const first = load<u8>(at)
  if (first != UNDERSCORE && first != DOLLAR) return false
  const head = load<u32>(at)
  if (head == 0x5f52475f || head == 0x47524e24) return true
  // "_R_.….T": the latency of what it answers is measured.
  return head == 0x2e5f525f && load<u16>(at + bytes - 2) == 0x542e
}

/** Whether there may be wildcards or empty tokens: TypeScript looks properly. */
function mayBeInvalid(subject: u32, bytes: u32): bool {
  let before = DOT
  for (let at = subject; at < subject + bytes; at++) {
    const byte = load<u8>(at)
    if (byte == STAR || byte == FULL || (byte == DOT && before == DOT)) return true
    before = byte
  }
  return before == DOT
}

/** "_R_.", "_GR_", "$JS.": replies that clients may not give. */
@inline
function isReservedReply(at: u32): bool {
  const head = load<u32>(at)
  return head == 0x2e5f525f || head == 0x5f52475f || head == 0x2e534a24
}

/**
 * Delivers the messages in [from, to).
 * @param connection record of the connection they came from
 * @returns address of the first byte not consumed; `status` says why it stopped there
 */
export function ingest(connection: u32, from: u32, to: u32): u32 {
  let at = from
  needBytes = 0
  while (at < to) {
    if (
      (load<u32>(connection, CONNECTION_FLAGS) &
        (FLAG_SLOW_PATH | FLAG_AWAITING_SUB | FLAG_CLOSED)) !=
      0
    ) {
      status = STATUS_OPERATION
      return at
    }
    const next = ingestOne(connection, at, to)
    if (next == at) return at
    if (status != STATUS_DONE) return endedEarly(at, next)
    // A reply is for one message only, as a rule.
    const isRepeatable = plainPlan != 0 && replyBytes == 0 && !hasTaps()
    at = isRepeatable && next < to ? withRepeats(connection, at, next, to) : next
  }
  status = STATUS_DONE
  return at
}

/** The end of the messages that repeat the one from `at` to `next`. */
@inline
function withRepeats(connection: u32, at: u32, next: u32, to: u32): u32 {
  const end = ingestRepeats(plainPlan, connection, at, next, to)
  if (end != next) countMessages(connection, repeats, <u64>repeats * <u64>totalBytes)
  return end
}

/** What ingest returns after a message from `at` to `next` that not all is done about. */
function endedEarly(at: u32, next: u32): u32 {
  if (status != STATUS_FORBIDDEN) return next
  status = STATUS_OPERATION
  return at
}

/** One message; returns its end, or `at` with the status. Hot. */
@inline
function ingestOne(connection: u32, at: u32, to: u32): u32 {
  status = STATUS_OPERATION
  if (load<u32>(connection, CONNECTION_KIND) == KIND_LEAF) return ingestLeaf(connection, at, to)
  const verb = load<u32>(at) | LOWER
  let token: u32 = 0
  let hasHeader = false
  if (verb == PUB && load<u8>(at + 3) == 32) {
    token = at + 4
  } else if (verb == HPUB && load<u8>(at + 4) == 32) {
    if ((load<u32>(connection, CONNECTION_FLAGS) & FLAG_HEADERS) == 0) return at
    token = at + 5
    hasHeader = true
  } else {
    return at
  }
  // Up to four tokens, each ended by exactly one blank, the last one by CRLF.
  let end = nextBlank(token, to)
  if (end + 1 >= to || end == token || load<u8>(end) != 32) return at
  const subject = token
  const subjectBytes = end - token
  let reply: u32 = 0
  let replyBytes: u32 = 0
  let header: u32 = 0
  let headerDigits: u32 = 0
  token = end + 1
  end = nextBlank(token, to)
  if (end + 1 >= to) return at
  if (load<u8>(end) == 32) {
    const second = token
    const secondBytes = end - token
    token = end + 1
    end = nextBlank(token, to)
    if (end + 1 >= to || secondBytes == 0) return at
    if (!hasHeader) {
      reply = second
      replyBytes = secondBytes
    } else if (load<u8>(end) == 32) {
      reply = second
      replyBytes = secondBytes
      header = token
      headerDigits = end - token
      token = end + 1
      end = nextBlank(token, to)
      if (end + 1 >= to) return at
    } else {
      header = second
      headerDigits = secondBytes
    }
  } else if (hasHeader) {
    return at
  }
  if (load<u16>(end) != CRLF) return at
  if (end - subject > load<u32>(connection, CONNECTION_CONTROL_LINE_MAX)) return at
  const total = sizeAt(token, end - token)
  const headers = hasHeader ? sizeAt(header, headerDigits) : 0
  if (total == NOT_A_SIZE || headers > total) return at
  // A header block of no bytes is none: nats-server delivers such a message as MSG.
  if (headers == 0) headerDigits = 0
  if (isReservedSubject(subject, subjectBytes)) return at
  const flags = load<u32>(connection, CONNECTION_FLAGS)
  if ((flags & FLAG_PEDANTIC) != 0 && mayBeInvalid(subject, subjectBytes)) return at
  if (replyBytes != 0 && isReservedReply(reply)) return at
  const next = messageEnd(connection, at, end + 2, total, to)
  if (next == at) return at
  if (headers != 0 && isTraced(connection, end + 2, headers)) return at
  if (isTapped(connection, subject, subjectBytes)) return at
  setSubject(subject, subjectBytes)
  setReply(reply, replyBytes)
  setSizes(header, headerDigits, token, end - token, headers, total)
  setPayload(end + 2)
  setQueues(0, 0)
  return publish(connection, 0) ? next : at
}

@inline
function isTraced(connection: u32, payload: u32, headers: u32): bool {
  const flags = load<u32>(connection, CONNECTION_FLAGS)
  return mayBeTraced(payload, headers, (flags & FLAG_TRACES_PARENTS) != 0)
}

/** The end of a message whose line was read; `at` when it is not complete or odd. */
@inline
function messageEnd(connection: u32, at: u32, payload: u32, total: u32, to: u32): u32 {
  const most = load<i32>(connection, CONNECTION_PAYLOAD_MAX)
  if (most >= 0 && total > <u32>most) return at
  const next = payload + total + 2
  if (next > to) {
    if (payload + total < to && load<u8>(payload + total) != 13) return at
    needBytes = next - at
    status = STATUS_DONE
    return at
  }
  return load<u16>(payload + total) == CRLF ? next : at
}

/** One message of a leaf link. */
function ingestLeaf(connection: u32, at: u32, to: u32): u32 {
  const payload = readLeafLine(connection, at, to)
  if (payload == 0) return at
  const next = messageEnd(connection, at, payload, totalBytes, to)
  if (next == at) return at
  if (headerBytes != 0 && isTraced(connection, payload, headerBytes)) return at
  if (isTapped(connection, subject, subjectBytes)) return at
  setPayload(payload)
  return publish(connection, 0) ? next : at
}

/**
 * Delivers the message at hand and counts it; status says how it went. STATUS_FORBIDDEN: the source
 * may not send on `subject`; nothing was counted. STATUS_IMPORTS: there are `services` besides.
 * @param bits of PLAN_KEY_*, see deliver
 * @returns false when it must be tried again later (STATUS_LANE_FULL, STATUS_NO_SUBLIST)
 */
export function publish(connection: u32, bits: u32): bool {
  return conclude(connection, deliver(connection, bits))
}

/** Counts the message at hand, and sets the status, by what `deliver` has returned. */
@inline
export function conclude(connection: u32, receivers: i32): bool {
  delivered = receivers < 0 ? 0 : <u32>receivers
  if (receivers < 0 && !isDropped(connection, receivers)) return status == STATUS_FORBIDDEN
  countMessages(connection, 1, totalBytes)
  status = STATUS_DONE
  if (serviceCount != 0) {
    status = STATUS_IMPORTS
  } else if (receivers == 0 && replyBytes != 0) {
    const flags = load<u32>(connection, CONNECTION_FLAGS)
    const kind = load<u32>(connection, CONNECTION_KIND)
    check(kind != 0, 50)
    if ((flags & FLAG_NO_RESPONDERS) != 0 && kind == KIND_CLIENT) {
      status = STATUS_NO_RESPONDERS
    }
  }
  return true
}

/** Counts messages as read, with their payloads together. */
@inline
function countMessages(connection: u32, messages: u32, bytes: u64): void {
  const msgs = load<u64>(connection, CONNECTION_IN_MSGS) + messages
  store<u64>(connection, msgs, CONNECTION_IN_MSGS)
  store<u64>(connection, load<u64>(connection, CONNECTION_IN_BYTES) + bytes, CONNECTION_IN_BYTES)
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_IN_MSGS) + messages, THREAD_IN_MSGS)
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_IN_BYTES) + bytes, THREAD_IN_BYTES)
}

/** For TypeScript: counts a message that its source may not send. */
export function countInbound(connection: u32, payloadBytes: u32): void {
  countMessages(connection, 1, payloadBytes)
}

/** A spoke drops what its hub may not send; otherwise status says why nothing was delivered. */
function isDropped(connection: u32, refusal: i32): bool {
  if (refusal != DELIVER_FORBIDDEN) {
    status = refusal == DELIVER_LANE_FULL ? STATUS_LANE_FULL : STATUS_NO_SUBLIST
    return false
  }
  status = STATUS_FORBIDDEN
  return (load<u32>(connection, CONNECTION_FLAGS) & FLAG_SPOKE) != 0
}
