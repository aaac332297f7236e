import type { Connection } from '../io/connection.ts'
import type { Deadline } from '../io/deadlines.ts'
import { CLOSED, HOLD, INCOMPLETE, type Session } from '../io/session.ts'
import {
  connectionPrefix,
  identifiedPrefix,
  presentedUserText,
} from '../monitor/log/connection-prefix.ts'
import { traceOperation, traceRemovedSubscription } from '../monitor/log/trace-lines.ts'
import { parseSub, parseUnsub } from '../protocol/arguments.ts'
import { CLOSED_STATES, type ClosedState } from '../protocol/closed-states.ts'
import { CONNECT_DEFAULTS, type ConnectOptions, decodeConnect } from '../protocol/connect.ts'
import { goQuoteSpan } from '../protocol/go-quote.ts'
import { noResponders } from '../protocol/headers.ts'
import { encodeInfo, type ServerInfo } from '../protocol/info.ts'
import { type Operation, readOperation } from '../protocol/operation.ts'
import { redactConnect } from '../protocol/redact-connect.ts'
import { isValidSubscriptionSubject, subjectMatches } from '../protocol/subjects.ts'
import {
  errorLine,
  subscriptionPermissionText,
  tooManyTokensText,
  VIOLATIONS,
  type ViolationName,
} from '../protocol/violations.ts'
import type { CookieCredentials } from '../protocol/websocket/upgrade-request.ts'
import type { ClientFront, ClientRequest } from './client-front.ts'
import { ClientPings } from './client-pings.ts'
import type { ProtocolWorker } from './protocol-worker-role.ts'
import { SlowPublish } from './slow-publish.ts'

/** Queue group that clients may not join; nats-server keeps it for itself. */
const SYSTEM_QUEUE = '_sys_'
const GLOBAL_ACCOUNT = '$G'
const PROTOCOL_MAX = 1

/**
 * What a client's bytes mean, except for well-formed publishes, which the kernel handles alone.
 *
 * Texts of subjects and sids are latin1, so that every byte survives.
 */
export class ClientSession implements Session {
  needBytes = 0
  droppableFrom = 0
  droppableTo = 0
  options: ConnectOptions = CONNECT_DEFAULTS
  prefix: string
  readonly connection: Connection
  readonly front: ClientFront
  readonly #worker: ProtocolWorker
  readonly #publish: SlowPublish
  readonly #pings: ClientPings
  /** Slots by sid. */
  readonly #subscriptions = new Map<string, number>()
  readonly #cookies: CookieCredentials | undefined
  #isAuthenticated: boolean
  /** A password is being verified: nothing more is read. */
  #isVerifying = false
  #hasConnected = false
  #hasSentPong = false
  #authDeadline: Deadline | undefined
  /** Some SUB or UNSUB may not have reached the routing worker. */
  #isInterestPending = false
  /** Lane position behind the last of them; undefined while it waits for room. */
  #changedAt: number | undefined

  constructor(
    worker: ProtocolWorker,
    connection: Connection,
    front: ClientFront,
    request?: ClientRequest,
  ) {
    this.#worker = worker
    this.connection = connection
    this.front = front
    const { remote, cid } = connection
    this.prefix = connectionPrefix(front.kind, remote, cid, request?.forwardedIp)
    this.#cookies = request?.cookies
    this.#isAuthenticated = !front.authenticator.required
    this.#publish = new SlowPublish(worker, this)
    this.#pings = new ClientPings(worker, this)
  }

