import type { CompressionOptions } from '../../config/option-types.ts'
import { CLOSED_STATES, type ClosedState } from '../../protocol/closed-states.ts'
import type { JsonRefusal } from '../../protocol/go-json-scan.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { isValidSubscriptionSubject } from '../../protocol/subjects.ts'
import {
  errorLine,
  leafLoopText,
  subscriptionPermissionText,
  VIOLATIONS,
  type ViolationName,
} from '../../protocol/violations.ts'
import type { LinkCompression } from './compression.ts'
import { type InterestKey, interestKey } from './interest-map.ts'
import { LeafCompression } from './leaf-compression.ts'
import type { LeafMember } from './leaf-interest.ts'
import { LeafPermissions } from './leaf-permissions.ts'
import {
  type LeafBinding,
  type LeafPeerFacts,
  type LeafSessionOptions,
  UNKNOWN_PEER,
} from './leaf-session-options.ts'
import { withoutJetStream } from './leaf-subjects.ts'
import { quoteSubject, untrustedText, wireText } from './leaf-text.ts'
import { closedStateOf, wireOf } from './leaf-violations.ts'
import { PingSchedule } from './ping-schedule.ts'
import { ReceivedInterest, type ReceivedSub } from './received-interest.ts'

/** Wait before dialling again, on top of the usual delay, so that a wrong set-up does not spin. */
const LOOP_PENALTY_MS = 30_000
const SAME_CLUSTER_PENALTY_MS = 30_000
const VIOLATION_PENALTY_MS = 30_000
const MINIMUM_VERSION_PENALTY_MS = 5_000
/** Refused interest is logged once in this time. */
const REFUSAL_LOG_MS = 1000
const LOOP_WORDS = 'Loop detected'
/**
 * A ring is cut in one place and then seen in others, by lines that were under way. So for this
 * long after one link has been cut, another on which the loop shows must go on showing it.
 */
const LOOP_DOUBT_MS = 1000
/** A PONG that came with more than this had to wait for it. */
const BUSY_BYTES = 64 * 1024
/** Errors that dialling again soon does not cure. */
const REFUSALS = ['authorization', 'userExpired', 'accountExpired'] as const

/**
 * One leaf link from the first INFO to its end, without a socket: what both roles share. The owner
 * tells it each line received and asks it for its next deadline; nothing happens by itself.
 */
export abstract class LeafSession implements LeafMember {
  abstract readonly isSolicited: boolean
  /** Both sides know each other. */
  abstract readonly isConnected: boolean
  readonly received = new ReceivedInterest()
  /** Subjects and groups the peer may announce; Infinity = no limit. */
  subscriptionsMax: number
  protected readonly options: LeafSessionOptions
  protected readonly compressing: LeafCompression
  protected permissions = new LeafPermissions()
  protected binding: LeafBinding
  protected peer = UNKNOWN_PEER
  /** Decided once, before the link joins. */
  #isSpoke = false
  #isIsolated: boolean
  #pings: PingSchedule | null = null
  #handshakeDeadlineMs = Number.POSITIVE_INFINITY
  /** The loop subject has come back; if it has not gone again by then, there is a loop. */
  #loopDueMs = Number.POSITIVE_INFINITY
  #penaltyMs = 0
  #isRefused = false
  /** Traffic of the link when the last PING was sent. */
  #pingTrafficBytes = 0
  #lastError = ''
  #refusalLoggedMs = Number.NEGATIVE_INFINITY
  #isEnded = false
  /** This link takes over from that one. */
  #predecessor: LeafSession | undefined
  /** That link takes over from this one. */
  #successor: LeafSession | undefined
  #stepStartedMs: number

  constructor(options: LeafSessionOptions) {
    this.options = options
    this.binding = options.binding
    this.subscriptionsMax = options.subscriptionsMax
    this.#isIsolated = options.isIsolated
    this.#stepStartedMs = options.nowMs()
    this.compressing = new LeafCompression(options.compression, options.link)
  }

  /** False as long as the peer has no business announcing anything. */
  protected abstract readonly takesInterest: boolean
  /** @returns as onConnect */
  abstract onInfo(arg: string | Uint8Array): Promise<void> | undefined
  /**
   * @returns a promise while credentials are checked: no further line may be told until it is kept
   */
  abstract onConnect(arg: string | Uint8Array): Promise<void> | undefined
  protected abstract onHandshakeDeadline(): void

