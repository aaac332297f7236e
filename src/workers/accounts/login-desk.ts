import { isDeepStrictEqual } from 'node:util'
import type { Authority } from '../../auth/authority.ts'
import { PROXY_NOT_TRUSTED } from '../../auth/client-check.ts'
import type { Identity, LoginRequest, Verdict } from '../../auth/login.ts'
import { type MaybeLater, settle } from '../../auth/login-attempt.ts'
import type { Logger } from '../../base/log-line.ts'
import type { Options } from '../../config/options.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import { BudgetCells, type GrantedRate } from '../clients/ingress-budgets.ts'
import type { LoginManner } from '../clients/logins.ts'
import { inSlicesOf } from '../io-thread/slices.ts'
import type { Grant, LoginAnswer, StandingLogin } from '../threads/peer-messages.ts'
import type { Account } from './account.ts'
import type { AccountDirectory } from './account-directory.ts'
import { endOfDialled } from './dialled-login.ts'
import type { PermissionStore } from './grants.ts'
import type { Login, LoginOwner } from './login.ts'

export type ListenerAuthority = 'client' | 'websocket' | 'leaf'

export interface LoginDeskOptions {
  readonly options: Options
  readonly directory: AccountDirectory
  readonly permissions: PermissionStore
  readonly authorities: Readonly<Record<ListenerAuthority, Authority>>
  readonly log: Logger
  /** A client is gone whose password may still wait to be verified. */
  readonly forget: (cid: number) => void
  /** Somebody has come to the account, or left it. */
  readonly onCountChanged: (account: Account) => void
  /** Somebody is not logged in any more. */
  readonly onEnd: (cid: number) => void
  /** Resolves when protocol workers have taken in what they were told. */
  readonly pace: () => Promise<void>
}

/** What a reload of the configuration changes. */
export type DeskRules = Pick<LoginDeskOptions, 'options' | 'authorities'>

const EXCEEDED: LoginAnswer & { readonly ok: false } = {
  ok: false,
  why: 'maxAccountConnections',
  log: 'maximum account active connections exceeded',
  reason: '',
}

const MOVED: LoginAnswer = { ok: false, why: 'userMoved', log: '', reason: '' }

/** A login under way. */
interface Attempt {
  isOver: boolean
}

/**
 * Where connections log in: asks the authority who somebody is, and grants what the account and the
 * user allow. Knows every connection that has logged in, until it logs out.
 */
export class LoginDesk {
  #options: LoginDeskOptions
  /** Counts the rules there have been. */
  #epoch = 0
  readonly #logins = new Map<number, Login>()
  readonly #attempts = new Map<number, Attempt>()
  readonly #budgets = new BudgetCells()

  constructor(options: LoginDeskOptions) {
    this.#options = options
  }

  get(cid: number): Login | undefined {
    return this.#logins.get(cid)
  }

