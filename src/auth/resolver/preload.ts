import { goQuote } from '../../protocol/go-quote.ts'
import { decodeAccountClaims } from '../jwt/decode.ts'
import { isBlocking } from '../jwt/issues.ts'
import { validateClaims } from '../jwt/validate.ts'
import type { ResolverEnvironment } from './account-resolver.ts'
import { ResolverError } from './resolver-error.ts'

type Preload = Readonly<Record<string, string>>

/** @throws ResolverError naming the first entry of `resolver_preload` that is no account JWT */
export function checkPreload(preload: Preload): void {
  for (const [publicKey, jwt] of Object.entries(preload)) {
    const decoded = decodeAccountClaims(jwt)
    if (decoded.ok) continue
    throw new ResolverError(`preload account error for ${goQuote(publicKey)}: ${decoded.why}`)
  }
}

/** Tells at start what would otherwise show with the first login only. */
export function warnOfPreload(
  preload: Preload,
  { log, nowMs }: Pick<ResolverEnvironment, 'log' | 'nowMs'>,
): void {
  for (const [publicKey, jwt] of Object.entries(preload)) {
    const decoded = decodeAccountClaims(jwt)
    if (!decoded.ok) continue
    const issues = validateClaims(decoded.claims, nowMs())
    if (!isBlocking(issues, { withTimes: true })) continue
    log.warn(`Account [${publicKey}] has validation issues:`)
    for (const { text } of issues) log.warn(`  - ${text}`)
  }
}
