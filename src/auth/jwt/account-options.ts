import type {
  AccountExport,
  AccountImport,
  AccountOptions,
  PermissionOptions,
  ResponseType,
  SubjectMapping,
  TraceDestination,
} from '../../config/account-types.ts'
import { NO_RATE } from '../../config/rate-table.ts'
import { isValidPublishSubject } from '../../protocol/subjects.ts'
import type {
  AccountClaims,
  ExportClaim,
  ImportClaim,
  MappingClaim,
  PermissionClaims,
  PermissionList,
} from './claims.ts'

const NS_PER_MS = 1e6
const PERCENT_MAX = 100
const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)
/** Replies to one request, and how long; source: nats-server. */
const RESPONSES_MAX = 1
const RESPONSES_EXPIRE_MS = 2 * 60 * 1000

const RESPONSE_TYPES: ReadonlyMap<string, ResponseType> = new Map([
  ['Stream', 'stream'],
  ['Chunked', 'chunked'],
])

/** What the claims of an account make of it, in the shape that configured accounts have, too. */
export function accountOptionsOf(claims: AccountClaims): AccountOptions {
  const { limits } = claims
  return {
    name: claims.subject,
    nkey: '',
    exports: claims.exports.map(exportOf),
    imports: claims.imports.map(importOf),
    mappings: [...claims.mappings].map(mappingOf),
    limits: {
      maxConnections: clampInt32(limits.connections),
      maxLeafnodes: clampInt32(limits.leafNodes),
      maxSubscriptions: clampInt32(limits.subs),
      maxPayload: clampInt32(limits.payload),
      ...NO_RATE,
    },
    defaultPermissions: permissionsOf(claims.defaultPermissions),
    trace: traceOf(claims.trace),
  }
}

function exportOf(claim: ExportClaim): AccountExport {
  const base = {
    subject: claim.subject,
    accounts: undefined,
    tokenPosition: claim.accountTokenPosition,
    tokenRequired: claim.tokenRequired,
    revocations: Object.fromEntries(claim.revocations),
  }
  if (claim.type !== 'service') return { ...base, kind: 'stream' }
  const { latency } = claim
  return {
    ...base,
    kind: 'service',
    responseType: RESPONSE_TYPES.get(claim.responseType) ?? 'singleton',
    thresholdMs: claim.responseThresholdNs / NS_PER_MS,
    latency: latency && { sampling: latency.sampling, subject: latency.results },
    allowTrace: claim.allowTrace,
  }
}

/**
 * `to` is the older way: of a stream a prefix; of a service the subject in the exporting account,
 * while `subject` is the one in the importing account.
 */
function importOf(claim: ImportClaim): AccountImport {
  const { account, token, allowTrace, subject, to, localSubject } = claim
  const base = { account, token, allowTrace }
  if (claim.type !== 'service') {
    return { ...base, kind: 'stream', subject, prefix: localSubject ? '' : to, to: localSubject }
  }
  const isOld = localSubject === '' && to !== ''
  return {
    ...base,
    kind: 'service',
    subject: isOld ? to : subject,
    to: isOld ? subject : localSubject,
    share: claim.share,
  }
}

function mappingOf([source, destinations]: readonly [
  string,
  readonly MappingClaim[],
]): SubjectMapping {
  return {
    source,
    destinations: destinations.map(({ subject, weight, cluster }) => ({
      subject,
      weight: weight || PERCENT_MAX,
      cluster,
    })),
  }
}

function traceOf(trace: AccountClaims['trace']): TraceDestination | undefined {
  if (trace === undefined || !isValidPublishSubject(trace.destination)) return undefined
  const { sampling } = trace
  const isPercent = sampling > 0 && sampling <= PERCENT_MAX
  return { subject: trace.destination, sampling: isPercent ? sampling : PERCENT_MAX }
}

/**
 * Undefined where nothing is said. Who may answer requests, and is told no subjects to publish to,
 * may publish to no others.
 */
export function permissionsOf(claims: PermissionClaims): PermissionOptions | undefined {
  const publish = ruleOf(claims.publish)
  const subscribe = ruleOf(claims.subscribe)
  const { responses } = claims
  if (responses === undefined) {
    const isSilent = publish === undefined && subscribe === undefined
    return isSilent ? undefined : { publish, subscribe, responses: undefined }
  }
  const { max, expiresNs } = responses
  return {
    publish: { deny: publish?.deny, allow: publish?.allow ?? [] },
    subscribe,
    responses: {
      max: max || RESPONSES_MAX,
      expiresMs: expiresNs === 0 ? RESPONSES_EXPIRE_MS : expiresNs / NS_PER_MS,
    },
  }
}

function ruleOf({ allow, deny }: PermissionList): PermissionOptions['publish'] {
  const isSilent = (allow?.length ?? 0) === 0 && (deny?.length ?? 0) === 0
  return isSilent ? undefined : { allow, deny }
}

/** nats-server keeps the limits of connections in 32 bits. */
export function clampInt32(value: number): number {
  return Math.max(INT32_MIN, Math.min(INT32_MAX, value))
}

/** The limit in force where several are, -1 for none; each may be -1, too. */
export function lowestLimit(...limits: readonly number[]): number {
  const set = limits.filter((limit) => limit !== -1)
  return set.length === 0 ? -1 : Math.min(...set)
}
