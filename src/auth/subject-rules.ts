import {
  isLiteralSubject,
  isValidSubject,
  isValidSubscriptionSubject,
  splitTokens,
} from '../protocol/subjects.ts'

/** White space as Go's strings.Fields knows it. */
const FIELDS = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/

/** An entry of a permission list. Text has one character per byte of UTF-8 (latin1). */
export interface SubjectRule {
  readonly subject: string
  /** Name or pattern of the queue groups that the entry is for; '' = it has none. */
  readonly queue: string
}

/** @returns undefined for what is no entry: nats-server logs it and goes on without it */
export function readSubjectRule(entry: string): SubjectRule | undefined {
  const [subject, queue, ...more] = entry.split(FIELDS).filter((word) => word !== '')
  if (subject === undefined || more.length > 0 || !isValidSubject(subject)) return undefined
  if (queue === undefined) return { subject: wireText(subject), queue: '' }
  return isValidSubject(queue) ? { subject: wireText(subject), queue: wireText(queue) } : undefined
}

/** Configuration and JWTs have Unicode, the wire has bytes: everything is compared as bytes. */
export function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

interface Level {
  readonly literals: Map<string, Level>
  /** `*` */
  any: Level | undefined
  /** Entries that end here. */
  here: SubjectRule[]
  /** Entries with `>` after this. */
  rest: SubjectRule[]
}

/** Entries that can be found by subject; the time depends on the subject, not on their number. */
export class SubjectRules {
  readonly rules: readonly SubjectRule[]
  readonly #root: Level = newLevel()

  constructor(rules: readonly SubjectRule[]) {
    this.rules = rules
    for (const rule of rules) this.#insert(rule)
  }

  /**
   * Entries that match the subject, which may be a pattern itself: its `*` and `>` are tokens
   * like others then, so `foo.*` matches `foo.>`, and `foo.bar` does not match `foo.*`. A subject
   * with an empty token matches nothing.
   */
  matching(subject: string): readonly SubjectRule[] {
    const tokens = splitTokens(subject)
    const found: SubjectRule[] = []
    if (!tokens.includes('')) collect(this.#root, tokens, 0, found)
    return found
  }

  /** Whether a subject can be in an entry and in the pattern. */
  overlaps(pattern: string): boolean {
    const tokens = splitTokens(pattern)
    return this.rules.some(({ subject }) => tokensOverlap(splitTokens(subject), tokens))
  }

  #insert(rule: SubjectRule): void {
    let level = this.#root
    for (const token of splitTokens(rule.subject)) {
      if (token === '>') {
        level.rest.push(rule)
        return
      }
      level = token === '*' ? anyLevel(level) : literalLevel(level, token)
    }
    level.here.push(rule)
  }
}

function collect(level: Level, tokens: readonly string[], at: number, into: SubjectRule[]): void {
  const token = tokens[at]
  if (token === undefined) {
    into.push(...level.here)
    return
  }
  into.push(...level.rest)
  if (level.any !== undefined) collect(level.any, tokens, at + 1, into)
  const next = level.literals.get(token)
  if (next !== undefined) collect(next, tokens, at + 1, into)
}

function newLevel(): Level {
  return { literals: new Map(), any: undefined, here: [], rest: [] }
}

function anyLevel(level: Level): Level {
  level.any ??= newLevel()
  return level.any
}

function literalLevel(level: Level, token: string): Level {
  const known = level.literals.get(token)
  if (known !== undefined) return known
  const created = newLevel()
  level.literals.set(token, created)
  return created
}

function tokensOverlap(one: readonly string[], other: readonly string[]): boolean {
  for (let at = 0; at < one.length && at < other.length; at++) {
    const [a, b] = [one[at], other[at]]
    if (a === '>' || b === '>') return true
    if (a !== b && a !== '*' && b !== '*') return false
  }
  return one.length === other.length
}

/**
 * Whether a queue group is meant by the queue of an entry: the same name, or a pattern that covers
 * it. As in nats-server, a token of a pattern that begins with `*` stands for any token.
 */
export function queueFits(queue: string, wanted: string): boolean {
  if (queue === wanted) return true
  if (isLiteralSubject(wanted) || !isValidSubscriptionSubject(queue)) return false
  const given = splitTokens(queue)
  const pattern = splitTokens(wanted)
  for (const [at, want] of pattern.entries()) {
    const token = given[at]
    if (token === undefined) return false
    if (want === '>') return true
    if (token === '>' || (token === '*' && want !== '*')) return false
    if (!want.startsWith('*') && token !== want) return false
  }
  return given.length === pattern.length
}
