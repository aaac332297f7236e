import type { RemoteUrl } from './remote-url.ts'

/**
 * Everything the broker can be told. Sizes are bytes, `…Ms` are milliseconds (a fraction below one
 * is kept), an empty text means "not set". The table in option-table.ts says what each is for.
 */
export interface Options {
  readonly host: string
  /** -1: any free port. */
  readonly port: number
  readonly serverName: string
  readonly clientAdvertise: string

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
  readonly noFastProducerStall: boolean
  readonly noHeaderSupport: boolean
  readonly noSublistCache: boolean

  readonly debug: boolean
  readonly trace: boolean
  readonly traceVerbose: boolean
  readonly logtime: boolean
  readonly logtimeUtc: boolean
  readonly logFile: string
  readonly logSizeLimit: number
  readonly logMaxNum: number
  readonly logFormat: LogFormat
  readonly maxTracedMsgLen: number
  readonly pidFile: string
  readonly portsFileDir: string
  readonly connectErrorReports: number
  readonly reconnectErrorReports: number

  readonly authorization: AuthorizationOptions
  readonly leafnodes: LeafnodeOptions

  /** Protocol workers; 0: as many as the machine suggests. */
  readonly workers: number
  /** Size of the shared memory in bytes; 0: chosen by the broker. */
  readonly sharedMemory: number
}

export type LogFormat = 'text' | 'json'

/** One user, or one token, for all clients. Passwords may be bcrypt hashes, kept as they are. */
export interface AuthorizationOptions {
  readonly user: string
  readonly pass: string
  readonly token: string
  readonly timeoutMs: number
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
  readonly compression: CompressionMode
}

export interface LeafnodeAuthorizationOptions {
  readonly user: string
  readonly pass: string
  readonly account: string
  readonly timeoutMs: number
}

/** A system this broker dials and attaches to as a leaf. */
export interface RemoteOptions {
  readonly urls: readonly RemoteUrl[]
  /** Local account; empty means the global one. */
  readonly account: string
  readonly compression: CompressionMode
}

/**
 * The modes in which a server of its own accord compresses nothing. Links are never compressed, so
 * with `accept` too the broker offers `off` to its peers.
 */
export type CompressionMode = 'off' | 'accept' | 'not supported'

/** An object under construction: the readers write, everybody else only reads. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] }
