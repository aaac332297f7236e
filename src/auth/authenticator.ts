import { createSecretCheck, isBcrypt, type SecretCheck, type VerifyBcrypt } from './password.ts'

/** The `authorization` block, or the flags --user, --pass and --auth: a token, or one user. */
export interface Authorization {
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Decides alone when it is there. */
  readonly token?: string | undefined
}

/** What CONNECT presents. */
export interface Credentials {
  readonly user?: string | undefined
  readonly pass?: string | undefined
  readonly token?: string | undefined
}

export interface Authenticator {
  /** INFO says auth_required; without it authenticate() lets everybody in. */
  readonly required: boolean
  /**
   * A promise only when bcrypt has to decide; it does not reject as long as VerifyBcrypt does not.
   */
  authenticate(credentials: Credentials): boolean | Promise<boolean>
}

/** WRN at start when hasPlaintextPassword() holds. Source: nats-server. */
export const PLAINTEXT_PASSWORD_WARNING = 'Plaintext passwords detected, use nkeys or bcrypt'

/** Plain tokens do not count: nats-server warns of passwords only. */
export function hasPlaintextPassword(authorization: Authorization): boolean {
  return Boolean(authorization.password) && !isBcrypt(authorization.password ?? '')
}

const OPEN: Authenticator = { required: false, authenticate: () => true }

/** Authenticates clients, and leaf nodes where the leafnodes block names nobody. */
export function createAuthenticator(
  authorization: Authorization,
  verifyBcrypt: VerifyBcrypt,
): Authenticator {
  const { user, password, token } = authorization
  if (token) {
    const check = createSecretCheck(token, verifyBcrypt)
    return { required: true, authenticate: (credentials) => check(credentials.token ?? '') }
  }
  if (user) return userAuthenticator(user, createSecretCheck(password ?? '', verifyBcrypt))
  return OPEN
}

function userAuthenticator(user: string, check: SecretCheck): Authenticator {
  return {
    required: true,
    authenticate: (credentials) => credentials.user === user && check(credentials.pass ?? ''),
  }
}
