import { goQuote } from '../protocol/go-quote.ts'
import { isConfigArray, isConfigMap } from './config-value.ts'
import { goTypeOf } from './go-types.ts'
import type { Occurrence } from './section-reading.ts'
import { readText } from './value-readers.ts'

/** One text or several, without doubles. */
export function readTags({ node, faults }: Occurrence): readonly string[] | undefined {
  const { data } = node
  if (typeof data === 'string') return normaliseTags([data])
  if (!isConfigArray(data)) {
    faults.report(node, `error parsing tags: unsupported type ${goTypeOf(data)}`)
    return undefined
  }
  const texts = data.map((element) => element.data)
  if (texts.every((text) => typeof text === 'string')) return normaliseTags(texts)
  // Only the type of what stands in the array is of interest; nats-server names its own wrapper.
  faults.report(node, 'error parsing tags: unsupported type *conf.token where string is expected')
  return undefined
}

function normaliseTags(texts: readonly string[]): readonly string[] {
  const tags = texts.map((text) => text.trim()).filter((text) => text !== '')
  return [...new Set(tags)]
}

export function readMetadata({
  node,
  faults,
}: Occurrence): Readonly<Record<string, string>> | undefined {
  if (!isConfigMap(node.data)) {
    faults.report(node, `error parsing metadata: unsupported type ${goTypeOf(node.data)}`)
    return undefined
  }
  const entries = [...node.data].map(([key, value]) => [key, readText(value, faults) ?? ''])
  return Object.fromEntries(entries) as Record<string, string>
}

export function readStoreDir({ node, faults, draft }: Occurrence): string | undefined {
  if (draft['storeDir'] === '') return readText(node, faults)
  faults.report(node, "Duplicate 'store_dir' configuration")
  return undefined
}

export function readFeatureFlags({ node, faults }: Occurrence): object | undefined {
  if (!isConfigMap(node.data)) {
    faults.report(node, `error parsing feature flags: unsupported type ${goTypeOf(node.data)}`)
    return undefined
  }
  const entries = [...node.data]
  const unfit = entries.find(([, { data }]) => typeof data !== 'boolean')
  if (unfit === undefined) return Object.fromEntries(entries.map(([key, { data }]) => [key, data]))
  const [key, value] = unfit
  const found = `expected bool, got ${goTypeOf(value.data)}`
  faults.report(value, `error parsing feature flag ${goQuote(key)}: ${found}`)
  return undefined
}
