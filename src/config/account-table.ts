import type {
  AccountLimits,
  AccountOptions,
  ResponseType,
  ServiceLatency,
} from './account-types.ts'
import { defaultsOf, type OptionEntry } from './option-entry.ts'
import { rateRows } from './rate-table.ts'
import type { UserLists } from './user-readers.ts'

/** The rows for what stands in `accounts` and `mappings`, see option-table.ts. */

/** An account as a file has it, where its name is the key. */
export interface AccountBlock extends Omit<AccountOptions, 'name' | 'trace'> {
  readonly users: UserLists | undefined
  readonly msgTrace: AccountOptions['trace']
  readonly jetstream: boolean
}

/** An entry of `exports` as a file has it: a stream or a service. */
export interface ExportBlock {
  readonly stream: string | undefined
  readonly service: string | undefined
  readonly accounts: readonly string[] | undefined
  readonly accountTokenPosition: number
  readonly responseType: ResponseType | undefined
  readonly thresholdMs: number | undefined
  readonly latency: ServiceLatency | undefined
  readonly allowTrace: boolean | undefined
}

/** Where an import comes from. */
export interface ImportSource {
  readonly account: string
  readonly subject: string
}

/** An entry of `imports` as a file has it. */
export interface ImportBlock {
  readonly stream: ImportSource | undefined
  readonly service: ImportSource | undefined
  readonly prefix: string
  readonly to: string
  readonly share: boolean
  readonly allowTrace: boolean | undefined
}

export interface MappingBlock {
  readonly destination: string
  readonly weight: number | undefined
  readonly cluster: string
}

export const LIMITS_TABLE: readonly OptionEntry<AccountLimits>[] = [
  {
    key: 'max_connections',
    aliases: ['max_conn'],
    option: 'maxConnections',
    kind: 'integer',
    unit: 'count',
    default: -1,
    reloadable: true,
    doc: 'Connections of the account, leafs included; -1: no limit.',
  },
  {
    key: 'max_leafnodes',
    aliases: ['max_leafs'],
    option: 'maxLeafnodes',
    kind: 'integer',
    unit: 'count',
    default: -1,
    reloadable: true,
    doc: 'Leafs among them; -1: no limit.',
  },
  {
    key: 'max_subscriptions',
    aliases: ['max_subs'],
    option: 'maxSubscriptions',
    kind: 'integer',
    unit: 'count',
    default: -1,
    reloadable: true,
    doc: 'Subscriptions of one connection; -1: no limit but that of the server.',
  },
  {
    key: 'max_payload',
    aliases: ['max_pay'],
    option: 'maxPayload',
    kind: 'integer',
    unit: 'bytes',
    default: -1,
    reloadable: true,
    doc: 'Largest message, headers included; -1: no limit but that of the server.',
  },
  ...rateRows<AccountLimits>('all clients of the account together'),
]

/** All but `users` and `jetstream` is in the object of an account, too. */
export const ACCOUNT_TABLE: readonly OptionEntry<AccountBlock>[] = [
  {
    key: 'users',
    option: 'users',
    objectKey: '',
    kind: 'account users',
    default: undefined,
    reloadable: true,
    doc: 'Who may log in; for `startBroker`, users of the top level name their account.',
  },
  {
    key: 'nkey',
    option: 'nkey',
    kind: 'account nkey',
    default: '',
    reloadable: true,
    doc: 'Public key of the account, `A…`.',
  },
  {
    key: 'exports',
    option: 'exports',
    kind: 'exports',
    default: [],
    reloadable: true,
    doc: 'Streams and services that other accounts may import.',
  },
  {
    key: 'imports',
    option: 'imports',
    kind: 'imports',
    default: [],
    reloadable: true,
    doc: 'Streams and services of other accounts.',
  },
  {
    key: 'mappings',
    aliases: ['maps'],
    option: 'mappings',
    kind: 'mappings',
    default: [],
    reloadable: true,
    doc: 'Subject mappings of this account.',
  },
  {
    key: 'limits',
    option: 'limits',
    kind: 'account limits',
    default: defaultsOf(LIMITS_TABLE),
    reloadable: true,
    doc: 'What its connections may use.',
  },
  {
    key: 'default_permissions',
    option: 'defaultPermissions',
    kind: 'permissions',
    default: undefined,
    reloadable: true,
    doc: 'Permissions of its users that have none of their own.',
  },
  {
    key: 'msg_trace',
    aliases: ['trace_dest'],
    option: 'msgTrace',
    objectKey: 'trace',
    kind: 'account trace',
    default: undefined,
    reloadable: true,
    doc: 'Where messages with a sampled `traceparent` are traced to. A subject, or a block.',
  },
  {
    key: 'jetstream',
    option: 'jetstream',
    objectKey: '',
    kind: 'account jetstream',
    default: false,
    reloadable: true,
    doc: 'Changes nothing: it limits JetStream, which this broker does not have.',
  },
]

