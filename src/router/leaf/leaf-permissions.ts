import { isLiteralSubject, splitTokens, subjectMatches } from '../../protocol/subjects.ts'
import { isDeniedOnLeaf, isExemptFromPermissions } from './leaf-subjects.ts'
import { wireText } from './leaf-text.ts'
import type { SubjectPermission } from './leaf-types.ts'

/** True if every message subject that `subject` matches is matched by `pattern` too. */
export function subjectCovers(pattern: string, subject: string): boolean {
  const outer = splitTokens(pattern)
  const inner = splitTokens(subject)
  for (const [i, token] of outer.entries()) {
    const other = inner[i]
    if (other === undefined) return false
    if (token === '>') return true
    if (other === '>') return false
    if (token !== '*' && token !== other) return false
  }
  return outer.length === inner.length
}

/** Entries may name a queue group after a blank; those say nothing about the subject as a whole. */
function withoutQueueEntries({ allow, deny }: SubjectPermission): SubjectPermission {
  const isSubject = (entry: string): boolean => !entry.includes(' ')
  return { allow: allow?.filter(isSubject), deny: deny?.filter(isSubject) }
}

/** As subjects are compared: entries are text, what is on the wire is bytes. */
function extendDeny(
  permission: SubjectPermission | undefined,
  deny: readonly string[],
): SubjectPermission {
  const denied = [...(permission?.deny ?? []), ...deny]
  const deniedText = { deny: denied.map(wireText) }
  const allow = permission?.allow?.map(wireText)
  return allow === undefined ? deniedText : { allow, ...deniedText }
}

/** For subscriptions an empty list of what is allowed is none, as in nats-server. */
export function withoutEmptyAllow(
  permission: SubjectPermission | undefined,
): SubjectPermission | undefined {
  return permission?.allow?.length === 0 ? { deny: permission.deny } : permission
}

/**
 * What may cross one leaf link, in text of one character per byte. A subject is announced to a peer
 * so that it sends messages on it: announcing asks the `incoming` side, accepting a peer's interest
 * the `outgoing` one.
 */
export class LeafPermissions {
  readonly incoming: SubjectPermission
  readonly outgoing: SubjectPermission
  readonly #incomingSubjects: SubjectPermission
  readonly #outgoingSubjects: SubjectPermission

  /**
   * @param incoming what the peer may send, `denyIncoming` added to its denies
   * @param outgoing what it may be sent, `denyOutgoing` likewise
   */
  constructor(
    incoming?: SubjectPermission,
    outgoing?: SubjectPermission,
    denyIncoming: readonly string[] = [],
    denyOutgoing: readonly string[] = [],
  ) {
    this.incoming = extendDeny(incoming, denyIncoming)
    this.outgoing = extendDeny(outgoing, denyOutgoing)
    this.#incomingSubjects = withoutQueueEntries(this.incoming)
    this.#outgoingSubjects = withoutQueueEntries(this.outgoing)
  }

  /** Whether the peer may be told of interest in this subject. */
  mayAnnounce(subject: string): boolean {
    if (isExemptFromPermissions(subject)) return true
    if (isDeniedOnLeaf(subject)) return false
    const { allow, deny } = this.#incomingSubjects
    if (deny?.some((entry) => subjectCovers(entry, subject))) return false
    if (allow === undefined) return true
    if (isLiteralSubject(subject)) return allow.some((entry) => subjectMatches(entry, subject))
    // A wildcard wider than what is allowed still asks for the allowed part; the peer filters.
    return allow.some((entry) => subjectCovers(entry, subject) || subjectCovers(subject, entry))
  }

  /**
   * Whether the peer's interest may be taken. Wildcards always may: messages are filtered one by
   * one.
   */
  mayAccept(subject: string): boolean {
    if (isExemptFromPermissions(subject) || !isLiteralSubject(subject)) return true
    if (isDeniedOnLeaf(subject)) return false
    const { allow, deny } = this.#outgoingSubjects
    if (deny?.some((entry) => subjectMatches(entry, subject))) return false
    if (allow === undefined) return true
    return allow.some((entry) => subjectMatches(entry, subject))
  }
}
