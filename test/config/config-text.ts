import { parseConfigText } from '../../src/config/config-parser.ts'
import type { ConfigData, ConfigMap } from '../../src/config/config-value.ts'
import { isConfigArray, isConfigMap } from '../../src/config/config-value.ts'

/** A configuration without positions, for comparisons. */
export type PlainData = string | bigint | number | boolean | Date | PlainData[] | PlainMap
export type PlainMap = { [key: string]: PlainData }

function plain(data: ConfigData): PlainData {
  if (isConfigArray(data)) return data.map((node) => plain(node.data))
  if (isConfigMap(data)) return plainMap(data)
  return data
}

export function plainMap(map: ConfigMap): PlainMap {
  return Object.fromEntries([...map].map(([key, node]) => [key, plain(node.data)]))
}

export function parsePlain(
  text: string | Buffer,
  environment: Readonly<Record<string, string>> = {},
): PlainMap {
  return plainMap(parseConfigText(text, environment))
}

/** The text of the refusal, or undefined when there is none. */
export function refusalOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
