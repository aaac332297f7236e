import { type ConfigData, type ConfigNode, isConfigMap } from './config-value.ts'
import { goTypeOf, goValueText } from './go-types.ts'
import type { Occurrence } from './section-reading.ts'

/**
 * `jetstream` in an account. A server without JetStream takes it and does nothing about it, so it
 * is only checked here.
 */

const SIZES: readonly string[] = [
  ...['max_memory', 'max_mem', 'mem', 'memory'],
  ...['max_store', 'max_file', 'max_disk', 'store', 'disk'],
  ...['max_streams', 'streams', 'max_consumers', 'consumers', 'max_ack_pending'],
  ...['mem_max_stream_bytes', 'memory_max_stream_bytes'],
  ...['disk_max_stream_bytes', 'store_max_stream_bytes'],
]
const SWITCHES: readonly string[] = ['max_bytes_required', 'max_stream_bytes', 'max_bytes']

export function readAccountJetstream({ node, faults }: Occurrence): boolean {
  const { data } = node
  if (isConfigMap(data)) {
    for (const [key, value] of data) {
      const fault = fieldFault(key, value)
      if (fault === 'unknown') faults.unknownField(value, key)
      else if (fault !== undefined) faults.report(value, fault)
    }
    return true
  }
  // nats-server does not know the place of these two.
  if (typeof data === 'string') {
    if (/^enabled?$/i.test(data)) return true
    if (/^disabled?$/i.test(data)) return false
    const text = `Expected 'enabled' or 'disabled' for string value, got '${data}'`
    faults.reportUnplaced(text)
  } else if (typeof data !== 'boolean') {
    const text = `Expected map, bool or string to define JetStream, got ${goTypeOf(data)}`
    faults.reportUnplaced(text)
  }
  return data === true
}

function fieldFault(key: string, { data, usedVariable }: ConfigNode): string | undefined {
  const name = key.toLowerCase()
  const got = `for "${key}", got ${goValueText(data)}`
  if (SIZES.includes(name)) {
    return typeof data === 'bigint' ? undefined : `Expected a parseable size ${got}`
  }
  if (SWITCHES.includes(name)) {
    return typeof data === 'boolean' ? undefined : `Expected a parseable bool ${got}`
  }
  if (name === 'cluster_traffic') return trafficFault(data, got)
  return usedVariable ? undefined : 'unknown'
}

function trafficFault(data: ConfigData, got: string): string | undefined {
  if (typeof data !== 'string') return `Expected either 'system' or 'owner' string value ${got}`
  if (['system', 'owner', ''].includes(data)) return undefined
  return `Expected 'system' or 'owner' string value ${got}`
}
