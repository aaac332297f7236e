/**
 * Takes secrets out of a CONNECT argument before it is traced. The keys are nats-server's: anything
 * beginning with `pass` or `auth_token`, and exactly `sig`, `proxy_sig`, `nkey`. Stricter than
 * nats-server in what counts as the value: a quoted value ends at its closing quote (there it ends
 * at the first comma, brace or escaped quote, and the rest of the password is logged), and a key is
 * known in any case and with escaped letters, because CONNECT itself is read that way.
 */
const QUOTED_VALUE = `"([^"\\\\]*(?:\\\\.[^"\\\\]*)*)`
const BARE_VALUE = `([^",\\r\\n}]*)`
const BLANKS = `[\\t\\n\\f\\r ]*`
const VALUE = `"?${BLANKS}[:=]${BLANKS}(?:${QUOTED_VALUE}|${BARE_VALUE})`
const SECRETS = [
  new RegExp(`(?:auth_token|pass)[^\\t\\n\\f\\r ":=]*${VALUE}`, 'dgiu'),
  new RegExp(`(?<![A-Za-z0-9_])(?:proxy_sig|nkey|sig)${VALUE}`, 'dgiu'),
] as const
const ESCAPED_KEY_CHARACTER = /\\u00([2-7][0-9a-f])/gi
const KEY_CHARACTER = /^\w$/
const REDACTED = '[REDACTED]'

function redact(text: string, secret: RegExp): string {
  let redacted = ''
  let copied = 0
  for (const match of text.matchAll(secret)) {
    const [from, to] = match.indices![1] ?? match.indices![2]!
    redacted += text.slice(copied, from) + REDACTED
    copied = to
  }
  return redacted + text.slice(copied)
}

/** Text fit for a log; not meant to be parsed again. */
export function redactConnect(text: string): string {
  const plain = text.replace(ESCAPED_KEY_CHARACTER, (escaped, code: string) => {
    const character = String.fromCharCode(Number.parseInt(code, 16))
    return KEY_CHARACTER.test(character) ? character : escaped
  })
  return SECRETS.reduce(redact, plain)
}
