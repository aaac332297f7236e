import type { JsonNode } from '../../protocol/go-json-scan.ts'

/** The first thing that has the wrong type anywhere in one JSON text. */
export interface Faults {
  why: string | undefined
}

type Member = readonly [key: string, value: JsonNode]

const INTEGER = /^-?[0-9]+$/
/** Longer than any 64-bit integer: spares BigInt a huge text. */
const INTEGER_CHARACTERS_MAX = 20

/** Ranges of Go's integer types. */
const INTEGERS = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  uint8: [0n, 255n],
} as const

/** One for all: claims are kept by the ten thousand, and most of their maps are empty. */
const NONE: ReadonlyMap<string, never> = new Map<string, never>()

/**
 * Reads one JSON object as Go's json.Unmarshal fills a struct: keys in any case, the last duplicate
 * wins, objects under one key are merged, `null` counts as absent. A value of the wrong type reads
 * as absent and is noted in `faults`: whoever has read everything looks there.
 */
export class JsonFields {
  readonly #byKey = new Map<string, JsonNode[]>()
  readonly #members: readonly Member[]
  readonly #path: string
  readonly #faults: Faults

  /** @param path what a fault is named by: `UserClaims.nats` */
  constructor(members: readonly Member[], path: string, faults: Faults) {
    this.#members = members
    this.#path = path
    this.#faults = faults
    for (const [key, value] of members) {
      if (value.type === 'null') continue
      const folded = foldKey(key)
      const known = this.#byKey.get(folded)
      if (known === undefined) this.#byKey.set(folded, [value])
      else known.push(value)
    }
  }

  has(name: string): boolean {
    return this.#byKey.has(name)
  }

  /** Whether it is there as `null`, where that is not the same as absent. */
  isNull(name: string): boolean {
    return this.#members.some(([key, { type }]) => type === 'null' && foldKey(key) === name)
  }

  isText(name: string): boolean {
    return this.#last(name)?.type === 'string'
  }

  /** '' when absent. */
  text(name: string): string {
    const node = this.#last(name)
    if (node === undefined || node.type === 'string') return node?.value ?? ''
    this.#mismatch(node, name, 'string')
    return ''
  }

  flag(name: string): boolean {
    const node = this.#last(name)
    if (node === undefined || node.type === 'bool') return node?.value ?? false
    this.#mismatch(node, name, 'bool')
    return false
  }

  /** Beyond 2^53 rounded. */
  integer(name: string, absent = 0, type: keyof typeof INTEGERS = 'int64'): number {
    const node = this.#last(name)
    if (node === undefined) return absent
    const value = node.type === 'number' ? integerIn(node.text, INTEGERS[type]) : undefined
    if (value === undefined) this.#mismatch(node, name, type)
    return value ?? absent
  }

  /** Undefined when absent: an empty list is something else to Go. */
  texts(name: string): readonly string[] | undefined {
    const items = this.items(name)
    return items?.map((item) => {
      if (item.type === 'string') return item.value
      if (item.type !== 'null') this.#mismatch(item, name, 'string')
      return ''
    })
  }

  items(name: string): readonly JsonNode[] | undefined {
    const node = this.#last(name)
    if (node === undefined || node.type === 'array') return node?.items
    this.#mismatch(node, name, 'slice')
    return undefined
  }

  /** Objects of a list; `null` entries are undefined. */
  objects(name: string): readonly (JsonFields | undefined)[] {
    const items = this.items(name) ?? []
    return items.map((item) => {
      if (item.type === 'object') return this.inner(item.members, name)
      if (item.type !== 'null') this.#mismatch(item, name, 'struct')
      return undefined
    })
  }

  /** Empty when absent. */
  object(name: string): JsonFields {
    return this.inner(this.#membersOf(name, 'struct'), name)
  }

  /** Keys as they are, of an object that stands for a map; the last duplicate wins. */
  map<Value>(
    name: string,
    read: (fields: JsonFields, key: string) => Value,
  ): ReadonlyMap<string, Value> {
    const members = this.#membersOf(name, 'map')
    if (members.length === 0) return NONE
    const fields = this.inner([], name)
    const values = new Map<string, Value>()
    for (const [key, node] of members) {
      values.set(key, read(new JsonFields([['', node]], fields.#path, this.#faults), key))
    }
    return values
  }

  /** @param members of an object within this one */
  inner(members: readonly Member[], name: string): JsonFields {
    return new JsonFields(members, `${this.#path}.${name}`, this.#faults)
  }

  /** Notes that something is not what it should be. */
  refuse(why: string): void {
    this.#faults.why ??= why
  }

  get members(): readonly Member[] {
    return this.#members
  }

  #membersOf(name: string, type: string): readonly Member[] {
    const nodes = this.#byKey.get(name) ?? []
    return nodes.flatMap((node) => {
      if (node.type === 'object') return node.members
      this.#mismatch(node, name, type)
      return []
    })
  }

  #last(name: string): JsonNode | undefined {
    return this.#byKey.get(name)?.at(-1)
  }

  #mismatch(node: JsonNode, name: string, type: string): void {
    const value = node.type === 'number' ? `number ${node.text.slice(0, 40)}` : node.type
    this.refuse(
      `json: cannot unmarshal ${value} into Go struct field ${this.#path}.${name} of type ${type}`,
    )
  }
}

/** Go compares keys by Unicode folding: the long s and the Kelvin sign are ASCII letters. */
function foldKey(key: string): string {
  return key.toLowerCase().replaceAll('\u017f', 's')
}

function integerIn(text: string, [min, max]: readonly [bigint, bigint]): number | undefined {
  if (!INTEGER.test(text) || text.length > INTEGER_CHARACTERS_MAX) return undefined
  const value = BigInt(text)
  return value < min || value > max ? undefined : Number(value)
}

/**
 * A value as JSON.parse would give it, but objects have no prototype.
 *
 * @param depthMax objects and lists deeper than that are empty
 */
function plainValue(node: JsonNode, depthMax: number): unknown {
  switch (node.type) {
    case 'null':
      return null
    case 'number':
      return Number(node.text)
    case 'array':
      return depthMax === 0 ? [] : node.items.map((item) => plainValue(item, depthMax - 1))
    case 'object':
      return depthMax === 0 ? {} : plainObject(node.members, depthMax - 1)
    default:
      return node.value
  }
}

/** The same of an object; keys are own properties, `__proto__` too. */
export function plainObject(members: readonly Member[], depthMax: number): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null)
  for (const [key, node] of members) object[key] = plainValue(node, depthMax)
  return object
}
