import {
  type ConfigItem,
  EndOfText,
  ItemEmitter,
  isBlank,
  isDigit,
  isKeySeparator,
  isNewline,
  isSpace,
  showRune,
} from './config-items.ts'
import { lexInclude } from './include-lexer.ts'
import {
  lexBare,
  lexBlockString,
  lexDoubleQuoted,
  lexFromDigit,
  lexNegativeNumber,
  lexSingleQuoted,
} from './scalar-lexer.ts'
import { END, SourceCursor } from './source-cursor.ts'

/** Chosen: far beyond any configuration, far below what overflows the stack. */
const NESTING_MAX = 500

/**
 * Splits a configuration text into items.
 *
 *   text   = { entry | '{' block }         entry = key [ '=' | ':' ] value | 'include' path
 *   block  = { entry | '{' block } '}'     value = scalar | '[' array | '{' map
 *   array  = { value } ']'                 map   = { entry } '}'
 *
 * Entries end at a newline, comma or semicolon. The three places where entries stand (top, block,
 * map) differ in small ways, all of them visible in error texts or in what is accepted, and kept
 * as nats-server has them. `/` alone counts like the mark expected there; only `//` is a comment.
 */
export function lexConfig(bytes: string, onItem: (item: ConfigItem) => void): void {
  const out = new ItemEmitter(new SourceCursor(bytes), onItem)
  try {
    new ConfigLexer(out).top()
  } catch (error) {
    if (!(error instanceof EndOfText)) throw error
  }
}

class ConfigLexer {
  readonly #out: ItemEmitter
  readonly #cursor: SourceCursor
  #depth = 0

  constructor(out: ItemEmitter) {
    this.#out = out
    this.#cursor = out.cursor
  }

