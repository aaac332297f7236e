import * as fc from 'fast-check'
import type { SubjectPermission } from '../../src/protocol/go-json-decode.ts'
import { subjectMatches } from '../../src/protocol/subjects.ts'

/**
 * The rules for permissions as the text about nats-server states them, without any thought of
 * speed; tests hold the real code and nats-server itself to it.
 */
export interface ReferenceRule {
  readonly subject: string
  readonly queue: string
}

export function rulesOf(entries: readonly string[]): readonly ReferenceRule[] {
  return entries.map((entry) => {
    const [subject = '', queue = ''] = entry.split(' ')
    return { subject, queue }
  })
}

export function maySubscribe(
  { allow = [], deny = [] }: SubjectPermission,
  subject: string,
  queue: string,
): boolean {
  return mayBegin(rulesOf(allow), subject, queue) && !isDenied(rulesOf(deny), subject, queue)
}

function mayBegin(allow: readonly ReferenceRule[], subject: string, queue: string): boolean {
  if (allow.length === 0) return true
  const matching = allow.filter((rule) => subjectMatches(rule.subject, subject))
  const groups = matching.filter((rule) => rule.queue !== '')
  if (queue !== '' && groups.length > 0) return groups.some((rule) => isQueue(rule.queue, queue))
  return matching.some((rule) => rule.queue === '')
}

export function isDenied(deny: readonly ReferenceRule[], subject: string, queue: string): boolean {
  return deny
    .filter((rule) => subjectMatches(rule.subject, subject))
    .some((rule) => rule.queue === '' || (queue !== '' && isQueue(rule.queue, queue)))
}

export function mayPublish({ allow, deny = [] }: SubjectPermission, subject: string): boolean {
  const isAllowed = allow === undefined || allow.some((entry) => subjectMatches(entry, subject))
  return isAllowed && !deny.some((entry) => subjectMatches(entry, subject))
}

/** The pattern covers the queue: the same name, or whatever the queue matches it matches, too. */
function isQueue(pattern: string, queue: string): boolean {
  return pattern === queue || covers(pattern.split('.'), queue.split('.'))
}

function covers(pattern: readonly string[], tokens: readonly string[]): boolean {
  const [want, ...wants] = pattern
  const [token, ...rest] = tokens
  if (want === undefined || token === undefined) return want === token
  if (want === '>') return true
  if (token === '>') return false
  return (want === '*' || want === token) && covers(wants, rest)
}

/** Whether some subject is in both: found by trying all of up to four tokens. */
export function isOverlap(one: string, other: string): boolean {
  return LITERALS.some((literal) => subjectMatches(one, literal) && subjectMatches(other, literal))
}

const TOKENS = ['a', 'b', 'c'] as const

/** All subjects of one to four tokens. */
export const LITERALS: readonly string[] = (() => {
  const all: string[] = []
  let last: readonly string[] = ['']
  for (let length = 1; length <= 4; length++) {
    last = last.flatMap((prefix) => TOKENS.map((token) => (prefix ? `${prefix}.${token}` : token)))
    all.push(...last)
  }
  return all
})()

const token = fc.constantFrom(...TOKENS)
const patternToken = fc.constantFrom(...TOKENS, '*', '*')

/** Two tokens at most, of two letters or wildcards: much meets. */
export const patterns = fc
  .tuple(fc.array(patternToken, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 3 }))
  .map(([tokens, end]) => (end === 0 ? [...tokens.slice(0, 2), '>'] : tokens).join('.'))
  .map((pattern) => (pattern.endsWith('c.>') ? '>' : pattern))

export const literals = fc
  .array(token, { minLength: 1, maxLength: 3 })
  .map((tokens) => tokens.join('.'))

export const queues = fc.oneof({ weight: 2, arbitrary: literals }, patterns)

const subscribeEntries = fc
  .tuple(patterns, fc.option(queues, { nil: '', freq: 2 }))
  .map(([subject, queue]) => (queue === '' ? subject : `${subject} ${queue}`))

export const subscribePermissions = fc.record({
  allow: fc.option(fc.array(subscribeEntries, { maxLength: 4 }), { nil: undefined }),
  deny: fc.option(fc.array(subscribeEntries, { maxLength: 3 }), { nil: undefined }),
})

export const publishPermissions = fc.record({
  allow: fc.option(fc.array(patterns, { maxLength: 4 }), { nil: undefined }),
  deny: fc.option(fc.array(patterns, { maxLength: 3 }), { nil: undefined }),
})