  get isSpoke(): boolean {
    return this.#isSpoke
  }

  get isIsolated(): boolean {
    return this.#isIsolated
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get peerName(): string {
    return this.peer.name
  }

  get peerCluster(): string {
    return this.peer.cluster
  }

  get peerAccount(): string {
    return this.peer.remoteAccount
  }

  get peerPlace(): string {
    return `${untrustedText(this.peer.serverId || '(no id)')}@${this.options.peerAddress}`
  }

  get account(): string {
    return this.binding.account
  }

  /** Subjects and groups the peer was told of. */
  get announcedCount(): number {
    return this.binding.interest.announcedTo(this)?.size ?? 0
  }

  /** The login this link stands on has ended. */
  evict(which: ViolationName): void {
    if (this.#isEnded) return
    const { wire, closedState } = VIOLATIONS[which]
    if (wire !== null) this.refuse(which)
    else this.end(closedState ?? 'authenticationFailure')
  }

  /** What may cross is another matter now: the peer is to come again, and hear of it. */
  endForPermissions(): void {
    if (this.#isEnded) return
    this.options.log.info(`Permissions have changed - ${this.#parties()}`)
    this.end('clientClosed')
  }

  get peerFacts(): LeafPeerFacts {
    return this.peer
  }

  /** '' until it is settled. */
  get compression(): LinkCompression | '' {
    return this.compressing.current
  }

  /** @returns whether the link has to be made anew for that; its owner then ends it */
  changeCompression(options: CompressionOptions): boolean {
    return !this.#isEnded && this.compressing.change(options)
  }

  /** Last measured round trip; -1 = none yet. */
  get rttMs(): number {
    return this.#pings?.rttMs ?? -1
  }

  /**
   * When `onTimer` is to be called; Infinity = not needed. Ask again after every call into the
   * session.
   */
  nextDeadlineMs(): number {
    if (this.#isEnded) return Number.POSITIVE_INFINITY
    const pingMs = this.#pings?.dueMs ?? Number.POSITIVE_INFINITY
    return Math.min(this.#handshakeDeadlineMs, this.#loopDueMs, pingMs)
  }

  onTimer(nowMs: number): void {
    if (this.#isEnded) return
    if (nowMs >= this.#handshakeDeadlineMs) {
      this.#handshakeDeadlineMs = Number.POSITIVE_INFINITY
      this.onHandshakeDeadline()
    } else if (nowMs >= this.#loopDueMs) {
      this.onLoop(true)
    } else if (this.#pings !== null && nowMs >= this.#pings.dueMs) {
      this.#onPingDue(this.#pings, nowMs)
    }
  }

  /**
   * Settles on how this link is compressed; this side wants it.
   *
   * @param peer as its INFO says
   * @returns whether it is to be compressed; the INFO about it is the caller's to send. The link
   *   may have ended.
   */
  protected negotiate(peer: string): boolean {
    const outcome = this.compressing.negotiate(peer, this.#sinceLastStep())
    if (outcome !== 'unsupported') return outcome === 'compressed'
    const text = `unsupported route compression mode ${goQuote(peer)}`
    this.options.log.error(untrustedText(text))
    this.sendError(text)
    this.end('protocolViolation')
    return false
  }

  // ── interest ──────────────────────────────────────────────────────────────────────────────

  onLeafSub(sub: ReceivedSub): void {
    if (this.#isEnded) return
    const { subject, queue, weight } = sub
    if (!this.takesInterest) {
      this.refuse('leafNotConnected')
      return
    }
    const key = interestKey(subject, queue)
    this.#trace('<<-', queue === undefined ? `LS+ ${key}` : `LS+ ${key} ${weight}`)
    if (subject === this.binding.interest.loopSubject) {
      this.#onLoopSubject()
    } else if (!this.permissions.mayAccept(subject)) {
      this.#onForbiddenSub(subject)
    } else if (!isValidSubscriptionSubject(subject)) {
      this.options.log.error('Could not insert subscription: sublist: invalid subject')
      this.sendError(wireOf('leafBadSubject'))
    } else {
      this.#insert(key, sub)
    }
  }

  onLeafUnsub(subject: string, queue: string | undefined): void {
    if (this.#isEnded) return
    if (!this.takesInterest) {
      this.refuse('leafNotConnected')
      return
    }
    const key = interestKey(subject, queue)
    this.#trace('<<-', `LS- ${key}`)
    if (subject === this.binding.interest.loopSubject) this.#loopDueMs = Number.POSITIVE_INFINITY
    const sub = this.received.take(key)
    if (sub !== undefined) this.#withdraw(key, sub)
  }

  onPing(): void {
    if (this.#isEnded) return
    this.#trace('<<-', 'PING')
    this.options.link.write('PONG\r\n')
  }

  onPong(): void {
    if (this.#isEnded) return
    this.#trace('<<-', 'PONG')
    this.#pings?.onPong(this.options.nowMs())
    if (this.rttMs < 0) return
    const carriedBytes = this.options.link.trafficBytes() - this.#pingTrafficBytes
    this.compressing.onRtt(this.rttMs, carriedBytes > BUSY_BYTES)
  }

  /**
   * @param arg with its quotes. A peer that sends -ERR closes the link itself, except for loops.
   */
  onErr(arg: string): void {
    if (this.#isEnded) return
    const { log } = this.options
    log.error(`Leafnode Error ${untrustedText(arg)} - ${this.#parties()}`)
    this.#lastError = untrustedText(arg)
    if (REFUSALS.some((name) => arg.includes(wireOf(name)))) this.#isRefused = true
    if (arg.includes(wireOf('leafSameClusterName'))) {
      this.setPenalty(SAME_CLUSTER_PENALTY_MS)
      log.error(
        'Leafnode connection dropped with same cluster name error. Delaying attempt to reconnect for 30s',
      )
    } else if (arg.includes(wireOf('leafMinimumVersion'))) {
      this.setPenalty(MINIMUM_VERSION_PENALTY_MS)
      log.error(
        'Leafnode connection dropped due to minimum version requirement. Delaying attempt to reconnect for 5s',
      )
    } else if (arg.includes(LOOP_WORDS)) {
      this.onLoop(false)
    }
  }

  /** A line that cannot be understood; `why` names it. nats-server closes without a word. */
  onBadArguments(why: string): void {
    if (this.#isEnded) return
    this.options.log.error(untrustedText(why))
    this.end('protocolViolation')
  }

  protected onBadJson(verb: string, { why, at }: JsonRefusal): void {
    this.onBadArguments(`${verb} cannot be read: ${why}, at character ${at}`)
  }

  /** @param snippet where the parser stumbled, for the log */
  onUnknownOperation(snippet: string): void {
    if (this.#isEnded) return
    this.options.log.error(
      `Leafnode parser ERROR, state=0, i=0: proto='${untrustedText(snippet)}...'`,
    )
    this.violate('unknownProtocolOperation')
  }

  onControlLineExceeded(): void {
    this.refuse('controlLineExceeded')
  }

  /** A message above `max_payload`. */
  onPayloadExceeded(payloadBytes: number, payloadBytesMax: number): void {
    if (this.#isEnded) return
    this.options.log.error(`maximum payload exceeded: ${payloadBytes} vs ${payloadBytesMax}`)
    this.violate('maxPayload')
  }

  /** A message the peer may not send. A spoke drops it in silence and does not call this. */
  onForbiddenPublish(subject: string): void {
    if (this.#isEnded) return
    this.setPenalty(VIOLATION_PENALTY_MS)
    const quoted = quoteSubject(subject)
    this.options.log.error(`Publish Violation on ${quoted} - Check other side configuration`)
    this.violate('leafPublishPermission', `${wireOf('leafPublishPermission')} ${quoted}`)
  }

  /** Why this link is about to end, for who dials again. */
  noteError(text: string): void {
    this.#lastError = text
  }

  /** The socket has ended, or is to end for a reason of its owner. */
  onClosed(reason: ClosedState): void {
    this.end(reason)
  }

  mayAnnounce(subject: string): boolean {
    return this.permissions.mayAnnounce(subject)
  }

  onNotPermitted(subject: string): void {
    const { account } = this.binding
    this.options.log.debug(
      `Not permitted to subscribe to ${quoteSubject(subject)} on behalf of ${account}`,
    )
  }

  writeInterest(lines: string): void {
    if (this.#isEnded) return
    this.options.link.write(lines)
  }

  closeAsDuplicate(): void {
    this.refuse('leafDuplicate')
  }

  /** Role and flags of this link, from before it joins until its end. */
  protected settle(peer: LeafPeerFacts, isSpoke: boolean, isIsolated: boolean): void {
    this.peer = peer
    this.#isSpoke = isSpoke
    this.#isIsolated ||= isIsolated
    this.tellLink()
  }

  protected tellLink(): void {
    const { outgoing, incoming } = this.permissions
    // As nats-server: a hub that dialled holds what the peer sends against what may be exported.
    const taken = this.isSolicited && !this.#isSpoke ? outgoing : incoming
    this.options.link.setPeer({
      ...this.peer,
      isSpoke: this.#isSpoke,
      isIsolated: this.#isIsolated,
      outgoing,
      incoming: this.#isSpoke ? withoutJetStream(taken) : taken,
    })
  }

  /** Takes back everything the peer said it wants, and stops telling it anything. */
  protected forget(): void {
    this.binding.interest.leave(this)
    for (const sub of [...this.received.values()]) {
      const key = interestKey(sub.subject, sub.queue)
      this.received.take(key)
      this.#withdraw(key, sub)
    }
  }

  /**
   * This link's server is about to end, and `successor` stands: nothing more is asked of this one.
   * What its peer wants and the successor's does not, replies above all, still goes here until it
   * ends; so no message takes both ways, and none is lost.
   */
  retire(successor: LeafSession): void {
    if (this.#isEnded) return
    this.binding.interest.withdraw(this)
    for (const { subject, queue } of successor.received.values()) {
      this.yieldInterest(interestKey(subject, queue))
    }
    this.#successor = successor
    successor.#predecessor = this
  }

  protected yieldInterest(key: InterestKey): void {
    const sub = this.received.take(key)
    if (sub !== undefined) this.#withdraw(key, sub)
  }

  /** What may cross has changed: the peer is told what it may know now, and no more. */
  protected reannounce(): void {
    if (!this.#isEnded) this.binding.interest.announceAgain(this)
  }

  /** The handshake is over: tell the peer everything, then see to it that it stays alive. */
  protected establish(remoteDomain: string): void {
    if (this.#isEnded) return
    const { log, server, times, nowMs, random } = this.options
    this.setHandshakeDeadline(Number.POSITIVE_INFINITY)
    this.compressing.onRtt(this.#sinceLastStep(), true)
    log.info(
      `JetStream using domains: local "${server.domain}", remote "${untrustedText(remoteDomain)}"`,
    )
    this.binding.interest.announce(this)
    if (this.#pings !== null) return
    this.#pings = new PingSchedule(times, this.#isSpoke)
    this.#pings.start(nowMs(), random())
    this.options.onEstablished?.()
  }

  protected setHandshakeDeadline(deadlineMs: number): void {
    this.#handshakeDeadlineMs = deadlineMs
  }

  /** It is the peer's turn: how long it takes tells something about the round trip time. */
  protected awaitAnswer(timeoutMs: number): void {
    this.#stepStartedMs = this.options.nowMs()
    this.setHandshakeDeadline(this.#stepStartedMs + timeoutMs)
  }

  /** How long the peer took to answer: an upper bound of the round trip time. */
  #sinceLastStep(): number {
    return this.options.nowMs() - this.#stepStartedMs
  }

  /** Only who dials can wait before dialling again. */
  protected setPenalty(penaltyMs: number): void {
    if (this.isSolicited) this.#penaltyMs = penaltyMs
  }

  #onLoopSubject(): void {
    const { nowMs } = this.options
    const doubtMs = this.binding.interest.lastLoopMs + LOOP_DOUBT_MS
    if (nowMs() < doubtMs) this.#loopDueMs = doubtMs
    else this.onLoop(true)
  }

  protected onLoop(tellsPeer: boolean): void {
    this.setPenalty(LOOP_PENALTY_MS)
    this.binding.interest.lastLoopMs = this.options.nowMs()
    const text = leafLoopText(this.binding.account)
    this.options.log.error(`${text} - ${this.#parties()}`)
    if (tellsPeer) this.sendError(text)
    this.end(closedStateOf('leafLoop'))
  }

  /** Logs, tells the peer and ends. */
  protected refuse(which: ViolationName, text: string = wireOf(which)): void {
    if (this.#isEnded) return
    this.options.log.error(`${text} - ${this.#parties()}`)
    this.violate(which, text)
  }

  /** Both ends and the account, so that one line of the log tells whom it is about. */
  #parties(): string {
    const { server, peerAddress } = this.options
    const name = (server: string, cluster: string) => (cluster ? `${server}/${cluster}` : server)
    const local = name(server.name, server.cluster)
    const remote = name(this.peer.name, this.peer.cluster) || '(unknown)'
    return `Account:${this.binding.account} Local:${local} Remote:${untrustedText(remote)}@${peerAddress}`
  }

  /** Tells the peer and ends. */
  protected violate(which: ViolationName, text: string = wireOf(which)): void {
    this.sendError(text)
    this.end(closedStateOf(which))
  }

  protected sendError(text: string): void {
    this.#lastError = text
    this.options.link.write(wireText(errorLine(text)))
  }

  protected end(reason: ClosedState): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#predecessor = undefined
    this.#successor = undefined
    const { link, log, onEnd } = this.options
    const remote = this.peer.name === '' ? '' : ` - Remote: ${untrustedText(this.peer.name)}`
    log.info(`Leafnode connection closed: ${CLOSED_STATES[reason]}${remote}`)
    this.forget()
    link.close(reason)
    onEnd({
      reason,
      lastError: this.#lastError,
      penaltyMs: this.#penaltyMs,
      isRefused: this.#isRefused,
    })
  }

  protected traceReceived(line: string): void {
    if (this.options.log.isTracing) this.#trace('<<-', untrustedText(line))
  }

  #insert(key: InterestKey, sub: ReceivedSub): void {
    const { link, sink } = this.options
    const known = this.received.get(key)
    if (known?.weight === sub.weight || this.#successor?.received.has(key)) return
    const isRefused =
      (known === undefined && this.received.size >= this.subscriptionsMax) ||
      !sink.subscribe(link, key, sub.subject, sub.queue, sub.weight)
    if (isRefused) {
      this.#logRefusal(wireOf('maxSubscriptions'))
      this.sendError(wireOf('maxSubscriptions'))
      return
    }
    const delta = this.received.put(sub)
    this.binding.interest.onInterest({
      subject: sub.subject,
      queue: sub.queue,
      delta,
      origin: this,
    })
    // Afterwards, so that other links hear of no end of what goes on.
    this.#predecessor?.yieldInterest(key)
  }

  /** A peer may announce a hundred thousand subjects too many. */
  #logRefusal(text: string): void {
    const nowMs = this.options.nowMs()
    if (nowMs - this.#refusalLoggedMs < REFUSAL_LOG_MS) return
    this.#refusalLoggedMs = nowMs
    this.options.log.error(text)
  }

  #withdraw(key: InterestKey, { subject, queue, weight }: ReceivedSub): void {
    const { link, sink } = this.options
    sink.unsubscribe(link, key)
    this.#trace('<->', `DELSUB ${key}`)
    this.binding.interest.onInterest({ subject, queue, delta: -weight, origin: this })
  }

  #onForbiddenSub(subject: string): void {
    const quoted = quoteSubject(subject)
    if (this.#isSpoke) {
      this.options.log.debug(`Not permitted to subscribe to ${quoted}: ignored`)
      return
    }
    this.setPenalty(VIOLATION_PENALTY_MS)
    this.options.log.error(`Subscription Violation on ${quoted} - Check other side configuration`)
    const text = subscriptionPermissionText(Buffer.from(subject, 'latin1'))
    this.violate('leafSubscriptionPermission', text)
  }

  #onPingDue(pings: PingSchedule, nowMs: number): void {
    const { link, log } = this.options
    log.debug('Leafnode Ping Timer')
    const decision = pings.onDue(nowMs, link.lastReceivedMs())
    if (decision === 'stale') {
      log.debug('Stale Client Connection - Closing')
      this.violate('staleConnection')
    } else if (decision === 'ping') {
      this.#pingTrafficBytes = link.trafficBytes()
      link.write('PING\r\n')
    }
  }

  #trace(direction: '<<-' | '<->', text: string): void {
    if (this.options.log.isTracing) this.options.log.trace(`${direction} [${text}]`)
  }
}
