import { createHash, timingSafeEqual } from 'node:crypto'

/** For whom a password is compared. Plain data, it goes to the thread that has the pool. */
export interface BcryptAsker {
  /** Of the peer, without port: what waits is taken from all addresses in turn. */
  readonly address: string
  /** Number of the connection, to take it out of the queue when it is gone. */
  readonly connection: number
  /** Unix time in ms after which nobody wants the answer; 0: there is none. */
  readonly deadlineMs: number
}

/**
 * Compares a password with a bcrypt hash away from this thread; false also when it could not be
 * compared.
 */
export type VerifyBcrypt = (password: string, hash: string, asker?: BcryptAsker) => Promise<boolean>

/** Says whether the offered secret is the stored one; a promise only when bcrypt has to decide. */
export type SecretCheck = (offered: string, asker?: BcryptAsker) => boolean | Promise<boolean>

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
  if (isBcrypt(stored)) return (offered, asker) => verifyBcrypt(offered, stored, asker)
  const storedDigest = digest(stored)
  return (offered) => timingSafeEqual(digest(offered), storedDigest)
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest()
}
