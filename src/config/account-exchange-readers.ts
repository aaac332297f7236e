import { durationMs, parseDuration } from '../base/duration.ts'
import { goQuote } from '../protocol/go-quote.ts'
import {
  EXPORT_TABLE,
  type ExportBlock,
  IMPORT_TABLE,
  type ImportBlock,
  type ImportSource,
} from './account-table.ts'
import type {
  AccountExport,
  AccountImport,
  ResponseType,
  ServiceImport,
  ServiceLatency,
} from './account-types.ts'
import {
  type ConfigArray,
  type ConfigMap,
  type ConfigNode,
  isConfigArray,
  isConfigMap,
} from './config-value.ts'
import { conversionError, goTypeOf } from './go-types.ts'
import { defaultsOf, type OptionEntry } from './option-entry.ts'
import type { Occurrence } from './section-reading.ts'
import { readText } from './value-readers.ts'

/** `exports` and `imports` of an account. What is neither stream nor service is no entry. */

export function readExports(occurrence: Occurrence): readonly AccountExport[] | undefined {
  return readArray(occurrence, 'Exports')?.flatMap((element) => readExport(element, occurrence))
}

export function readImports(occurrence: Occurrence): readonly AccountImport[] | undefined {
  const elements = readArray(occurrence, 'Imports')
  if (elements === undefined) return undefined
  const imports: AccountImport[] = []
  for (const element of elements) {
    for (const entry of readImport(element, occurrence)) {
      const twin = imports.find((other) => isSameService(entry, other))
      if (twin === undefined) imports.push(entry)
      else occurrence.faults.report(element, duplicateText(twin))
    }
  }
  return imports
}

function readArray({ node, faults }: Occurrence, what: string): ConfigArray | undefined {
  if (isConfigArray(node.data)) return node.data
  faults.report(node, `${what} should be an array, got ${goTypeOf(node.data)}`)
  return undefined
}

function localSubject({ to, subject }: AccountImport): string {
  return to === '' ? subject : to
}

export function isSameService(one: AccountImport, other: AccountImport): boolean {
  if (one.kind !== 'service' || other.kind !== 'service') return false
  return one.account === other.account && localSubject(one) === localSubject(other)
}

export function duplicateText(twin: AccountImport): string {
  return (
    `Duplicate service import subject ${goQuote(localSubject(twin))}, previously used in import ` +
    `for account ${goQuote(twin.account)}, subject ${goQuote(twin.subject)}`
  )
}

function readExport(element: ConfigNode, { faults, fill }: Occurrence): AccountExport[] {
  const { data } = element
  if (!isConfigMap(data)) {
    faults.report(element, `Export Items should be a map with type entry, got ${goTypeOf(data)}`)
    return []
  }
  const block = defaultsOf(EXPORT_TABLE)
  fill('accounts.A.exports', EXPORT_TABLE, data, block)
  const { stream, service } = block
  if (stream !== undefined && service !== undefined) {
    const text = `Detected service ${goQuote(service)} but already saw a stream`
    faults.report(nodeFor('service', data, EXPORT_TABLE) ?? element, text)
  } else if (stream !== undefined) {
    for (const [option, what] of FOR_SERVICES) {
      if (block[option] === undefined) continue
      const node = nodeFor(option, data, EXPORT_TABLE) ?? element
      faults.report(node, `Detected ${what} directive on non-service`)
    }
  }
  return exportsOf(block)
}

const FOR_SERVICES = [
  ['responseType', 'response'],
  ['thresholdMs', 'response'],
  ['latency', 'latency'],
  ['allowTrace', 'allow_trace'],
] as const

/** What set that option in the block, if anything did. */
function nodeFor<T>(
  option: keyof T & string,
  map: ConfigMap,
  table: readonly OptionEntry<T>[],
): ConfigNode | undefined {
  const entry = table.find((row) => row.option === option)
  const spellings: readonly string[] = [entry?.key ?? option, ...(entry?.aliases ?? [])]
  return [...map].find(([key]) => spellings.includes(key.toLowerCase()))?.[1]
}

function exportsOf(block: ExportBlock): AccountExport[] {
  const { stream, service, accounts, accountTokenPosition: tokenPosition } = block
  const common = { accounts, tokenPosition, tokenRequired: false, revocations: {} }
  if (stream !== undefined) return [{ kind: 'stream', subject: stream, ...common }]
  if (service === undefined) return []
  const { responseType = 'singleton', thresholdMs = 0, latency, allowTrace = false } = block
  return [
    {
      kind: 'service',
      subject: service,
      ...common,
      responseType,
      thresholdMs,
      latency,
      allowTrace,
    },
  ]
}

/** @param kind as the text of the refusal names it */
export function readExportSubject(
  { node, faults }: Occurrence,
  kind: 'stream' | 'service',
): string | undefined {
  if (typeof node.data === 'string') return node.data
  faults.report(node, `Expected ${kind} name to be string, got ${goTypeOf(node.data)}`)
  return undefined
}

/** An empty array permits everybody, like none. */
export function readExportAccounts({ node, faults }: Occurrence): readonly string[] | undefined {
  if (!isConfigArray(node.data)) {
    faults.report(node, conversionError(node.data, '[]interface {}'))
    return undefined
  }
  const names = node.data.flatMap((element) => readText(element, faults) ?? [])
  return names.length === 0 ? undefined : names
}

const RESPONSE_TYPES: ReadonlyMap<string, ResponseType> = new Map([
  ['single', 'singleton'],
  ['singleton', 'singleton'],
  ['stream', 'stream'],
  ['chunk', 'chunked'],
  ['chunked', 'chunked'],
])

