import {
  ACCOUNT_TABLE,
  EXPORT_TABLE,
  IMPORT_TABLE,
  LIMITS_TABLE,
  MAPPING_TABLE,
} from './account-table.ts'
import { LEAF_AUTHORIZATION_TABLE, LEAF_USER_TABLE, LEAFNODES_TABLE } from './leafnode-table.ts'
import { LOG_ROWS } from './log-table.ts'
import { MONITORING_ROWS } from './monitoring-table.ts'
import { defaultsOf, NOT_NEGATIVE, type OptionEntry, PORT_RANGE, POSITIVE } from './option-entry.ts'
import type { AuthorizationOptions, Options } from './option-types.ts'
import { rateRows } from './rate-table.ts'
import { PROXY_TABLE, REMOTE_TABLE } from './remote-table.ts'
import { PROXIES_TABLE, SECURITY_ROWS, TRUSTED_PROXY_TABLE } from './security-table.ts'
import { CERTIFICATE_TABLE, TLS_TABLE } from './tls-table.ts'
import type { UserLists } from './user-readers.ts'
import { CALLOUT_TABLE, PERMISSION_TABLE, RESPONSE_TABLE, USER_TABLE } from './user-table.ts'
import { WEBSOCKET_AUTHORIZATION_TABLE, WEBSOCKET_TABLE } from './websocket-table.ts'

/**
 * Every option this version honours, in one list for each block of the file. Reading, checking,
 * defaults and the documentation all come from here.
 *
 * Where a file sets one thing twice, the entry further down in the list wins, whatever the order in
 * the file (`port` over `listen`).
 */

const INT32_MAX = 2 ** 31 - 1
const MIB = 2 ** 20
/** Both from src/kernel/shared-memory.ts, which must not be imported here; a test compares them. */
const SHARED_MEMORY_BYTES_MIN = 256 * MIB
const SHARED_MEMORY_BYTES_MAX = 2048 * MIB
/** THREAD_COUNT_MAX of src/kernel/assembly/layout.ts, less the routing worker; likewise. */
const WORKERS_MAX = 31

export const AUTHORIZATION_TABLE: readonly OptionEntry<AuthorizationOptions>[] = [
  {
    key: 'user',
    aliases: ['username'],
    option: 'user',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Name of the one user clients must log in as.',
  },
  {
    key: 'pass',
    aliases: ['password'],
    option: 'pass',
    kind: 'text',
    default: '',
    reloadable: true,
    isSecret: true,
    doc: 'Password of that user, plain or as a bcrypt hash.',
  },
  {
    key: 'token',
    option: 'token',
    kind: 'text',
    default: '',
    reloadable: true,
    isSecret: true,
    doc: 'Token clients must present, plain or as a bcrypt hash; excludes user and pass.',
  },
  {
    key: 'timeout',
    option: 'timeoutMs',
    kind: 'auth timeout',
    unit: 'ms',
    default: 0,
    range: NOT_NEGATIVE,
    reloadable: true,
    doc:
      'Time a client has to log in: seconds, or a quoted duration; 0: 2 s, with TLS one second ' +
      'more than its handshake.',
  },
  {
    key: 'default_permissions',
    aliases: ['default_permission', 'permissions'],
    option: 'defaultPermissions',
    kind: 'permissions',
    default: undefined,
    reloadable: true,
    doc: 'Permissions of the users in this block that have none of their own.',
  },
  {
    key: 'auth_callout',
    aliases: ['auth_hook'],
    option: 'authCallout',
    kind: 'auth callout',
    default: undefined,
    reloadable: false,
    doc: 'Another program decides who may log in.',
  },
  {
    key: 'proxy_required',
    option: 'proxyRequired',
    kind: 'boolean',
    default: false,
    reloadable: false,
    doc: 'Who logs in by that user or token must come through a trusted proxy.',
  },
]

/** Users are lists of their own in the options. */
interface AuthorizationBlock extends AuthorizationOptions {
  readonly users: UserLists | undefined
}

export const AUTHORIZATION_BLOCK_TABLE: readonly OptionEntry<AuthorizationBlock>[] = [
  ...AUTHORIZATION_TABLE,
  {
    key: 'users',
    option: 'users',
    objectKey: '',
    kind: 'users',
    default: undefined,
    reloadable: true,
    doc: 'Several users, of the global account, in place of user and token.',
  },
]

