import { durationMs, parseDuration } from '../base/duration.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { WrittenCompression } from './compression-options.ts'
import type { ConfigFaults } from './config-faults.ts'
import { type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { conversionError, goTypeOf } from './go-types.ts'
import { readText } from './value-readers.ts'

/**
 * A mode, a boolean or `{ mode, rtt_thresholds }`. What it makes sense as is only checked when the
 * broker starts, as in nats-server, so mode and thresholds come back as written.
 */
export function readCompression(
  node: ConfigNode,
  key: string,
  faults: ConfigFaults,
): WrittenCompression | undefined {
  const { data } = node
  if (typeof data === 'string') return { mode: data, rttThresholdsMs: [] }
  if (typeof data === 'boolean') return { mode: data ? 's2_auto' : 'off', rttThresholdsMs: [] }
  if (!isConfigMap(data)) {
    const type = goTypeOf(data)
    faults.report(node, `field ${goQuote(key)} should be a boolean or a structure, got ${type}`)
    return undefined
  }
  let mode: string | undefined
  let rttThresholdsMs: readonly number[] | undefined
  for (const [name, value] of data) {
    switch (name.toLowerCase()) {
      case 'mode':
        mode = readText(value, faults)
        break
      case 'rtt_thresholds':
      case 'thresholds':
      case 'rtts':
      case 'rtt':
        rttThresholdsMs = readThresholds(value, faults)
        break
      default:
        if (!value.usedVariable) faults.unknownField(value, name)
    }
  }
  return { mode: mode ?? '', rttThresholdsMs: rttThresholdsMs ?? [] }
}

function readThresholds(node: ConfigNode, faults: ConfigFaults): readonly number[] | undefined {
  if (!isConfigArray(node.data)) {
    faults.report(node, conversionError(node.data, '[]interface {}'))
    return undefined
  }
  const thresholdsMs: number[] = []
  for (const element of node.data) {
    const text = readText(element, faults)
    if (text === undefined) return undefined
    const parsed = parseDuration(text)
    if ('error' in parsed) {
      faults.report(node, parsed.error)
      return undefined
    }
    thresholdsMs.push(durationMs(parsed.ns))
  }
  return thresholdsMs
}
