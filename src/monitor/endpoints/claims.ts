import type { JsonValue } from './json-value.ts'

/** What a JWT says, as it stands in it; undefined for '' and for what is no JWT. */
export function claimsOf(jwt: string): JsonValue | undefined {
  const [, payload = ''] = jwt.split('.', 2)
  if (payload === '') return undefined
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as JsonValue
  } catch {
    return undefined
  }
}
