import type { Resolver, ResolverEnvironment, ResolverServices } from './account-resolver.ts'
import { checkPreload, warnOfPreload } from './preload.ts'
import { ResolverError } from './resolver-error.ts'
import { SharedFetch } from './shared-fetch.ts'
import { serveUpdates } from './update-service.ts'

/** `resolver: MEMORY`: the JWTs of `resolver_preload`. */
export class MemoryResolver implements Resolver {
  readonly isReadOnly = false
  readonly #environment: ResolverEnvironment
  #jwts: Map<string, string>
  readonly #shared: SharedFetch
  #stop: () => void = () => {}

  /** @throws ResolverError for a preload that is no account JWT */
  constructor(preload: Readonly<Record<string, string>>, environment: ResolverEnvironment) {
    const { log, nowMs } = environment
    checkPreload(preload)
    this.#environment = environment
    this.#jwts = new Map(Object.entries(preload))
    this.#shared = new SharedFetch(log, nowMs, async (publicKey) => {
      const jwt = this.#jwts.get(publicKey)
      if (jwt === undefined) throw new ResolverError('account missing')
      return jwt
    })
    warnOfPreload(preload, environment)
  }

  fetch(publicKey: string, isQuiet = false): Promise<string | undefined> {
    return this.#shared.fetch(publicKey, isQuiet)
  }

  async store(publicKey: string, jwt: string): Promise<void> {
    this.#jwts.set(publicKey, jwt)
  }

  async start(services: ResolverServices): Promise<void> {
    const { bus } = services
    if (bus !== undefined) this.#stop = serveUpdates(bus, services, this.#environment.log)
  }

  async reload(preload: Readonly<Record<string, string>>): Promise<void> {
    checkPreload(preload)
    this.#jwts = new Map(Object.entries(preload))
    warnOfPreload(preload, this.#environment)
  }

  async close(): Promise<void> {
    this.#stop()
  }
}
