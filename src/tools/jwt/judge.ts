/** Why a server would refuse a JWT, in plain words, with nats-server's own in brackets. */
import type {
  AccountClaims,
  ActivationClaims,
  Claims,
  OperatorClaims,
  UserClaims,
} from '../../auth/jwt/claims.ts'
import { connectWindow } from '../../auth/jwt/connect-times.ts'
import { decodeJwt } from '../../auth/jwt/decode.ts'
import { JwtAuthority } from '../../auth/jwt/jwt-login.ts'
import { isRevoked } from '../../auth/jwt/revocation.ts'
import { scopedUser } from '../../auth/jwt/user-identity.ts'
import { parseServerVersion, validateClaims } from '../../auth/jwt/validate.ts'
import { NATS_VERSION } from '../../base/version.ts'
import type { PresentedToken } from './token-file.ts'
import { whenText } from './when.ts'

/** Who stands above the JWT, as far as it was given. */
export interface Chain {
  readonly account: AccountClaims | undefined
  readonly operator: OperatorClaims | undefined
}

export interface Findings {
  /** Undefined for what is no JWT at all. */
  readonly claims: Claims | undefined
  /** Why it is refused; empty: it is not, as far as that can be told. */
  readonly reasons: readonly string[]
  /** Under what conditions it is not refused, and what could not be checked. */
  readonly notes: readonly string[]
}

interface Notebook {
  readonly reasons: string[]
  readonly notes: string[]
}

export function judge({ token, seedKey }: PresentedToken, chain: Chain, nowMs: number): Findings {
  const decoded = decodeJwt(token)
  if (!decoded.ok) {
    return { claims: undefined, reasons: [`It is not valid (${decoded.why}).`], notes: [] }
  }
  const { claims } = decoded
  const book: Notebook = { reasons: [], notes: [] }
  if (seedKey === undefined) book.reasons.push('The seed in the file is no seed of a user.')
  else if (seedKey !== '' && seedKey !== claims.subject) {
    const cannot = 'whoever logs in with the file cannot sign for it'
    book.reasons.push(`The seed in the file belongs to ${seedKey}: ${cannot}.`)
  }
  for (const { text, kind } of validateClaims(claims, nowMs)) {
    if (text === 'claim is expired') {
      book.reasons.push(`It expired ${whenText(claims.expires, nowMs)} (${text}).`)
    } else if (text === 'claim is not yet valid') {
      book.reasons.push(`It is valid only from ${whenText(claims.notBefore, nowMs)} on (${text}).`)
    } else if (kind === 'warning') book.notes.push(`A warning: ${text}.`)
    else book.reasons.push(`Its contents are wrong (${text}).`)
  }
  judgeType(claims, chain, nowMs, book)
  return { claims, ...book }
}

function judgeType(claims: Claims, chain: Chain, nowMs: number, book: Notebook): void {
  switch (claims.type) {
    case 'operator':
      judgeOperator(claims, book)
      break
    case 'account':
      judgeAccount(claims, chain.operator, nowMs, book)
      break
    case 'user':
      judgeUser(claims, chain, nowMs, book)
      break
    case 'activation':
      judgeActivation(claims, chain, book)
      break
    default:
      book.notes.push('A server does not take this kind for a login.')
  }
}

function judgeOperator(claims: OperatorClaims, { reasons }: Notebook): void {
  const wanted = parseServerVersion(claims.assertServerVersion)
  if (typeof wanted === 'string') return
  const own = parseServerVersion(NATS_VERSION)
  const first = typeof own === 'string' ? -1 : wanted.findIndex((part, at) => part !== own[at])
  if (typeof own === 'string' || first === -1 || wanted[first]! < own[first]!) return
  const { assertServerVersion: version } = claims
  reasons.push(`It wants a server of version ${version}, and this one is ${NATS_VERSION}.`)
}

function judgeAccount(
  claims: AccountClaims,
  operator: OperatorClaims | undefined,
  nowMs: number,
  { reasons, notes }: Notebook,
): void {
  const fault = trustFault(claims, operator, nowMs, notes)
  if (fault !== undefined) reasons.push(fault)
}

function trustFault(
  { issuer }: AccountClaims,
  operator: OperatorClaims | undefined,
  nowMs: number,
  notes: string[],
): string | undefined {
  if (operator === undefined) {
    notes.push(
      'Whether the operator trusts the account cannot be told without the operator: -operator.',
    )
    return undefined
  }
  judgeOperatorExpiry(operator, nowMs, notes)
  if (authorityOf(operator).isTrustedIssuer(issuer)) return undefined
  return operator.strictSigningKeyUsage && issuer === operator.subject
    ? 'It is signed with the key of the operator itself, which wants signing keys to be used.'
    : `Its issuer ${issuer} is neither this operator nor one of its signing keys.`
}

