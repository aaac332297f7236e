import type { Kernel } from '../../kernel/kernel.ts'
import { CODEC_HEADROOM_BYTES, type CodecHost } from '../byte-codec.ts'
import {
  BLOCK_BYTES_MAX,
  CHECKSUM_BYTES,
  CHUNK_BODY_BYTES_MAX,
  CHUNK_COMPRESSED,
  CHUNK_HEADER_BYTES,
  CHUNK_IDENTIFIER,
  CHUNK_SKIPPABLE,
  CHUNK_STORED,
  CORRUPT,
  CRC_MISMATCH,
  IDENTIFIER_BODY_BYTES,
  IDENTIFIER_BODY_S2,
  IDENTIFIER_BODY_SNAPPY,
  SNAPPY_BLOCK_BYTES_MAX,
  UNSUPPORTED,
} from './s2-format.ts'

/**
 * chosen: plain bytes after which one call ends. Ten bytes of input can stand for 4 MiB; a read
 * area full of them must not hold the thread.
 */
const WORK_BYTES_MAX = 4 * 1024 * 1024
/** A chunk that is not all there gets a block that grows with it: its length is only a claim. */
const BODY_BYTES_MIN = 64 * 1024
const LENGTH_BYTES_MAX = 5

interface Block {
  readonly address: number
  /** As it was allocated. */
  readonly bytes: number
}

/** Body of a chunk that came in parts, behind CODEC_HEADROOM_BYTES. */
interface Body extends Block {
  readonly filled: number
}

/**
 * Reads an S2 stream that is cut anywhere. It keeps at most the body of one chunk between two
 * calls, and one block while it delivers.
 *
 * A call stands, between two steps, at exactly one of these: in a chunk's header (`#headerBytes`
 * of it are known), in a body that is being collected, in one that is skipped.
 */
export class S2Decoder {
  readonly #host: CodecHost
  readonly #kernel: Kernel
  #header = 0
  #headerBytes = 0
  #body: Body | undefined
  /** Bytes of the chunk's body still to be skipped. */
  #skipBytes = 0
  #hasIdentifier = false
  #blockBytesMax = BLOCK_BYTES_MAX
  /** Where blocks are decoded to, during one call. */
  #target: Block | undefined
  #hasEnded = false

  constructor(host: CodecHost) {
    this.#host = host
    this.#kernel = host.kernel
  }

  /** As ByteCodec.decode. */
  decode(from: number, to: number): number {
    let at = from
    let work = 0
    let isWanted = true
    const deliver = (start: number, bytes: number) => {
      work += bytes
      if (bytes > 0) isWanted = this.#host.deliver(start, start + bytes)
    }
    while (at < to && isWanted && work < WORK_BYTES_MAX && !this.#hasEnded) {
      if (this.#skipBytes > 0) {
        const bytes = Math.min(this.#skipBytes, to - at)
        this.#skipBytes -= bytes
        at += bytes
      } else if (this.#headerBytes < CHUNK_HEADER_BYTES) {
        this.#header |= this.#kernel.bytes[at]! << (8 * this.#headerBytes)
        this.#headerBytes++
        at++
        if (this.#headerBytes === CHUNK_HEADER_BYTES) this.#onHeader()
      } else {
        at = this.#onBody(at, to, deliver)
      }
    }
    this.#free(this.#target)
    this.#target = undefined
    return this.#hasEnded ? to : at
  }

  release(): void {
    this.#hasEnded = true
    this.#free(this.#body)
    this.#body = undefined
  }

  get #type(): number {
    return this.#header & 0xff
  }

  get #bodyBytes(): number {
    return this.#header >>> 8
  }

