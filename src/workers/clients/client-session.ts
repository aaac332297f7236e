import type { TlsFacts } from '../../auth/login.ts'
import type { Connection } from '../../io/connection.ts'
import { CLOSED, HOLD, INCOMPLETE, type Session } from '../../io/session.ts'
import { connectionPrefix } from '../../monitor/log/connection-prefix.ts'
import { traceOperation } from '../../monitor/log/trace-lines.ts'
import { CLOSED_STATES, type ClosedState } from '../../protocol/closed-states.ts'
import { CONNECT_DEFAULTS, type ConnectOptions, decodeConnect } from '../../protocol/connect.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { goQuoteSpan } from '../../protocol/go-quote.ts'
import type { ServerInfo } from '../../protocol/info.ts'
import { type Operation, readOperation } from '../../protocol/operation.ts'
import { redactConnect } from '../../protocol/redact-connect.ts'
import { errorLine, VIOLATIONS, type ViolationName } from '../../protocol/violations.ts'
import type { CookieCredentials } from '../../protocol/websocket/upgrade-request.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import type { Requester } from '../accounts/service-imports.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import { clientFacts } from '../reports/client-facts.ts'
import type { ReportedSession, SessionFacts } from '../reports/reported-session.ts'
import type { Grant } from '../threads/peer-messages.ts'
import type { ActiveTrace } from '../tracing/active-trace.ts'
import { setClientFlags } from './client-flags.ts'
import type { ClientFront, ClientRequest } from './client-front.ts'
import type { ConnectionGrant } from './client-grant.ts'
import { ClientGreeting } from './client-greeting.ts'
import { clientInfoOf, grantedPrefix, withCookies } from './client-identity.ts'
import { ClientLogin } from './client-login.ts'
import { ClientPings } from './client-pings.ts'
import { answerNoResponders, forwardToServices } from './client-requests.ts'
import { ClientSubscriptions } from './client-subscriptions.ts'
import { awaitRates, limitIngress } from './ingress-budgets.ts'
import { decodeClientConnect } from './shared-connect.ts'
import { SlowPublish } from './slow-publish.ts'

/** First letters of SUB and UNSUB. */
const LOWER_S = 115
const LOWER_U = 117

/**
 * What a client's bytes mean, except for well-formed publishes, which the kernel handles alone.
 *
 * Texts of subjects and sids are latin1, so that every byte survives.
 */
export class ClientSession implements Session, Requester, ReportedSession {
  needBytes = 0
  droppableFrom = 0
  droppableTo = 0
  options: ConnectOptions = CONNECT_DEFAULTS
  readonly connection: Connection
  front: ClientFront
  /** Undefined as long as it speaks in clear. */
  tls: TlsFacts | undefined
  /** TLS came before INFO. */
  isTlsFirst = false
  readonly subscriptions: ClientSubscriptions
  readonly login: ClientLogin
  readonly #worker: ProtocolWorker
  /** Made for the first operation that needs it: most clients send none. */
  #publish: SlowPublish | undefined
  readonly #pings: ClientPings
  readonly #greeting: ClientGreeting
  readonly #forwardedIp: string
  /** Of the socket, whatever a PROXY header says; undefined where there are none. */
  readonly #firstPrefix: string | undefined
  /** What the prefix tells besides, once it is known who this is. */
  #shownOptions: ConnectOptions | undefined
  #shownGrant: Grant | undefined
  readonly startMs = Date.now()
  readonly #cookies: CookieCredentials | undefined
  /** What clientInfo has told last; undefined once anything but the round trip has changed. */
  #info: ClientInfo | undefined

