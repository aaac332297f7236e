import { randomFillSync } from 'node:crypto'
import { constants, deflateRawSync } from 'node:zlib'
import type { Kernel } from '../../kernel/kernel.ts'
import {
  applyMask,
  encodeFrameHeader,
  OPCODE_BINARY,
  OPCODE_CONTINUATION,
} from '../../protocol/websocket/frame-header.ts'
import type { WebsocketTerms } from './websocket-terms.ts'

/** Less than this is not compressed. Source: nats-server. */
const COMPRESS_BYTES_MIN = 65
/** Browsers do better with short frames. Source: nats-server. */
const BROWSER_FRAME_BYTES_MAX = 4096
/** What a flushed deflate stream ends with, and messages leave out (RFC 7692, section 7.2.1). */
const FLUSH_TAIL_BYTES = 4
const DEFLATE_LEVEL = constants.Z_BEST_SPEED

const masks = new Uint32Array(1024)
let nextMask = masks.length

/** Unpredictable, as RFC 6455 wants it. */
function takeMask(): number {
  if (nextMask === masks.length) {
    randomFillSync(masks)
    nextMask = 0
  }
  return masks[nextMask++]!
}

/** Puts frames around what a connection sends. */
export class FrameWriter {
  readonly #kernel: Kernel
  readonly #terms: WebsocketTerms

  constructor(kernel: Kernel, terms: WebsocketTerms) {
    this.#kernel = kernel
    this.#terms = terms
  }

  /** A frame by itself, in one piece. */
  control(opcode: number, payload: Uint8Array): Uint8Array {
    const mask = this.#mask()
    const header = encodeFrameHeader({ opcode, payloadBytes: payload.length, mask })
    const frame = new Uint8Array(header.length + payload.length)
    frame.set(header)
    frame.set(payload, header.length)
    if (mask !== undefined) applyMask(frame.subarray(header.length), mask)
    return frame
  }

  /**
   * @param parts not empty; they are sent as they are, after they were masked in place, unless
   *   compression takes them
   */
  data(parts: readonly Uint8Array[]): Uint8Array[] {
    const { compress, browser } = this.#terms
    let total = 0
    for (const part of parts) total += part.length
    const frameMax = browser === 'none' ? Number.POSITIVE_INFINITY : BROWSER_FRAME_BYTES_MAX
    if (!compress || total < COMPRESS_BYTES_MIN) return this.#frames(parts, total, frameMax, false)
    const message = deflate(parts, total)
    const compressedMax = browser === 'safari' ? Number.POSITIVE_INFINITY : frameMax
    return this.#frames([message], message.length, compressedMax, true)
  }

  /**
   * Plain bytes may be cut into messages anywhere; a compressed message is cut into fragments.
   */
  #frames(
    parts: readonly Uint8Array[],
    total: number,
    frameMax: number,
    isCompressed: boolean,
  ): Uint8Array[] {
    const frames: Uint8Array[] = []
    let left = total
    let room = 0
    let mask: number | undefined
    let phase = 0
    for (const part of parts) {
      for (let from = 0; from < part.length; ) {
        if (room === 0) {
          room = Math.min(left, frameMax)
          mask = this.#mask()
          phase = 0
          frames.push(
            encodeFrameHeader({
              opcode: isCompressed && left < total ? OPCODE_CONTINUATION : OPCODE_BINARY,
              payloadBytes: room,
              isFinal: !isCompressed || room === left,
              isCompressed: isCompressed && left === total,
              mask,
            }),
          )
        }
        const count = Math.min(room, part.length - from)
        const slice = count === part.length ? part : part.subarray(from, from + count)
        if (mask !== undefined) this.#apply(slice, mask, phase)
        frames.push(slice)
        from += count
        phase += count
        room -= count
        left -= count
      }
    }
    return frames
  }

  #mask(): number | undefined {
    const { role, noMasking } = this.#terms
    return role === 'client' && !noMasking ? takeMask() : undefined
  }

  #apply(slice: Uint8Array, mask: number, phase: number): void {
    const { exports, bytes } = this.#kernel
    if (slice.buffer !== bytes.buffer) applyMask(slice, mask, phase)
    else exports.maskBytes(slice.byteOffset, slice.length, mask, phase)
  }
}

/** Each message for itself: there is no context between them. */
function deflate(parts: readonly Uint8Array[], total: number): Uint8Array {
  const input = parts.length === 1 ? parts[0]! : Buffer.concat(parts, total)
  const options = { level: DEFLATE_LEVEL, finishFlush: constants.Z_SYNC_FLUSH }
  const output = deflateRawSync(input, options)
  return output.subarray(0, output.length - FLUSH_TAIL_BYTES)
}
