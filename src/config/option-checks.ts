import { durationNs, formatDuration } from '../base/duration.ts'
import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { normaliseCompression } from './compression-options.ts'
import { leafAccountsFault } from './leafnode-accounts.ts'
import {
  authTimeoutMs,
  leafNkeyFault,
  leafUsersFault,
  leafVersionFault,
} from './leafnode-checks.ts'
import { LEAFNODES_TABLE } from './leafnode-table.ts'
import {
  completeOperator,
  isOperatorMode,
  noAuthUserFault,
  operatorFault,
  proxiesFault,
  resolverFault,
} from './operator-checks.ts'
import { defaultsOf, type OptionEntry } from './option-entry.ts'
import { AUTHORIZATION_TABLE, OPTION_TABLE } from './option-table.ts'
import type {
  LeafnodeOptions,
  Options,
  RemoteOptions,
  TlsOptions,
  WebsocketOptions,
} from './option-types.ts'
import {
  BOTH_CREDENTIALS,
  proxyFault,
  remoteName,
  seedFault,
  subjectFault,
} from './remote-checks.ts'
import { REMOTE_TABLE } from './remote-table.ts'
import { isWebsocketUrl, remoteUrlText } from './remote-url.ts'
import { systemAccountOf } from './system-account.ts'
import { TLS_TABLE } from './tls-table.ts'
import { userPermissionsFault } from './user-checks.ts'
import { websocketFault } from './websocket-checks.ts'
import { WEBSOCKET_TABLE } from './websocket-table.ts'

/** Options that fit together, or the text of what does not. */
export type CheckResult = { readonly options: Options } | { readonly error: string }

/**
 * Puts defaults where a number is 0 or the host is empty, and checks what no option can tell alone.
 * nats-server does both when a server is constructed, not when the file is checked with `-t`.
 */
export function completeOptions(given: Options): CheckResult {
  const tls = completeTls(given.tls)
  const timeoutMs = given.authorization.timeoutMs || authTimeoutMs(tls)
  const plain = withDefaults(OPTION_TABLE, given)
  const options: Options = {
    ...plain,
    httpHost: plain.httpHost || plain.host,
    ...completeOperator(given),
    tls,
    authorization: withDefaults(AUTHORIZATION_TABLE, { ...given.authorization, timeoutMs }),
    leafnodes: completeLeafnodes(given.leafnodes),
    websocket: completeWebsocket(given.websocket),
  }
  const error = findConflict(options)
  if (error !== undefined) return { error }
  const leafnodes = withNormalCompression(options.leafnodes)
  const operator = isOperatorMode(options) ? options.operator : undefined
  return {
    options: { ...options, operator, leafnodes, systemAccount: systemAccountOf(options) },
  }
}

function withDefaults<T extends object, Kind>(table: readonly OptionEntry<T, Kind>[], given: T): T {
  const defaults = defaultsOf(table)
  const isUnset = (option: keyof T) => given[option] === 0 || option === 'host'
  const unset = table.filter((entry) => isUnset(entry.option) && !given[entry.option])
  return Object.assign(
    { ...given },
    ...unset.map((entry) => ({ [entry.option]: defaults[entry.option] })),
  )
}

function completeLeafnodes(given: LeafnodeOptions): LeafnodeOptions {
  const tls = completeTls(given.tls)
  const { authorization } = given
  return {
    ...withDefaults(LEAFNODES_TABLE, { ...given, dialTimeoutMs: Math.max(given.dialTimeoutMs, 0) }),
    tls,
    authorization: {
      ...authorization,
      timeoutMs: authorization.timeoutMs || authTimeoutMs(tls),
    },
    remotes: given.remotes.map(completeRemote),
  }
}

/** Times that are no times stand for the default here, as in nats-server. */
function completeRemote(given: RemoteOptions): RemoteOptions {
  return {
    ...withDefaults(REMOTE_TABLE, {
      ...given,
      firstInfoTimeoutMs: Math.max(given.firstInfoTimeoutMs, 0),
      dialTimeoutMs: Math.max(given.dialTimeoutMs, 0),
    }),
    account: given.account || GLOBAL_ACCOUNT,
    tls: completeTls(given.tls),
    proxy: given.proxy?.url === '' ? undefined : given.proxy,
  }
}

function completeWebsocket(given: WebsocketOptions): WebsocketOptions {
  return { ...withDefaults(WEBSOCKET_TABLE, given), tls: completeTls(given.tls) }
}

