import { isUtf8 } from 'node:buffer'

/** Read at the end of the text, and for a NUL byte: nats-server does not tell the two apart. */
export const END = '\0'

const REPLACEMENT = '\u{fffd}'

/**
 * Walks a configuration text rune by rune and knows line and column of the item being read.
 *
 * The text is held as one char per byte (latin1), because nats-server counts columns in bytes and
 * passes bytes that are no UTF-8 through untouched. Runes are decoded on the way.
 *
 * Columns count from the newline character in front of a line. So the first column is 1, but 0 in
 * the first line, which has no newline in front of it.
 */
export class SourceCursor {
  /** The whole text, one char per byte. */
  readonly bytes: string
  /** Start of the item being read, and the place of the next rune. */
  start = 0
  pos = 0
  /** 1-based. */
  line = 1
  /** Bytes of the rune that next() gave last; 0 at the end of the text. */
  #width = 0
  #lineStart = 0
  #itemLineStart = 0

  constructor(bytes: string) {
    this.bytes = bytes
  }

  next(): string {
    if (this.pos >= this.bytes.length) {
      this.#width = 0
      return END
    }
    const code = this.bytes.charCodeAt(this.pos)
    if (code === 0x0a) {
      this.line++
      this.#lineStart = this.pos
    }
    if (code < 0x80) {
      this.#width = 1
      this.pos++
      return this.bytes[this.pos - 1]!
    }
    const rune = decodeRune(this.bytes, this.pos)
    this.#width = rune.width
    this.pos += rune.width
    return rune.text
  }

  /**
   * Takes back the last next(). The start of the line stays where it is even if a newline is taken
   * back: columns in nats-server's messages depend on that.
   */
  backup(): void {
    this.pos -= this.#width
    if (this.bytes[this.pos] === '\n') this.line--
  }

  peek(): string {
    const rune = this.next()
    this.backup()
    return rune
  }

  /** Forgets what was read since the last item. */
  ignore(): void {
    this.start = this.pos
    this.#itemLineStart = this.#lineStart
  }

  /** What was read since the last item, one char per byte. */
  pending(): string {
    return this.bytes.slice(this.start, this.pos)
  }

  /** Ends an item and returns its column. `itemBytes` is its length, which escapes can shrink. */
  endItem(itemBytes: number): number {
    const column = this.pos - this.#itemLineStart - itemBytes
    this.ignore()
    return column
  }
}

/** One char per byte back to text. Each byte that is no UTF-8 becomes U+FFFD, as in Go. */
export function decodeBytes(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes
  const buffer = Buffer.from(bytes, 'latin1')
  if (isUtf8(buffer)) return buffer.toString('utf8')
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const rune = decodeRune(bytes, at)
    text += rune.text
    at += rune.width
  }
  return text
}

export function encodeBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function decodeRune(bytes: string, at: number): { readonly text: string; readonly width: number } {
  const first = bytes.charCodeAt(at)
  const width = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const buffer = Buffer.from(bytes.slice(at, at + width), 'latin1')
  // isUtf8 also accepts two shorter runes in a row; the count of characters tells them apart.
  if (buffer.length === width && isUtf8(buffer)) {
    const text = buffer.toString('utf8')
    if ([...text].length === 1) return { text, width }
  }
  return { text: REPLACEMENT, width: 1 }
}
