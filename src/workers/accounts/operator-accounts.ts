import { isDeepStrictEqual } from 'node:util'
import { accountOptionsOf } from '../../auth/jwt/account-options.ts'
import { checkActivation } from '../../auth/jwt/activation.ts'
import type { AccountClaims, OperatorClaims } from '../../auth/jwt/claims.ts'
import {
  decodeAccountClaims,
  decodeActivationClaims,
  decodeOperatorClaims,
} from '../../auth/jwt/decode.ts'
import { JwtAuthority } from '../../auth/jwt/jwt-login.ts'
import { readClaims } from '../../auth/jwt/read-claims.ts'
import type {
  Resolver,
  ResolverServices,
  VerifiedAccount,
} from '../../auth/resolver/account-resolver.ts'
import { createResolver } from '../../auth/resolver/create-resolver.ts'
import { checkPreload } from '../../auth/resolver/preload.ts'
import { BrokerError } from '../../base/errors.ts'
import type { Logger } from '../../base/log-line.ts'
import type { OperatorOptions } from '../../config/account-types.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import type { ActivationRequest } from '../../router/accounts/import-types.ts'
import type { StandingLogin } from '../threads/peer-messages.ts'
import type { Account } from './account.ts'
import type { AccountDirectory } from './account-directory.ts'
import type { LoginDesk } from './login-desk.ts'
import { resolverTls } from './resolver-tls.ts'

/** An account that was not found is looked for again after this long at the earliest; chosen. */
const MISSING_MS = 1000
/** Accounts that were not found, kept in mind; chosen. */
const MISSING_MAX = 10_000
/** Between two attempts to fetch the system account; nats-server server.go. */
const BOOTSTRAP_MS = 1000

const MISSING = { ok: false, why: 'account missing' } as const
const INVALID = { ok: false, why: 'account validation failed' } as const

