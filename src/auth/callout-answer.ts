import type { PermissionOptions } from '../config/account-types.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { ViolationName } from '../protocol/violations.ts'
import type { CalloutQuestion, CalloutSettings } from './auth-callout.ts'
import { PROXY_REQUIRED } from './client-check.ts'
import type { AuthorizationResponseClaims, UserClaims } from './jwt/claims.ts'
import { decodeAuthorizationResponse, decodeUserClaims } from './jwt/decode.ts'
import { connectionTypeFault, identityOf, scopedUser } from './jwt/user-identity.ts'
import { validateClaims } from './jwt/validate.ts'
import type { Identity } from './login.ts'
import { effectivePermissions } from './permissions.ts'
import { shownUser } from './presented.ts'

export interface AnswerCheck {
  readonly question: CalloutQuestion
  readonly settings: CalloutSettings
  /** Made for this question. */
  readonly userNkey: string
  readonly nowMs: number
}

export type AnswerResult =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly why: ViolationName; readonly reason: string }

/** An account of `auth_callout`'s allowed ones that stands for all. */
const ANY_ACCOUNT = '*'

/** Ends the check of an answer; the text is nats-server's. */
class AnswerFault extends Error {
  readonly why: ViolationName

  constructor(text: string, why: ViolationName = 'authorization') {
    super(text)
    this.why = why
  }
}

/**
 * Checks the answer to a question: whether it is one, for this user and this server, from somebody
 * who may give it, and who it says the user is.
 *
 * @param token the answer, opened
 * @param wasSealed who could seal it needs no known key
 */
export async function checkAnswer(
  token: string,
  wasSealed: boolean,
  check: AnswerCheck,
): Promise<AnswerResult> {
  try {
    const user = await userOf(token, wasSealed, check)
    return { ok: true, identity: await place(checkedUser(user, check), check) }
  } catch (error) {
    if (!(error instanceof AnswerFault)) throw error
    return { ok: false, why: error.why, reason: titleCase(error.message) }
  }
}

async function userOf(token: string, wasSealed: boolean, check: AnswerCheck): Promise<UserClaims> {
  const { settings, userNkey, nowMs } = check
  const decoded = decodeAuthorizationResponse(token)
  if (!decoded.ok) throw new AnswerFault(decoded.why)
  const answer = decoded.claims
  const [issue] = validateClaims(answer, nowMs)
  if (issue !== undefined) {
    throw new AnswerFault(`authorization response had validation errors: ${issue.text}`)
  }
  const wrong = 'auth callout violation: auth callout response is not for'
  if (answer.subject !== userNkey) throw new AnswerFault(`${wrong} expected user`)
  if (answer.audience !== settings.server.id) throw new AnswerFault(`${wrong} server`)
  if (answer.error !== '') {
    throw new AnswerFault(`auth callout service returned an error: ${answer.error}`)
  }
  if (!wasSealed && !(await isIssuerKnown(answer, check))) {
    throw new AnswerFault('auth callout signing key is unknown')
  }
  const user = decodeUserClaims(answer.jwt)
  if (!user.ok) throw new AnswerFault(user.why)
  return user.claims
}

/** In configuration mode the issuer of the user counts, whoever brings it. */
async function isIssuerKnown(
  { issuer, issuerAccount }: AuthorizationResponseClaims,
  { question, settings }: AnswerCheck,
): Promise<boolean> {
  if (question.external === undefined) return true
  const key = issuerAccount || issuer
  if (key === question.account) return true
  const account = await settings.accounts.claims(question.account)
  return account !== undefined && settings.accounts.issuerOf(account, key).isKnown
}

function checkedUser(user: UserClaims, check: AnswerCheck): UserClaims {
  const { question, userNkey, nowMs } = check
  const { attempt } = question
  const isProxyNeeded = attempt.proxyRequired || user.proxyRequired
  if (isProxyNeeded && attempt.proxyKey === '') {
    throw new AnswerFault(PROXY_REQUIRED, 'proxyRequired')
  }
  const [issue] = validateClaims(user, nowMs)
  if (issue !== undefined) throw new AnswerFault(`Error validating user JWT: ${issue.text}`)
  const account = goQuote(question.account)
  if (user.subject !== userNkey) {
    const names = `${goQuote(userNkey)} but got ${goQuote(user.subject)}`
    throw new AnswerFault(`Expected authorized user of ${names} on account ${account}`)
  }
  return user
}

