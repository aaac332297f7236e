import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import type { Callout } from './auth-callout.ts'
import {
  type AuthoritySettings,
  hasOwnLogin,
  type ListenerName,
  type ListenerTerms,
  listenerTerms,
  namesLeafs,
} from './authority-settings.ts'
import { CALLOUT_SUBJECT } from './callout-request.ts'
import { type CheckJwt, ClientCheck } from './client-check.ts'
import { permissionsOf } from './jwt/account-options.ts'
import type { AccountClaims } from './jwt/claims.ts'
import { LeafCheck } from './leaf-check.ts'
import { type LoginRequest, NO_CREDENTIALS, type Verdict } from './login.ts'
import {
  type ExternalAuthority,
  type LoginAttempt,
  type MaybeLater,
  type Outcome,
  settle,
} from './login-attempt.ts'
import type { VerifyBcrypt } from './password.ts'
import { effectivePermissions, withPublishDenied } from './permissions.ts'
import { refusalText } from './presented.ts'
import { UserTable } from './user-table.ts'

/** Decides who is let in by one listener. */
export interface Authority extends ListenerTerms {
  /** A promise only where bcrypt, a resolver or an auth callout has to decide; never rejects. */
  authenticate(request: LoginRequest): MaybeLater<Verdict>
  /**
   * For clients whose first command is no CONNECT: lets them in as no_auth_user, or refuses them.
   *
   * @param request of which `connect` does not count
   */
  authenticateSilent(request: LoginRequest): MaybeLater<Verdict>
  /**
   * Account of the user that a client names in CONNECT; '' = there is no such user. Undefined when
   * that cannot be told: nobody is named, or users are not to be found by their names alone.
   */
  accountOfNamed(connect: LoginRequest['connect']): string | undefined
}

/** Who the bearer of a user JWT is; `user` and `account` are there when the verdict is good. */
export interface JwtLogin {
  readonly verdict: Verdict
  readonly user?: { readonly proxyRequired: boolean } | undefined
  readonly account?:
    | Pick<AccountClaims, 'subject' | 'authorization' | 'defaultPermissions'>
    | undefined
}

export interface AuthorityTools {
  readonly verifyBcrypt: VerifyBcrypt
  /** Of the settings' users, where several authorities share it: there may be thousands. */
  readonly table?: UserTable
  /** Operator mode. */
  readonly jwt?:
    | { login(request: LoginRequest, proxyKey: string): MaybeLater<JwtLogin> }
    | undefined
  readonly callout?: Callout | undefined
}

/**
 * @param listener `leaf`: leaf nodes, however they come; by the leafnodes block if it names
 *   anybody, else as clients are
 */
