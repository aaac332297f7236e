import { goJsonSyntaxError } from '../../protocol/go-json-error.ts'
import { type JsonNode, scanGoJson } from '../../protocol/go-json-scan.ts'

/** Go types of options, by the name that Go's errors have for them. */
export type OptionType =
  | 'string'
  | 'bool'
  | 'int'
  | 'uint64'
  | '[]string'
  | 'time.Duration'
  | 'server.ConnState'
  | 'server.SortOpt'

/** An option: its Go type, and the struct it is in, as Go's errors name it. */
export interface OptionField {
  readonly type: OptionType
  readonly path: string
}

export type OptionValue = string | number | boolean | readonly string[]
/** Only what was said; 64-bit integers beyond 2^53 are rounded. */
export type OptionValues = { readonly [name: string]: OptionValue }

export type Unmarshalled =
  | { readonly ok: true; readonly values: OptionValues }
  /** Go's text. */
  | { readonly ok: false; readonly error: string }

const INTEGER = /^-?[0-9]+$/
const INT_MAX = 2n ** 63n - 1n
const UINT_MAX = 2n ** 64n - 1n

/**
 * Decodes options as Go's json.Unmarshal into a struct would, with its texts for what is wrong:
 * names in any case, unknown ones skipped, `null` changes nothing.
 *
 * @param struct name of the Go struct
 */
export function unmarshalOptions(
  body: Uint8Array,
  struct: string,
  fields: ReadonlyMap<string, OptionField>,
): Unmarshalled {
  const error = goJsonSyntaxError(body)
  if (error !== undefined) return { ok: false, error }
  const scanned = scanGoJson(Buffer.from(body).toString())
  if (!scanned.ok) return { ok: false, error: scanned.why }
  const { node } = scanned
  if (node.type === 'null') return { ok: true, values: {} }
  if (node.type !== 'object') {
    const what = node.type
    return { ok: false, error: `json: cannot unmarshal ${what} into Go value of type ${struct}` }
  }
  const values: Record<string, OptionValue> = {}
  // Go goes on after a value of the wrong type, and tells of the first.
  let fault: string | undefined
  const name = struct.slice(struct.indexOf('.') + 1)
  for (const [key, value] of node.members) {
    const known = fields.has(key) ? key : key.toLowerCase()
    const field = fields.get(known)
    if (field === undefined || value.type === 'null') continue
    const converted = convert(value, field.type)
    if ('found' in converted) {
      const { found, type } = converted
      const place = `${name}.${field.path === '' ? '' : `${field.path}.`}${known}`
      fault ??= `json: cannot unmarshal ${found} into Go struct field ${place} of type ${type}`
    } else values[known] = converted.value
  }
  return fault === undefined ? { ok: true, values } : { ok: false, error: fault }
}

type Converted = { readonly value: OptionValue } | { readonly found: string; readonly type: string }

function convert(node: JsonNode, type: OptionType): Converted {
  switch (type) {
    case 'string':
    case 'server.SortOpt':
      return node.type === 'string' ? { value: node.value } : { found: node.type, type }
    case 'bool':
      return node.type === 'bool' ? { value: node.value } : { found: node.type, type }
    case '[]string':
      return node.type === 'array' ? convertItems(node.items) : { found: node.type, type }
    default:
      return convertInteger(node, type)
  }
}

function convertItems(items: readonly JsonNode[]): Converted {
  const strings: string[] = []
  for (const item of items) {
    if (item.type === 'string') strings.push(item.value)
    else if (item.type === 'null') strings.push('')
    else return { found: item.type, type: 'string' }
  }
  return { value: strings }
}

function convertInteger(node: JsonNode, type: OptionType): Converted {
  if (node.type !== 'number') return { found: node.type, type }
  const { text } = node
  const [min, max] = type === 'uint64' ? [0n, UINT_MAX] : [-INT_MAX - 1n, INT_MAX]
  // No 64-bit integer is longer.
  const value = INTEGER.test(text) && text.length <= 21 ? BigInt(text) : undefined
  const isOutside = value === undefined || value < min || value > max
  const isSigned = type === 'uint64' && text.startsWith('-')
  return isOutside || isSigned ? { found: `number ${text}`, type } : { value: Number(value) }
}
