import { publishHead, type Wire } from './wire.ts'

/**
 * Blocks of PUB or HPUB frames, built once and written again and again: publishing costs the
 * generator one `write` for thousands of messages.
 *
 * Payload, little endian; the receive kernel checks its first and last eight bytes:
 *
 *   +0  sequence  uint32  0 … sequenceCount - 1 in a cycle, so it repeats with each cycle
 *   +4  stream    uint32
 *   +8  filler    the byte 'x'
 *   -8  ~stream   uint32
 *   -4  ~sequence uint32
 *
 * The sequence within a cycle is enough to see a lost, doubled or reordered message; whole lost
 * cycles show in the count. A payload of less than PAYLOAD_BYTES_CHECKED has no room for that: it
 * is filler, and counted alone.
 */
export interface PublishBlock {
  readonly bytes: Buffer
  readonly messageCount: number
}

/** Written one after the other, then from the first one again. */
export interface PublishCycle {
  readonly blocks: readonly PublishBlock[]
  /** In all blocks together. */
  readonly sequenceCount: number
  /** Of the longest. */
  readonly frameBytes: number
}

/** What one publisher publishes. */
export interface Publication {
  readonly stream: number
  /** The subject; the first tokens of it if there are several. */
  readonly subject: string
  /** None: one subject. */
  readonly subjects?: DistinctSubjects
  readonly payloadBytes: number
  /** Of the header block, from HEADER_BYTES_MIN; none: PUB. */
  readonly headerBytes?: number
  /** What the server is spoken to in; none: NATS. */
  readonly wire?: Wire | undefined
}

export interface DistinctSubjects {
  /** They end with numbers below it. */
  readonly count: number
  /** `in-turn`: each once in a cycle; `zipf`: the n-th is 1/n as frequent as the first. */
  readonly pick: 'in-turn' | 'zipf'
}

/** Sequence, stream, and both inverted. */
export const PAYLOAD_BYTES_CHECKED = 16

/** One `write` of the publisher: large enough that the call costs nothing per message. */
export const BLOCK_BYTES = 256 * 1024

/** Of subjects picked by chance: enough that the rarer ones come too. */
const ZIPF_MESSAGES = 1 << 17
const ZIPF_SEED = 0x5ab1e

const HEADER_BEGIN = 'NATS/1.0\r\nBench: '
const HEADER_END = '\r\n\r\n'
const HEADER_BYTES_MIN = HEADER_BEGIN.length + HEADER_END.length

/** How much goes into one block. */
export interface BlockLimits {
  readonly messages: number
  readonly bytes: number
}

/**
 * How many messages a cycle has: all blocks of one subject are the same, so it is one of them.
 */
export function sequenceCountOf(publication: Publication, limits: BlockLimits): number {
  const { subjects } = publication
  if (subjects === undefined) return blockMessages(publication, limits)
  return subjects.pick === 'zipf' ? ZIPF_MESSAGES : subjects.count
}

export function buildPublishCycle(publication: Publication, limits: BlockLimits): PublishCycle {
  const sequenceCount = sequenceCountOf(publication, limits)
  const blockCount = Math.min(blockMessages(publication, limits), sequenceCount)
  const nextSubject = subjectsOf(publication)
  const blocks: PublishBlock[] = []
  for (let from = 0; from < sequenceCount; from += blockCount) {
    const messageCount = Math.min(blockCount, sequenceCount - from)
    const frames = Array.from({ length: messageCount }, (_, index) =>
      buildFrame(publication, nextSubject(from + index), from + index),
    )
    blocks.push({ bytes: Buffer.concat(frames), messageCount })
  }
  return { blocks, sequenceCount, frameBytes: frameBytesOf(publication) }
}

/** Bytes of the longest frame. */
function frameBytesOf(publication: Publication): number {
  return controlOf(publication, longestSubject(publication)).length + bodyBytes(publication) + 2
}

function blockMessages(publication: Publication, limits: BlockLimits): number {
  const fitting = Math.floor(limits.bytes / frameBytesOf(publication))
  return Math.max(1, Math.min(limits.messages, fitting))
}

function buildFrame(publication: Publication, subject: string, sequence: number): Buffer {
  const { stream, payloadBytes, headerBytes } = publication
  const control = controlOf(publication, subject)
  const frame = Buffer.alloc(control.length + bodyBytes(publication) + 2, 'x')
  frame.write(control, 0, 'latin1')
  if (headerBytes !== undefined) {
    frame.write(HEADER_BEGIN, control.length, 'latin1')
    frame.write(HEADER_END, control.length + headerBytes - HEADER_END.length, 'latin1')
  }
  const start = control.length + (headerBytes ?? 0)
  if (payloadBytes >= PAYLOAD_BYTES_CHECKED) {
    writePayload(frame, start, payloadBytes, stream, sequence)
  }
  frame.write('\r\n', frame.length - 2, 'latin1')
  return frame
}

/** @throws RangeError when the header block has no room for a header */
function controlOf({ wire, payloadBytes, headerBytes }: Publication, subject: string): string {
  if (headerBytes !== undefined && headerBytes < HEADER_BYTES_MIN) {
    throw new RangeError(`no header is so small: bytes=${headerBytes}, min=${HEADER_BYTES_MIN}`)
  }
  return publishHead(wire)(subject, payloadBytes, headerBytes)
}

function bodyBytes({ payloadBytes, headerBytes = 0 }: Publication): number {
  return headerBytes + payloadBytes
}

function longestSubject({ subject, subjects }: Publication): string {
  return subjects === undefined ? subject : `${subject}.${subjects.count - 1}`
}

/** The subject of each message of a cycle, asked for in order. */
function subjectsOf({ subject, subjects }: Publication): (sequence: number) => string {
  if (subjects === undefined) return () => subject
  if (subjects.pick === 'in-turn') return (sequence) => `${subject}.${sequence}`
  const pick = zipf(subjects.count)
  return () => `${subject}.${pick()}`
}

/** Numbers below `count`, n with a probability in proportion to 1 / (n + 1); always the same. */
export function zipf(count: number): () => number {
  const sums = new Float64Array(count)
  let sum = 0
  for (let n = 0; n < count; n++) {
    sum += 1 / (n + 1)
    sums[n] = sum
  }
  let state = ZIPF_SEED
  return () => {
    // xorshift32: numbers from 1 to 2^32 - 1, each once in a period
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return firstAbove(sums, ((state >>> 0) / 2 ** 32) * sum)
  }
}

/** Index of the first of ascending numbers that is greater; one of them must be. */
function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}

/** Writes the checked ends of one payload; the filler between them is the caller's. */
export function writePayload(
  bytes: Buffer,
  start: number,
  payloadBytes: number,
  stream: number,
  sequence: number,
): void {
  if (payloadBytes < PAYLOAD_BYTES_CHECKED) {
    throw new RangeError(
      `payload too small to check: payloadBytes=${payloadBytes}, min=${PAYLOAD_BYTES_CHECKED}`,
    )
  }
  const end = start + payloadBytes
  bytes.writeUInt32LE(sequence >>> 0, start)
  bytes.writeUInt32LE(stream >>> 0, start + 4)
  bytes.writeUInt32LE(~stream >>> 0, end - 8)
  bytes.writeUInt32LE(~sequence >>> 0, end - 4)
}
