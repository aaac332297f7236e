import { randomBytes } from 'node:crypto'
import type { LoginRequest, TlsFacts } from '../auth/login.ts'
import type { Connection } from '../io/connection.ts'
import type { Deadline } from '../io/deadlines.ts'
import { CLOSED, HOLD, INCOMPLETE, type Session } from '../io/session.ts'
import { connectionPrefix, presentedUserText } from '../monitor/log/connection-prefix.ts'
import { traceOperation } from '../monitor/log/trace-lines.ts'
import { CLOSED_STATES, type ClosedState } from '../protocol/closed-states.ts'
import { CONNECT_DEFAULTS, type ConnectOptions, decodeConnect } from '../protocol/connect.ts'
import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuoteSpan } from '../protocol/go-quote.ts'
import { noResponders } from '../protocol/headers.ts'
import { encodeInfo, type ServerInfo } from '../protocol/info.ts'
import { type Operation, readOperation } from '../protocol/operation.ts'
import { redactConnect } from '../protocol/redact-connect.ts'
import { errorLine, VIOLATIONS, type ViolationName } from '../protocol/violations.ts'
import type { CookieCredentials } from '../protocol/websocket/upgrade-request.ts'
import type { ClientInfo } from '../router/accounts/client-info.ts'
import type { Requester } from './accounts/service-imports.ts'
import type { ClientFront, ClientRequest } from './client-front.ts'
import { ConnectionGrant } from './client-grant.ts'
import { clientInfoOf, grantedPrefix, withCookies } from './client-identity.ts'
import { ClientLogin } from './client-login.ts'
import { ClientPings } from './client-pings.ts'
import { ClientSubscriptions } from './client-subscriptions.ts'
import { awaitRates, limitIngress } from './ingress-budgets.ts'
import type { LoggedIn, LoginManner } from './logins.ts'
import type { Grant, LoginAnswer, StandingLogin } from './peer-messages.ts'
import type { ProtocolWorker } from './protocol-worker-role.ts'
import { clientFacts } from './reports/client-facts.ts'
import type { ReportedSession, SessionFacts } from './reports/reported-session.ts'
import { SlowPublish } from './slow-publish.ts'
import type { ActiveTrace } from './tracing/active-trace.ts'
import { writeLabel } from './tracing/labels.ts'
import { withTrace } from './tracing/trace-step.ts'

const NONCE_BYTES = 11
const PROTOCOL_MAX = 1

/**
 * What a client's bytes mean, except for well-formed publishes, which the kernel handles alone.
 *
 * Texts of subjects and sids are latin1, so that every byte survives.
 */
