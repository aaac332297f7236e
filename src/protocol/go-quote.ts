import { isBroken, runeAt, runeOf, widthOf } from './go-text.ts'

const NAMED_ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
}

/**
 * What Go prints as it is: letters, marks, numbers, punctuation, symbols and the ASCII space.
 * Characters that are newer than the Unicode tables of either side (Go has 15.0) may come out
 * differently.
 */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

/** The usual case: nothing to escape, no need to look at each rune. */
const PLAIN = /^[ !#-[\]-~]*$/

function quoteRune(rune: number): string {
  const named = NAMED_ESCAPES[rune]
  if (named !== undefined) return named
  const text = String.fromCodePoint(rune)
  if (PRINTABLE.test(text)) return text
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

/**
 * The text in double quotes as Go's `%q` and strconv.Quote write it; -ERR texts carry subjects in
 * this form.
 *
 * @param text bytes as they came from the wire (broken UTF-8 becomes `\xNN`), or a string (a lone
 *   surrogate counts as U+FFFD)
 */
export function goQuote(text: string | Uint8Array): string {
  if (typeof text === 'string') {
    if (PLAIN.test(text)) return `"${text}"`
    let quoted = '"'
    for (const character of text.toWellFormed()) quoted += quoteRune(character.codePointAt(0)!)
    return `${quoted}"`
  }
  let quoted = '"'
  for (let at = 0; at < text.length; ) {
    const packed = runeAt(text, at, text.length)
    quoted += isBroken(packed) ? `\\x${hex(text[at]!, 2)}` : quoteRune(runeOf(packed))
    at += widthOf(packed)
  }
  return `${quoted}"`
}

/** `%q` of a part of a buffer. */
export function goQuoteSpan(bytes: Uint8Array, from: number, to: number): string {
  return goQuote(bytes.subarray(from, to))
}
