import { accountOptionsOf } from '../../auth/jwt/account-options.ts'
import { checkActivation } from '../../auth/jwt/activation.ts'
import type { AccountClaims, OperatorClaims } from '../../auth/jwt/claims.ts'
import {
  decodeAccountClaims,
  decodeActivationClaims,
  decodeOperatorClaims,
} from '../../auth/jwt/decode.ts'
import { JwtAuthority } from '../../auth/jwt/jwt-login.ts'
import type {
  Resolver,
  ResolverServices,
  VerifiedAccount,
} from '../../auth/resolver/account-resolver.ts'
import { createResolver } from '../../auth/resolver/create-resolver.ts'
import { BrokerError } from '../../base/errors.ts'
import type { Logger } from '../../base/log-line.ts'
import type { OperatorOptions } from '../../config/account-types.ts'
import type { ActivationRequest } from '../../router/accounts/import-types.ts'
import type { Account } from './account.ts'
import type { AccountDirectory } from './account-directory.ts'
import type { LoginDesk } from './login-desk.ts'

/** An account that was not found is looked for again after this long at the earliest; chosen. */
const MISSING_MS = 1000
/** Accounts that were not found, kept in mind; chosen. */
const MISSING_MAX = 10_000

export interface OperatorAccountsOptions {
  readonly operator: OperatorOptions
  readonly log: Logger
  /** Public key, '' = none. */
  readonly systemAccount: string
  readonly nowMs: () => number
  readonly after: (ms: number, run: () => void) => () => void
  readonly directory: () => AccountDirectory
  readonly desk: () => LoginDesk
}

/**
 * Accounts of operator mode: fetched when somebody needs them, verified, and put in force; changed
 * when the resolver hears of newer claims.
 */
export class OperatorAccounts {
  readonly authority: JwtAuthority
  readonly operators: readonly OperatorClaims[]
  readonly #options: OperatorAccountsOptions
  readonly #lookups = new Map<string, Promise<AccountClaims | undefined>>()
  /** When an account was not found, by public key. */
  readonly #missing = new Map<string, number>()
  #resolver: Resolver | undefined

  constructor(options: OperatorAccountsOptions) {
    const { operator, nowMs } = options
    this.#options = options
    this.operators = operator.jwts.map((jwt) => {
      const decoded = decodeOperatorClaims(jwt)
      if (!decoded.ok) throw new BrokerError('BRK_OPERATOR', `operator JWT: ${decoded.why}`)
      return decoded.claims
    })
    this.authority = new JwtAuthority({
      operators: this.operators,
      trustedKeys: operator.trustedKeys,
      pinnedAccounts: operator.pinnedAccounts,
      defaultSentinel: operator.defaultSentinel,
      accounts: { lookup: (publicKey) => this.lookup(publicKey) },
      systemAccount: options.systemAccount,
      nowMs,
    })
  }