  #onHeader(): void {
    const type = this.#type
    const bytes = this.#bodyBytes
    if (type === CHUNK_IDENTIFIER) {
      if (bytes !== IDENTIFIER_BODY_BYTES) this.#fail(CORRUPT)
    } else if (!this.#hasIdentifier) {
      this.#fail(CORRUPT)
    } else if (type === CHUNK_COMPRESSED) {
      if (bytes < CHECKSUM_BYTES || bytes > CHUNK_BODY_BYTES_MAX) this.#fail(CORRUPT)
    } else if (type === CHUNK_STORED) {
      if (bytes < CHECKSUM_BYTES || bytes - CHECKSUM_BYTES > this.#blockBytesMax) {
        this.#fail(CORRUPT)
      }
    } else if (type < CHUNK_SKIPPABLE) {
      this.#fail(UNSUPPORTED)
    } else {
      this.#skipBytes = bytes
      this.#beginChunk()
    }
  }

  #beginChunk(): void {
    this.#header = 0
    this.#headerBytes = 0
  }

  /** Takes what there is of the chunk's body; handles the chunk when that is all. */
  #onBody(at: number, to: number, deliver: Deliver): number {
    const missing = this.#bodyBytes - (this.#body?.filled ?? 0)
    const bytes = Math.min(missing, to - at)
    if (this.#body === undefined && bytes === missing) {
      this.#onChunk(at, deliver)
    } else if (this.#collect(at, bytes) && bytes === missing) {
      // It is freed below, also when the connection ends in `deliver`.
      const body = this.#body
      this.#body = undefined
      this.#onChunk(body!.address + CODEC_HEADROOM_BYTES, deliver)
      this.#free(body)
    }
    return at + bytes
  }

  #collect(from: number, bytes: number): boolean {
    const { exports } = this.#kernel
    const old = this.#body
    const filled = old?.filled ?? 0
    let body: Block | undefined = old
    if (old === undefined || CODEC_HEADROOM_BYTES + filled + bytes > old.bytes) {
      const room = Math.min(this.#bodyBytes, Math.max(BODY_BYTES_MIN, 2 * (filled + bytes)))
      body = this.#allocate(CODEC_HEADROOM_BYTES + room)
      if (body === undefined) return false
      if (old !== undefined) {
        const data = old.address + CODEC_HEADROOM_BYTES
        exports.copy(body.address + CODEC_HEADROOM_BYTES, data, filled)
        this.#free(old)
      }
    }
    const { address } = body!
    exports.copy(address + CODEC_HEADROOM_BYTES + filled, from, bytes)
    this.#body = { address, bytes: body!.bytes, filled: filled + bytes }
    return true
  }

  /** The whole body of a chunk is at `at`. */
  #onChunk(at: number, deliver: Deliver): void {
    const type = this.#type
    const bytes = this.#bodyBytes
    this.#beginChunk()
    if (type === CHUNK_IDENTIFIER) this.#onIdentifier(at)
    else if (type === CHUNK_COMPRESSED) this.#onCompressed(at, at + bytes, deliver)
    else this.#onStored(at, at + bytes, deliver)
  }

  #onIdentifier(at: number): void {
    const text = this.#kernel.bytes.toString('latin1', at, at + IDENTIFIER_BODY_BYTES)
    if (text === IDENTIFIER_BODY_S2) this.#blockBytesMax = BLOCK_BYTES_MAX
    else if (text === IDENTIFIER_BODY_SNAPPY) this.#blockBytesMax = SNAPPY_BLOCK_BYTES_MAX
    else this.#fail(CORRUPT)
    this.#hasIdentifier = true
  }

  #onCompressed(at: number, to: number, deliver: Deliver): void {
    const { exports } = this.#kernel
    const size = this.#sizeOf(at + CHECKSUM_BYTES, to)
    if (size === undefined || size.plainBytes > this.#blockBytesMax) {
      this.#fail(CORRUPT)
      return
    }
    const { block, plainBytes } = size
    const target = this.#targetFor(plainBytes)
    if (target === undefined) return
    if (exports.s2Decode(block, to - block, target, plainBytes) === 0) this.#fail(CORRUPT)
    else if (!this.#isIntact(at, target, plainBytes)) this.#fail(CRC_MISMATCH)
    else deliver(target, plainBytes)
  }

  /** Reads the number of plain bytes in front of a block: a varint of at most 32 bits. */
  #sizeOf(from: number, to: number): { block: number; plainBytes: number } | undefined {
    const { bytes } = this.#kernel
    let plainBytes = 0
    for (let i = 0; i < LENGTH_BYTES_MAX && from + i < to; i++) {
      const byte = bytes[from + i]!
      plainBytes += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return { block: from + i + 1, plainBytes }
    }
    return undefined
  }

  /** Delivered where it is: in front are headers, which are done with. */
  #onStored(at: number, to: number, deliver: Deliver): void {
    const from = at + CHECKSUM_BYTES
    const plainBytes = to - from
    if (this.#isIntact(at, from, plainBytes)) deliver(from, plainBytes)
    else this.#fail(CRC_MISMATCH)
  }

  #isIntact(checksum: number, from: number, plainBytes: number): boolean {
    const { exports, bytes } = this.#kernel
    const crc = exports.crc32c(0, from, plainBytes)
    return bytes.readInt32LE(checksum) === exports.maskChecksum(crc)
  }

  /** Where so many bytes may be put until the call ends. */
  #targetFor(plainBytes: number): number | undefined {
    const bytes = CODEC_HEADROOM_BYTES + plainBytes
    if (this.#target === undefined || this.#target.bytes < bytes) {
      this.#free(this.#target)
      this.#target = undefined
      this.#target = this.#allocate(bytes)
      if (this.#target === undefined) return undefined
    }
    return this.#target.address + CODEC_HEADROOM_BYTES
  }

  #allocate(bytes: number): Block | undefined {
    const address = this.#kernel.exports.allocate(bytes)
    if (address !== 0) return { address, bytes }
    this.#hasEnded = true
    this.#host.close('slowConsumerPendingBytes')
    return undefined
  }

  #free(block: Block | undefined): void {
    if (block !== undefined) this.#kernel.exports.release(block.address, block.bytes)
  }

  #fail(why: string): void {
    this.#hasEnded = true
    this.#host.failRead(why)
  }
}

type Deliver = (from: number, bytes: number) => void
