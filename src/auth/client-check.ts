import type { NkeyUserOptions } from '../config/account-types.ts'
import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import {
  type AuthoritySettings,
  hasOwnLogin,
  isCertificateUser,
  isLoginRequired,
  type ListenerName,
  type SingleUser,
} from './authority-settings.ts'
import { certificateUser } from './certificate-user.ts'
import type { LoginRequest } from './login.ts'
import { LoginAttempt, type MaybeLater, type Outcome, settle } from './login-attempt.ts'
import { createSecretCheck, isBcrypt, type SecretCheck, type VerifyBcrypt } from './password.ts'
import { isTypeAllowed, type KnownUser, type UserTable } from './user-table.ts'

/** Reasons of nats-server, which show in the log and in events. */
export const PROXY_NOT_TRUSTED = 'proxy is not trusted'
export const PROXY_REQUIRED = 'proxy connection required'
/** The reason where there is none in particular. */
export const NOT_AUTHENTICATED = 'authentication error'

/** Says who the bearer of a user JWT is. */
export type CheckJwt = (attempt: LoginAttempt) => MaybeLater<Outcome>

export interface ClientCheckOptions {
  readonly settings: AuthoritySettings
  readonly table: UserTable
  readonly verifyBcrypt: VerifyBcrypt
  /** Undefined outside operator mode. */
  readonly checkJwt: CheckJwt | undefined
  /** Names that nobody has are common: they are for an auth callout. */
  readonly hasCallout: boolean
}

/**
 * The steps of nats-server by which a client, or a leaf node where the leafnodes block names
 * nobody, is let in: trusted proxy, JWT, nkey, user by certificate or name, token, single user.
 */
export class ClientCheck {
  /** Somebody has to say who he is. */
  readonly #isRequired: boolean
  readonly #listener: ListenerName
  readonly #options: ClientCheckOptions
  readonly #mapsCertificates: boolean
  /** Settings of the websocket block stand in place of the server's. */
  readonly #isOwn: boolean
  readonly #single: SingleUser
  readonly #checkToken: SecretCheck
  readonly #checkPassword: SecretCheck

  constructor(listener: ListenerName, options: ClientCheckOptions) {
    const { settings, verifyBcrypt } = options
    const { websocket } = settings
    this.#listener = listener
    this.#options = options
    this.#mapsCertificates = settings[listener].mapsCertificates
    this.#isOwn = listener === 'websocket' && hasOwnLogin(settings)
    this.#single = this.#isOwn ? websocket.single : settings.single
    this.#checkToken = createSecretCheck(this.#single.token, verifyBcrypt)
    this.#checkPassword = createSecretCheck(this.#single.pass, verifyBcrypt)
    this.#isRequired = isLoginRequired(listener, settings)
  }

  check(request: LoginRequest): MaybeLater<Outcome> {
    const { settings, checkJwt } = this.#options
    const attempt = new LoginAttempt(request, settings.isOperatorMode)
    if (attempt.findProxy(settings.trustedProxies) === 'not trusted') {
      return attempt.refuse(PROXY_NOT_TRUSTED, 'proxyNotTrusted')
    }
    if (!this.#isRequired) return attempt.admit(this.#openAccount, undefined)
    if (checkJwt !== undefined) return checkJwt(attempt)
    const noAuthUser = this.#noAuthUser(request)
    return (
      this.#checkNkey(attempt, noAuthUser) ??
      this.#checkUser(attempt, noAuthUser) ??
      this.#checkSingle(attempt)
    )
  }

  /**
   * For a client whose first command is no CONNECT: whether it may be taken for no_auth_user, a
   * user with a name and not one with a key.
   */
  isSilenceAllowed({ connectionType }: LoginRequest): boolean {
    const { settings, table } = this.#options
    const own = this.#listener === 'websocket' ? settings.websocket.noAuthUser : ''
    const user = table.user(own || settings.noAuthUser)
    if (this.#listener === 'leaf' || user === undefined) return false
    return !user.options.proxyRequired && isTypeAllowed(user.options, connectionType)
  }

  get #openAccount(): string {
    const { leaf } = this.#options.settings
    return this.#listener === 'leaf' ? leaf.account || GLOBAL_ACCOUNT : GLOBAL_ACCOUNT
  }

  #noAuthUser({ connectionType }: LoginRequest): string {
    const { settings } = this.#options
    if (this.#isOwn) return settings.websocket.noAuthUser
    const own = connectionType === 'LEAFNODE_WS' ? settings.websocket.noAuthUser : ''
    return own || settings.noAuthUser
  }

  /** @returns undefined for who presents no key, and if nobody has one */
  #checkNkey(attempt: LoginAttempt, noAuthUser: string): Outcome | undefined {
    const { table } = this.#options
    const { presented } = attempt
    if (!table.hasNkeys) return undefined
    const isNobody = attempt.isAnonymous && presented.nkey === '' && noAuthUser !== ''
    if (isNobody && table.nkey(noAuthUser) !== undefined) presented.nkey = noAuthUser
    if (presented.nkey === '') return undefined
    const known = table.nkey(presented.nkey)
    if (known === undefined) return attempt.refuse('User nkey not known')
    const { connectionType } = attempt.request
    if (!isTypeAllowed(known, connectionType)) return attempt.refuse('Connection type not allowed')
    return this.#admitNkey(attempt, known, noAuthUser)
  }

