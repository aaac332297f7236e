import { anonymous, type ClientInfo } from '../../router/accounts/client-info.ts'
import { sampleRequest } from '../../router/accounts/service-latency.ts'
import {
  ID_DIGITS,
  type OutstandingRequest,
  type RequestTerms,
  writeReplyId,
} from '../../router/accounts/service-requests.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import {
  type InterestAnnouncer,
  PUBLISH_KEPT,
  PUBLISH_LOST,
  PUBLISHED,
} from '../messages/internal-client.ts'
import {
  bodyCopyBytes,
  copyBody,
  type MessagePlace,
  writeLatin1,
} from '../messages/message-place.ts'
import { ScratchStack } from '../messages/scratch-stack.ts'
import type { ActiveTrace } from '../tracing/active-trace.ts'
import {
  publishTraced,
  stepInto,
  stepUntraced,
  type TraceStep,
  withTrace,
  withTraceDest,
} from '../tracing/trace-step.ts'
import { BlockReader } from './account-blocks.ts'
import { RequestHeaders } from './request-headers.ts'
import { type Context, parseService, type Service } from './service.ts'
import { type Exporter, ServiceExporters } from './service-exporters.ts'
import { Measurement, nowNs, responderOf } from './service-measurement.ts'

const DOLLAR = 36
/** Acknowledgements of JetStream keep their subject across accounts, as in nats-server. */
const JETSTREAM_ACK = '$JS.ACK.'
/** Imports of imports; cycles are refused before, so this is never reached. Chosen. */
const CHAIN_MAX = 32

const NO_BYTES = new Uint8Array(0)

/** Who sends a request that is forwarded to another account. */
export interface Requester {
  /** All about the connection, for those it is shown to; the same object until it changes. */
  clientInfo(): ClientInfo
  readonly isLeaf: boolean
  /** The request is traced. */
  readonly active?: ActiveTrace | undefined
}

/** How a request was forwarded before; undefined: it was not. */
type Previous = { readonly share: boolean } | undefined

/**
 * Service imports on one thread: requests of its clients (or leaf links) are forwarded to the
 * exporting account with a reply subject of our own, and answers on that go back to the requester.
 * Both happen on the requester's thread; the answer finds its way by the reply subject.
 */
export class ServiceImports {
  readonly #thread: IoThread
  readonly #services: BlockReader<Service>
  readonly exporters: ServiceExporters
  readonly #scratch: ScratchStack
  readonly #headers = new RequestHeaders()

  constructor(thread: IoThread, announcer: InterestAnnouncer, serverName: string) {
    this.#thread = thread
    this.#services = new BlockReader(thread.kernel, parseService)
    this.#scratch = new ScratchStack(thread.kernel)
    this.exporters = new ServiceExporters(
      { thread, announcer, serverName },
      (exporter, request, answer) => this.#onAnswer(exporter, request, answer),
    )
  }

  /**
   * Forwards the message that the kernel has just delivered to its other receivers: its status is
   * STATUS_IMPORTS. Only inside a turn.
   *
   * @returns undefined if anybody got it, those others included; else what nobody got
   */
  forward(requester: Requester): { readonly subject: string; readonly reply: string } | undefined {
    const { exports } = this.#thread.kernel
    const services = this.#takeServices()
    const hasDelivered = exports.delivered.value > 0
    const subjectBytes: number = exports.subjectBytes.value
    // A mapped one lies in the plan, too.
    const subject = this.#scratch.take(subjectBytes)
    if (subject === 0) {
      this.#thread.onOutOfMemory('a request to another account is lost')
      return undefined
    }
    exports.copy(subject, exports.subject.value, subjectBytes)
    const request: MessagePlace = {
      subject,
      subjectBytes,
      reply: exports.reply.value,
      replyBytes: exports.replyBytes.value,
      headerText: 0,
      headerTextBytes: 0,
      sizeText: 0,
      sizeTextBytes: 0,
      headerBytes: exports.headerBytes.value,
      totalBytes: exports.totalBytes.value,
      payload: exports.payload.value,
    }
    const isForwarded = this.#forwardAll(services, request, requester, undefined, 0)
    const undelivered =
      isForwarded || hasDelivered
        ? undefined
        : { subject: this.#subjectOf(request), reply: this.#replyOf(request) }
    this.#scratch.giveBack(subject, subjectBytes)
    return undelivered
  }

  /** The imports of the message at hand; they lie in its plan, which the next message may void. */
  #takeServices(): Service[] {
    const { exports, words } = this.#thread.kernel
    const first = exports.services.value >> 2
    const count = exports.serviceCount.value
    const services: Service[] = []
    for (let i = 0; i < count; i++) services.push(this.#services.read(words[first + i]!))
    return services
  }

  #subjectOf({ subject, subjectBytes }: MessagePlace): string {
    return this.#thread.kernel.bytes.toString('latin1', subject, subject + subjectBytes)
  }