export const OPTION_TABLE: readonly OptionEntry<Options>[] = [
  {
    key: 'listen',
    option: 'host',
    kind: 'listen',
    default: '0.0.0.0',
    reloadable: false,
    isSecondary: true,
    doc: 'Address for clients: `host:port` or a port.',
  },
  {
    key: 'host',
    aliases: ['net'],
    option: 'host',
    kind: 'text',
    default: '0.0.0.0',
    reloadable: false,
    doc: 'Network address for clients.',
  },
  {
    key: 'port',
    option: 'port',
    kind: 'integer',
    default: 4222,
    range: PORT_RANGE,
    reloadable: false,
    doc: 'Port for clients; -1: any free port.',
  },
  {
    key: 'server_name',
    option: 'serverName',
    kind: 'server name',
    default: '',
    reloadable: false,
    doc: 'Name of this server, without spaces; by default its generated id.',
  },
  {
    key: 'client_advertise',
    option: 'clientAdvertise',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Address told to clients in place of the one listened on: `host` or `host:port`.',
  },
  {
    key: 'proxy_protocol',
    option: 'proxyProtocol',
    kind: 'boolean',
    default: false,
    reloadable: false,
    doc: 'A PROXY header, v1 or v2, in front of what a client sends tells its address.',
  },
  {
    key: 'max_payload',
    option: 'maxPayload',
    kind: 'int32',
    unit: 'bytes',
    default: MIB, // nats-server MAX_PAYLOAD_SIZE
    range: [1, INT32_MAX],
    reloadable: true,
    doc: 'Largest message, headers included; at most max_pending.',
  },
  {
    key: 'max_pending',
    option: 'maxPending',
    kind: 'integer',
    unit: 'bytes',
    default: 64 * MIB, // nats-server MAX_PENDING_SIZE
    range: POSITIVE,
    reloadable: false,
    doc: 'Bytes that may wait for one connection before it is closed as a slow consumer.',
  },
  {
    key: 'max_control_line',
    option: 'maxControlLine',
    kind: 'int32',
    unit: 'bytes',
    default: 4096, // nats-server MAX_CONTROL_LINE_SIZE
    range: [1, INT32_MAX],
    reloadable: true,
    doc: 'Longest protocol line, subjects included.',
  },
  {
    key: 'max_connections',
    aliases: ['max_conn'],
    option: 'maxConnections',
    kind: 'connection limit',
    unit: 'count',
    default: 65_536, // nats-server DEFAULT_MAX_CONNECTIONS
    reloadable: true,
    doc: 'Clients at the same time; 0 or less lets nobody in.',
  },
  {
    key: 'max_subscriptions',
    aliases: ['max_subs'],
    option: 'maxSubscriptions',
    kind: 'integer',
    unit: 'count',
    default: 0,
    reloadable: false,
    doc: 'Subscriptions of one connection; 0: no limit.',
  },
  {
    key: 'max_sub_tokens',
    aliases: ['max_subscription_tokens'],
    option: 'maxSubTokens',
    kind: 'token limit',
    unit: 'count',
    default: 0,
    range: [0, 255],
    reloadable: false,
    doc: 'Tokens in the subject of a subscription, 1 to 255.',
  },
  {
    key: 'ping_interval',
    option: 'pingIntervalMs',
    kind: 'duration',
    unit: 'ms',
    default: 120_000, // nats-server DEFAULT_PING_INTERVAL
    range: NOT_NEGATIVE,
    reloadable: true,
    doc: 'Time between two pings to a quiet connection.',
  },
  {
    key: 'ping_max',
    option: 'pingMax',
    kind: 'integer',
    unit: 'count',
    default: 2, // nats-server DEFAULT_PING_MAX_OUT
    range: POSITIVE,
    reloadable: true,
    doc: 'Pings that may go unanswered before a connection counts as stale.',
  },
  {
    key: 'write_deadline',
    option: 'writeDeadlineMs',
    kind: 'duration',
    unit: 'ms',
    default: 10_000, // nats-server DEFAULT_FLUSH_DEADLINE
    range: NOT_NEGATIVE,
    reloadable: true,
    doc: 'Time a socket may take no bytes before its connection is closed as a slow consumer.',
  },
  {
    key: 'write_timeout',
    option: 'writeTimeout',
    kind: 'choice',
    default: 'default',
    values: ['default', 'close', 'retry'],
    reloadable: false,
    doc:
      'Once write_deadline is over: `close` the connection, or `retry`, that is, let it be while ' +
      'it takes a little; `default`: `close`.',
  },
  ...rateRows<Options>('each client'),
  {
    key: 'no_fast_producer_stall',
    option: 'noFastProducerStall',
    kind: 'boolean',
    default: false,
    reloadable: true,
    doc: 'Drop messages for a slow connection instead of slowing down its publishers.',
  },
  {
    key: 'no_header_support',
    option: 'noHeaderSupport',
    kind: 'boolean',
    default: false,
    reloadable: false,
    doc: 'Refuse messages with headers.',
  },
  {
    key: 'no_sublist_cache',
    aliases: ['disable_sublist_cache'],
    option: 'noSublistCache',
    kind: 'boolean',
    default: false,
    reloadable: false,
    doc: 'Changes nothing: the sublist has no such cache; what is delivered is the same.',
  },
  ...LOG_ROWS,
  {
    key: 'pid_file',
    aliases: ['pidfile'],
    option: 'pidFile',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'File the process id is written to.',
  },
  {
    key: 'ports_file_dir',
    option: 'portsFileDir',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Directory for a file that tells which ports are listened on.',
  },
  {
    key: 'connect_error_reports',
    option: 'connectErrorReports',
    kind: 'integer',
    unit: 'count',
    default: 3600, // nats-server DEFAULT_CONNECT_ERROR_REPORTS
    reloadable: true,
    doc: 'Log one in this many failed attempts to reach a server never reached so far.',
  },
  {
    key: 'reconnect_error_reports',
    option: 'reconnectErrorReports',
    kind: 'integer',
    unit: 'count',
    default: 1, // nats-server DEFAULT_RECONNECT_ERROR_REPORTS
    reloadable: true,
    doc: 'Log one in this many failed attempts to reach a server again.',
  },
  ...MONITORING_ROWS,
  {
    key: 'authorization',
    option: 'authorization',
    kind: 'authorization',
    default: defaultsOf(AUTHORIZATION_TABLE),
    reloadable: true,
    doc: 'What clients need to log in.',
  },
  {
    key: 'users',
    option: 'users',
    kind: 'program only',
    default: [],
    reloadable: true,
    doc: 'Users of all accounts, by name: `user`, `pass`, `account` and the rest.',
  },
  {
    key: 'nkeys',
    option: 'nkeys',
    kind: 'program only',
    default: [],
    reloadable: true,
    doc: 'Users of all accounts, by `nkey`.',
  },
  {
    key: 'mappings',
    aliases: ['maps'],
    option: 'mappings',
    kind: 'mappings',
    default: [],
    reloadable: true,
    doc: 'Subject mappings of the global account.',
  },
  {
    key: 'leafnodes',
    aliases: ['leaf'],
    option: 'leafnodes',
    kind: 'leafnodes',
    default: defaultsOf(LEAFNODES_TABLE),
    reloadable: true,
    doc: 'Links to other systems.',
  },
  {
    key: 'websocket',
    aliases: ['ws'],
    option: 'websocket',
    kind: 'websocket',
    default: defaultsOf(WEBSOCKET_TABLE),
    reloadable: true,
    doc: 'A port for WebSocket, for clients and leafs.',
  },
  ...SECURITY_ROWS,
  // Behind the blocks whose users it adds to.
  {
    key: 'accounts',
    option: 'accounts',
    kind: 'accounts',
    default: [],
    reloadable: true,
    doc: 'Accounts by name, each with its own subjects; an array makes empty ones.',
  },
  {
    key: 'lame_duck_duration',
    option: 'lameDuckDurationMs',
    kind: 'lame duck duration',
    unit: 'ms',
    default: 120_000, // nats-server DEFAULT_LAME_DUCK_DURATION
    range: NOT_NEGATIVE,
    reloadable: false,
    doc: 'Time over which a lame duck closes its clients; in a file at least 30 s.',
  },
  {
    key: 'lame_duck_grace_period',
    option: 'lameDuckGracePeriodMs',
    kind: 'lame duck grace period',
    unit: 'ms',
    default: 10_000, // nats-server DEFAULT_LAME_DUCK_GRACE_PERIOD
    range: NOT_NEGATIVE,
    reloadable: false,
    doc: 'Wait before it starts to; less than lame_duck_duration.',
  },
  {
    key: 'server_tags',
    option: 'serverTags',
    kind: 'tags',
    default: [],
    reloadable: true,
    doc: 'One text or an array, for monitoring to show; changes nothing yet.',
  },
  {
    key: 'server_metadata',
    option: 'serverMetadata',
    kind: 'metadata',
    default: {},
    reloadable: true,
    doc: 'Map of texts, for monitoring to show; changes nothing yet.',
  },
  {
    key: 'feature_flags',
    option: 'featureFlags',
    kind: 'feature flags',
    default: {},
    reloadable: false,
    doc: 'Map of booleans, for monitoring to show; those of nats-server all concern JetStream.',
  },
  {
    key: 'prof_port',
    option: 'profPort',
    kind: 'integer',
    default: 0,
    range: PORT_RANGE,
    reloadable: false,
    doc: 'Changes nothing: a Go profile cannot be served; the log warns of it.',
  },
  {
    key: 'prof_block_rate',
    option: 'profBlockRate',
    kind: 'integer',
    default: 0,
    reloadable: true,
    doc: 'Changes nothing, as `prof_port`.',
  },
  {
    key: 'store_dir',
    aliases: ['storedir'],
    option: 'storeDir',
    kind: 'store dir',
    default: '',
    reloadable: true,
    doc: 'Changes nothing: only JetStream, which this broker does not have, stores anything.',
  },
  {
    key: 'workers',
    option: 'workers',
    kind: 'integer',
    unit: 'count',
    default: 0,
    range: [0, WORKERS_MAX],
    reloadable: false,
    isOwn: true,
    doc: 'Threads that serve clients, 31 at most; 0: by the number of processors.',
  },
  {
    key: 'spin',
    option: 'spin',
    kind: 'boolean',
    default: true,
    reloadable: true,
    isOwn: true,
    doc: 'Busy threads stay awake for 0.1 ms after a request, to find the next one at once.',
  },
  {
    key: 'shared_memory',
    option: 'sharedMemory',
    kind: 'integer',
    unit: 'bytes',
    default: 0,
    range: [SHARED_MEMORY_BYTES_MIN, SHARED_MEMORY_BYTES_MAX],
    reloadable: false,
    isOwn: true,
    doc: 'Memory all threads share, 256 MiB to 2 GiB; 0: chosen by the broker.',
  },
]