  async logIn(
    request: LoginRequest,
    { isSilent, inAccount }: LoginManner,
    owner: LoginOwner,
    startMs: number,
  ): Promise<LoginAnswer> {
    const { cid } = request
    // CONNECT may come again.
    this.#end(cid)
    const attempt: Attempt = { isOver: false }
    this.#attempts.set(cid, attempt)
    const verdict = await this.#judge(request, isSilent, attempt)
    if (this.#attempts.get(cid) === attempt) this.#attempts.delete(cid)
    for (const { ofServer, level, text } of verdict.notices ?? []) {
      if (ofServer) this.#options.log[level](text)
    }
    const notices = verdict.notices?.filter(({ ofServer }) => !ofServer)
    if (attempt.isOver) return { ok: false, why: 'authorization', log: '', reason: '' }
    if (inAccount !== '' && this.#hasMoved(request, verdict, inAccount)) return MOVED
    return { ...this.#admit(verdict, request, owner, startMs), notices }
  }

  /** Once more, if the rules have changed meanwhile. */
  async #judge(request: LoginRequest, isSilent: boolean, attempt: Attempt): Promise<Verdict> {
    for (;;) {
      const epoch = this.#epoch
      const authority = this.#authorityFor(request)
      const verdict = await (isSilent
        ? authority.authenticateSilent(request)
        : authority.authenticate(request))
      if (epoch === this.#epoch || attempt.isOver) return verdict
    }
  }

  #authorityFor({ connectionType }: LoginRequest): Authority {
    const { authorities } = this.#options
    if (connectionType === 'WEBSOCKET') return authorities.websocket
    return connectionType === 'STANDARD' ? authorities.client : authorities.leaf
  }

  #admit(verdict: Verdict, request: LoginRequest, owner: LoginOwner, startMs: number): LoginAnswer {
    if (!verdict.ok) {
      const { why, log = '', reason, askedIn } = verdict
      return { ok: false, why, log, reason, askedIn }
    }
    const { identity } = verdict
    const { directory } = this.#options
    const account = directory.get(identity.account)
    if (account === undefined) {
      const reason = `account ${JSON.stringify(identity.account)} is not known`
      return { ok: false, why: 'authorization', log: '', reason }
    }
    const isLeaf = isLeafLogin(request)
    const { maxConnections, maxLeafnodes } = account.options.limits
    // Leafs count as connections, but only clients are turned away for that, as by nats-server.
    const isFull = isLeaf
      ? maxLeafnodes >= 0 && account.leafCount >= maxLeafnodes
      : maxConnections >= 0 && account.logins.size >= maxConnections
    if (isFull) return { ...EXCEEDED, account: account.name }
    return this.#add({ request, identity, account, isLeaf, startMs, owner, ...NEW_LOGIN })
  }

  /** A leaf link that this server has dialled. */
  addDialled(login: Login): LoginAnswer {
    const { maxLeafnodes } = login.account.options.limits
    const isFull = maxLeafnodes >= 0 && login.account.leafCount >= maxLeafnodes
    return isFull ? EXCEEDED : this.#add(login)
  }

  #add(login: Login): LoginAnswer {
    const { directory } = this.#options
    const { request, account, isLeaf } = login
    try {
      directory.addSystemImports(account)
    } catch (error) {
      return { ok: false, why: 'authorization', log: String(error), reason: '' }
    }
    login.serverMaxPayload = this.#options.options.maxPayload
    const grant = this.#grant(login)
    if (grant === undefined) {
      const log = 'Connection refused: shared memory is exhausted'
      return { ok: false, why: 'authorization', log, reason: '' }
    }
    login.grant = grant
    this.#logins.set(request.cid, login)
    account.logins.set(request.cid, login)
    if (isLeaf) account.leafCount++
    this.#options.onCountChanged(account)
    return { ok: true, grant }
  }

