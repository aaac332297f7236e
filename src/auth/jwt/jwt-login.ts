import { isDeepStrictEqual } from 'node:util'
import { goQuote } from '../../protocol/go-quote.ts'
import { publicNkeyFault } from '../../protocol/nkey-encoding.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import type { Identity, LoginNotice, LoginRequest, Verdict } from '../login.ts'
import { decodeSignature, verifySignature } from '../nkeys.ts'
import type { AccountClaims, OperatorClaims, UserClaims, UserScope } from './claims.ts'
import { type Decoded, decodeAccountClaims, decodeUserClaims } from './decode.ts'
import { isBlocking } from './issues.ts'
import { isRevoked } from './revocation.ts'
import { isSourceAllowed } from './source-networks.ts'
import { connectionTypeFault, identityOf, scopedUser } from './user-identity.ts'
import { validateClaims } from './validate.ts'

/** Where the claims of accounts come from. */
export interface AccountLookup {
  /**
   * Claims that were verified, see JwtAuthority.verifyAccount.
   *
   * @returns undefined for an account that is not known; a rejection tells why it is not to be had
   */
  lookup(publicKey: string): Promise<AccountClaims | undefined> | AccountClaims | undefined
}

export interface JwtAuthorityOptions {
  readonly operators: readonly OperatorClaims[]
  /** Public operator keys that are trusted beside those of the operators. */
  readonly trustedKeys: readonly string[]
  /** Only these accounts may log in; empty: all. */
  readonly pinnedAccounts: readonly string[]
  /** Public key of the account that may log in whatever is pinned; '' = none. */
  readonly systemAccount: string
  /** JWT of those who present none; '' = none. */
  readonly defaultSentinel: string
  readonly accounts: AccountLookup
  readonly nowMs: () => number
}

/** A login, and as much of who it is about as was found out, for whoever may decide otherwise. */
export interface JwtLogin {
  readonly verdict: Verdict
  /** With the scope of its signing key, once that was looked at. */
  readonly user: UserClaims | undefined
  readonly account: AccountClaims | undefined
}

/** Whether a key may sign for an account. */
export interface AccountIssuer {
  readonly isKnown: boolean
  /** Of a signing key that has one. */
  readonly scope: UserScope | undefined
}

const UNKNOWN: AccountIssuer = { isKnown: false, scope: undefined }

/** A JWT that was found right in itself. */
interface Presented {
  readonly token: string
  readonly user: UserClaims
  readonly request: LoginRequest
  readonly proxyKey: string
}

/**
 * Who may connect in operator mode: a user is believed if an account has signed for him that the
 * operator has signed for. The checks and their order are nats-server's, and so are the reasons in
 * a refusal, which are for the log alone.
 */
export class JwtAuthority {
  /** Public keys that may sign accounts. */
  readonly trustedKeys: readonly string[]
  readonly #trusted: ReadonlySet<string>
  /** Keys of operators whose accounts sign with nothing but signing keys. */
  readonly #strict: ReadonlySet<string>
  readonly #pinned: ReadonlySet<string>
  readonly #options: JwtAuthorityOptions
  #pinnedAccountFails = 0
  /** JWT of those who present none; '' = none. A reload may bring another one. */
  defaultSentinel: string