export const EXPORT_TABLE: readonly OptionEntry<ExportBlock>[] = [
  {
    key: 'stream',
    option: 'stream',
    objectKey: 'subject',
    kind: 'exported stream',
    default: undefined,
    reloadable: true,
    doc: 'Subject of messages for others. For `startBroker`, `kind` tells it from a service.',
  },
  {
    key: 'service',
    option: 'service',
    objectKey: 'subject',
    kind: 'exported service',
    default: undefined,
    reloadable: true,
    doc: 'Subject of requests by others.',
  },
  {
    key: 'accounts',
    option: 'accounts',
    kind: 'export accounts',
    default: undefined,
    reloadable: true,
    doc: 'Who may import it; without: every account.',
  },
  {
    key: 'account_token_position',
    option: 'accountTokenPosition',
    objectKey: 'tokenPosition',
    kind: 'integer',
    default: 0,
    reloadable: true,
    doc: 'Which token, a `*`, must be the name of the importing account, from 1.',
  },
  {
    key: 'response_type',
    aliases: ['response'],
    option: 'responseType',
    kind: 'response type',
    default: undefined,
    reloadable: true,
    doc: 'Of a service: `singleton` (`single`), the default; `stream`; `chunked` (`chunk`).',
  },
  {
    key: 'threshold',
    aliases: ['response_threshold', 'response_max_time', 'response_time'],
    option: 'thresholdMs',
    kind: 'response threshold',
    unit: 'ms',
    default: undefined,
    reloadable: true,
    doc: 'Of a service: wait after which no answer is awaited any more; by default two minutes.',
  },
  {
    key: 'latency',
    option: 'latency',
    kind: 'service latency',
    default: undefined,
    reloadable: true,
    doc:
      'Of a service: a subject for figures, or `subject` and `sampling` (1 to 100, `"50%"` or ' +
      '`headers`).',
  },
  {
    key: 'allow_trace',
    option: 'allowTrace',
    kind: 'boolean',
    default: undefined,
    reloadable: true,
    doc: 'Of a service: message traces go on behind it.',
  },
]

export const IMPORT_TABLE: readonly OptionEntry<ImportBlock>[] = [
  {
    key: 'stream',
    option: 'stream',
    objectKey: 'subject',
    kind: 'imported stream',
    default: undefined,
    reloadable: true,
    doc: 'Map of `account` and `subject`. For `startBroker`, both in the import, with its `kind`.',
  },
  {
    key: 'service',
    option: 'service',
    objectKey: 'subject',
    kind: 'imported service',
    default: undefined,
    reloadable: true,
    doc: 'Map of `account` and `subject`.',
  },
  {
    key: 'prefix',
    option: 'prefix',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Of a stream: put in front of the subject.',
  },
  {
    key: 'to',
    option: 'to',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Subject in this account, which may use `$1` for the first `*`; excludes `prefix`.',
  },
  {
    key: 'share',
    option: 'share',
    kind: 'boolean',
    default: false,
    reloadable: true,
    doc: 'Of a service: who asks is told in full.',
  },
  {
    key: 'allow_trace',
    option: 'allowTrace',
    kind: 'boolean',
    default: undefined,
    reloadable: true,
    doc: 'Of a stream: message traces go on behind it.',
  },
]

export const MAPPING_TABLE: readonly OptionEntry<MappingBlock>[] = [
  {
    key: 'destination',
    aliases: ['dest'],
    option: 'destination',
    objectKey: 'subject',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Subject that the message gets, with the functions of subject transforms.',
  },
  {
    key: 'weight',
    option: 'weight',
    kind: 'mapping weight',
    default: undefined,
    reloadable: true,
    doc: 'Share of the messages in percent, `50` or `"50%"`.',
  },
  {
    key: 'cluster',
    option: 'cluster',
    kind: 'text',
    default: '',
    reloadable: true,
    doc: 'Only on servers of the cluster of this name.',
  },
]
