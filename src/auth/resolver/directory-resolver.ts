import { join, resolve } from 'node:path'
import type { ResolverOptions } from '../../config/account-types.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { decodeAccountClaims } from '../jwt/decode.ts'
import type { Resolver, ResolverEnvironment, ResolverServices } from './account-resolver.ts'
import { BusLookup } from './bus-lookup.ts'
import { ClaimsServices } from './claims-services.ts'
import { JwtStore } from './jwt-store.ts'
import { PackSync } from './pack-sync.ts'
import { checkPreload, warnOfPreload } from './preload.ts'
import { messageOf, ResolverError } from './resolver-error.ts'
import { SharedFetch } from './shared-fetch.ts'
import { systemFiles } from './store-files.ts'

export type DirectoryOptions = Extract<ResolverOptions, { readonly directory: string }>

/**
 * `resolver { type: full }`, which holds all accounts and stays alike with other servers, and
 * `{ type: cache }`, which holds those that were asked for.
 */
export class DirectoryResolver implements Resolver {
  readonly isReadOnly = false
  readonly #options: DirectoryOptions
  readonly #environment: ResolverEnvironment
  readonly #store: JwtStore
  readonly #shared: SharedFetch
  #services: ResolverServices | undefined
  #lookup: BusLookup | undefined
  #claims: ClaimsServices | undefined
  #sync: PackSync | undefined

  /** @throws ResolverError for a directory that cannot be used and a preload that is no JWT */
  static async open(
    options: DirectoryOptions,
    preload: Readonly<Record<string, string>>,
    environment: ResolverEnvironment,
  ): Promise<DirectoryResolver> {
    checkPreload(preload)
    let resolver: DirectoryResolver | undefined
    const store = await JwtStore.open({
      directory: options.directory,
      limit: options.limit,
      ...(options.kind === 'full'
        ? { evicts: false, ttlMs: 0, deletion: deletionOf(options) }
        : { evicts: true, ttlMs: options.ttlMs, deletion: 'remove' as const }),
      files: environment.files ?? systemFiles,
      nowMs: environment.nowMs,
      after: environment.after,
      refusal: refusalOf,
      onChanged: (publicKey, jwt) => resolver?.onChanged(publicKey, jwt),
      onTrouble: (text) => environment.log.warn(text),
    })
    resolver = new DirectoryResolver(options, environment, store)
    await resolver.#takePreload(preload)
    return resolver
  }

  private constructor(
    options: DirectoryOptions,
    environment: ResolverEnvironment,
    store: JwtStore,
  ) {
    this.#options = options
    this.#environment = environment
    this.#store = store
    this.#shared = new SharedFetch(environment.log, environment.nowMs, (key) => this.#find(key))
  }

  fetch(publicKey: string, isQuiet = false): Promise<string | undefined> {
    return this.#shared.fetch(publicKey, isQuiet)
  }

  async store(publicKey: string, jwt: string): Promise<void> {
    await this.#store.saveIfNewer(publicKey, jwt)
  }

  /** Resolves when the directory has been looked through; fetch() need not wait for that. */
  get scanned(): Promise<void> {
    return this.#store.scanned
  }

  async start(services: ResolverServices): Promise<void> {
    const { bus, operator } = services
    const { kind, directory, timeoutMs } = this.#options
    const { log, nowMs, after } = this.#environment
    if (operator === undefined || operator.keys.size === 0) {
      throw new ResolverError('no operator key found')
    }
    if (bus === undefined) {
      throw new ResolverError('error setting up update handling: system account not setup')
    }
    const store = this.#store
    this.#services = services
    this.#lookup = new BusLookup(bus, timeoutMs, after)
    this.#claims = new ClaimsServices({ kind, store, bus, services, operator, log, nowMs })
    if (this.#options.kind === 'full') {
      const { intervalMs } = this.#options
      this.#sync = new PackSync({ store, bus, intervalMs, after, log })
    }
    log.info(
      `Managing ${kind === 'full' ? 'all' : 'some'} jwt in exclusive directory ${resolve(directory)}`,
    )
  }

  async reload(preload: Readonly<Record<string, string>>): Promise<void> {
    checkPreload(preload)
    await this.#takePreload(preload)
    await this.#store.reload()
  }

  async close(): Promise<void> {
    this.#sync?.close()
    this.#claims?.close()
    this.#lookup?.close()
    this.#services = undefined
    await this.#store.close()
  }

  /** A file has other contents: the account goes on with them if it is in use. */
  onChanged(publicKey: string, jwt: string): void {
    const services = this.#services
    if (services === undefined) return
    if (!services.isLoaded(publicKey)) {
      services.onArrived(publicKey)
      return
    }
    const verified = services.verify(jwt)
    if (verified.ok) {
      services.onUpdated(publicKey, jwt, verified.claims)
      return
    }
    const text = `Update for account ${goQuote(publicKey)} resulted in error ${verified.why}`
    this.#environment.log.error(`DirResolver - ${text}`)
  }

  async #find(publicKey: string): Promise<string> {
    const path = join(this.#options.directory, `${publicKey}.jwt`)
    let why = `open ${path}: no such file or directory`
    try {
      const jwt = await this.#store.load(publicKey)
      if (jwt !== undefined) return jwt
    } catch (error) {
      why = messageOf(error)
      // Others may have it; but that the disk is bad should be known even then.
      if (this.#lookup !== undefined) this.#environment.log.warn(`JWT store: ${why}`)
    }
    if (this.#lookup === undefined) throw new ResolverError(why)
    const jwt = await this.#lookup.lookup(publicKey)
    await this.#store.saveIfNewer(publicKey, jwt)
    return jwt
  }

  /** As nats-server does: a preload that cannot be stored is no reason not to start. */
  async #takePreload(preload: Readonly<Record<string, string>>): Promise<void> {
    for (const [publicKey, jwt] of Object.entries(preload)) {
      try {
        await this.#store.saveIfNewer(publicKey, jwt)
      } catch (error) {
        this.#environment.log.warn(
          `Could not store preloaded account ${goQuote(publicKey)}: ${messageOf(error)}`,
        )
      }
    }
    warnOfPreload(preload, this.#environment)
  }
}

function deletionOf(
  options: Extract<DirectoryOptions, { readonly kind: 'full' }>,
): 'none' | 'rename' | 'remove' {
  if (!options.allowDelete) return 'none'
  return options.hardDelete ? 'remove' : 'rename'
}

function refusalOf(jwt: string): string | undefined {
  const decoded = decodeAccountClaims(jwt)
  return decoded.ok ? undefined : decoded.why
}