/** The blocks of a file, by their path; the entries of each have their own object. */
export const OPTION_SECTIONS = {
  '': OPTION_TABLE,
  authorization: AUTHORIZATION_BLOCK_TABLE,
  'authorization.users': USER_TABLE,
  /** Of users and of all users around. */
  'authorization.permissions': PERMISSION_TABLE,
  'authorization.permissions.allow_responses': RESPONSE_TABLE,
  'authorization.auth_callout': CALLOUT_TABLE,
  /** Of any account, also in the others. */
  'accounts.A': ACCOUNT_TABLE,
  'accounts.A.limits': LIMITS_TABLE,
  'accounts.A.exports': EXPORT_TABLE,
  'accounts.A.imports': IMPORT_TABLE,
  /** Of any subject. */
  'mappings.from': MAPPING_TABLE,
  leafnodes: LEAFNODES_TABLE,
  'leafnodes.authorization': LEAF_AUTHORIZATION_TABLE,
  'leafnodes.authorization.users': LEAF_USER_TABLE,
  'leafnodes.remotes': REMOTE_TABLE,
  'leafnodes.remotes.proxy': PROXY_TABLE,
  websocket: WEBSOCKET_TABLE,
  'websocket.authorization': WEBSOCKET_AUTHORIZATION_TABLE,
  proxies: PROXIES_TABLE,
  'proxies.trusted': TRUSTED_PROXY_TABLE,
  /** At the top level, in `leafnodes`, in a remote, in `websocket`; `resolver_tls`. */
  tls: TLS_TABLE,
  'tls.certificates': CERTIFICATE_TABLE,
} as const

export type SectionName = keyof typeof OPTION_SECTIONS
