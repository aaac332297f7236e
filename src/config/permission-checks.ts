import type { SubjectPermission } from '../protocol/go-json-decode.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { isValidSubject } from '../protocol/subjects.ts'
import type { PermissionOptions, ResponsePermission } from './account-types.ts'

/** What is checked of permissions both when a file is read and when the broker starts. */

/** nats-server DEFAULT_ALLOW_RESPONSE_MAX_MSGS and DEFAULT_ALLOW_RESPONSE_EXPIRATION. */
export const DEFAULT_RESPONSES: ResponsePermission = { max: 1, expiresMs: 120_000 }

/** Entries of `subscribe` may name a queue group behind the subject, those of `publish` not. */
export interface SubjectRules {
  readonly allowQueue: boolean
}

export function permissionSubjectsFault(
  subjects: readonly string[],
  { allowQueue }: SubjectRules,
): string | undefined {
  for (const entry of subjects) {
    if (isValidSubject(entry)) continue
    const words = entry.split(/\s+/).filter((word) => word !== '')
    const [subject = '', queue = ''] = words
    if (!allowQueue || words.length !== 2) return notValid('subject', entry)
    if (!isValidSubject(subject)) return notValid('subject', subject)
    if (!isValidSubject(queue)) return notValid('queue', queue)
  }
  return undefined
}

function notValid(what: 'subject' | 'queue', text: string): string {
  return `${what} ${goQuote(text)} is not a valid ${what}`
}

/** The first fault of all four lists: `publish deny: subject "a..b" is not a valid subject`. */
export function permissionsFault(permissions: PermissionOptions | undefined): string | undefined {
  const { publish, subscribe } = permissions ?? {}
  return (
    listsFault('publish', publish, { allowQueue: false }) ??
    listsFault('subscribe', subscribe, { allowQueue: true })
  )
}

function listsFault(
  verb: string,
  permission: SubjectPermission | undefined,
  rules: SubjectRules,
): string | undefined {
  for (const list of ['allow', 'deny'] as const) {
    const fault = permissionSubjectsFault(permission?.[list] ?? [], rules)
    if (fault !== undefined) return `${verb} ${list}: ${fault}`
  }
  return undefined
}

/** Who may answer requests may publish nothing else, unless `publish` says what. */
export function withResponses(permissions: PermissionOptions): PermissionOptions {
  const { publish, responses } = permissions
  if (responses === undefined || publish?.allow !== undefined) return permissions
  return { ...permissions, publish: { ...publish, allow: [] } }
}
