import { goJsonObject } from './go-json.ts'
import { decodeGoJson, type GoFields, type SubjectPermission } from './go-json-decode.ts'
import type { JsonRefusal } from './go-json-scan.ts'

/** What CONNECT may say, on client and on leaf connections. */
export type ConnectOptions = {
  readonly echo: boolean
  readonly verbose: boolean
  readonly pedantic: boolean
  readonly tlsRequired: boolean
  readonly nkey: string
  readonly jwt: string
  readonly sig: string
  readonly authToken: string
  readonly user: string
  readonly pass: string
  readonly name: string
  readonly lang: string
  readonly version: string
  readonly protocol: number
  readonly account: string
  readonly newAccount: boolean
  readonly headers: boolean
  readonly noResponders: boolean
  readonly import: SubjectPermission | undefined
  readonly export: SubjectPermission | undefined
  readonly remoteAccount: string
  readonly proxySig: string
  // The rest is read on leaf connections only.
  readonly serverId: string
  readonly domain: string
  readonly isHub: boolean
  readonly cluster: string
  readonly jetstream: boolean
  readonly denyPub: readonly string[] | undefined
  readonly isolate: boolean
  readonly compressMode: string
  readonly gateway: string
}

/**
 * In force until CONNECT says otherwise: a connection that never sends one gets +OK for everything.
 */
export const CONNECT_DEFAULTS: ConnectOptions = {
  echo: true,
  verbose: true,
  pedantic: true,
  tlsRequired: false,
  nkey: '',
  jwt: '',
  sig: '',
  authToken: '',
  user: '',
  pass: '',
  name: '',
  lang: '',
  version: '',
  protocol: 0,
  account: '',
  newAccount: false,
  headers: false,
  noResponders: false,
  import: undefined,
  export: undefined,
  remoteAccount: '',
  proxySig: '',
  serverId: '',
  domain: '',
  isHub: false,
  cluster: '',
  jetstream: false,
  denyPub: undefined,
  isolate: false,
  compressMode: '',
  gateway: '',
}

const CLIENT_FIELDS = {
  echo: { json: 'echo', type: 'bool' },
  verbose: { json: 'verbose', type: 'bool' },
  pedantic: { json: 'pedantic', type: 'bool' },
  tlsRequired: { json: 'tls_required', type: 'bool' },
  nkey: { json: 'nkey', type: 'string' },
  jwt: { json: 'jwt', type: 'string' },
  sig: { json: 'sig', type: 'string' },
  authToken: { json: 'auth_token', type: 'string' },
  user: { json: 'user', type: 'string' },
  pass: { json: 'pass', type: 'string' },
  name: { json: 'name', type: 'string' },
  lang: { json: 'lang', type: 'string' },
  version: { json: 'version', type: 'string' },
  protocol: { json: 'protocol', type: 'int' },
  account: { json: 'account', type: 'string' },
  newAccount: { json: 'new_account', type: 'bool' },
  headers: { json: 'headers', type: 'bool' },
  noResponders: { json: 'no_responders', type: 'bool' },
  import: { json: 'import', type: 'permission' },
  export: { json: 'export', type: 'permission' },
  remoteAccount: { json: 'remote_account', type: 'string' },
  proxySig: { json: 'proxy_sig', type: 'string' },
} as const satisfies GoFields

const LEAF_FIELDS = {
  ...CLIENT_FIELDS,
  serverId: { json: 'server_id', type: 'string' },
  domain: { json: 'domain', type: 'string' },
  isHub: { json: 'is_hub', type: 'bool' },
  cluster: { json: 'cluster', type: 'string' },
  jetstream: { json: 'jetstream', type: 'bool' },
  denyPub: { json: 'deny_pub', type: 'strings' },
  isolate: { json: 'isolate', type: 'bool' },
  compressMode: { json: 'compress_mode', type: 'string' },
  gateway: { json: 'gateway', type: 'string' },
} as const satisfies Record<keyof ConnectOptions, GoFields[string]>

export type DecodedConnect = { readonly ok: true; readonly options: ConnectOptions } | JsonRefusal

/**
 * Merges the argument of a CONNECT line into the options in force: what it does not name stays.
 *
 * @param kind on client connections the leaf-only keys are unknown, so that even a wrong type there
 *   is ignored
 * @returns a refusal for bad JSON or a wrong type: nats-server then closes without a word
 */
export function decodeConnect(
  text: string | Uint8Array,
  into: ConnectOptions,
  kind: 'client' | 'leaf' = 'client',
): DecodedConnect {
  const fields: GoFields = kind === 'leaf' ? LEAF_FIELDS : CLIENT_FIELDS
  const decoded = decodeGoJson(text, fields)
  return decoded.ok ? { ok: true, options: { ...into, ...decoded.value } } : decoded
}

/**
 * What a soliciting server presents; members that are absent, empty, 0 or false are left out of the
 * line.
 */
export type LeafConnect = Partial<
  Omit<
    ConnectOptions,
    'echo' | 'verbose' | 'pedantic' | 'tlsRequired' | 'lang' | 'account' | 'newAccount'
  >
>

/** In the order of nats-server's leaf CONNECT. */
const LEAF_CONNECT_ORDER = [
  'version',
  'nkey',
  'jwt',
  'sig',
  'user',
  'pass',
  'authToken',
  'serverId',
  'domain',
  'name',
  'isHub',
  'cluster',
  'headers',
  'jetstream',
  'denyPub',
  'isolate',
  'compressMode',
  'gateway',
  'remoteAccount',
  'protocol',
] as const satisfies readonly (keyof LeafConnect)[]

/** The whole line. */
export function encodeLeafConnect(connect: LeafConnect): string {
  const entries = LEAF_CONNECT_ORDER.map((property) => {
    const value = connect[property]
    const empty = Array.isArray(value) ? value.length === 0 : !value
    return [LEAF_FIELDS[property].json, empty ? undefined : value] as const
  })
  return `CONNECT ${goJsonObject(entries)}\r\n`
}
