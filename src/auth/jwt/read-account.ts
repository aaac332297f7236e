import type { JsonNode } from '../../protocol/go-json-scan.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type {
  AccountClaims,
  AccountLimitClaims,
  ExportClaim,
  ExternalAuthorization,
  ImportClaim,
  ImportType,
  JetStreamLimitClaims,
  MappingClaim,
  UserScope,
} from './claims.ts'
import type { JsonFields } from './json-fields.ts'
import type { ReadBase } from './read-claims.ts'
import { readPermissions, readUserLimits } from './read-user.ts'

const USER_SCOPE = 'user_scope'
const BY_HEADERS = 'headers'

/** In version 1, only imports, exports, limits, signing keys and revocations are looked at. */
export function readAccount(base: ReadBase, nats: JsonFields): AccountClaims {
  const later = base.version === 1 ? nats.inner([], '') : nats
  const imports = nats.objects('imports')
  const exports = nats.objects('exports')
  const nulls = (list: readonly (JsonFields | undefined)[]) =>
    list.filter((one) => one === undefined).length
  return {
    ...base,
    type: 'account',
    imports: imports.flatMap((one) => (one === undefined ? [] : [readImport(one)])),
    exports: exports.flatMap((one) => (one === undefined ? [] : [readExport(one)])),
    nulls: { imports: nulls(imports), exports: nulls(exports) },
    limits: readLimits(nats.object('limits'), base.version),
    signingKeys: readSigningKeys(nats, base.version),
    revocations: readRevocations(nats),
    defaultPermissions: readPermissions(later.object('default_permissions')),
    mappings: later.map('mappings', (entry) => readMapping(entry)),
    authorization: readAuthorization(later.object('authorization')),
    trace: readTrace(later),
    clusterTraffic: later.text('cluster_traffic'),
    description: later.text('description'),
    infoUrl: later.text('info_url'),
  }
}

function readImport(fields: JsonFields): ImportClaim {
  return {
    name: fields.text('name'),
    subject: fields.text('subject'),
    account: fields.text('account'),
    token: fields.text('token'),
    to: fields.text('to'),
    localSubject: fields.text('local_subject'),
    type: readImportType(fields, 'type'),
    share: fields.flag('share'),
    allowTrace: fields.flag('allow_trace'),
  }
}

/** Also of activations. */
export function readImportType(fields: JsonFields, name: string): ImportType {
  if (!fields.has(name) && !fields.isNull(name)) return ''
  const type = fields.text(name)
  if (type === 'stream' || type === 'service') return type
  fields.refuse(`unknown export type ${goQuote(type)}`)
  return ''
}

function readExport(fields: JsonFields): ExportClaim {
  const latency = fields.object('service_latency')
  return {
    name: fields.text('name'),
    subject: fields.text('subject'),
    type: readImportType(fields, 'type'),
    tokenRequired: fields.flag('token_req'),
    revocations: readRevocations(fields),
    responseType: fields.text('response_type'),
    responseThresholdNs: fields.integer('response_threshold'),
    latency: fields.has('service_latency')
      ? { sampling: readSampling(latency), results: latency.text('results') }
      : undefined,
    accountTokenPosition: fields.integer('account_token_position', 0, 'uint64'),
    advertise: fields.flag('advertise'),
    allowTrace: fields.flag('allow_trace'),
    description: fields.text('description'),
    infoUrl: fields.text('info_url'),
  }
}

function readSampling(fields: JsonFields): number {
  if (!fields.isText('sampling')) return fields.integer('sampling')
  const word = fields.text('sampling')
  if (word.toLowerCase() !== BY_HEADERS) fields.refuse(`unknown sampling rate ${goQuote(word)}`)
  return 0
}

function readRevocations(fields: JsonFields): ReadonlyMap<string, number> {
  return fields.map('revocations', (entry) => entry.integer(''))
}

function readLimits(fields: JsonFields, version: number): AccountLimitClaims {
  const tiers =
    version === 1
      ? new Map<string, JetStreamLimitClaims>()
      : fields.map('tiered_limits', (entry) => readJetStreamLimits(entry.object('')))
  const isPlain = version !== 1 && tiers.size === 0
  return {
    subs: fields.integer('subs'),
    data: fields.integer('data'),
    payload: fields.integer('payload'),
    imports: fields.integer('imports'),
    exports: fields.integer('exports'),
    wildcardExports: fields.flag('wildcards'),
    disallowBearer: fields.flag('disallow_bearer'),
    connections: fields.integer('conn'),
    leafNodes: fields.integer('leaf'),
    // Tiers void the rest.
    jetStream: readJetStreamLimits(isPlain ? fields : fields.inner([], '')),
    tiers,
  }
}

function readJetStreamLimits(fields: JsonFields): JetStreamLimitClaims {
  return {
    memoryStorage: fields.integer('mem_storage'),
    diskStorage: fields.integer('disk_storage'),
    streams: fields.integer('streams'),
    consumers: fields.integer('consumer'),
    maxAckPending: fields.integer('max_ack_pending'),
    memoryMaxStreamBytes: fields.integer('mem_max_stream_bytes'),
    diskMaxStreamBytes: fields.integer('disk_max_stream_bytes'),
    maxBytesRequired: fields.flag('max_bytes_required'),
  }
}

const NO_KEYS: ReadonlyMap<string, undefined> = new Map()

/** Keys, or objects that are a key and its scope; version 1 has keys only. */
function readSigningKeys(
  nats: JsonFields,
  version: number,
): ReadonlyMap<string, UserScope | undefined> {
  if (version === 1) {
    return new Map((nats.texts('signing_keys') ?? []).map((key) => [key, undefined]))
  }
  const items = nats.items('signing_keys') ?? []
  if (items.length === 0) return NO_KEYS
  const keys = new Map<string, UserScope | undefined>()
  for (const node of items) {
    if (node.type === 'string') keys.set(node.value, undefined)
    else if (node.type === 'object') {
      const scope = readScope(node, nats)
      keys.set(scope.key, scope)
    }
  }
  return keys
}

function readScope(node: Extract<JsonNode, { type: 'object' }>, nats: JsonFields): UserScope {
  const fields = nats.inner(node.members, 'signing_keys')
  const kind = fields.text('kind')
  if (kind !== USER_SCOPE) fields.refuse(`unknown signing key scope ${goQuote(kind)}`)
  return {
    key: fields.text('key'),
    role: fields.text('role'),
    description: fields.text('description'),
    template: readUserLimits(fields.object('template'), -1),
  }
}

function readMapping(entry: JsonFields): readonly MappingClaim[] {
  return entry.objects('').map((fields) => ({
    subject: fields?.text('subject') ?? '',
    weight: fields?.integer('weight', 0, 'uint8') ?? 0,
    cluster: fields?.text('cluster') ?? '',
  }))
}

function readAuthorization(fields: JsonFields): ExternalAuthorization {
  return {
    authUsers: fields.texts('auth_users') ?? [],
    allowedAccounts: fields.texts('allowed_accounts') ?? [],
    xkey: fields.text('xkey'),
  }
}

/** A rate of 0 stands for all, as the validation of nats-server's library makes it. */
function readTrace(fields: JsonFields): AccountClaims['trace'] {
  if (!fields.has('trace')) return undefined
  const trace = fields.object('trace')
  return { destination: trace.text('dest'), sampling: trace.integer('sampling') || 100 }
}
