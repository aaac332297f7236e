import type { MessageArguments } from '../../protocol/arguments.ts'
import { type MessagePlace, partsOf } from '../messages/message-place.ts'
import { type ActiveTrace, explainPlace, NO_QUEUES } from './active-trace.ts'
import { copyWithHeaders, headersAt, type PlaceCopy, placeOf } from './place-copies.ts'
import { tappedMessage } from './tap.ts'
import type { TraceOrigin, Tracer, TraceSource } from './tracer.ts'

/** What is traced, or may be. */
export interface PublishingSession extends TraceSource {
  onImports(active?: ActiveTrace): void
  onNoResponders(): void
}

/**
 * What became of a message: nothing yet, it is an ordinary one; it is done with; it must be given
 * again later, by `retryLater` or when its connection is resumed; or it is forbidden, see `refuse`.
 */
export type PublishOutcome = 'ordinary' | 'done' | 'retry' | 'held' | 'forbidden'

/** Publishes the messages of one connection that are traced. */
export class TracedPublish {
  readonly #tracer: Tracer
  readonly #session: PublishingSession
  /** The message is out, but for leaf links whose lane is full. */
  #awaitsLinks = false
  #refused: { refuse(why: string): void } | undefined

  constructor(tracer: Tracer, session: PublishingSession) {
    this.#tracer = tracer
    this.#session = session
  }

  /**
   * @param payload address of header block and payload
   * @param isTrusted see publishMessage
   */
  publish(args: MessageArguments, payload: number, isTrusted: boolean): PublishOutcome {
    if (this.#awaitsLinks) {
      if (!this.#tracer.links.isIdle) return this.#awaitLinks()
      this.#awaitsLinks = false
      return 'done'
    }
    const place = placeOf(args, payload)
    if (args.headerBytes <= 0) return this.#tap(args, place, isTrusted)
    const { kernel } = this.#tracer.tools
    const { subject, totalBytes } = args
    const decision = this.#tracer.begin(this.#session, {
      subject: kernel.bytes.toString('latin1', subject.from, subject.to),
      headers: headersAt(kernel, place),
      bytes: totalBytes,
    })
    switch (decision.type) {
      case 'none':
        return this.#tap(args, place, isTrusted)
      case 'skip':
        return 'done'
      case 'disable': {
        const copy = copyWithHeaders(kernel, place, decision.headers, undefined)
        return copy === undefined ? 'ordinary' : this.#publishCopy(copy, args, isTrusted)
      }
      case 'trace':
        return this.#trace(decision.active, decision.origin, args, payload, isTrusted)
    }
  }

  /** A sample for those who watch the subject, if they are due. */
  #tap(args: MessageArguments, place: MessagePlace, isTrusted: boolean): PublishOutcome {
    const { tap, tools } = this.#tracer
    if (!tap.isArmed) return 'ordinary'
    const { kernel } = tools
    const { exports, layout } = kernel
    const session = this.#session
    const { record } = session.connection
    const origin = session.traceOrigin()
    const message = tappedMessage(kernel, origin, record, place)
    const taps = tap.take(message.subject, origin.accountNumber)
    if (taps === undefined) return 'ordinary'
    const isDone = explainPlace(kernel, record, place, queuesOf(args), isTrusted ? 1 : 0, 0)
    if (!isDone) return 'retry'
    const status: number = exports.status.value
    if (status === layout.STATUS_FORBIDDEN) {
      this.#refused = { refuse: () => tap.refused(taps, message, 'permission') }
      return 'forbidden'
    }
    tap.explained(taps, message)
    if (status === layout.STATUS_NO_RESPONDERS) session.onNoResponders()
    else if (status === layout.STATUS_IMPORTS) session.onImports()
    return 'done'
  }

  #publishCopy(copy: PlaceCopy, args: MessageArguments, isTrusted: boolean): PublishOutcome {
    const { exports, layout } = this.#tracer.tools.kernel
    const { place, block, blockBytes } = copy
    const queues = queuesOf(args)
    const isDone = exports.publishParts(
      this.#session.connection.record,
      ...partsOf(place),
      queues.at,
      queues.bytes,
      isTrusted ? 1 : 0,
    )
    const status: number = exports.status.value
    if (isDone !== 0 && status === layout.STATUS_IMPORTS) this.#session.onImports()
    if (isDone !== 0 && status === layout.STATUS_NO_RESPONDERS) this.#session.onNoResponders()
    exports.release(block, blockBytes)
    if (isDone === 0) return 'retry'
    return status === layout.STATUS_FORBIDDEN ? 'forbidden' : 'done'
  }

  #trace(
    active: ActiveTrace,
    origin: TraceOrigin,
    args: MessageArguments,
    payload: number,
    isTrusted: boolean,
  ): PublishOutcome {
    const { kernel } = this.#tracer.tools
    const { exports, layout } = kernel
    const session = this.#session
    const { record } = session.connection
    const place = placeOf(args, payload)
    const trust = isTrusted ? 1 : 0
    const delivery = active.publish(record, place, queuesOf(args), trust)
    if (delivery === undefined) return 'retry'
    const status: number = exports.status.value
    delivery.tellMapping()
    if (status === layout.STATUS_FORBIDDEN) {
      const refuse = (why: string) => {
        active.trace.setError(why)
        this.#tracer.finish(active, origin)
      }
      this.#refused = { refuse }
      return 'forbidden'
    }
    if (status === layout.STATUS_NO_RESPONDERS) session.onNoResponders()
    delivery.tellPlain()
    if (status === layout.STATUS_IMPORTS) session.onImports(active)
    delivery.tellGroups()
    delivery.sendToLinks()
    this.#tracer.finish(active, origin)
    if (this.#tracer.links.isIdle) return 'done'
    this.#awaitsLinks = true
    return this.#awaitLinks()
  }

  #awaitLinks(): PublishOutcome {
    this.#tracer.links.await(this.#session.connection)
    return 'held'
  }

  /** The message that was found forbidden is refused for good. False: none was. */
  refuse(why: string): boolean {
    const refused = this.#refused
    this.#refused = undefined
    refused?.refuse(why)
    return refused !== undefined
  }

  /** The message that was found forbidden may be sent all the same. */
  forget(): void {
    this.#refused = undefined
  }
}

function queuesOf({ queues }: MessageArguments) {
  const [first] = queues
  const last = queues.at(-1)
  if (first === undefined || last === undefined) return NO_QUEUES
  return { at: first.from, bytes: last.to - first.from }
}