  /** @throws BrokerError when the resolver cannot work as it is configured */
  async open(): Promise<void> {
    const { operator, log, nowMs, after } = this.#options
    if (operator.resolver === undefined) return
    try {
      this.#resolver = await createResolver(operator.resolver, operator.preload, {
        log,
        nowMs,
        after,
      })
    } catch (error) {
      throw new BrokerError('BRK_RESOLVER', messageOf(error), { cause: error })
    }
  }

  /**
   * @throws BrokerError as `open`
   */
  async start(
    services: Pick<ResolverServices, 'bus' | 'serverInfo' | 'systemAccount'>,
  ): Promise<void> {
    if (this.#resolver === undefined) return
    const [operator] = this.operators
    const keys = new Set(operator?.signingKeys ?? [])
    if (operator !== undefined && !operator.strictSigningKeyUsage) keys.add(operator.subject)
    try {
      await this.#resolver.start({
        ...services,
        operator: operator && {
          publicKey: operator.subject,
          keys,
          isStrict: operator.strictSigningKeyUsage,
        },
        verify: (jwt) => this.#verify(jwt),
        isLoaded: (publicKey) => this.#options.directory().get(publicKey)?.claims !== undefined,
        onUpdated: (_publicKey, _jwt, claims) => void this.#update(claims),
        onDeleted: (publicKey) => this.#onDeleted(publicKey),
      })
    } catch (error) {
      throw new BrokerError('BRK_RESOLVER', `Could not start resolver: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }

  #verify(jwt: string): VerifiedAccount {
    const decoded = decodeAccountClaims(jwt)
    return decoded.ok ? this.authority.verifyAccount(jwt, decoded.claims.subject) : decoded
  }

  /** The claims in force, fetched if need be. Undefined when there are none that can be trusted. */
  lookup(publicKey: string): Promise<AccountClaims | undefined> | AccountClaims | undefined {
    const known = this.#options.directory().get(publicKey)?.claims
    const isOver = known !== undefined && known.expires !== 0 && known.expires * 1000 <= this.#now()
    if (known !== undefined && !isOver) return known
    const underWay = this.#lookups.get(publicKey)
    if (underWay !== undefined) return underWay
    const missedMs = this.#missing.get(publicKey)
    if (missedMs !== undefined && this.#now() - missedMs < MISSING_MS) return undefined
    const search = this.#fetch(publicKey).finally(() => this.#lookups.delete(publicKey))
    this.#lookups.set(publicKey, search)
    return search
  }

  #now(): number {
    return this.#options.nowMs()
  }

  async #fetch(publicKey: string): Promise<AccountClaims | undefined> {
    const jwt = await this.#resolver?.fetch(publicKey)
    if (jwt === undefined) {
      if (this.#missing.size >= MISSING_MAX) this.#missing.clear()
      this.#missing.set(publicKey, this.#now())
      return undefined
    }
    const verified = this.#verify(jwt)
    if (!verified.ok) {
      this.#options.log.warn(`Account [${publicKey}] is not valid: ${verified.why}`)
      return undefined
    }
    if (verified.claims.subject !== publicKey) return undefined
    this.#missing.delete(publicKey)
    await this.#update(verified.claims)
    return verified.claims
  }

  /** Puts claims in force, and what they import from. */
  async #update(claims: AccountClaims): Promise<void> {
    const directory = this.#options.directory()
    const previous = directory.get(claims.subject)?.claims
    const account = directory.define(accountOptionsOf(claims), claims)
    await this.#fetchExporters(account)
    this.#watchActivations(account)
    if (previous === undefined) return
    this.#options
      .desk()
      .review(account, (identity) =>
        this.authority.reasonToEnd(identity, claims, this.#now(), previous),
      )
  }

  async #fetchExporters(account: Account): Promise<void> {
    const directory = this.#options.directory()
    const wanted = new Set(account.options.imports.map(({ account: exporter }) => exporter))
    for (const exporter of wanted) {
      // One that is being fetched is waiting for this one, perhaps.
      if (directory.get(exporter)?.claims !== undefined || this.#lookups.has(exporter)) continue
      await this.lookup(exporter)
    }
  }

  #onDeleted(publicKey: string): void {
    const directory = this.#options.directory()
    const account = directory.get(publicKey)
    if (account?.claims === undefined) return
    directory.undefine(account)
    this.#options.desk().review(account, () => 'accountExpired')
  }

  // ── activations ───────────────────────────────────────────────────────────────────────────

  mayImport(request: ActivationRequest): boolean {
    return this.#activation(request).ok
  }

  #activation({ import: wanted, importer, exporter, export: exported }: ActivationRequest) {
    const claims = this.#options.directory().get(exporter)?.claims
    const isIssuer = (key: string) =>
      claims !== undefined && (key === exporter || claims.signingKeys.has(key))
    const { revocations } = exported
    return checkActivation({ import: wanted, importer, isIssuer, revocations }, this.#now())
  }

  /** Looks at the imports of an account again when the first of their tokens expires. */
  #watchActivations(account: Account): void {
    const ends = account.options.imports.flatMap(({ token }) => activationEnd(token) ?? [])
    const nextMs = Math.min(...ends.filter((endMs) => endMs > this.#now()))
    if (!Number.isFinite(nextMs)) return
    const { claims } = account
    this.#options.after(Math.min(nextMs - this.#now() + 1, DAY_MS), () => {
      if (account.claims !== claims) return
      this.#options.directory().refresh(account.name)
      this.#watchActivations(account)
    })
  }

  close(): Promise<void> | void {
    return this.#resolver?.close()
  }
}

const DAY_MS = 86_400_000

function activationEnd(token: string): number | undefined {
  if (token === '') return undefined
  const decoded = decodeActivationClaims(token)
  return decoded.ok && decoded.claims.expires !== 0 ? decoded.claims.expires * 1000 : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
