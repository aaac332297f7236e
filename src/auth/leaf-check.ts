import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import type { AuthoritySettings } from './authority-settings.ts'
import { findUser } from './certificate-user.ts'
import {
  certificateWarning,
  NOT_AUTHENTICATED,
  PROXY_NOT_TRUSTED,
  PROXY_REQUIRED,
} from './client-check.ts'
import type { LoginRequest } from './login.ts'
import { LoginAttempt, type MaybeLater, type Outcome, settle } from './login-attempt.ts'
import { createSecretCheck, isBcrypt, type SecretCheck, type VerifyBcrypt } from './password.ts'

interface KnownLeafUser {
  readonly user: string
  readonly account: string
  readonly proxyRequired: boolean
  readonly check: SecretCheck
}

type LeafSettings = Pick<AuthoritySettings, 'leaf' | 'trustedProxies' | 'isOperatorMode'>

/**
 * Lets in who is named in `leafnodes.authorization`: of its three forms, one user, one key and
 * several users, the first that is there. Its users have no permissions of their own.
 */
export class LeafCheck {
  readonly #settings: LeafSettings
  readonly #users: ReadonlyMap<string, KnownLeafUser>
  readonly #decoy: SecretCheck | undefined

  constructor(settings: LeafSettings, verifyBcrypt: VerifyBcrypt) {
    const { leaf } = settings
    this.#settings = settings
    const listed = leaf.user === '' ? leaf.users : [{ ...leaf }]
    this.#users = new Map(
      listed.map(({ user, pass, account, proxyRequired }) => [
        user,
        {
          user,
          account: account || GLOBAL_ACCOUNT,
          proxyRequired: proxyRequired || leaf.proxyRequired,
          check: createSecretCheck(pass, verifyBcrypt),
        },
      ]),
    )
    const slow = listed.find(({ pass }) => isBcrypt(pass))
    this.#decoy = slow && createSecretCheck(slow.pass, verifyBcrypt)
  }

  check(request: LoginRequest): MaybeLater<Outcome> {
    const { leaf, isOperatorMode } = this.#settings
    const attempt = new LoginAttempt(request, isOperatorMode)
    if (leaf.user === '' && leaf.nkey !== '') return this.#checkNkey(attempt)
    if (leaf.user === '' && leaf.mapsCertificates) return this.#checkCertificate(attempt)
    const known = this.#users.get(attempt.presented.user)
    if (known !== undefined) return this.#checkUser(attempt, known)
    const fault = leaf.user === '' ? undefined : this.#proxyFault(attempt, leaf.proxyRequired)
    if (fault !== undefined) return fault
    // The answer to a wrong name takes as long as the answer to a wrong password.
    const compared = this.#decoy?.(attempt.presented.pass, attempt.asker) ?? false
    return settle(compared, () => attempt.refuse('User not known'))
  }

  #checkUser(attempt: LoginAttempt, known: KnownLeafUser): MaybeLater<Outcome> {
    const proxyFault = this.#proxyFault(attempt, known.proxyRequired)
    if (proxyFault !== undefined) return proxyFault
    return settle(known.check(attempt.presented.pass, attempt.asker), (isRight) =>
      isRight ? attempt.admit(known.account, undefined) : attempt.refuse('Password not right'),
    )
  }

  #checkNkey(attempt: LoginAttempt): Outcome {
    const { leaf } = this.#settings
    const proxyFault = this.#proxyFault(attempt, leaf.proxyRequired)
    if (proxyFault !== undefined) return proxyFault
    if (attempt.presented.nkey !== leaf.nkey) return attempt.refuse(NOT_AUTHENTICATED)
    const fault = attempt.signatureFault(leaf.nkey)
    if (fault !== undefined) return attempt.refuse(fault)
    return attempt.admit(leaf.account || GLOBAL_ACCOUNT, undefined)
  }

  /** A certificate stands for the user's name, not for the password. */
  #checkCertificate(attempt: LoginAttempt): MaybeLater<Outcome> {
    const { presented, request, notices } = attempt
    const { user, text } = findUser(
      request.tls,
      (name) => this.#users.get(name),
      () => undefined,
    )
    attempt.debug(text)
    if (user === undefined) return attempt.refuse(text)
    if (presented.user !== '') notices.push(certificateWarning(presented.user))
    presented.user = user.user
    return this.#checkUser(attempt, user)
  }

  #proxyFault(attempt: LoginAttempt, isRequired: boolean): Outcome | undefined {
    if (attempt.findProxy(this.#settings.trustedProxies) === 'not trusted') {
      return attempt.refuse(PROXY_NOT_TRUSTED, 'proxyNotTrusted')
    }
    if (!attempt.lacksProxy(isRequired)) return undefined
    return attempt.refuse(PROXY_REQUIRED, 'proxyRequired')
  }
}
