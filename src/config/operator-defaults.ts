import type { OperatorOptions, ResolverOptions } from './account-types.ts'
import { CACHED_ACCOUNTS_MAX, FETCH_TIMEOUT_MS, SYNC_INTERVAL_MS } from './security-table.ts'

/** Operator mode in which nothing is set. */
export function operatorDefaults(): OperatorOptions {
  return {
    jwts: [],
    trustedKeys: [],
    resolver: undefined,
    resolverTls: undefined,
    preload: {},
    pinnedAccounts: [],
    defaultSentinel: '',
  }
}

export const RESOLVER_KINDS: readonly ResolverOptions['kind'][] = ['memory', 'url', 'full', 'cache']

/** A resolver of that kind in which nothing is set. */
export function resolverDefaults(kind: ResolverOptions['kind']): ResolverOptions {
  switch (kind) {
    case 'memory':
      return { kind }
    case 'url':
      return { kind, url: '' }
    case 'full':
      return {
        kind,
        directory: '',
        limit: 0,
        allowDelete: false,
        hardDelete: false,
        intervalMs: SYNC_INTERVAL_MS,
        timeoutMs: FETCH_TIMEOUT_MS,
      }
    case 'cache':
      return {
        kind,
        directory: '',
        limit: CACHED_ACCOUNTS_MAX,
        ttlMs: 0,
        timeoutMs: FETCH_TIMEOUT_MS,
      }
  }
}

/** Numbers that make no sense stand for the default here, as in nats-server. */
export function completeResolver(given: ResolverOptions): ResolverOptions {
  if (given.kind === 'full') {
    return {
      ...given,
      limit: Math.max(given.limit, 0),
      intervalMs: given.intervalMs > 0 ? given.intervalMs : SYNC_INTERVAL_MS,
      timeoutMs: given.timeoutMs || FETCH_TIMEOUT_MS,
    }
  }
  if (given.kind === 'cache') {
    return {
      ...given,
      limit: given.limit > 0 ? given.limit : CACHED_ACCOUNTS_MAX,
      ttlMs: Math.max(given.ttlMs, 0),
      timeoutMs: given.timeoutMs || FETCH_TIMEOUT_MS,
    }
  }
  return given
}
