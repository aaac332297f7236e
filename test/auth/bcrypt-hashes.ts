const SALT_AND_HASH = 'cdILgYcnivKdwczhCxvz1OMOrdMKa6tIBBntT9Y8QwVG3te.CLUoC'
const LONG = 'x'.repeat(80)
const LONG_HASH = '$2b$04$PHmBApaanj/jNI0coCnp0eJsS8NkJBe.z0QbllUBymXOBG4jLG/nC'

export const SECRET_HASH = `$2a$04$${SALT_AND_HASH}`

/**
 * Stored hashes, offered passwords, and whether they fit; tests hold nats-server and ours to it.
 */
export const BCRYPT_CASES: readonly (readonly [hash: string, password: string, fits: boolean])[] = [
  [SECRET_HASH, 'secret', true],
  [SECRET_HASH, 'secret ', false],
  [SECRET_HASH, '', false],
  [`$2b$04$${SALT_AND_HASH}`, 'secret', true],
  [`$2x$04$${SALT_AND_HASH}`, 'secret', true],
  [`$2y$04$${SALT_AND_HASH}`, 'secret', true],
  [`$2y$04$${SALT_AND_HASH}`, 'wrong', false],
  ['$2b$04$hWl/he4iSsoAP1zNi8CCcuAhKtJfOXy85crGXffHhAKIfSRTa5D1C', 'pässwörd', true],
  ['$2b$04$hWl/he4iSsoAP1zNi8CCcuAhKtJfOXy85crGXffHhAKIfSRTa5D1C', 'password', false],
  // Only the first 72 bytes of a password count.
  [LONG_HASH, LONG, true],
  [LONG_HASH, LONG.slice(0, 72), true],
  [LONG_HASH, LONG.slice(0, 71), false],
  // Characters behind the hash do not count.
  [`${SECRET_HASH}xyz`, 'secret', true],
  // Four bits of the salt's last character mean nothing ("P" for "O" here).
  [`$2a$04$cdILgYcnivKdwczhCxvz1P${SALT_AND_HASH.slice(22)}`, 'secret', true],
  [`$2a$05$${SALT_AND_HASH}`, 'secret', false],
  // No hashes, though they begin like ones.
  [SECRET_HASH.slice(0, -1), 'secret', false],
  [`$2a$03$${SALT_AND_HASH}`, 'secret', false],
  [`$2a$32$${SALT_AND_HASH}`, 'secret', false],
  [`$2a$04$!${SALT_AND_HASH.slice(1)}`, 'secret', false],
  ['$2a$04$', '', false],
]
