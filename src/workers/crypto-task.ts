import { timingSafeEqual } from 'node:crypto'
import { setPriority } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { hashSync } from 'bcryptjs'

/**
 * Niceness of the thread: whoever has messages to move goes first. Chosen: with 200 logins of cost
 * 11 waiting on two busy cores, the 99th percentile of other clients' requests grew by up to 7 ms
 * at 0 and about 1 ms at 10; bench, scenario "logins", where the load generator takes its share of
 * the same cores, shows 3 to 19 ms at 10 and at 19. The lowest there is would stop logins on a
 * machine that is busy with something else.
 */
const NICENESS = 10

if (!isMainThread && process.platform === 'linux') giveWay()

/** On Linux priorities are those of threads, and 0 is the thread that asks; elsewhere not. */
function giveWay(): void {
  try {
    setPriority(0, NICENESS)
  } catch {
    // Some sandboxes forbid it; the thread then competes with the others.
  }
}

/**
 * What a thread of the crypto pool does, by name. Runs there only: each call takes milliseconds to
 * seconds.
 */
export interface BcryptTask {
  readonly password: string
  /** What auth/password.ts takes for a bcrypt hash; the rest of it may still be nonsense. */
  readonly hash: string
}

/** `$2a$10$`, then 22 characters of salt, then 31 of hash. */
const PREFIX_CHARS = 7
const SALT_CHARS = 22
const HASH_CHARS = 31
const TOTAL_CHARS = PREFIX_CHARS + SALT_CHARS + HASH_CHARS

/** Bounds of bcrypt itself; Go refuses others, too. */
const COST_MIN = 4
const COST_MAX = 31

const BCRYPT_CHARS = /^[./A-Za-z0-9]*$/

/**
 * Compares as nats-server does: `$2a$`, `$2b$`, `$2x$` and `$2y$` name the same computation, what
 * follows the 60th character does not count, and a hash that makes no sense fits no password.
 */
export function verifyBcrypt({ password, hash }: BcryptTask): boolean {
  const cost = Number(hash.slice(4, 6))
  const saltAndHash = hash.slice(PREFIX_CHARS, TOTAL_CHARS)
  if (!(cost >= COST_MIN && cost <= COST_MAX)) return false
  if (saltAndHash.length !== SALT_CHARS + HASH_CHARS || !BCRYPT_CHARS.test(saltAndHash))
    return false
  // $2b$ because bcryptjs does not know $2x$; only the hash proper is compared, because bcryptjs
  // writes the last character of the salt anew and four of its bits mean nothing.
  const salt = `$2b$${hash.slice(4, PREFIX_CHARS)}${saltAndHash.slice(0, SALT_CHARS)}`
  const computed = hashSync(password, salt).slice(-HASH_CHARS)
  return timingSafeEqual(Buffer.from(computed), Buffer.from(saltAndHash.slice(SALT_CHARS)))
}
