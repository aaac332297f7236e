import { HOLD, INCOMPLETE } from '../io/session.ts'
import { traceOperation, tracePayload } from '../monitor/log/trace-lines.ts'
import { type MessageArguments, parseHpub, parsePub } from '../protocol/arguments.ts'
import type { Operation } from '../protocol/operation.ts'
import { isValidPublishSubject } from '../protocol/subjects.ts'
import {
  errorLine,
  publishPermissionText,
  replyPermissionText,
  VIOLATIONS,
} from '../protocol/violations.ts'
import type { ClientSession } from './client-session.ts'
import type { ProtocolWorker } from './protocol-worker-role.ts'
import { payloadState, publishMessage } from './publish-message.ts'

/** Subjects that only servers publish on. */
const RESERVED_SUBJECTS = ['_GR_.', '$NRG.'] as const
/** Replies that only servers give. */
const RESERVED_REPLIES = ['_R_.', '$JS.ACK.', '_GR_.'] as const

/**
 * PUB and HPUB with nats-server's whole grammar and all its checks, for what the kernel leaves
 * aside: odd lines, verbose and pedantic clients, traces, reserved subjects, errors.
 */
export class SlowPublish {
  readonly #worker: ProtocolWorker
  readonly #session: ClientSession
  /** The message at hand was checked and acknowledged before; it waited for room. */
  #isRetry = false

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
    if (options.maxPayload >= 0 && args.totalBytes > options.maxPayload) {
      log.error(
        `${session.prefix}maximum payload exceeded: ${args.totalBytes} vs ${options.maxPayload}`,
      )
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
        return this.#refuse(publishPermissionText(Buffer.from(subject, 'latin1')), next)
      }
      if (reply !== '' && RESERVED_REPLIES.some((prefix) => reply.startsWith(prefix))) {
        return this.#refuse(replyPermissionText(Buffer.from(reply, 'latin1')), next)
      }
      // +OK goes before what the message itself may bring to this client.
      session.ok()
    }
    return this.#deliver(args, operation.next, next)
  }

  #refuse(text: string, next: number): number {
    this.#worker.log.error(`${this.#session.prefix}${text}`)
    this.#session.connection.write(errorLine(text))
    return next
  }

  #deliver(args: MessageArguments, payload: number, next: number): number {
    const { kernel } = this.#worker
    const { exports, layout } = kernel
    const session = this.#session
    this.#isRetry = !publishMessage(kernel, session.connection.record, args, payload)
    if (this.#isRetry) {
      this.#worker.thread.retryLater(session.connection)
      return HOLD
    }
    if (exports.status.value === layout.STATUS_NO_RESPONDERS) session.onNoResponders()
    return next
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
      headersOnly: false,
    })
    if (line !== null) log.trace(prefix + line)
  }
}
