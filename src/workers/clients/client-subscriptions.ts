import type { SubscribePermission } from '../../auth/permissions.ts'
import { CLOSED } from '../../io/session.ts'
import { traceRemovedSubscription } from '../../monitor/log/trace-lines.ts'
import { parseSub, parseUnsub } from '../../protocol/arguments.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type { Operation } from '../../protocol/operation.ts'
import { isValidSubscriptionSubject, subjectMatches } from '../../protocol/subjects.ts'
import {
  errorLine,
  subscriptionPermissionText,
  subscriptionRemovedText,
  tooManyTokensText,
  VIOLATIONS,
} from '../../protocol/violations.ts'
import { subjectsCollide } from '../../router/accounts/subject-sets.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import { subscriptionLine, utf8 } from '../reports/subscription-text.ts'
import type { ClientSession } from './client-session.ts'

/** Queue group that clients may not join; nats-server keeps it for itself. */
const SYSTEM_QUEUE = '_sys_'
/** As many lines as one that TypeScript reads takes the time of. */
const LINES_OF_SLOW = 4
/**
 * The subscriptions of one client: SUB and UNSUB, and what must not overtake them. Which they are
 * the kernel knows.
 */
export class ClientSubscriptions {
  /** Of one connection; 0 or less: no limit. */
  max: number
  /** Undefined: everything may be subscribed. */
  permission: SubscribePermission | undefined
  readonly #worker: ProtocolWorker
  readonly #session: ClientSession
  /** Some SUB or UNSUB may not have reached the routing worker. */
  #isInterestPending = false
  /** Lane position behind the last of them; undefined while it waits for room. */
  #changedAt: number | undefined

  constructor(worker: ProtocolWorker, session: ClientSession) {
    this.#worker = worker
    this.#session = session
    this.max = worker.options.maxSubscriptions
  }

  // ── SUB and UNSUB ─────────────────────────────────────────────────────────────────────────

  /** Whether there has been enough for one turn: then the connection goes on in the next one. */
  mustPause(): boolean {
    const { thread, router, kernel, interestShare } = this.#worker
    const { connection } = this.#session
    if (!router.hasBacklog) return !interestShare.ask(connection)
    thread.awaitRoom(kernel.layout.ROUTER_THREAD, connection)
    return true
  }

  /**
   * Has the kernel read lines of SUB and UNSUB.
   *
   * @param isUnsub the first is an UNSUB
   * @returns address behind the last; `at` when the line there is for TypeScript
   */
  readLines(at: number, to: number, isUnsub: boolean): number {
    const { kernel, services, thread, slots, interestShare } = this.#worker
    const { exports, layout, words } = kernel
    const { connection } = this.#session
    const { record } = connection
    const flags = words[(record + layout.CONNECTION_FLAGS) >> 2]!
    const isPlain = this.permission === undefined && this.#worker.options.maxSubTokens <= 0
    if (!isPlain || (flags & layout.FLAG_SLOW_PATH) !== 0) return at
    if (isUnsub) {
      if (!services.exporters.isIdle) return at
      // As for onUnsub.
      thread.readLanesToEnd()
      if (!connection.isOpen) return CLOSED
    }
    thread.removeExpired()
    const before = slots.countOf(record)
    const countMax = Math.max(0, this.max)
    const next = exports.ingestInterest(
      record,
      at,
      to,
      interestShare.left,
      countMax,
      Number(isUnsub),
    )
    if (next === at) return at
    interestShare.left -= exports.interestLines.value
    thread.clientSubscriptions += slots.countOf(record) - before
    connection.noteInterest()
    this.#onInterest()
    this.#setAwaitingSub(true)
    return next
  }

