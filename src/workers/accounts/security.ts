import { type Callout, createCallout } from '../../auth/auth-callout.ts'
import { type Authority, createAuthority } from '../../auth/authority.ts'
import { authoritySettings } from '../../auth/authority-settings.ts'
import type { LoginRequest } from '../../auth/login.ts'
import { NkeyPair } from '../../auth/nkeys.ts'
import { CurvePair } from '../../auth/xkeys.ts'
import { NATS_VERSION } from '../../base/version.ts'
import { SYSTEM_ACCOUNT } from '../../config/system-account.ts'
import { setHeader } from '../../router/accounts/message-headers.ts'
import type {
  InterestChange,
  LeafInterest,
  LocalInterest,
} from '../../router/leaf/leaf-interest.ts'
import type { InterestAnnouncer } from '../internal-client.ts'
import { type IoThread, post } from '../io-thread.ts'
import { MainProxy } from '../main-proxy.ts'
import type { Grant, LoginAnswer, PeerMessage, StandingLogin } from '../peer-messages.ts'
import type { ThreadSettings } from '../thread-settings.ts'
import { type Account, GLOBAL_ACCOUNT, plainAccount } from './account.ts'
import { AccountDirectory } from './account-directory.ts'
import { dialledLogin } from './dialled-login.ts'
import { PermissionStore } from './grants.ts'
import { LeafInterests } from './leaf-interests.ts'
import type { LoginOwner } from './login.ts'
import { LoginDesk } from './login-desk.ts'
import { OperatorAccounts } from './operator-accounts.ts'
import { serverHash, serverInfoSource } from './server-info.ts'
import { SystemClient } from './system-client.ts'
import { SystemServices } from './system-services.ts'

/** A thread that was running but does not tell who is connected to it; chosen. */
const REJOIN_TIMEOUT_MS = 5000
const NO_HEADERS = new Uint8Array(0)

export interface SecurityOptions {
  readonly thread: IoThread
  readonly settings: ThreadSettings
  /** By number, as a predecessor gave them. */
  readonly accountNames: readonly string[]
  readonly announcer: InterestAnnouncer
  readonly subscriptionsOf: (account: number) => Iterable<LocalInterest>
}

/**
 * Accounts and logins of the server, on the routing worker: who may connect, to which account, and
 * with what permissions.
 */
export class Security {
  readonly main = new MainProxy()
  readonly directory: AccountDirectory
  readonly desk: LoginDesk
  readonly #options: SecurityOptions
  readonly #systemName: string
  readonly #operator: OperatorAccounts | undefined
  readonly #interests: LeafInterests
  /** One for each protocol worker. */
  readonly #owners = new Map<number, LoginOwner>()
  /** Clients of the broker itself, by account number. */
  readonly #clients = new Map<number, SystemClient>()
  readonly #opened = Promise.withResolvers<void>()
  /** Connections whose accounts are being fetched, after a predecessor of this thread has died. */
  readonly #rejoining = new Set<number>()
  readonly #heardThreads = new Set<number>()
  #awaitedThreads: readonly number[] | undefined
  #onAllRejoined = () => {}

  constructor(options: SecurityOptions) {
    this.#options = options
    const { thread, settings, accountNames } = options
    const { options: config } = settings
    this.#systemName = config.noSystemAccount ? '' : config.systemAccount || SYSTEM_ACCOUNT
    this.directory = new AccountDirectory({
      kernel: thread.kernel,
      deadlines: thread.deadlines,
      log: thread.log,
      clusterName: '',
      systemAccount: this.#systemName,
      checkActivation: (request) => this.#operator?.mayImport(request) === true,
      names: accountNames.length === 0 ? [GLOBAL_ACCOUNT] : accountNames,
      onNumbered: (name, number) => post({ type: 'accountNumbered', name, number }),
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
    })
  }

