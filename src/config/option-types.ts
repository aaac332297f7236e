import type {
  AccountOptions,
  AuthCalloutOptions,
  NkeyUserOptions,
  OperatorOptions,
  PermissionOptions,
  RateOptions,
  SubjectMapping,
  UserOptions,
} from './account-types.ts'
import type { RemoteUrl } from './remote-url.ts'

/**
 * Everything the broker can be told. Sizes are bytes, `…Ms` are milliseconds (a fraction below one
 * is kept), an empty text means "not set". The table in option-table.ts says what each is for. The
 * rate is that of each client.
 */
export interface Options extends RateOptions {
  readonly host: string
  /** -1: any free port. */
  readonly port: number
  readonly serverName: string
  readonly clientAdvertise: string
  /** Clients come through a proxy that tells their address before anything else. */
  readonly proxyProtocol: boolean

  readonly maxPayload: number
  readonly maxPending: number
  readonly maxControlLine: number
  /** Negative: nobody may connect. */
  readonly maxConnections: number
  /** Of one connection; 0 or less: no limit. */
  readonly maxSubscriptions: number
  /** 0: no limit. */
  readonly maxSubTokens: number

  readonly pingIntervalMs: number
  readonly pingMax: number
  readonly writeDeadlineMs: number
  readonly writeTimeout: WriteTimeoutPolicy
  readonly noFastProducerStall: boolean
  readonly noHeaderSupport: boolean
  readonly noSublistCache: boolean

  readonly debug: boolean
  readonly trace: boolean
  readonly traceVerbose: boolean
  /** Of messages, traces show the headers only. */
  readonly traceHeaders: boolean
  readonly logtime: boolean
  readonly logtimeUtc: boolean
  readonly logFile: string
  readonly logSizeLimit: number
  readonly logMaxNum: number
  readonly logFormat: LogFormat
  readonly maxTracedMsgLen: number
  /** In force where logFile is not set; of the two, remoteSyslog wins. */
  readonly syslog: boolean
  readonly remoteSyslog: string
  readonly pidFile: string
  readonly portsFileDir: string
  readonly connectErrorReports: number
  readonly reconnectErrorReports: number

  /** In complete options never empty. */
  readonly httpHost: string
  /** Of both ports: 0: off; -1: any free port. At most one is set. */
  readonly httpPort: number
  readonly httpsPort: number
  /** As given; '' = `/`. */
  readonly httpBasePath: string
  /** '' = monitoring asks for none. */
  readonly monitorToken: string
  readonly maxClosedClients: number

  readonly authorization: AuthorizationOptions
  /** Of all accounts; in files they stand in `authorization` and in each account. */
  readonly users: readonly UserOptions[]
  readonly nkeys: readonly NkeyUserOptions[]
  /** All but the global one, in the order of the file. */
  readonly accounts: readonly AccountOptions[]
  /** Of the global account. */
  readonly mappings: readonly SubjectMapping[]
  readonly leafnodes: LeafnodeOptions
  readonly websocket: WebsocketOptions

  /** Of the client port. */
  readonly tls: TlsOptions | undefined
  /** With `tls`: plain clients are let in, too. */
  readonly allowNonTls: boolean
  /** User, by name or public key, that clients without credentials are taken for. */
  readonly noAuthUser: string
  /** In complete options that which is in force, `$SYS` by default; '' = there is none. */
  readonly systemAccount: string
  readonly noSystemAccount: boolean
  /** In complete options undefined without operators and without trusted keys. */
  readonly operator: OperatorOptions | undefined
  /** Public keys of proxies, of any kind. */
  readonly trustedProxies: readonly string[]

  /** Only shown by monitoring. */
  readonly serverTags: readonly string[]
  readonly serverMetadata: Readonly<Record<string, string>>
  readonly featureFlags: Readonly<Record<string, boolean>>
  /** Concerns JetStream only, and changes nothing. */
  readonly storeDir: string
  /** These two change nothing: only Go programs serve Go profiles. */
  readonly profPort: number
  readonly profBlockRate: number
  /** Time over which clients are closed after a lame duck signal, and the wait before it. */
  readonly lameDuckDurationMs: number
  readonly lameDuckGracePeriodMs: number

  /** Protocol workers; 0: as many as the machine suggests. */
  readonly workers: number
  /** Busy threads stay awake for a moment; see Spinner. */
  readonly spin: boolean
  /** Size of the shared memory in bytes; 0: chosen by the broker. */
  readonly sharedMemory: number
}

export type LogFormat = 'text' | 'json'

/** An entry of `proxies { trusted [ { } ] }`. */
export interface TrustedProxy {
  readonly key: string
}

/** One user, or one token, for all clients. Passwords may be bcrypt hashes, kept as they are. */
export interface LoginOptions {
  readonly user: string
  readonly pass: string
  readonly token: string
  readonly timeoutMs: number
}

export interface AuthorizationOptions extends LoginOptions {
  /** Of users without an account that have no permissions of their own. */
  readonly defaultPermissions: PermissionOptions | undefined
  readonly authCallout: AuthCalloutOptions | undefined
  /** Who logs in by the one user or token must come through a trusted proxy. */
  readonly proxyRequired: boolean
}

