/**
 * Reads JSON with the strictness of Go's encoding/json, and keeps what JSON.parse throws away:
 * every duplicate of a key in order, and the text of numbers. No recursion, so depth cannot end the
 * stack.
 */
export type JsonNode =
  | { readonly type: 'null' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'number'; readonly text: string }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly items: JsonNode[] }
  | { readonly type: 'object'; readonly members: [key: string, value: JsonNode][] }

type Container = Extract<JsonNode, { type: 'array' | 'object' }>

export type JsonRefusal = { readonly ok: false; readonly why: string; readonly at: number }
export type JsonScan = { readonly ok: true; readonly node: JsonNode } | JsonRefusal

/** Containers within each other; Go's encoding/json refuses more. */
export const JSON_DEPTH_MAX = 10_000

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const ESCAPE_AT = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const BLANKS = /[ \t\r\n]*/y
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/g
const LITERALS = [
  ['null', { type: 'null' }],
  ['true', { type: 'bool', value: true }],
  ['false', { type: 'bool', value: false }],
] as const satisfies readonly (readonly [string, JsonNode])[]
const UNESCAPED: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

function unescapeJson(raw: string): string {
  const text = raw.includes('\\')
    ? raw.replace(ESCAPE, (_, code: string | undefined, short: string) =>
        code !== undefined
          ? String.fromCharCode(Number.parseInt(code, 16))
          : (UNESCAPED[short] ?? short),
      )
    : raw
  return text.toWellFormed() // Go: half of a surrogate pair becomes U+FFFD
}

/**
 * Invariant: `at` is behind everything accepted; `open` holds the containers not closed yet,
 * outermost first.
 */
class JsonScanner {
  readonly #text: string
  readonly #open: Container[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  scan(): JsonScan {
    for (;;) {
      const node = this.#value()
      if (node === null) return this.#refuse('invalid value')
      if (node.type === 'array' || node.type === 'object') {
        if (this.#open.push(node) > JSON_DEPTH_MAX) return this.#refuse('exceeded max depth')
        if (!this.#accept(node.type === 'array' ? ']' : '}')) {
          if (node.type === 'object' && !this.#key(node)) return this.#refuse('invalid object key')
          continue
        }
        this.#open.pop()
      }
      const root = this.#attach(node)
      if (root === null) continue
      if (root === undefined) return this.#refuse('invalid character after value')
      this.#skipBlanks()
      if (this.#at < this.#text.length)
        return this.#refuse('invalid character after top-level value')
      return { ok: true, node: root }
    }
  }

  /**
   * Puts a finished value where it belongs and closes what it ends: null = go on, undefined =
   * refuse.
   */
  #attach(finished: JsonNode): JsonNode | null | undefined {
    let node = finished
    for (;;) {
      const parent = this.#open.at(-1)
      if (parent === undefined) return node
      if (parent.type === 'array') parent.items.push(node)
      else parent.members.at(-1)![1] = node
      if (this.#accept(',')) {
        if (parent.type === 'object' && !this.#key(parent)) return undefined
        return null
      }
      if (!this.#accept(parent.type === 'array' ? ']' : '}')) return undefined
      this.#open.pop()
      node = parent
    }
  }

  /** Reads `"key" :` and leaves a place for its value. */
  #key(object: Extract<JsonNode, { type: 'object' }>): boolean {
    this.#skipBlanks()
    const key = this.#string()
    if (key === null || !this.#accept(':')) return false
    object.members.push([key, { type: 'null' }])
    return true
  }

  #value(): JsonNode | null {
    this.#skipBlanks()
    const first = this.#text[this.#at]
    if (first === '{' || first === '[') {
      this.#at++
      return first === '{' ? { type: 'object', members: [] } : { type: 'array', items: [] }
    }
    if (first === '"') {
      const value = this.#string()
      return value === null ? null : { type: 'string', value }
    }
    for (const [word, node] of LITERALS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return node
      }
    }
    const text = this.#match(NUMBER)
    return text === null ? null : { type: 'number', text }
  }

  /**
   * A loop, not one pattern: a long string must not fill the stack of the regular expression
   * engine.
   */
  #string(): string | null {
    const text = this.#text
    if (text[this.#at] !== '"') return null
    const start = ++this.#at
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at)
      if (code === 0x22) return unescapeJson(text.slice(start, this.#at++))
      if (code < 0x20) return null
      if (code !== 0x5c) this.#at++
      else if (this.#match(ESCAPE_AT) === null) return null
    }
    return null
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return null
    this.#at = pattern.lastIndex
    return found[0]
  }

  #skipBlanks(): void {
    this.#match(BLANKS)
  }

  #accept(character: string): boolean {
    this.#skipBlanks()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #refuse(why: string): JsonRefusal {
    return { ok: false, why, at: this.#at }
  }
}

/** The whole text as one JSON value, or where and why it is none. */
export function scanGoJson(text: string): JsonScan {
  return new JsonScanner(text).scan()
}
