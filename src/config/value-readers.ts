import { durationMs, parseDuration } from '../base/duration.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { ConfigFaults } from './config-faults.ts'
import type { ConfigMap, ConfigNode } from './config-value.ts'
import { isConfigMap } from './config-value.ts'
import { conversionError, goTypeOf, goValueText } from './go-types.ts'
import { parseDecimal, splitHostPort } from './host-port.ts'

/**
 * Typed reading of single values. Each function returns undefined when the value is unfit, and has
 * then reported it with nats-server's text.
 */

export function readText(node: ConfigNode, faults: ConfigFaults): string | undefined {
  if (typeof node.data === 'string') return node.data
  faults.report(node, conversionError(node.data, 'string'))
  return undefined
}

export function readBoolean(node: ConfigNode, faults: ConfigFaults): boolean | undefined {
  if (typeof node.data === 'boolean') return node.data
  faults.report(node, conversionError(node.data, 'bool'))
  return undefined
}

/** Past 2^53 the number is no longer exact; no limit that large is ever reached. */
export function readInteger(node: ConfigNode, faults: ConfigFaults): number | undefined {
  if (typeof node.data === 'bigint') return Number(node.data)
  faults.report(node, conversionError(node.data, 'int64'))
  return undefined
}

export function readMap(node: ConfigNode, faults: ConfigFaults): ConfigMap | undefined {
  if (isConfigMap(node.data)) return node.data
  faults.report(node, conversionError(node.data, 'map[string]interface {}'))
  return undefined
}

/** Milliseconds from `"2m"`; a bare integer means seconds and earns a warning. */
export function readDurationMs(
  node: ConfigNode,
  field: string,
  faults: ConfigFaults,
): number | undefined {
  if (typeof node.data !== 'string') {
    faults.warn(node, field, `${field} should be converted to a duration`)
    const seconds = readInteger(node, faults)
    return seconds === undefined ? undefined : seconds * 1_000
  }
  const parsed = parseDuration(node.data)
  if ('ns' in parsed) return durationMs(parsed.ns)
  faults.report(node, `error parsing ${field}: ${parsed.error}`)
  return undefined
}

/** As readDurationMs, but takes no bare integer. */
export function readStrictDurationMs(
  node: ConfigNode,
  field: string,
  faults: ConfigFaults,
): number | undefined {
  const text = readText(node, faults)
  if (text === undefined) return undefined
  const parsed = parseDuration(text)
  if ('ns' in parsed) return durationMs(parsed.ns)
  faults.report(node, `error parsing ${field}: ${parsed.error}`)
  return undefined
}

export function readChoice(
  node: ConfigNode,
  field: string,
  values: readonly string[],
  faults: ConfigFaults,
): string | undefined {
  const text = readText(node, faults)
  if (text === undefined || values.includes(text)) return text
  const quoted = values.map((value) => `'${value}'`)
  const list = `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
  faults.report(node, `${field} must be ${list}`)
  return undefined
}

const AUTH_TIMEOUT_SECONDS_USUAL = 60

/** Milliseconds from seconds, whole or not, or from a duration. `block` names it in errors. */
export function readAuthTimeoutMs(
  node: ConfigNode,
  key: string,
  block: string,
  faults: ConfigFaults,
): number | undefined {
  const { data } = node
  let seconds: number
  if (typeof data === 'bigint' || typeof data === 'number') seconds = Number(data)
  else if (typeof data === 'string') {
    const parsed = parseDuration(data)
    if ('error' in parsed) {
      faults.report(node, `error parsing ${block} config, 'timeout' ${parsed.error}`)
      return undefined
    }
    seconds = Number(parsed.ns) / 1e9
  } else {
    faults.report(node, `error parsing ${block} config, 'timeout' wrong type`)
    return undefined
  }
  if (seconds > AUTH_TIMEOUT_SECONDS_USUAL) {
    faults.warn(
      node,
      key,
      `timeout of ${goValueText(data)} (${seconds.toFixed(6)} seconds) is high, consider keeping ` +
        'it under 60 seconds. possibly caused by unquoted duration; ' +
        "use '1m' instead of 1m, for example",
    )
  }
  return seconds * 1_000
}

/** `host:port`, or a port alone, which leaves the host open. */
export function readListen(
  node: ConfigNode,
  faults: ConfigFaults,
): { readonly host: string; readonly port: number } | undefined {
  const { data } = node
  if (typeof data === 'bigint') return { host: '', port: Number(data) }
  if (typeof data !== 'string') {
    faults.report(node, `expected port or host:port, got ${goTypeOf(data)}`)
    return undefined
  }
  const parts = splitHostPort(data)
  if (parts === undefined) {
    faults.report(node, `could not parse address string ${goQuote(data)}`)
    return undefined
  }
  const port = parseDecimal(parts.port)
  if (port === undefined) {
    faults.report(node, `could not parse port ${goQuote(parts.port)}`)
    return undefined
  }
  return { host: parts.host, port }
}
