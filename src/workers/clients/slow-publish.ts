import { HOLD, INCOMPLETE } from '../../io/session.ts'
import { traceOperation, tracePayload } from '../../monitor/log/trace-lines.ts'
import { type MessageArguments, parseHpub, parsePub } from '../../protocol/arguments.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type { Operation } from '../../protocol/operation.ts'
import { isValidPublishSubject } from '../../protocol/subjects.ts'
import {
  errorLine,
  publishPermissionText,
  replyPermissionText,
  VIOLATIONS,
} from '../../protocol/violations.ts'
import { isTrackedReply, responderReply } from '../accounts/service-measurement.ts'
import { payloadState, publishMessage } from '../messages/publish-message.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import { TracedClient } from '../tracing/traced-client.ts'
import { TracedPublish } from '../tracing/traced-publish.ts'
import { MAX_PAYLOAD_TEXT } from '../tracing/tracer.ts'
import type { ClientSession } from './client-session.ts'

const CRLF_BYTES = 2
/** Subjects that only servers publish on. */
const RESERVED_SUBJECTS = ['_GR_.', '$NRG.'] as const
/** Replies that only servers give. */
const RESERVED_REPLIES = ['_R_.', '$JS.ACK.', '_GR_.'] as const

/**
 * PUB and HPUB with nats-server's whole grammar and all its checks, for what the kernel leaves
 * aside: odd lines, verbose clients, subjects that a pedantic one may not use, traces, reserved
 * subjects, errors.
 */
export class SlowPublish {
  readonly #worker: ProtocolWorker
  readonly #session: ClientSession
  /** Made for the first message with headers that comes here. */
  #traced: { readonly client: TracedClient; readonly publish: TracedPublish } | undefined
  /** The message at hand was checked and acknowledged before; it waited for room. */
  #isRetry = false
  /** It is a reply to what was delivered, and no other permission is needed. */
  #isReply = false

  constructor(worker: ProtocolWorker, session: ClientSession) {
    this.#worker = worker
    this.#session = session
  }

  /** @returns address of the next operation, or one of the answers of Session.onOperation */
  onPublish(operation: Operation, at: number, to: number, hasHeader: boolean): number {
    const { kernel, options, log } = this.#worker
    const { bytes } = kernel
    const session = this.#session
    const { argFrom, argTo } = operation
    if (hasHeader && !session.hasHeaders) {
      log.error(`${session.prefix}message headers not supported`)
      return session.violate('headersNotSupported')
    }
    const args = hasHeader ? parseHpub(bytes, argFrom, argTo) : parsePub(bytes, argFrom, argTo)
    if (!args.ok) return session.refuseArguments(args.why)
    const maxPayload = session.granted?.grant.maxPayload ?? options.maxPayload
    if (maxPayload >= 0 && args.totalBytes > maxPayload) {
      log.error(`${session.prefix}maximum payload exceeded: ${args.totalBytes} vs ${maxPayload}`)
      this.#traceRefusal(args, operation.next, to, MAX_PAYLOAD_TEXT)
      return session.violate('maxPayload')
    }
    const payload = operation.next
    const end = payload + args.totalBytes
    const state = payloadState(bytes, end, to)
    if (state === 'broken') return session.violate('unknownProtocolOperation')
    if (state === 'incomplete') {
      session.needBytes = end + 2 - at
      return INCOMPLETE
    }
    return this.#checkAndDeliver(args, operation, hasHeader)
  }

