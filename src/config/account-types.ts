import type { SubjectPermission } from '../protocol/go-json-decode.ts'
import type { TlsOptions } from './option-types.ts'

/**
 * Who may connect and who may see what, in one shape for both sources: configuration files and
 * JWTs. Subjects are as written, with `*` and `>`; an empty text means "not set"; -1 means "no
 * limit".
 */

/** nats-server's names of the ways to connect. */
export type ConnectionType =
  | 'STANDARD'
  | 'WEBSOCKET'
  | 'LEAFNODE'
  | 'LEAFNODE_WS'
  | 'MQTT'
  | 'MQTT_WS'
  | 'IN_PROCESS'

/** Publishing on the reply subjects of messages that were delivered. */
export interface ResponsePermission {
  /** Replies to one request; 0 or less: no limit. */
  readonly max: number
  /** How long after the request; 0 or less: for ever. */
  readonly expiresMs: number
}

/**
 * Entries of `subscribe` may name a queue group after a blank (`"foo v1.*"`). Undefined: everything
 * is permitted.
 */
export interface PermissionOptions {
  readonly publish: SubjectPermission | undefined
  readonly subscribe: SubjectPermission | undefined
  readonly responses: ResponsePermission | undefined
}

/** What may be received in a second; 0: no limit. */
export interface RateOptions {
  readonly maxMsgsPerSecond: number
  readonly maxBytesPerSecond: number
}

/** A user who logs in by name and password, or by certificate. The rate is of all its clients. */
export interface UserOptions extends RateOptions {
  readonly user: string
  /** Plain or bcrypt; '' = a user that only a certificate leads to. */
  readonly pass: string
  /** Name of the account; '' = the global one. */
  readonly account: string
  /** Undefined: those of the account or the server, if there are any. */
  readonly permissions: PermissionOptions | undefined
  /** Empty: every way. */
  readonly connectionTypes: readonly ConnectionType[]
  readonly proxyRequired: boolean
}

/** A user who signs the nonce. */
export interface NkeyUserOptions extends RateOptions {
  /** Public key, `U…`. */
  readonly nkey: string
  readonly account: string
  readonly permissions: PermissionOptions | undefined
  readonly connectionTypes: readonly ConnectionType[]
  readonly proxyRequired: boolean
}

/**
 * `limits` of an account; -1 = none. Subscriptions and payload are of one connection, the rate is
 * of all its clients together.
 */
export interface AccountLimits extends RateOptions {
  readonly maxConnections: number
  readonly maxLeafnodes: number
  readonly maxSubscriptions: number
  readonly maxPayload: number
}

export type ResponseType = 'singleton' | 'stream' | 'chunked'

/** Measuring of an exported service. */
export interface ServiceLatency {
  /** Percent of the requests, 1 to 100; 0: those whose headers ask for it. */
  readonly sampling: number
  /** Where the figures are published, in the exporting account. */
  readonly subject: string
}

interface ExportBase {
  readonly subject: string
  /** Accounts that may import it; undefined: all. */
  readonly accounts: readonly string[] | undefined
  /** The token of `subject` that must be the importer's name, from 1; 0: none. */
  readonly tokenPosition: number
  /** JWT: importing needs an activation token. */
  readonly tokenRequired: boolean
  /** JWT: activations issued before this Unix time are void, by account key or `*`. */
  readonly revocations: Readonly<Record<string, number>>
}

export interface StreamExport extends ExportBase {
  readonly kind: 'stream'
}

export interface ServiceExport extends ExportBase {
  readonly kind: 'service'
  readonly responseType: ResponseType
  /** Time without an answer after which a response is not awaited any more; 0: two minutes. */
  readonly thresholdMs: number
  readonly latency: ServiceLatency | undefined
  readonly allowTrace: boolean
}

export type AccountExport = StreamExport | ServiceExport

interface ImportBase {
  /** Exporting account: its name, or in operator mode its public key. */
  readonly account: string
  /** In the exporting account. */
  readonly subject: string
  /** JWT: activation token, '' = none. */
  readonly token: string
  readonly allowTrace: boolean
}

export interface StreamImport extends ImportBase {
  readonly kind: 'stream'
  /** Put in front of the subject; '' = nothing. Excludes `to`. */
  readonly prefix: string
  /** Subject in the importing account, may use `$1`; '' = unchanged. */
  readonly to: string
}

export interface ServiceImport extends ImportBase {
  readonly kind: 'service'
  /** Subject in the importing account, may use `$1`; '' = unchanged. */
  readonly to: string
  /** Who asks is told in full. */
  readonly share: boolean
}

export type AccountImport = StreamImport | ServiceImport

export interface MappingDestination {
  /** May use the functions of subject transforms. */
  readonly subject: string
  /** Percent, 0 to 100. */
  readonly weight: number
  /** Only in the cluster of this name; '' = everywhere. */
  readonly cluster: string
}

export interface SubjectMapping {
  readonly source: string
  readonly destinations: readonly MappingDestination[]
}

/** Where messages with a sampled `traceparent` header are traced to. */
export interface TraceDestination {
  readonly subject: string
  /** Percent, 1 to 100. */
  readonly sampling: number
}

export interface AccountOptions {
  /** Configured name; in operator mode the public key. */
  readonly name: string
  /** Public key of a configured account, '' = none. */
  readonly nkey: string
  readonly exports: readonly AccountExport[]
  readonly imports: readonly AccountImport[]
  /** In the order of the file; the first that matches wins. */
  readonly mappings: readonly SubjectMapping[]
  readonly limits: AccountLimits
  /** Of its users without permissions of their own. */
  readonly defaultPermissions: PermissionOptions | undefined
  readonly trace: TraceDestination | undefined
}

/** `authorization.auth_callout`: another program decides who may connect. */
export interface AuthCalloutOptions {
  /** Public account key that signs answers. */
  readonly issuer: string
  /** Account of the deciding program; '' = the global one. */
  readonly account: string
  /** Users, names or public keys, that log in without being asked for. */
  readonly authUsers: readonly string[]
  /** Public curve key that requests are sealed for; '' = in clear. */
  readonly xkey: string
  /** Accounts whose users are asked for; empty: all. */
  readonly allowedAccounts: readonly string[]
}

/** Where account JWTs come from. */
export type ResolverOptions =
  | { readonly kind: 'memory' }
  | { readonly kind: 'url'; readonly url: string }
  | {
      readonly kind: 'full'
      readonly directory: string
      /** Accounts at most; 0: no limit. */
      readonly limit: number
      readonly allowDelete: boolean
      readonly hardDelete: boolean
      readonly intervalMs: number
      readonly timeoutMs: number
    }
  | {
      readonly kind: 'cache'
      readonly directory: string
      readonly limit: number
      /** 0: for ever. */
      readonly ttlMs: number
      readonly timeoutMs: number
    }

/**
 * Operator mode: accounts and users are JWTs. There are operator JWTs or trusted keys, never both.
 */
export interface OperatorOptions {
  /** Operator JWTs, whole texts, decoded and found right when the file was read. */
  readonly jwts: readonly string[]
  /** `trusted_keys`: public operator keys in place of JWTs. */
  readonly trustedKeys: readonly string[]
  readonly resolver: ResolverOptions | undefined
  /** For a resolver of kind `url`. */
  readonly resolverTls: TlsOptions | undefined
  /** Account JWT by public key. */
  readonly preload: Readonly<Record<string, string>>
  /** Only these accounts may log in; empty: all. */
  readonly pinnedAccounts: readonly string[]
  /** Bearer JWT of clients that present none; '' = none. */
  readonly defaultSentinel: string
}