  constructor(
    worker: ProtocolWorker,
    connection: Connection,
    front: ClientFront,
    request?: ClientRequest,
  ) {
    this.#worker = worker
    this.connection = connection
    this.front = front
    this.#forwardedIp = request?.forwardedIp ?? ''
    this.#firstPrefix = worker.proxy === undefined ? undefined : this.#placePrefix()
    this.#greeting = new ClientGreeting(this)
    this.subscriptions = new ClientSubscriptions(worker, this)
    this.#cookies = request?.cookies
    this.tls = request?.tls
    this.login = new ClientLogin(worker, this)
    this.#pings = new ClientPings(worker, this)
    if (front.required && worker.hasGrantedRates) awaitRates(connection)
    else this.limitIngress()
  }

  /**
   * What lines of the log about the client begin with. Not kept: as strings its parts would be a
   * tenth of what an idle client costs, and few lines are written.
   */
  get prefix(): string {
    const first = this.#firstPrefix ?? this.#placePrefix()
    const options = this.#shownOptions
    if (options === undefined) return first
    return grantedPrefix(first, options, this.#shownGrant, GLOBAL_ACCOUNT)
  }

  #placePrefix(): string {
    const { remote, cid } = this.connection
    return connectionPrefix(this.front.kind, remote, cid, this.#forwardedIp)
  }

  /** What INFO told, to be signed; '' when nobody has to. */
  get nonce(): string {
    return this.#greeting.nonce
  }

  /** Address of the client, as a proxy may have told it. */
  get host(): string {
    return this.#forwardedIp || this.connection.remoteAddress
  }

  /** Sends INFO. A refused client gets it too, then learns why. */
  start(isRefused: boolean): void {
    this.open()
    this.sendInfo()
    if (isRefused) this.violate('maxConnections')
    else this.startTimers()
  }

  /** The first part of `start`, for those that may have to shake hands before INFO, or after it. */
  open(): void {
    this.#worker.log.debug(`${this.prefix}Client connection created`)
    this.setFlags()
  }

  /** What is read from the client a second follows the options and what was granted. */
  limitIngress(): void {
    const { options, ingressBudgets } = this.#worker
    limitIngress(this.connection, options, this.granted?.grant.rates ?? [], ingressBudgets)
  }

  /** The last part of `start`: the client may speak now. */
  startTimers(): void {
    this.login.start()
    this.#pings.start()
  }

  /** Unless it has ended. */
  inTurn(run: () => void): void {
    if (this.connection.isOpen) this.#worker.thread.inTurn(run)
  }

  sendInfo(more: Partial<ServerInfo> = {}): void {
    this.#greeting.send(more)
  }

  get hasHeaders(): boolean {
    return this.options.headers && !this.#worker.options.noHeaderSupport
  }

  // ── operations ────────────────────────────────────────────────────────────────────────────

  onOperation(at: number, to: number): number {
    if (this.login.isVerifying) return HOLD
    const { bytes } = this.#worker.kernel
    const first = bytes[at]! | 32
    if (first === LOWER_S || first === LOWER_U) {
      if (this.subscriptions.mustPause()) return HOLD
      const next = this.subscriptions.readLines(at, to, first === LOWER_U)
      if (next !== at) return next
    }
    const result = readOperation(
      bytes,
      at,
      to,
      'client',
      this.#worker.limits,
      !this.login.isAuthenticated && !this.front.takesSilent,
    )
    if (result.type === 'violation') {
      if (result.which === 'authorization') {
        this.#worker.log.error(`${this.prefix}authentication error`)
      } else {
        const isTooLong = result.which === 'controlLineExceeded'
        this.#logViolation(isTooLong ? 'maximum control line exceeded' : result.which, at, to)
      }
      return this.violate(result.which)
    }
    if (result.type === 'incomplete') {
      this.needBytes = 0
      this.droppableFrom = result.droppableFrom
      this.droppableTo = result.droppableTo
      return INCOMPLETE
    }
    this.droppableFrom = this.droppableTo = 0
    if (!this.login.isAuthenticated && result.verb !== 'CONNECT') {
      // Only where silent clients are let in.
      this.login.enterSilently()
      return HOLD
    }
    if (result.verb === 'SUB') return this.subscriptions.onSub(result)
    if (result.verb === 'UNSUB') return this.subscriptions.onUnsub(result)
    if (this.subscriptions.isAwaited) {
      this.#worker.awaitRouter(this.connection)
      return HOLD
    }
    return this.#onOther(result, at, to)
  }

  get readsWhileHeld(): boolean {
    return this.login.isVerifying
  }

  #onOther(operation: Operation, at: number, to: number): number {
    switch (operation.verb) {
      case 'PUB':
      case 'HPUB':
        this.#publish ??= new SlowPublish(this.#worker, this)
        return this.#publish.onPublish(operation, at, to, operation.verb === 'HPUB')
      case 'PING':
        return this.#onPing(operation)
      case 'PONG':
        this.trace('PONG')
        this.#pings.onPong()
        return operation.next
      case 'CONNECT':
        return this.#onConnect(operation)
      case 'INFO':
        return this.#onInfo(operation)
      case 'ERR':
        return this.#onPeerError(operation)
      case 'OK':
        return operation.next
      default:
        return this.violate('unknownProtocolOperation')
    }
  }

