import type { CompressionOptions } from '../../config/option-types.ts'
import {
  compressionForRtt,
  type LinkCompression,
  negotiateCompression,
  s2LevelOf,
} from './compression.ts'
import type { LeafLink } from './leaf-types.ts'

/** How one link is compressed: settled once, after which only the level may change. */
export class LeafCompression {
  readonly #options: CompressionOptions
  readonly #link: LeafLink
  #current: LinkCompression | '' = ''
  /** The level follows the round trip time. */
  #isAuto = false
  /** What the level rests on. */
  #rttMs = Number.POSITIVE_INFINITY

  constructor(options: CompressionOptions, link: LeafLink) {
    this.#options = options
    this.#link = link
  }

  /** '' until it is settled. */
  get current(): LinkCompression | '' {
    return this.#current
  }

  /** As INFO puts it. */
  get mode(): string {
    return this.#isAuto ? 's2_auto' : this.#current
  }

  /** For a side that does not want any, or has not been asked. */
  settle(compression: LinkCompression): void {
    if (this.#current === '') this.#current = compression
  }

  /**
   * @param peer mode as in its INFO
   * @param elapsedMs that the peer took for its last answer: what is known of the round trip time
   */
  negotiate(peer: string, elapsedMs: number): 'compressed' | 'plain' | 'unsupported' {
    const mode = negotiateCompression(this.#options.mode, peer)
    if (mode === undefined) return 'unsupported'
    this.#isAuto = mode === 's2_auto'
    this.#rttMs = elapsedMs
    this.#current = this.#isAuto
      ? compressionForRtt(elapsedMs, this.#options)
      : (mode as LinkCompression)
    return s2LevelOf(this.#current) === undefined ? 'plain' : 'compressed'
  }

  /** From here on the link is compressed, if that is what it came to. */
  start(): void {
    const level = this.#current === '' ? undefined : s2LevelOf(this.#current)
    if (level !== undefined) this.#link.compress(level)
  }

  /** @param isUpperBound the real one may be shorter: it is no reason to compress harder */
  onRtt(rttMs: number, isUpperBound: boolean): void {
    if (!this.#isAuto) return
    if (isUpperBound && rttMs >= this.#rttMs) return
    this.#rttMs = rttMs
    const next = compressionForRtt(rttMs, this.#options)
    if (next === this.#current) return
    this.#current = next
    this.start()
  }
}
