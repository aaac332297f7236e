import { type ItemEmitter, isBlank, isDigit, isNewline } from './config-items.ts'
import { END } from './source-cursor.ts'

const EXPECTED = 'Expected include value but found'

const REFUSED_STARTS: ReadonlyMap<string, string> = new Map([
  ['[', 'start of an array'],
  ['{', 'start of a map'],
  ['(', 'start of a block'],
  ['-', 'start of a number'],
  ['\\', 'escape sequence'],
  ['\n', 'new line'],
  ['\r', 'new line'],
])

/** Behind the word `include`: a path, quoted or up to the next blank. Nothing in it is special. */
export function lexInclude(out: ItemEmitter): void {
  const { cursor } = out
  let rune = cursor.next()
  while (isBlank(rune)) {
    cursor.ignore()
    rune = cursor.next()
  }
  const refused = isDigit(rune) ? 'start of a number' : REFUSED_STARTS.get(rune)
  if (refused !== undefined) out.fail(`${EXPECTED} ${refused}`)
  const isQuoted = rune === "'" || rune === '"'
  if (isQuoted) {
    cursor.ignore()
    skipToQuote(out, rune)
  } else {
    while (!endsPath(rune)) rune = cursor.next()
  }
  cursor.backup()
  out.emit('include')
  // A single quote ends a bare path too, and is dropped.
  if (!isQuoted && rune !== "'") return
  cursor.next()
  cursor.ignore()
}

/** Leaves the closing quote as the rune read last. */
function skipToQuote(out: ItemEmitter, quote: string): void {
  let rune = out.cursor.next()
  while (rune !== quote) {
    if (rune === END) {
      out.fail(`Unexpected EOF in ${quote === '"' ? 'double quoted' : 'quoted'} include`)
    }
    rune = out.cursor.next()
  }
}

function endsPath(rune: string): boolean {
  return isNewline(rune) || isBlank(rune) || rune === END || ";}'".includes(rune)
}