  /** @returns as Session.onOperation */
  onSub({ argFrom, argTo, next }: Operation): number {
    const { kernel, options, log } = this.#worker
    const { bytes } = kernel
    const session = this.#session
    session.connection.noteInterest()
    this.#worker.interestShare.left -= LINES_OF_SLOW
    // A subscription that just got its last message makes room for this one.
    this.#worker.thread.removeExpired()
    const args = parseSub(bytes, argFrom, argTo)
    if (!args.ok) return session.refuseArguments(args.why)
    if (log.traceEnabled) session.trace('SUB', bytes.toString('latin1', argFrom, argTo))
    const { subject, queue, sid } = args
    const subjectText = bytes.toString('latin1', subject.from, subject.to)
    const queueText = queue === null ? undefined : bytes.toString('latin1', queue.from, queue.to)
    const sidText = bytes.toString('latin1', sid.from, sid.to)
    const subjectBytes = bytes.subarray(subject.from, subject.to)
    if (queueText === SYSTEM_QUEUE || !this.#isPermitted(subjectText, queueText)) {
      const queueBytes = queue === null ? undefined : bytes.subarray(queue.from, queue.to)
      const group = queueBytes === undefined ? '' : `Queue: ${goQuote(queueBytes)}, `
      const line = `Subscription Violation - Subject ${goQuote(subjectBytes)}, ${group}SID ${sidText}`
      return this.#refuse(subscriptionPermissionText(subjectBytes, queueBytes), line, next)
    }
    if (options.maxSubTokens > 0 && tokenCount(subjectText) > options.maxSubTokens) {
      const place = `Subject ${goQuote(subjectBytes)}, SID ${sidText}`
      const line = `Subscription Violation Too Many Tokens - ${place}`
      return this.#refuse(tooManyTokensText(subjectBytes), line, next)
    }
    if (this.isAboveLimit) {
      return this.#refuse(VIOLATIONS.maxSubscriptions.wire, VIOLATIONS.maxSubscriptions.wire, next)
    }
    const { record } = session.connection
    if (kernel.exports.findBySid(record, sid.from, sid.to - sid.from) === 0) {
      if (!isValidSubscriptionSubject(subjectText)) {
        return this.#refuse(VIOLATIONS.badSubject.wire, VIOLATIONS.badSubject.wire, next)
      }
      const slot = kernel.exports.createSubscription(
        record,
        subject.from,
        subject.to - subject.from,
        queue?.from ?? 0,
        queue === null ? 0 : queue.to - queue.from,
        sid.from,
        sid.to - sid.from,
      )
      const { wire } = VIOLATIONS.maxSubscriptions
      if (slot === 0) return this.#refuse(wire, wire, next)
      this.#worker.thread.clientSubscriptions += 1
      this.#worker.router.subscribe(slot)
      this.#onInterest()
      this.#setAwaitingSub(true)
    }
    session.ok()
    return next
  }