/** A subject in a JWT is any text; it must not look like a line of its own in the log. */
const LINE_BREAKERS = /\p{Cc}+/gu

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
  /** Those in force. */
  #operator: OperatorOptions
  #services: ResolverServices | undefined
  readonly #jwts = new WeakMap<AccountClaims, string>()
  readonly #lookups = new Map<string, Promise<AccountClaims | undefined>>()
  /** When an account was not found, by public key. */
  readonly #missing = new Map<string, number>()
  #resolver: Resolver | undefined
  /** The system account is one that was made up. */
  #isBootstrapping = false
  #isClosed = false

  constructor(options: OperatorAccountsOptions) {
    const { operator, nowMs } = options
    this.#options = options
    this.#operator = operator
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
      accounts: { lookup: (publicKey) => this.#find(publicKey) },
      systemAccount: options.systemAccount,
      nowMs,
    })
  }

  /** @throws BrokerError when the resolver cannot work as it is configured */
  async open(): Promise<void> {
    try {
      this.#resolver = await this.#createResolver(this.#operator)
    } catch (error) {
      throw new BrokerError('BRK_RESOLVER', messageOf(error), { cause: error })
    }
  }

  async #createResolver(operator: OperatorOptions): Promise<Resolver | undefined> {
    const { log, nowMs, after } = this.#options
    if (operator.resolver === undefined) return undefined
    return createResolver(operator.resolver, operator.preload, {
      log,
      nowMs,
      after,
      ...(operator.resolverTls && { tls: resolverTls(operator.resolverTls) }),
    })
  }

  /**
   * The system account is known from here on. As with nats-server, one that cannot be had yet is
   * made up, with its own key to sign users, unless nobody could ever bring it.
   *
   * @throws BrokerError when it cannot be had
   */
  async openSystemAccount(): Promise<void> {
    const { systemAccount, directory } = this.#options
    const operator = this.#operator
    const [trusted] = this.operators
    const mayComeLater = this.operators.length === 1 && operator.resolver?.kind !== 'memory'
    const jwt = await this.#resolver?.fetch(systemAccount, mayComeLater)
    const verified = jwt === undefined ? MISSING : this.#verifyOf(jwt, systemAccount)
    if (verified.ok) {
      await this.#update(verified.claims)
    } else if (mayComeLater && trusted !== undefined) {
      const claims = temporaryAccount(systemAccount, trusted.issuer)
      directory().define(accountOptionsOf(claims), claims)
      this.#isBootstrapping = true
    } else {
      const text = `error resolving system account: ${verified.why}`
      throw new BrokerError('BRK_SYSTEM_ACCOUNT', text)
    }
  }

  /** Looks for the system account until it is there. */
  #bootstrap(): void {
    const { log, after, systemAccount } = this.#options
    after(BOOTSTRAP_MS, async () => {
      const jwt = await this.#resolver?.fetch(systemAccount, true)
      if (this.#isClosed) return
      const verified = jwt === undefined ? MISSING : this.#verifyOf(jwt, systemAccount)
      if (!verified.ok) {
        this.#bootstrap()
        return
      }
      this.#isBootstrapping = false
      await this.#update(verified.claims)
      log.info('System account fetched and updated')
    })
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
    this.#services = {
      ...services,
      operator: operator && {
        publicKey: operator.subject,
        keys,
        isStrict: operator.strictSigningKeyUsage,
      },
      verify: (jwt) => this.#verify(jwt),
      onArrived: (publicKey) => this.#missing.delete(publicKey),
      isLoaded: (publicKey) => this.#options.directory().get(publicKey)?.claims !== undefined,
      onUpdated: (_publicKey, _jwt, claims) => void this.#update(claims),
      onDeleted: (publicKey) => this.#onDeleted(publicKey),
    }
    try {
      await this.#resolver.start(this.#services)
    } catch (error) {
      throw new BrokerError('BRK_RESOLVER', `Could not start resolver: ${messageOf(error)}`, {
        cause: error,
      })
    }
    if (!this.#isBootstrapping) return
    this.#options.log.info('Using bootstrapping system account')
    this.#bootstrap()
  }

  #verify(jwt: string): VerifiedAccount {
    const decoded = decodeAccountClaims(jwt)
    if (!decoded.ok) return decoded
    const verified = this.authority.verifyAccount(jwt, decoded.claims.subject)
    if (verified.ok) this.#jwts.set(verified.claims, jwt)
    return verified
  }

  /** What claims in force were read from; '' for those that were made up. */
  jwtOf(claims: AccountClaims): string {
    return this.#jwts.get(claims) ?? ''
  }

  #verifyOf(jwt: string, publicKey: string): VerifiedAccount {
    const verified = this.#verify(jwt)
    return verified.ok && verified.claims.subject !== publicKey ? INVALID : verified
  }

  /** The claims in force, fetched if need be. Undefined when there are none that can be trusted. */
  lookup(publicKey: string): Promise<AccountClaims | undefined> | AccountClaims | undefined {
    const found = this.#find(publicKey)
    return found instanceof Promise ? found.catch(() => undefined) : found
  }

  /** The same; a rejection tells why an account that was found is not to be trusted. */
  #find(publicKey: string): Promise<AccountClaims | undefined> | AccountClaims | undefined {
    const known = this.#options.directory().get(publicKey)?.claims
    const isOver = known !== undefined && known.expires !== 0 && known.expires * 1000 <= this.#now()
    if (known !== undefined && !isOver) return known
    if (isOver) this.#options.log.debug(`Requested account [${publicKey}] has expired`)
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
    const verified = this.#verifyOf(jwt, publicKey)
    if (!verified.ok) {
      const isLoaded = this.#options.directory().get(publicKey)?.claims !== undefined
      throw new Error(isLoaded ? 'account expired' : verified.why)
    }
    this.#missing.delete(publicKey)
    await this.#update(verified.claims)
    return verified.claims
  }

  /** Puts claims in force, and what they import from. @returns connections that have to go */
  async #update(claims: AccountClaims): Promise<number> {
    const directory = this.#options.directory()
    const previous = directory.get(claims.subject)?.claims
    this.#options.log.debug(`Updating account claims: ${claims.subject}/${oneLine(claims.name)}`)
    const account = directory.define(accountOptionsOf(claims), claims)
    this.#watchActivations(account)
    const reviewed =
      previous &&
      this.#options
        .desk()
        .review(account, (identity) =>
          this.authority.reasonToEnd(identity, claims, this.#now(), previous),
        )
    await this.#fetchExporters(account)
    return (await reviewed) ?? 0
  }

  // ── reload ────────────────────────────────────────────────────────────────────────────────

  /** @throws ResolverError for a preload that is no account JWT */
  prepareReload({ preload }: OperatorOptions): void {
    checkPreload(preload)
  }

  /**
   * Other options: of the resolver, of the accounts it knows of itself, and who stands in for those
   * who present no JWT. All else cannot change while the server runs.
   *
   * @returns connections that have to go
   */
  async reload(operator: OperatorOptions): Promise<number> {
    const before = this.#operator
    this.#operator = operator
    this.authority.defaultSentinel = operator.defaultSentinel
    this.#missing.clear()
    try {
      const isSame =
        isDeepStrictEqual(before.resolver, operator.resolver) &&
        isDeepStrictEqual(before.resolverTls, operator.resolverTls)
      if (isSame) await this.#resolver?.reload(operator.preload)
      else await this.#replaceResolver(operator)
    } catch (error) {
      this.#options.log.error(`Could not reload resolver: ${messageOf(error)}`)
    }
    return operator.resolver?.kind === 'memory' ? this.#followPreload() : 0
  }

  /** The one in use stays when there can be no other. */
  async #replaceResolver(operator: OperatorOptions): Promise<void> {
    const successor = await this.#createResolver(operator)
    const predecessor = this.#resolver
    this.#resolver = successor
    await predecessor?.close()
    if (this.#services !== undefined) await successor?.start(this.#services)
  }

  /** Accounts in use get the claims that the memory resolver has now, or are no more. */
  async #followPreload(): Promise<number> {
    let going = 0
    for (const account of [...this.#options.directory().all]) {
      if (account.claims !== undefined) going += await this.#follow(account)
    }
    return going
  }

  async #follow(account: Account): Promise<number> {
    const jwt = await this.#resolver?.fetch(account.name, true)
    const verified = jwt === undefined ? MISSING : this.#verifyOf(jwt, account.name)
    if (verified.ok) {
      return isDeepStrictEqual(verified.claims, account.claims) ? 0 : this.#update(verified.claims)
    }
    const why = verified === MISSING ? 'removed' : 'bad claims'
    this.#options.log.info(`Reloaded: deleting account [${why}]: ${goQuote(account.name)}`)
    this.#options.directory().undefine(account)
    return this.#options.desk().review(account, () => 'authorization')
  }

  /** Why somebody whom a predecessor of this thread let in cannot stay. */
  reasonToEnd({ accountName, identity }: StandingLogin): ViolationName | undefined {
    const claims = this.#options.directory().get(accountName)?.claims
    if (claims === undefined) return 'authorization'
    return this.authority.reasonToEnd(identity, claims, this.#now())
  }

  async #fetchExporters(account: Account): Promise<void> {
    const directory = this.#options.directory()
    const { imports } = account.options
    const absent = new Set(
      imports
        .map(({ account: exporter }) => exporter)
        // One that is being fetched is waiting for this one, perhaps.
        .filter((name) => directory.get(name)?.claims === undefined && !this.#lookups.has(name)),
    )
    for (const exporter of absent) {
      const why = await this.#whyNot(exporter)
      if (why === undefined) continue
      for (const { account: name, subject, kind } of imports) {
        if (name !== exporter) continue
        const what = `for import of [${subject}] ${kind} (err=${why})`
        this.#options.log.error(`Can't locate account [${exporter}] ${oneLine(what)}`)
      }
    }
  }

  async #whyNot(publicKey: string): Promise<string | undefined> {
    try {
      return (await this.#find(publicKey)) === undefined ? MISSING.why : undefined
    } catch (error) {
      return messageOf(error)
    }
  }

  #onDeleted(publicKey: string): void {
    const directory = this.#options.directory()
    const account = directory.get(publicKey)
    if (account?.claims === undefined) return
    directory.undefine(account)
    void this.#options.desk().review(account, () => 'accountExpired')
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
    this.#isClosed = true
    return this.#resolver?.close()
  }
}

const DAY_MS = 86_400_000

function activationEnd(token: string): number | undefined {
  if (token === '') return undefined
  const decoded = decodeActivationClaims(token)
  return decoded.ok && decoded.claims.expires !== 0 ? decoded.claims.expires * 1000 : undefined
}

function oneLine(text: string): string {
  return text.replace(LINE_BREAKERS, ' ')
}

/** Claims of a system account that is not there yet; its own key may sign its users. */
function temporaryAccount(publicKey: string, issuer: string): AccountClaims {
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 }
  const nats = { type: 'account', version: 2, limits, signing_keys: [publicKey] }
  const read = readClaims(Buffer.from(JSON.stringify({ iss: issuer, sub: publicKey, nats })))
  if (!read.ok || read.claims.type !== 'account') throw new TypeError('no account claims')
  return read.claims
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
