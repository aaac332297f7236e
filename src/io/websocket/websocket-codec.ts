import type { ClosedState } from '../../protocol/closed-states.ts'
import {
  answerClose,
  CLOSE_PROTOCOL_ERROR,
  closePayload,
  closePayloadOf,
} from '../../protocol/websocket/close-frame.ts'
import {
  applyMask,
  CONTROL_PAYLOAD_BYTES_MAX,
  FRAME_HEADER_BYTES_MAX,
  type FrameHeader,
  type FrameRules,
  isControl,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  readFrameHeader,
} from '../../protocol/websocket/frame-header.ts'
import type { ByteCodec, CodecHost } from '../byte-codec.ts'
import { FrameWriter } from './frame-writer.ts'
import { MessageInflater, TOO_LARGE } from './message-inflater.ts'
import type { WebsocketTerms } from './websocket-terms.ts'

/** The most that is kept of a frame: a header, or a whole control frame. */
const PARTIAL_BYTES_MAX = FRAME_HEADER_BYTES_MAX + CONTROL_PAYLOAD_BYTES_MAX
/** After so many inflated bytes it is somebody else's turn. */
const TURN_BYTES_MAX = 1024 * 1024

/**
 * WebSocket frames (RFC 6455), with permessage-deflate (RFC 7692).
 *
 * Plain payload is unmasked where it lies and delivered as it comes, whatever the frames are; what
 * is compressed is delivered when its message is complete. Between two calls of `decode`:
 *   a header expected, its start perhaps in `#partial` │ `#left` bytes of a payload expected │
 *   a compressed message is not delivered to its end, and the last byte of its last frame, which
 *   was not taken, comes again
 */
export class WebsocketCodec implements ByteCodec {
  readonly #host: CodecHost
  readonly #terms: WebsocketTerms
  readonly #writer: FrameWriter
  /** Also says how the frames before have left the message. */
  readonly #rules: { -readonly [K in keyof FrameRules]: FrameRules[K] }
  #partial: Uint8Array | undefined
  /** Bytes of the payload at hand that have not come yet. */
  #left = 0
  #mask = 0
  #isMasked = false
  /** Bytes of the payload at hand that have come: where in the mask the next ones are. */
  #phase = 0
  #isMessageCompressed = false
  #inflater: MessageInflater | undefined
  /** Inflated since `decode` was called. */
  #turnBytes = 0
  #hasEnded = false
  #closePayload: Uint8Array | undefined

  constructor(host: CodecHost, terms: WebsocketTerms) {
    this.#host = host
    this.#terms = terms
    this.#writer = new FrameWriter(host.kernel, terms)
    const { role, noMasking, compress } = terms
    // Frames that are masked although that was not necessary do no harm.
    const fromClient = noMasking ? 'optional' : 'required'
    const masking = role === 'client' ? 'forbidden' : fromClient
    this.#rules = { compress, masking, isMessageOpen: false }
  }

  // ── inbound ───────────────────────────────────────────────────────────────────────────────