  top(): never {
    for (;;) {
      const rune = this.#cursor.next()
      if (isSpace(rune)) this.#cursor.ignore()
      else if (rune === '{') this.#block()
      else if (this.#isComment(rune)) this.#comment()
      else if (rune === '/' || rune === END) this.#out.endInside()
      else {
        this.#cursor.backup()
        this.#entry()
        this.#topEntryEnd()
      }
    }
  }

  #topEntryEnd(): void {
    for (;;) {
      const rune = this.#cursor.next()
      if (this.#isComment(rune)) {
        this.#comment()
        return
      }
      if (isNewline(rune) || rune === END || ';,}'.includes(rune)) {
        this.#cursor.ignore()
        return
      }
      if (rune !== '/' && !isBlank(rune)) {
        this.#out.fail(
          'Expected a top-level value to end with a new line, ' +
            `comment or EOF, but got '${showRune(rune)}' instead.`,
        )
      }
    }
  }

  /** Behind a `{` where a key could stand: JSON-like files wrap everything in one. */
  #block(): void {
    this.#enter()
    this.#cursor.ignore()
    for (;;) {
      const rune = this.#cursor.next()
      if (isSpace(rune)) this.#cursor.ignore()
      else if (rune === '}') {
        this.#cursor.ignore()
        break
      } else if (this.#isComment(rune)) this.#comment()
      else if (rune === '/' || rune === END) this.#out.endInside()
      else {
        if (rune === '{') this.#block()
        else {
          this.#cursor.backup()
          this.#entry()
          if (!this.#blockEntryEnd()) continue
        }
        if (this.#blockEnd()) break
      }
    }
    this.#depth--
  }

  /** Returns true when the block's own end is what follows. */
  #blockEntryEnd(): boolean {
    for (;;) {
      const rune = this.#cursor.next()
      if (this.#isComment(rune)) this.#comment()
      else if (isNewline(rune) || rune === ';' || rune === ',') {
        this.#cursor.ignore()
        return false
      } else if (rune === '}') {
        this.#cursor.backup()
        return true
      } else if (rune !== '/' && !isBlank(rune)) {
        this.#out.fail(
          'Expected a block-level value to end with a new line, ' +
            `comment or EOF, but got '${showRune(rune)}' instead.`,
        )
      }
    }
  }

  /** Returns false when more entries may follow. */
  #blockEnd(): boolean {
    for (;;) {
      const rune = this.#cursor.next()
      if (this.#isComment(rune)) {
        this.#comment()
        return false
      }
      if (rune === ';' || rune === ',') {
        this.#cursor.ignore()
        return false
      }
      if (rune === '}') {
        this.#cursor.ignore()
        return true
      }
      if (rune !== '/' && !isNewline(rune) && !isBlank(rune)) {
        this.#out.fail(
          `Expected a block-level to end with a '}', but got '${showRune(rune)}' instead.`,
        )
      }
    }
  }

  /** A key and its value, or an include, at the top or in a block. */
  #entry(): void {
    const first = this.#cursor.peek()
    if (isKeySeparator(first)) this.#out.fail(`Unexpected key separator '${first}'`)
    if (first === '"' || first === "'") this.#quotedKey(first)
    else {
      this.#cursor.ignore()
      this.#cursor.next()
      let rune = this.#cursor.peek()
      while (!isSpace(rune) && !isKeySeparator(rune) && rune !== END) {
        this.#cursor.next()
        rune = this.#cursor.peek()
      }
      if (isSpace(rune) && this.#isInclude()) {
        lexInclude(this.#out)
        return
      }
      this.#out.emit('key')
    }
    let rune = this.#cursor.next()
    while (isSpace(rune)) {
      this.#cursor.ignore()
      rune = this.#cursor.next()
    }
    if (rune === END) this.#out.endOfText()
    if (isKeySeparator(rune)) this.#cursor.ignore()
    else this.#cursor.backup()
    this.#value()
  }

  #quotedKey(quote: string): void {
    this.#cursor.next()
    this.#cursor.ignore()
    let rune = this.#cursor.peek()
    while (rune !== quote) {
      if (rune === END) this.#out.endInside()
      this.#cursor.next()
      rune = this.#cursor.peek()
    }
    this.#out.emit('key')
    this.#cursor.next()
    this.#cursor.ignore()
  }

  #value(): void {
    let rune = this.#cursor.next()
    while (isBlank(rune)) {
      this.#cursor.ignore()
      rune = this.#cursor.next()
    }
    switch (rune) {
      case '[':
      case '{':
      case '(':
      case "'":
      case '"':
        this.#cursor.ignore()
        this.#bracketedValue(rune)
        break
      case '-':
        lexNegativeNumber(this.#out)
        break
      case '.':
        this.#out.fail('Floats must start with a digit')
        break
      case '\n':
      case '\r':
        this.#out.fail('Expected value but found new line')
        break
      default:
        if (isDigit(rune)) lexFromDigit(this.#out)
        else {
          this.#cursor.backup()
          lexBare(this.#out)
        }
    }
  }

  #bracketedValue(opening: '[' | '{' | '(' | "'" | '"'): void {
    if (opening === '[') this.#array()
    else if (opening === '{') this.#map()
    else if (opening === "'") lexSingleQuoted(this.#out)
    else if (opening === '"') lexDoubleQuoted(this.#out)
    else lexBlockString(this.#out)
  }

  #array(): void {
    this.#enter()
    this.#out.emit('array start')
    for (;;) {
      const rune = this.#cursor.next()
      if (isSpace(rune)) this.#cursor.ignore()
      else if (this.#isComment(rune)) this.#comment()
      else if (rune === '/' || rune === ',') {
        this.#out.fail("Unexpected array value terminator ','.")
      } else if (rune === ']') break
      else {
        this.#cursor.backup()
        this.#value()
        if (this.#arrayValueEnd()) break
      }
    }
    this.#cursor.ignore()
    this.#out.emit('array end')
    this.#depth--
  }

  /** Returns true when the array is over. */
  #arrayValueEnd(): boolean {
    for (;;) {
      const rune = this.#cursor.next()
      if (isBlank(rune)) this.#cursor.ignore()
      else if (this.#isComment(rune)) this.#comment()
      else if (rune === '/' || rune === ',' || isNewline(rune)) {
        this.#cursor.ignore()
        return false
      } else if (rune === ']') return true
      else {
        this.#out.fail(
          'Expected an array value terminator "," or an array terminator "]", ' +
            `but got '${showRune(rune)}' instead.`,
        )
      }
    }
  }

  #map(): void {
    this.#enter()
    this.#out.emit('map start')
    let isOver = false
    while (!isOver) isOver = this.#mapEntry()
    this.#cursor.ignore()
    this.#out.emit('map end')
    this.#depth--
  }

  /** Reads up to the end of the next entry. Returns true when the map is over. */
  #mapEntry(): boolean {
    const first = this.#cursor.peek()
    if (isKeySeparator(first)) this.#out.fail(`Unexpected key separator '${first}'.`)
    if (first === ']') this.#out.fail("Unexpected array end ']' processing map.")
    if (first === END) this.#out.fail('Unexpected EOF processing map.')
    if (isSpace(first)) {
      this.#cursor.next()
      this.#cursor.ignore()
      return false
    }
    if (first === '}') {
      this.#cursor.next()
      return true
    }
    if (first === '#' || first === '/') {
      this.#cursor.next()
      if (this.#isComment(first)) {
        this.#comment()
        return false
      }
      // A single slash is dropped, and what follows is the key whatever it is.
    }
    if (first === '"' || first === "'") this.#quotedMapKey(first)
    else if (this.#bareMapKeyOrInclude() === 'include') return this.#mapEntryEnd()
    return this.#mapValue()
  }

  #quotedMapKey(quote: string): void {
    this.#cursor.next()
    this.#cursor.ignore()
    let rune = this.#cursor.peek()
    while (rune !== quote) {
      if (rune === END) {
        const kind = quote === '"' ? 'double quoted' : 'quoted'
        this.#out.fail(`Unexpected EOF processing ${kind} map key.`)
      }
      this.#cursor.next()
      rune = this.#cursor.peek()
    }
    this.#out.emit('key')
    this.#cursor.next()
    this.#cursor.ignore()
  }

  #bareMapKeyOrInclude(): 'key' | 'include' {
    this.#cursor.ignore()
    this.#cursor.next()
    let rune = this.#cursor.peek()
    while (!isSpace(rune) && !isKeySeparator(rune)) {
      if (rune === END) this.#out.fail('Unexpected EOF processing map key.')
      this.#cursor.next()
      rune = this.#cursor.peek()
    }
    if (isSpace(rune) && this.#isInclude()) {
      lexInclude(this.#out)
      return 'include'
    }
    this.#out.emit('key')
    return 'key'
  }

  /** The separator, then the value. A `}` in its place ends the map and leaves the key hanging. */
  #mapValue(): boolean {
    let hasSeparator = false
    for (;;) {
      const rune = this.#cursor.next()
      if (isSpace(rune)) this.#cursor.ignore()
      else if (!hasSeparator && isKeySeparator(rune)) {
        this.#cursor.ignore()
        hasSeparator = true
      } else if (rune === ',') this.#out.fail('Unexpected map value terminator ",".')
      else if (rune === '}') return true
      else {
        this.#cursor.backup()
        this.#value()
        return this.#mapEntryEnd()
      }
    }
  }

  #mapEntryEnd(): boolean {
    for (;;) {
      const rune = this.#cursor.next()
      if (isBlank(rune)) this.#cursor.ignore()
      else if (this.#isComment(rune)) this.#comment()
      else if (rune === '/' || rune === ',' || rune === ';' || isNewline(rune)) {
        this.#cursor.ignore()
        return false
      } else if (rune === '}') return true
      else {
        this.#out.fail(
          'Expected a map value terminator "," or a map terminator "}", ' +
            `but got '${showRune(rune)}' instead.`,
        )
      }
    }
  }

  #isInclude(): boolean {
    if (this.#cursor.pending().toLowerCase() !== 'include') return false
    this.#cursor.ignore()
    return true
  }

  /** Given the rune just read; takes the second slash of `//`. */
  #isComment(rune: string): boolean {
    if (rune !== '/') return rune === '#'
    if (this.#cursor.next() === '/') return true
    this.#cursor.backup()
    return false
  }

  #comment(): void {
    this.#cursor.ignore()
    let rune = this.#cursor.peek()
    while (!isNewline(rune) && rune !== END) {
      this.#cursor.next()
      rune = this.#cursor.peek()
    }
    this.#out.emit('comment')
  }

  #enter(): void {
    if (++this.#depth > NESTING_MAX) {
      this.#out.fail(`Maps and arrays nest deeper than ${NESTING_MAX}.`)
    }
  }
}
