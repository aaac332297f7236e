import { isDeepStrictEqual } from 'node:util'
import type { Options } from '../option-types.ts'
import { ACCESS_FIELDS, missingIn } from './access-fields.ts'
import { compareLeafnodes, LEAFNODE_FIELD } from './leafnode-field.ts'
import type { ReloadChanges } from './reload-changes.ts'
import type { OptionPair, ReloadField } from './reload-field.ts'
import { OWN_FIELDS, SERVER_FIELDS } from './server-fields.ts'
import { arePinnedCertsChanged, TLS_FIELDS } from './tls-fields.ts'
import { WEBSOCKET_FIELD } from './websocket-field.ts'

/** What a reload means, before anything of it is done. */
export type ReloadPlan =
  /** Nothing may change; the text is nats-server's, but for secrets. */
  | { readonly refusal: string }
  | {
      /** For the log. */
      readonly lines: readonly string[]
      /** What differs, by the keys of the file, blocks before a point. */
      readonly changed: readonly string[]
      readonly changes: ReloadChanges
    }

/** Ports that are listened on; 0: none. */
export interface ListenPorts {
  readonly client: number
  readonly leaf: number
  readonly websocket: number
}

/** In the order of nats-server's Options: the first that cannot change is the one that is told. */
const FIELD_ORDER: readonly string[] = [
  'ServerName',
  'Host',
  'Port',
  'ClientAdvertise',
  'Trace',
  'Debug',
  'TraceVerbose',
  'TraceHeaders',
  'NoSublistCache',
  'NoHeaderSupport',
  'Logtime',
  'LogtimeUTC',
  'MaxConn',
  'MaxSubs',
  'MaxSubTokens',
  'Nkeys',
  'Users',
  'Accounts',
  'NoAuthUser',
  'DefaultSentinel',
  'SystemAccount',
  'NoSystemAccount',
  'Username',
  'Password',
  'ProxyRequired',
  'ProxyProtocol',
  'Authorization',
  'AuthCallout',
  'PingInterval',
  'MaxPingsOut',
  'HTTPHost',
  'HTTPPort',
  'HTTPBasePath',
  'HTTPSPort',
  'AuthTimeout',
  'MaxControlLine',
  'MaxPayload',
  'MaxPending',
  'NoFastProducerStall',
  'LeafNode',
  'StoreDir',
  'Websocket',
  'ProfPort',
  'ProfBlockRate',
  'PidFile',
  'PortsFileDir',
  'LogFile',
  'LogSizeLimit',
  'LogMaxFiles',
  'Syslog',
  'RemoteSyslog',
  'TLSTimeout',
  'TLSMap',
  'TLSConfig',
  'TLSPinnedCerts',
  'TLSRateLimit',
  'TLSHandshakeFirst',
  'TLSHandshakeFirstFallback',
  'AllowNonTLS',
  'WriteDeadline',
  'WriteTimeout',
  'MaxClosedClients',
  'LameDuckDuration',
  'LameDuckGracePeriod',
  'MaxTracedMsgLen',
  'TrustedKeys',
  'TrustedOperators',
  'AccountResolver',
  'AccountResolverTLSConfig',
  'ConnectErrorReports',
  'ReconnectErrorReports',
  'Tags',
  'Metadata',
  'FeatureFlags',
  'Proxies',
]

const KNOWN_FIELDS = [
  ...SERVER_FIELDS,
  ...ACCESS_FIELDS,
  ...TLS_FIELDS,
  LEAFNODE_FIELD,
  WEBSOCKET_FIELD,
]

/** All that is compared, in order; together they look at every option. */
export const RELOAD_FIELDS: readonly ReloadField[] = [
  ...KNOWN_FIELDS.sort((one, other) => placeOf(one) - placeOf(other)),
  ...OWN_FIELDS,
]

/** @throws Error for a field that has no place, which would be told in the wrong order */
function placeOf({ name }: ReloadField): number {
  const place = FIELD_ORDER.indexOf(name)
  if (place < 0) throw new Error(`field ${name} has no place in FIELD_ORDER`)
  return place
}

/**
 * Compares options as nats-server does when it reloads its configuration: the first difference that
 * cannot be reloaded refuses all of them.
 *
 * @param pair both complete, see withListenPorts
 */
export function planReload(pair: OptionPair): ReloadPlan {
  const lines: string[] = []
  const changed = new Set<string>()
  for (const { compare } of RELOAD_FIELDS) {
    const outcome = compare(pair)
    if ('refusal' in outcome) return outcome
    lines.push(...outcome.lines)
    for (const key of outcome.changed) changed.add(key)
  }
  const leaf = compareLeafnodes(pair)
  if ('refusal' in leaf) return leaf
  return { lines, changed: [...changed], changes: { ...plainChanges(pair), leaf: leaf.changes } }
}

/**
 * Options with the ports that are listened on in place of those that any free port stands for;
 * where nothing is listened on, -1 stays, which is a difference then.
 */
export function withListenPorts(options: Options, ports: ListenPorts): Options {
  const { port, leafnodes, websocket } = options
  const real = (wanted: number, listened: number) => (wanted === -1 ? listened || wanted : wanted)
  return {
    ...options,
    port: real(port, ports.client),
    leafnodes: { ...leafnodes, port: real(leafnodes.port, ports.leaf) },
    websocket: { ...websocket, port: real(websocket.port, ports.websocket) },
  }
}

const LOG_SWITCHES = ['debug', 'trace', 'traceVerbose', 'traceHeaders', 'maxTracedMsgLen'] as const
/** What the threads decide logins and rights by. */
const ACCESS_OPTIONS = [
  'users',
  'nkeys',
  'accounts',
  'mappings',
  'noAuthUser',
  'systemAccount',
  'trustedProxies',
] as const

function plainChanges(pair: OptionPair): Omit<ReloadChanges, 'leaf'> {
  const { old, next } = pair
  const differs = (option: keyof Options) => !isDeepStrictEqual(old[option], next[option])
  const isAuthChanged =
    next.operator !== undefined ||
    ACCESS_OPTIONS.some(differs) ||
    !isDeepStrictEqual(loginOf(old), loginOf(next)) ||
    !isDeepStrictEqual(old.leafnodes.authorization, next.leafnodes.authorization)
  return {
    isLogChanged: LOG_SWITCHES.some(differs),
    isAuthChanged,
    isPinnedCertsChanged: arePinnedCertsChanged(old, next),
    removedProxies: missingIn(next.trustedProxies, old.trustedProxies),
    isInfoChanged:
      isAuthChanged || differs('maxPayload') || differs('clientAdvertise') || differs('tls'),
  }
}

/** All of `authorization` but the time to log in, which only those who come later have. */
function loginOf({ authorization }: Options) {
  const { timeoutMs: _, ...login } = authorization
  return login
}
