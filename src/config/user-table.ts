import type {
  AuthCalloutOptions,
  ConnectionType,
  PermissionOptions,
  RateOptions,
  ResponsePermission,
} from './account-types.ts'
import type { OptionEntry } from './option-entry.ts'
import { DEFAULT_RESPONSES } from './permission-checks.ts'
import { rateRows } from './rate-table.ts'

/** The rows for users, permissions and the authorization callout, see option-table.ts. */

/** A user as a file has it: with a name or with an nkey. */
export interface UserBlock extends RateOptions {
  readonly user: string
  readonly pass: string
  readonly nkey: string
  readonly permissions: PermissionOptions | undefined
  readonly connectionTypes: readonly ConnectionType[]
  readonly proxyRequired: boolean
}

/** Permissions as a file has them. */
export interface PermissionBlock {
  readonly publish: PermissionOptions['publish']
  readonly subscribe: PermissionOptions['subscribe']
  readonly allowResponses: ResponsePermission | undefined
}

export const CONNECTION_TYPES: readonly ConnectionType[] = [
  'STANDARD',
  'WEBSOCKET',
  'LEAFNODE',
  'LEAFNODE_WS',
  'MQTT',
  'MQTT_WS',
  'IN_PROCESS',
]

export const USER_TABLE: readonly OptionEntry<UserBlock>[] = [
  {
    key: 'user',
    aliases: ['username'],
    option: 'user',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Name to log in as; with verify_and_map what a certificate says.',
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
    key: 'nkey',
    option: 'nkey',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Public user key, `U…`, in place of name and password.',
  },
  {
    key: 'permissions',
    aliases: ['permission', 'authorization'],
    option: 'permissions',
    kind: 'permissions',
    default: undefined,
    reloadable: true,
    doc: 'What this user may do; without: the default permissions around it, or everything.',
  },
  {
    key: 'connection_types',
    aliases: ['allowed_connection_types', 'clients'],
    option: 'connectionTypes',
    kind: 'connection types',
    values: CONNECTION_TYPES,
    default: [],
    reloadable: true,
    doc:
      'Ways this user may connect, in any case: `STANDARD`, `WEBSOCKET`, `LEAFNODE`, ' +
      '`LEAFNODE_WS`, `MQTT`, `MQTT_WS`, `IN_PROCESS`; none named: every way.',
  },
  {
    key: 'proxy_required',
    option: 'proxyRequired',
    kind: 'boolean',
    default: false,
    reloadable: true,
    doc: 'This user must come through a trusted proxy.',
  },
  ...rateRows<UserBlock>('all clients of this user together'),
]

export const PERMISSION_TABLE: readonly OptionEntry<PermissionBlock>[] = [
  {
    key: 'publish',
    aliases: ['pub', 'import'],
    option: 'publish',
    kind: 'publish permission',
    default: undefined,
    reloadable: true,
    doc: 'What may be published to: a subject, an array, or a map of `allow` and `deny`.',
  },
  {
    key: 'subscribe',
    aliases: ['sub', 'export'],
    option: 'subscribe',
    kind: 'subscribe permission',
    default: undefined,
    reloadable: true,
    doc: 'What may be subscribed to, likewise; `"foo v1.*"` is for queue groups `v1.*` alone.',
  },
  {
    key: 'allow_responses',
    aliases: ['publish_allow_responses'],
    option: 'allowResponses',
    objectKey: 'responses',
    kind: 'responses',
    default: undefined,
    reloadable: true,
    doc: 'Publishing to the reply subjects of what was received; nothing else, unless allowed.',
  },
]

export const RESPONSE_TABLE: readonly OptionEntry<ResponsePermission>[] = [
  {
    key: 'max',
    aliases: ['max_msgs', 'max_messages', 'max_responses'],
    option: 'max',
    kind: 'response count',
    unit: 'count',
    default: DEFAULT_RESPONSES.max,
    reloadable: true,
    doc: 'Replies to one request; negative: no limit.',
  },
  {
    key: 'expires',
    aliases: ['expiration', 'ttl'],
    option: 'expiresMs',
    kind: 'response time',
    unit: 'ms',
    default: DEFAULT_RESPONSES.expiresMs,
    reloadable: true,
    doc: 'Time for them; negative: for ever.',
  },
]

export const CALLOUT_TABLE: readonly OptionEntry<AuthCalloutOptions>[] = [
  {
    key: 'issuer',
    option: 'issuer',
    kind: 'callout issuer',
    default: '',
    reloadable: false,
    doc: 'Public account key, `A…`, that signs the answers.',
  },
  {
    key: 'account',
    aliases: ['acc'],
    option: 'account',
    kind: 'text',
    default: '',
    reloadable: false,
    doc: 'Account of the deciding program; by default `$G`.',
  },
  {
    key: 'auth_users',
    aliases: ['users'],
    option: 'authUsers',
    kind: 'callout users',
    default: [],
    reloadable: false,
    doc: 'Users, names or public keys, that log in without being asked for.',
  },
  {
    key: 'xkey',
    aliases: ['key'],
    option: 'xkey',
    kind: 'callout xkey',
    default: '',
    reloadable: false,
    doc: 'Public curve key, `X…`, that requests are sealed for.',
  },
  {
    key: 'allowed_accounts',
    option: 'allowedAccounts',
    kind: 'callout accounts',
    default: [],
    reloadable: false,
    doc: 'Accounts whose users are asked for; none named: all.',
  },
]
