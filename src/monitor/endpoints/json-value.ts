import { goJsonString } from '../../protocol/go-json.ts'

/**
 * What endpoints answer with: members in the order of nats-server's structs, undefined ones left
 * out. Maps are Go's: written in the order of their keys, so that no key is special.
 */
export type JsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue>
  | JsonObject
  | JsonText

export type JsonObject = { readonly [member: string]: JsonValue | undefined }

/** What writes itself: objects of which there are thousands are never made. */
export class JsonText {
  readonly write: (style: JsonStyle, margin: string) => string

  /** @param write see writeValue */
  constructor(write: (style: JsonStyle, margin: string) => string) {
    this.write = write
  }
}

/** As json.Marshal writes it; with an indent as json.MarshalIndent. */
export function writeJson(value: JsonValue, indent = ''): string {
  return indent === ''
    ? writeValue(value, COMPACT, '')
    : writeValue(value, { indent, colon: ': ' }, '\n')
}

/** White space. */
export interface JsonStyle {
  readonly indent: string
  readonly colon: string
}

const COMPACT: JsonStyle = { indent: '', colon: ':' }

/** @param margin what each line begins with, its line end included; '' = there are no lines */
export function writeValue(value: JsonValue, style: JsonStyle, margin: string): string {
  if (typeof value === 'string') return goJsonString(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '0'
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof JsonText) return value.write(style, margin)
  const inner = margin + style.indent
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) {
      text += text === '' ? inner : `,${inner}`
      text += writeValue(item, style, inner)
    }
    return text === '' ? '[]' : `[${text}${margin}]`
  }
  const members = value instanceof Map ? sortedMembers(value) : Object.entries(value)
  for (const [key, member] of members) {
    if (member === undefined) continue
    text += text === '' ? inner : `,${inner}`
    text += goJsonString(key) + style.colon + writeValue(member, style, inner)
  }
  return text === '' ? '{}' : `{${text}${margin}}`
}

function sortedMembers(map: ReadonlyMap<string, JsonValue>): (readonly [string, JsonValue])[] {
  return [...map].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** Go's `omitempty`: undefined for false, 0, '' and what has nothing in it. */
export function omitEmpty<Value extends JsonValue>(value: Value | undefined): Value | undefined {
  if (typeof value !== 'object' || value === null) return value ? value : undefined
  if (Array.isArray(value)) return value.length > 0 ? value : undefined
  return value instanceof Map && value.size === 0 ? undefined : value
}