  /** What a login may do now; undefined without memory. */
  #grant(login: Login): Grant | undefined {
    const { options, directory, permissions: store } = this.#options
    const { account, identity } = login
    const { limits, defaultPermissions } = account.options
    // Users of the configuration have theirs resolved; those of JWTs follow the account's.
    const permissions = identity.permissions ?? defaultPermissions
    const shared = store.take(account.number, permissions)
    if (shared === undefined) return undefined
    if (login.permissions !== undefined) store.give(login.permissions)
    login.permissions = shared
    const serverSubscriptions = options.maxSubscriptions > 0 ? options.maxSubscriptions : -1
    const userEndsMs = identity.expiresMs
    const accountEndsMs = account.expiresMs
    const isAccounts = accountEndsMs !== 0 && (userEndsMs === 0 || accountEndsMs <= userEndsMs)
    const { planKey, incoming, outgoing } = shared
    return {
      identity,
      account: account.number,
      accountName: account.name,
      accountTag: account.claims?.name ?? '',
      isSystemAccount: directory.isSystem(account),
      planKey,
      incoming,
      outgoing,
      permissions,
      trace: account.options.trace,
      exporters: directory.exportersFor(account),
      maxPayload: strictest(
        login.isLeaf ? login.serverMaxPayload : options.maxPayload,
        limits.maxPayload,
        identity.maxPayload,
      ),
      maxSubscriptions: strictest(
        serverSubscriptions,
        limits.maxSubscriptions,
        identity.maxSubscriptions,
      ),
      rates: this.#rates(login),
      expiresMs: isAccounts ? accountEndsMs : userEndsMs,
      expiry: isAccounts ? 'accountExpired' : 'userExpired',
    }
  }

  /** Leaf links have none: what they bring was limited where it came in. */
  #rates({ account, identity, isLeaf }: Login): readonly GrantedRate[] {
    if (isLeaf) return []
    const user = this.#budgets.take(`user ${identity.user || identity.nkey}`, identity.rate)
    const own = this.#budgets.take(`account ${account.name}`, account.options.limits)
    return [user, own].filter((rate) => rate !== undefined)
  }

  logOut(cid: number): void {
    const attempt = this.#attempts.get(cid)
    if (attempt !== undefined) {
      attempt.isOver = true
      this.#attempts.delete(cid)
      this.#options.forget(cid)
    }
    this.#end(cid)
  }

  #end(cid: number): void {
    const login = this.#logins.get(cid)
    if (login === undefined) return
    this.#logins.delete(cid)
    this.#options.onEnd(cid)
    login.account.logins.delete(cid)
    if (login.isLeaf) login.account.leafCount--
    this.#options.onCountChanged(login.account)
    if (login.permissions !== undefined) this.#options.permissions.give(login.permissions)
  }

  // ── changes ───────────────────────────────────────────────────────────────────────────────

  /** Logins that a predecessor of this thread has granted. */
  rejoin(standing: StandingLogin, owner: LoginOwner): Grant | undefined {
    const { request, identity, accountName, startMs } = standing
    const account = this.#options.directory.take(accountName)
    const isLeaf = isLeafLogin(request)
    const answer = this.#add({
      request,
      identity,
      account,
      isLeaf,
      startMs,
      owner,
      ...NEW_LOGIN,
    })
    return answer.ok ? answer.grant : undefined
  }

  /**
   * An account is another one than before: its connections are granted anew, or have to go.
   *
   * @param reasonToEnd why a connection cannot stay
   * @returns how many have to go
   */
  async review(
    account: Account,
    reasonToEnd: (identity: Identity) => ViolationName | undefined,
  ): Promise<number> {
    const { maxConnections } = account.options.limits
    let place = 0
    let going = 0
    const look = ([cid, login]: readonly [number, Login]): void => {
      place++
      if (this.#logins.get(cid) !== login) return
      // The oldest stay.
      const isExcess = maxConnections >= 0 && place > maxConnections
      const end = () => (login.isDialled ? endOfDialled(account) : reasonToEnd(login.identity))
      const why = isExcess ? 'maxAccountConnections' : end()
      if (why !== undefined) this.#evict(login, why)
      const stays = why === undefined && this.#grantAnew(cid, login, true)
      if (!stays) going++
    }
    await inSlicesOf([...account.logins], look, this.#options.pace)
    return going
  }

  /** @param isTold also where nothing has changed */
  #grantAnew(cid: number, login: Login, isTold: boolean): boolean {
    const grant = this.#grant(login)
    if (grant === undefined) {
      login.owner.evict(cid, 'authorization')
      return false
    }
    if (!isTold && isDeepStrictEqual(grant, login.grant)) return true
    login.grant = grant
    login.owner.regrant(cid, grant)
    return true
  }

  // ── reload ────────────────────────────────────────────────────────────────────────────────

  /** Other rules from now on. Who is in stays in, see `readmit`. */
  replaceRules(rules: DeskRules): void {
    this.#options = { ...this.#options, ...rules }
    this.#epoch++
  }

  /** Everybody who has logged in. */
  get logins(): Iterable<Login> {
    return [...this.#logins.values()]
  }

  /**
   * Judges somebody who is in by the rules now in force, as nats-server does: who has moved to
   * another account, or is not there any more, is closed without a word; who would not be let in
   * now is told so; all others are granted what they may do now.
   *
   * @returns undefined when he left meanwhile, or when links that this server has dialled stay
   */
  readmit(login: Login): MaybeLater<'stays' | 'goes' | undefined> {
    const { request, account } = login
    const { cid } = request
    if (login.isDialled) {
      this.#grantAnew(cid, login, false)
      return undefined
    }
    if (this.#hasLostProxy(login)) return this.#evict(login, 'proxyNotTrusted', PROXY_NOT_TRUSTED)
    const authority = this.#authorityFor(request)
    if (this.#hasMoved(request, undefined, account.name)) return this.#evict(login, 'userMoved')
    // Of the deadline for the first login nothing is left.
    const { deadlineMs: _, ...lasting } = request
    return settle(authority.authenticate(lasting), (verdict) => this.#onReadmission(login, verdict))
  }

  /** Whether who is in an account belongs to another one by now, or to none. */
  #hasMoved(request: LoginRequest, verdict: Verdict | undefined, accountName: string): boolean {
    const named = this.#authorityFor(request).accountOfNamed(request.connect)
    const found = verdict?.ok === true ? verdict.identity.account : undefined
    return (named ?? accountName) !== accountName || (found ?? accountName) !== accountName
  }

  #onReadmission(login: Login, verdict: Verdict): 'stays' | 'goes' | undefined {
    const { cid } = login.request
    if (this.#logins.get(cid) !== login) return undefined
    if (!verdict.ok) return this.#evict(login, verdict.why, verdict.log)
    if (this.#hasMoved(login.request, verdict, login.account.name)) {
      return this.#evict(login, 'userMoved')
    }
    login.identity = verdict.identity
    return this.#grantAnew(cid, login, false) ? 'stays' : 'goes'
  }

  #evict(login: Login, why: ViolationName, log?: string): 'goes' {
    login.owner.evict(login.request.cid, why, log)
    return 'goes'
  }

  /** The proxy that it came by is not trusted any more. */
  #hasLostProxy({ identity: { proxyKey } }: Login): boolean {
    return proxyKey !== '' && !this.#options.options.trustedProxies.includes(proxyKey)
  }

  /** Limits have changed, but not what anybody is. @returns as readmit, when somebody goes */
  grantAgain(login: Login): 'goes' | undefined {
    const { cid } = login.request
    if (this.#logins.get(cid) !== login) return undefined
    if (this.#hasLostProxy(login)) return this.#evict(login, 'proxyNotTrusted', PROXY_NOT_TRUSTED)
    return this.#grantAnew(cid, login, false) ? undefined : 'goes'
  }

  /**
   * An account may have fewer connections, or leafs, than it has: the oldest stay.
   *
   * @returns how many have to go
   */
  evictExcess({ options: { limits }, logins, leafCount }: Account): number {
    const { maxConnections, maxLeafnodes } = limits
    const all = [...logins]
    const surplus = maxConnections < 0 ? [] : all.slice(maxConnections)
    const leafs = maxLeafnodes < 0 || leafCount <= maxLeafnodes ? [] : leafsOf(all)
    const going = new Map([...surplus, ...leafs.slice(Math.max(0, maxLeafnodes))])
    for (const [cid, { owner }] of going) owner.evict(cid, 'maxAccountConnections')
    return going.size
  }

  /** The connections of a thread that died. */
  forgetOwner(owner: LoginOwner): void {
    for (const [cid, login] of [...this.#logins]) if (login.owner === owner) this.#end(cid)
  }
}

/** Of every login that nobody was told of yet. */
const NEW_LOGIN = {
  isDialled: false,
  serverMaxPayload: -1,
  permissions: undefined,
  grant: undefined,
} as const

function leafsOf(logins: readonly (readonly [number, Login])[]) {
  return logins.filter(([, { isLeaf }]) => isLeaf)
}

function isLeafLogin({ connectionType }: LoginRequest): boolean {
  return connectionType === 'LEAFNODE' || connectionType === 'LEAFNODE_WS'
}

/** The smallest of limits of which a negative one is none. */
function strictest(...limits: readonly number[]): number {
  const set = limits.filter((limit) => limit >= 0)
  return set.length === 0 ? -1 : Math.min(...set)
}
