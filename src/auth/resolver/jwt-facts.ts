import { hash } from 'node:crypto'

/**
 * What the store keeps of a JWT, instead of the JWT. Read without a look at the signature: who
 * takes a token in has checked it, and who gives one out to others lets them check it.
 */
export interface JwtFacts {
  /** sha256 of the whole text, one character for each byte. */
  readonly digest: string
  /** Unix time in s; 0: not told. */
  readonly issuedAt: number
  /** Unix time in s; 0: never. */
  readonly expires: number
}

const MIDDLE = /^[\w-]+\.([\w-]+)\.[\w-]+\s*$/

function wholeNumber(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0
}

/** Undefined for what is no JWT about `publicKey`. */
export function jwtFacts(publicKey: string, jwt: string): JwtFacts | undefined {
  const middle = MIDDLE.exec(jwt)?.[1]
  if (middle === undefined) return undefined
  let claims: unknown
  try {
    claims = JSON.parse(Buffer.from(middle, 'base64url').toString())
  } catch {
    return undefined
  }
  if (typeof claims !== 'object' || claims === null) return undefined
  const { sub, iat, exp } = claims as Record<string, unknown>
  if (sub !== publicKey) return undefined
  const digest = hash('sha256', Buffer.from(jwt, 'latin1'), 'buffer').toString('latin1')
  return { digest, issuedAt: wholeNumber(iat), expires: wholeNumber(exp) }
}
