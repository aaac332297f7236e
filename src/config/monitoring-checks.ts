import type { Options } from './option-types.ts'

/**
 * The text of what keeps monitoring from being started, as nats-server says it: at the start, in
 * the log, and not when options are read.
 */
export function monitoringFault({ httpPort, httpsPort, tls }: Options): string | undefined {
  if (httpPort !== 0 && httpsPort !== 0) {
    return `can't specify both HTTP (${httpPort}) and HTTPs (${httpsPort}) ports`
  }
  return httpsPort !== 0 && tls === undefined ? 'TLS cert and key required for HTTPS' : undefined
}

/** Where the pages of monitoring are: `/` in front, none at the end, except of `/` itself. */
export function normaliseBasePath(path: string): string {
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') kept.pop()
    else if (part !== '' && part !== '.') kept.push(part)
  }
  return `/${kept.join('/')}`
}
