import { inflateRawSync } from 'node:zlib'
import { CODEC_HEADROOM_BYTES, type CodecHost } from '../byte-codec.ts'
import type { WebsocketTerms } from './websocket-terms.ts'

/** What the sender left out at the end of a message (RFC 7692), and an empty last block. */
const DEFLATE_END = Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff])
/** What is delivered at once. */
const SLICE_BYTES_MAX = 256 * 1024
export const TOO_LARGE = 'maximum payload exceeded'

/** A compressed message: collected whole, inflated, delivered slice by slice. */
export class MessageInflater {
  readonly #host: CodecHost
  readonly #terms: WebsocketTerms
  /** In one piece, which grows by doubling: its frames may be of one byte each. */
  #compressed = Buffer.alloc(0)
  #compressedBytes = 0
  /** undefined until the message is complete and its turn has come. */
  #inflated: Uint8Array | undefined
  #delivered = 0
  #isComplete = false

  constructor(host: CodecHost, terms: WebsocketTerms) {
    this.#host = host
    this.#terms = terms
  }

  /** Its last frame is here; it is not delivered yet, or not as a whole. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** @returns false when the message is larger than allowed */
  add(payload: Uint8Array): boolean {
    const bytes = this.#compressedBytes + payload.length
    if (bytes > this.#terms.compressedBytesMax) return false
    if (bytes > this.#compressed.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#compressed.length))
      larger.set(this.#compressed.subarray(0, this.#compressedBytes))
      this.#compressed = larger
    }
    this.#compressed.set(payload, this.#compressedBytes)
    this.#compressedBytes = bytes
    return true
  }

  /** @returns false when the message is larger than allowed */
  complete(): boolean {
    this.#isComplete = true
    return this.#compressedBytes + DEFLATE_END.length <= this.#terms.compressedBytesMax
  }

  /** @returns bytes inflated, or what is wrong with them */
  inflate(): number | { readonly why: string } {
    if (this.#inflated !== undefined) return 0
    const compressed = this.#compressed.subarray(0, this.#compressedBytes)
    const input = Buffer.concat([compressed, DEFLATE_END])
    this.#compressed = Buffer.alloc(0)
    try {
      const maxOutputLength = this.#terms.inflatedBytesMax
      this.#inflated = inflateRawSync(input, { maxOutputLength })
    } catch (error) {
      const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      return { why: isTooLarge ? TOO_LARGE : `flate: ${(error as Error).message}` }
    }
    return this.#inflated.length
  }

  /**
   * Delivers what the host takes.
   *
   * @returns whether that was all, and the host goes on; undefined without memory
   */
  deliver(): boolean | undefined {
    const inflated = this.#inflated!
    while (this.#delivered < inflated.length) {
      const slice = inflated.subarray(this.#delivered, this.#delivered + SLICE_BYTES_MAX)
      const { exports, bytes } = this.#host.kernel
      const blockBytes = CODEC_HEADROOM_BYTES + slice.length
      const block = exports.allocate(blockBytes)
      if (block === 0) return undefined
      const from = block + CODEC_HEADROOM_BYTES
      bytes.set(slice, from)
      this.#delivered += slice.length
      const goesOn = this.#host.deliver(from, from + slice.length)
      exports.release(block, blockBytes)
      if (!goesOn) return false
    }
    this.#reset()
    return true
  }

  #reset(): void {
    this.#compressedBytes = 0
    this.#inflated = undefined
    this.#delivered = 0
    this.#isComplete = false
  }
}
