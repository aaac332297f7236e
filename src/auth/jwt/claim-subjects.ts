import { goQuote } from '../../protocol/go-quote.ts'
import { splitTokens } from '../../protocol/subjects.ts'
import type { PermissionClaims, PermissionList } from './claims.ts'
import type { Issues } from './issues.ts'

/**
 * The rules nats-server's JWT library has for subjects. They differ from those of the server: a
 * wildcard is what has one of these forms, not every token that is one.
 */
const WILDCARDS = /^\*$|^>$|\.>$|\.\*\.|\.\*$|^\*\./
const REFERENCE = /^\$[+-]?\d+$/

export function checkSubject(subject: string, issues: Issues): void {
  if (subject === '') {
    issues.error('subject cannot be empty')
    return
  }
  const quoted = goQuote(subject)
  if (subject.includes(' ')) issues.error(`subject ${quoted} cannot have spaces`)
  if (subject.startsWith('.') || subject.endsWith('.')) {
    issues.error(`subject ${quoted} cannot start or end with a \`.\``)
  }
  if (subject.includes('..')) issues.error(`subject ${quoted} cannot contain consecutive \`.\``)
}

export function hasWildcards(subject: string): boolean {
  return WILDCARDS.test(subject)
}

/** Whether all that `inner` stands for is in what `outer` stands for; both as tokens. */
export function isContainedIn(inner: readonly string[], outer: readonly string[]): boolean {
  if (inner.length > outer.length && outer.at(-1) !== '>') return false
  if (inner.length < outer.length) return false
  const last = outer.length - 1
  for (const [at, token] of outer.entries()) {
    if (at === last && token === '>') return true
    if (token !== inner[at] && token !== '*') return false
  }
  return true
}

/** A subject to be used in place of `from`; it may name the wildcards of `from`: `$1`. */
export function checkRenaming(subject: string, from: string, issues: Issues): void {
  checkSubject(subject, issues)
  if (from === '') issues.error('subject cannot be empty')
  if (subject.includes(' ')) issues.error(`subject ${goQuote(subject)} cannot have spaces`)
  if (endsOpen(subject) !== endsOpen(from)) {
    issues.error('both, renaming subject and subject, need to end or not end in >')
  }
  const wildcards = splitTokens(from).filter((token) => token === '*').length
  let references = 0
  for (const token of splitTokens(subject)) {
    if (token === '*') references++
    if (!REFERENCE.test(token)) continue
    const index = Number(token.slice(1))
    if (index <= wildcards) references++
    else {
      const where = `${goQuote(subject)} reference * in ${goQuote(from)} that do not exist`
      issues.error(`Reference $${index} in ${where}`)
    }
  }
  if (references !== wildcards) {
    issues.error('subject does not contain enough * or reference wildcards $[0-9]')
  }
}

/** With `*` for each wildcard that is named. */
export function withoutReferences(subject: string): string {
  return splitTokens(subject)
    .map((token) => (REFERENCE.test(token) ? '*' : token))
    .join('.')
}

export function checkPermissions(permissions: PermissionClaims, issues: Issues): void {
  checkList(permissions.subscribe, true, issues)
  checkList(permissions.publish, false, issues)
}

function checkList(list: PermissionList, takesQueue: boolean, issues: Issues): void {
  for (const entry of [...(list.allow ?? []), ...(list.deny ?? [])]) {
    const parts = entry.split(' ')
    if (parts.length > 2) {
      issues.error(`Permission Subject "${entry}" contains too many spaces`)
      continue
    }
    for (const part of parts) checkSubject(part, issues)
    if (parts.length === 2 && !takesQueue) {
      issues.error(`Permission Subject "${entry}" is not allowed to contain queue`)
    }
  }
}

function endsOpen(subject: string): boolean {
  return subject === '>' || subject.endsWith('.>')
}
