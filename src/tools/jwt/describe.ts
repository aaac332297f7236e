/** The text `sable jwt` writes about a JWT. */
import type { Claims } from '../../auth/jwt/claims.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type { Findings } from './judge.ts'
import type { PresentedToken } from './token-file.ts'
import { whenText } from './when.ts'

const NAME_WIDTH = 12
const KINDS: Readonly<Record<string, string>> = {
  authorization_request: 'authorization request',
  authorization_response: 'authorization response',
}
/** Members that are passwords or the like: requests of auth callouts have them. */
const SECRETS = new Set(['pass', 'auth_token', 'sig'])

export function describeToken(
  { token, seedKey }: PresentedToken,
  { claims, reasons, notes }: Findings,
  nowMs: number,
): string {
  const parts = [
    claims === undefined ? 'no valid JWT' : headText(claims, seedKey, nowMs),
    claimsText(token),
    verdictText(reasons),
    notes.join('\n'),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function headText(claims: Claims, seedKey: string | undefined, nowMs: number): string {
  const { type, name, subject, issuer, issuedAt, notBefore, expires, version } = claims
  const issuerAccount = 'issuerAccount' in claims ? claims.issuerAccount : ''
  const rows: readonly (readonly [string, string])[] = [
    ['subject', subject],
    ['issuer', issuer === subject ? `${issuer} (itself)` : issuer],
    ['account', issuerAccount],
    ['issued', issuedAt === 0 ? '' : whenText(issuedAt, nowMs)],
    ['not before', notBefore === 0 ? '' : whenText(notBefore, nowMs)],
    ['expires', expires === 0 ? 'never' : whenText(expires, nowMs)],
    ['signature', 'right'],
    ['seed', seedKey === subject ? 'that of the subject' : ''],
  ]
  const lines = rows
    .filter(([, value]) => value !== '')
    .map(([title, value]) => `  ${title.padEnd(NAME_WIDTH)}${printable(value)}`)
  const title = `${KINDS[type] ?? type} ${goQuote(name)}, JWT version ${version}`
  return [title, ...lines].join('\n')
}

/** Keys come from the JWT and may be anything. */
function printable(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : goQuote(text)
}

/** The middle part of the JWT, as far as it can be read. */
function claimsText(token: string): string {
  const body = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  try {
    const claims: unknown = JSON.parse(body)
    return JSON.stringify(claims, hideSecrets, 2).replace(
      /[\x7f-\x9f\u2028\u2029]/g,
      escapeCharacter,
    )
  } catch {
    return '' // not JSON, or too deep to be written
  }
}

function hideSecrets(key: string, value: unknown): unknown {
  return SECRETS.has(key) && typeof value === 'string' && value !== '' ? '[REDACTED]' : value
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function verdictText(reasons: readonly string[]): string {
  if (reasons.length === 0) return 'Nothing speaks against it.'
  return ['A server refuses it:', ...reasons.map((reason) => `  ${printable(reason)}`)].join('\n')
}
