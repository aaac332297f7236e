import type { SubjectPermission } from './leaf-types.ts'

/**
 * Where loops show: each server announces its own subject below this and must never hear of it
 * again.
 */
export const LOOP_SUBJECT_PREFIX = '$LDS.'
/**
 * Replies routed through gateways, new and old form: announced and accepted whatever the
 * permissions.
 */
const GATEWAY_REPLY_PREFIXES = ['_GR_.', '$GR.'] as const

const SERVICE_REPLY_PREFIX = '_R_.'

/**
 * JetStream's own subjects: two servers with a leaf link between them each have a JetStream of
 * their own.
 */
const DENIED_PREFIXES = ['$JS.API.', '$KV.', '$OBJ.'] as const

/**
 * Whether a subject stays on its side of a leaf link under its own name. As in nats-server:
 * - interest in it is not announced, and a literal one is not accepted;
 * - a message on it is not sent over the link. A hub takes it when it comes, a spoke does not.
 * For a subject with wildcards it means "all that it covers": `$KV.>` is denied, `$JS.>` and `*.x`
 * are not.
 */
export function isDeniedOnLeaf(subject: string): boolean {
  for (const prefix of DENIED_PREFIXES) {
    if (subject.length > prefix.length && subject.startsWith(prefix)) return true
  }
  return false
}

/** What a spoke takes from its hub. */
export function withoutJetStream(permission: SubjectPermission): SubjectPermission {
  const denied = DENIED_PREFIXES.map((prefix) => `${prefix}>`)
  return { ...permission, deny: [...(permission.deny ?? []), ...denied] }
}

export function isLoopSubject(subject: string): boolean {
  return subject.startsWith(LOOP_SUBJECT_PREFIX)
}

/** Interest in these is link bookkeeping: no permission applies. */
export function isExemptFromPermissions(subject: string): boolean {
  return (
    isLoopSubject(subject) || GATEWAY_REPLY_PREFIXES.some((prefix) => subject.startsWith(prefix))
  )
}

/** What a service replies to a request of another account: no permission is needed. */
export function isServiceReply(subject: string): boolean {
  return subject.startsWith(SERVICE_REPLY_PREFIX)
}
