/**
 * Rules for subjects. A subject is tokens between dots; `*` and `>` are wildcards only as whole
 * tokens, anywhere else they are ordinary characters. Rules depend on ASCII alone, so subjects may
 * be given as text or as one character per byte (latin1).
 */
const TOKEN_SEPARATOR = '.'
const WILDCARD_ONE = '*'
const WILDCARD_REST = '>'

/** An empty token, or a `>` with something behind it. */
const BROKEN_TOKENS = /^\.|\.\.|\.$|(?:^|\.)>\./
const WILDCARD = /(?:^|\.)[*>](?:\.|$)/
const WHITE_SPACE = /[\t\n\f\r ]/

export function splitTokens(subject: string): string[] {
  return subject.split(TOKEN_SEPARATOR)
}

/** What SUB takes: no empty token, `>` only at the end. Anything else may be in a token. */
export function isValidSubscriptionSubject(subject: string): boolean {
  return subject !== '' && !BROKEN_TOKENS.test(subject)
}

/** What configuration and permissions take: as for SUB, and no white space. */
export function isValidSubject(subject: string): boolean {
  return isValidSubscriptionSubject(subject) && !WHITE_SPACE.test(subject)
}

/** True if no token is a wildcard. Does not look at validity. */
export function isLiteralSubject(subject: string): boolean {
  return !WILDCARD.test(subject)
}

/** What a pedantic connection may publish to; others may publish to anything. */
export function isValidPublishSubject(subject: string): boolean {
  return isValidSubscriptionSubject(subject) && isLiteralSubject(subject)
}

/**
 * Whether a message published to `literal` reaches a subscription to `pattern`. Wildcard characters
 * in `literal` are ordinary text: a message to `a.*` reaches `a.*` and `a.>`, but not `a.b`. A
 * subject with an empty token reaches nobody.
 */
export function subjectMatches(pattern: string, literal: string): boolean {
  if (!isValidSubscriptionSubject(pattern)) return false
  const wanted = splitTokens(pattern)
  const tokens = splitTokens(literal)
  if (tokens.includes('')) return false
  for (const [i, want] of wanted.entries()) {
    if (i >= tokens.length) return false
    if (want === WILDCARD_REST) return true
    if (want !== WILDCARD_ONE && want !== tokens[i]) return false
  }
  return wanted.length === tokens.length
}
