import type { AuthCalloutOptions, PermissionOptions } from '../config/account-types.ts'
import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { type AnswerCheck, checkAnswer } from './callout-answer.ts'
import { CALLOUT_SUBJECT, calloutRequest } from './callout-request.ts'
import type { AccountClaims } from './jwt/claims.ts'
import type { RequestServer } from './jwt/encode.ts'
import type { AccountIssuer } from './jwt/jwt-login.ts'
import type { LoginNotice, Verdict } from './login.ts'
import type { ExternalAuthority, LoginAttempt, MaybeLater, Outcome } from './login-attempt.ts'
import { NkeyPair } from './nkeys.ts'
import { shownUser } from './presented.ts'
import type { CurvePair } from './xkeys.ts'

const XKEY_HEADER = 'Nats-Server-Xkey'
const JWT_BEGIN = 'eyJ'

export interface CalloutMessage {
  readonly account: string
  readonly subject: string
  readonly payload: Uint8Array
  readonly header: { readonly name: string; readonly value: string } | undefined
}

/**
 * Publishes the message with a reply subject of its own, on which nobody but the server
 * subscribes, and waits.
 *
 * @returns payload of the first answer; undefined: none came in that time
 * @throws Error when it could not be published
 */
export type AskCallout = (
  message: CalloutMessage,
  timeoutMs: number,
) => Promise<Uint8Array | undefined>

export interface CalloutSettings {
  /** In configuration mode. */
  readonly options: AuthCalloutOptions | undefined
  /** `id` is the server's public key. */
  readonly server: Omit<RequestServer, 'xkey'>
  /** Of the server. */
  readonly keys: NkeyPair
  readonly curve: CurvePair
  /** The authentication timeout. */
  readonly timeoutMs: number
  readonly ask: AskCallout
  readonly nowMs: () => number
  readonly accounts: CalloutAccounts
}

/** Accounts that users can be put into. */
export interface CalloutAccounts {
  /** Configuration mode: default permissions of an account; undefined: there is no such account. */
  configured(
    name: string,
  ): { readonly defaultPermissions: PermissionOptions | undefined } | undefined
  /** Operator mode. Rejects with the reason when the account cannot be had. */
  claims(publicKey: string): MaybeLater<AccountClaims | undefined>
  /** Operator mode: whether a key may issue users of the account, and with what scope. */
  issuerOf(account: AccountClaims, publicKey: string): AccountIssuer
}

export interface CalloutQuestion {
  readonly attempt: LoginAttempt
  readonly verdict: Verdict
  /** Account that is asked: name, or public key in operator mode. */
  readonly account: string
  readonly external: ExternalAuthority | undefined
  readonly isLeaf: boolean
}

/** Asks another program who somebody is (`auth_callout`). */
export interface Callout {
  /** In configuration mode, the account of the program that is asked. */
  readonly account: string | undefined
  /** @returns undefined for whom the configuration decides alone */
  questionFor(about: Outcome & { readonly isLeaf: boolean }): CalloutQuestion | undefined
  /** Does not reject. */
  ask(question: CalloutQuestion): Promise<Verdict>
}

export function createCallout(settings: CalloutSettings): Callout {
  const { options } = settings
  const account = options && (options.account || GLOBAL_ACCOUNT)
  return {
    account,
    questionFor: (about) => questionFor(about, options, account),
    ask: async (question) => {
      const { account } = question
      try {
        const verdict = await ask(question, settings)
        return verdict.ok ? verdict : { askedIn: { account, why: verdict.reason }, ...verdict }
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        const text = `Error sending authorization request: ${why}`
        return { ...refused(text, 'debug'), askedIn: { account, why: text } }
      }
    },
  }
}

/**
 * Users on the list of those who answer are not asked about, nor those of accounts that are not
 * delegated. In operator mode only who has a valid JWT is asked about: nats-server asks about the
 * others in an account where nobody can answer.
 */
function questionFor(
  { attempt, verdict, external, isLeaf }: Outcome & { readonly isLeaf: boolean },
  options: AuthCalloutOptions | undefined,
  account: string | undefined,
): CalloutQuestion | undefined {
  const user = shownUser(attempt.presented)
  if (external !== undefined) {
    // Not by what the client calls itself: that is for it to choose.
    if (external.authUsers.includes(verdict.ok ? verdict.identity.nkey : user)) return undefined
    return { attempt, verdict, account: external.account, external, isLeaf }
  }
  if (options === undefined || account === undefined) return undefined
  const own = verdict.ok ? verdict.identity.account : GLOBAL_ACCOUNT
  const isListed = options.allowedAccounts.length === 0 || options.allowedAccounts.includes(own)
  const isDelegated = isLeaf || own === GLOBAL_ACCOUNT || isListed
  if (!isDelegated || options.authUsers.includes(user)) return undefined
  return { attempt, verdict, account, external, isLeaf }
}

async function ask(question: CalloutQuestion, settings: CalloutSettings): Promise<Verdict> {
  const { account, external, attempt } = question
  const { options, curve, accounts, nowMs, timeoutMs } = settings
  if (external === undefined && accounts.configured(account) === undefined) {
    const text = `No valid account ${goQuote(account)} for auth callout request: account missing`
    return refused(text, 'warn')
  }
  const xkey = external?.xkey ?? options?.xkey ?? ''
  // Made for this question: an answer to another one is about another user.
  const userNkey = NkeyPair.generate('user').publicKey
  const text = calloutRequest(question, settings, { userNkey, xkey: xkey && curve.publicKey })
  const sealed = xkey === '' ? Buffer.from(text) : await curve.seal(Buffer.from(text), xkey)
  if (sealed === undefined) {
    const on = `on account ${goQuote(account)}`
    return refused(`Error encrypting auth request claim ${on}: invalid curve key`, 'warn')
  }
  const header = xkey === '' ? undefined : { name: XKEY_HEADER, value: curve.publicKey }
  const message = { account, subject: CALLOUT_SUBJECT, payload: sealed, header }
  const answer = await settings.ask(message, timeoutMs)
  if (answer === undefined) {
    const on = `on account ${goQuote(account)}`
    const text = `Authorization callout response not received in time ${on}`
    // nats-server does not say why then.
    return { ...refused(text, 'debug'), askedIn: { account, why: '' } }
  }
  const check: AnswerCheck = { question, settings, userNkey, nowMs: nowMs() }
  return open(answer, xkey, check, attempt)
}

async function open(
  answer: Uint8Array,
  xkey: string,
  check: AnswerCheck,
  attempt: LoginAttempt,
): Promise<Verdict> {
  const { question, settings } = check
  const on = `on account ${goQuote(question.account)}`
  if (answer.length === 0) {
    return refused(`Auth callout violation: "no reason supplied" ${on}`, 'warn')
  }
  const plain = Buffer.from(answer)
  const isSealed = xkey !== '' && plain.toString('latin1', 0, JWT_BEGIN.length) !== JWT_BEGIN
  const opened = isSealed ? await settings.curve.open(answer, xkey) : plain
  if (opened === undefined) {
    return refused(`Error decrypting auth callout response ${on}: could not decrypt`, 'warn')
  }
  const result = await checkAnswer(Buffer.from(opened).toString(), isSealed, check)
  if (result.ok) return { ok: true, identity: { ...result.identity, proxyKey: attempt.proxyKey } }
  return { ...refused(result.reason, 'warn'), why: result.why }
}

function refused(reason: string, level: LoginNotice['level']): Verdict & { readonly ok: false } {
  const notices = [{ level, ofServer: true, text: reason }] as const
  return { ok: false, why: 'authorization', reason, notices }
}
