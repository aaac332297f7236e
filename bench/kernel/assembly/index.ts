/**
 * Receiving side of the load generator: reads a server's byte stream, counts its messages and
 * checks them, without an object per message.
 *
 * Memory, one region after the other (offsets are exported, the loader reads them from here):
 *
 *   0                     READ_BUFFER_OFFSET        CONNECTIONS_OFFSET
 *   +---------------------+-------------------------+------------------------------------+
 *   | room to put a carry | one read buffer for all | connections: record, then carry,   |
 *   | in front of a chunk | sockets of the thread   | CONNECTION_STRIDE_BYTES each       |
 *   +---------------------+-------------------------+------------------------------------+
 *
 * A chunk is consumed whole before the next socket reads, so one read buffer is enough. What a
 * chunk leaves unfinished goes to the connection's carry, and is put in front of the connection's
 * next chunk. A payload too large for the carry is skipped instead: phase BODY counts it down,
 * phase TAIL checks its end.
 *
 * No runtime, no data segment, no globals but the three that describe the last message.
 */

/** A control line longer than this is malformed. INFO is the longest; real ones are below 2 KiB. */
const LINE_BYTES_MAX: u32 = 8192
/**
 * A frame of at most this many bytes is carried whole. Greater than a line plus HEAD_BYTES plus
 * TAIL_BYTES.
 */
const CARRY_BYTES_MAX: u32 = LINE_BYTES_MAX + 64

/** Vector loads may look this far behind the last byte of a chunk. */
const SLACK_BYTES: u32 = 64

// The largest carry fits in front, and address 0 stays unused.
export const READ_BUFFER_OFFSET: u32 = 16384
export const READ_BUFFER_BYTES: u32 = 128 * 1024
export const CONNECTIONS_OFFSET: u32 = READ_BUFFER_OFFSET + READ_BUFFER_BYTES + SLACK_BYTES
export const CONNECTION_STRIDE_BYTES: u32 = 512 + CARRY_BYTES_MAX

// Connection record. Written by the kernel only, except EXPECTED_* and STREAM, by `expect…`.
const MESSAGES: usize = 0 // u64
const PAYLOAD_BYTES: usize = 8 // u64, header blocks included
const HASH: usize = 16 // u64, over verified messages
const PINGS: usize = 24 // u32
const PONGS: usize = 28 // u32
const INFOS: usize = 32 // u32
const ERRORS: usize = 36 // u32, -ERR lines
const MISMATCHES: usize = 40 // u32, messages that are not the expected next one
const VERIFYING: usize = 44 // u32, one of NOTHING, IN_ORDER, ANY_ORDER
const EXPECTED_BYTES: usize = 48 // u32
const STREAM: usize = 52 // u32
const SEQUENCE_COUNT: usize = 56 // u32, sequence numbers run from 0 to this, then start again
const SEQUENCE_NEXT: usize = 60 // u32
const PHASE: usize = 64 // u32
const CARRY_BYTES: usize = 68 // u32
const SKIP_BYTES: usize = 72 // u32, phase BODY: payload bytes still to come before the tail
const LARGE_BYTES: usize = 76 // u32, payload size of the frame in phase BODY or TAIL
const LARGE_HEAD: usize = 80 // u64, its first eight bytes
const ERROR_TEXT_BYTES: usize = 88 // u32
const EXPECTED_HEADER_BYTES: usize = 92 // u32, of each message, 0: none
const ERROR_TEXT: usize = 256 // up to ERROR_TEXT_BYTES_MAX bytes of the last -ERR line
const ERROR_TEXT_BYTES_MAX: u32 = 256
const CARRY: usize = 512

/** What is expected of messages. */
const NOTHING: u32 = 0
/** Each is the next one of one stream. */
const IN_ORDER: u32 = 1
/** Each is one of any stream. */
const ANY_ORDER: u32 = 2

const PHASE_FRAME: u32 = 0
const PHASE_BODY: u32 = 1
const PHASE_TAIL: u32 = 2

/** Start of a payload that is checked: sequence u32, stream u32. */
const HEAD_BYTES: u32 = 8
/** A smaller payload has no room for both ends: its size is checked alone. */
const CHECKED_BYTES_MIN: u32 = 16
/** End of a frame that is checked: stream u32 inverted, sequence u32 inverted, CRLF. */
const TAIL_BYTES: u32 = 10

const STATUS_OK: u32 = 0
const STATUS_MALFORMED: u32 = 1

