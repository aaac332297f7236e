import type { PermissionOptions } from '../../config/account-types.ts'
import { CLOSED, HOLD, INCOMPLETE } from '../../io/session.ts'
import { traceOperation } from '../../monitor/log/trace-lines.ts'
import { type MessageArguments, parseLeafMsg } from '../../protocol/arguments.ts'
import type { Operation } from '../../protocol/operation.ts'
import { AcceptSession } from '../../router/leaf/accept-session.ts'
import { payloadState, publishMessage } from '../messages/publish-message.ts'
import { TracedLeaf } from '../tracing/traced-leaf.ts'
import { type PublishOutcome, TracedPublish } from '../tracing/traced-publish.ts'
import type { LeafConnection } from './leaf-connection.ts'
import type { LeafLinks } from './leaf-links.ts'
import { LeafReplies } from './leaf-replies.ts'

/**
 * Messages of a leaf link that the kernel leaves aside: odd ones, traced ones, and those the peer
 * may not send, of which some are replies that it may.
 */
export class LeafPublish {
  readonly #links: LeafLinks
  readonly #link: LeafConnection
  #replies: LeafReplies | undefined
  #replyPlanKey = 0
  #traced: TracedPublish | undefined
  /** The message at hand is such a reply; it may have to wait for room. */
  #isReply = false

  constructor(links: LeafLinks, link: LeafConnection) {
    this.#links = links
    this.#link = link
  }

  /** The peer has logged in: it may reply, if its user may no more than that. */
  permitReplies(permissions: PermissionOptions | undefined): void {
    this.#replies = LeafReplies.of(permissions)
    if (this.#replies !== undefined) this.#links.tapOutbound()
  }

  /** Whether what is written to the peer must be shown to `onOutbound`. */
  get tracksReplies(): boolean {
    return this.#replies !== undefined
  }

  /** What was written to the peer. */
  onOutbound(frames: Uint8Array): void {
    this.#replies?.onOutbound(frames, performance.now())
  }

  /** Permissions have changed: plans of replies made before are not its own any more. */
  renewPlanKey(): void {
    this.#replyPlanKey = this.#links.takePlanKey()
  }

  /** @returns as Session.onOperation */
  onMessage(operation: Operation, at: number, to: number): number {
    const { bytes } = this.#links.kernel
    const { session, maxPayload } = this.#link
    const args = parseLeafMsg(bytes, operation.argFrom, operation.argTo, operation.verb === 'HMSG')
    if (!args.ok) {
      session.onBadArguments(args.why)
      return CLOSED
    }
    if (maxPayload >= 0 && args.totalBytes > maxPayload) {
      session.onPayloadExceeded(args.totalBytes, maxPayload)
      return CLOSED
    }
    const end = operation.next + args.totalBytes
    const state = payloadState(bytes, end, to)
    if (state === 'broken') {
      session.onUnknownOperation(Buffer.from(bytes.subarray(end, end + 2)).toString('latin1'))
      return CLOSED
    }
    if (state === 'incomplete') {
      this.#link.needBytes = end + 2 - at
      return INCOMPLETE
    }
    if (session instanceof AcceptSession && !session.isConnected) {
      session.onAuthorizationViolation()
      return CLOSED
    }
    if (!this.#isReply) this.#trace(operation)
    return this.#deliver(args, operation.next, end + 2)
  }

  #deliver(args: MessageArguments, payload: number, next: number): number {
    const { kernel, thread, tracer } = this.#links
    const { connection } = this.#link
    if (!this.#isReply && tracer.concerns(connection.record, args, payload)) {
      const outcome = this.#publishTraced(args, payload)
      if (outcome === 'retry') thread.retryLater(connection)
      if (outcome === 'retry' || outcome === 'held') return HOLD
      if (outcome === 'done') return next
      if (outcome === 'forbidden') return this.#onForbidden(args, payload, next)
    }
    const isDone = this.#isReply
      ? this.#publishReply(args, payload)
      : publishMessage(kernel, connection.record, args, payload)
    if (!isDone) {
      thread.retryLater(connection)
      return HOLD
    }
    this.#isReply = false
    const status = kernel.exports.status.value
    if (status === kernel.layout.STATUS_IMPORTS) this.#link.onImports()
    if (status !== kernel.layout.STATUS_FORBIDDEN) return next
    return this.#onForbidden(args, payload, next)
  }

  #publishTraced(args: MessageArguments, payload: number): PublishOutcome {
    const links = this.#links
    this.#traced ??= new TracedPublish(links.tracer, new TracedLeaf(links, this.#link))
    return this.#traced.publish(args, payload, false)
  }

  #onForbidden(args: MessageArguments, payload: number, next: number): number {
    const { kernel } = this.#links
    const subject = kernel.bytes.toString('latin1', args.subject.from, args.subject.to)
    if (this.#replies?.take(subject, performance.now()) === true) {
      this.#isReply = true
      this.#traced?.forget()
      return this.#deliver(args, payload, next)
    }
    this.#traced?.refuse('')
    this.#link.session.onForbiddenPublish(subject)
    return CLOSED
  }

  /** As any message, but for permissions; plans that rest on none have a key of their own. */
  #publishReply(args: MessageArguments, payload: number): boolean {
    const { kernel } = this.#links
    const { layout, words } = kernel
    const { record } = this.#link.connection
    const incoming = (record + layout.CONNECTION_INCOMING) >> 2
    const planKey = (record + layout.CONNECTION_PLAN_KEY) >> 2
    const before = { incoming: words[incoming]!, planKey: words[planKey]! }
    words[incoming] = 0
    words[planKey] = this.#replyPlanKey
    const isDone = publishMessage(kernel, record, args, payload)
    words[incoming] = before.incoming
    words[planKey] = before.planKey
    return isDone
  }

  #trace({ verb, argFrom, argTo }: Operation): void {
    const { log } = this.#links.thread
    if (!log.traceEnabled) return
    const argument = this.#links.kernel.bytes.toString('latin1', argFrom, argTo)
    log.trace(this.#link.prefix + traceOperation('in', verb, argument))
  }
}