  #onPing({ next }: Operation): number {
    // PONG promises that everything sent before the PING has taken effect, everywhere.
    if (!this.subscriptions.isApplied()) {
      this.#worker.awaitRouter(this.connection)
      return HOLD
    }
    // And clients rely on having got what others had flushed before: it comes ahead of the PONG.
    this.#worker.thread.readLanesToEnd()
    if (!this.connection.isOpen) return CLOSED
    this.trace('PING')
    this.connection.write('PONG\r\n')
    if (this.login.hasConnected) this.#greeting.afterPong()
    return next
  }

  #onInfo(operation: Operation): number {
    // nats-server reads it, ignores it, and closes when it is no JSON.
    return decodeConnect(this.#text(operation), this.options).ok
      ? operation.next
      : this.violate('badArguments')
  }

  #onPeerError(operation: Operation): number {
    this.#worker.log.error(`${this.prefix}Client Error ${this.#text(operation)}`)
    return this.violate('peerError')
  }

  #text({ argFrom, argTo }: Operation): string {
    return this.#worker.kernel.bytes.toString('utf8', argFrom, argTo)
  }

  trace(operation: string, argument = ''): void {
    const { log } = this.#worker
    if (log.traceEnabled) log.trace(this.prefix + traceOperation('in', operation, argument))
  }

  // ── CONNECT ───────────────────────────────────────────────────────────────────────────────

  #onConnect(operation: Operation): number {
    const text = this.#text(operation)
    if (this.#worker.log.traceEnabled) this.trace('CONNECT', redactConnect(text))
    this.login.stopDeadline()
    const decoded = decodeClientConnect(text, this.options)
    if (!decoded.ok) return this.violate('badArguments')
    if (this.login.hasConnected || this.granted !== undefined) this.subscriptions.removeAll()
    const { jwt } = decoded.options
    this.options = withCookies(decoded.options, this.#cookies)
    if (!this.front.takesJwt && jwt !== '') this.options = { ...this.options, jwt: '' }
    this.#pings.onConnect()
    this.connection.noteInterest()
    return this.login.connect() ? operation.next : CLOSED
  }

  // ── login ─────────────────────────────────────────────────────────────────────────────────

  get turnedAwayFrom(): string {
    return this.login.turnedAwayFrom
  }

  /** Undefined before the client is let in, and where everybody is. */
  get granted(): ConnectionGrant | undefined {
    return this.login.granted
  }

  /** It is known who this is. */
  identify(grant: Grant | undefined): void {
    this.#info = undefined
    this.#shownOptions = this.options
    this.#shownGrant = grant
  }

  /** What it may do is other than before. */
  onGranted(): void {
    this.#info = undefined
    this.setFlags()
  }

  /** What the kernel may do without asking follows login and options. */
  setFlags(): void {
    setClientFlags(this.#worker, this)
  }

  /**
   * The worker has other settings.
   *
   * @returns whether the client was let in without a word and has to log in now
   */
  useFront(): boolean {
    const { required } = this.front
    this.front = this.#worker.frontOf(this.front.kind)
    const mustLogIn = this.login.useFront(!required && this.front.required)
    this.setFlags()
    this.limitIngress()
    return mustLogIn
  }

  /** The account does not want this client any more. */
  evict(why: ViolationName, log = ''): void {
    this.inTurn(() => {
      const { wire } = VIOLATIONS[why]
      const level = why.startsWith('max') ? 'error' : 'debug'
      if (log !== '') this.#worker.log.error(this.prefix + log)
      else if (wire !== null) this.#worker.log[level](this.prefix + wire)
      this.violate(why)
    })
  }

  /** +OK, for a client that wants to hear of each success. */
  ok(): void {
    if (this.options.verbose) this.connection.write('+OK\r\n')
  }

  onRefused(slot: number): void {
    this.subscriptions.onRefused(slot)
  }

  /** The subscription got all it asked for. */
  onExpired(slot: number): void {
    this.subscriptions.remove(slot)
  }

  // ── who it is, for other accounts ─────────────────────────────────────────────────────────

  readonly isLeaf = false

  clientInfo(): ClientInfo {
    if (this.#info?.rttNs !== this.#pings.rttNs) {
      this.#info = clientInfoOf(this, this.host, this.#worker.serverName)
    }
    return this.#info
  }

  // ── ReportedSession ───────────────────────────────────────────────────────────────────────

  readonly isListed = true

  get accountName(): string {
    return this.granted?.grant.accountName ?? GLOBAL_ACCOUNT
  }

  get rttNs(): number {
    return this.#pings.rttNs
  }

  get subscriptionCount(): number {
    return this.subscriptions.count
  }

  reportFacts(): SessionFacts {
    return clientFacts(this)
  }

  subscriptionText(max: number): string {
    return this.subscriptions.text(max)
  }

  isInterestedIn(subject: string): boolean {
    return this.subscriptions.collidesWith(subject)
  }

  // ── requests without responders ───────────────────────────────────────────────────────────

  onNoResponders(): void {
    answerNoResponders(this.#worker, this)
  }

  /** @param active the request is traced */
  onImports(active?: ActiveTrace): void {
    forwardToServices(this.#worker, this, active)
  }

  // ── end ───────────────────────────────────────────────────────────────────────────────────

  /** The arguments make no sense: closed without a word, as nats-server does. */
  refuseArguments(why: string): number {
    this.#worker.log.error(this.prefix + why)
    return this.violate('badArguments')
  }

  /** Tells the client what is wrong, and closes. */
  violate(name: ViolationName): number {
    const { wire, closedState } = VIOLATIONS[name]
    if (wire !== null) this.connection.write(errorLine(wire))
    this.connection.close(closedState ?? 'protocolViolation')
    return CLOSED
  }

  #logViolation(what: string, at: number, to: number): void {
    const snippet = goQuoteSpan(this.#worker.kernel.bytes, at, Math.min(to, at + 32))
    this.#worker.log.error(`${this.prefix}Client parser ERROR, ${what}: proto='${snippet}'`)
  }

  /** @see ClientGreeting.tellLameDuck */
  tellLameDuck(): boolean {
    return this.#greeting.tellLameDuck()
  }

  onReadFailure(why: string): void {
    this.#worker.log.error(`${this.prefix}read error: ${why}`)
  }

  onNotice(level: 'info' | 'warn', text: string): void {
    this.#worker.log[level](this.prefix + text)
  }

  onClosed(reason: ClosedState): void {
    this.#worker.reports.onClosed(this, reason)
    this.#pings.stop()
    this.subscriptions.close()
    this.login.end(reason)
    this.#worker.log.debug(`${this.prefix}Client connection closed: ${CLOSED_STATES[reason]}`)
  }
}
