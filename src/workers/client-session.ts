import { randomBytes } from 'node:crypto'
import { credentialsOf, type LoginRequest, type TlsFacts } from '../auth/login.ts'
import type { Connection } from '../io/connection.ts'
import type { Deadline } from '../io/deadlines.ts'
import { CLOSED, HOLD, INCOMPLETE, type Session } from '../io/session.ts'
import {
  connectionPrefix,
  identifiedPrefix,
  presentedUserText,
} from '../monitor/log/connection-prefix.ts'
import { traceOperation } from '../monitor/log/trace-lines.ts'
import { CLOSED_STATES, type ClosedState } from '../protocol/closed-states.ts'
import { CONNECT_DEFAULTS, type ConnectOptions, decodeConnect } from '../protocol/connect.ts'
import { goQuoteSpan } from '../protocol/go-quote.ts'
import { noResponders } from '../protocol/headers.ts'
import { encodeInfo, type ServerInfo } from '../protocol/info.ts'
import { type Operation, readOperation } from '../protocol/operation.ts'
import { redactConnect } from '../protocol/redact-connect.ts'
import { errorLine, VIOLATIONS, type ViolationName } from '../protocol/violations.ts'
import type { CookieCredentials } from '../protocol/websocket/upgrade-request.ts'
import { type ClientInfo, goTime } from '../router/accounts/client-info.ts'
import type { Requester } from './accounts/service-imports.ts'
import type { ClientFront, ClientRequest } from './client-front.ts'
import { ConnectionGrant } from './client-grant.ts'
import { ClientPings } from './client-pings.ts'
import { ClientSubscriptions } from './client-subscriptions.ts'
import type { LoggedIn } from './logins.ts'
import type { Grant, LoginAnswer, StandingLogin } from './peer-messages.ts'
import type { ProtocolWorker } from './protocol-worker-role.ts'
import { SlowPublish } from './slow-publish.ts'

const NONCE_BYTES = 11
const GLOBAL_ACCOUNT = '$G'
const PROTOCOL_MAX = 1
const NS_PER_MS = 1_000_000n

/**
 * What a client's bytes mean, except for well-formed publishes, which the kernel handles alone.
 *
 * Texts of subjects and sids are latin1, so that every byte survives.
 */
