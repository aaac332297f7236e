import { JSON_DEPTH_MAX } from './go-json-scan.ts'
import { goQuote } from './go-quote.ts'

const END = 'unexpected end of JSON input'
const VALUE = 'looking for beginning of value'
const KEY = 'looking for beginning of object key string'
const LITERALS: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' }
const BLANK = /[ \t\r\n]/
const DIGIT = /[0-9]/
const HEX = /[0-9a-fA-F]/
const ESCAPED = /["\\/bfnrt]/

/** Why a text is no JSON, as nats-server tells it to whoever has sent it. */
class SyntaxFault extends Error {}

/**
 * Follows Go's encoding/json byte by byte, to stop where it does.
 *
 * Invariant: `at` is behind everything accepted.
 */
class GoSyntax {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** @throws SyntaxFault */
  check(): void {
    const open: ('}' | ']')[] = []
    for (;;) {
      this.#skipBlanks()
      const opened = this.#open(VALUE)
      if (opened === undefined) this.#scalar()
      else if (open.push(opened) > JSON_DEPTH_MAX) throw new SyntaxFault('exceeded max depth')
      else {
        this.#skipBlanks()
        if (this.#text[this.#at] !== opened) {
          if (opened === '}') this.#key()
          continue
        }
      }
      if (opened !== undefined) {
        this.#at++
        open.pop()
      }
      if (!this.#closed(open)) return
    }
  }

  /** What ends a container that begins here. */
  #open(context: string): '}' | ']' | undefined {
    const first = this.#text[this.#at]
    if (first === undefined) this.#refuse(context)
    if (first !== '{' && first !== '[') return undefined
    this.#at++
    return first === '{' ? '}' : ']'
  }

  /** After a value. @returns whether another one has to follow */
  #closed(open: ('}' | ']')[]): boolean {
    for (;;) {
      this.#skipBlanks()
      const end = open.at(-1)
      if (end === undefined) {
        if (this.#at < this.#text.length) this.#refuse('after top-level value')
        return false
      }
      const next = this.#text[this.#at]
      if (next === ',') {
        this.#at++
        if (end === '}') this.#key()
        return true
      }
      if (next !== end) {
        this.#refuse(end === '}' ? 'after object key:value pair' : 'after array element')
      }
      this.#at++
      open.pop()
    }
  }

  #key(): void {
    this.#skipBlanks()
    if (this.#text[this.#at] !== '"') this.#refuse(KEY)
    this.#string()
    this.#skipBlanks()
    if (this.#text[this.#at] !== ':') this.#refuse('after object key')
    this.#at++
  }

  #scalar(): void {
    const first = this.#text[this.#at]!
    const literal = LITERALS[first]
    if (first === '"') this.#string()
    else if (literal !== undefined) this.#literal(literal)
    else if (first === '-' || DIGIT.test(first)) this.#number()
    else this.#refuse(VALUE)
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#text[this.#at] !== expected) {
        this.#refuse(`in literal ${word} (expecting '${expected}')`)
      }
      this.#at++
    }
  }

  #string(): void {
    this.#at++
    for (;;) {
      const next = this.#text[this.#at]
      if (next === undefined || next < ' ') this.#refuse('in string literal')
      this.#at++
      if (next === '"') return
      if (next === '\\') this.#escape()
    }
  }

  #escape(): void {
    if (this.#text[this.#at] === 'u') {
      this.#at++
      for (let i = 0; i < 4; i++) this.#expect(HEX, 'in \\u hexadecimal character escape')
    } else this.#expect(ESCAPED, 'in string escape code')
  }

  #number(): void {
    if (this.#text[this.#at] === '-') this.#at++
    if (this.#text[this.#at] === '0') this.#at++
    else this.#digits('in numeric literal')
    if (this.#text[this.#at] === '.') {
      this.#at++
      this.#digits('after decimal point in numeric literal')
    }
    if (/[eE]/.test(this.#text[this.#at] ?? '')) {
      this.#at++
      if (/[+-]/.test(this.#text[this.#at] ?? '')) this.#at++
      this.#digits('in exponent of numeric literal')
    }
  }

  #digits(context: string): void {
    this.#expect(DIGIT, context)
    while (DIGIT.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #expect(wanted: RegExp, context: string): void {
    if (!wanted.test(this.#text[this.#at] ?? '')) this.#refuse(context)
    this.#at++
  }

  #skipBlanks(): void {
    while (BLANK.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #refuse(context: string): never {
    const found = this.#text[this.#at]
    if (found === undefined) throw new SyntaxFault(END)
    throw new SyntaxFault(`invalid character ${quoted(found)} ${context}`)
  }
}

/** As Go writes one character, between single quotes. */
function quoted(character: string): string {
  if (character === "'") return "'\\''"
  if (character === '"') return "'\"'"
  return `'${goQuote(character).slice(1, -1)}'`
}

/**
 * What Go's json.Unmarshal says of a text that is no JSON: `invalid character 'x' after object
 * key`, `unexpected end of JSON input`. Undefined for JSON.
 */
export function goJsonSyntaxError(bytes: Uint8Array): string | undefined {
  try {
    // One character for each byte: Go looks at bytes, too.
    new GoSyntax(Buffer.from(bytes).toString('latin1')).check()
    return undefined
  } catch (error) {
    if (error instanceof SyntaxFault) return error.message
    throw error
  }
}
