/** Frames: messages as they go over the wire, to clients and to leaf links. */
import {
  CONNECTION_FLAGS,
  CONNECTION_PENDING,
  CONNECTION_POSITION,
  FLAG_HEADERS,
  SUB_SID,
  SUB_SID_BYTES,
  SUB_SID_INLINE,
} from './layout'
import { check, copyShort, copyVectors, writeDecimal } from './memory'
import {
  headerBytes,
  headerText,
  headerTextBytes,
  payload,
  reply,
  replyBytes,
  sizeText,
  sizeTextBytes,
  subject,
  subjectBytes,
  totalBytes,
} from './message'
import { advance, count, room, roomForMore } from './outbound'
import { CRLF } from './scan'

const BLANK: u8 = 32

/** Writes the payload behind a finished control line. */
@inline
function endFrame(at: u32, source: u32, bytes: u32): u32 {
  store<u16>(at, CRLF)
  at += 2
  copyVectors(at, source, bytes)
  store<u16>(at + bytes, CRLF)
  return at + bytes + 2
}

/**
 * MSG or HMSG to a client's subscription. Hot.
 * @returns bytes of the frame; 0 when the connection refused it
 */
export function frameForClient(slot: u32, connection: u32): u32 {
  const sidBytes = load<u32>(slot, SUB_SID_BYTES)
  const sid = sidBytes <= SUB_SID_INLINE ? slot + SUB_SID : load<u32>(slot, SUB_SID)
  const withHeaders =
    headerTextBytes != 0 && (load<u32>(connection, CONNECTION_FLAGS) & FLAG_HEADERS) != 0
  const stripped = headerTextBytes != 0 && !withHeaders
  const skip: u32 = stripped ? headerBytes : 0
  const bytes = totalBytes - skip
  // "HMSG " subject " " sid " " [reply " "] [header " "] size CRLF payload CRLF; size ≤ 10 digits
  let need: u32 = 5 + subjectBytes + 1 + sidBytes + 1 + 2 + bytes + 2
  if (replyBytes != 0) need += replyBytes + 1
  if (withHeaders) need += headerTextBytes + 1
  let digits: u32 = sizeTextBytes
  if (stripped) {
    digits = 1
    for (let rest = bytes; rest >= 10; rest /= 10) digits++
  }
  need += digits
  if (!withHeaders) need -= 1
  let at = room(connection, need, true)
  if (at == 0) return 0
  const start = at
  if (withHeaders) {
    store<u32>(at, 0x47534d48) // HMSG
    at += 4
  } else {
    store<u32>(at, 0x0047534d) // MSG
    at += 3
  }
  store<u8>(at, BLANK)
  at += 1
  copyShort(at, subject, subjectBytes)
  at += subjectBytes
  store<u8>(at, BLANK)
  copyShort(at + 1, sid, sidBytes)
  at += 1 + sidBytes
  store<u8>(at, BLANK)
  at += 1
  if (replyBytes != 0) {
    copyShort(at, reply, replyBytes)
    at += replyBytes
    store<u8>(at, BLANK)
    at += 1
  }
  if (withHeaders) {
    copyShort(at, headerText, headerTextBytes)
    at += headerTextBytes
    store<u8>(at, BLANK)
    at += 1
  }
  if (stripped) writeDecimal(at, bytes)
  else copyShort(at, sizeText, digits)
  at = endFrame(at + digits, payload + skip, bytes)
  check(at - start == need, 11)
  count(connection, 1, bytes)
  return need
}

/** What of a frame goes through two vectors at once, for control line and payload each. */
const SHORT_BYTES: u32 = 32

/**
 * Frames of the messages that follow the one at hand, each as many bytes behind the one before and
 * with the same control line. Hot.
 * @param connection to which frameForClient or frameForLeaf has just written the message at hand
 * @param frame what that returned
 * @param stride bytes from one message to the next, as they were read
 * @param most how many follow
 * @returns how many were written: what they find room for at once
 */
