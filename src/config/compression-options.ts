import { durationNs, formatDuration } from '../base/duration.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { CompressionMode, CompressionOptions } from './option-types.ts'

/** nats-server defaultCompressionS2AutoRTTThresholds. */
const RTT_THRESHOLDS_MS: readonly number[] = [10, 50, 100]
const RTT_THRESHOLD_COUNT_MAX = 4

export const DEFAULT_COMPRESSION: CompressionOptions = {
  mode: 's2_auto',
  rttThresholdsMs: RTT_THRESHOLDS_MS,
}

const MODES: ReadonlyMap<string, CompressionMode> = new Map([
  ['on', 's2_auto'],
  ['enabled', 's2_auto'],
  ['true', 's2_auto'],
  ['auto', 's2_auto'],
  ['s2_auto', 's2_auto'],
  ['fast', 's2_fast'],
  ['s2_fast', 's2_fast'],
  ['better', 's2_better'],
  ['s2_better', 's2_better'],
  ['best', 's2_best'],
  ['s2_best', 's2_best'],
  ['off', 'off'],
  ['disabled', 'off'],
  ['false', 'off'],
  ['accept', 'accept'],
  ['not supported', 'not supported'],
  ['not_supported', 'not supported'],
])

/** Compression as written, in any spelling; an empty mode stands for the default. */
export interface WrittenCompression {
  readonly mode: string
  readonly rttThresholdsMs: readonly number[]
}

/**
 * Brings spellings to the one word for each mode, and thresholds to what the broker goes by. Modes
 * that do not depend on the round trip time have none.
 */
export function normaliseCompression(
  written: WrittenCompression,
): { readonly compression: CompressionOptions } | { readonly error: string } {
  const shownMode = written.mode === '' ? DEFAULT_COMPRESSION.mode : written.mode
  const mode = MODES.get(shownMode.toLowerCase())
  if (mode === undefined) return { error: `unsupported compression mode ${goQuote(shownMode)}` }
  if (mode !== 's2_auto') return { compression: { mode, rttThresholdsMs: [] } }
  if (written.rttThresholdsMs.length === 0) return { compression: DEFAULT_COMPRESSION }

  const thresholds = written.rttThresholdsMs.map((ms) => Math.max(ms, 0))
  const shown = `[${written.rttThresholdsMs.map((ms) => formatDuration(durationNs(ms))).join(' ')}]`
  if (!isAscending(thresholds.filter((ms) => ms !== 0))) {
    return { error: `RTT threshold values ${shown} should be in ascending order` }
  }
  const trimmed = thresholds.slice(0, thresholds.findLastIndex((ms) => ms !== 0) + 1)
  const faulty = `compression mode ${goQuote(shownMode)}`
  if (trimmed.length > RTT_THRESHOLD_COUNT_MAX) {
    const most = `no more than ${RTT_THRESHOLD_COUNT_MAX} RTT thresholds`
    return { error: `${faulty} should have ${most}: ${shown}` }
  }
  if (trimmed.length === 0) return { error: `${faulty} requires at least one RTT threshold` }
  return { compression: { mode, rttThresholdsMs: trimmed } }
}

function isAscending(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value >= values[index - 1]!)
}
