import { ConfigError } from './config-error.ts'
import { decodeBytes, type SourceCursor } from './source-cursor.ts'

/** What the lexer tells the parser. Scalars carry their text, one char per byte, unconverted. */
export type ItemKind =
  | 'key'
  | 'string'
  | 'boolean'
  | 'integer'
  | 'float'
  | 'date'
  | 'variable'
  | 'include'
  | 'map start'
  | 'map end'
  | 'array start'
  | 'array end'
  | 'comment'
  | 'end'

export interface ConfigItem {
  readonly kind: ItemKind
  /** One char per byte. */
  readonly bytes: string
  readonly line: number
  readonly column: number
}

/**
 * Cuts items out of the text and hands each on at once: a fault in the meaning of an early item
 * must be reported before a fault in the grammar further down.
 */
export class ItemEmitter {
  readonly cursor: SourceCursor
  readonly #onItem: (item: ConfigItem) => void

  constructor(cursor: SourceCursor, onItem: (item: ConfigItem) => void) {
    this.cursor = cursor
    this.#onItem = onItem
  }

  /** The item ends here. `prefix` is what escapes before the pending text stood for. */
  emit(kind: ItemKind, prefix = ''): void {
    const bytes = prefix + this.cursor.pending()
    const line = this.cursor.line
    this.#onItem({ kind, bytes, line, column: this.cursor.endItem(bytes.length) })
  }

  fail(text: string): never {
    throw new ConfigError(`Parse error on line ${this.cursor.line}: '${text}'`)
  }

  /** An end inside an item is an error; right at its start the text counts as complete. */
  endInside(prefix = ''): never {
    if (this.cursor.pos > this.cursor.start) this.fail('Unexpected EOF.')
    this.endOfText(prefix)
  }

  endOfText(prefix = ''): never {
    this.emit('end', prefix)
    throw new EndOfText()
  }
}

/** Unwinds the lexer when the text is over, however deep in it the end was seen. */
export class EndOfText extends Error {}

/** How a rune is named in an error text. */
export function showRune(rune: string): string {
  return rune === '\n' ? '\\n' : rune
}

export function showBytes(bytes: string): string {
  return decodeBytes(bytes)
}

const SPACE = /^[\t\n\v\f\r \u{85}\p{Zs}\u{2028}\u{2029}]$/u

/** Go's unicode.IsSpace. */
export function isSpace(rune: string): boolean {
  return SPACE.test(rune)
}

export function isBlank(rune: string): boolean {
  return rune === ' ' || rune === '\t'
}

export function isNewline(rune: string): boolean {
  return rune === '\n' || rune === '\r'
}

export function isDigit(rune: string): boolean {
  return /^\p{Nd}$/u.test(rune)
}

export function isKeySeparator(rune: string): boolean {
  return rune === '=' || rune === ':'
}