export class ClientSession implements Session, LoggedIn, Requester {
  needBytes = 0
  droppableFrom = 0
  droppableTo = 0
  options: ConnectOptions = CONNECT_DEFAULTS
  prefix: string
  readonly connection: Connection
  readonly front: ClientFront
  /** Undefined as long as it speaks in clear. */
  tls: TlsFacts | undefined
  readonly subscriptions: ClientSubscriptions
  /** What INFO told, to be signed; '' when nobody has to. */
  readonly nonce: string
  /** Undefined before the client is let in, and where everybody is. */
  granted: ConnectionGrant | undefined
  /** What it was let in with. */
  standing: StandingLogin | undefined
  readonly #worker: ProtocolWorker
  readonly #publish: SlowPublish
  readonly #pings: ClientPings
  readonly #forwardedIp: string
  readonly #startMs = Date.now()
  readonly #cookies: CookieCredentials | undefined
  #isAuthenticated: boolean
  /** A password is being verified: nothing more is read. */
  #isVerifying = false
  #hasConnected = false
  #hasSentPong = false
  /** What clientInfo has told last; undefined once anything but the round trip has changed. */
  #info: ClientInfo | undefined
  #authDeadline: Deadline | undefined

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
    this.prefix = this.#firstPrefix()
    this.nonce = front.showsNonce ? randomBytes(NONCE_BYTES).toString('base64url') : ''
    this.subscriptions = new ClientSubscriptions(worker, this)
    this.#cookies = request?.cookies
    this.tls = request?.tls
    this.#isAuthenticated = !front.required
    this.#publish = new SlowPublish(worker, this)
    this.#pings = new ClientPings(worker, this)
  }

  #firstPrefix(): string {
    const { remote, cid } = this.connection
    return connectionPrefix(this.front.kind, remote, cid, this.#forwardedIp)
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

  /** The last part of `start`: the client may speak now. */
  startTimers(): void {
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
    this.options = this.#withCookies(decoded.options)
    if (!this.front.takesJwt && jwt !== '') this.options = { ...this.options, jwt: '' }
    this.#pings.onConnect()
    if (!this.front.required) {
      return this.#afterLogin(undefined) ? operation.next : CLOSED
    }
    this.#logIn()
    return operation.next
  }

  /** @param isSilent the client says nothing of who it is */
  #logIn(isSilent = false): void {
    this.#isVerifying = true
    this.#isAuthenticated = false
    this.#setFlags()
    const { nonce } = this
    const request: LoginRequest = {
      cid: this.connection.cid,
      connectionType: this.front.connectionType,
      host: this.#forwardedIp || this.connection.remoteAddress,
      nonce,
      deadlineMs: Date.now() + this.front.authTimeoutMs,
      connect: credentialsOf(this.options),
      tls: this.tls,
    }
    void this.#worker.logins.login(request, isSilent, this.#startMs).then((answer) => {
      if (!this.connection.isOpen) return
      this.#isVerifying = false
      this.#inTurn(() => this.#onAnswer(request, answer))
      this.connection.resume()
    })
  }

  #onAnswer(request: LoginRequest, answer: LoginAnswer): void {
    for (const { level, text } of answer.notices ?? []) {
      this.#worker.log[level](this.prefix + text)
    }
    if (answer.ok) {
      const { identity, accountName } = answer.grant
      this.standing = { request, identity, accountName, startMs: this.#startMs }
      this.#worker.logins.add(this.connection.cid, this)
      this.#afterLogin(answer.grant)
      return
    }
    if (answer.log !== '') this.#worker.log.error(this.prefix + answer.log)
    if (answer.reason !== '') this.#worker.log.debug(this.prefix + answer.reason)
    this.violate(answer.why)
  }

  #withCookies(options: ConnectOptions): ConnectOptions {
    const cookies = this.#cookies
    if (cookies === undefined) return options
    const { user, pass, authToken, jwt } = options
    return {
      ...options,
      user: user || cookies.user,
      pass: pass || cookies.pass,
      authToken: authToken || cookies.token,
      jwt: jwt || cookies.jwt,
    }
  }

  /** Returns false when the connection was closed. */
  #afterLogin(grant: Grant | undefined): boolean {
    const { nkey, user, authToken: token, name, lang, version, account, newAccount } = this.options
    if (account !== '' || newAccount) {
      const reason = presentedUserText({ nkey, user, token })
      this.#worker.log.error(`${this.prefix}authentication error - ${reason}`)
      this.violate('authorization')
      return false
    }
    this.#isAuthenticated = true
    this.#info = undefined
    const { accountName = GLOBAL_ACCOUNT, accountTag = '', identity } = grant ?? {}
    const label = accountTag === '' ? accountName : `${accountName}/${accountTag}`
    this.prefix = identifiedPrefix(this.#firstPrefix(), { name, lang, version }, label, {
      nkey,
      user,
      token,
      jwt: this.options.jwt,
      publicKey: identity?.nkey,
    })
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
    if (this.#hasConnected) this.ok()
    // Who was let in without a word counts as one who has sent CONNECT from here on.
    this.#hasConnected = true
    return this.connection.isOpen
  }

  #takeGrant(grant: Grant): void {
    this.granted?.stop()
    const granted = new ConnectionGrant(this.#worker.thread, this.connection, grant)
    this.granted = granted
    this.#info = undefined
    this.#setFlags()
    granted.enforce()
    this.subscriptions.permission = granted.subscribe
    this.subscriptions.max = grant.maxSubscriptions
    if (granted.tracksReplies) this.#worker.tapOutbound()
    if (this.#worker.services.listenTo(grant.exporters)) this.subscriptions.awaitInterest()
    granted.watchExpiry(() => this.evict(grant.expiry))
  }

  /** Permissions or limits have changed, or the routing worker is a new one. */
  regrant(grant: Grant): void {
    this.#inTurn(() => {
      const limit = this.subscriptions.max
      this.#takeGrant(grant)
      this.subscriptions.enforce()
      const isAsBefore = this.subscriptions.max === limit
      if (isAsBefore || !this.subscriptions.isAboveLimit) return
      this.#worker.log.error(`${this.prefix}${VIOLATIONS.maxSubscriptionsLowered.wire}`)
      this.violate('maxSubscriptionsLowered')
    })
  }

  /** The account does not want this client any more. */
  evict(why: ViolationName): void {
    this.#inTurn(() => {
      const { wire } = VIOLATIONS[why]
      const level = why === 'maxAccountConnections' ? 'error' : 'debug'
      if (wire !== null) this.#worker.log[level](this.prefix + wire)
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
    const { connection, options, front } = this
    if (this.#info?.rttNs === this.#pings.rttNs) return this.#info
    const { identity, accountName = GLOBAL_ACCOUNT } = this.granted?.grant ?? {}
    this.#info = {
      start: goTime(BigInt(this.#startMs) * NS_PER_MS),
      host: this.#forwardedIp || connection.remoteAddress,
      id: connection.cid,
      account: accountName,
      user: identity?.user,
      name: options.name,
      lang: options.lang,
      version: options.version,
      rttNs: this.#pings.rttNs,
      server: this.#worker.serverName,
      jwt: identity?.jwt,
      issuerKey: identity?.issuerKey,
      nameTag: identity?.nameTag,
      tags: identity?.tags,
      kind: 'Client',
      clientType: front.kind === 'websocket' ? 'websocket' : 'nats',
    }
    return this.#info
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

  onImports(): void {
    const undelivered = this.#worker.services.forward(this)
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
  tellLameDuck(): void {
    if (this.#hasSentPong && this.options.protocol >= 1) this.sendInfo({ lameDuckMode: true })
  }

  onReadFailure(why: string): void {
    this.#worker.log.error(`${this.prefix}read error: ${why}`)
  }

  onNotice(level: 'info' | 'warn', text: string): void {
    this.#worker.log[level](this.prefix + text)
  }

  onClosed(reason: ClosedState): void {
    this.#authDeadline?.cancel()
    this.#pings.stop()
    this.granted?.stop()
    this.subscriptions.removeAll()
    if (this.front.required) this.#worker.logins.logout(this.connection.cid)
    this.#worker.log.debug(`${this.prefix}Client connection closed: ${CLOSED_STATES[reason]}`)
  }
}
