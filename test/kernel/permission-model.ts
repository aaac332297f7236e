import type { SubjectPermission } from '../../src/router/leaf/leaf-types.ts'

/** What decides which messages may cross a leaf link. */
export interface LinkRules {
  /** What may be sent to the peer, and what it may send. */
  readonly outgoing: SubjectPermission
  readonly incoming: SubjectPermission
  /** This server has the spoke role on the link. */
  readonly isSpoke: boolean
}

export const NO_RULES: LinkRules = { outgoing: {}, incoming: {}, isSpoke: false }

const GATEWAY_REPLY = /^(?:_GR_\..{6}\..{6}\.|\$GR\..{4}\.)(?=.)/s
const SERVICE_REPLY = /^(?:_R_\.|\$JS\.ACK\.)./s
/** JetStream's own, as seen by those who send. */
const JETSTREAM = /^\$(?:JS\.API|KV|OBJ)\../s

/** Whether a pattern matches a text, whose own wildcards are ordinary tokens. */
function matches(pattern: string, text: string): boolean {
  const tokens = text.split('.')
  const wanted = pattern.split('.')
  const rest = wanted.indexOf('>')
  if (rest >= 0 ? tokens.length <= rest : tokens.length !== wanted.length) return false
  return wanted
    .slice(0, rest >= 0 ? rest : undefined)
    .every((token, i) => token === '*' || token === tokens[i])
}

/** Whether a group's name is a pattern, or covered by it. */
function coversName(pattern: string, name: string): boolean {
  if (pattern === name) return true
  const tokens = name.split('.')
  const wanted = pattern.split('.')
  const rest = wanted.indexOf('>')
  const upTo = rest >= 0 ? rest : wanted.length
  if (tokens.slice(0, upTo).includes('>')) return false
  return matches(pattern, name)
}

function permits({ allow, deny = [] }: SubjectPermission, subject: string): boolean {
  const inner = subject.replace(GATEWAY_REPLY, '')
  const isSubject = !inner.split('.').includes('')
  const isRule = (entry: string) => isSubject && !entry.includes(' ') && matches(entry, inner)
  if (allow !== undefined && !allow.some(isRule)) return false
  return !deny.some(isRule)
}

/** Whether a message may be sent over a link at all; undefined = it never is, and nobody counts. */
export function mayGoOut({ outgoing }: LinkRules, subject: string): boolean | undefined {
  return JETSTREAM.test(subject) ? undefined : permits(outgoing, subject)
}

/** Whether a permitted message may be sent for a group, too. */
export function mayGoOutFor({ outgoing }: LinkRules, subject: string, group: string): boolean {
  const inner = subject.replace(GATEWAY_REPLY, '')
  const pairs = (outgoing.deny ?? []).map((entry) => entry.split(' '))
  return !pairs.some(
    ([pattern, name]) => name !== undefined && matches(pattern!, inner) && coversName(name, group),
  )
}

/** Whether a peer may send on a subject. */
export function mayComeIn({ incoming, isSpoke }: LinkRules, subject: string): boolean {
  if (SERVICE_REPLY.test(subject.replace(GATEWAY_REPLY, ''))) return true
  if (isSpoke && GATEWAY_REPLY.test(subject)) return true
  return permits(incoming, subject)
}