function completeTls(given: TlsOptions | undefined): TlsOptions | undefined {
  return given === undefined ? undefined : withDefaults(TLS_TABLE, given)
}

/** The texts are nats-server's, as is the order in which faults are looked for. */
function findConflict(options: Options): string | undefined {
  const { maxPayload, maxPending, lameDuckDurationMs, lameDuckGracePeriodMs } = options
  if (lameDuckGracePeriodMs >= lameDuckDurationMs) {
    const [grace, duration] = [lameDuckGracePeriodMs, lameDuckDurationMs].map((ms) => {
      return formatDuration(durationNs(ms))
    })
    return (
      `lame duck grace period (${grace}) should be strictly lower than ` +
      `lame duck duration (${duration})`
    )
  }
  if (maxPayload > maxPending) {
    return `max_payload (${maxPayload}) cannot be higher than max_pending (${maxPending})`
  }
  if (options.serverName.includes(' ')) return 'server name cannot contain spaces'
  return (
    operatorFault(options) ??
    findLeafnodeConflict(options) ??
    userPermissionsFault(options) ??
    noAuthUserFault(options, options.noAuthUser) ??
    proxiesFault(options) ??
    websocketFault(options) ??
    resolverFault(options)
  )
}

function findLeafnodeConflict(options: Options): string | undefined {
  const { leafnodes } = options
  const { authorization, remotes, compression, port, minVersion } = leafnodes
  return (
    leafUsersFault(authorization) ??
    (authorization.nkey === '' ? undefined : leafNkeyFault(authorization.nkey)) ??
    firstOf(remotes, remoteNameFault(new Set())) ??
    leafAccountsFault(options) ??
    compressionFault(compression) ??
    firstOf(remotes, remoteFault) ??
    (port === 0 || minVersion === '' ? undefined : leafVersionFault(minVersion))
  )
}

function firstOf<T>(
  elements: readonly T[],
  faultOf: (element: T) => string | undefined,
): string | undefined {
  for (const element of elements) {
    const fault = faultOf(element)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** @param names of the remotes before */
function remoteNameFault(names: Set<string>): (remote: RemoteOptions) => string | undefined {
  return (remote) => {
    const { urls, denyImports, denyExports } = remote
    const texts = urls.map((url) => remoteUrlText(url, { isRedacted: false }))
    const { full, redacted } = remoteName(texts, remote)
    const importFault = subjectFault(denyImports)
    if (importFault !== undefined) {
      return `invalid deny_imports for remote ${redacted}: ${importFault}`
    }
    const exportFault = subjectFault(denyExports)
    if (exportFault !== undefined) {
      return `invalid deny_exports for remote ${redacted}: ${exportFault}`
    }
    if (names.has(full)) return `duplicate remote ${redacted}`
    names.add(full)
    return undefined
  }
}

function remoteFault(remote: RemoteOptions): string | undefined {
  const { urls, compression } = remote
  const shownUrls = urls.map((url) => remoteUrlText(url, { isRedacted: true }))
  const fault = proxyFault(remote, shownUrls)
  if (fault !== undefined) return fault
  if (urls.some(isWebsocketUrl) && !urls.every(isWebsocketUrl)) {
    const text = 'remote leaf node configuration cannot have a mix of websocket and non-websocket'
    return `${text} urls: [${shownUrls.map(goQuote).join(' ')}]`
  }
  return credentialsFault(remote) ?? compressionFault(compression)
}

/** Reading a file finds these at once; programs only get here. */
function credentialsFault({ credentials, nkey }: RemoteOptions): string | undefined {
  if (nkey === '') return undefined
  return credentials === '' ? seedFault(nkey) : BOTH_CREDENTIALS
}

function compressionFault(compression: LeafnodeOptions['compression']): string | undefined {
  const result = normaliseCompression(compression)
  return 'error' in result ? result.error : undefined
}

/** @param leafnodes in which all compression has been found fit */
function withNormalCompression(leafnodes: LeafnodeOptions): LeafnodeOptions {
  const normal = <T extends Pick<LeafnodeOptions, 'compression'>>(holder: T): T => {
    const result = normaliseCompression(holder.compression)
    return 'error' in result ? holder : { ...holder, compression: result.compression }
  }
  return { ...normal(leafnodes), remotes: leafnodes.remotes.map(normal) }
}
