import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import type { LoginRequest, TlsFacts } from '../../auth/login.ts'
import type { Connection } from '../../io/connection.ts'
import type { Deadline } from '../../io/deadlines.ts'
import { S2Codec } from '../../io/s2/s2-codec.ts'
import { CLOSED, HOLD, INCOMPLETE, type Session } from '../../io/session.ts'
import type { ClosedState } from '../../protocol/closed-states.ts'
import { goTime } from '../../protocol/go-time.ts'
import { type OperationViolation, readOperation } from '../../protocol/operation.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import { subjectsCollide } from '../../router/accounts/subject-sets.ts'
import { AcceptSession, type LeafAdmission } from '../../router/leaf/accept-session.ts'
import type { S2Level } from '../../router/leaf/compression.ts'
import { interestKey } from '../../router/leaf/interest-map.ts'
import { tellLeafSession } from '../../router/leaf/leaf-operation.ts'
import type { LeafSession } from '../../router/leaf/leaf-session.ts'
import type { LeafLink, LeafPeer } from '../../router/leaf/leaf-types.ts'
import type { Account } from '../accounts/account.ts'
import type { LoginOwner } from '../accounts/login.ts'
import type { Requester } from '../accounts/service-imports.ts'
import { atWallTime } from '../io-thread/wall-deadline.ts'
import { leafFacts, tlsShown } from '../reports/leaf-facts.ts'
import type { ReportedSession, SessionFacts } from '../reports/reported-session.ts'
import { subscriptionLine, utf8 } from '../reports/subscription-text.ts'
import type { Grant } from '../threads/peer-messages.ts'
import type { ActiveTrace } from '../tracing/active-trace.ts'
import { writeLabel } from '../tracing/labels.ts'
import { withTrace } from '../tracing/trace-step.ts'
import type { LeafLinks } from './leaf-links.ts'
import { LeafPublish } from './leaf-publish.ts'
import { LeafRecord, type LinkCounts } from './leaf-record.ts'
import { transportFailure } from './leaf-transport-failure.ts'

const SNIPPET_BYTES = 32
/** nats-server's protocol level of servers that trace messages. */
export const TRACING_PROTOCOL = 3
const NS_PER_MS = 1_000_000n

/** A leaf link's connection: its lines go to the leaf session, its messages to the kernel. */
export class LeafConnection implements Session, LeafLink, Requester, LoginOwner, ReportedSession {
  needBytes = 0
  droppableFrom = 0
  droppableTo = 0
  readonly connection: Connection
  readonly prefix: string
  readonly isWebsocket: boolean
  /** What the peer wants: entry in the sublist by key. */
  readonly entries = new Map<string, number>()
  readonly #links: LeafLinks
  readonly #record: LeafRecord
  readonly #publish: LeafPublish
  /** Absent until it is known how the peer wants to be spoken to. */
  #maybeSession: LeafSession | undefined
  /** The session is checking credentials: no further line may be read. */
  #isBusy = false
  #s2: S2Codec | undefined
  /** Number of the account it is bound to. */
  account = 0
  accountName = '$G'
  readonly startMs = Date.now()
  /** Undefined as long as it speaks in clear. */
  tls: TlsFacts | undefined
  /** What the peer has logged in with. */
  presented: LoginRequest['connect'] | undefined
  /** TLS came before INFO. */
  isTlsFirst = false
  #grant: Grant | undefined
  #endExpiry = () => {}
  #deadline: Deadline | undefined
  /** Once it is known. */
  #peer: LeafPeer | undefined

  constructor(links: LeafLinks, connection: Connection, prefix: string, isWebsocket: boolean) {
    this.#links = links
    this.connection = connection
    this.prefix = prefix
    this.isWebsocket = isWebsocket
    this.#record = new LeafRecord(links, connection)
    this.#publish = new LeafPublish(links, this)
  }

  start(session: LeafSession & { start(): void }): void {
    this.#maybeSession = session
    this.inTurn(() => session.start())
  }

  /** Whose interest and messages these are; before anything of either comes. */
  bind({ number, name }: Account): void {
    this.account = number
    this.accountName = name
    this.#record.bind(number)
  }

  /** The peer has logged in. */
  admit(grant: Grant): LeafAdmission {
    const account = this.#links.security.directory.at(grant.account)
    if (account === undefined) return { ok: false, why: 'authorization', log: '' }
    this.bind(account)
    this.take(grant)
    this.#links.events.onConnected(this)
    this.#publish.permitReplies(grant.permissions)
    const { publish, subscribe } = grant.permissions ?? {}
    return { ok: true, publish, subscribe, binding: this.#links.bindingOf(account) }
  }

  /** What account and user allow the link; permissions apart. */
  take(grant: Grant): void {
    const { maxPayload, maxSubscriptions } = grant
    this.#grant = grant
    this.#record.maxPayload = maxPayload
    this.session.subscriptionsMax = maxSubscriptions < 0 ? Infinity : maxSubscriptions
    this.#watchExpiry(grant)
  }

  /** Far deadlines are looked at again now and then: clocks get set, and timers have a range. */
  #watchExpiry({ expiresMs, expiry }: Grant): void {
    this.#endExpiry()
    if (expiresMs === 0) return
    const evict = () => this.evict(this.connection.cid, expiry)
    this.#endExpiry = atWallTime(this.#links.thread.deadlines, expiresMs, evict)
  }