export function createAuthority(
  listener: ListenerName,
  settings: AuthoritySettings,
  tools: AuthorityTools,
): Authority {
  const { verifyBcrypt, callout } = tools
  const table = tools.table ?? new UserTable(settings.users, settings.nkeys, verifyBcrypt)
  const clients = new ClientCheck(listener, {
    settings,
    table,
    verifyBcrypt,
    checkJwt: jwtCheck(tools),
    hasCallout: callout !== undefined,
  })
  const isOwnLeaf = listener === 'leaf' && namesLeafs(settings)
  const leafs = isOwnLeaf ? new LeafCheck(settings, verifyBcrypt) : undefined

  function authenticate(request: LoginRequest): MaybeLater<Verdict> {
    if (leafs !== undefined) return settle(leafs.check(request), finish)
    return settle(clients.check(request), decide)
  }

  function decide(outcome: Outcome): MaybeLater<Verdict> {
    const { attempt, verdict, external } = outcome
    // Of a proxy that is not trusted nothing is asked.
    const isAsked = verdict.ok || verdict.why !== 'proxyNotTrusted'
    const about = { attempt, verdict, external, isLeaf: listener === 'leaf' }
    const question = isAsked ? callout?.questionFor(about) : undefined
    if (callout === undefined || question === undefined) {
      return withCalloutDenied(finish(outcome), external)
    }
    return callout.ask(question).then((answered) => {
      // That a proxy is missing stays the reason, whatever else the callout finds wrong.
      const isSticky = !verdict.ok && !answered.ok && verdict.why === 'proxyRequired'
      const final = isSticky ? { ...answered, why: verdict.why } : answered
      return withCalloutDenied(finish(attempt.end(final)), external)
    })
  }

  /** Only the server itself is to ask. */
  function withCalloutDenied(verdict: Verdict, external: ExternalAuthority | undefined): Verdict {
    const account = external?.account ?? callout?.account
    if (!verdict.ok || account === undefined || verdict.identity.account !== account) return verdict
    const own = effectivePermissions(verdict.identity.permissions, external?.defaultPermissions)
    const permissions = withPublishDenied(own, [CALLOUT_SUBJECT])
    return { ...verdict, identity: { ...verdict.identity, permissions } }
  }

  function accountOfNamed({ nkey, user }: LoginRequest['connect']): string | undefined {
    const isElsewhere =
      settings.isOperatorMode || callout !== undefined || settings[listener].mapsCertificates
    const isOwn = listener === 'websocket' && hasOwnLogin(settings)
    if (isElsewhere || isOwn || listener === 'leaf') return undefined
    if (!table.hasUsers && !table.hasNkeys) return undefined
    if (nkey === '' && user === '') return undefined
    const known = nkey === '' ? table.user(user)?.options : table.nkey(nkey)
    return known === undefined ? '' : known.account || GLOBAL_ACCOUNT
  }

  return {
    ...listenerTerms(listener, settings),
    accountOfNamed,
    authenticate: (request) => guarded(() => authenticate(request)),
    authenticateSilent: (request) =>
      guarded(() => {
        const silent = { ...request, connect: NO_CREDENTIALS }
        return clients.isSilenceAllowed(request) ? authenticate(silent) : refusedSilence()
      }),
  }
}

function jwtCheck({ jwt }: AuthorityTools): CheckJwt | undefined {
  return (
    jwt && ((attempt) => settle(jwt.login(attempt.request, attempt.proxyKey), withJwt(attempt)))
  )
}

function withJwt(attempt: LoginAttempt): (login: JwtLogin) => Outcome {
  return ({ verdict, user, account }) => {
    if (!verdict.ok) return attempt.end(verdict)
    attempt.presented.jwt = verdict.identity.jwt || attempt.presented.jwt
    attempt.presented.publicKey = verdict.identity.nkey
    attempt.proxyRequired = user?.proxyRequired ?? false
    const external = account && externalOf(account)
    return { attempt, verdict, external }
  }
}

/** Accounts without users that answer decide themselves who their users are. */
function externalOf(account: NonNullable<JwtLogin['account']>): ExternalAuthority | undefined {
  const { subject, authorization, defaultPermissions } = account
  if (authorization.authUsers.length === 0) return undefined
  const defaults = permissionsOf(defaultPermissions)
  return { ...authorization, account: subject, defaultPermissions: defaults }
}

function finish({ attempt, verdict }: Outcome): Verdict {
  const notices = [...attempt.notices, ...(verdict.notices ?? [])]
  if (verdict.ok) return { ...verdict, notices }
  return { ...verdict, log: refusalText(attempt.presented), notices }
}

function refusedSilence(): Verdict {
  const reason = 'CONNECT expected'
  return { ok: false, why: 'authorization', reason, log: 'authentication error' }
}

/** An error of the tools refuses one login and ends nothing else. */
function guarded(login: () => MaybeLater<Verdict>): MaybeLater<Verdict> {
  try {
    const verdict = login()
    return verdict instanceof Promise ? verdict.catch(failed) : verdict
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): Verdict {
  const text = `Login failed: ${error instanceof Error ? error.message : String(error)}`
  const notices = [{ level: 'error', text }] as const
  return { ok: false, why: 'authorization', reason: text, log: 'authentication error', notices }
}