  #isPermitted(subject: string, queue: string | undefined): boolean {
    return this.permission === undefined || this.permission.verdict(subject, queue) === 'allowed'
  }

  #refuse(text: string, line: string, next: number): number {
    const { connection, prefix } = this.#session
    this.#worker.log.error(prefix + line)
    connection.write(errorLine(text))
    return next
  }

  /** @returns as Session.onOperation */
  onUnsub({ argFrom, argTo, next }: Operation): number {
    const { bytes } = this.#worker.kernel
    const session = this.#session
    session.connection.noteInterest()
    this.#worker.interestShare.left -= LINES_OF_SLOW
    const args = parseUnsub(bytes, argFrom, argTo)
    if (!args.ok) return session.refuseArguments(args.why)
    if (this.#worker.log.traceEnabled) {
      session.trace('UNSUB', bytes.toString('latin1', argFrom, argTo))
    }
    // What was published before, as its publisher knows, still belongs to the subscription.
    this.#worker.thread.readLanesToEnd()
    // One that got its last message is gone, whatever is asked of it now.
    this.#worker.thread.removeExpired()
    if (!session.connection.isOpen) return CLOSED
    const { from, to } = args.sid
    const slot = this.#worker.kernel.exports.findBySid(session.connection.record, from, to - from)
    if (slot !== 0) {
      const { slots } = this.#worker
      if (args.max > 0 && BigInt(args.max) > slots.delivered(slot)) slots.setMax(slot, args.max)
      else this.remove(slot)
    }
    session.ok()
    return next
  }

  /** The routing worker found no room for it. */
  onRefused(slot: number): void {
    const { connection, prefix } = this.#session
    this.#worker.log.error(`${prefix}Subscription refused: shared memory is exhausted`)
    connection.write(errorLine(VIOLATIONS.maxSubscriptions.wire))
    this.remove(slot)
  }

  // ── removal ───────────────────────────────────────────────────────────────────────────────

  remove(slot: number): void {
    const { kernel, slots, log, router, services } = this.#worker
    // Else it is being closed.
    if (!this.#session.connection.isOpen) return
    const sid = this.#sid(slot)
    this.#worker.thread.clientSubscriptions -= 1
    const subject = services.exporters.isIdle ? undefined : slots.subject(slot)
    kernel.exports.removeSubscription(slot)
    router.unsubscribe(slot)
    // Answers of other accounts' services that were awaited here need not come any more.
    if (subject !== undefined) services.exporters.loseInterest(this.#account, subject)
    this.#onInterest()
    if (log.traceEnabled) log.trace(this.#session.prefix + traceRemovedSubscription(sid))
  }

  /** All of them, now: the client says anew who it is. */
  removeAll(): void {
    const { kernel, router } = this.#worker
    this.#onRemovingAll()
    for (const slot of this.#all()) {
      kernel.exports.removeSubscription(slot)
      router.unsubscribe(slot)
    }
  }

  /** All of them: the connection has ended. */
  close(): void {
    this.#onRemovingAll()
    this.#worker.endedSubscriptions.close(this.#record)
  }

  #onRemovingAll(): void {
    const { log, services, slots, thread } = this.#worker
    thread.clientSubscriptions -= this.count
    if (log.traceEnabled) {
      for (const slot of this.#all()) {
        log.trace(this.#session.prefix + traceRemovedSubscription(this.#sid(slot)))
      }
    }
    if (services.exporters.isIdle) return
    for (const slot of this.#all()) {
      services.exporters.loseInterest(this.#account, slots.subject(slot))
    }
  }

  get #record(): number {
    return this.#session.connection.record
  }

  #all(): number[] {
    return [...this.#worker.slots.ofConnection(this.#record)]
  }

  #sid(slot: number): string {
    return this.#worker.slots.sidText(slot)
  }

  // ── for monitors ──────────────────────────────────────────────────────────────────────────

  get count(): number {
    return this.#worker.slots.countOf(this.#record)
  }

  /** See subscriptionLine; of so many at most. */
  text(max: number): string {
    const { slots } = this.#worker
    let text = ''
    let count = 0
    for (const slot of slots.ofConnection(this.#record)) {
      if (count++ >= max) break
      const sid = this.#sid(slot)
      const msgs = Number(slots.delivered(slot))
      text += subscriptionLine(slots.subject(slot), slots.queue(slot), sid, msgs, slots.max(slot))
    }
    return text
  }

  /** Whether some subject is both what one of them wants and what `subject`, UTF-8, names. */
  collidesWith(subject: string): boolean {
    const { slots } = this.#worker
    for (const slot of slots.ofConnection(this.#record)) {
      if (subjectsCollide(utf8(slots.subject(slot)), subject)) return true
    }
    return false
  }

  get #account() {
    const { accountName, account } = this.#session.granted?.grant ?? {}
    return { name: accountName ?? GLOBAL_ACCOUNT, number: account ?? 0 }
  }

  /**
   * Permissions or limits have changed: what is not permitted any more goes, and its owner is told.
   *
   * @returns how many have gone
   */
  enforce(): number {
    let removedCount = 0
    const { slots, router, log } = this.#worker
    const { connection, prefix } = this.#session
    for (const slot of this.#all()) {
      const sid = this.#sid(slot)
      const subject = slots.subject(slot)
      const queue = slots.queue(slot) || undefined
      if (this.#isPermitted(subject, queue)) {
        // The routing worker looks at what must not be delivered once more.
        router.subscribe(slot)
        continue
      }
      const group = queue === undefined ? '' : ` using queue ${goQuote(queue)}`
      const what = `Removed sub ${goQuote(subject)}${group} (sid ${goQuote(sid)})`
      log.info(`${prefix}${what} - not authorized`)
      connection.write(errorLine(subscriptionRemovedText(subject, sid, queue)))
      this.remove(slot)
      removedCount++
    }
    this.#onInterest()
    return removedCount
  }

  get isAboveLimit(): boolean {
    return this.max > 0 && this.count >= this.max
  }

  // ── order: nothing overtakes a SUB ────────────────────────────────────────────────────────

  #onInterest(): void {
    this.#changedAt = this.#worker.router.position()
    this.#isInterestPending = true
  }

  /** Whether nothing but SUB and UNSUB may be done yet. */
  get isAwaited(): boolean {
    const { layout, words } = this.#worker.kernel
    const flags = words[(this.#session.connection.record + layout.CONNECTION_FLAGS) >> 2]!
    return (flags & layout.FLAG_AWAITING_SUB) !== 0 && !this.isApplied()
  }

  /** Something else has been subscribed that nothing of this client's may overtake. */
  awaitInterest(): void {
    this.#onInterest()
    this.#setAwaitingSub(true)
  }

  #setAwaitingSub(isAwaiting: boolean): void {
    const { layout, words } = this.#worker.kernel
    const at = (this.#session.connection.record + layout.CONNECTION_FLAGS) >> 2
    if (isAwaiting) words[at]! |= layout.FLAG_AWAITING_SUB
    else words[at]! &= ~layout.FLAG_AWAITING_SUB
  }

  /** Whether the routing worker has applied every SUB and UNSUB so far. */
  isApplied(): boolean {
    if (!this.#isInterestPending) return true
    const { router } = this.#worker
    this.#changedAt ??= router.position()
    if (this.#changedAt === undefined || !router.hasApplied(this.#changedAt)) return false
    this.#isInterestPending = false
    this.#setAwaitingSub(false)
    return true
  }

  /** Sid of a plain subscription that takes what is sent to a reply subject; latin1. */
  sidFor(reply: string): Uint8Array | undefined {
    const { slots } = this.#worker
    for (const slot of slots.ofConnection(this.#record)) {
      if (slots.isQueue(slot) || slots.isExhausted(slot)) continue
      if (subjectMatches(slots.subject(slot), reply)) return slots.sid(slot)
    }
    return undefined
  }
}

function tokenCount(subject: string): number {
  let count = 1
  for (let i = 0; i < subject.length; i++) if (subject.charCodeAt(i) === 46) count++
  return count
}