export function repeatFrame(connection: u32, frame: u32, stride: u32, most: u32): u32 {
  const fitting = roomForMore(connection, frame)
  const frames = fitting < most ? fitting : most
  if (frames == 0) return 0
  const isStripped =
    headerTextBytes != 0 && (load<u32>(connection, CONNECTION_FLAGS) & FLAG_HEADERS) == 0
  const skip: u32 = isStripped ? headerBytes : 0
  // The line end behind the payload comes with it.
  const bodyBytes = totalBytes - skip + 2
  const lineBytes = frame - bodyBytes
  const target = load<u32>(connection, CONNECTION_POSITION)
  const line = target - frame
  const body = payload + skip + stride
  if (lineBytes <= SHORT_BYTES && bodyBytes <= SHORT_BYTES) {
    repeatShort(target, line, lineBytes, frame, body, stride, frames)
  } else {
    repeatLong(target, line, lineBytes, frame, body, bodyBytes, stride, frames)
  }
  advance(connection, frames * frame)
  count(connection, frames, <u64>frames * <u64>(bodyBytes - 2))
  return frames
}

/** What lies behind a frame is overwritten by the next one, or is slack of the chunk. */
function repeatShort(
  target: u32,
  line: u32,
  lineBytes: u32,
  frame: u32,
  body: u32,
  stride: u32,
  frames: u32,
): void {
  const a = v128.load(line)
  const b = v128.load(line, 16)
  const end = target + frames * frame
  for (; target < end; target += frame, body += stride) {
    v128.store(target, a)
    v128.store(target, b, 16)
    const c = v128.load(body)
    const d = v128.load(body, 16)
    v128.store(target + lineBytes, c)
    v128.store(target + lineBytes, d, 16)
  }
}

function repeatLong(
  target: u32,
  line: u32,
  lineBytes: u32,
  frame: u32,
  body: u32,
  bodyBytes: u32,
  stride: u32,
  frames: u32,
): void {
  const end = target + frames * frame
  for (; target < end; target += frame, body += stride) {
    copyShort(target, line, lineBytes)
    copyVectors(target + lineBytes, body, bodyBytes)
  }
}

/**
 * LMSG or HMSG to a leaf link.
 * @param names queue groups chosen for it, blank separated; 0 bytes = plain interest only
 * @returns as frameForClient
 */
export function frameForLeaf(connection: u32, names: u32, namesBytes: u32): u32 {
  const withHeaders =
    headerTextBytes != 0 && (load<u32>(connection, CONNECTION_FLAGS) & FLAG_HEADERS) != 0
  const skip: u32 = headerTextBytes != 0 && !withHeaders ? headerBytes : 0
  const bytes = totalBytes - skip
  // verb, blanks, indicator and two sizes of at most 10 digits each
  const most: u32 = 5 + subjectBytes + 3 + replyBytes + 1 + namesBytes + 1 + 22 + 2 + bytes + 2
  let at = room(connection, most, true)
  if (at == 0) return 0
  const start = at
  store<u32>(at, withHeaders ? 0x47534d48 : 0x47534d4c) // HMSG, LMSG
  store<u8>(at, BLANK, 4)
  at += 5
  copyShort(at, subject, subjectBytes)
  at += subjectBytes
  store<u8>(at, BLANK)
  at += 1
  if (namesBytes != 0) {
    store<u8>(at, replyBytes != 0 ? 43 : 124) // + or |
    store<u8>(at, BLANK, 1)
    at += 2
  }
  if (replyBytes != 0) {
    copyShort(at, reply, replyBytes)
    at += replyBytes
    store<u8>(at, BLANK)
    at += 1
  }
  if (namesBytes != 0) {
    copyShort(at, names, namesBytes)
    at += namesBytes
    store<u8>(at, BLANK)
    at += 1
  }
  if (withHeaders) {
    at += writeDecimal(at, headerBytes)
    store<u8>(at, BLANK)
    at += 1
  }
  at += writeDecimal(at, bytes)
  at = endFrame(at, payload + skip, bytes)
  const used = at - start
  check(used <= most, 12)
  store<u32>(connection, at, CONNECTION_POSITION)
  const pending = load<u32>(connection, CONNECTION_PENDING) - (most - used)
  store<u32>(connection, pending, CONNECTION_PENDING)
  count(connection, 1, bytes)
  return used
}