  #createAuthorities(): Record<'client' | 'websocket' | 'leaf', Authority> {
    const { settings } = this.#options
    const callout = this.#createCallout()
    const tools = {
      verifyBcrypt: this.main.verifyBcrypt.bind(this.main),
      jwt: this.#operator?.authority,
      callout,
    }
    const rules = authoritySettings(settings.options, settings.implicitUser)
    return {
      client: createAuthority('client', rules, tools),
      websocket: createAuthority('websocket', rules, tools),
      leaf: createAuthority('leaf', rules, tools),
    }
  }

  #createCallout(): Callout | undefined {
    const { settings } = this.#options
    const { options, identity, serverName } = settings
    const { authCallout, timeoutMs } = options.authorization
    if (authCallout === undefined && this.#operator === undefined) return undefined
    const keys = NkeyPair.fromSeed(identity.seed, ['server'])
    const curve = CurvePair.fromSeed(identity.curveSeed)
    if (keys === undefined || curve === undefined) throw new TypeError('the server has no keys')
    return createCallout({
      options: authCallout,
      server: {
        name: serverName,
        host: options.host,
        id: identity.id,
        version: NATS_VERSION,
        cluster: '',
        tags: options.serverTags,
      },
      keys,
      curve,
      timeoutMs,
      nowMs: Date.now,
      ask: async ({ account, subject, payload, header }, limitMs) => {
        const to = this.directory.get(account)
        if (to === undefined) throw new Error(`account ${account} is not known`)
        const headers =
          header === undefined ? NO_HEADERS : setHeader(NO_HEADERS, header.name, header.value)
        const message = { subject, headers, payload }
        return (await this.#clientOf(to).request(message, limitMs))?.payload
      },
      accounts: {
        configured: (name) => this.directory.get(name)?.options,
        claims: (publicKey) => this.#operator?.lookup(publicKey),
        issuerOf: (account, key) =>
          this.#operator?.authority.issuerOf(account, key) ?? { isKnown: false, scope: undefined },
      },
    })
  }

  #clientOf(account: Account): SystemClient {
    const known = this.#clients.get(account.number)
    if (known !== undefined) return known
    const { thread, announcer, settings } = this.#options
    const hash = serverHash(settings.serverName)
    const made = new SystemClient(thread, account.number, announcer, hash)
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
    const { options } = this.#options.settings
    this.directory.open()
    if (this.#systemName !== '') this.directory.take(this.#systemName)
    if (this.#operator === undefined) {
      const given = new Map(options.accounts.map((account) => [account.name, account]))
      const global = plainAccount(GLOBAL_ACCOUNT)
      this.directory.define({ ...global, mappings: options.mappings })
      if (this.#systemName !== '' && !given.has(this.#systemName)) {
        this.directory.define(plainAccount(this.#systemName))
      }
      for (const account of options.accounts) this.directory.define(account)
    }
    const global = this.directory.take(GLOBAL_ACCOUNT)
    this.directory.addSystemImports(global)
    if (this.#operator === undefined) return
    await this.#operator.open()
    if (this.#systemName === SYSTEM_ACCOUNT) this.directory.define(plainAccount(SYSTEM_ACCOUNT))
    else if (this.#systemName !== '') await this.#operator.openSystemAccount()
    this.#opened.resolve()
  }

  /**
   * The sublist is open: the broker's own services begin.
   *
   * @throws BrokerError as `open`
   */
  async start(): Promise<void> {
    const { settings } = this.#options
    const serverInfo = serverInfoSource(settings)
    const system = this.directory.systemAccount
    const client = system && this.#clientOf(system)
    await this.#operator?.start({ bus: client, serverInfo, systemAccount: this.#systemName })
    if (client === undefined) return
    new SystemServices({ client, directory: this.directory, desk: this.desk, serverInfo }).start()
  }

  // ── protocol workers ──────────────────────────────────────────────────────────────────────

  onPeerConnected(thread: number): void {
    const { thread: own } = this.#options
    this.#owners.set(thread, {
      regrant: (cid, grant) => own.tell(thread, { type: 'regranted', cid, grant }),
      evict: (cid, why) => own.tell(thread, { type: 'evicted', cid, why }),
    })
  }

  onPeerMessage(from: number, message: PeerMessage): void {
    const owner = this.#owners.get(from)
    if (owner === undefined) return
    if (message.type === 'login') void this.#logIn(from, owner, message)
    else if (message.type === 'logout') {
      this.#rejoining.delete(message.cid)
      this.desk.logOut(message.cid)
    } else if (message.type === 'rejoin') void this.#onRejoin(from, owner, message.logins)
    else if (message.type === 'rejoinDone') this.awaitNoMore(from)
  }

  async #logIn(
    from: number,
    owner: LoginOwner,
    { id, request, isSilent, startMs }: PeerMessage & { type: 'login' },
  ): Promise<void> {
    const answer = await this.desk.logIn(request, isSilent, owner, startMs)
    this.#options.thread.inTurn(() =>
      this.#options.thread.tell(from, { type: 'loggedIn', id, answer }),
    )
  }

  /** In operator mode after their accounts have been fetched, without which they cannot stay. */
  async #onRejoin(
    from: number,
    owner: LoginOwner,
    logins: readonly StandingLogin[],
  ): Promise<void> {
    const operator = this.#operator
    if (operator !== undefined && logins.length > 0) {
      for (const { request } of logins) this.#rejoining.add(request.cid)
      await this.#opened.promise
      const names = new Set(logins.map(({ accountName }) => accountName))
      await Promise.all([...names].map((name) => operator.lookup(name)))
      if (this.#owners.get(from) !== owner) return
    }
    this.#options.thread.inTurn(() => {
      const grants: [number, Grant][] = []
      for (const standing of logins) {
        const { cid } = standing.request
        if (operator !== undefined && !this.#rejoining.delete(cid)) continue
        const why = operator?.reasonToEnd(standing)
        const grant = why === undefined ? this.desk.rejoin(standing, owner) : undefined
        if (grant === undefined) owner.evict(cid, why ?? 'authorization')
        else grants.push([cid, grant])
      }
      this.#options.thread.tell(from, { type: 'rejoined', grants })
    })
  }

  /** A thread has told who is connected to it, or will never do so. */
  awaitNoMore(thread: number): void {
    this.#heardThreads.add(thread)
    if (this.#awaitedThreads?.every((one) => this.#heardThreads.has(one))) this.#onAllRejoined()
  }

  /** All clients of these threads have been granted anew; a thread that dies is not waited for. */
  rejoined(threads: readonly number[]): Promise<void> {
    // Some may have told it before anybody waited.
    if (threads.every((one) => this.#heardThreads.has(one))) return Promise.resolve()
    this.#awaitedThreads = threads
    return new Promise((resolve) => {
      this.#onAllRejoined = resolve
      this.#options.thread.deadlines.after(REJOIN_TIMEOUT_MS, resolve)
    })
  }

  onPeerDied(thread: number): void {
    const owner = this.#owners.get(thread)
    this.#owners.delete(thread)
    if (owner !== undefined) this.desk.forgetOwner(owner)
    this.awaitNoMore(thread)
  }

  // ── leaf links ────────────────────────────────────────────────────────────────────────────

  /** @param owner told when what was granted changes, or ends */
  logInLeaf(request: LoginRequest, owner: LoginOwner): Promise<LoginAnswer> {
    return this.desk.logIn(request, false, owner, Date.now())
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

  close(): void {
    void this.#operator?.close()
  }
}