  // ── LoginOwner ────────────────────────────────────────────────────────────────────────────

  /**
   * With other permissions the link begins anew: what the peer has announced, and kept to itself,
   * rests on the old ones.
   */
  regrant(_cid: number, grant: Grant): void {
    if (!this.connection.isOpen) return
    const before = this.#grant
    this.take(grant)
    const { session } = this
    if (!session.isSolicited && !isDeepStrictEqual(before?.permissions, grant.permissions)) {
      this.inTurn(() => session.endForPermissions())
    } else if (session.received.size > session.subscriptionsMax) {
      this.evict(this.connection.cid, 'maxSubscriptionsLowered')
    }
  }

  evict(_cid: number, why: ViolationName, log = ''): void {
    if (!this.connection.isOpen) return
    if (log !== '') this.#links.thread.log.error(this.prefix + log)
    this.inTurn(() => this.#maybeSession?.evict(why))
  }

  // ── Requester ─────────────────────────────────────────────────────────────────────────────

  readonly isLeaf = true

  clientInfo(): ClientInfo {
    const { connection, session } = this
    const { peerFacts } = session
    const identity = this.#grant?.identity
    return {
      start: goTime(BigInt(this.startMs) * NS_PER_MS),
      host: connection.remoteAddress,
      id: connection.cid,
      account: this.accountName,
      user: identity?.user,
      name: peerFacts.name,
      version: peerFacts.version,
      rttNs: this.rttNs,
      server: peerFacts.name,
      jwt: identity?.jwt,
      issuerKey: identity?.issuerKey,
      nameTag: identity?.nameTag,
      tags: identity?.tags,
      kind: 'Leafnode',
    }
  }

  // ── ReportedSession ───────────────────────────────────────────────────────────────────────

  get isListed(): boolean {
    return this.#maybeSession?.isConnected === true
  }

  get rttNs(): number {
    const { rttMs = -1 } = this.#maybeSession ?? {}
    return rttMs > 0 ? Math.round(rttMs * Number(NS_PER_MS)) : 0
  }

  get subscriptionCount(): number {
    return this.#maybeSession?.received.size ?? 0
  }

  reportFacts(): SessionFacts {
    return leafFacts(this, this.#maybeSession, this.#grant)
  }

  subscriptionText(max: number): string {
    let text = ''
    let count = 0
    for (const { subject, queue } of this.#maybeSession?.received.values() ?? []) {
      if (count++ >= max) break
      text += subscriptionLine(subject, queue ?? '', interestKey(subject, queue), 0, 0)
    }
    return text
  }

  isInterestedIn(subject: string): boolean {
    const wanted = this.#maybeSession?.received.values() ?? []
    return [...wanted].some((sub) => subjectsCollide(utf8(sub.subject), subject))
  }

  debug(text: string): void {
    this.#links.thread.log.debug(this.prefix + text)
  }

  get hasSession(): boolean {
    return this.#maybeSession !== undefined
  }

  /** Set before anything is read. */
  get session(): LeafSession {
    return this.#maybeSession!
  }

  /** Puts TLS over the socket in use; what was written before goes out in clear. See overlay. */
  async secure(shakeHands: (raw: Socket) => Promise<Duplex>): Promise<boolean> {
    const raw = this.connection.releaseSocket()
    if (raw === undefined) return false
    return this.overlay(raw as Socket, () => shakeHands(raw as Socket))
  }

  /**
   * Goes on over what `make` puts over a socket.
   *
   * @returns false when that failed: it has been logged, and the link has ended
   */
  async overlay(raw: Socket, make: () => Promise<Duplex>): Promise<boolean> {
    let over: Duplex = raw
    try {
      over = await make()
      this.tls ??= tlsShown(over)
    } catch (error) {
      raw.destroy()
      this.inTurn(() => this.#onOverlayFailure(error))
    }
    this.inTurn(() => this.connection.replaceSocket(over))
    return this.connection.isOpen
  }

  #onOverlayFailure(error: unknown): void {
    if (!this.connection.isOpen) return
    const { text, level, reason } = transportFailure(error)
    this.#links.thread.log[level](this.prefix + text)
    this.#maybeSession?.noteError(text)
    this.connection.close(reason)
  }

  /** Runs what may make the session write, close or change its deadline. */
  inTurn(run: () => void): void {
    const { thread } = this.#links
    thread.beginTurn()
    run()
    this.#schedule()
    thread.endTurn()
  }

  #schedule(): void {
    const { thread } = this.#links
    const dueMs = this.#maybeSession?.nextDeadlineMs() ?? Number.POSITIVE_INFINITY
    if (this.#deadline?.run !== undefined && this.#deadline.atMs === dueMs) return
    this.#deadline?.cancel()
    if (!Number.isFinite(dueMs)) return
    this.#deadline = thread.deadlines.at(dueMs, () =>
      this.inTurn(() => this.session.onTimer(thread.nowMs)),
    )
  }

  // ── Session ───────────────────────────────────────────────────────────────────────────────

  onOperation(at: number, to: number): number {
    if (this.#isBusy) return HOLD
    const { kernel, limits } = this.#links
    const session = this.session
    const awaitsConnect =
      session instanceof AcceptSession && session.awaitsConnectInPlaceOf(kernel.bytes[at])
    const result = readOperation(kernel.bytes, at, to, 'leaf', limits, awaitsConnect)
    if (result.type === 'incomplete') {
      this.needBytes = 0
      this.droppableFrom = result.droppableFrom
      this.droppableTo = result.droppableTo
      return INCOMPLETE
    }
    this.droppableFrom = this.droppableTo = 0
    if (result.type === 'violation') return this.#onViolation(result, to)
    if (result.verb === 'LMSG' || result.verb === 'HMSG') {
      return this.#publish.onMessage(result, at, to)
    }
    if (result.verb === 'LSUB' || result.verb === 'LUNSUB') this.connection.noteInterest()
    const busy = tellLeafSession(session, result.verb, kernel.bytes, result.argFrom, result.argTo)
    if (busy !== undefined) this.#await(busy)
    this.#schedule()
    return this.connection.isOpen ? result.next : CLOSED
  }

  #await(busy: Promise<void>): void {
    this.#isBusy = true
    void busy.then(() => {
      this.#isBusy = false
      this.inTurn(() => {})
      this.connection.resume()
    })
  }

  #onViolation({ which, at }: OperationViolation, to: number): number {
    const session = this.session
    if (which === 'controlLineExceeded') session.onControlLineExceeded()
    else if (which === 'authorization' && session instanceof AcceptSession) {
      session.onAuthorizationViolation()
    } else {
      const snippet = this.#links.kernel.bytes.subarray(at, Math.min(to, at + SNIPPET_BYTES))
      session.onUnknownOperation(Buffer.from(snippet).toString('latin1'))
    }
    return CLOSED
  }

