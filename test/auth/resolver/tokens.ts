import { encodeClaims, encodeGenericClaims } from '../../../src/auth/jwt/encode.ts'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import type { GoJsonObject } from '../../../src/protocol/go-json.ts'

/** A Monday in 2026, in Unix seconds. */
export const NOW_S = 1_795_000_000

export const operator = NkeyPair.generate('operator')
export const signingKey = NkeyPair.generate('operator')

export function newKey(): string {
  return NkeyPair.generate('account').publicKey
}

/** What JWTs of accounts without any limit say, as nsc makes them. */
const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
}

interface AccountTerms {
  readonly issuer?: NkeyPair
  readonly issuedAt?: number
  readonly expires?: number
  readonly name?: string
  readonly nats?: GoJsonObject
}

export function accountJwt(publicKey: string, terms: AccountTerms = {}): string {
  const { issuer = operator, issuedAt = NOW_S, expires, name = 'test', nats = {} } = terms
  const claims = {
    subject: publicKey,
    name,
    expires,
    nats: { limits: UNLIMITED, ...nats, type: 'account' },
  }
  return encodeClaims(claims, issuer, issuedAt * 1000)
}

/** @param account where one of its signing keys is the issuer */
export function userJwt(publicKey: string, issuer: NkeyPair, account?: string): string {
  const limits = { subs: -1, data: -1, payload: -1 }
  const nats = { pub: {}, sub: {}, ...limits, issuer_account: account, type: 'user' }
  return encodeClaims({ subject: publicKey, name: 'user', nats }, issuer, NOW_S * 1000)
}

export function operatorJwt(nats: GoJsonObject): string {
  const claims = { subject: operator.publicKey, name: 'op', nats: { ...nats, type: 'operator' } }
  return encodeClaims(claims, operator, NOW_S * 1000)
}

export function deleteJwt(
  accounts: readonly string[],
  keys: NkeyPair = operator,
  subject: string = keys.publicKey,
): string {
  return encodeGenericClaims({ subject, data: { accounts } }, keys, NOW_S * 1000)
}

/** The same token with another signature. */
export function forged(jwt: string): string {
  const at = jwt.lastIndexOf('.') + 1
  return `${jwt.slice(0, at)}${jwt[at] === 'A' ? 'B' : 'A'}${jwt.slice(at + 1)}`
}
