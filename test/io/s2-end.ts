import { CODEC_HEADROOM_BYTES, type CodecHost } from '../../src/io/byte-codec.ts'
import { S2Codec } from '../../src/io/s2/s2-codec.ts'
import type { S2Level } from '../../src/io/s2/s2-encoder.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import type { ClosedState } from '../../src/protocol/closed-states.ts'
import { arenaOf } from '../kernel/s2-kernel.ts'

export const S2_LEVELS: readonly S2Level[] = ['uncompressed', 'fast', 'better', 'best']

/** Written over everything the codec has let go of. */
const SCRAMBLED = 0xee

/** Bytes behind a block and its slack that nobody may write. */
const GUARD_BYTES = 128
const GUARD = 0xa5
/** Bytes that vector copies may touch behind a block. */
const SLACK_BYTES = 64

/** A kernel whose blocks are followed by bytes that are looked at when they are released. */
function guarded(kernel: Kernel): Kernel {
  const { bytes, exports } = kernel
  const guardOf = (address: number, count: number) => {
    const from = address + count + SLACK_BYTES
    return bytes.subarray(from, from + GUARD_BYTES)
  }
  return {
    ...kernel,
    exports: {
      ...exports,
      allocate(count: number): number {
        const address = exports.allocate(count + SLACK_BYTES + GUARD_BYTES)
        if (address !== 0) guardOf(address, count).fill(GUARD)
        return address
      },
      release(address: number, count: number): void {
        const isUntouched = guardOf(address, count).every((byte) => byte === GUARD)
        if (!isUntouched) throw new RangeError(`overrun of ${count} bytes at ${address}`)
        exports.release(address, count + SLACK_BYTES + GUARD_BYTES)
      },
    },
  }
}

/**
 * One end of an S2 stream. It treats the codec as a connection does, only worse: what was delivered
 * and the headroom in front of it are overwritten, as is the read area after each read.
 */
export class S2End implements CodecHost {
  readonly kernel: Kernel
  readonly codec: S2Codec
  readonly delivered: Buffer[] = []
  /** Deliveries after which the connection does not want more. */
  deliveriesMax = Number.POSITIVE_INFINITY
  /** What `failRead` was told. */
  failure: string | undefined
  closedState: ClosedState | undefined
  /** Calls of `decode` that ended before the input did. */
  restCount = 0
  readonly #readAddress: number
  readonly #readBytes: number

  constructor(kernel: Kernel, level: S2Level = 'fast') {
    this.kernel = guarded(kernel)
    this.codec = new S2Codec(this, level)
    const { layout, words } = kernel
    this.#readAddress = words[(arenaOf(kernel) + layout.ARENA_READ) >> 2]!
    this.#readBytes = words[layout.HEADER_READ_BYTES >> 2]!
  }

  get received(): Buffer {
    return Buffer.concat(this.delivered)
  }

  deliver(from: number, to: number): boolean {
    this.delivered.push(Buffer.from(this.kernel.bytes.subarray(from, to)))
    this.kernel.bytes.fill(SCRAMBLED, from - CODEC_HEADROOM_BYTES, to)
    return this.delivered.length < this.deliveriesMax
  }

  writeRaw(): void {
    throw new Error('nothing is written past S2')
  }

  failRead(why: string): void {
    this.failure = why
  }

  close(reason: ClosedState): void {
    this.closedState = reason
  }

  /** Reads of the given sizes, one after the other and from the start again, until all is in. */
  read(stream: Uint8Array, sizes: readonly number[] = [stream.length]): void {
    let at = 0
    for (let i = 0; at < stream.length; i++) {
      const size = Math.max(1, sizes[i % sizes.length]!)
      const bytes = stream.subarray(at, at + Math.min(size, this.#readBytes))
      at += bytes.length
      this.kernel.bytes.set(bytes, this.#readAddress)
      this.#decode(this.#readAddress, this.#readAddress + bytes.length)
      this.kernel.bytes.fill(SCRAMBLED, this.#readAddress, this.#readAddress + bytes.length)
    }
  }

  /** What is not looked at comes again, from a block of its own. */
  #decode(from: number, to: number): void {
    const { exports } = this.kernel
    const at = this.codec.decode(from, to)
    if (at === to || this.failure !== undefined || this.closedState !== undefined) return
    if (at < from || at > to) throw new RangeError(`decode ended at ${at}, not in ${from}…${to}`)
    this.restCount++
    if (this.delivered.length >= this.deliveriesMax) this.deliveriesMax = Number.POSITIVE_INFINITY
    const bytes = to - at
    const block = exports.allocate(CODEC_HEADROOM_BYTES + bytes)
    const start = block + CODEC_HEADROOM_BYTES
    exports.copy(start, at, bytes)
    this.#decode(start, start + bytes)
    exports.release(block, CODEC_HEADROOM_BYTES + bytes)
  }

  /** Puts texts into shared memory, gives them to the codec, and returns what it would write. */
  flush(...texts: readonly Uint8Array[]): Buffer {
    const { exports, bytes } = this.kernel
    const blocks = texts.map((text) => {
      const address = exports.allocate(text.length)
      if (address === 0) throw new RangeError('no memory for a text')
      bytes.set(text, address)
      return { address, bytes: text.length }
    })
    const views = blocks.map((block) => bytes.subarray(block.address, block.address + block.bytes))
    const stream = Buffer.concat(this.codec.encode(views))
    this.codec.onWritten()
    for (const block of blocks) exports.release(block.address, block.bytes)
    return stream
  }
}
