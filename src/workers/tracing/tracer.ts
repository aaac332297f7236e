import type { TraceDestination } from '../../config/account-types.ts'
import type { Connection } from '../../io/connection.ts'
import { MessageTrace, type TraceIngress } from '../../monitor/trace/message-trace.ts'
import {
  originAccountText,
  readTraceRequest,
  TRACE_DEST_HEADER,
  TRACE_DISABLED,
  type TraceRequest,
} from '../../monitor/trace/trace-headers.ts'
import type { MessageArguments } from '../../protocol/arguments.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { isValidPublishSubject } from '../../protocol/subjects.ts'
import { setHeader } from '../../router/accounts/message-headers.ts'
import { nowNs } from '../accounts/service-measurement.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import { type InterestAnnouncer, InternalClient } from '../messages/internal-client.ts'
import { serverInfoSource } from '../system/server-info.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'
import { ActiveTrace, type TraceTools } from './active-trace.ts'
import { encodeContent } from './content-encoding.ts'
import { ExplainedReader } from './explained-reader.ts'
import { LinkSender } from './link-sender.ts'
import { Tap } from './tap.ts'

/** Of nats-server's ErrMaxPayload. */
export const MAX_PAYLOAD_TEXT = 'maximum payload exceeded'
/** Subjects that traces may not be sent to. */
const ROUTED_REPLY_PREFIX = '_GR_.'
const CONSENSUS_PREFIX = '$NRG.'
const PERCENT = 100

/** Facts about who has sent a message. */
export interface TraceOrigin extends Pick<TraceIngress, 'kind' | 'cid' | 'name'> {
  /** Number and name of the account. */
  readonly accountNumber: number
  readonly account: string
  readonly isSystemAccount: boolean
  /** Where the account wants messages with `traceparent` to be traced to. */
  readonly trace: TraceDestination | undefined
}

/** A connection whose messages may be traced. */
export interface TraceSource {
  readonly connection: Connection
  traceOrigin(): TraceOrigin
  /** Whether it may publish there itself; latin1. */
  mayTraceTo(dest: string): boolean
  /** It may not: told to the peer and to the log. */
  refuseTrace(dest: string): void
  logTrace(text: string): void
}

/** A message with headers, in the kernel's memory or, if it is refused early, a part of it. */
export interface TracedMessage {
  readonly subject: string
  readonly headers: Uint8Array
  /** Of header block and payload. */
  readonly bytes: number
}

/**
 * What is to be done about a message with headers: nothing, drop it, send it with other headers, or
 * trace it.
 */
export type TraceDecision =
  | { readonly type: 'none' | 'skip' }
  | { readonly type: 'disable'; readonly headers: Uint8Array }
  | { readonly type: 'trace'; readonly active: ActiveTrace; readonly origin: TraceOrigin }

const NONE: TraceDecision = { type: 'none' }
const SKIP: TraceDecision = { type: 'skip' }

function skipIf(isOnly: boolean): TraceDecision {
  return isOnly ? SKIP : NONE
}

/** As nats-server: one in a hundred more than asked for. */
function isInSample(sampling: number): boolean {
  if (sampling <= 0 || sampling >= PERCENT) return true
  return Math.floor(Math.random() * PERCENT) <= sampling
}

/** Message traces of one thread: begins them, and sends the events. */
export class Tracer {
  readonly links: LinkSender
  readonly tap: Tap
  readonly tools: TraceTools
  readonly #thread: IoThread
  readonly #announcer: InterestAnnouncer
  readonly #serverInfo: ReturnType<typeof serverInfoSource>
  /** By number of the account. */
  readonly #clients = new Map<number, InternalClient>()

  constructor(thread: IoThread, announcer: InterestAnnouncer, settings: () => ThreadSettings) {
    this.#thread = thread
    this.#announcer = announcer
    this.#serverInfo = serverInfoSource(settings)
    this.links = new LinkSender(thread)
    this.tools = {
      kernel: thread.kernel,
      reader: new ExplainedReader(thread.kernel),
      links: this.links,
      dropsWhenStalled: () => settings().options.noFastProducerStall,
      onOutOfMemory: (what) => thread.onOutOfMemory(what),
    }
    this.tap = new Tap(thread, this.tools, (taps, sample) => {
      thread.post({ type: 'tapSample', taps, sample })
    })
  }

