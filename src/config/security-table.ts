import type { OptionEntry } from './option-entry.ts'
import type { Options, TrustedProxy } from './option-types.ts'

/**
 * Rows of the top level about TLS, the system account, operator mode and proxies, see
 * option-table.ts. Several keys make up the one option `operator`.
 */

/** nats-server DEFAULT_ACCOUNT_FETCH_TIMEOUT. */
export const FETCH_TIMEOUT_MS = 1_900
/** How often servers with a full resolver compare what they have. Source: nats-server. */
export const SYNC_INTERVAL_MS = 60_000
/** Of a caching resolver. Source: nats-server. */
export const CACHED_ACCOUNTS_MAX = 1_000

export const SECURITY_ROWS: readonly OptionEntry<Options>[] = [
  {
    key: 'tls',
    option: 'tls',
    kind: 'tls',
    default: undefined,
    reloadable: true,
    doc: 'TLS for clients.',
  },
  {
    key: 'allow_non_tls',
    option: 'allowNonTls',
    kind: 'boolean',
    default: false,
    reloadable: false,
    doc: 'Let clients without TLS in as well.',
  },
  {
    key: 'no_auth_user',
    option: 'noAuthUser',
    kind: 'text',
    default: '',
    reloadable: false,
    doc:
      'User, by name or public key, that clients without credentials are taken for. A reload may ' +
      'only take it away, and only together with that user.',
  },
  {
    key: 'system',
    option: 'systemAccount',
    kind: 'system account',
    default: '',
    reloadable: false,
    isSecondary: true,
    doc: 'The same as system_account.',
  },
  {
    key: 'system_account',
    option: 'systemAccount',
    kind: 'system account',
    default: '',
    reloadable: false,
    doc:
      'Account for what the server tells about itself; by default that of the operator, else ' +
      '`$SYS`, which is then made.',
  },
  {
    key: 'no_system_account',
    aliases: ['no_system', 'no_sys_acc'],
    option: 'noSystemAccount',
    kind: 'boolean',
    default: false,
    reloadable: false,
    doc: 'Make no system account where none is named.',
  },
  {
    key: 'trusted_keys',
    aliases: ['trusted'],
    option: 'operator',
    objectKey: 'operator.trustedKeys',
    kind: 'trusted keys',
    default: undefined,
    reloadable: false,
    isSecondary: true,
    doc: 'In place of operator: one public operator key or an array.',
  },
  {
    key: 'resolver',
    aliases: ['account_resolver', 'accounts_resolver'],
    option: 'operator',
    objectKey: 'operator.resolver',
    kind: 'resolver',
    default: undefined,
    reloadable: true,
    isSecondary: true,
    doc:
      'Where account JWTs are: `MEMORY`, `URL(http://…)`, or a map with `type` (`full`, `cache`, ' +
      '`memory`), `dir`, `limit`, `timeout`; `full`: `interval`, `allow_delete`, `hard_delete`; ' +
      '`cache`: `ttl`.',
  },
  {
    key: 'resolver_tls',
    option: 'operator',
    objectKey: 'operator.resolverTls',
    kind: 'resolver tls',
    default: undefined,
    reloadable: true,
    isSecondary: true,
    doc: 'A tls block for a resolver with a URL.',
  },
  {
    key: 'resolver_preload',
    option: 'operator',
    objectKey: 'operator.preload',
    kind: 'preload',
    default: undefined,
    reloadable: true,
    isSecondary: true,
    doc: 'Map of account JWTs by public key, for any resolver but a URL.',
  },
  {
    key: 'resolver_pinned_accounts',
    option: 'operator',
    objectKey: 'operator.pinnedAccounts',
    kind: 'pinned accounts',
    default: undefined,
    reloadable: true,
    isSecondary: true,
    doc: 'Public key or array: only users of these accounts and of the system account may log in.',
  },
  {
    key: 'default_sentinel',
    option: 'operator',
    objectKey: 'operator.defaultSentinel',
    kind: 'sentinel',
    default: undefined,
    reloadable: true,
    isSecondary: true,
    doc: 'Bearer JWT of clients that present none.',
  },
  {
    key: 'operator',
    aliases: ['operators', 'root', 'roots', 'root_operator', 'root_operators'],
    option: 'operator',
    objectKey: 'operator.jwts',
    kind: 'operators',
    default: undefined,
    reloadable: false,
    doc: 'Operator JWT, or a file with one, or an array: accounts and users are JWTs.',
  },
  {
    key: 'proxies',
    option: 'trustedProxies',
    objectKey: 'trustedProxies',
    kind: 'proxies',
    default: [],
    reloadable: true,
    doc: 'Who may connect on behalf of clients.',
  },
]

/** The `proxies` block holds nothing but the list. */
export interface ProxiesBlock {
  readonly trusted: readonly string[]
}

export const PROXIES_TABLE: readonly OptionEntry<ProxiesBlock>[] = [
  {
    key: 'trusted',
    option: 'trusted',
    kind: 'trusted proxies',
    default: [],
    reloadable: true,
    doc: 'Proxies that sign the nonce of each connection they pass on.',
  },
]

export const TRUSTED_PROXY_TABLE: readonly OptionEntry<TrustedProxy>[] = [
  {
    key: 'key',
    aliases: ['public_key'],
    option: 'key',
    kind: 'proxy key',
    default: '',
    reloadable: true,
    doc: 'Public key of a proxy, of any kind.',
  },
]