  /** What was written to the peer. */
  onOutbound(frames: Uint8Array): void {
    this.#publish.onOutbound(frames)
  }

  /** Requests of leaf links are answered by nobody: their server tells its own requester. */
  onNoResponders(): void {}

  onImports(active?: ActiveTrace): void {
    this.#links.services.forward(active === undefined ? this : withTrace(this, active))
  }

  onReadFailure(why: string): void {
    this.#links.thread.log.error(`${this.prefix}read error: ${why}`)
    this.#maybeSession?.noteError(`read error: ${why}`)
  }

  onNotice(level: 'info' | 'warn', text: string): void {
    this.#links.thread.log[level](this.prefix + text)
  }

  onClosed(reason: ClosedState): void {
    this.#links.reports.onClosed(this, reason)
    const account = this.#grant === undefined ? '' : this.accountName
    const { presented } = this
    const place = { account, toldAccount: '', toldReason: undefined, presented }
    this.#links.events.onClosed(this, reason, place)
    this.#deadline?.cancel()
    this.#endExpiry()
    this.#maybeSession?.onClosed(reason)
    this.#links.onClosed(this)
    this.#record.clear()
  }

  // ── LeafLink ──────────────────────────────────────────────────────────────────────────────

  write(text: string): void {
    this.connection.write(Buffer.from(text, 'latin1'))
  }

  close(reason: ClosedState): void {
    this.connection.close(reason)
  }

  setPeer(peer: LeafPeer): void {
    this.#record.setPeer(peer)
    this.#publish.renewPlanKey()
    const isNew = this.#peer === undefined
    if (isNew && this.#maybeSession?.isSolicited) this.#links.events.onConnected(this)
    this.#peer = peer
    this.#setFlags(peer)
  }

  /** The options are others: what the kernel may do without asking follows them. */
  useOptions(): void {
    if (this.#peer !== undefined && this.connection.isOpen) this.#setFlags(this.#peer)
  }

  get tracksReplies(): boolean {
    return this.#publish.tracksReplies
  }

  #setFlags(peer: LeafPeer): void {
    const { name, protocol } = this.session.peerFacts
    const { trace } = this.#links.security.directory.at(this.account)?.options ?? {}
    this.#record.setFlags(peer, {
      peerTraces: protocol >= TRACING_PROTOCOL,
      tracesParents: trace !== undefined,
    })
    const label = { name, user: this.#grant?.identity.user ?? '' }
    writeLabel(this.#links.kernel, this.connection.record, label)
  }

  compress(level: S2Level): void {
    if (this.#s2 === undefined) {
      this.#s2 = new S2Codec(this.connection, level)
      this.connection.setCodec(this.#s2)
    } else {
      this.#s2.level = level
    }
  }

  /** Bytes; negative: no limit. */
  get maxPayload(): number {
    return this.#record.maxPayload
  }

  counts(): LinkCounts {
    return this.#record.counts()
  }

  trafficBytes(): number {
    const { inBytes, outBytes } = this.counts()
    return inBytes + outBytes + this.connection.pendingBytes
  }

  lastReceivedMs(): number {
    return this.connection.lastInMs
  }
}