  /** Whether somebody may want to know where a message goes. As quick as the kernel is. */
  concerns(source: number, { headerBytes }: MessageArguments, payload: number): boolean {
    if (this.tap.isArmed) return true
    if (headerBytes <= 0) return false
    const { exports, layout, words } = this.#thread.kernel
    const flags = words[(source + layout.CONNECTION_FLAGS) >> 2]!
    return exports.mayBeTraced(payload, headerBytes, flags & layout.FLAG_TRACES_PARENTS) !== 0
  }

  /**
   * Looks whether a message is to be traced. May tell its sender that it must not.
   *
   * @param isRefused the message is not taken, and only its trace is asked for
   */
  begin(source: TraceSource, message: TracedMessage, isRefused = false): TraceDecision {
    const request = readTraceRequest(message.headers)
    if (request === undefined) return NONE
    const { isOnly, isExternal, originAccount } = request
    if (originAccount !== '') {
      source.logTrace(originAccountText(originAccount))
      if (isRefused || isOnly) return skipIf(isOnly)
      return { type: 'disable', headers: disabled(message.headers) }
    }
    const origin = source.traceOrigin()
    if (isExternal) {
      if (origin.trace === undefined) return NONE
      // The first server decides; those behind it follow.
      if (origin.kind === 0 && !isInSample(origin.trace.sampling)) {
        return isRefused ? NONE : { type: 'disable', headers: disabled(message.headers) }
      }
    }
    const dest = isExternal ? (origin.trace?.subject ?? '') : request.dest
    if (!isValidPublishSubject(dest)) {
      const quoted = goQuote(Buffer.from(dest, 'latin1'))
      source.logTrace(`Destination ${quoted} is not valid, won't be able to trace events`)
      return skipIf(isOnly)
    }
    if (!mayReceive(dest, origin) || !source.mayTraceTo(dest)) {
      source.refuseTrace(dest)
      return SKIP
    }
    return { type: 'trace', active: this.#activate(request, dest, origin, message), origin }
  }

  #activate(
    request: TraceRequest,
    dest: string,
    { kind, cid, name, account }: TraceOrigin,
    { subject, bytes }: TracedMessage,
  ): ActiveTrace {
    const ingress = { kind, cid, name, account, subject, bytes }
    return new ActiveTrace(new MessageTrace(request, dest, ingress, nowNs), this.tools)
  }

  /** A message is refused: those who trace or tap it are told why. Only inside a turn. */
  refuse(source: TraceSource, message: TracedMessage, why: string): void {
    this.#tapRefused(source, message, why)
    if (message.headers.length === 0) return
    const decision = this.begin(source, message, true)
    if (decision.type !== 'trace') return
    decision.active.trace.setError(why)
    this.finish(decision.active, decision.origin)
  }

  #tapRefused(source: TraceSource, { subject, bytes }: TracedMessage, why: string): void {
    if (!this.tap.isArmed) return
    const origin = source.traceOrigin()
    const taps = this.tap.take(subject, origin.accountNumber)
    if (taps === undefined) return
    const message = { origin, source: source.connection.record, subject, reply: '', bytes }
    this.tap.refused(taps, message, why === MAX_PAYLOAD_TEXT ? 'payload too large' : 'permission')
  }

  /** Sends the event. Only inside a turn. */
  finish({ trace }: ActiveTrace, { accountNumber }: TraceOrigin): void {
    const json = Buffer.from(trace.encode(this.#serverInfo()))
    const { headers, payload } = encodeContent(json, trace.encoding)
    let client = this.#clients.get(accountNumber)
    if (client === undefined) {
      client = new InternalClient(this.#thread, accountNumber, this.#announcer)
      this.#clients.set(accountNumber, client)
    }
    client.publish({ subject: trace.dest, headers, payload, isTrusted: true })
  }
}

function disabled(headers: Uint8Array): Uint8Array {
  return setHeader(headers, TRACE_DEST_HEADER, TRACE_DISABLED)
}

function mayReceive(dest: string, { isSystemAccount }: TraceOrigin): boolean {
  if (dest.startsWith(ROUTED_REPLY_PREFIX)) return false
  return isSystemAccount || !dest.startsWith(CONSENSUS_PREFIX)
}
