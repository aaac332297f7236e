import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * Compares a password with a bcrypt hash away from this thread; false also when it could not be
 * compared.
 */
export type VerifyBcrypt = (password: string, hash: string) => Promise<boolean>

/** Says whether the offered secret is the stored one; a promise only when bcrypt has to decide. */
export type SecretCheck = (offered: string) => boolean | Promise<boolean>

/** Source: what nats-server takes for a bcrypt hash, in passwords and tokens alike. */
const BCRYPT_HASH = /^\$2[abxy]\$\d{2}\$/

export function isBcrypt(stored: string): boolean {
  return BCRYPT_HASH.test(stored)
}

/**
 * Prepares the comparison with a stored secret, which is a bcrypt hash or the secret itself.
 *
 * Plain secrets are compared by their SHA-256: equal lengths for timingSafeEqual, so that the time
 * taken depends on the offered secret alone and tells nothing about the stored one, its length
 * included.
 */
export function createSecretCheck(stored: string, verifyBcrypt: VerifyBcrypt): SecretCheck {
  if (isBcrypt(stored)) return (offered) => verifyBcrypt(offered, stored)
  const storedDigest = digest(stored)
  return (offered) => timingSafeEqual(digest(offered), storedDigest)
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest()
}
