import { type JsonNode, type JsonRefusal, scanGoJson } from './go-json-scan.ts'
import { goText } from './go-text.ts'

/** Subjects a leaf node may or may not use; `{"allow":[…],"deny":[…]}` in INFO and CONNECT. */
export type SubjectPermission = {
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
}

/**
 * Go types that occur in INFO and CONNECT, with what they become here. 64-bit integers beyond 2^53
 * are rounded.
 */
type GoTypes = {
  string: string
  bool: boolean
  int: number
  int32: number
  uint8: number
  uint64: number
  strings: readonly string[] | undefined
  permission: SubjectPermission | undefined
}

export type GoType = keyof GoTypes
export type GoField = { readonly json: string; readonly type: GoType }
/** One Go struct: our property name to the name on the wire and the Go type. */
export type GoFields = Readonly<Record<string, GoField>>

/**
 * Only what the text said; a property whose text was `null` is there (undefined) only where Go
 * resets it.
 */
export type GoDecoded<F extends GoFields> = { -readonly [P in keyof F]?: GoTypes[F[P]['type']] }
export type GoDecodeResult<F extends GoFields> =
  | { readonly ok: true; readonly value: GoDecoded<F> }
  | JsonRefusal

type Plain = string | boolean | number | readonly string[] | SubjectPermission | undefined
type Converted = { readonly ok: true; readonly value: Plain } | { readonly ok: false }

const MISMATCH: Converted = { ok: false }
const INTEGER = /^-?[0-9]+$/
const INTEGER_RANGES: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = {
  int: [-(2n ** 63n), 2n ** 63n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint8: [0n, 255n],
  uint64: [0n, 2n ** 64n - 1n],
}
const PERMISSION_FIELDS = {
  allow: { json: 'allow', type: 'strings' },
  deny: { json: 'deny', type: 'strings' },
} as const satisfies GoFields

/**
 * Keys are compared without case, by Unicode folding: the long s and the Kelvin sign are ASCII
 * letters here.
 */
function foldKey(key: string): string {
  return key.toLowerCase().replaceAll('\u017f', 's')
}

function convert(node: JsonNode, type: GoType, previous: Plain): Converted {
  switch (type) {
    case 'string':
      return node.type === 'string' ? { ok: true, value: node.value } : MISMATCH
    case 'bool':
      return node.type === 'bool' ? { ok: true, value: node.value } : MISMATCH
    case 'strings':
      return node.type === 'array' ? convertStrings(node.items) : MISMATCH
    case 'permission': {
      if (node.type !== 'object') return MISMATCH
      const inner = decodeMembers(node.members, PERMISSION_FIELDS)
      return inner === null ? MISMATCH : { ok: true, value: { ...(previous as object), ...inner } }
    }
    default:
      return node.type === 'number' ? convertInteger(node.text, type) : MISMATCH
  }
}

function convertStrings(items: readonly JsonNode[]): Converted {
  const strings: string[] = []
  for (const item of items) {
    if (item.type === 'null') strings.push('')
    else if (item.type === 'string') strings.push(item.value)
    else return MISMATCH
  }
  return { ok: true, value: strings }
}

function convertInteger(text: string, type: string): Converted {
  if (!INTEGER.test(text) || (text === '-0' && type.startsWith('u'))) return MISMATCH
  if (text.length > 21) return MISMATCH // longer than any 64-bit integer: spares BigInt a huge text
  const value = BigInt(text)
  const [min, max] = INTEGER_RANGES[type]!
  return value < min || value > max ? MISMATCH : { ok: true, value: Number(value) }
}

/** null = some member has the wrong type. */
function decodeMembers(
  members: readonly (readonly [string, JsonNode])[],
  fields: GoFields,
): Record<string, Plain> | null {
  const byKey = new Map<string, [property: string, type: GoType]>()
  for (const [property, field] of Object.entries(fields)) {
    byKey.set(field.json, [property, field.type])
  }
  const decoded: Record<string, Plain> = {}
  for (const [key, node] of members) {
    const known = byKey.get(key) ?? byKey.get(foldKey(key))
    if (known === undefined) continue
    const [property, type] = known
    if (node.type === 'null') {
      if (type === 'strings' || type === 'permission') decoded[property] = undefined
      continue
    }
    const converted = convert(node, type, decoded[property])
    if (!converted.ok) return null
    decoded[property] = converted.value
  }
  return decoded
}

/**
 * Decodes as Go's json.Unmarshal into a struct would: keys in any case, unknown keys skipped, the
 * last duplicate wins, `null` changes nothing, integers take no fraction, exponent or overflow.
 *
 * @param text bytes as read from the wire, or text
 * @returns a refusal for bad syntax or a value of the wrong type; nothing of the text is to be used
 *   then
 */
export function decodeGoJson<F extends GoFields>(
  text: string | Uint8Array,
  fields: F,
): GoDecodeResult<F> {
  const scanned = scanGoJson(typeof text === 'string' ? text : goText(text))
  if (!scanned.ok) return scanned
  if (scanned.node.type === 'null') return { ok: true, value: {} }
  const decoded =
    scanned.node.type === 'object' ? decodeMembers(scanned.node.members, fields) : null
  if (decoded === null) return { ok: false, why: 'value of the wrong type', at: 0 }
  return { ok: true, value: decoded as GoDecoded<F> }
}