  #checkAndDeliver(args: MessageArguments, operation: Operation, hasHeader: boolean): number {
    const { bytes } = this.#worker.kernel
    const session = this.#session
    const next = operation.next + args.totalBytes + 2
    const subject = bytes.toString('latin1', args.subject.from, args.subject.to)
    const reply =
      args.reply === null ? '' : bytes.toString('latin1', args.reply.from, args.reply.to)
    if (!this.#isRetry) {
      if (this.#worker.log.traceEnabled) this.#trace(args, operation, hasHeader)
      if (session.options.pedantic && !isValidPublishSubject(subject)) {
        session.connection.write(errorLine(VIOLATIONS.badPublishSubject.wire))
      }
      if (RESERVED_SUBJECTS.some((prefix) => subject.startsWith(prefix))) {
        return this.#refuse('Subject', subject, args, operation.next)
      }
      const { granted } = session
      if (session.options.verbose && granted !== undefined) {
        // No +OK for what is forbidden, wherever it is mapped to.
        const subjects = this.#worker.services.exporters.destinationsOf(
          granted.grant.account,
          subject,
        )
        const [first] = subjects
        if (first !== undefined && !subjects.some((one) => granted.mayPublish(one))) {
          if (!this.#takeReply(first)) {
            return this.#refuse('Subject', first, args, operation.next)
          }
          this.#isReply = first === subject
        }
      }
      if (reply !== '' && RESERVED_REPLIES.some((prefix) => reply.startsWith(prefix))) {
        this.#isReply = false
        return this.#refuse('Reply', reply, args, operation.next)
      }
      // +OK goes before what the message itself may bring to this client.
      session.ok()
    }
    return this.#deliver(args, operation.next, next)
  }

  #refuse(
    what: 'Subject' | 'Reply',
    subject: string,
    args: MessageArguments,
    payload: number,
  ): number {
    const name = Buffer.from(subject, 'latin1')
    const text = what === 'Subject' ? publishPermissionText(name) : replyPermissionText(name)
    const end = payload + args.totalBytes
    this.#traceRefusal(args, payload, end, text)
    // It was read all the same, as nats-server counts.
    const { exports } = this.#worker.kernel
    exports.countInbound(this.#session.connection.record, args.totalBytes)
    const line = `Publish Violation - ${what} ${goQuote(name)}`
    this.#worker.log.error(this.#session.prefix + line)
    this.#session.connection.write(errorLine(text))
    return end + CRLF_BYTES
  }

  #tracing() {
    if (this.#traced === undefined) {
      const client = new TracedClient(this.#worker, this.#session)
      this.#traced = { client, publish: new TracedPublish(this.#worker.tracer, client) }
    }
    return this.#traced
  }

  /** @param to as far as the message has come */
  #traceRefusal(args: MessageArguments, payload: number, to: number, why: string): void {
    const { tracer } = this.#worker
    const { subject, headerBytes, totalBytes } = args
    if (headerBytes <= 0 && !tracer.tap.isArmed && this.#traced === undefined) return
    const { client, publish } = this.#tracing()
    // It was on its way already when it was found forbidden.
    if (publish.refuse(why)) return
    const { bytes } = this.#worker.kernel
    const message = {
      subject: bytes.toString('latin1', subject.from, subject.to),
      headers: bytes.subarray(payload, Math.min(to, payload + Math.max(0, headerBytes))),
      bytes: totalBytes,
    }
    tracer.refuse(client, message, why)
  }

  #deliver(args: MessageArguments, payload: number, next: number): number {
    const { kernel } = this.#worker
    const { exports, layout } = kernel
    const session = this.#session
    const { record } = session.connection
    if (this.#worker.tracer.concerns(record, args, payload)) {
      const result = this.#deliverTraced(args, payload, next)
      if (result !== undefined) return result
    }
    this.#isRetry = !this.#publish(record, args, payload)
    if (this.#isRetry) {
      this.#worker.thread.retryLater(session.connection)
      return HOLD
    }
    this.#isReply = false
    const status = exports.status.value
    if (status === layout.STATUS_FORBIDDEN) return this.#onForbidden(args, payload, next)
    if (status === layout.STATUS_NO_RESPONDERS) session.onNoResponders()
    else if (status === layout.STATUS_IMPORTS) session.onImports()
    return next
  }

  /** @returns undefined: it is not traced */
  #deliverTraced(args: MessageArguments, payload: number, next: number): number | undefined {
    const outcome = this.#tracing().publish.publish(args, payload, this.#isReply)
    if (outcome === 'ordinary') return undefined
    this.#isRetry = outcome === 'retry' || outcome === 'held'
    if (outcome === 'retry') this.#worker.thread.retryLater(this.#session.connection)
    if (this.#isRetry) return HOLD
    this.#isReply = false
    return outcome === 'forbidden' ? this.#onForbidden(args, payload, next) : next
  }

  #publish(record: number, args: MessageArguments, payload: number): boolean {
    const { kernel } = this.#worker
    const { bytes, exports } = kernel
    const { subject } = args
    if (
      args.reply !== null ||
      !isTrackedReply(bytes.toString('latin1', subject.from, subject.to))
    ) {
      return publishMessage(kernel, record, args, payload, this.#isReply)
    }
    // An answer that is measured: who gives it is part of the measurement.
    const text = responderReply(this.#session.clientInfo())
    const at = exports.allocate(text.length)
    if (at === 0) return publishMessage(kernel, record, args, payload, this.#isReply)
    bytes.write(text, at, 'latin1')
    const reply = { from: at, to: at + text.length }
    const isDone = publishMessage(kernel, record, { ...args, reply }, payload, this.#isReply)
    exports.release(at, text.length)
    return isDone
  }

  #takeReply(subject: string): boolean {
    const { granted, connection } = this.#session
    if (granted?.tracksReplies !== true) return false
    // What was delivered to it counts from when it is written: also what is in the same read.
    connection.flush()
    return granted.takeReply(subject)
  }

  /** The kernel knows what may be published, but not what may be replied to. */
  #onForbidden(args: MessageArguments, payload: number, next: number): number {
    const { exports, bytes } = this.#worker.kernel
    const at = exports.subject.value
    const subject = bytes.toString('latin1', at, at + exports.subjectBytes.value)
    if (!this.#takeReply(subject)) return this.#refuse('Subject', subject, args, payload)
    this.#traced?.publish.forget()
    this.#isReply = true
    return this.#deliver(args, payload, next)
  }

  #trace(args: MessageArguments, operation: Operation, hasHeader: boolean): void {
    const { log, options, kernel } = this.#worker
    const { bytes } = kernel
    const { prefix } = this.#session
    const argument = bytes.toString('latin1', operation.argFrom, operation.argTo)
    log.trace(prefix + traceOperation('in', hasHeader ? 'HPUB' : 'PUB', argument))
    const message = bytes.subarray(operation.next, operation.next + args.totalBytes)
    const line = tracePayload('in', message, Math.max(0, args.headerBytes), {
      tracedBytesMax: options.maxTracedMsgLen,
      headersOnly: options.traceHeaders,
    })
    if (line !== null) log.trace(prefix + line)
  }
}