const CRLF: u32 = 0x0a0d
const VERB_MSG: u32 = 0x2047534d
const VERB_HMSG: u32 = 0x47534d48
const VERB_PING: u32 = 0x474e4950
const VERB_PONG: u32 = 0x474e4f50
const VERB_INFO: u32 = 0x4f464e49
const VERB_ERR: u32 = 0x5252452d
const VERB_OK_3: u32 = 0x004b4f2b

/** Last message of the last chunk that was in the buffer whole; valid until the next `consume`. */
export let lastLineStart: u32 = 0
export let lastLineEnd: u32 = 0
export let lastPayloadStart: u32 = 0

// @ts-ignore: decorator
@inline
function copy(target: usize, source: usize, byteCount: u32): void {
  for (let i: u32 = 0; i < byteCount; i++) store<u8>(target + i, load<u8>(source + i))
}

// @ts-ignore: decorator
@inline
function mix(hash: u64, head: u64, tail: u64, payloadBytes: u32): u64 {
  return rotl<u64>(hash ^ head ^ rotl<u64>(tail, 29), 23) * 0x9e3779b97f4a7c15 + <u64>payloadBytes
}

/** One message's part of a sum: what is close together in `mix` must not be here. */
// @ts-ignore: decorator
@inline
function share(head: u64, tail: u64, payloadBytes: u32): u64 {
  const mixed = mix(1, head, tail, payloadBytes)
  return (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93
}

// @ts-ignore: decorator
@inline
function headOf(sequence: u32, stream: u32): u64 {
  return <u64>sequence | (<u64>stream << 32)
}

// @ts-ignore: decorator
@inline
function tailOf(sequence: u32, stream: u32): u64 {
  return <u64>~stream | (<u64>~sequence << 32)
}

/** Hash that `messages` messages of a stream, complete and in order, must have left in a record. */
export function expectedHash(
  messages: f64,
  stream: u32,
  sequenceCount: u32,
  payloadBytes: u32,
): u64 {
  let hash: u64 = 0
  let sequence: u32 = 0
  for (let left = <u64>messages; left > 0; left--) {
    hash = mix(hash, headOf(sequence, stream), tailOf(sequence, stream), payloadBytes)
    if (++sequence == sequenceCount) sequence = 0
  }
  return hash
}

/**
 * What `messages` messages of a stream, complete and in any order, must have added to the hashes of
 * all records that share the stream.
 */
export function expectedSum(
  messages: f64,
  stream: u32,
  sequenceCount: u32,
  payloadBytes: u32,
): u64 {
  if (payloadBytes < CHECKED_BYTES_MIN) return <u64>messages * share(0, 0, payloadBytes)
  let sum: u64 = 0
  let sequence: u32 = 0
  for (let left = <u64>messages; left > 0; left--) {
    sum += share(headOf(sequence, stream), tailOf(sequence, stream), payloadBytes)
    if (++sequence == sequenceCount) sequence = 0
  }
  return sum
}

/** Clears a record for a new connection. */
export function reset(record: usize): void {
  for (let i: usize = 0; i < CARRY; i += 8) store<u64>(record + i, 0)
}

/**
 * From now on each message must be the next of this stream: size, sequence and stream number are
 * checked.
 */
export function expect(
  record: usize,
  stream: u32,
  sequenceCount: u32,
  payloadBytes: u32,
  headerBytes: u32,
): void {
  expectAnyOrder(record, payloadBytes, headerBytes)
  store<u32>(record, IN_ORDER, VERIFYING)
  store<u32>(record, stream, STREAM)
  store<u32>(record, sequenceCount, SEQUENCE_COUNT)
  store<u32>(record, 0, SEQUENCE_NEXT)
}

/** From now on each message must be one of a stream: size is checked, and that its ends agree. */
export function expectAnyOrder(record: usize, payloadBytes: u32, headerBytes: u32): void {
  store<u32>(record, ANY_ORDER, VERIFYING)
  store<u32>(record, payloadBytes, EXPECTED_BYTES)
  store<u32>(record, headerBytes, EXPECTED_HEADER_BYTES)
}

export function messages(record: usize): f64 { return <f64>load<u64>(record, MESSAGES) }
export function payloadBytes(record: usize): f64 { return <f64>load<u64>(record, PAYLOAD_BYTES) }
export function hash(record: usize): u64 { return load<u64>(record, HASH) }
export function mismatches(record: usize): u32 { return load<u32>(record, MISMATCHES) }
export function pings(record: usize): u32 { return load<u32>(record, PINGS) }
export function pongs(record: usize): u32 { return load<u32>(record, PONGS) }
export function infos(record: usize): u32 { return load<u32>(record, INFOS) }
export function errors(record: usize): u32 { return load<u32>(record, ERRORS) }
export function errorTextStart(record: usize): u32 { return <u32>(record + ERROR_TEXT) }
export function errorTextBytes(record: usize): u32 { return load<u32>(record, ERROR_TEXT_BYTES) }

/** Compares one message with what is expected, and takes it into the hash. */
function verify(record: usize, head: u64, tail: u64, size: u32): void {
  if (load<u32>(record, VERIFYING) == IN_ORDER) verifyNext(record, head, tail, size)
  else verifyAny(record, head, tail, size)
}

function verifyAny(record: usize, head: u64, tail: u64, size: u32): void {
  const isChecked = size >= CHECKED_BYTES_MIN
  const begin = isChecked ? head : 0
  const end = isChecked ? tail : 0
  if (
    size != load<u32>(record, EXPECTED_BYTES) ||
    (isChecked && end != tailOf(<u32>begin, <u32>(begin >> 32)))
  ) {
    increment(record, MISMATCHES)
  }
  store<u64>(record, load<u64>(record, HASH) + share(begin, end, size), HASH)
}

function verifyNext(record: usize, head: u64, tail: u64, size: u32): void {
  const sequence = load<u32>(record, SEQUENCE_NEXT)
  const stream = load<u32>(record, STREAM)
  let next = sequence + 1
  if (
    size != load<u32>(record, EXPECTED_BYTES) ||
    head != headOf(sequence, stream) ||
    tail != tailOf(sequence, stream)
  ) {
    increment(record, MISMATCHES)
    next = <u32>head + 1 // go on behind what came, so that one lost message counts once
  }
  store<u32>(record, next == load<u32>(record, SEQUENCE_COUNT) ? 0 : next, SEQUENCE_NEXT)
  store<u64>(record, mix(load<u64>(record, HASH), head, tail, size), HASH)
}

/** Counts one message; the part of the work that both the whole and the cut frame need. */
// @ts-ignore: decorator
@inline
function count(record: usize, size: u32): void {
  store<u64>(record, load<u64>(record, MESSAGES) + 1, MESSAGES)
  store<u64>(record, load<u64>(record, PAYLOAD_BYTES) + <u64>size, PAYLOAD_BYTES)
}

// @ts-ignore: decorator
@inline
function increment(record: usize, field: usize): void {
  store<u32>(record + field, load<u32>(record + field) + 1)
}

function keep(record: usize, from: usize, end: usize): u32 {
  const byteCount = <u32>(end - from)
  copy(record + CARRY, from, byteCount)
  store<u32>(record, byteCount, CARRY_BYTES)
  return STATUS_OK
}

/** Any line that is not a message. False for an unknown verb. */
function controlLine(record: usize, from: usize, lineFeed: usize): bool {
  const lineBytes = <u32>(lineFeed + 1 - from)
  const verb = load<u32>(from)
  if (verb == VERB_PING && lineBytes == 6) increment(record, PINGS)
  else if (verb == VERB_PONG && lineBytes == 6) increment(record, PONGS)
  else if (verb == VERB_INFO && lineBytes > 6) increment(record, INFOS)
  else if (verb == VERB_ERR && lineBytes > 6) {
    increment(record, ERRORS)
    const textBytes = min<u32>(lineBytes - 2, ERROR_TEXT_BYTES_MAX)
    copy(record + ERROR_TEXT, from, textBytes)
    store<u32>(record, textBytes, ERROR_TEXT_BYTES)
  } else return (verb & 0x00ffffff) == VERB_OK_3 && lineBytes == 5
  return true
}

/**
 * Finishes a frame whose body did not fit the carry. Returns the address behind it, or 0 when more
 * is to come.
 */
function largeFrame(record: usize, from: usize, end: usize): usize {
  let p = from
  if (load<u32>(record, PHASE) == PHASE_BODY) {
    const skip = load<u32>(record, SKIP_BYTES)
    const step = min<u32>(skip, <u32>(end - p))
    store<u32>(record, skip - step, SKIP_BYTES)
    if (step < skip) return 0
    p += step
    store<u32>(record, PHASE_TAIL, PHASE)
  }
  if (p + TAIL_BYTES > end) {
    keep(record, p, end)
    return 0
  }
  const size = load<u32>(record, LARGE_BYTES)
  if (load<u16>(p, TAIL_BYTES - 2) != CRLF) return <usize>-1
  if (load<u32>(record, VERIFYING)) {
    verify(record, load<u64>(record, LARGE_HEAD), load<u64>(p), size)
  }
  count(record, size)
  store<u32>(record, PHASE_FRAME, PHASE)
  return p + TAIL_BYTES
}

/** The number whose digits end in front of this address; 0 when there is none. */
function numberBefore(end: usize): u32 {
  let digit = end - 1
  let value: u32 = 0
  let scale: u32 = 1
  let c = <u32>load<u8>(digit) - 48
  while (c < 10 && scale <= 100000000) {
    value += c * scale
    scale *= 10
    c = <u32>load<u8>(--digit) - 48
  }
  return value
}

/**
 * Reads `chunkBytes` bytes of one connection's stream from the read buffer.
 *
 * Returns 0, or 1 when the stream is not NATS protocol; the record is of no use after that.
 * Hot: per whole message one line-feed search, the size read backwards from the end of the line (it
 * is the last token of MSG and HMSG alike), and the checks.
 */
export function consume(record: usize, chunkBytes: u32): u32 {
  const end: usize = READ_BUFFER_OFFSET + chunkBytes
  let p: usize = READ_BUFFER_OFFSET
  const carryBytes = load<u32>(record, CARRY_BYTES)
  if (carryBytes) {
    p -= carryBytes
    copy(p, record + CARRY, carryBytes)
    store<u32>(record, 0, CARRY_BYTES)
  }
  if (load<u32>(record, PHASE) != PHASE_FRAME) {
    p = largeFrame(record, p, end)
    if (p == 0) return STATUS_OK
    if (p == <usize>-1) return STATUS_MALFORMED
  }

  const lineFeeds = i8x16.splat(10)
  const isVerifying = load<u32>(record, VERIFYING) != NOTHING
  while (p < end) {
    let lineFeed = p
    let mask = i8x16.bitmask(i8x16.eq(v128.load(lineFeed), lineFeeds))
    while (mask == 0 && lineFeed + 16 < end) {
      lineFeed += 16
      mask = i8x16.bitmask(i8x16.eq(v128.load(lineFeed), lineFeeds))
    }
    lineFeed = mask == 0 ? end : lineFeed + <usize>ctz<i32>(mask)
    if (lineFeed >= end) {
      if (end - p > LINE_BYTES_MAX) return STATUS_MALFORMED
      return keep(record, p, end)
    }
    if (lineFeed - p > LINE_BYTES_MAX) return STATUS_MALFORMED
    if (load<u8>(lineFeed - 1) != 13 || lineFeed == p) return STATUS_MALFORMED

    const verb = load<u32>(p)
    if (verb != VERB_MSG && verb != VERB_HMSG) {
      if (!controlLine(record, p, lineFeed)) return STATUS_MALFORMED
      p = lineFeed + 1
      continue
    }

    let digit = lineFeed - 2
    let size: u32 = 0
    let scale: u32 = 1
    let c = <u32>load<u8>(digit) - 48
    while (c < 10 && scale <= 100000000) {
      size += c * scale
      scale *= 10
      c = <u32>load<u8>(--digit) - 48
    }
    // The space before the size cannot be the one behind the verb: subject and sid stand between.
    if (scale == 1 || load<u8>(digit) != 32 || digit < p + 7) return STATUS_MALFORMED

    const payload = lineFeed + 1
    const frameEnd = payload + <usize>size + 2
    if (frameEnd > end) {
      if (frameEnd - p <= CARRY_BYTES_MAX || payload + HEAD_BYTES > end) return keep(record, p, end)
      store<u32>(record, size, LARGE_BYTES)
      store<u64>(record, load<u64>(payload), LARGE_HEAD)
      const tail = frameEnd - TAIL_BYTES
      if (tail <= end) {
        store<u32>(record, PHASE_TAIL, PHASE)
        return keep(record, tail, end)
      }
      store<u32>(record, <u32>(tail - end), SKIP_BYTES)
      store<u32>(record, PHASE_BODY, PHASE)
      return STATUS_OK
    }

    if (load<u16>(payload + size) != CRLF) return STATUS_MALFORMED
    if (isVerifying) {
      const headerBytes = verb == VERB_HMSG ? numberBefore(digit) : 0
      if (headerBytes == load<u32>(record, EXPECTED_HEADER_BYTES) && headerBytes <= size) {
        const body = payload + <usize>headerBytes
        // Of a payload without room for both ends any bytes will do: they are not compared.
        verify(record, load<u64>(body), load<u64>(payload + size - 8), size - headerBytes)
      } else increment(record, MISMATCHES)
    }
    count(record, size)
    lastLineStart = <u32>p
    lastLineEnd = <u32>(lineFeed - 1)
    lastPayloadStart = <u32>payload
    p = frameEnd
  }
  return STATUS_OK
}
