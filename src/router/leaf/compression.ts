import type { CompressionMode, CompressionOptions } from '../../config/option-types.ts'

/** How a link is compressed in the end, in nats-server's words. */
export type LinkCompression =
  | 'off'
  | 'not supported'
  | 's2_uncompressed'
  | 's2_fast'
  | 's2_better'
  | 's2_best'

/** How hard the S2 writer tries; `uncompressed` = S2 chunks that only carry the bytes. */
export type S2Level = 'uncompressed' | 'fast' | 'better' | 'best'

/** By index of the first threshold that is not below the round trip time. */
const LEVELS = ['s2_uncompressed', 's2_fast', 's2_better', 's2_best'] as const
const LEVELS_WITH_THRESHOLD = LEVELS.length - 1

const PEER_MODES: ReadonlySet<string> = new Set([
  's2_auto',
  's2_uncompressed',
  's2_fast',
  's2_better',
  's2_best',
])

/** Whether this side would compress: only then is an INFO exchanged about it. */
export function wantsCompression(mode: CompressionMode): boolean {
  return mode !== 'off' && mode !== 'not supported'
}

/**
 * The mode of a link of which this side wants compression; the table is nats-server's.
 *
 * @param own not `off` or `not supported`
 * @param peer as in its INFO; '' = it does not know of compression
 * @returns undefined when the peer names a mode that does not exist
 */
export function negotiateCompression(own: CompressionMode, peer: string): string | undefined {
  if (peer === '' || peer === 'not supported') return 'not supported'
  if (peer === 'off') return 'off'
  if (peer === 'accept') return own === 'accept' ? 'off' : own
  if (!PEER_MODES.has(peer)) return undefined
  if (own !== 'accept') return own
  return peer === 's2_auto' ? 's2_fast' : peer
}

/** What `s2_auto` stands for at a round trip time. */
export function compressionForRtt(
  rttMs: number,
  { rttThresholdsMs }: Pick<CompressionOptions, 'rttThresholdsMs'>,
): LinkCompression {
  const found = rttThresholdsMs.findIndex((threshold) => threshold > 0 && rttMs <= threshold)
  if (found >= 0) return LEVELS[Math.min(found, LEVELS_WITH_THRESHOLD)]!
  // Beyond the last one: the best, unless levels were left out at the end.
  const { length } = rttThresholdsMs
  return length >= LEVELS_WITH_THRESHOLD ? 's2_best' : LEVELS[Math.max(0, length - 1)]!
}

/** undefined: the link is not compressed. */
export function s2LevelOf(compression: LinkCompression): S2Level | undefined {
  if (compression === 'off' || compression === 'not supported') return undefined
  return compression.slice('s2_'.length) as S2Level
}
