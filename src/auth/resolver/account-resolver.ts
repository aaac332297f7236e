import type { Logger } from '../../base/log-line.ts'
import type { GoJsonObject } from '../../protocol/go-json.ts'
import type { AccountClaims } from '../jwt/claims.ts'
import type { StoreFiles } from './store-files.ts'
import type { SystemBus } from './system-bus.ts'
import type { UrlTls } from './url-fetch.ts'

/** nats-server's DEFAULT_ACCOUNT_FETCH_TIMEOUT. */
export const FETCH_TIMEOUT_MS = 1900

export type VerifiedAccount =
  | { readonly ok: true; readonly claims: AccountClaims }
  /** nats-server's text. */
  | { readonly ok: false; readonly why: string }

/** What every resolver needs from the first moment on. */
export interface ResolverEnvironment {
  readonly log: Logger
  readonly nowMs: () => number
  /** A timer that does not keep the process up. @returns what calls it off */
  readonly after: (ms: number, run: () => void) => () => void
  /** Of directories; the system's own unless told. */
  readonly files?: StoreFiles
  /** `resolver_tls`, for a URL. */
  readonly tls?: UrlTls
}

/** The operator that may change accounts over the system account. */
export interface ResolverOperator {
  /** Public key of the operator itself. */
  readonly publicKey: string
  /** Its signing keys, and its own one unless `isStrict`: who may delete accounts. */
  readonly keys: ReadonlySet<string>
  /** `strict_signing_key_usage`. */
  readonly isStrict: boolean
}

/** The rest of the server, as the services on the system account see it. */
export interface ResolverServices {
  /** Undefined without system account: then nothing can be asked or changed over it. */
  readonly bus: SystemBus | undefined
  /** The `server` object of an answer; called once for each, because it is numbered. */
  readonly serverInfo: () => GoJsonObject
  /** Undefined without operator JWT (`trusted_keys` alone). */
  readonly operator: ResolverOperator | undefined
  /** Public key. */
  readonly systemAccount: string
  /** Decodes, and checks that a trusted operator has issued it and that it is valid now. */
  readonly verify: (jwt: string) => VerifiedAccount
  /** Whether the account is in use here, so that its change matters now. */
  readonly isLoaded: (publicKey: string) => boolean
  /** There are claims now of an account that is not in use. */
  readonly onArrived: (publicKey: string) => void
  /** An account in use has other claims from now on; they are verified. */
  readonly onUpdated: (publicKey: string, jwt: string, claims: AccountClaims) => void
  /** An account was deleted: its clients are to go. Called for those not in use, too. */
  readonly onDeleted: (publicKey: string) => void
}

/** Where account JWTs come from. */
export interface Resolver {
  readonly isReadOnly: boolean
  /**
   * The JWT of an account as it was found: neither its signature nor its times are checked.
   * Undefined, and a warning with the reason in the log, when there is none. Two callers who want
   * the same one at the same time share one search.
   *
   * @param isQuiet the log has nothing of it
   */
  fetch(publicKey: string, isQuiet?: boolean): Promise<string | undefined>
  /**
   * Keeps a JWT, in directories unless a newer one is there.
   *
   * @throws ResolverError when it cannot be kept
   */
  store(publicKey: string, jwt: string): Promise<void>
  /**
   * From here on the services answer, and full and cache ask other servers.
   *
   * @throws ResolverError nats-server ends with `Could not start resolver: <text>`
   */
  start(services: ResolverServices): Promise<void>
  /**
   * After a change of the configuration. MEMORY: these JWTs and no others; directories are looked
   * through for files that were changed from outside.
   *
   * @throws ResolverError for a preload that is no account JWT
   */
  reload(preload: Readonly<Record<string, string>>): Promise<void>
  /** No answers from here on. Resolves when nothing is being written any more. */
  close(): Promise<void>
}
