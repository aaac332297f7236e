import { goQuote } from '../protocol/go-quote.ts'
import { mappingSourceFault } from './account-checks.ts'
import { MAPPING_TABLE } from './account-table.ts'
import type { MappingDestination, SubjectMapping } from './account-types.ts'
import { type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { conversionError, goValueText } from './go-types.ts'
import { defaultsOf } from './option-entry.ts'
import type { Occurrence } from './section-reading.ts'
import { readMap } from './value-readers.ts'

/** Subject mappings: those of an account, and at the top level those of the global one. */

export function readMappings(occurrence: Occurrence): readonly SubjectMapping[] | undefined {
  const { node, faults, draft, field } = occurrence
  const map = readMap(node, faults)
  if (map === undefined) return undefined
  const mappings: SubjectMapping[] = []
  for (const [source, entry] of map) {
    const fault = mappingSourceFault(source)
    if (fault !== undefined) {
      faults.report(node, fault)
      continue
    }
    const mapping = readMapping(source, entry, occurrence)
    if (mapping !== undefined) mappings.push(mapping)
  }
  // Another spelling of the key may have set some already.
  const others = (draft[field] ?? []) as readonly SubjectMapping[]
  return [...others.filter(({ source }) => !map.has(source)), ...mappings]
}

function readMapping(
  source: string,
  entry: ConfigNode,
  occurrence: Occurrence,
): SubjectMapping | undefined {
  const { faults, rules } = occurrence
  const faultsBefore = faults.errors.length
  const destinations = readDestinations(entry, occurrence)
  if (faults.errors.length > faultsBefore) return undefined
  const mapping = { source, destinations }
  const fault = rules?.mappingFault(mapping)
  if (fault === undefined) return mapping
  const target = typeof entry.data === 'string' ? ` to ${goQuote(entry.data)}` : ''
  faults.report(entry, `Error adding mapping for ${goQuote(source)}${target} : ${fault}`)
  return undefined
}

function readDestinations(entry: ConfigNode, occurrence: Occurrence): MappingDestination[] {
  const { data } = entry
  if (typeof data === 'string') return [{ subject: data, weight: 100, cluster: '' }]
  if (isConfigArray(data)) return data.flatMap((element) => readDestination(element, occurrence))
  return readDestination(entry, occurrence)
}

const TEXTS = /^(?:dest|destination|cluster)$/i

function readDestination(node: ConfigNode, { faults, fill }: Occurrence): MappingDestination[] {
  if (!isConfigMap(node.data)) {
    faults.report(node, 'Expected an entry for the mapping destination')
    return []
  }
  const unfit = [...node.data].find(
    ([key, { data }]) => TEXTS.test(key) && typeof data !== 'string',
  )
  if (unfit !== undefined) {
    // nats-server has lost the place by then.
    faults.report(node, conversionError(unfit[1].data, 'string'))
    return []
  }
  const block = defaultsOf(MAPPING_TABLE)
  const faultsBefore = faults.errors.length
  fill('mappings.from', MAPPING_TABLE, node.data, block, (field) => {
    return `Unknown field ${goQuote(field)} for mapping destination`
  })
  if (faults.errors.length > faultsBefore) return []
  const { destination: subject, weight, cluster } = block
  if (weight !== undefined) return [{ subject, weight, cluster }]
  faults.report(node, `Missing weight for mapping destination ${goQuote(subject)}`)
  return []
}

const DECIMAL = /^[+-]?\d+$/

/** Percent: `50`, `"50"` or `"50%"`. */
export function readMappingWeight({ node, faults }: Occurrence): number | undefined {
  const { data } = node
  if (typeof data !== 'string' && typeof data !== 'bigint') {
    faults.report(node, `Unknown entry type for weight of ${goValueText(data)}\n`)
    return undefined
  }
  const digits = String(data).replace(/%$/, '')
  const isNumber = DECIMAL.test(digits)
  const weight = Number(digits)
  if (isNumber && weight >= 0 && weight <= 100) return weight
  const shown = isNumber ? String(weight) : goQuote(digits)
  faults.report(node, `Invalid weight ${shown} for mapping destination`)
  return undefined
}
