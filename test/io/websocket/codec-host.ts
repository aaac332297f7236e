import { type ByteCodec, CODEC_HEADROOM_BYTES, type CodecHost } from '../../../src/io/byte-codec.ts'
import { WebsocketCodec } from '../../../src/io/websocket/websocket-codec.ts'
import { messageLimits, type WebsocketTerms } from '../../../src/io/websocket/websocket-terms.ts'
import type { Kernel } from '../../../src/kernel/kernel.ts'
import type { ClosedState } from '../../../src/protocol/closed-states.ts'
import {
  applyMask,
  encodeFrameHeader,
  type FrameHeader,
  readFrameHeader,
} from '../../../src/protocol/websocket/frame-header.ts'
import { Threads } from '../../kernel/threads.ts'

const thread = new Threads({ workerCount: 1 }).worker(1)
const AREA_BYTES = 4 * 1024 * 1024
const area = thread.exports.allocate(CODEC_HEADROOM_BYTES + AREA_BYTES) + CODEC_HEADROOM_BYTES
const OVERWRITTEN = 0x2a
const NOT_READ = 0x77
const NOT_READ_BYTES = 64

export const SERVER: WebsocketTerms = {
  role: 'server',
  compress: false,
  noMasking: false,
  browser: 'none',
  ...messageLimits(0),
}
export const CLIENT: WebsocketTerms = { ...SERVER, role: 'client' }

/** A connection in small: feeds its codec, and keeps what comes of it. */
export class FakeHost implements CodecHost {
  readonly kernel: Kernel = thread.kernel
  readonly codec: ByteCodec
  readonly raw: Buffer[] = []
  /** Answers of `deliver`, true when there is none left. */
  readonly answers: boolean[] = []
  readFailure: string | undefined
  closed: ClosedState | undefined
  #delivered: Buffer[] = []
  /** What the codec has not looked at. */
  #rest = Buffer.alloc(0)

  constructor(terms: WebsocketTerms) {
    this.codec = new WebsocketCodec(this, terms)
  }

  get delivered(): Buffer {
    this.#delivered = [Buffer.concat(this.#delivered)]
    return this.#delivered[0]!
  }

  get deliveries(): number {
    return this.#delivered.length
  }

  deliver(from: number, to: number): boolean {
    const { bytes } = this.kernel
    this.#delivered.push(Buffer.from(bytes.subarray(from, to)))
    // A connection may need all of its headroom, and may change what it was given.
    bytes.fill(OVERWRITTEN, from - CODEC_HEADROOM_BYTES, to)
    return this.answers.shift() ?? true
  }

  writeRaw(bytes: Uint8Array): void {
    this.raw.push(Buffer.from(bytes))
  }

  failRead(why: string): void {
    this.readFailure = why
    this.closed = 'readError'
  }

  close(reason: ClosedState): void {
    this.closed = reason
  }

  /** One read of the socket. */
  feed(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    this.goOn()
  }

  /** @returns whether all was looked at */
  goOn(): boolean {
    if (this.closed !== undefined) return true
    const end = area + this.#rest.length
    this.kernel.bytes.set(this.#rest, area)
    this.kernel.bytes.fill(NOT_READ, end, end + NOT_READ_BYTES)
    const looked = this.codec.decode(area, end) - area
    const behind = this.kernel.bytes.subarray(end, end + NOT_READ_BYTES)
    if (!behind.every((byte) => byte === NOT_READ)) throw new Error('written past what was read')
    this.#rest = this.#rest.subarray(looked)
    return this.#rest.length === 0
  }

  /** What `encode` makes of parts that lie in shared memory. */
  encode(...parts: Uint8Array[]): Buffer {
    let at = area
    const views = parts.map((part) => {
      this.kernel.bytes.set(part, at)
      const view = this.kernel.bytes.subarray(at, at + part.length)
      at += part.length + 1
      return view
    })
    return Buffer.concat(this.codec.encode(views))
  }
}

export interface FrameOptions {
  readonly isFinal?: boolean
  readonly isCompressed?: boolean
  readonly mask?: number | 'none'
}

/** A frame as the peer sends it; by default masked. */
export function frame(
  opcode: number,
  payload: string | Uint8Array,
  { isFinal = true, isCompressed = false, mask = 0x5a0ff0c3 }: FrameOptions = {},
): Buffer {
  const body = Buffer.from(payload)
  const key = mask === 'none' ? undefined : mask
  if (key !== undefined) applyMask(body, key)
  const header = { opcode, payloadBytes: body.length, isFinal, isCompressed, mask: key }
  return Buffer.concat([encodeFrameHeader(header), body])
}

export interface ReadFrame extends FrameHeader {
  /** Unmasked. */
  readonly payload: Buffer
}

/** All frames of what was sent; fails when the last one is cut. */
export function framesOf(bytes: Uint8Array): ReadFrame[] {
  const frames: ReadFrame[] = []
  let isMessageOpen = false
  for (let at = 0; at < bytes.length; ) {
    const rules = { compress: true, masking: 'optional', isMessageOpen } as const
    const header = readFrameHeader(bytes, at, bytes.length, rules)
    if (header === undefined || 'violation' in header) throw new Error(`no frame at ${at}`)
    const from = at + header.headerBytes
    at = from + header.payloadBytes
    if (at > bytes.length) throw new Error('the last frame is cut')
    const payload = Buffer.from(bytes.subarray(from, at))
    if (header.isMasked) applyMask(payload, header.mask)
    if (header.opcode < 8) isMessageOpen = !header.isFinal
    frames.push({ ...header, payload })
  }
  return frames
}
