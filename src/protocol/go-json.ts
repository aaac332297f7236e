import { isBroken, runeAt, runeOf, widthOf } from './go-text.ts'

/**
 * JSON as Go's encoding/json writes it: no white space, `<`, `>`, `&` and the two line separators
 * escaped, text that is not well formed written as the six characters `\ufffd`.
 */
export type GoJsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly GoJsonValue[]
  | GoJsonObject

/** A nested object; keys are written in insertion order, undefined members are left out. */
export type GoJsonObject = { readonly [key: string]: GoJsonValue | undefined }

export type GoJsonEntry = readonly [key: string, value: GoJsonValue | undefined]

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be found
const TO_ESCAPE = /[\u0000-\u001f"\\<>&\u2028\u2029\ud800-\udfff]/

function escapeRune(character: string): string {
  const short = SHORT_ESCAPES[character]
  if (short !== undefined) return short
  if (!TO_ESCAPE.test(character) || character.length > 1) return character
  const code = character.charCodeAt(0)
  if (code >= 0xd800 && code <= 0xdfff) return '\\ufffd'
  return `\\u${code.toString(16).padStart(4, '0')}`
}

/** A JSON string with its quotes. Bytes are taken as UTF-8, each broken byte becomes `\ufffd`. */
export function goJsonString(value: string | Uint8Array): string {
  let json = '"'
  if (typeof value === 'string') {
    if (!TO_ESCAPE.test(value)) return `"${value}"`
    for (const character of value) json += escapeRune(character)
    return `${json}"`
  }
  for (let at = 0; at < value.length; ) {
    const packed = runeAt(value, at, value.length)
    json += isBroken(packed) ? '\\ufffd' : escapeRune(String.fromCodePoint(runeOf(packed)))
    at += widthOf(packed)
  }
  return `${json}"`
}

/** @throws RangeError for a number JSON cannot hold (NaN, infinities), as Go refuses them too */
export function goJson(value: GoJsonValue): string {
  switch (typeof value) {
    case 'string':
      return goJsonString(value)
    case 'number':
      if (!Number.isFinite(value)) throw new RangeError(`not a JSON number: value=${value}`)
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return goJsonString(value)
      if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`
      return goJsonObject(Object.entries(value))
  }
}

/** An object with its members in the order given; a member whose value is undefined is left out. */
export function goJsonObject(entries: Iterable<GoJsonEntry>): string {
  const members: string[] = []
  for (const [key, value] of entries) {
    if (value !== undefined) members.push(`${goJsonString(key)}:${goJson(value)}`)
  }
  return `{${members.join(',')}}`
}
