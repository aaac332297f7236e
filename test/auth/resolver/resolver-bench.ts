import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { decodeAccountClaims } from '../../../src/auth/jwt/decode.ts'
import { isBlocking } from '../../../src/auth/jwt/issues.ts'
import { validateClaims } from '../../../src/auth/jwt/validate.ts'
import type {
  Resolver,
  ResolverEnvironment,
  ResolverServices,
} from '../../../src/auth/resolver/account-resolver.ts'
import { createResolver } from '../../../src/auth/resolver/create-resolver.ts'
import type { SystemBus } from '../../../src/auth/resolver/system-bus.ts'
import { LineLogger, type LogLevel } from '../../../src/base/log-line.ts'
import type { ResolverOptions } from '../../../src/config/account-types.ts'
import { operator, signingKey } from './tokens.ts'

/** A server around a resolver: what it is asked and told is kept. */
export class ResolverBench {
  readonly lines: string[] = []
  readonly loaded = new Set<string>()
  readonly updated: string[] = []
  readonly deleted: string[] = []
  readonly environment: ResolverEnvironment

  constructor(environment: Partial<ResolverEnvironment> = {}) {
    const put = (level: LogLevel, text: string): void => {
      this.lines.push(`${level} ${text}`)
    }
    this.environment = {
      log: new LineLogger({ debug: true, trace: false }, put),
      nowMs: Date.now,
      after: (ms, run) => {
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
      ...environment,
    }
  }

  /** Without debug lines. */
  get notices(): string[] {
    return this.lines.filter((line) => !line.startsWith('debug'))
  }

  create(
    options: ResolverOptions,
    preload: Readonly<Record<string, string>> = {},
  ): Promise<Resolver> {
    return createResolver(options, preload, this.environment)
  }

  services(bus: SystemBus | undefined, others: Partial<ResolverServices> = {}): ResolverServices {
    const trusted = [operator.publicKey, signingKey.publicKey]
    return {
      bus,
      serverInfo: () => ({}),
      operator: { publicKey: operator.publicKey, keys: new Set(trusted), isStrict: false },
      systemAccount: '',
      verify: (jwt) => {
        const decoded = decodeAccountClaims(jwt)
        if (!decoded.ok) return decoded
        const issues = validateClaims(decoded.claims, this.environment.nowMs())
        const isTrusted = trusted.includes(decoded.claims.issuer)
        if (isTrusted && !isBlocking(issues, { withTimes: true })) return decoded
        return { ok: false, why: 'account validation failed' }
      },
      isLoaded: (publicKey) => this.loaded.has(publicKey),
      onArrived: () => {},
      onUpdated: (publicKey) => this.updated.push(publicKey),
      onDeleted: (publicKey) => this.deleted.push(publicKey),
      ...others,
    }
  }
}

/** A new directory that goes with the test. */
export function newDirectory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'resolver-'))
  context.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function fullOptions(directory: string): Extract<ResolverOptions, { kind: 'full' }> {
  return {
    kind: 'full',
    directory,
    limit: 0,
    allowDelete: true,
    hardDelete: false,
    intervalMs: 3_600_000,
    timeoutMs: 1900,
  }
}

export function cacheOptions(directory: string): Extract<ResolverOptions, { kind: 'cache' }> {
  return { kind: 'cache', directory, limit: 1000, ttlMs: 0, timeoutMs: 1900 }
}