  /** Sends INFO. A refused client gets it too, then learns why. */
  start(isRefused: boolean): void {
    const { log } = this.#worker
    const { authenticator, authTimeoutMs } = this.front
    log.debug(`${this.prefix}Client connection created`)
    this.#sendInfo()
    this.#setFlags()
    if (isRefused) {
      this.violate('maxConnections')
      return
    }
    if (authenticator.required) {
      this.#authDeadline = this.#worker.thread.deadlines.after(authTimeoutMs, () =>
        this.#inTurn(() => this.violate('authenticationTimeout')),
      )
    }
    this.#pings.start()
  }

  #inTurn(run: () => void): void {
    if (!this.connection.isOpen) return
    this.#worker.thread.beginTurn()
    run()
    this.#worker.thread.endTurn()
  }

  #sendInfo(more: Partial<ServerInfo> = {}): void {
    const { connection } = this
    this.connection.write(
      encodeInfo({
        ...this.front.info,
        clientId: connection.cid,
        clientIp: connection.remoteAddress,
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
    words[(this.connection.record + layout.CONNECTION_FLAGS) >> 2] = flags
    words[(this.connection.record + layout.CONNECTION_PAYLOAD_MAX) >> 2] = options.maxPayload
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
      !this.#isAuthenticated,
    )
    if (result.type === 'violation') {
      const isTooLong = result.which === 'controlLineExceeded'
      this.#logViolation(isTooLong ? 'maximum control line exceeded' : result.which, at, to)
      return this.violate(result.which)
    }
    if (result.type === 'incomplete') {
      this.needBytes = 0
      this.droppableFrom = result.droppableFrom
      this.droppableTo = result.droppableTo
      return INCOMPLETE
    }
    this.droppableFrom = this.droppableTo = 0
    if (result.verb === 'SUB') return this.#onSub(result)
    if (result.verb === 'UNSUB') return this.#onUnsub(result)
    if (this.#isAwaitingSub() && !this.#isInterestApplied()) {
      this.#worker.awaitRouter(this.connection)
      return HOLD
    }
    return this.#onOther(result, at, to)
  }

  #onOther(operation: Operation, at: number, to: number): number {
    switch (operation.verb) {
      case 'PUB':
      case 'HPUB':
        return this.#publish.onPublish(operation, at, to, operation.verb === 'HPUB')
      case 'PING':
        return this.#onPing(operation)
      case 'PONG':
        this.#trace('PONG')
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
    if (!this.#isInterestApplied()) {
      this.#worker.awaitRouter(this.connection)
      return HOLD
    }
    // And clients rely on having got what others had flushed before: it comes ahead of the PONG.
    this.#worker.thread.readLanesToEnd()
    if (!this.connection.isOpen) return CLOSED
    this.#trace('PING')
    this.connection.write('PONG\r\n')
    if (this.#hasConnected && !this.#hasSentPong) {
      this.#hasSentPong = true
      if (this.options.protocol >= 1) {
        this.#sendInfo({ connectInfo: true, remoteAccount: GLOBAL_ACCOUNT })
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

  #trace(operation: string, argument = ''): void {
    const { log } = this.#worker
    if (log.traceEnabled) log.trace(this.prefix + traceOperation('in', operation, argument))
  }

  // ── CONNECT ───────────────────────────────────────────────────────────────────────────────

  #onConnect(operation: Operation): number {
    const text = this.#text(operation)
    if (this.#worker.log.traceEnabled) this.#trace('CONNECT', redactConnect(text))
    this.#authDeadline?.cancel()
    const decoded = decodeConnect(text, this.options)
    if (!decoded.ok) return this.violate('badArguments')
    if (this.#hasConnected) this.#removeAll()
    this.#hasConnected = true
    this.options = this.#withCookies(decoded.options)
    this.#pings.onConnect()
    const { user, pass, authToken } = this.options
    const verdict = this.front.authenticator.authenticate({ user, pass, token: authToken })
    if (typeof verdict === 'boolean') return this.#afterAuth(verdict) ? operation.next : CLOSED
    this.#isVerifying = true
    this.#isAuthenticated = false
    this.#setFlags()
    verdict.then((isRight) => {
      this.#isVerifying = false
      this.#inTurn(() => this.#afterAuth(isRight))
      this.connection.resume()
    })
    return operation.next
  }

  #withCookies(options: ConnectOptions): ConnectOptions {
    const cookies = this.#cookies
    if (cookies === undefined) return options
    const { user, pass, authToken } = options
    return {
      ...options,
      user: user || cookies.user,
      pass: pass || cookies.pass,
      authToken: authToken || cookies.token,
    }
  }

  /** Returns false when the connection was closed. */
  #afterAuth(isRight: boolean): boolean {
    const { nkey, user, authToken: token, name, lang, version, account, newAccount } = this.options
    if (!isRight || account !== '' || newAccount) {
      const reason = presentedUserText({ nkey, user, token })
      this.#worker.log.error(`${this.prefix}authentication error - ${reason}`)
      this.violate('authorization')
      return false
    }
    this.#isAuthenticated = true
    this.prefix = identifiedPrefix(this.prefix, { name, lang, version }, GLOBAL_ACCOUNT, {
      nkey,
      user,
      token,
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
    this.#setFlags()
    this.ok()
    return true
  }

  /** +OK, for a client that wants to hear of each success. */
  ok(): void {
    if (this.options.verbose) this.connection.write('+OK\r\n')
  }

  // ── subscriptions ─────────────────────────────────────────────────────────────────────────

  #onSub({ argFrom, argTo, next }: Operation): number {
    const { kernel, options } = this.#worker
    const { bytes } = kernel
    // A subscription that just got its last message makes room for this one.
    this.#worker.thread.removeExpired()
    const args = parseSub(bytes, argFrom, argTo)
    if (!args.ok) return this.refuseArguments(args.why)
    if (this.#worker.log.traceEnabled) this.#trace('SUB', bytes.toString('latin1', argFrom, argTo))
    const { subject, queue, sid } = args
    const subjectText = bytes.toString('latin1', subject.from, subject.to)
    const subjectBytes = bytes.subarray(subject.from, subject.to)
    if (queue !== null && bytes.toString('latin1', queue.from, queue.to) === SYSTEM_QUEUE) {
      return this.#refuseSub(subscriptionPermissionText(subjectBytes, SYSTEM_QUEUE), next)
    }
    if (options.maxSubTokens > 0 && tokenCount(subjectText) > options.maxSubTokens) {
      return this.#refuseSub(tooManyTokensText(subjectBytes), next)
    }
    if (options.maxSubscriptions > 0 && this.#subscriptions.size >= options.maxSubscriptions) {
      return this.#refuseSub(VIOLATIONS.maxSubscriptions.wire, next)
    }
    const sidText = bytes.toString('latin1', sid.from, sid.to)
    if (!this.#subscriptions.has(sidText)) {
      if (!isValidSubscriptionSubject(subjectText)) {
        return this.#refuseSub(VIOLATIONS.badSubject.wire, next)
      }
      const slot = kernel.exports.createSubscription(
        this.connection.record,
        subject.from,
        subject.to - subject.from,
        queue?.from ?? 0,
        queue === null ? 0 : queue.to - queue.from,
        sid.from,
        sid.to - sid.from,
      )
      if (slot === 0) return this.#refuseSub(VIOLATIONS.maxSubscriptions.wire, next)
      this.#subscriptions.set(sidText, slot)
      this.#worker.router.subscribe(slot)
      this.#changedAt = this.#worker.router.position()
      this.#isInterestPending = true
      this.#setAwaitingSub(true)
    }
    this.ok()
    return next
  }

  #refuseSub(text: string, next: number): number {
    this.#worker.log.error(`${this.prefix}${text}`)
    this.connection.write(errorLine(text))
    return next
  }

  /** The routing worker found no room for it. */
  onRefused(slot: number): void {
    this.#worker.log.error(`${this.prefix}Subscription refused: shared memory is exhausted`)
    this.connection.write(errorLine(VIOLATIONS.maxSubscriptions.wire))
    this.#removeSlot(slot)
  }

  #onUnsub({ argFrom, argTo, next }: Operation): number {
    const { bytes } = this.#worker.kernel
    const args = parseUnsub(bytes, argFrom, argTo)
    if (!args.ok) return this.refuseArguments(args.why)
    if (this.#worker.log.traceEnabled) {
      this.#trace('UNSUB', bytes.toString('latin1', argFrom, argTo))
    }
    // What was published before, as its publisher knows, still belongs to the subscription.
    this.#worker.thread.readLanesToEnd()
    // One that got its last message is gone, whatever is asked of it now.
    this.#worker.thread.removeExpired()
    if (!this.connection.isOpen) return CLOSED
    const slot = this.#subscriptions.get(bytes.toString('latin1', args.sid.from, args.sid.to))
    if (slot !== undefined) {
      const { slots } = this.#worker
      if (args.max > 0 && BigInt(args.max) > slots.delivered(slot)) slots.setMax(slot, args.max)
      else this.#removeSlot(slot)
    }
    this.ok()
    return next
  }

  /** It got all it asked for. */
  onExpired(slot: number): void {
    this.#removeSlot(slot)
  }

  #removeSlot(slot: number): void {
    const { kernel, slots, log, router } = this.#worker
    const sid = Buffer.from(slots.sid(slot)).toString('latin1')
    // Another subscription may have the sid meanwhile.
    if (this.#subscriptions.get(sid) !== slot) return
    this.#subscriptions.delete(sid)
    kernel.exports.removeSubscription(slot)
    router.unsubscribe(slot)
    this.#changedAt = router.position()
    this.#isInterestPending = true
    if (log.traceEnabled) log.trace(this.prefix + traceRemovedSubscription(sid))
  }

  #removeAll(): void {
    const { kernel, router } = this.#worker
    for (const slot of this.#subscriptions.values()) {
      kernel.exports.removeSubscription(slot)
      router.unsubscribe(slot)
    }
    this.#subscriptions.clear()
  }

  // ── order: nothing overtakes a SUB ────────────────────────────────────────────────────────

  #isAwaitingSub(): boolean {
    const { layout, words } = this.#worker.kernel
    const flags = words[(this.connection.record + layout.CONNECTION_FLAGS) >> 2]!
    return (flags & layout.FLAG_AWAITING_SUB) !== 0
  }

  #setAwaitingSub(isAwaiting: boolean): void {
    const { layout, words } = this.#worker.kernel
    const at = (this.connection.record + layout.CONNECTION_FLAGS) >> 2
    if (isAwaiting) words[at]! |= layout.FLAG_AWAITING_SUB
    else words[at]! &= ~layout.FLAG_AWAITING_SUB
  }

  #isInterestApplied(): boolean {
    if (!this.#isInterestPending) return true
    const { router } = this.#worker
    this.#changedAt ??= router.position()
    if (this.#changedAt === undefined || !router.hasApplied(this.#changedAt)) return false
    this.#isInterestPending = false
    this.#setAwaitingSub(false)
    return true
  }

  // ── requests without responders ───────────────────────────────────────────────────────────

  onNoResponders(): void {
    const { kernel, slots } = this.#worker
    const { exports, bytes } = kernel
    const subjectAt = exports.subject.value
    const replyAt = exports.reply.value
    const subject = bytes.subarray(subjectAt, subjectAt + exports.subjectBytes.value)
    const reply = bytes.subarray(replyAt, replyAt + exports.replyBytes.value)
    const replyText = Buffer.from(reply).toString('latin1')
    for (const slot of this.#subscriptions.values()) {
      if (slots.isQueue(slot) || !subjectMatches(slots.subject(slot), replyText)) continue
      this.connection.write(noResponders(reply, slots.sid(slot), subject))
      return
    }
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
    if (this.#hasSentPong && this.options.protocol >= 1) this.#sendInfo({ lameDuckMode: true })
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
    this.#removeAll()
    this.#worker.log.debug(`${this.prefix}Client connection closed: ${CLOSED_STATES[reason]}`)
  }
}

function tokenCount(subject: string): number {
  let count = 1
  for (let i = 0; i < subject.length; i++) if (subject.charCodeAt(i) === 46) count++
  return count
}
