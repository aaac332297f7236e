import { goQuote } from '../../protocol/go-quote.ts'

/**
 * Two kinds of text meet on a leaf link. Control lines are handled as one character per byte
 * (latin1), because subjects are bytes and need not be text. JSON, names and log lines are real
 * text.
 */

/** Characters of what a peer says that are shown in one log line. */
const LOG_CHARS_MAX = 1024

/** Real text as the characters (one per byte) that go on the wire. */
export function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** A subject of a control line in Go's double quotes, as real text. */
export function quoteSubject(subject: string): string {
  return goQuote(Buffer.from(subject, 'latin1'))
}

/** Text from a peer, made harmless: control characters escaped, length bounded. */
export function untrustedText(text: string): string {
  const shown = text.length > LOG_CHARS_MAX ? `${text.slice(0, LOG_CHARS_MAX)}…` : text
  return shown.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
