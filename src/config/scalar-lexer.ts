import {
  type ItemEmitter,
  isBlank,
  isDigit,
  isNewline,
  showBytes,
  showRune,
} from './config-items.ts'
import { END } from './source-cursor.ts'

/**
 * Scalars of the configuration language. Each function is entered behind what announced the scalar
 * (a quote, the first digit …) and leaves the cursor behind its last rune.
 */

const BOOLEAN = /^(?:true|false|on|off|yes|no)$/i
const SIZE_SUFFIXES = 'kKmMgGtTpPeE'

/** Single quotes: raw, may span lines. */
export function lexSingleQuoted(out: ItemEmitter): void {
  const { cursor } = out
  for (;;) {
    const rune = cursor.next()
    if (rune === END) out.endInside()
    if (rune === "'") break
  }
  emitBeforeQuote(out, '')
}

/** Double quotes: escapes, may span lines. */
export function lexDoubleQuoted(out: ItemEmitter): void {
  const { cursor } = out
  let unescaped = ''
  for (;;) {
    const rune = cursor.next()
    if (rune === END) out.endInside(unescaped)
    if (rune === '"') break
    if (rune === '\\') unescaped += lexEscape(out)
  }
  emitBeforeQuote(out, unescaped)
}

/**
 * Text without quotes, and what turns out to be a boolean or a variable. A single quote ends it,
 * which is odd but what nats-server does.
 */
export function lexBare(out: ItemEmitter): void {
  const { cursor } = out
  let unescaped = ''
  let hasEscapes = false
  let rune = cursor.next()
  while (!endsBareText(rune) && rune !== ']') {
    if (rune === "'") {
      emitBeforeQuote(out, unescaped)
      return
    }
    if (rune === '\\') {
      unescaped += lexEscape(out)
      hasEscapes = true
    }
    rune = cursor.next()
  }
  cursor.backup()
  if (hasEscapes) out.emit('string', unescaped)
  else if (BOOLEAN.test(cursor.pending())) out.emit('boolean')
  else if (cursor.pending().startsWith('$')) {
    cursor.start++
    out.emit('variable')
  } else out.emit('string')
}

function endsBareText(rune: string): boolean {
  return (
    isNewline(rune) || isBlank(rune) || rune === END || rune === ';' || rune === ',' || rune === '}'
  )
}

/** What ends a number; unlike for text, a `]` does not. */
const endsNumber = endsBareText

/** `( … )`, raw; the closing bracket stands alone on its line. */
export function lexBlockString(out: ItemEmitter): void {
  const { cursor } = out
  for (;;) {
    const rune = cursor.next()
    if (rune === END) out.fail('Unexpected EOF processing block.')
    if (rune !== ')' || cursor.bytes[cursor.pos - 2] !== '\n') continue
    const after = cursor.peek()
    if (after !== '\n' && after !== END) continue
    // At the very end of the text the bracket stays in the string, as it does in nats-server.
    if (cursor.pos < cursor.bytes.length) cursor.pos--
    out.emit('string')
    cursor.next()
    cursor.ignore()
    return
  }
}

/** A number, a size, a date, an address, or text that only starts with a digit. */
export function lexFromDigit(out: ItemEmitter): void {
  const { cursor } = out
  let rune = cursor.next()
  while (isDigit(rune)) rune = cursor.next()
  if (rune === '-') lexDateAfterYear(out)
  else if (rune === '.') lexFraction(out)
  else if (SIZE_SUFFIXES.includes(rune)) lexSizeSuffix(out)
  else if (endsNumber(rune)) {
    cursor.backup()
    out.emit('integer')
  } else lexBare(out)
}

/** Behind a minus sign. Unlike other numbers these end at whatever is no digit. */
export function lexNegativeNumber(out: ItemEmitter): void {
  const { cursor } = out
  let rune = cursor.next()
  if (rune === '.') out.fail("Floats must start with a digit, not '.'.")
  if (!isDigit(rune)) out.fail(`Expected a digit but got '${showRune(rune)}'.`)
  while (isDigit(rune)) rune = cursor.next()
  if (rune === '.') lexFraction(out)
  else if (SIZE_SUFFIXES.includes(rune)) lexSizeSuffix(out)
  else {
    cursor.backup()
    out.emit('integer')
  }
}

/** Behind the first letter of a suffix; anything unfit makes the whole a text (`5e7bcd`). */
function lexSizeSuffix(out: ItemEmitter): void {
  const { cursor } = out
  let rune = cursor.next()
  while ('bBiI'.includes(rune)) rune = cursor.next()
  cursor.backup()
  if (endsNumber(rune)) out.emit('integer')
  else lexBare(out)
}

/** Behind the point. A second point makes it an address, `127.0.0.1:4222`. */
function lexFraction(out: ItemEmitter): void {
  const { cursor } = out
  let rune = cursor.next()
  if (!isDigit(rune)) {
    out.fail(`Floats must have a digit after the '.', but got '${showRune(rune)}' instead.`)
  }
  while (isDigit(rune)) rune = cursor.next()
  const isAddress = rune === '.'
  while (isAddress && (isDigit(rune) || '.:-'.includes(rune))) rune = cursor.next()
  cursor.backup()
  out.emit(isAddress ? 'string' : 'float')
}

const AFTER_YEAR = '00-00T00:00:00Z' // 0 stands for a digit

/** Behind `YYYY-`; other digits and a minus are no beginning of anything. */
function lexDateAfterYear(out: ItemEmitter): void {
  const { start, pos } = out.cursor
  if (pos - start !== 5) out.fail('All ISO8601 dates must be in full Zulu form.')
  for (const expected of AFTER_YEAR) {
    const rune = out.cursor.next()
    if (expected === '0') {
      if (isDigit(rune)) continue
      out.fail(`Expected digit in ISO8601 datetime, but found '${showRune(rune)}' instead.`)
    }
    if (rune !== expected) {
      out.fail(`Expected '${expected}' in ISO8601 datetime, but found '${showRune(rune)}' instead.`)
    }
  }
  out.emit('date')
}

/** Returns the text before the backslash and what the escape stands for, both as bytes. */
function lexEscape(out: ItemEmitter): string {
  const { cursor } = out
  const before = cursor.pending().slice(0, -1)
  const rune = cursor.next()
  const meaning = rune === 'x' ? lexHexByte(out) : ESCAPES.get(rune)
  if (meaning === undefined) {
    out.fail(
      `Invalid escape character '${showRune(rune)}'. Only the following escape characters are ` +
        'allowed: \\xXX, \\t, \\n, \\r, \\", \\\\.',
    )
  }
  // Not ignore(): the item, and so its column, still begins where it began.
  cursor.start = cursor.pos
  return before + meaning
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
  ['"', '"'],
  ['\\', '\\'],
])

function lexHexByte(out: ItemEmitter): string {
  const { cursor } = out
  for (let count = 0; count < 2; count++) {
    if (isNewline(cursor.next())) {
      out.fail("Expected two hexadecimal digits after '\\x', but hit end of line")
    }
  }
  const digits = cursor.bytes.slice(cursor.pos - 2, cursor.pos)
  if (!/^[\da-f]{2}$/i.test(digits)) {
    out.fail(`Expected two hexadecimal digits after '\\x', but got '${showBytes(digits)}'`)
  }
  return String.fromCharCode(Number.parseInt(digits, 16))
}

function emitBeforeQuote(out: ItemEmitter, unescaped: string): void {
  out.cursor.backup()
  out.emit('string', unescaped)
  out.cursor.next()
  out.cursor.ignore()
}