/** Servers do not look at it. */
function judgeOperatorExpiry({ expires }: OperatorClaims, nowMs: number, notes: string[]): void {
  if (expires === 0 || expires * 1000 > nowMs) return
  notes.push(`The JWT of the operator expired ${whenText(expires, nowMs)}; servers do not mind.`)
}

function judgeUser(claims: UserClaims, chain: Chain, nowMs: number, book: Notebook): void {
  const { reasons, notes } = book
  const { account, operator } = chain
  if (account === undefined) {
    notes.push('Whether its account lets it in cannot be told without the account: -account.')
    noteConditions(claims, nowMs, book)
    return
  }
  const publicKey = claims.issuerAccount || claims.issuer
  if (account.subject !== publicKey) {
    reasons.push(`It is of account ${publicKey}, and not of ${account.subject}.`)
    return
  }
  const ofAccount = validateClaims(account, nowMs).filter(({ kind }) => kind !== 'warning')
  for (const { text } of ofAccount) reasons.push(`The JWT of its account is refused (${text}).`)
  const fault = trustFault(account, operator, nowMs, notes)
  if (fault !== undefined) reasons.push(`Its account is not trusted. ${fault}`)
  judgeByAccount(claims, account, operator, nowMs, book)
}

function judgeByAccount(
  bare: UserClaims,
  account: AccountClaims,
  operator: OperatorClaims | undefined,
  nowMs: number,
  book: Notebook,
): void {
  const { reasons } = book
  const { isKnown, scope } = authorityOf(operator).issuerOf(account, bare.issuer)
  if (!isKnown) {
    const isItself = bare.issuer === account.subject
    reasons.push(
      isItself
        ? 'It is signed by the account itself; the operator wants signing keys (issuer is not known).'
        : `Its issuer ${bare.issuer} is not a signing key of the account (issuer is not known).`,
    )
    return
  }
  const scoped = scopedUser(bare, account, scope)
  if (!scoped.ok) {
    const role = `Its issuer gives the role ${JSON.stringify(scope?.role)}`
    reasons.push(
      scoped.isTemplate
        ? `${role}, which cannot be filled in for this user (${scoped.why}).`
        : `${role}, and then a user may not have limits of his own (${scoped.why}).`,
    )
    return
  }
  const { user } = scoped
  if (user.bearerToken && account.limits.disallowBearer) {
    reasons.push('It is a bearer token, which its account does not allow.')
  }
  if (isRevoked(account.revocations, user.subject, user.issuedAt)) {
    reasons.push(`It was revoked: it was issued ${whenText(user.issuedAt, nowMs)}, too early.`)
  }
  noteConditions(user, nowMs, book)
}

function noteConditions(user: UserClaims, nowMs: number, { reasons, notes }: Notebook): void {
  const { times, timesLocation, src, allowedConnectionTypes } = user
  const zone = timesLocation === '' ? 'in the time zone of the server' : timesLocation
  if (times.length > 0) {
    const ranges = times.map(({ start, end }) => `${start}-${end}`).join(', ')
    notes.push(`It may be used at these times only: ${ranges} (${zone}).`)
    const isOpen = connectWindow(times, timesLocation, nowMs).isOpen
    if (!isOpen && timesLocation !== '') reasons.push('It may not be used at this time of the day.')
  }
  if (src.length > 0) notes.push(`It may be used from these networks only: ${src.join(', ')}.`)
  if (allowedConnectionTypes.length > 0) {
    const types = allowedConnectionTypes.join(', ')
    notes.push(`It may be used for these kinds of connections only: ${types}.`)
  }
  if (user.proxyRequired) notes.push('It may be used through a trusted proxy only.')
  if (user.bearerToken) notes.push('It is a bearer token: whoever has it can use it.')
}

function judgeActivation(
  claims: ActivationClaims,
  { account, operator }: Chain,
  { reasons, notes }: Notebook,
): void {
  if (account === undefined) {
    const cannot = 'cannot be told without the exporting account: -account.'
    notes.push(`Whether its issuer may issue it ${cannot}`)
    return
  }
  const publicKey = claims.issuerAccount || claims.issuer
  if (publicKey !== account.subject) {
    reasons.push(`It is of account ${publicKey}, and not of ${account.subject}.`)
  } else if (
    claims.issuerAccount !== '' &&
    !authorityOf(operator).issuerOf(account, claims.issuer).isKnown
  ) {
    reasons.push(`Its issuer ${claims.issuer} is not a signing key of the account.`)
  }
}

function authorityOf(operator: OperatorClaims | undefined): JwtAuthority {
  return new JwtAuthority({
    operators: operator === undefined ? [] : [operator],
    trustedKeys: [],
    pinnedAccounts: [],
    systemAccount: '',
    defaultSentinel: '',
    accounts: { lookup: () => undefined },
    nowMs: Date.now,
  })
}