  #admitNkey(attempt: LoginAttempt, known: NkeyUserOptions, noAuthUser: string): Outcome {
    if (attempt.lacksProxy(known.proxyRequired)) {
      return attempt.refuse(PROXY_REQUIRED, 'proxyRequired')
    }
    const fault = known.nkey === noAuthUser ? undefined : attempt.signatureFault(known.nkey)
    if (fault !== undefined) return attempt.refuse(fault)
    return attempt.admit(known.account || GLOBAL_ACCOUNT, known.permissions, known)
  }

  /** @returns undefined for who presents no name, and if there are no users */
  #checkUser(attempt: LoginAttempt, noAuthUser: string): MaybeLater<Outcome> | undefined {
    const { table } = this.#options
    if (!table.hasUsers) return undefined
    if (this.#mapsCertificates) return this.#checkCertificate(attempt, noAuthUser)
    const { presented, request } = attempt
    if (attempt.isAnonymous && noAuthUser !== '' && table.user(noAuthUser) !== undefined) {
      presented.user = noAuthUser
      presented.pass = table.user(noAuthUser)!.options.pass
      attempt.isPresumed = true
    }
    if (presented.user === '') return undefined
    const known = table.user(presented.user)
    if (known === undefined) return this.#refuseLikeKnown(attempt, 'User not known')
    if (!isTypeAllowed(known.options, request.connectionType)) {
      return this.#refuseLikeKnown(attempt, 'Connection type not allowed')
    }
    return this.#admitUser(attempt, known, noAuthUser)
  }

  #checkCertificate(attempt: LoginAttempt, noAuthUser: string): MaybeLater<Outcome> {
    const { presented, request, notices } = attempt
    const { user, text } = certificateUser(request.tls, this.#options.table, request.connectionType)
    attempt.debug(text)
    if (user === undefined) return attempt.refuse(text)
    if (presented.user !== '') notices.push(certificateWarning(presented.user))
    presented.user = user.options.user
    return this.#admitUser(attempt, user, noAuthUser)
  }

  #admitUser(attempt: LoginAttempt, user: KnownUser, noAuthUser: string): MaybeLater<Outcome> {
    const { options, check } = user
    if (attempt.lacksProxy(options.proxyRequired)) {
      return attempt.refuse(PROXY_REQUIRED, 'proxyRequired')
    }
    const isNobody = options.user === noAuthUser
    const isWithout = options.pass === '' && !this.#mapsCertificates && !isNobody
    if (isWithout && isCertificateUser(this.#options.settings, options)) {
      return attempt.refuse(`User ${goQuote(options.user)} requires a client certificate`)
    }
    // nats-server presents the stored hash then, which fits nothing. That needs no computing.
    if (attempt.isPresumed && isBcrypt(options.pass)) return attempt.refuse('Password not right')
    const { pass } = attempt.presented
    return settle(check(pass, attempt.asker), (isRight) =>
      isRight
        ? attempt.admit(options.account || GLOBAL_ACCOUNT, options.permissions, options)
        : attempt.refuse('Password not right'),
    )
  }

  #checkSingle(attempt: LoginAttempt): MaybeLater<Outcome> {
    const { user, token } = this.#single
    const { presented } = attempt
    if (attempt.lacksProxy(this.#options.settings.proxyRequired)) {
      return attempt.refuse(PROXY_REQUIRED, 'proxyRequired')
    }
    const end = (isRight: boolean): Outcome =>
      isRight ? attempt.admit(GLOBAL_ACCOUNT, undefined) : attempt.refuse(NOT_AUTHENTICATED)
    if (token !== '') return settle(this.#checkToken(this.#tokenOf(attempt), attempt.asker), end)
    if (user === '') return end(false)
    const isName = presented.user === user
    return settle(this.#checkPassword(presented.pass, attempt.asker), (isRight) =>
      end(isName && isRight),
    )
  }

  /**
   * A leaf with a user-only URL (`nats-leaf://token@host`) means a token. nats-server sends it as
   * token and as user since 2.10.26, before that as user only: so a user without a password also
   * counts as a token here.
   */
  #tokenOf({ presented: { token, user, pass } }: LoginAttempt): string {
    const isLeafUser = this.#listener === 'leaf' && pass === ''
    return token || (isLeafUser ? user : '')
  }

  /** Who has a bcrypt password is not to be told from nobody by the time of the answer. */
  #refuseLikeKnown(attempt: LoginAttempt, reason: string): MaybeLater<Outcome> {
    const { table, hasCallout } = this.#options
    const compared = hasCallout
      ? false
      : (table.decoy?.(attempt.presented.pass, attempt.asker) ?? false)
    return settle(compared, () => attempt.refuse(reason))
  }
}

export function certificateWarning(user: string) {
  const text = `User ${goQuote(user)} found in connect proto, but user required from cert`
  return { level: 'warn', ofServer: true, text } as const
}
