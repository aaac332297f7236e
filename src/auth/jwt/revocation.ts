/** Key under which the JWTs of everybody are revoked. */
const EVERYBODY = '*'

/**
 * Whether a JWT was issued no later than it, or those of everybody, were revoked.
 *
 * @param revocations Unix times in s by public key
 */
export function isRevoked(
  revocations: ReadonlyMap<string, number>,
  publicKey: string,
  issuedAt: number,
): boolean {
  const isAfter = (key: string) => (revocations.get(key) ?? Number.NEGATIVE_INFINITY) >= issuedAt
  return isAfter(publicKey) || isAfter(EVERYBODY)
}
