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
  #options: CompressionOptions
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

  /**
   * Other options, in the middle of a link: its level may change at once.
   *
   * @returns whether the link has to be made anew, because the peer must be asked; as nats-server
   */
  change(options: CompressionOptions): boolean {
    this.#options = options
    const { mode } = options
    const current = this.#current
    // Of a link that is being made both sides have said what they want.
    if (current === '' || current === 'not supported') return false
    if (mode === 'not supported') return current !== 'off'
    this.#isAuto = mode === 's2_auto'
    if (current === mode) return false
    if (current === 'off' || mode === 'off' || mode === 'accept') return true
    const next = mode === 's2_auto' ? compressionForRtt(this.#rttMs, options) : mode
    if (next === current) return false
    this.#current = next
    this.start()
    return false
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
