import type { SubjectAttribute } from './login.ts'

interface Attribute {
  readonly type: string
  /** One character per byte of UTF-8. */
  readonly value: string
}

type RelativeName = readonly Attribute[]

/** The last part of a name first, as it is written. */
export type DistinguishedName = readonly RelativeName[]

/** Names in text of what certificates have as numbers. Source: nats-server. */
const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.5', 'SERIALNUMBER'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.17', 'POSTALCODE'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
])
const ESCAPABLE = ' "#+,;<=>\\'
const HEX_PAIR = /^[0-9a-fA-F]{2}$/

/**
 * Reads a name as RFC 4514 writes it: `CN=x,OU=a+OU=b`, `\,` and `\2c` for a comma.
 *
 * @returns undefined for what nats-server does not take for a name either
 */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const names: RelativeName[] = []
  let attributes: Attribute[] = []
  let type = ''
  let held = ''
  let trailingSpaces = 0
  const take = (): string => {
    const taken = held.slice(0, held.length - trailingSpaces)
    held = ''
    trailingSpaces = 0
    return taken
  }
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  for (let at = 0; at < bytes.length; at++) {
    const character = bytes[at]!
    if (character === '\\') {
      const escaped = escapedAt(bytes, at + 1)
      if (escaped === undefined) return undefined
      held += escaped.character
      trailingSpaces = 0
      at += escaped.length
    } else if (character === '=') {
      type = take()
      if (bytes[at + 1] === '#') return undefined
    } else if (character === ',' || character === '+') {
      if (type === '') return undefined
      attributes.push({ type, value: take() })
      type = ''
      if (character === ',') {
        names.push(attributes)
        attributes = []
      }
    } else if (character !== ' ' || held !== '') {
      trailingSpaces = character === ' ' ? trailingSpaces + 1 : 0
      held += character
    }
  }
  if (held === '') return names
  if (type === '') return undefined
  return [...names, [...attributes, { type, value: take() }]]
}

function escapedAt(text: string, at: number): { character: string; length: number } | undefined {
  const character = text[at]
  // A backslash at the very end stands for nothing.
  if (character === undefined) return { character: '', length: 0 }
  if (ESCAPABLE.includes(character)) return { character, length: 1 }
  const pair = text.slice(at, at + 2)
  if (!HEX_PAIR.test(pair)) return undefined
  return { character: String.fromCharCode(Number.parseInt(pair, 16)), length: 2 }
}

/**
 * @param subject of a certificate, as it is in there
 * @returns undefined when it has a kind of attribute that nats-server has no name for
 */
export function distinguishedNameOf(
  subject: readonly (readonly SubjectAttribute[])[],
): DistinguishedName | undefined {
  const names: RelativeName[] = []
  for (const attributes of subject) {
    const named = attributes.map(({ type, value }) => ({
      type: TYPE_NAMES.get(type) ?? '',
      value: Buffer.from(value, 'utf8').toString('latin1'),
    }))
    if (named.some(({ type }) => type === '')) return undefined
    if (named.length > 0) names.push(named.reverse())
  }
  return names.reverse()
}

/** The same parts in the same order. */
export function isSameName(one: DistinguishedName, other: DistinguishedName): boolean {
  return one.length === other.length && one.every((name, at) => isSamePart(name, other[at]!))
}

/** The same parts in any order. */
export function hasSameParts(one: DistinguishedName, other: DistinguishedName): boolean {
  const left = [...other]
  const isLeft = (name: RelativeName): boolean => {
    const at = left.findIndex((candidate) => isSamePart(name, candidate))
    if (at !== -1) left.splice(at, 1)
    return at !== -1
  }
  return one.length === other.length && one.every(isLeft)
}

function isSamePart(one: RelativeName, other: RelativeName): boolean {
  return one.length === other.length && hasAll(one, other) && hasAll(other, one)
}

function hasAll(one: RelativeName, other: RelativeName): boolean {
  return other.every(({ type, value }) =>
    one.some((mine) => mine.value === value && mine.type.toLowerCase() === type.toLowerCase()),
  )
}
