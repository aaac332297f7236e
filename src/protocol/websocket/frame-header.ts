/**
 * The first bytes of a WebSocket frame (RFC 6455, section 5.2), and what may not be in them.
 *
 * ```text
 *   byte 0: FIN │ RSV1 = compressed │ RSV2 │ RSV3 │ opcode, 4 bits
 *   byte 1: masked │ length, 7 bits: up to 125, 126 = 2 bytes follow, 127 = 8 bytes follow
 *   then the length, then 4 bytes of mask
 * ```
 */
export const OPCODE_CONTINUATION = 0
export const OPCODE_TEXT = 1
export const OPCODE_BINARY = 2
export const OPCODE_CLOSE = 8
export const OPCODE_PING = 9
export const OPCODE_PONG = 10

export const FRAME_HEADER_BYTES_MAX = 14
export const CONTROL_PAYLOAD_BYTES_MAX = 125

const FINAL_BIT = 0x80
const COMPRESSED_BIT = 0x40
const RESERVED_BITS = 0x30
const OPCODE_BITS = 0x0f
const MASK_BIT = 0x80
const LENGTH_BITS = 0x7f
const LENGTH_IN_2_BYTES = 126
const LENGTH_IN_8_BYTES = 127
const FIRST_CONTROL_OPCODE = 8

export interface FrameHeader {
  readonly opcode: number
  readonly isFinal: boolean
  readonly isCompressed: boolean
  /** Bytes of the header itself, mask included. */
  readonly headerBytes: number
  /** Above 2^53 it is not exact; nobody waits for so many. */
  readonly payloadBytes: number
  /** As a little-endian number: its lowest byte is for the first byte of the payload. */
  readonly mask: number
  readonly isMasked: boolean
}

/** What was agreed on, and what the frames before have left. */
export interface FrameRules {
  /** permessage-deflate was agreed on. */
  readonly compress: boolean
  readonly masking: 'required' | 'optional' | 'forbidden'
  /** A message has begun and its last frame has not come. */
  readonly isMessageOpen: boolean
}

/** The peer broke a rule; the text goes into the log and into the close frame. */
export interface FrameViolation {
  readonly violation: string
}

/**
 * Reads a header at `at`. Rules are checked in nats-server's order, as soon as the bytes that break
 * them are there. Texts: nats-server's.
 *
 * @returns undefined when more bytes are needed
 */
export function readFrameHeader(
  bytes: Uint8Array,
  at: number,
  to: number,
  rules: FrameRules,
): FrameHeader | FrameViolation | undefined {
  if (at >= to) return undefined
  const first = bytes[at]!
  const isCompressed = (first & COMPRESSED_BIT) !== 0
  if ((first & RESERVED_BITS) !== 0) return { violation: 'RSV2 and RSV3 must be clear' }
  if (isCompressed && !rules.compress) {
    return { violation: 'compressed frame received without negotiated permessage-deflate' }
  }
  if (at + 1 >= to) return undefined
  const second = bytes[at + 1]!
  const isMasked = (second & MASK_BIT) !== 0
  if (rules.masking === 'required' && !isMasked) return { violation: 'mask bit missing' }
  if (rules.masking === 'forbidden' && isMasked) return { violation: 'mask bit must be clear' }
  const opcode = first & OPCODE_BITS
  const isFinal = (first & FINAL_BIT) !== 0
  const shortLength = second & LENGTH_BITS
  const violation = opcodeViolation(opcode, isFinal, isCompressed, shortLength, rules)
  if (violation !== undefined) return { violation }

  const lengthBytes = extendedLengthBytes(shortLength)
  const headerBytes = 2 + lengthBytes + (isMasked ? 4 : 0)
  if (lengthBytes === 8 && at + 2 < to && (bytes[at + 2]! & 0x80) !== 0) {
    return { violation: 'invalid 64-bit payload length' }
  }
  if (at + headerBytes > to) return undefined
  const payloadBytes = lengthBytes === 0 ? shortLength : bigEndian(bytes, at + 2, lengthBytes)
  const mask = isMasked ? littleEndian32(bytes, at + 2 + lengthBytes) : 0
  return { opcode, isFinal, isCompressed, headerBytes, payloadBytes, mask, isMasked }
}

export function isControl(opcode: number): boolean {
  return opcode >= FIRST_CONTROL_OPCODE
}

function opcodeViolation(
  opcode: number,
  isFinal: boolean,
  isCompressed: boolean,
  shortLength: number,
  { isMessageOpen }: FrameRules,
): string | undefined {
  switch (opcode) {
    case OPCODE_PING:
    case OPCODE_PONG:
    case OPCODE_CLOSE:
      if (shortLength > CONTROL_PAYLOAD_BYTES_MAX) {
        return `control frame length bigger than maximum allowed of ${CONTROL_PAYLOAD_BYTES_MAX} bytes`
      }
      if (!isFinal) return 'control frame does not have final bit set'
      return isCompressed ? 'control frame must not be compressed' : undefined
    case OPCODE_TEXT:
    case OPCODE_BINARY:
      return isMessageOpen
        ? 'new message started before final frame for previous message was received'
        : undefined
    case OPCODE_CONTINUATION:
      // Compression is told by the first frame, for the whole message.
      return !isMessageOpen || isCompressed ? 'invalid continuation frame' : undefined
    default:
      return `unknown opcode ${opcode}`
  }
}

function extendedLengthBytes(shortLength: number): number {
  if (shortLength === LENGTH_IN_2_BYTES) return 2
  return shortLength === LENGTH_IN_8_BYTES ? 8 : 0
}

function bigEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = 0; i < count; i++) value = value * 256 + bytes[at + i]!
  return value
}

function littleEndian32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  )
}

export interface OutgoingFrame {
  readonly opcode: number
  readonly payloadBytes: number
  /** Default true. */
  readonly isFinal?: boolean
  readonly isCompressed?: boolean
  /** undefined: the payload is not masked. */
  readonly mask?: number | undefined
}

/** Writes a header into an array of its own length. */
export function encodeFrameHeader(frame: OutgoingFrame): Uint8Array {
  const { opcode, payloadBytes, isFinal = true, isCompressed = false, mask } = frame
  const lengthBytes = payloadBytes <= CONTROL_PAYLOAD_BYTES_MAX ? 0 : payloadBytes < 65_536 ? 2 : 8
  const maskAt = 2 + lengthBytes
  const header = new Uint8Array(maskAt + (mask === undefined ? 0 : 4))
  header[0] = opcode | (isFinal ? FINAL_BIT : 0) | (isCompressed ? COMPRESSED_BIT : 0)
  if (lengthBytes === 0) header[1] = payloadBytes
  else header[1] = lengthBytes === 2 ? LENGTH_IN_2_BYTES : LENGTH_IN_8_BYTES
  for (let i = 0, rest = payloadBytes; i < lengthBytes; i++) {
    header[maskAt - 1 - i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  if (mask !== undefined) {
    header[1]! |= MASK_BIT
    for (let i = 0; i < 4; i++) header[maskAt + i] = mask >>> (8 * i)
  }
  return header
}

/**
 * Masks or unmasks in place (RFC 6455, section 5.3).
 *
 * @param phase bytes of the payload before this part
 */
export function applyMask(payload: Uint8Array, mask: number, phase = 0): void {
  for (let i = 0; i < payload.length; i++) payload[i]! ^= mask >>> (8 * ((phase + i) & 3))
}
