import { type GoJsonEntry, type GoJsonValue, goJsonObject } from './go-json.ts'
import { decodeGoJson, type GoField, type SubjectPermission } from './go-json-decode.ts'
import type { JsonRefusal } from './go-json-scan.ts'

/**
 * What a server says about itself on client and leaf connections. Members that may be undefined are
 * left out of the line, as are false, 0, '' and [] where nats-server omits them.
 */
export type ServerInfo = {
  readonly serverId: string
  readonly serverName: string
  readonly version: string
  /** Protocol level: 1 to clients; to leaf nodes 3 = message tracing understood. */
  readonly proto: number
  readonly gitCommit?: string | undefined
  readonly go: string
  readonly host: string
  readonly port: number
  readonly headers: boolean
  readonly authRequired?: boolean | undefined
  readonly tlsRequired?: boolean | undefined
  readonly tlsVerify?: boolean | undefined
  readonly tlsAvailable?: boolean | undefined
  /** Bytes, headers included; -1 = no limit. */
  readonly maxPayload: number
  readonly jetstream?: boolean | undefined
  readonly ip?: string | undefined
  readonly clientId?: number | undefined
  readonly clientIp?: string | undefined
  readonly nonce?: string | undefined
  readonly cluster?: string | undefined
  readonly clusterDynamic?: boolean | undefined
  readonly domain?: string | undefined
  readonly connectUrls?: readonly string[] | undefined
  readonly wsConnectUrls?: readonly string[] | undefined
  readonly lameDuckMode?: boolean | undefined
  readonly compression?: string | undefined
  /** This INFO answers CONNECT. */
  readonly connectInfo?: boolean | undefined
  readonly remoteAccount?: string | undefined
  readonly isSystemAccount?: boolean | undefined
  readonly apiLevel?: number | undefined
  readonly import?: SubjectPermission | undefined
  readonly export?: SubjectPermission | undefined
  /** Leaf: CONNECT will be answered by another INFO. */
  readonly infoOnConnect?: boolean | undefined
  /** Leaf: undefined (unlike an empty list) means that the peer is no leaf node listener. */
  readonly leafnodeUrls?: readonly string[] | undefined
  readonly xkey?: string | undefined
  /** Our own key, behind all of nats-server's: version of this program. */
  readonly sable?: string | undefined
}

type InfoField = GoField & { readonly always?: true }

/**
 * In the order in which nats-server writes them; clients and tools never depend on it, diffs and
 * tests do.
 */
const INFO_FIELDS = {
  serverId: { json: 'server_id', type: 'string', always: true },
  serverName: { json: 'server_name', type: 'string', always: true },
  version: { json: 'version', type: 'string', always: true },
  proto: { json: 'proto', type: 'int', always: true },
  gitCommit: { json: 'git_commit', type: 'string' },
  go: { json: 'go', type: 'string', always: true },
  host: { json: 'host', type: 'string', always: true },
  port: { json: 'port', type: 'int', always: true },
  headers: { json: 'headers', type: 'bool', always: true },
  authRequired: { json: 'auth_required', type: 'bool' },
  tlsRequired: { json: 'tls_required', type: 'bool' },
  tlsVerify: { json: 'tls_verify', type: 'bool' },
  tlsAvailable: { json: 'tls_available', type: 'bool' },
  maxPayload: { json: 'max_payload', type: 'int32', always: true },
  jetstream: { json: 'jetstream', type: 'bool' },
  ip: { json: 'ip', type: 'string' },
  clientId: { json: 'client_id', type: 'uint64' },
  clientIp: { json: 'client_ip', type: 'string' },
  nonce: { json: 'nonce', type: 'string' },
  cluster: { json: 'cluster', type: 'string' },
  clusterDynamic: { json: 'cluster_dynamic', type: 'bool' },
  domain: { json: 'domain', type: 'string' },
  connectUrls: { json: 'connect_urls', type: 'strings' },
  wsConnectUrls: { json: 'ws_connect_urls', type: 'strings' },
  lameDuckMode: { json: 'ldm', type: 'bool' },
  compression: { json: 'compression', type: 'string' },
  connectInfo: { json: 'connect_info', type: 'bool' },
  remoteAccount: { json: 'remote_account', type: 'string' },
  isSystemAccount: { json: 'acc_is_sys', type: 'bool' },
  apiLevel: { json: 'api_lvl', type: 'int' },
  import: { json: 'import', type: 'permission' },
  export: { json: 'export', type: 'permission' },
  infoOnConnect: { json: 'info_on_connect', type: 'bool' },
  leafnodeUrls: { json: 'leafnode_urls', type: 'strings' },
  xkey: { json: 'xkey', type: 'string' },
  sable: { json: 'sable', type: 'string' },
} as const satisfies Record<keyof ServerInfo, InfoField>

const INFO_ORDER: readonly (readonly [keyof ServerInfo, InfoField])[] = Object.entries(
  INFO_FIELDS,
).map(([property, field]) => [property as keyof ServerInfo, field])

const ZERO_INFO: ServerInfo = {
  serverId: '',
  serverName: '',
  version: '',
  proto: 0,
  go: '',
  host: '',
  port: 0,
  headers: false,
  maxPayload: 0,
}

function isZero(value: GoJsonValue): boolean {
  return value === false || value === 0 || value === '' || (Array.isArray(value) && !value.length)
}

/**
 * Go omits an empty list inside a permission, but writes the permission itself, even if it is `{}`.
 */
function permissionJson(permission: SubjectPermission): GoJsonValue {
  return {
    allow: permission.allow?.length ? permission.allow : undefined,
    deny: permission.deny?.length ? permission.deny : undefined,
  }
}

/**
 * The whole line. nats-server puts a space before the line end, and old parsers have come to expect
 * it.
 */
export function encodeInfo(info: ServerInfo): string {
  const entries: GoJsonEntry[] = []
  for (const [property, field] of INFO_ORDER) {
    const member = info[property]
    if (member === undefined) continue
    const value = field.type === 'permission' ? permissionJson(member as SubjectPermission) : member
    if (field.always || !isZero(value as GoJsonValue)) {
      entries.push([field.json, value as GoJsonValue])
    }
  }
  return `INFO ${goJsonObject(entries)} \r\n`
}

/**
 * The INFO that answers CONNECT: to a client after its first PING, to a leaf node at once.
 *
 * @param bound account the connection was bound to; `import` and `export` (what the peer may
 *   subscribe and publish) go to leaf nodes only
 */
export function withConnectInfo(
  info: ServerInfo,
  bound: Pick<ServerInfo, 'isSystemAccount' | 'import' | 'export'> & { remoteAccount: string },
): ServerInfo {
  return { ...info, ...bound, connectInfo: true }
}

export type DecodedInfo = { readonly ok: true; readonly info: ServerInfo } | JsonRefusal

/** @param text the argument of an INFO line; members it does not name have Go's zero values */
export function decodeInfo(text: string | Uint8Array): DecodedInfo {
  const decoded = decodeGoJson(text, INFO_FIELDS)
  return decoded.ok ? { ok: true, info: { ...ZERO_INFO, ...decoded.value } } : decoded
}
