import {
  type Authenticator,
  type Authorization,
  type Credentials,
  createAuthenticator,
} from './authenticator.ts'
import { isSignedBy } from './nkeys.ts'
import { createSecretCheck, type SecretCheck, type VerifyBcrypt } from './password.ts'

/** What a leaf's CONNECT presents. */
export interface LeafCredentials extends Credentials {
  readonly nkey?: string | undefined
  readonly signature?: string | undefined
  /** Names in the client certificate, best first; only where they decide (verify_and_map). */
  readonly certificateNames?: readonly string[] | undefined
}

export type LeafVerdict = 'admitted' | 'refused' | 'proxy required'

export interface LeafAuthenticator {
  authenticate(credentials: LeafCredentials, nonce: string): LeafVerdict | Promise<LeafVerdict>
}

/** `leafnodes.authorization`; of its three forms only one is used. */
export interface LeafAuthorization extends Omit<Authorization, 'token'> {
  readonly nkey: string
  readonly users: readonly LeafUser[]
  readonly proxyRequired: boolean
}

export interface LeafUser {
  readonly user: string
  readonly pass: string
  readonly proxyRequired: boolean
}

/**
 * Authenticates leaf nodes that connect to us: by the leafnodes block if it names anybody, else as
 * clients are.
 *
 * A leaf with a user-only URL (`nats-leaf://token@host`) means a token. nats-server sends it as
 * token and as user since 2.10.26, before that as user only: so a user without a password also
 * counts as a token here.
 *
 * @param clientAuthorization what clients need
 */
export function createLeafAuthenticator(
  leafAuthorization: LeafAuthorization,
  clientAuthorization: Authorization,
  verifyBcrypt: VerifyBcrypt,
): LeafAuthenticator {
  const { user, password, nkey, users, proxyRequired } = leafAuthorization
  if (user) {
    const single = usersAuthenticator([{ user, pass: password ?? '', proxyRequired }], verifyBcrypt)
    const authenticate: LeafAuthenticator['authenticate'] = (credentials, nonce) =>
      single.authenticate({ ...credentials, certificateNames: undefined }, nonce)
    return { authenticate }
  }
  if (nkey !== '') return nkeyAuthenticator(nkey, proxyRequired)
  if (users.length > 0) {
    const each = users.map((one) => ({
      ...one,
      proxyRequired: one.proxyRequired || proxyRequired,
    }))
    return usersAuthenticator(each, verifyBcrypt)
  }
  return clientLikeAuthenticator(createAuthenticator(clientAuthorization, verifyBcrypt))
}

function clientLikeAuthenticator(clients: Authenticator): LeafAuthenticator {
  return {
    authenticate: (credentials) => {
      const verdict = clients.authenticate({ ...credentials, token: tokenOf(credentials) })
      return typeof verdict === 'boolean' ? verdictOf(verdict) : verdict.then(verdictOf)
    },
  }
}

function nkeyAuthenticator(nkey: string, proxyRequired: boolean): LeafAuthenticator {
  return {
    authenticate: (credentials, nonce) => {
      const isRight =
        credentials.nkey === nkey && isSignedBy(nkey, nonce, credentials.signature ?? '')
      return isRight && proxyRequired ? 'proxy required' : verdictOf(isRight)
    },
  }
}

function usersAuthenticator(
  users: readonly LeafUser[],
  verifyBcrypt: VerifyBcrypt,
): LeafAuthenticator {
  const checks = new Map<string, { user: LeafUser; check: SecretCheck }>(
    users.map((user) => [user.user, { user, check: createSecretCheck(user.pass, verifyBcrypt) }]),
  )
  return {
    authenticate: ({ user, pass, certificateNames }) => {
      // A certificate stands for the user's name, not for the password.
      const name =
        certificateNames === undefined
          ? (user ?? '')
          : certificateNames.find((candidate) => checks.has(candidate))
      const known = name === undefined ? undefined : checks.get(name)
      if (known === undefined) return 'refused'
      const verdict = known.check(pass ?? '')
      const result = (isRight: boolean) => admit(isRight ? known.user : undefined)
      return typeof verdict === 'boolean' ? result(verdict) : verdict.then(result)
    },
  }
}

/** There are no trusted proxies: who must come through one cannot come at all. */
function admit(user: LeafUser | undefined): LeafVerdict {
  if (user === undefined) return 'refused'
  return user.proxyRequired ? 'proxy required' : 'admitted'
}

function verdictOf(isRight: boolean): LeafVerdict {
  return isRight ? 'admitted' : 'refused'
}

function tokenOf({ user, pass, token }: Credentials): string | undefined {
  return token || (pass ? undefined : user)
}
