import { createHash, timingSafeEqual } from 'node:crypto'
import type { Query } from '../endpoints/query.ts'

const BEARER = /^Bearer +(.+)$/i

/** Whether a request brings the token, in the header or, for browsers, as a parameter. */
export function bringsToken(
  authorization: string | undefined,
  query: Query,
  token: string,
): boolean {
  const brought = BEARER.exec(authorization ?? '')?.[1] ?? query.text('token')
  return timingSafeEqual(digest(brought), digest(token))
}

/** Of equal length, whatever was brought. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