  decode(from: number, to: number): number {
    this.#turnBytes = 0
    let at = from
    if (this.#inflater?.isComplete) {
      if (!this.#deliverMessage()) return this.#hasEnded ? to : at
      at++
    }
    while (at < to && !this.#hasEnded) {
      if (this.#left === 0) {
        at = this.#takeHeader(at, to)
        if (this.#left > 0 || this.#hasEnded || !this.#inflater?.isComplete) continue
        // An empty last frame.
        if (!this.#deliverMessage()) return this.#hasEnded ? to : at - 1
        continue
      }
      const end = Math.min(to, at + this.#left)
      if (this.#isMasked) this.#unmask(at, end)
      this.#left -= end - at
      this.#phase += end - at
      if (this.#isMessageCompressed) {
        this.#collect(at, end)
        if (this.#inflater?.isComplete && !this.#hasEnded && !this.#deliverMessage()) {
          return this.#hasEnded ? to : end - 1
        }
      } else if (!this.#host.deliver(at, end)) {
        return end
      }
      at = end
    }
    return this.#hasEnded ? to : at
  }

  #unmask(at: number, end: number): void {
    this.#host.kernel.exports.maskBytes(at, end - at, this.#mask, this.#phase)
  }

  /** @returns address behind the header, or behind what is kept of it */
  #takeHeader(at: number, to: number): number {
    const { bytes } = this.#host.kernel
    const kept = this.#partial
    if (kept === undefined) return this.#readHeader(bytes, at, to, 0)
    const count = Math.min(to - at, PARTIAL_BYTES_MAX - kept.length)
    const joined = Buffer.concat([kept, bytes.subarray(at, at + count)])
    this.#partial = undefined
    return this.#readHeader(joined, 0, joined.length, at - kept.length)
  }

  /** @param shift what to add to an index into `source` to make it an address */
  #readHeader(source: Uint8Array, start: number, end: number, shift: number): number {
    const header = readFrameHeader(source, start, end, this.#rules)
    if (header !== undefined && 'violation' in header) return this.#violate(header.violation, end)
    const payloadAt = start + (header?.headerBytes ?? 0)
    const hasControl = header !== undefined && isControl(header.opcode)
    if (header === undefined || (hasControl && payloadAt + header.payloadBytes > end)) {
      this.#partial = new Uint8Array(source.subarray(start, end))
      return end + shift
    }
    if (!hasControl) {
      this.#beginPayload(header)
      return payloadAt + shift
    }
    const payloadEnd = payloadAt + header.payloadBytes
    const payload = new Uint8Array(source.subarray(payloadAt, payloadEnd))
    if (header.isMasked) applyMask(payload, header.mask)
    this.#onControl(header.opcode, payload)
    return payloadEnd + shift
  }

  #beginPayload(header: FrameHeader): void {
    this.#left = header.payloadBytes
    this.#mask = header.mask
    this.#isMasked = header.isMasked
    this.#phase = 0
    this.#rules.isMessageOpen = !header.isFinal
    if (header.opcode !== OPCODE_CONTINUATION) this.#isMessageCompressed = header.isCompressed
    if (this.#isMessageCompressed && this.#left === 0) this.#collect(0, 0)
  }

  #onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE_PING) this.#host.writeRaw(this.#writer.control(OPCODE_PONG, payload))
    if (opcode !== OPCODE_CLOSE) return
    const answer = answerClose(payload)
    if ('violation' in answer) {
      this.#violate(answer.violation, 0)
      return
    }
    this.#closePayload = answer.answer
    this.#hasEnded = true
    this.#host.close('clientClosed')
  }

  #violate(text: string, end: number): number {
    this.#closePayload = closePayload(CLOSE_PROTOCOL_ERROR, text)
    this.#fail(text)
    return end
  }

  #fail(why: string): void {
    this.#hasEnded = true
    this.#host.failRead(why)
  }

  // ── compressed messages ───────────────────────────────────────────────────────────────────

  #collect(at: number, end: number): void {
    this.#inflater ??= new MessageInflater(this.#host, this.#terms)
    const isTaken = this.#inflater.add(this.#host.kernel.bytes.subarray(at, end))
    const isLast = this.#left === 0 && !this.#rules.isMessageOpen
    if (!isTaken || (isLast && !this.#inflater.complete())) this.#fail(TOO_LARGE)
  }

  /** @returns false when it has to go on later, or the connection has ended */
  #deliverMessage(): boolean {
    const inflater = this.#inflater!
    if (this.#turnBytes >= TURN_BYTES_MAX) return false
    const inflated = inflater.inflate()
    if (typeof inflated !== 'number') {
      this.#fail(inflated.why)
      return false
    }
    this.#turnBytes += inflated
    const isAll = inflater.deliver()
    if (isAll === undefined) this.#fail('shared memory is exhausted')
    // Most connections send little that is compressed: what it took is not kept.
    if (isAll) this.#inflater = undefined
    return isAll === true
  }

  // ── outbound ──────────────────────────────────────────────────────────────────────────────

  encode(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#writer.data(parts)
  }

  onWritten(): void {}

  closing(reason: ClosedState): Uint8Array {
    return this.#writer.control(OPCODE_CLOSE, this.#closePayload ?? closePayloadOf(reason))
  }

  release(): void {
    this.#inflater = undefined
    this.#partial = undefined
  }
}
