import type { ResolverOptions } from '../../config/account-types.ts'
import type { Resolver, ResolverEnvironment } from './account-resolver.ts'
import { MemoryResolver } from './memory-resolver.ts'
import { ResolverError } from './resolver-error.ts'

/**
 * A resolver that can be asked; start() connects it with the system account. A URL has been found
 * to answer, a directory to be readable.
 *
 * @throws ResolverError why the server cannot start, in nats-server's words
 */
export async function createResolver(
  options: ResolverOptions,
  preload: Readonly<Record<string, string>>,
  environment: ResolverEnvironment,
): Promise<Resolver> {
  switch (options.kind) {
    case 'memory':
      return new MemoryResolver(preload, environment)
    case 'url': {
      if (Object.keys(preload).length > 0) {
        throw new ResolverError(
          'resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR',
        )
      }
      const { UrlResolver } = await import('./url-resolver.ts')
      return UrlResolver.open(options.url, environment)
    }
    case 'full':
    case 'cache': {
      const { DirectoryResolver } = await import('./directory-resolver.ts')
      return DirectoryResolver.open(options, preload, environment)
    }
  }
}
