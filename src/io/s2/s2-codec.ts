import type { ByteCodec, CodecHost } from '../byte-codec.ts'
import { S2Decoder } from './s2-decoder.ts'
import { S2Encoder, type S2Level } from './s2-encoder.ts'

/** Both directions of a leaf link that has agreed on S2; each side picks its own level. */
export class S2Codec implements ByteCodec {
  readonly #decoder: S2Decoder
  readonly #encoder: S2Encoder

  constructor(host: CodecHost, level: S2Level) {
    this.#decoder = new S2Decoder(host)
    this.#encoder = new S2Encoder(host, level)
  }

  /** Counts from the next flush on; `s2_auto` sets it after each PONG. */
  get level(): S2Level {
    return this.#encoder.level
  }

  set level(level: S2Level) {
    this.#encoder.level = level
  }

  decode(from: number, to: number): number {
    return this.#decoder.decode(from, to)
  }

  encode(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#encoder.encode(parts)
  }

  onWritten(): void {
    this.#encoder.release()
  }

  /** The format has no end mark. */
  closing(): undefined {
    return undefined
  }

  release(): void {
    this.#decoder.release()
    this.#encoder.release()
  }
}