export interface LeafnodeOptions {
  readonly host: string
  /** 0: leaf links are not accepted; -1: any free port. */
  readonly port: number
  readonly authorization: LeafnodeAuthorizationOptions
  readonly remotes: readonly RemoteOptions[]
  readonly reconnectMs: number
  readonly advertise: string
  readonly noAdvertise: boolean
  readonly compression: CompressionOptions
  /** Smallest version a leaf may have, '' = any. */
  readonly minVersion: string
  /** Every link of this server: interest of our other leafs is kept from it. */
  readonly isolateLeafnodeInterest: boolean
  /** 0: that of the server. */
  readonly writeDeadlineMs: number
  readonly writeTimeout: WriteTimeoutPolicy
  /** Of all remotes that have none of their own. */
  readonly dialTimeoutMs: number
  readonly tls: TlsOptions | undefined
  /** Bytes that may wait for one link; 0: chosen by the broker. */
  readonly maxPending: number
  /** What happens to a link for which more is waiting than that. */
  readonly slowLeaf: SlowLeafPolicy
}

/**
 * `default` is `close` for clients and `retry` on leaf links: a connection that takes a little
 * stays.
 */
export type WriteTimeoutPolicy = 'default' | 'close' | 'retry'

/** Close the link, or drop messages for it (its interest is never dropped) and count them. */
export type SlowLeafPolicy = 'close' | 'drop'

/** One user (user and pass), one nkey, or several users. */
export interface LeafnodeAuthorizationOptions {
  readonly user: string
  readonly pass: string
  /** Public user key, `U…`. */
  readonly nkey: string
  readonly account: string
  readonly users: readonly LeafnodeUserOptions[]
  readonly timeoutMs: number
  readonly proxyRequired: boolean
}

export interface LeafnodeUserOptions {
  readonly user: string
  readonly pass: string
  readonly account: string
  readonly proxyRequired: boolean
}

/** A system this broker dials and attaches to as a leaf. */
export interface RemoteOptions {
  readonly urls: readonly RemoteUrl[]
  /** Local account; empty means the global one. */
  readonly account: string
  /** File with a user JWT and its seed; `~` is the home directory. */
  readonly credentials: string
  /** Seed of a user nkey, `SU…`. */
  readonly nkey: string
  readonly tls: TlsOptions | undefined
  readonly noRandomize: boolean
  /** Take the hub role on this link. */
  readonly hub: boolean
  readonly denyImports: readonly string[]
  readonly denyExports: readonly string[]
  readonly wsCompression: boolean
  readonly wsNoMasking: boolean
  readonly isolateLeafnodeInterest: boolean
  readonly requestIsolation: boolean
  readonly compression: CompressionOptions
  readonly firstInfoTimeoutMs: number
  /** 0: that of the block. */
  readonly dialTimeoutMs: number
  readonly disabled: boolean
  readonly proxy: HttpProxyOptions | undefined
  readonly ignoreDiscoveredServers: boolean
  /** Concerns JetStream only, and changes nothing. */
  readonly jetstreamClusterMigrate: boolean
}

/** A tunnel through an HTTP proxy, by CONNECT. */
export interface HttpProxyOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string
  readonly username: string
  readonly password: string
  /** 0: the dial timeout. */
  readonly timeoutMs: number
}

/** `s2_auto` takes the level from the round trip time. */
export type CompressionMode =
  | 'off'
  | 'not supported'
  | 'accept'
  | 's2_auto'
  | 's2_fast'
  | 's2_better'
  | 's2_best'

export interface CompressionOptions {
  readonly mode: CompressionMode
  /**
   * For `s2_auto`, ascending, at most four: up to the first nothing is compressed, up to the second
   * `s2_fast`, up to the third `s2_better`, above it `s2_best`; 0 leaves a level out.
   */
  readonly rttThresholdsMs: readonly number[]
}

/** A `tls` block. Files are read again by each thread that needs them. */
export interface TlsOptions {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
  /** Instead of certFile and keyFile. */
  readonly certificates: readonly CertificateFiles[]
  readonly verify: boolean
  readonly verifyAndMap: boolean
  readonly insecure: boolean
  /** Go's names; empty: all that are secure. */
  readonly cipherSuites: readonly string[]
  /** Go's names; empty: the default order. */
  readonly curvePreferences: readonly string[]
  readonly timeoutMs: number
  /** Handshakes a second; 0: no limit. For clients only: it changes nothing in other blocks. */
  readonly connectionRateLimit: number
  /** SHA-256 of public keys (SPKI), lower-case hex. */
  readonly pinnedCerts: readonly string[]
  readonly minVersion: '' | '1.2' | '1.3'
  /** TLS before the INFO line. */
  readonly handshakeFirst: boolean
  /** With handshakeFirst: INFO in clear after this wait for the peer's first byte; 0: never. */
  readonly handshakeFirstFallbackMs: number
}

export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** The WebSocket listener, for clients and for leafs. */
export interface WebsocketOptions {
  readonly host: string
  /** 0: no WebSocket; -1: any free port. */
  readonly port: number
  readonly advertise: string
  readonly noTls: boolean
  readonly tls: TlsOptions | undefined
  readonly sameOrigin: boolean
  readonly allowedOrigins: readonly string[]
  readonly handshakeTimeoutMs: number
  readonly compression: boolean
  /** In place of the server's; empty fields: the server's. */
  readonly authorization: LoginOptions
  /** In place of the server's; '' = the server's. */
  readonly noAuthUser: string
  /** Names of cookies that stand in for what CONNECT leaves out; '' = none. */
  readonly jwtCookie: string
  readonly userCookie: string
  readonly passCookie: string
  readonly tokenCookie: string
  /** Added to the response that upgrades. */
  readonly headers: Readonly<Record<string, string>>
  /** 0: that of the server. */
  readonly pingIntervalMs: number
}

/** An object under construction: the readers write, everybody else only reads. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] }
