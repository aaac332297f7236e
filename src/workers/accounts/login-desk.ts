import type { Authority } from '../../auth/authority.ts'
import type { Identity, LoginRequest, Verdict } from '../../auth/login.ts'
import type { Logger } from '../../base/log-line.ts'
import type { Options } from '../../config/options.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import type { Grant, LoginAnswer, StandingLogin } from '../peer-messages.ts'
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
}

const EXCEEDED: LoginAnswer = {
  ok: false,
  why: 'maxAccountConnections',
  log: 'maximum account active connections exceeded',
  reason: '',
}

/** A login under way. */
interface Attempt {
  isOver: boolean
}

/**
 * Where connections log in: asks the authority who somebody is, and grants what the account and the
 * user allow. Knows every connection that has logged in, until it logs out.
 */
export class LoginDesk {
  readonly #options: LoginDeskOptions
  readonly #logins = new Map<number, Login>()
  readonly #attempts = new Map<number, Attempt>()

  constructor(options: LoginDeskOptions) {
    this.#options = options
  }

  get(cid: number): Login | undefined {
    return this.#logins.get(cid)
  }

  /** @param isSilent the connection began with something else than CONNECT */
  async logIn(
    request: LoginRequest,
    isSilent: boolean,
    owner: LoginOwner,
    startMs: number,
  ): Promise<LoginAnswer> {
    const { cid } = request
    // CONNECT may come again.
    this.#end(cid)
    const attempt: Attempt = { isOver: false }
    this.#attempts.set(cid, attempt)
    const authority = this.#authorityFor(request)
    const verdict = await (isSilent
      ? authority.authenticateSilent(request)
      : authority.authenticate(request))
    if (this.#attempts.get(cid) === attempt) this.#attempts.delete(cid)
    for (const { ofServer, level, text } of verdict.notices ?? []) {
      if (ofServer) this.#options.log[level](text)
    }
    const notices = verdict.notices?.filter(({ ofServer }) => !ofServer)
    if (attempt.isOver) return { ok: false, why: 'authorization', log: '', reason: '' }
    return { ...this.#admit(verdict, request, owner, startMs), notices }
  }

  #authorityFor({ connectionType }: LoginRequest): Authority {
    const { authorities } = this.#options
    if (connectionType === 'WEBSOCKET') return authorities.websocket
    return connectionType === 'STANDARD' ? authorities.client : authorities.leaf
  }

  #admit(verdict: Verdict, request: LoginRequest, owner: LoginOwner, startMs: number): LoginAnswer {
    if (!verdict.ok) {
      return { ok: false, why: verdict.why, log: verdict.log ?? '', reason: verdict.reason }
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
    if (isFull) return EXCEEDED
    const isDialled = false
    const permissions = undefined
    return this.#add({ request, identity, account, isLeaf, isDialled, startMs, permissions, owner })
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
    const grant = this.#grant(login)
    if (grant === undefined) {
      const log = 'Connection refused: shared memory is exhausted'
      return { ok: false, why: 'authorization', log, reason: '' }
    }
    this.#logins.set(request.cid, login)
    account.logins.set(request.cid, login)
    if (isLeaf) account.leafCount++
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
      exporters: directory.exportersFor(account),
      maxPayload: strictest(options.maxPayload, limits.maxPayload, identity.maxPayload),
      maxSubscriptions: strictest(
        serverSubscriptions,
        limits.maxSubscriptions,
        identity.maxSubscriptions,
      ),
      expiresMs: isAccounts ? accountEndsMs : userEndsMs,
      expiry: isAccounts ? 'accountExpired' : 'userExpired',
    }
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
    login.account.logins.delete(cid)
    if (login.isLeaf) login.account.leafCount--
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
      isDialled: false,
      startMs,
      permissions: undefined,
      owner,
    })
    return answer.ok ? answer.grant : undefined
  }

  /**
   * An account is another one than before: its connections are granted anew, or have to go.
   *
   * @param reasonToEnd why a connection cannot stay
   */
  review(account: Account, reasonToEnd: (identity: Identity) => ViolationName | undefined): void {
    const { maxConnections } = account.options.limits
    let place = 0
    for (const [cid, login] of [...account.logins]) {
      place++
      // The oldest stay.
      const isExcess = maxConnections >= 0 && place > maxConnections
      const end = () => (login.isDialled ? endOfDialled(account) : reasonToEnd(login.identity))
      const why = isExcess ? 'maxAccountConnections' : end()
      const grant = why === undefined ? this.#grant(login) : undefined
      if (grant === undefined) login.owner.evict(cid, why ?? 'authorization')
      else login.owner.regrant(cid, grant)
    }
  }

  /** The connections of a thread that died. */
  forgetOwner(owner: LoginOwner): void {
    for (const [cid, login] of [...this.#logins]) if (login.owner === owner) this.#end(cid)
  }
}

function isLeafLogin({ connectionType }: LoginRequest): boolean {
  return connectionType === 'LEAFNODE' || connectionType === 'LEAFNODE_WS'
}

/** The smallest of limits of which a negative one is none. */
function strictest(...limits: readonly number[]): number {
  const set = limits.filter((limit) => limit >= 0)
  return set.length === 0 ? -1 : Math.min(...set)
}
