import type { AccountImport } from '../../config/account-types.ts'
import { splitTokens } from '../../protocol/subjects.ts'
import { isContainedIn } from './claim-subjects.ts'
import { decodeActivationClaims } from './decode.ts'
import { isBlocking } from './issues.ts'
import { isRevoked } from './revocation.ts'
import { validateClaims } from './validate.ts'

/** What is asked of an account whose export needs a token. */
export interface Activation {
  readonly import: AccountImport
  /** Public key of the importing account. */
  readonly importer: string
  /** Of the exporting account: whether a key is its own or one of its signing keys. */
  readonly isIssuer: (publicKey: string) => boolean
  /** Of the export, by account key or `*`. */
  readonly revocations: Readonly<Record<string, number>>
}

export type ActivationVerdict =
  /** Unix time in ms, 0 = never. */
  { readonly ok: true; readonly expiresMs: number } | { readonly ok: false; readonly why: string }

/** Whether the token of an import permits it, now. The texts are for the log. */
export function checkActivation(activation: Activation, nowMs: number): ActivationVerdict {
  const { importer, isIssuer, revocations } = activation
  const { account, subject, token, kind } = activation.import
  if (token === '') return refused('activation token missing')
  const decoded = decodeActivationClaims(token)
  if (!decoded.ok) return refused(`activation token not valid: ${decoded.why}`)
  const { claims } = decoded
  const { issuer, issuerAccount, expires } = claims
  if (issuer !== account && issuerAccount !== account) {
    return refused('activation token is of another account')
  }
  if (claims.subject !== importer) return refused('activation token is for another account')
  if (claims.importType !== kind) return refused(`activation token is for no ${kind}`)
  if (!isContainedIn(splitTokens(subject), splitTokens(claims.importSubject))) {
    return refused('activation token is for another subject')
  }
  if (issuerAccount !== '' && !isIssuer(issuer)) {
    return refused('activation token has an unknown issuer')
  }
  const issues = validateClaims(claims, nowMs)
  if (isBlocking(issues, { withTimes: true }))
    return refused(`activation token: ${issues[0]!.text}`)
  if (expires !== 0 && expires * 1000 <= nowMs) return refused('activation token: claim is expired')
  if (isRevoked(new Map(Object.entries(revocations)), claims.subject, claims.issuedAt)) {
    return refused('activation token is revoked')
  }
  return { ok: true, expiresMs: expires * 1000 }
}

function refused(why: string): ActivationVerdict {
  return { ok: false, why }
}
