/**
 * What the JWTs of NATS say, as decode.ts makes it: plain data, nothing left out but names of no
 * use to a server. Times are Unix seconds, 0 means "not set"; texts are '' and lists empty when not
 * set; -1 in a limit means "no limit".
 */

/** What all JWTs have in common. */
export interface ClaimsData {
  /** Public key of what the claims are about. */
  readonly subject: string
  /** Public key that has signed. */
  readonly issuer: string
  readonly id: string
  readonly audience: string
  readonly name: string
  readonly issuedAt: number
  readonly expires: number
  readonly notBefore: number
  /** Of the format: 1 or 2. */
  readonly version: number
  readonly tags: readonly string[]
}

export interface OperatorClaims extends ClaimsData {
  readonly type: 'operator'
  readonly signingKeys: readonly string[]
  readonly accountServerUrl: string
  readonly operatorServiceUrls: readonly string[]
  readonly systemAccount: string
  readonly assertServerVersion: string
  /** The keys of operator and accounts themselves sign nothing, only their signing keys do. */
  readonly strictSigningKeyUsage: boolean
}

/** Undefined is not the same as empty to nats-server: to publish, an empty list allows nothing. */
export interface PermissionList {
  readonly allow: readonly string[] | undefined
  readonly deny: readonly string[] | undefined
}

export interface PermissionClaims {
  readonly publish: PermissionList
  readonly subscribe: PermissionList
  /** 0 in it stands for nats-server's default. */
  readonly responses: { readonly max: number; readonly expiresNs: number } | undefined
}

/** Time of the day, `15:04:05`; the end may be before the start, over midnight. */
export interface TimeRange {
  readonly start: string
  readonly end: string
}

/** What a user may do; of a user, or of the template of a scoped signing key. */
export interface UserLimitClaims {
  readonly permissions: PermissionClaims
  /** CIDR networks that a connection may come from; empty: all. */
  readonly src: readonly string[]
  readonly times: readonly TimeRange[]
  /** IANA name of a time zone; '' = that of the server. */
  readonly timesLocation: string
  readonly subs: number
  readonly data: number
  readonly payload: number
  /** Nothing is signed: whoever has the JWT is the user. */
  readonly bearerToken: boolean
  readonly proxyRequired: boolean
  readonly allowedConnectionTypes: readonly string[]
}

export interface UserClaims extends ClaimsData, UserLimitClaims {
  readonly type: 'user'
  /** The account, where one of its signing keys is the issuer. */
  readonly issuerAccount: string
  /** Nothing of UserLimitClaims is set: a scoped signing key may have issued this. */
  readonly hasEmptyPermissions: boolean
}

/** A signing key with a role: what its users may do stands here, not in their JWTs. */
export interface UserScope {
  readonly key: string
  readonly role: string
  readonly description: string
  readonly template: UserLimitClaims
}

export type ImportType = 'stream' | 'service' | ''

export interface ImportClaim {
  readonly name: string
  /** Of a stream: in the exporting account. Of a service: where requests are made, unless... */
  readonly subject: string
  readonly account: string
  readonly token: string
  readonly to: string
  /** ...this is set; then `subject` is in the exporting account for both. */
  readonly localSubject: string
  readonly type: ImportType
  readonly share: boolean
  readonly allowTrace: boolean
}

export interface LatencyClaim {
  /** Percent, 0 = by headers. */
  readonly sampling: number
  readonly results: string
}

export interface ExportClaim {
  readonly name: string
  readonly subject: string
  readonly type: ImportType
  readonly tokenRequired: boolean
  /** Activations issued until then are void, by account key or `*`. */
  readonly revocations: ReadonlyMap<string, number>
  /** `Singleton`, `Stream`, `Chunked` or ''. */
  readonly responseType: string
  readonly responseThresholdNs: number
  readonly latency: LatencyClaim | undefined
  /** From 1; 0 = none. */
  readonly accountTokenPosition: number
  readonly advertise: boolean
  readonly allowTrace: boolean
  readonly description: string
  readonly infoUrl: string
}

export interface JetStreamLimitClaims {
  readonly memoryStorage: number
  readonly diskStorage: number
  readonly streams: number
  readonly consumers: number
  readonly maxAckPending: number
  readonly memoryMaxStreamBytes: number
  readonly diskMaxStreamBytes: number
  readonly maxBytesRequired: boolean
}

export interface AccountLimitClaims {
  readonly subs: number
  readonly data: number
  readonly payload: number
  readonly imports: number
  readonly exports: number
  readonly wildcardExports: boolean
  readonly disallowBearer: boolean
  readonly connections: number
  readonly leafNodes: number
  readonly jetStream: JetStreamLimitClaims
  readonly tiers: ReadonlyMap<string, JetStreamLimitClaims>
}

export interface MappingClaim {
  readonly subject: string
  /** Percent; 0 stands for 100. */
  readonly weight: number
  readonly cluster: string
}

/** Another program decides who may connect to the account. */
export interface ExternalAuthorization {
  /** Users that log in without being asked for; the section is in force if there are any. */
  readonly authUsers: readonly string[]
  /** Accounts it may place users in; `*` = all, empty = this one. */
  readonly allowedAccounts: readonly string[]
  /** Public curve key that requests are sealed for. */
  readonly xkey: string
}

export interface AccountClaims extends ClaimsData {
  readonly type: 'account'
  readonly imports: readonly ImportClaim[]
  readonly exports: readonly ExportClaim[]
  /** How many imports and exports were `null`; a server refuses such claims. */
  readonly nulls: { readonly imports: number; readonly exports: number }
  readonly limits: AccountLimitClaims
  /** With the scope of those that have one. */
  readonly signingKeys: ReadonlyMap<string, UserScope | undefined>
  /** JWTs issued until then are void, by user key or `*`. */
  readonly revocations: ReadonlyMap<string, number>
  readonly defaultPermissions: PermissionClaims
  readonly mappings: ReadonlyMap<string, readonly MappingClaim[]>
  readonly authorization: ExternalAuthorization
  readonly trace: { readonly destination: string; readonly sampling: number } | undefined
  readonly clusterTraffic: string
  readonly description: string
  readonly infoUrl: string
}

/** Permission of an exporting account to import something of it. */
export interface ActivationClaims extends ClaimsData {
  readonly type: 'activation'
  readonly importSubject: string
  readonly importType: ImportType
  readonly issuerAccount: string
}

export interface AuthorizationRequestClaims extends ClaimsData {
  readonly type: 'authorization_request'
  readonly userNkey: string
  readonly requestNonce: string
}

export interface AuthorizationResponseClaims extends ClaimsData {
  readonly type: 'authorization_response'
  /** Of the user; excludes `error`. */
  readonly jwt: string
  readonly error: string
  readonly issuerAccount: string
}

/** Anything else; also how a request to delete accounts comes. */
export interface GenericClaims extends ClaimsData {
  readonly type: 'generic'
  /** The `nats` object as it is, without prototypes. */
  readonly data: Readonly<Record<string, unknown>>
}

export type Claims =
  | OperatorClaims
  | AccountClaims
  | UserClaims
  | ActivationClaims
  | AuthorizationRequestClaims
  | AuthorizationResponseClaims
  | GenericClaims

export type ClaimsType = Claims['type']