  constructor(options: JwtAuthorityOptions) {
    const { operators, trustedKeys, pinnedAccounts, systemAccount } = options
    this.defaultSentinel = options.defaultSentinel
    const ofOperators = operators.flatMap((operator) => [
      ...(operator.strictSigningKeyUsage ? [] : [operator.subject]),
      ...operator.signingKeys,
    ])
    const strict = operators.filter(({ strictSigningKeyUsage }) => strictSigningKeyUsage)
    const always = pinnedAccounts.length > 0 && systemAccount !== '' ? [systemAccount] : []
    this.#trusted = new Set([...trustedKeys, ...ofOperators])
    this.trustedKeys = [...this.#trusted]
    this.#strict = new Set(strict.flatMap(({ signingKeys }) => signingKeys))
    this.#pinned = new Set([...pinnedAccounts, ...always])
    this.#options = options
  }

  /** Logins refused because of the account; varz has it. */
  get pinnedAccountFails(): number {
    return this.#pinnedAccountFails
  }

  isTrustedIssuer(publicKey: string): boolean {
    return this.#trusted.has(publicKey)
  }

  /**
   * Reads the JWT of an account as it comes from a resolver: signed by a trusted key, valid now.
   *
   * @param publicKey of the account it should be
   */
  verifyAccount(token: string, publicKey: string): Decoded<AccountClaims> {
    const decoded = decodeAccountClaims(token)
    if (!decoded.ok) return decoded
    const { claims } = decoded
    const isRight =
      claims.subject === publicKey &&
      this.isTrustedIssuer(claims.issuer) &&
      !isBlocking(validateClaims(claims, this.#options.nowMs()), { withTimes: true })
    return isRight ? decoded : { ok: false, why: 'account validation failed' }
  }

  /** Whether a key is that of the account or one of its signing keys. */
  issuerOf(account: AccountClaims, publicKey: string): AccountIssuer {
    if (publicKey === account.subject && !this.#strict.has(account.issuer)) {
      return { isKnown: true, scope: undefined }
    }
    if (!account.signingKeys.has(publicKey)) return UNKNOWN
    return { isKnown: true, scope: account.signingKeys.get(publicKey) }
  }

  /** @param proxyKey of the trusted proxy that the connection came through; '' = none */
  authenticate(request: LoginRequest, proxyKey: string): Verdict | Promise<Verdict> {
    const login = this.login(request, proxyKey)
    return login instanceof Promise ? login.then(({ verdict }) => verdict) : login.verdict
  }

  /** The same, for whoever has to know who it was about. */
  login(request: LoginRequest, proxyKey: string): JwtLogin | Promise<JwtLogin> {
    const { jwt } = request.connect
    const own = decodeUserClaims(jwt)
    // What is no JWT of a user counts as none.
    const token = own.ok ? jwt : this.defaultSentinel
    if (token === '') return refused('Authentication requires a user JWT')
    const decoded = own.ok ? own : decodeUserClaims(token)
    if (!decoded.ok) return refused(`User JWT not valid: ${decoded.why}`)
    const user = decoded.claims
    const presented = { token, user, request, proxyKey }
    if (user.proxyRequired && proxyKey === '') return refusedWithoutProxy(presented)
    const issues = validateClaims(user, this.#options.nowMs())
    if (isBlocking(issues, { withTimes: true })) {
      const texts = issues.map(({ text }) => text).join(', ')
      return refused(`User JWT no longer valid: ${texts}`, user)
    }
    const publicKey = user.issuerAccount || user.issuer
    if (this.#pinned.size > 0 && !this.#pinned.has(publicKey)) {
      this.#pinnedAccountFails++
      return refused(`Account ${publicKey} not listed as operator pinned account`, user)
    }
    return this.#withAccount(presented, publicKey)
  }

  /**
   * What becomes of a connected user once his account has other claims; undefined: nothing.
   *
   * A signing key that is gone, or whose role is another, ends the connection; nats-server closes
   * it without a word then.
   *
   * @param previous claims that were in force so far, if there were any
   */
  reasonToEnd(
    identity: Identity,
    account: AccountClaims,
    nowMs: number,
    previous?: AccountClaims | undefined,
  ): ViolationName | undefined {
    if (isOver(account.expires * 1000, nowMs)) return 'accountExpired'
    if (account.limits.disallowBearer && this.#isBearer(identity, account)) return 'authorization'
    if (isRevoked(account.revocations, identity.nkey, identity.issuedAt)) return 'userRevoked'
    const { issuerKey } = identity
    const issuer = this.issuerOf(account, issuerKey)
    if (!issuer.isKnown) return 'signerGone'
    if (previous !== undefined) {
      const before = this.issuerOf(previous, issuerKey)
      if (before.isKnown && !isDeepStrictEqual(before.scope, issuer.scope)) return 'signerGone'
    }
    return isOver(identity.expiresMs, nowMs) ? 'userExpired' : undefined
  }

  #isBearer({ jwt }: Identity, account: AccountClaims): boolean {
    const decoded = decodeUserClaims(jwt)
    if (!decoded.ok) return false
    const { scope } = this.issuerOf(account, decoded.claims.issuer)
    return (scope?.template ?? decoded.claims).bearerToken
  }

  #withAccount(presented: Presented, publicKey: string): JwtLogin | Promise<JwtLogin> {
    const { user } = presented
    const failed = (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error)
      return refused(`Account JWT lookup error: ${why}`, user)
    }
    const goOn = (account: AccountClaims | undefined) =>
      account === undefined
        ? refused('Account JWT lookup error: account missing', user)
        : this.#atAccount(presented, account)
    try {
      const account = this.#options.accounts.lookup(publicKey)
      return account instanceof Promise ? account.then(goOn).catch(failed) : goOn(account)
    } catch (error) {
      return failed(error)
    }
  }

  #atAccount(presented: Presented, account: AccountClaims): JwtLogin {
    const { user: bare, request, proxyKey, token } = presented
    const nowMs = this.#options.nowMs()
    const no = (why: string, user = bare) => refused(why, user, account)
    if (!this.isTrustedIssuer(account.issuer)) {
      return no('Account JWT not signed by trusted operator')
    }
    const issuer = this.issuerOf(account, bare.issuer)
    if (!issuer.isKnown) return no('User JWT issuer is not known')
    const scoped = scopedUser(bare, account, issuer.scope)
    if (!scoped.ok) {
      return no(
        scoped.isTemplate
          ? 'User JWT generated invalid permissions'
          : `User JWT is not valid: ${scoped.why}`,
      )
    }
    const { user } = scoped
    // nats-server does not look at what the role says here; whoever wrote it there meant it.
    if (user.proxyRequired && proxyKey === '') return refusedWithoutProxy(presented, account)
    if (isOver(account.expires * 1000, nowMs)) return no('Account JWT has expired', user)
    if (user.bearerToken && account.limits.disallowBearer) {
      return no('Account does not allow bearer tokens', user)
    }
    const typeFault = connectionTypeFault(user.allowedConnectionTypes, request.connectionType)
    if (typeFault !== undefined) return no(typeFault, user)
    if (!user.bearerToken) {
      const fault = signatureFault(user.subject, request)
      if (fault !== undefined) return no(fault, user)
    }
    if (isRevoked(account.revocations, user.subject, user.issuedAt)) {
      return no('User authentication revoked', user)
    }
    const noAloud = (text: string) => refusedAloud(text, user, account)
    if (!isSourceAllowed(user.src, request.host)) return noAloud(`Bad src Ip ${request.host}`)
    const { nkey, user: name } = request.connect
    const facts = { jwt: token, user: nkey || name || user.subject, proxyKey }
    const identity = identityOf(user, account.subject, facts, nowMs)
    if (identity === undefined) return noAloud('Outside connect times')
    const kind = request.connectionType.startsWith('LEAFNODE') ? 'Leafnode' : 'Client'
    const notices = [{ level: 'debug', text: `Authenticated JWT: ${kind} ${chain(user, account)}` }]
    return { verdict: { ok: true, identity, notices: notices as LoginNotice[] }, user, account }
  }
}

/** @returns undefined if the nonce was signed by the user's key */
function signatureFault(publicKey: string, { connect, nonce }: LoginRequest): string | undefined {
  if (connect.sig === '') return 'Signature missing'
  const signature = decodeSignature(connect.sig)
  if (signature === undefined) return 'Signature not valid base64'
  const fault = publicNkeyFault(publicKey)
  if (fault !== undefined) return `User nkey not valid: ${fault}`
  const isRight = verifySignature(publicKey, Buffer.from(nonce), signature)
  return isRight ? undefined : 'Signature not verified'
}

/** @param endMs 0 = never */
function isOver(endMs: number, nowMs: number): boolean {
  return endMs !== 0 && endMs <= nowMs
}

function refused(reason: string, user?: UserClaims, account?: AccountClaims): JwtLogin {
  return { verdict: { ok: false, why: 'authorization', reason }, user, account }
}

/** nats-server logs these as errors. */
function refusedAloud(text: string, user: UserClaims, account: AccountClaims): JwtLogin {
  const notices = [{ level: 'error', text }] as const
  return { verdict: { ok: false, why: 'authorization', reason: '', notices }, user, account }
}

/** Who has signed for whom. */
function chain(user: UserClaims, account: AccountClaims): string {
  const name = ({ name: claimName, tags }: UserClaims | AccountClaims) =>
    `(claim-name: ${goQuote(claimName)}, claim-tags: [${tags.map(goQuote).join(' ')}])`
  const signed = (key: string) => `signed with ${goQuote(key)}`
  const ofUser = `${goQuote(user.subject)} ${name(user)} ${signed(user.issuer)}`
  const ofAccount = `${goQuote(account.subject)} ${name(account)} ${signed(account.issuer)}`
  return `${ofUser} by Account ${ofAccount} has mappings ${account.mappings.size > 0}`
}

function refusedWithoutProxy({ user }: Presented, account?: AccountClaims): JwtLogin {
  const reason = 'proxy connection required'
  return { verdict: { ok: false, why: 'proxyRequired', reason }, user, account }
}
