import { type ConfigData, isConfigArray, isConfigMap } from './config-value.ts'

/** The Go type a configuration value has in nats-server; it is part of many error texts. */
export type GoType =
  | 'string'
  | 'int64'
  | 'float64'
  | 'bool'
  | 'time.Time'
  | '[]interface {}'
  | 'map[string]interface {}'

export function goTypeOf(data: ConfigData): GoType {
  if (typeof data === 'string') return 'string'
  if (typeof data === 'bigint') return 'int64'
  if (typeof data === 'number') return 'float64'
  if (typeof data === 'boolean') return 'bool'
  if (isConfigArray(data)) return '[]interface {}'
  return isConfigMap(data) ? 'map[string]interface {}' : 'time.Time'
}

/** The text nats-server gives for a value of the wrong type. */
export function conversionError(data: ConfigData, wanted: GoType): string {
  return `interface conversion: interface {} is ${goTypeOf(data)}, not ${wanted}`
}

/**
 * A value inside a sentence, as Go's `%v` prints it. Maps and arrays appear only by their type,
 * unless they are empty.
 */
export function goValueText(data: ConfigData): string {
  if (isConfigArray(data) && data.length === 0) return '[]'
  if (isConfigMap(data) && data.size === 0) return 'map[]'
  if (isConfigArray(data) || isConfigMap(data)) return goTypeOf(data)
  if (data instanceof Date) return `${data.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`
  return String(data)
}