  #replyOf({ reply, replyBytes }: MessagePlace): string {
    return this.#thread.kernel.bytes.toString('latin1', reply, reply + replyBytes)
  }

  #headersOf({ payload, headerBytes }: MessagePlace): Uint8Array {
    if (headerBytes === 0) return NO_BYTES
    return this.#thread.kernel.bytes.subarray(payload, payload + headerBytes)
  }

  #forwardAll(
    services: readonly Service[],
    request: MessagePlace,
    requester: Requester,
    previous: Previous,
    depth: number,
  ): boolean {
    let hasDelivered = false
    for (const service of services) {
      if (this.#forwardOne(service, request, requester, previous, depth)) hasDelivered = true
    }
    return hasDelivered
  }

  #forwardOne(
    service: Service,
    request: MessagePlace,
    requester: Requester,
    previous: Previous,
    depth: number,
  ): boolean {
    if (depth > CHAIN_MAX) return false
    const exporter = this.exporters.of(service.exporterNumber)
    // Undefined: it stays as it is.
    let subject: string | undefined
    if (!service.isIdentity || this.exporters.hasMappings(exporter)) {
      const target = service.targetOf(this.#subjectOf(request))
      if (target === undefined) return false
      subject = this.exporters.map(exporter, target)
    }
    const info = requester.clientInfo()
    const from = { requester: info, isLeaf: requester.isLeaf, previous }
    let headers = this.#headers.of(this.#headersOf(request), service, from)
    const traced = this.#traceStep(service, request, subject, requester.active)
    if (traced?.isLast) return false
    if (traced !== undefined) headers = withTraceDest(headers, traced.dest)
    const onwards = traced === undefined ? requester : withTrace(requester, traced.active)
    const terms = this.#termsOf(service, request, info)
    const awaited = this.#isKept(request)
      ? undefined
      : this.exporters.await(exporter, terms, this.#replyOf(request))
    const { measurement } = terms.context
    if (request.replyBytes === 0 && measurement !== undefined) {
      this.exporters.measureFailure(terms.context, measurement, 'noReply')
    }
    const onImports = (chained: MessagePlace) => {
      const told = { share: previous?.share ?? service.share }
      return this.#forwardAll(this.#takeServices(), chained, onwards, told, depth + 1)
    }
    const sent = { subject, headers, awaited, active: traced?.active }
    const hasDelivered = this.#send(exporter, request, sent, onImports)
    traced?.end()
    if (awaited !== undefined && traced?.active?.trace.isOnly) exporter.requests.close(awaited)
    if (!hasDelivered && awaited !== undefined) {
      exporter.requests.close(awaited)
      if (measurement !== undefined) {
        this.exporters.measureFailure(terms.context, measurement, 'notDelivered')
      }
    }
    return hasDelivered
  }

  #termsOf(service: Service, request: MessagePlace, info: ClientInfo): RequestTerms<Context> {
    const { terms, latency, share } = service
    if (latency === undefined) return terms
    const sample = sampleRequest(latency, this.#headersOf(request))
    if (sample === undefined) return terms
    const measurement = new Measurement(latency, sample, share ? info : anonymous(info))
    return { ...terms, isTracked: true, context: { ...terms.context, measurement } }
  }

  /** No answer is awaited, or not by way of us. */
  #isKept(message: MessagePlace): boolean {
    if (message.replyBytes === 0) return true
    const isSpecial = this.#thread.kernel.bytes[message.reply] === DOLLAR
    return isSpecial && this.#replyOf(message).startsWith(JETSTREAM_ACK)
  }

  /** @returns whether anybody got it */
  #send(
    exporter: Exporter,
    request: MessagePlace,
    {
      subject,
      headers,
      awaited,
      active,
    }: {
      readonly subject: string | undefined
      readonly headers: Uint8Array
      readonly awaited: OutstandingRequest<Context> | undefined
      readonly active: ActiveTrace | undefined
    },
    onImports: (sent: MessagePlace) => boolean,
  ): boolean {
    const { kernel } = this.#thread
    const { exports, bytes, layout } = kernel
    const { requests, client } = exporter
    const suffix = awaited === undefined ? '' : requests.suffixOf(awaited)
    const subjectBytes = subject?.length ?? request.subjectBytes
    const replyBytes =
      awaited === undefined
        ? request.replyBytes
        : requests.prefix.length + ID_DIGITS + suffix.length
    const blockBytes = subjectBytes + replyBytes + bodyCopyBytes(request, headers)
    const block = this.#scratch.take(blockBytes)
    if (block === 0) {
      this.#thread.onOutOfMemory('a request to another account is lost')
      return false
    }
    if (subject === undefined) exports.copy(block, request.subject, subjectBytes)
    else writeLatin1(bytes, block, subject)
    const reply = block + subjectBytes
    if (awaited === undefined) exports.copy(reply, request.reply, replyBytes)
    else {
      const idAt = writeLatin1(bytes, reply, requests.prefix)
      writeLatin1(bytes, writeReplyId(bytes, idAt, awaited.id), suffix)
    }
    const message = copyBody(kernel, request, headers, block, subjectBytes, replyBytes)
    const isTold = active && publishTraced(kernel, active, client, message, onImports)
    if (isTold !== undefined) {
      this.#scratch.giveBack(block, blockBytes)
      return isTold
    }
    const result = client.publishPlace(message, onImports)
    let hasDelivered = isTaken(result)
    if (result === PUBLISH_KEPT || result === PUBLISH_LOST) {
      this.#thread.askToStall()
    } else if (exports.status.value === layout.STATUS_IMPORTS) {
      // The exporting account imports it in turn.
      if (onImports(message)) hasDelivered = true
    }
    this.#scratch.giveBack(block, blockBytes)
    return hasDelivered
  }

  /** What a service import means for the trace of a request; undefined: it has none. */
  #traceStep(
    service: Service,
    request: MessagePlace,
    target: string | undefined,
    active: ActiveTrace | undefined,
  ): TraceStep | undefined {
    if (active === undefined) return undefined
    const { exporter, allowTrace, terms } = service
    const from = this.#subjectOf(request)
    active.trace.addServiceImport(exporter, from, target ?? from)
    if (!allowTrace) return stepUntraced(active)
    // Events of servers that the request reaches by leaf links come back as answers do.
    const to = this.exporters.of(service.exporterNumber)
    const awaited = this.exporters.await(to, { ...terms, responseType: 'stream' }, active.dest)
    const dest = to.requests.replyOf(awaited)
    return stepInto(active, exporter, dest, () => to.requests.close(awaited))
  }

  // ── answers ───────────────────────────────────────────────────────────────────────────────

  /** @returns whether anybody got it */
  #onAnswer(
    exporter: Exporter,
    request: OutstandingRequest<Context>,
    answer: MessagePlace,
  ): boolean {
    const { context } = request.terms
    const { measurement } = context
    const answeredNs = measurement === undefined ? 0n : nowNs()
    const reply = answer.replyBytes === 0 ? '' : this.#replyOf(answer)
    const responder = responderOf(reply)
    const isDelivered = this.#handBack(request, answer, reply, responder !== undefined)
    if (measurement?.isOver === false) {
      this.exporters.publishLatency(
        context,
        measurement,
        measurement.ofAnswer(responder, answeredNs),
      )
    }
    const isEmpty = answer.totalBytes === 0
    exporter.requests.settle(request, { isDelivered, isEmpty }, this.#thread.nowMs)
    return isDelivered
  }

  /** One step of the way back: to the requester, or to the import that forwarded to this one. */
  #handBack(
    request: OutstandingRequest<Context>,
    answer: MessagePlace,
    reply: string,
    isMeasured: boolean,
  ): boolean {
    const { replyTo } = request
    const importer = this.exporters.of(request.terms.context.importerNumber)
    const outer = importer.requests.findText(replyTo)
    // Who has answered is for the first import alone to know.
    const isTold = isMeasured && outer !== undefined
    const onwards = isTold ? reply : isMeasured ? '' : this.#answerBack(importer, request, reply)
    const subject = outer === undefined ? this.exporters.map(importer, replyTo) : replyTo
    const { bytes } = this.#thread.kernel
    const blockBytes = subject.length + onwards.length
    const block = this.#scratch.take(blockBytes)
    if (block === 0) {
      this.#thread.onOutOfMemory('an answer from another account is lost')
      return false
    }
    const end = writeLatin1(bytes, block, subject)
    writeLatin1(bytes, end, onwards)
    // Payload and digits stay where the kernel has put them.
    const message: MessagePlace = {
      subject: block,
      subjectBytes: subject.length,
      reply: onwards === '' ? 0 : end,
      replyBytes: onwards.length,
      headerText: answer.headerText,
      headerTextBytes: answer.headerTextBytes,
      sizeText: answer.sizeText,
      sizeTextBytes: answer.sizeTextBytes,
      headerBytes: answer.headerBytes,
      totalBytes: answer.totalBytes,
      payload: answer.payload,
    }
    const isDelivered =
      outer === undefined
        ? isTaken(importer.client.publishPlace(message))
        : this.#onAnswer(importer, outer, message)
    this.#scratch.giveBack(block, blockBytes)
    return isDelivered
  }

  /** An answer that awaits an answer itself: the way back is like the way there. */
  #answerBack(importer: Exporter, request: OutstandingRequest<Context>, reply: string): string {
    if (reply === '' || reply.startsWith(JETSTREAM_ACK)) return reply
    const { context, responseType, thresholdMs } = request.terms
    const { importerNumber, exporterNumber } = context
    const terms: RequestTerms<Context> = {
      importer: String(exporterNumber),
      responseType,
      thresholdMs,
      isTracked: false,
      context: {
        importerNumber: exporterNumber,
        exporterNumber: importerNumber,
        measurement: undefined,
      },
    }
    const awaited = this.exporters.await(importer, terms, reply)
    return importer.requests.replyOf(awaited)
  }
}

function isTaken(result: number): boolean {
  return result === PUBLISHED || result === PUBLISH_KEPT
}
