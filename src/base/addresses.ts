import type { ListenOptions, Server } from 'node:net'

/** As Go prints it, an IPv4 peer of a listener for both families is an IPv4 peer. */
const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i
/** What the system says where there is no IPv6. */
const NO_IPV6: ReadonlySet<unknown> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])

export function plainAddress(address = ''): string {
  return address.replace(MAPPED, '')
}

/** Whether a host stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/**
 * Listens. A host that stands for every address does so for IPv4 and IPv6, where the system has
 * both, as in Go: names such as `localhost` may mean either.
 *
 * @throws what the system says, e.g. EADDRINUSE
 */
export async function listenOn(
  server: Server,
  { host, ...options }: ListenOptions & { readonly host: string },
): Promise<void> {
  if (!isWildcard(host)) return listenAt(server, { host, ...options })
  try {
    await listenAt(server, { host: '::', ...options })
  } catch (error) {
    if (!NO_IPV6.has((error as NodeJS.ErrnoException).code)) throw error
    await listenAt(server, { host: '0.0.0.0', ...options })
  }
}

function listenAt(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
