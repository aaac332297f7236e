import { splitTokens } from '../../protocol/subjects.ts'

/** Subjects with wildcards as sets of the message subjects they match. */

/**
 * True if every subject that `inner` matches is matched by `outer` too. A literal subject is the
 * set of itself; one with an empty token is in no set, except behind `>`.
 */
export function isSubset(inner: readonly string[], outer: readonly string[]): boolean {
  for (const [i, want] of outer.entries()) {
    const token = inner[i]
    if (token === undefined || want === '') return false
    if (want === '>') return true
    if (token === '' || token === '>') return false
    if (want !== '*' && want !== token) return false
  }
  return inner.length === outer.length
}

/** The same for subjects as text. */
export function isSubsetSubject(inner: string, outer: string): boolean {
  return isSubset(splitTokens(inner), splitTokens(outer))
}

/** The subjects that both match, as one subject; undefined if there are none. */
export function intersectSubjects(one: string, other: string): string | undefined {
  const a = splitTokens(one)
  const b = splitTokens(other)
  const both: string[] = []
  for (let i = 0; ; i++) {
    const left = a[i]
    const right = b[i]
    if (left === undefined || right === undefined) {
      return left === right ? both.join('.') : undefined
    }
    if (left === '>') return [...both, ...b.slice(i)].join('.')
    if (right === '>') return [...both, ...a.slice(i)].join('.')
    if (left !== '*' && right !== '*' && left !== right) return undefined
    both.push(left === '*' ? right : left)
  }
}

/** True if some subject is matched by both. */
export function subjectsCollide(one: string, other: string): boolean {
  return intersectSubjects(one, other) !== undefined
}

function _hasWildcard(tokens: readonly string[]): boolean {
  return tokens.some((token) => token === '*' || token === '>')
}
