import type { SourcePosition } from './config-error.ts'

/**
 * What a configuration file can say. The JavaScript type tells the type nats-server would have:
 *
 *   string   string            number  float64          Date  time.Time
 *   bigint   int64             boolean bool             array []interface {}
 *   Map      map[string]interface {}
 */
export type ConfigData = string | bigint | number | boolean | Date | ConfigArray | ConfigMap
export type ConfigArray = readonly ConfigNode[]
export type ConfigMap = ReadonlyMap<string, ConfigNode>

/**
 * A value and where it stands. For a map entry that is the position of its key, which helps more
 * than that of the value; for an array element its own.
 */
export interface ConfigNode extends SourcePosition {
  readonly data: ConfigData
  /** True once a `$NAME` took this value: its key is then a constant, not a misspelt option. */
  readonly usedVariable: boolean
}

export function isConfigMap(data: ConfigData): data is ConfigMap {
  return data instanceof Map
}

export function isConfigArray(data: ConfigData): data is ConfigArray {
  return Array.isArray(data)
}
