/** Makes JWTs for tests: right ones, and such as nobody would make. */
import { NkeyPair } from '../../../src/auth/nkeys.ts'

export interface Draft {
  readonly sub?: unknown
  readonly iss?: unknown
  readonly nats?: unknown
  readonly [name: string]: unknown
}

export interface Forging {
  readonly header?: unknown
  /** In place of what is signed as a rule. */
  readonly signed?: (head: string, body: string) => string
}

const HEADER = { typ: 'JWT', alg: 'ed25519-nkey' }
/** Of version 1, which signs the middle part alone. */
export const FIRST_VERSION: Forging = {
  header: { typ: 'jwt', alg: 'ed25519' },
  signed: (_, body) => body,
}

export const NOW_S = 1_800_000_000
export const NOW_MS = NOW_S * 1000

export const operator = NkeyPair.generate('operator')
export const account = NkeyPair.generate('account')
export const user = NkeyPair.generate('user')

/** A JWT as it is written here, but with `iss`, `iat` and `jti`, unless those are written, too. */
export function mint(issuer: NkeyPair, draft: Draft, forging: Forging = {}): string {
  const body = { jti: 'ID', iat: NOW_S - 60, iss: issuer.publicKey, ...draft }
  return mintText(issuer, JSON.stringify(body), forging)
}

/** The same of any JSON, or of what is none. */
export function mintText(
  issuer: NkeyPair,
  text: string | Uint8Array,
  { header = HEADER, signed = (head, body) => `${head}.${body}` }: Forging = {},
): string {
  const head = Buffer.from(JSON.stringify(header)).toString('base64url')
  const body = Buffer.from(text).toString('base64url')
  return `${head}.${body}.${issuer.sign(signed(head, body))}`
}

const NO_LIMITS = { subs: -1, data: -1, payload: -1 }

export function mintUser(nats: object = {}, draft: Draft = {}, issuer = account): string {
  const claims = { ...NO_LIMITS, ...nats, type: 'user', version: 2 }
  return mint(issuer, { sub: user.publicKey, name: 'bob', ...draft, nats: claims })
}

export const ACCOUNT_LIMITS = {
  ...NO_LIMITS,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
}

export function mintAccount(nats: object = {}, draft: Draft = {}, issuer = operator): string {
  const claims = { limits: ACCOUNT_LIMITS, ...nats, type: 'account', version: 2 }
  return mint(issuer, { sub: account.publicKey, name: 'ACME', ...draft, nats: claims })
}

export function mintOperator(nats: object = {}, draft: Draft = {}): string {
  const claims = { ...nats, type: 'operator', version: 2 }
  return mint(operator, { sub: operator.publicKey, name: 'OP', ...draft, nats: claims })
}