export class ClientSession implements Session, LoggedIn, Requester, ReportedSession {
  needBytes = 0
  droppableFrom = 0
  droppableTo = 0
  options: ConnectOptions = CONNECT_DEFAULTS
  prefix: string
  readonly connection: Connection
  front: ClientFront
  /** Undefined as long as it speaks in clear. */
  tls: TlsFacts | undefined
  /** TLS came before INFO. */
  isTlsFirst = false
  readonly subscriptions: ClientSubscriptions
  /** What INFO told, to be signed; '' when nobody has to. */
  readonly nonce: string
  /** Undefined before the client is let in, and where everybody is. */
  granted: ConnectionGrant | undefined
  readonly #worker: ProtocolWorker
  readonly #login: ClientLogin
  readonly #publish: SlowPublish
  readonly #pings: ClientPings
  readonly #forwardedIp: string
  /** Of the socket, whatever a PROXY header says. */
  readonly #firstPrefix: string
  readonly startMs = Date.now()
  readonly #cookies: CookieCredentials | undefined
  #isAuthenticated: boolean
  /** A password is being verified: nothing more is read. */
  #isVerifying = false
  #hasConnected = false
  #hasSentPong = false
  /** What clientInfo has told last; undefined once anything but the round trip has changed. */
  #info: ClientInfo | undefined
  #authDeadline: Deadline | undefined
  /** It may speak: before that there may be a TLS handshake. */
  #isStarted = false

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
    const { remote, cid } = connection
    this.#firstPrefix = connectionPrefix(front.kind, remote, cid, this.#forwardedIp)
    this.prefix = this.#firstPrefix
    this.nonce = front.showsNonce ? randomBytes(NONCE_BYTES).toString('base64url') : ''
    this.subscriptions = new ClientSubscriptions(worker, this)
    this.#cookies = request?.cookies
    this.tls = request?.tls
    this.#isAuthenticated = !front.required
    this.#login = new ClientLogin(worker, this)
    this.#publish = new SlowPublish(worker, this)
    this.#pings = new ClientPings(worker, this)
    if (front.required && worker.hasGrantedRates) awaitRates(connection)
    else this.limitIngress()
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
    this.#setFlags()
  }

  /** What it was let in with. */
  get standing(): StandingLogin | undefined {
    return this.#login.standing
  }

  /** What is read from the client a second follows the options and what was granted. */
  limitIngress(): void {
    const { options, ingressBudgets } = this.#worker
    limitIngress(this.connection, options, this.granted?.grant.rates ?? [], ingressBudgets)
  }

  /** The last part of `start`: the client may speak now. */
  startTimers(): void {
    this.#isStarted = true
    const { required, authTimeoutMs } = this.front
    if (required) {
      this.#authDeadline = this.#worker.thread.deadlines.after(authTimeoutMs, () =>
        this.evict('authenticationTimeout'),
      )
    }
    this.#pings.start()
  }

  #inTurn(run: () => void): void {
    if (this.connection.isOpen) this.#worker.thread.inTurn(run)
  }

  sendInfo(more: Partial<ServerInfo> = {}): void {
    const { connection } = this
    this.connection.write(
      encodeInfo({
        ...this.front.info,
        clientId: connection.cid,
        clientIp: connection.remoteAddress,
        maxPayload: this.granted?.grant.maxPayload ?? this.front.info.maxPayload,
        // Only the first INFO tells what is to be signed.
        nonce: this.standing === undefined ? this.nonce : '',
        ...more,
      }),
    )
  }

  /** Tells the kernel what it may do without asking. */
  #setFlags(): void {
    const { kernel, options } = this.#worker
    const { layout, words } = kernel
    const { echo, verbose, pedantic, noResponders: wantsStatus } = this.options
    const isSlow = verbose || pedantic || options.trace || !this.#isAuthenticated
    let flags = 0
    if (echo) flags |= layout.FLAG_ECHO
    if (this.hasHeaders) flags |= layout.FLAG_HEADERS
    if (wantsStatus && this.hasHeaders) flags |= layout.FLAG_NO_RESPONDERS
    if (isSlow) flags |= layout.FLAG_SLOW_PATH
    if (this.granted?.grant.trace !== undefined) flags |= layout.FLAG_TRACES_PARENTS
    const flagsAt = (this.connection.record + layout.CONNECTION_FLAGS) >> 2
    words[flagsAt] = flags | (words[flagsAt]! & layout.FLAG_AWAITING_SUB)
    words[(this.connection.record + layout.CONNECTION_PAYLOAD_MAX) >> 2] =
      this.granted?.grant.maxPayload ?? options.maxPayload
    words[(this.connection.record + layout.CONNECTION_CONTROL_LINE_MAX) >> 2] =
      options.maxControlLine
  }

  get hasHeaders(): boolean {
    return this.options.headers && !this.#worker.options.noHeaderSupport
  }

  // ── operations ────────────────────────────────────────────────────────────────────────────

  onOperation(at: number, to: number): number {
    if (this.#isVerifying) return HOLD
    const { bytes } = this.#worker.kernel
    const result = readOperation(
      bytes,
      at,
      to,
      'client',
      this.#worker.limits,
      !this.#isAuthenticated && !this.front.takesSilent,
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
    if (!this.#isAuthenticated && result.verb !== 'CONNECT') {
      // Only where silent clients are let in.
      this.#authDeadline?.cancel()
      this.#logIn(true)
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
    return this.#isVerifying
  }

  #onOther(operation: Operation, at: number, to: number): number {
    switch (operation.verb) {
      case 'PUB':
      case 'HPUB':
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
    if (this.#hasConnected && !this.#hasSentPong) {
      this.#hasSentPong = true
      if (this.options.protocol >= 1) {
        const { accountName = GLOBAL_ACCOUNT, isSystemAccount } = this.granted?.grant ?? {}
        const authRequired = this.front.required
        const remoteAccount = accountName
        this.sendInfo({ connectInfo: true, remoteAccount, isSystemAccount, authRequired })
      }
    }
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
    this.#authDeadline?.cancel()
    const decoded = decodeConnect(text, this.options)
    if (!decoded.ok) return this.violate('badArguments')
    if (this.#hasConnected || this.granted !== undefined) this.subscriptions.removeAll()
    this.#hasConnected = true
    const { jwt } = decoded.options
    this.options = withCookies(decoded.options, this.#cookies)
    if (!this.front.takesJwt && jwt !== '') this.options = { ...this.options, jwt: '' }
    this.#pings.onConnect()
    this.connection.noteInterest()
    if (!this.front.required) {
      return this.#afterLogin(undefined) ? operation.next : CLOSED
    }
    this.#logIn()
    return operation.next
  }

  /** @param isSilent the client says nothing of who it is */
  #logIn(isSilent = false): void {
    const deadlineMs = Date.now() + this.front.authTimeoutMs
    void this.#ask({ isSilent, inAccount: '' }, deadlineMs, (request, answer) =>
      this.#onAnswer(request, answer),
    )
  }

  async #ask(
    how: LoginManner,
    deadlineMs: number | undefined,
    onAnswer: (request: LoginRequest, answer: LoginAnswer) => void,
  ): Promise<void> {
    this.#isVerifying = true
    this.#isAuthenticated = false
    this.#setFlags()
    const answered = await this.#login.ask(how, deadlineMs)
    if (answered === undefined) return
    this.#isVerifying = false
    this.#inTurn(() => onAnswer(answered.request, answered.answer))
    this.connection.resume()
  }

  #onAnswer(request: LoginRequest, answer: LoginAnswer): void {
    for (const { level, text } of answer.notices ?? []) {
      this.#worker.log[level](this.prefix + text)
    }
    if (answer.ok) {
      this.#login.keep(request, answer)
      this.#afterLogin(answer.grant)
    } else {
      this.#login.refuse(answer)
    }
  }

  /** Returns false when the connection was closed. */
  #afterLogin(grant: Grant | undefined): boolean {
    const { nkey, user, authToken: token, account, newAccount } = this.options
    if (account !== '' || newAccount) {
      const reason = presentedUserText({ nkey, user, token })
      this.#worker.log.error(`${this.prefix}authentication error - ${reason}`)
      this.violate('authorization')
      return false
    }
    this.#isAuthenticated = true
    this.#info = undefined
    this.prefix = grantedPrefix(this.#firstPrefix, this.options, grant, GLOBAL_ACCOUNT)
    const { protocol } = this.options
    if (protocol < 0 || protocol > PROTOCOL_MAX) {
      this.violate('clientProtocol')
      return false
    }
    if (this.options.noResponders && !this.hasHeaders) {
      this.violate('noRespondersRequiresHeaders')
      return false
    }
    if (grant === undefined) this.#setFlags()
    else this.#takeGrant(grant)
    this.#worker.events.onConnected(this)
    const who = { name: this.options.name, user: grant?.identity.user ?? '' }
    writeLabel(this.#worker.kernel, this.connection.record, who)
    if (this.#hasConnected) this.ok()
    // Who was let in without a word counts as one who has sent CONNECT from here on.
    this.#hasConnected = true
    return this.connection.isOpen
  }

  #takeGrant(grant: Grant): void {
    this.granted?.stop()
    if (this.accountName !== grant.accountName) this.#worker.reports.settle(this)
    const granted = new ConnectionGrant(this.#worker.thread, this.connection, grant)
    this.granted = granted
    this.#info = undefined
    this.#setFlags()
    granted.enforce()
    this.limitIngress()
    this.subscriptions.permission = granted.subscribe
    this.subscriptions.max = grant.maxSubscriptions
    if (granted.tracksReplies) this.#worker.tapOutbound()
    if (this.#worker.services.listenTo(grant.exporters)) this.subscriptions.awaitInterest()
    granted.watchExpiry(() => this.evict(grant.expiry))
  }

  // ── reload ────────────────────────────────────────────────────────────────────────────────

  /**
   * The worker has other settings.
   *
   * @returns whether the client was let in without a word and has to log in now
   */
  useFront(): boolean {
    const { required } = this.front
    this.front = this.#worker.frontOf(this.front.kind)
    const isAsked = !required && this.front.required
    if (isAsked && !this.#isStarted) this.#isAuthenticated = false
    if (!this.front.required && !this.#isVerifying) {
      this.#authDeadline?.cancel()
      this.#isAuthenticated = true
    }
    this.#setFlags()
    this.limitIngress()
    // Who had logged in before that was switched off has been judged by now.
    return isAsked && this.#isStarted && this.standing === undefined
  }

  /** With what it has said in CONNECT, if anything. @returns false: it is closed */
  async logInAgain(): Promise<boolean> {
    const how = { isSilent: false, inAccount: GLOBAL_ACCOUNT }
    // There may be very many at a time: the time it takes is none of the client's.
    await this.#ask(how, undefined, (request, answer) => {
      if (!answer.ok) {
        this.#login.refuse(answer)
        return
      }
      this.#login.keep(request, answer)
      this.#isAuthenticated = true
      this.regrant(answer.grant)
    })
    return this.connection.isOpen
  }

  /** Permissions or limits have changed, or the routing worker is a new one. */
  regrant(grant: Grant): void {
    this.#inTurn(() => {
      const limit = this.subscriptions.max
      this.#login.onGrant(grant)
      this.#takeGrant(grant)
      this.#worker.removedSubscriptions += this.subscriptions.enforce()
      const isAsBefore = this.subscriptions.max === limit
      if (isAsBefore || !this.subscriptions.isAboveLimit) return
      this.#worker.log.error(`${this.prefix}${VIOLATIONS.maxSubscriptionsLowered.wire}`)
      this.violate('maxSubscriptionsLowered')
    })
  }

  /** The account does not want this client any more. */
  evict(why: ViolationName, log = ''): void {
    this.#inTurn(() => {
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
    const { exports, bytes } = this.#worker.kernel
    const subjectAt = exports.subject.value
    const replyAt = exports.reply.value
    const subject = bytes.subarray(subjectAt, subjectAt + exports.subjectBytes.value)
    const reply = bytes.subarray(replyAt, replyAt + exports.replyBytes.value)
    this.tellNoResponders(subject, reply)
  }

  /** @param active the request is traced */
  onImports(active?: ActiveTrace): void {
    const requester = active === undefined ? this : withTrace(this, active)
    const undelivered = this.#worker.services.forward(requester)
    if (undelivered === undefined || undelivered.reply === '') return
    if (!this.options.noResponders || !this.hasHeaders) return
    const { subject, reply } = undelivered
    this.tellNoResponders(Buffer.from(subject, 'latin1'), Buffer.from(reply, 'latin1'))
  }

  tellNoResponders(subject: Uint8Array, reply: Uint8Array): void {
    const sid = this.subscriptions.sidFor(Buffer.from(reply).toString('latin1'))
    if (sid !== undefined) this.connection.write(noResponders(reply, sid, subject))
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

  /** The server is about to end: clients that take INFO at any time look for another one. */
  tellLameDuck(): boolean {
    const isReady = this.#hasSentPong && this.options.protocol >= 1
    if (isReady) this.sendInfo({ lameDuckMode: true })
    return isReady
  }

  onReadFailure(why: string): void {
    this.#worker.log.error(`${this.prefix}read error: ${why}`)
  }

  onNotice(level: 'info' | 'warn', text: string): void {
    this.#worker.log[level](this.prefix + text)
  }

  onClosed(reason: ClosedState): void {
    this.#worker.reports.onClosed(this, reason)
    this.#authDeadline?.cancel()
    this.#pings.stop()
    this.granted?.stop()
    this.subscriptions.removeAll()
    this.#login.end(reason)
    this.#worker.log.debug(`${this.prefix}Client connection closed: ${CLOSED_STATES[reason]}`)
  }
}
