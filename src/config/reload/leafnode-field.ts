import { isDeepStrictEqual } from 'node:util'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { LEAFNODES_TABLE } from '../leafnode-table.ts'
import { defaultsOf } from '../option-entry.ts'
import type { LeafnodeOptions, LeafnodeUserOptions } from '../option-types.ts'
import { goDuration, goList, goSeconds, goSet, REDACTED, STRUCTURE } from './go-format.ts'
import { compressionText } from './leafnode-text.ts'
import type { LeafChanges } from './reload-changes.ts'
import type { OptionPair, ReloadField } from './reload-field.ts'
import { compareRemotes } from './remote-changes.ts'
import { writeTimeoutText } from './server-fields.ts'

/** What a reload does with leaf links, or why it must not happen. */
export type LeafnodeOutcome =
  | { readonly refusal: string }
  | {
      readonly lines: readonly string[]
      readonly changed: readonly string[]
      readonly changes: LeafChanges
    }

type Show = (leafnodes: LeafnodeOptions) => string

const DIAL_TIMEOUT_MS = defaultsOf(LEAFNODES_TABLE).dialTimeoutMs

/** What must stay as it is, by the names and in the order of nats-server. */
const FIXED_FIELDS: readonly (readonly [name: string, show: Show])[] = [
  // Only a listener has a default host.
  ['Host', ({ host, port }) => (port === 0 && host === '0.0.0.0' ? '' : host)],
  ['Port', ({ port }) => String(port)],
  ['Username', ({ authorization }) => authorization.user],
  ['Password', ({ authorization }) => authorization.pass],
  ['ProxyRequired', ({ authorization }) => String(authorization.proxyRequired)],
  ['Nkey', ({ authorization }) => authorization.nkey],
  ['Account', ({ authorization }) => authorization.account],
  [
    'AuthTimeout',
    ({ authorization, port }) => (port === 0 ? '0' : goSeconds(authorization.timeoutMs)),
  ],
  [
    'TLSTimeout',
    ({ tls, port }) => (tls === undefined ? (port === 0 ? '0' : '2') : goSeconds(tls.timeoutMs)),
  ],
  ['TLSMap', ({ tls }) => String(tls?.verifyAndMap === true)],
  ['TLSPinnedCerts', ({ tls }) => goSet([...new Set(tls?.pinnedCerts)])],
  ['Advertise', ({ advertise }) => advertise],
  ['NoAdvertise', ({ noAdvertise }) => String(noAdvertise)],
  ['ReconnectInterval', ({ reconnectMs }) => goDuration(reconnectMs)],
  ['WriteDeadline', ({ writeDeadlineMs }) => goDuration(writeDeadlineMs)],
  ['WriteTimeout', ({ writeTimeout }) => writeTimeoutText(writeTimeout)],
  ['MinVersion', ({ minVersion }) => minVersion],
  ['IsolateLeafnodeInterest', ({ isolateLeafnodeInterest }) => String(isolateLeafnodeInterest)],
  // nats-server puts the default in when it dials.
  ['DialTimeout', ({ dialTimeoutMs: ms }) => goDuration(ms === DIAL_TIMEOUT_MS ? 0 : ms)],
  ['MaxPending', ({ maxPending }) => String(maxPending)],
  ['SlowLeaf', ({ slowLeaf }) => slowLeaf],
]

const SECRET_FIELDS: ReadonlySet<string> = new Set(['Password'])

export const LEAFNODE_FIELD: ReloadField = {
  name: 'LeafNode',
  options: ['leafnodes'],
  compare: compareLeafnodes,
}

export function compareLeafnodes({ old, next }: Pick<OptionPair, 'old' | 'next'>): LeafnodeOutcome {
  const [before, after] = [old.leafnodes, next.leafnodes]
  const fault = usersFault(before, after) ?? fixedFault(before, after)
  if (fault !== undefined) return refused(fault)
  const remotes = compareRemotes(before.remotes, after.remotes)
  if ('refusal' in remotes) return refused(remotes.refusal)
  const { lines, ...changes } = remotes
  const isCompressionChanged = !isDeepStrictEqual(before.compression, after.compression)
  return {
    lines: [...handshakeLines(before, after), ...compressionLines(before, after), ...lines],
    changed: changedKeys(before, after),
    changes: { ...changes, isCompressionChanged },
  }
}

function refused(fault: string): LeafnodeOutcome {
  return { refusal: `config reload not supported for LeafNode: ${fault}` }
}

function usersFault(before: LeafnodeOptions, after: LeafnodeOptions): string | undefined {
  const [old, next] = [before.authorization.users, after.authorization.users]
  const others = new Map(next.map((user) => [user.user, user]))
  const isSame = (user: LeafnodeUserOptions) => {
    const other = others.get(user.user)
    return other?.pass === user.pass && accountOf(other) === accountOf(user)
  }
  if (old.length === next.length && old.every(isSame)) return undefined
  const show = (users: readonly unknown[]) => goList(users.map(() => STRUCTURE))
  return `field "Users": old=${show(old)}, new=${show(next)}`
}

function accountOf({ account }: LeafnodeUserOptions): string {
  return account || GLOBAL_ACCOUNT
}

function fixedFault(before: LeafnodeOptions, after: LeafnodeOptions): string | undefined {
  for (const [name, show] of FIXED_FIELDS) {
    const values = [show(before), show(after)]
    if (values[0] === values[1]) continue
    const [old, next] = values.map((value) =>
      SECRET_FIELDS.has(name) && value !== '' ? REDACTED : value,
    )
    return `field "${name}": old=${old}, new=${next}`
  }
  return undefined
}

function handshakeLines(before: LeafnodeOptions, after: LeafnodeOptions): readonly string[] {
  const of = ({ tls }: LeafnodeOptions) =>
    [tls?.handshakeFirst === true, tls?.handshakeFirstFallbackMs ?? 0] as const
  if (isDeepStrictEqual(of(before), of(after))) return []
  const [isFirst, fallbackMs] = of(after)
  return [
    `Reloaded: LeafNode TLS HandshakeFirst value is: ${isFirst}`,
    `Reloaded: LeafNode TLS HandshakeFirstFallback value is: ${goDuration(fallbackMs)}`,
  ]
}

function compressionLines(before: LeafnodeOptions, after: LeafnodeOptions): readonly string[] {
  if (isDeepStrictEqual(before.compression, after.compression)) return []
  return [`Reloaded: LeafNode Compression value is: ${compressionText(after.compression)}`]
}

function changedKeys(before: LeafnodeOptions, after: LeafnodeOptions): readonly string[] {
  const byName = ({ remotes }: LeafnodeOptions) =>
    remotes.map((remote) => JSON.stringify(remote)).sort()
  const parts: readonly (readonly [string, (options: LeafnodeOptions) => unknown])[] = [
    ['leafnodes.tls', ({ tls }) => tls],
    ['leafnodes.compression', ({ compression }) => compression],
    ['leafnodes.authorization', ({ authorization }) => authorization],
    ['leafnodes.remotes', byName],
  ]
  return parts.flatMap(([key, of]) => (isDeepStrictEqual(of(before), of(after)) ? [] : [key]))
}
