import type { PermissionOptions } from '../config/account-types.ts'
import type { SubjectPermission } from '../protocol/go-json-decode.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { isLiteralSubject, isValidSubject } from '../protocol/subjects.ts'
import {
  queueFits,
  readSubjectRule,
  type SubjectRule,
  SubjectRules,
  wireText,
} from './subject-rules.ts'

/** What clients may subscribe to. Subjects and queues have one character per byte (latin1). */
export interface SubscribePermission {
  verdict(subject: string, queue?: string): 'allowed' | 'refused'
  /**
   * Whether messages that an allowed subscription leads to may be denied all the same. nats-server
   * then filters everything that is delivered to the connection, for as long as it lasts.
   */
  needsFilter(subject: string, queue?: string): boolean
  /**
   * The filter: whether a message may go to a subscription of that queue group (none: plain). What
   * the kernel does with `denied`, for where there is no kernel and to test it.
   */
  delivers(subject: string, queue?: string): boolean
  readonly denied: readonly SubjectRule[]
  /** Entries that are none, for the log. */
  readonly faults: readonly string[]
}

/** What clients may publish, the subjects they may reply to apart. */
export interface PublishPermission {
  /** Everything is permitted. */
  readonly isOpen: boolean
  isAllowed(subject: string): boolean
  readonly faults: readonly string[]
}

/**
 * The rules of nats-server: a subject is looked up in the lists as if it were a literal, so that
 * an entry `foo.*` permits to subscribe to `foo.>`, too. An empty list of what is allowed is none.
 *
 * Entries that name a queue group, if any match the subject, decide alone for subscriptions of
 * groups; they open nothing for subscriptions without.
 */
export function createSubscribePermission(
  permission: SubjectPermission | undefined,
): SubscribePermission {
  const faults: string[] = []
  const read = (entry: string): SubjectRule[] => {
    const rule = readSubjectRule(entry)
    if (rule === undefined) faults.push(`invalid subject-queue ${goQuote(entry)}`)
    return rule === undefined ? [] : [rule]
  }
  const { allow = [], deny = [] } = permission ?? {}
  const allowed = allow.length === 0 ? undefined : new SubjectRules(allow.flatMap(read))
  const denied = new SubjectRules(deny.flatMap(read))

  function isAllowed(subject: string, queue: string): boolean {
    if (allowed === undefined) return true
    const matching = allowed.matching(subject)
    const groups = matching.filter((rule) => rule.queue !== '')
    if (queue !== '' && groups.length > 0) return groups.some((rule) => fits(queue, rule))
    return matching.length > groups.length
  }

  function isDenied(subject: string, queue: string): boolean {
    if (denied.rules.length === 0) return false
    return denied
      .matching(subject)
      .some((rule) => rule.queue === '' || (queue !== '' && fits(queue, rule)))
  }

  return {
    verdict: (subject, queue = '') =>
      isAllowed(subject, queue) && !isDenied(subject, queue) ? 'allowed' : 'refused',
    needsFilter: (subject, queue = '') =>
      denied.rules.length > 0 &&
      (queue !== '' || !isLiteralSubject(subject)) &&
      denied.overlaps(subject),
    delivers: (subject, queue = '') => !isDenied(subject, queue),
    denied: denied.rules,
    faults,
  }
}

function fits(queue: string, rule: SubjectRule): boolean {
  return queueFits(queue, rule.queue)
}

/** An empty list of what is allowed permits nothing; without one everything is permitted. */
export function createPublishPermission(
  permission: SubjectPermission | undefined,
): PublishPermission {
  const faults: string[] = []
  const { allow, deny = [] } = permission ?? {}
  const allowed = allow && new SubjectRules(allow.flatMap((entry) => readPublish(entry, faults)))
  const denied = new SubjectRules(deny.flatMap((entry) => readPublishDeny(entry, faults)))
  return {
    isOpen: allowed === undefined && denied.rules.length === 0,
    isAllowed: (subject) =>
      (allowed === undefined || allowed.matching(subject).length > 0) &&
      (denied.rules.length === 0 || denied.matching(subject).length === 0),
    faults,
  }
}

function readPublish(entry: string, faults: string[]): readonly SubjectRule[] {
  if (isValidSubject(entry)) return [{ subject: wireText(entry), queue: '' }]
  faults.push(`invalid publish subject ${goQuote(entry)}`)
  return []
}

/** A queue group has no meaning here, but what stands before it shall stay denied. */
function readPublishDeny(entry: string, faults: string[]): readonly SubjectRule[] {
  const rule = readSubjectRule(entry)
  if (rule === undefined) {
    faults.push(`invalid publish deny subject ${goQuote(entry)}`)
    return []
  }
  if (rule.queue === '') return [rule]
  faults.push(`queue qualifier is not valid for publish deny subject ${goQuote(entry)}`)
  return [{ subject: rule.subject, queue: '' }]
}

/**
 * What is in force for a user: its own permissions, else those of the block or account it is in.
 * Who may only reply may publish nothing else.
 */
export function effectivePermissions(
  own: PermissionOptions | undefined,
  fallback: PermissionOptions | undefined,
): PermissionOptions | undefined {
  const permissions = own ?? fallback
  if (permissions?.responses === undefined || permissions.publish?.allow !== undefined)
    return permissions
  return { ...permissions, publish: { ...permissions.publish, allow: [] } }
}

/** The permissions without leave to publish to some subjects. */
export function withPublishDenied(
  permissions: PermissionOptions | undefined,
  subjects: readonly string[],
): PermissionOptions {
  const { publish, subscribe, responses } = permissions ?? {}
  const deny = publish?.deny ?? []
  const added = subjects.filter((subject) => !deny.includes(subject))
  return { publish: { ...publish, deny: [...deny, ...added] }, subscribe, responses }
}