export function readResponseType({ node, faults, draft }: Occurrence): ResponseType | undefined {
  const { data } = node
  if (draft['responseType'] !== undefined) {
    faults.report(node, 'Duplicate response type definition')
  } else if (typeof data !== 'string') {
    faults.report(node, `Expected response type to be string, got ${goTypeOf(data)}`)
  } else {
    const type = RESPONSE_TYPES.get(data.toLowerCase())
    if (type !== undefined) return type
    faults.report(node, `Unknown response type: ${goQuote(data)}`)
  }
  return undefined
}

export function readThresholdMs({ node, faults, draft }: Occurrence): number | undefined {
  const { data } = node
  if (draft['thresholdMs'] !== undefined) {
    faults.report(node, 'Duplicate response threshold detected')
    return undefined
  }
  const parsed = typeof data === 'string' ? parseDuration(data) : undefined
  if (parsed !== undefined && 'ns' in parsed) return durationMs(parsed.ns)
  const shown = typeof data === 'string' ? goQuote(data) : goTypeOf(data)
  const text = 'Expected response threshold to be a parseable time duration'
  faults.report(node, `${text}, got ${shown}`)
  return undefined
}

const SAMPLING_ALWAYS = 100
const SAMPLING_BY_HEADERS = 0
const BAD_SAMPLING = 'bad sampling percentage, should be 1-100'

export function readServiceLatency({ node, faults }: Occurrence): ServiceLatency | undefined {
  const { data } = node
  if (typeof data === 'string') return { subject: data, sampling: SAMPLING_ALWAYS }
  if (!isConfigMap(data)) {
    const text = 'Expected latency entry to be a map/struct or string'
    faults.report(node, `${text}, got ${goTypeOf(data)}`)
    return undefined
  }
  // These two keys are the only ones that nats-server takes in lower case alone.
  const samplingNode = data.get('sampling')
  const sampling = samplingNode === undefined ? { percent: SAMPLING_ALWAYS } : sample(samplingNode)
  if ('error' in sampling) {
    faults.report(samplingNode ?? node, sampling.error)
    return undefined
  }
  const subject = data.get('subject')
  if (subject === undefined) {
    faults.report(node, 'Latency subject required, but missing')
    return undefined
  }
  if (typeof subject.data === 'string') {
    return { subject: subject.data, sampling: sampling.percent }
  }
  // The type in this text is always that of the empty result.
  faults.report(subject, 'Expected latency subject to be a string, got string')
  return undefined
}

const DECIMAL = /^[+-]?\d+$/

function sample({ data }: ConfigNode): { readonly percent: number } | { readonly error: string } {
  if (typeof data !== 'string' && typeof data !== 'bigint') {
    return { error: `Expected latency sample to be a string or map/struct, got ${goTypeOf(data)}` }
  }
  const text = String(data)
  if (text.trim().toLowerCase() === 'headers') return { percent: SAMPLING_BY_HEADERS }
  const digits = text.replace(/%$/, '')
  if (!DECIMAL.test(digits)) {
    const reason = `strconv.Atoi: parsing ${goQuote(digits)}: invalid syntax`
    return { error: `Failed to parse latency sample: ${reason}` }
  }
  const percent = Number(digits)
  return percent >= 1 && percent <= 100 ? { percent } : { error: BAD_SAMPLING }
}

function readImport(element: ConfigNode, { faults, fill }: Occurrence): AccountImport[] {
  const { data } = element
  if (!isConfigMap(data)) {
    faults.report(element, `Import Items should be a map with type entry, got ${goTypeOf(data)}`)
    return []
  }
  const block = defaultsOf(IMPORT_TABLE)
  fill('accounts.A.imports', IMPORT_TABLE, data, block)
  const { stream, service, prefix, to, allowTrace } = block
  const blame = (option: keyof ImportBlock, text: string): void => {
    faults.report(nodeFor(option, data, IMPORT_TABLE) ?? element, text)
  }
  if (stream !== undefined && service !== undefined) {
    blame('service', 'Detected service but already saw a stream')
  } else if (stream !== undefined && prefix !== '' && to !== '') {
    blame('to', "Stream import can not have a 'prefix' and a 'to' property")
  } else if (service !== undefined && allowTrace !== undefined) {
    blame('allowTrace', 'Detected allow_trace directive on a non-stream')
  }
  return importsOf(block)
}

function importsOf(block: ImportBlock): AccountImport[] {
  const { stream, service, prefix, to, share, allowTrace = false } = block
  const common = { token: '', to, allowTrace }
  if (stream !== undefined) return [{ kind: 'stream', ...stream, ...common, prefix }]
  if (service === undefined) return []
  return [{ kind: 'service', ...service, ...common, share } satisfies ServiceImport]
}

/** @param kind as the text of the refusal names it */
export function readImportSource(
  { node, faults }: Occurrence,
  kind: 'Stream' | 'Service',
): ImportSource | undefined {
  if (!isConfigMap(node.data)) {
    const shown = goTypeOf(node.data)
    faults.report(node, `${kind} entry should be an account map, got ${shown}`)
    return undefined
  }
  const source = { account: '', subject: '' }
  for (const [key, value] of node.data) {
    const name = key.toLowerCase()
    if (name === 'account' || name === 'subject') source[name] = readText(value, faults) ?? ''
    else if (!value.usedVariable) faults.unknownField(value, key)
  }
  if (source.account !== '' && source.subject !== '') return source
  faults.report(node, 'Expect an account name and a subject')
  return undefined
}