/** Finds the account that the user is put into, and what he may do there. */
async function place(user: UserClaims, check: AnswerCheck): Promise<Identity> {
  const { question, settings } = check
  const isOperatorMode = question.external !== undefined
  // Times and ways to connect are looked at before the account, and again with its scope.
  identify(user, question.account, check)
  const issuerAccount = issuerAccountOf(user, check)
  const target = isOperatorMode ? issuerAccount : user.audience
  if (isOperatorMode) return identify(await scoped(user, target, check), target, check)
  const account = settings.accounts.configured(target)
  if (account === undefined) throw noAccount(target, question.account, 'account missing')
  return identify(user, target, check, account.defaultPermissions)
}

function identify(
  user: UserClaims,
  account: string,
  { question, nowMs }: AnswerCheck,
  defaults?: PermissionOptions,
): Identity {
  const { attempt } = question
  const { request, presented } = attempt
  const on = `authorized user on account ${goQuote(question.account)}`
  // What was presented counts no more once the answer names the user.
  const name = user.name || shownUser({ ...presented, jwt: '' })
  const facts = { jwt: '', user: name, proxyKey: attempt.proxyKey }
  const identity = identityOf(user, account, facts, nowMs)
  if (identity === undefined) throw new AnswerFault(`${on} outside of valid connect times`)
  if (connectionTypeFault(user.allowedConnectionTypes, request.connectionType) !== undefined) {
    throw new AnswerFault(`${on} using invalid connection type`)
  }
  return { ...identity, permissions: effectivePermissions(identity.permissions, defaults) }
}

function issuerAccountOf(user: UserClaims, { question, settings }: AnswerCheck): string {
  const { external, account } = question
  const on = goQuote(account)
  if (external === undefined) {
    if (user.issuerAccount !== '') {
      const text = `error non operator mode account ${on}: attempted to use issuer_account`
      throw new AnswerFault(text)
    }
    const expected = settings.options?.issuer ?? account
    if (user.issuer === expected) return user.issuer
    const keys = `expected ${goQuote(expected)} got ${goQuote(user.issuer)}`
    throw new AnswerFault(`wrong issuer for auth callout response on account ${on}, ${keys}`)
  }
  const issuer = user.issuerAccount || user.issuer
  const { allowedAccounts } = external
  const isAny = allowedAccounts.length === 1 && allowedAccounts[0] === ANY_ACCOUNT
  if (issuer === account || isAny || allowedAccounts.includes(issuer)) return issuer
  const text = 'not permitted as valid account option for auth callout for account'
  throw new AnswerFault(`account ${goQuote(user.issuer)} ${text} ${on}`)
}

/** The user with what the scope of its issuer gives. */
async function scoped(
  user: UserClaims,
  target: string,
  { question, settings }: AnswerCheck,
): Promise<UserClaims> {
  const claims = settings.accounts.claims(target)
  const account = await Promise.resolve(claims).catch((error: unknown) => {
    throw noAccount(target, question.account, error instanceof Error ? error.message : `${error}`)
  })
  if (account === undefined) throw noAccount(target, question.account, 'account missing')
  const { isKnown, scope } = settings.accounts.issuerOf(account, user.issuer)
  if (!isKnown) throw new AnswerFault(`user JWT issuer ${goQuote(user.issuer)} is not known`)
  const result = scopedUser(user, account, scope)
  if (result.ok) return result.user
  const fault = result.isTemplate
    ? 'user JWT generated invalid permissions'
    : 'user JWT is not valid'
  throw new AnswerFault(`${fault}: ${result.why}`)
}

function noAccount(name: string, on: string, why: string): AnswerFault {
  const text = `no valid account ${goQuote(name)} for auth callout response on account`
  return new AnswerFault(`${text} ${goQuote(on)}: ${why}`)
}

function titleCase(text: string): string {
  const [first = ''] = text
  return first.toUpperCase() + text.slice(first.length)
}
