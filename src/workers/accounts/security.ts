import { isDeepStrictEqual } from 'node:util'
import type { AccountClaims } from '../../auth/jwt/claims.ts'
import type { LoginRequest } from '../../auth/login.ts'
import { settle } from '../../auth/login-attempt.ts'
import type { AccountOptions } from '../../config/account-types.ts'
import type { Options } from '../../config/options.ts'
import { SYSTEM_ACCOUNT } from '../../config/system-account.ts'
import type { SubscriberQuery } from '../../monitor/requests/service-bodies.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import type {
  InterestChange,
  LeafInterest,
  LocalInterest,
} from '../../router/leaf/leaf-interest.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import { inSlicesOf } from '../io-thread/slices.ts'
import type { InterestAnnouncer } from '../messages/internal-client.ts'
import type { ReloadCounts } from '../reload/reload-types.ts'
import { systemAccountName } from '../system/router-events.ts'
import { serverHash, serverInfoSource } from '../system/server-info.ts'
import { SystemAccount } from '../system/system-account.ts'
import { SystemClient } from '../system/system-client.ts'
import type { SystemEvents } from '../system/system-events.ts'
import { SystemTrace } from '../system/system-trace.ts'
import { MainProxy } from '../threads/main-proxy.ts'
import type { LoginAnswer } from '../threads/peer-messages.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'
import { type Account, plainAccount } from './account.ts'
import { AccountDirectory } from './account-directory.ts'
import { type Authorities, createAuthorities } from './authorities.ts'
import { dialledLogin } from './dialled-login.ts'
import { PermissionStore } from './grants.ts'
import { LeafInterests } from './leaf-interests.ts'
import type { Login, LoginOwner } from './login.ts'
import { LoginDesk } from './login-desk.ts'
import { OperatorAccounts } from './operator-accounts.ts'
import { Pacer } from './pacer.ts'
import { PeerLogins } from './peer-logins.ts'
import { VerifiedPasswords } from './verified-passwords.ts'

const NEW_LEAF = { isSilent: false, inAccount: '' }

export interface SecurityOptions {
  readonly thread: IoThread
  readonly settings: ThreadSettings
  /** By number, as a predecessor gave them. */
  readonly accountNames: readonly string[]
  readonly announcer: InterestAnnouncer
  readonly subscriptionsOf: (account: number) => Iterable<LocalInterest>
  /** Of clients, and of leaf nodes that have dialled. */
  readonly countSubscribers: (query: SubscriberQuery) => Promise<number>
}

/**
 * Accounts and logins of the server, on the routing worker: who may connect, to which account, and
 * with what permissions.
 */
