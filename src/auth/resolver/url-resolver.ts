import {
  FETCH_TIMEOUT_MS,
  type Resolver,
  type ResolverEnvironment,
  type ResolverServices,
} from './account-resolver.ts'
import { ResolverError } from './resolver-error.ts'
import { SharedFetch } from './shared-fetch.ts'
import { serveUpdates } from './update-service.ts'
import { UrlFetch } from './url-fetch.ts'

/** `resolver: URL(…)`: an HTTP server that has the JWT of an account under `<url>/<public key>`. */
export class UrlResolver implements Resolver {
  readonly isReadOnly = true
  readonly #environment: ResolverEnvironment
  readonly #http: UrlFetch
  readonly #shared: SharedFetch
  #stop: () => void = () => {}

  /** @throws ResolverError unless the URL itself answers with 200 */
  static async open(url: string, environment: ResolverEnvironment): Promise<UrlResolver> {
    const base = url.endsWith('/') ? url : `${url}/`
    const resolver = new UrlResolver(base, environment)
    try {
      await resolver.#http.get(base)
    } catch (error) {
      await resolver.close()
      throw error
    }
    return resolver
  }

  /** @param base ends with `/` */
  private constructor(base: string, environment: ResolverEnvironment) {
    const { log, nowMs, after, tls } = environment
    this.#environment = environment
    this.#http = new UrlFetch(FETCH_TIMEOUT_MS, after, tls)
    this.#shared = new SharedFetch(log, nowMs, (publicKey) => this.#http.get(base + publicKey))
  }

  fetch(publicKey: string, isQuiet = false): Promise<string | undefined> {
    return this.#shared.fetch(publicKey, isQuiet)
  }

  async store(): Promise<void> {
    throw new ResolverError('store operation not supported for URL Resolver')
  }

  async start(services: ResolverServices): Promise<void> {
    const { bus } = services
    if (bus !== undefined) this.#stop = serveUpdates(bus, services, this.#environment.log)
  }

  /** Nothing is kept, so there is nothing to renew. */
  async reload(): Promise<void> {}

  async close(): Promise<void> {
    this.#stop()
    await this.#http.close()
  }
}