export class Security {
  readonly main: MainProxy
  readonly directory: AccountDirectory
  readonly desk: LoginDesk
  readonly peers: PeerLogins
  readonly #options: SecurityOptions
  #settings: ThreadSettings
  readonly #passwords = new VerifiedPasswords((password, hash, asker) =>
    this.main.verifyBcrypt(password, hash, asker),
  )
  readonly #pacer = new Pacer((thread, id) =>
    this.#options.thread.tell(thread, { type: 'pace', id }),
  )
  /** Counts the times that everybody was judged anew. */
  #reviews = 0
  readonly #systemName: string
  /** Undefined before the start, and without a system account. */
  #system: SystemAccount | undefined
  readonly #operator: OperatorAccounts | undefined
  readonly #interests: LeafInterests
  /** Clients of the broker itself, by account number. */
  readonly #clients = new Map<number, SystemClient>()
  readonly #opened = Promise.withResolvers<void>()

  constructor(options: SecurityOptions) {
    this.#options = options
    const { thread, settings, accountNames } = options
    this.main = new MainProxy(thread.post)
    this.#settings = settings
    const { options: config } = settings
    this.#systemName = systemAccountName(config)
    this.directory = new AccountDirectory({
      kernel: thread.kernel,
      deadlines: thread.deadlines,
      log: thread.log,
      clusterName: '',
      systemAccount: this.#systemName,
      checkActivation: (request) => this.#operator?.mayImport(request) === true,
      names: accountNames.length === 0 ? [GLOBAL_ACCOUNT] : accountNames,
      onNumbered: (name, number) => thread.post({ type: 'accountNumbered', name, number }),
      onMappings: (name) => this.#onAccountChanged(name),
      onImports: ({ added, removed }) => {
        const names = [...added, ...removed].flatMap((one) => [one.importer, one.exporter])
        for (const name of new Set(names)) this.#onAccountChanged(name)
      },
    })
    this.#interests = new LeafInterests(this.directory, options.subscriptionsOf)
    this.#operator =
      config.operator &&
      new OperatorAccounts({
        operator: config.operator,
        log: thread.log,
        systemAccount: this.#systemName,
        nowMs: Date.now,
        after: (ms, run) => {
          const deadline = thread.deadlines.after(ms, () => this.#options.thread.inTurn(run))
          return () => deadline.cancel()
        },
        directory: () => this.directory,
        desk: () => this.desk,
      })
    this.desk = new LoginDesk({
      options: config,
      directory: this.directory,
      permissions: new PermissionStore(thread.kernel, thread.deadlines),
      authorities: this.#createAuthorities(),
      log: thread.log,
      forget: (cid) => this.main.forgetConnection(cid),
      onEnd: (cid) => this.#passwords.forget(cid),
      onCountChanged: (account) => this.#system?.connections.onChanged(account),
      pace: () => this.#pacer.wait(),
    })
    this.peers = new PeerLogins({
      thread,
      desk: this.desk,
      passwords: this.#passwords,
      pacer: this.#pacer,
      operator: this.#operator,
      opened: this.#opened.promise,
      events: () => this.events,
    })
  }

  #createAuthorities(): Authorities {
    return createAuthorities(this.#settings, {
      verifyBcrypt: this.#passwords.verify,
      operator: this.#operator,
      optionsOf: (name) => this.directory.get(name)?.options,
      clientOf: (name) => {
        const account = this.directory.get(name)
        return account && this.#clientOf(account)
      },
    })
  }

  #clientOf(account: Account): SystemClient {
    const known = this.#clients.get(account.number)
    if (known !== undefined) return known
    const { thread, announcer } = this.#options
    const hash = serverHash(this.#settings.serverName)
    const isSystem = account.name === this.#systemName
    const trace = isSystem ? new SystemTrace(thread.log, () => this.#settings.options) : undefined
    const made = new SystemClient(thread, account.number, announcer, hash, trace)
    this.#clients.set(account.number, made)
    return made
  }

  // ── start ─────────────────────────────────────────────────────────────────────────────────

  /**
   * Puts the accounts of the configuration in force.
   *
   * @throws BrokerError when the server cannot start as it is configured
   */
  async open(): Promise<void> {
    this.directory.open()
    if (this.#systemName !== '') this.directory.take(this.#systemName)
    if (this.#operator === undefined) {
      for (const account of this.#accountsOf(this.#settings)) this.directory.define(account)
    }
    const global = this.directory.take(GLOBAL_ACCOUNT)
    this.directory.addSystemImports(global)
    if (this.#operator === undefined) return
    await this.#operator.open()
    if (this.#systemName === SYSTEM_ACCOUNT) this.directory.define(plainAccount(SYSTEM_ACCOUNT))
    else if (this.#systemName !== '') await this.#operator.openSystemAccount()
    this.#opened.resolve()
  }

  /** Those of the configuration, and those that are there without being named. */
  #accountsOf({ options }: ThreadSettings): AccountOptions[] {
    const isGiven = options.accounts.some(({ name }) => name === this.#systemName)
    return [
      { ...plainAccount(GLOBAL_ACCOUNT), mappings: options.mappings },
      ...(this.#systemName === '' || isGiven ? [] : [plainAccount(this.#systemName)]),
      ...options.accounts,
    ]
  }

  /**
   * The sublist is open: the broker's own services begin.
   *
   * @throws BrokerError as `open`
   */
  async start(): Promise<void> {
    const serverInfo = serverInfoSource(() => this.#settings)
    const system = this.directory.systemAccount
    const client = system && this.#clientOf(system)
    await this.#operator?.start({ bus: client, serverInfo, systemAccount: this.#systemName })
    if (client === undefined) return
    this.#system = new SystemAccount({
      thread: this.#options.thread,
      client,
      clientOf: (account) => this.#clientOf(account),
      directory: this.directory,
      desk: this.desk,
      main: this.main,
      systemAccount: this.#systemName,
      settings: () => this.#settings,
      serverInfo,
      countSubscribers: this.#options.countSubscribers,
    })
    this.#system.start()
  }

  get pinnedAccountFails(): number {
    return this.#operator?.authority.pinnedAccountFails ?? 0
  }

  get events(): SystemEvents | undefined {
    return this.#system?.events
  }

  // ── reload ────────────────────────────────────────────────────────────────────────────────

  /** @throws ResolverError when other settings cannot be put in force */
  prepareReload({ options }: ThreadSettings): void {
    if (options.operator !== undefined) this.#operator?.prepareReload(options.operator)
  }

  /**
   * Puts other settings in force: accounts first, then those who are connected are judged anew.
   * Resolves when all of them have heard of it.
   *
   * @param isAuthChanged who may connect, and what for, differs; otherwise only limits may
   */
  async reload(
    settings: ThreadSettings,
    isAuthChanged: boolean,
  ): Promise<Pick<ReloadCounts, 'reauthenticated' | 'disconnected'>> {
    const operator = this.#operator
    const before = this.#settings
    this.#settings = settings
    const { options } = settings
    const limited = operator === undefined ? this.#redefine(before, settings) : []
    this.desk.replaceRules({ options, authorities: this.#createAuthorities() })
    // In operator mode those are judged anew whose account has other claims.
    const disconnected = options.operator && (await operator?.reload(options.operator))
    const counts = await this.#review(isAuthChanged && operator === undefined)
    const excess = limited.reduce((sum, account) => sum + this.desk.evictExcess(account), 0)
    await this.#pacer.wait()
    this.#announceInfo(before.options, options)
    return { ...counts, disconnected: counts.disconnected + excess + (disconnected ?? 0) }
  }

  /** Every event names the server with these; who listens for figures hears of new ones at once. */
  #announceInfo(before: Options, after: Options): void {
    const isSame =
      isDeepStrictEqual(before.serverTags, after.serverTags) &&
      isDeepStrictEqual(before.serverMetadata, after.serverMetadata)
    if (!isSame) this.#system?.clock.announce()
  }

  /**
   * Its predecessor may have died while it judged everybody by these settings. An auth callout has
   * no such memory of who was let in by its word as passwords have: it is not asked again.
   */
  async judgeRejoined(): Promise<void> {
    const { authCallout } = this.#settings.options.authorization
    if (this.#operator === undefined && authCallout === undefined) await this.#review(true)
  }

  /** @returns accounts that have other limits than before */
  #redefine(before: ThreadSettings, after: ThreadSettings): Account[] {
    const { directory } = this
    const old = new Map(this.#accountsOf(before).map((account) => [account.name, account]))
    const given = this.#accountsOf(after)
    const names = new Set(given.map(({ name }) => name))
    this.#options.thread.inTurn(() => {
      for (const name of old.keys()) {
        const account = names.has(name) ? undefined : directory.get(name)
        if (account !== undefined) directory.undefine(account)
      }
      for (const account of given) {
        if (!isDeepStrictEqual(account, old.get(account.name))) directory.define(account)
      }
    })
    return given
      .filter(({ name, limits }) => !isDeepStrictEqual(limits, old.get(name)?.limits))
      .flatMap(({ name }) => directory.get(name) ?? [])
  }

  async #review(
    isJudged: boolean,
  ): Promise<Pick<ReloadCounts, 'reauthenticated' | 'disconnected'>> {
    const review = ++this.#reviews
    let reauthenticated = 0
    let disconnected = 0
    const count = (outcome: 'stays' | 'goes' | undefined): void => {
      if (outcome === 'stays') reauthenticated++
      if (outcome === 'goes') disconnected++
    }
    const look = (login: Login): Promise<void> | void =>
      this.#options.thread.inTurn(() => {
        if (isJudged) return settle(this.desk.readmit(login), count)
        count(this.desk.grantAgain(login))
      })
    this.#passwords.share()
    // The next reload begins with everybody, whatever has become of this one.
    const isStale = () => review !== this.#reviews
    await inSlicesOf(this.desk.logins, look, () => this.#pacer.wait(), isStale)
    if (!isStale()) this.#passwords.shareNoMore()
    return { reauthenticated, disconnected }
  }

  // ── leaf links ────────────────────────────────────────────────────────────────────────────

  /** @param owner told when what was granted changes, or ends */
  logInLeaf(request: LoginRequest, owner: LoginOwner): Promise<LoginAnswer> {
    return this.desk.logIn(request, NEW_LEAF, owner, Date.now())
  }

  /**
   * @param host of the peer
   * @param owner as above
   */
  addDialledLeaf(cid: number, host: string, account: Account, owner: LoginOwner): LoginAnswer {
    return this.desk.addDialled(dialledLogin(cid, host, account, owner))
  }

  logOutLeaf(cid: number): void {
    this.desk.logOut(cid)
    this.#passwords.forget(cid)
  }

  get globalAccount(): Account {
    return this.directory.take(GLOBAL_ACCOUNT)
  }

  /** Who a link that this server dialled belongs to; fetched in operator mode. */
  async accountFor(name: string): Promise<Account | undefined> {
    const wanted = name === '' ? GLOBAL_ACCOUNT : name
    if (this.#operator !== undefined && wanted !== GLOBAL_ACCOUNT) {
      await this.#operator.lookup(wanted)
    }
    return this.directory.get(wanted)
  }

  interestOf(account: Account): LeafInterest {
    return this.#interests.of(account)
  }

  get hasLinks(): boolean {
    return this.#interests.hasLinks
  }

  onInterest(account: number, change: InterestChange): void {
    const known = this.directory.at(account)
    if (known !== undefined) this.#interests.onInterest(known, change)
  }

  #onAccountChanged(name: string): void {
    const account = this.directory.get(name)
    if (account !== undefined) this.#interests.onAccountChanged(account)
  }

  get isOperatorMode(): boolean {
    return this.#operator !== undefined
  }

  /** The JWT that claims in force were read from; '' = none. */
  jwtOf(claims: AccountClaims): string {
    return this.#operator?.jwtOf(claims) ?? ''
  }

  close(): void {
    void this.#operator?.close()
  }
}
