import { randomFillSync } from 'node:crypto'
import type { ServiceLatency } from '../../config/account-types.ts'
import type { Deadline } from '../../io/deadlines.ts'
import { nextNuid } from '../../protocol/nuid.ts'
import {
  anonymous,
  type ClientInfo,
  decodeClientInfo,
  encodeClientInfo,
} from '../../router/accounts/client-info.ts'
import { withRequestInfo } from '../../router/accounts/request-info.ts'
import {
  answeredRecord,
  encodeLatency,
  failedRecord,
  type LatencyFailure,
  type LatencyRecord,
  type Sample,
  sampleRequest,
} from '../../router/accounts/service-latency.ts'
import {
  createReplyPrefix,
  type OutstandingRequest,
  ServiceRequests,
} from '../../router/accounts/service-requests.ts'
import { decodeMappings, type SubjectMappings } from '../../router/accounts/subject-mappings.ts'
import { type InterestAnnouncer, InternalClient, type InternalMessage } from '../internal-client.ts'
import type { IoThread } from '../io-thread.ts'
import { BlockReader, mapper, type ServiceBlock } from './account-blocks.ts'
import { serverHash } from './server-info.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Acknowledgements of JetStream keep their subject across accounts, as in nats-server. */
const JETSTREAM_ACK = '$JS.ACK.'
/** A reply that is none: it tells the requester's thread who has answered. */
const RESPONDER_PREFIX = '_R_.RESPONDER.'
/** Imports of imports; cycles are refused before, so this is never reached. Chosen. */
const CHAIN_MAX = 32
/** Deadlines of answers are looked at this often; chosen, they are minutes. */
const SWEEP_MS_MIN = 50

/** Who sends a request that is forwarded to another account. */
export interface Requester {
  /** Everything about the connection, for those it is shown to. */
  clientInfo(): ClientInfo
  readonly isLeaf: boolean
}

/** One import as a thread uses it. */
interface Service extends ServiceBlock {
  readonly targetOf: (subject: string) => string | undefined
}

/** A request as it came, with views that are valid during the turn. */
interface Request {
  readonly subject: string
  readonly reply: string
  readonly headers: Uint8Array
  readonly payload: Uint8Array
}

/** What is remembered of a forwarded request until its answer comes. */
interface Context {
  readonly importerNumber: number
  readonly exporterNumber: number
  readonly latency: ServiceLatency | undefined
  readonly sample: Sample | undefined
  readonly requestor: ClientInfo | undefined
  readonly forwardedNs: bigint
  isMeasured: boolean
}

/** One exporting account, on this thread. */
interface Exporter {
  readonly client: InternalClient
  readonly requests: ServiceRequests<Context>
  isListening: boolean
}

/**
 * Service imports on one thread: requests of its clients (or leaf links) are forwarded to the
 * exporting account with a reply subject of our own, and answers on that go back to the requester.
 * Both happen on the requester's thread; the answer finds its way by the reply subject.
 */
export class ServiceImports {
  readonly #thread: IoThread
  readonly #announcer: InterestAnnouncer
  readonly #services: BlockReader<Service>
  readonly #mappings: BlockReader<SubjectMappings>
  readonly #trackingSuffix: string
  readonly #exporters = new Map<number, Exporter>()
  #sweep: Deadline | undefined

  constructor(thread: IoThread, announcer: InterestAnnouncer, serverName: string) {
    this.#thread = thread
    this.#announcer = announcer
    this.#services = new BlockReader(thread.kernel, parseService)
    this.#mappings = new BlockReader(thread.kernel, decodeMappings)
    this.#trackingSuffix = `.${serverHash(serverName)}.T`
  }

  /**
   * Forwards the message that the kernel has just delivered to its other receivers: its status is
   * STATUS_IMPORTS. Only inside a turn.
   *
   * @returns undefined if anybody got it, those others included; else what nobody got
   */
  forward(requester: Requester): { readonly subject: string; readonly reply: string } | undefined {
    const { exports, bytes } = this.#thread.kernel
    const blocks = this.#takeBlocks()
    const hasDelivered = exports.delivered.value > 0
    const text = (at: number, length: number) => bytes.toString('latin1', at, at + length)
    const payloadAt = exports.payload.value
    const headerBytes = exports.headerBytes.value
    const request: Request = {
      subject: text(exports.subject.value, exports.subjectBytes.value),
      reply: text(exports.reply.value, exports.replyBytes.value),
      headers: bytes.subarray(payloadAt, payloadAt + headerBytes),
      payload: bytes.subarray(payloadAt + headerBytes, payloadAt + exports.totalBytes.value),
    }
    const isForwarded = this.#forwardAll(blocks, request, requester, undefined, 0)
    return isForwarded || hasDelivered ? undefined : request
  }

  /** The imports of the message at hand; they lie in its plan, which the next message may void. */
  #takeBlocks(): Service[] {
    const { exports, words } = this.#thread.kernel
    const first = exports.services.value >> 2
    const count = exports.serviceCount.value
    return Array.from({ length: count }, (_, i) => this.#services.read(words[first + i]!))
  }

  #forwardAll(
    services: readonly Service[],
    request: Request,
    requester: Requester,
    previous: { readonly share: boolean } | undefined,
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
    request: Request,
    requester: Requester,
    previous: { readonly share: boolean } | undefined,
    depth: number,
  ): boolean {
    const target = service.targetOf(request.subject)
    const subject = target && this.#mapped(service.exporterNumber, target)
    if (subject === undefined || depth > CHAIN_MAX) return false
    const exporter = this.#exporterOf(service.exporterNumber)
    const info = requester.clientInfo()
    const sample = sampleRequest(service.latency, request.headers)
    const context: Context = {
      importerNumber: service.importerNumber,
      exporterNumber: service.exporterNumber,
      latency: service.latency,
      sample,
      requestor: sample && (service.share ? info : anonymous(info)),
      forwardedNs: nowNs(),
      isMeasured: false,
    }
    const { reply } = request
    const isKept = reply === '' || reply.startsWith(JETSTREAM_ACK)
    const own = isKept ? reply : this.#open(exporter, service, reply, context)
    if (reply === '' && sample !== undefined) this.#measureFailure(context, 'noReply')
    const { share, isSystem, importer } = service
    const { isLeaf } = requester
    const headers = withRequestInfo(request.headers, {
      requester: info,
      isLeaf,
      share,
      isSystem,
      importer,
      previous,
    })
    const message = { subject, reply: own, headers, payload: request.payload, isImported: true }
    let hasDelivered = exporter.client.publish(message)
    const { exports, layout } = this.#thread.kernel
    if (exports.status.value === layout.STATUS_IMPORTS) {
      // The exporting account imports it in turn.
      const next = this.#takeBlocks()
      const chained = { ...message, reply: own }
      const told = { share: previous?.share ?? share }
      if (this.#forwardAll(next, chained, requester, told, depth + 1)) hasDelivered = true
    }
    if (!hasDelivered && own !== reply) {
      exporter.requests.close(own)
      if (sample !== undefined) this.#measureFailure(context, 'notDelivered')
    }
    return hasDelivered
  }

  /** What the mappings of an account make of a subject. */
  #mapped(account: number, subject: string): string {
    const { exports, layout, words } = this.#thread.kernel
    const at = exports.accountAddress(account) + layout.ACCOUNT_MAPPINGS
    const block = Atomics.load(words, at >> 2)
    return block === 0 ? subject : (this.#mappings.read(block).choose(subject) ?? subject)
  }

  #exporterOf(account: number): Exporter {
    const known = this.#exporters.get(account)
    if (known !== undefined) return known
    const made: Exporter = {
      client: new InternalClient(this.#thread, account, this.#announcer),
      requests: new ServiceRequests({
        prefix: createReplyPrefix(randomDigits),
        randomDigits,
        trackingSuffix: this.#trackingSuffix,
      }),
      isListening: false,
    }
    this.#exporters.set(account, made)
    return made
  }

  #open(exporter: Exporter, service: Service, replyTo: string, context: Context): string {
    const { importer, responseType, thresholdMs } = service
    const isTracked = context.sample !== undefined
    const request = { importer, replyTo, responseType, thresholdMs, isTracked, context }
    return this.#await(exporter, request)
  }

  #await(exporter: Exporter, request: Parameters<ServiceRequests<Context>['open']>[0]): string {
    const { requests, client } = exporter
    if (!exporter.isListening) {
      const sid = client.subscribe(requests.subject, '', (answer) =>
        this.#onAnswer(exporter, answer),
      )
      exporter.isListening = sid !== undefined
    }
    const { opened, givenUp } = requests.open(request, this.#thread.nowMs)
    if (givenUp?.context.sample !== undefined) this.#measureFailure(givenUp.context, 'timeout')
    this.#watch()
    return opened.reply
  }

  // ── answers ───────────────────────────────────────────────────────────────────────────────

  #onAnswer(exporter: Exporter, answer: InternalMessage): void {
    const { requests } = exporter
    const request = requests.find(answer.subject)
    if (request === undefined) return
    const { context } = request
    const answeredNs = nowNs()
    const responder = responderOf(answer.reply)
    const importer = this.#exporterOf(context.importerNumber)
    const reply = responder === undefined ? this.#answerBack(importer, request, answer.reply) : ''
    const { headers, payload } = answer
    const subject = this.#mapped(context.importerNumber, request.replyTo)
    const message = { subject, reply, headers, payload, isImported: true }
    const isDelivered = importer.client.publish(message)
    if (context.sample !== undefined && !context.isMeasured) {
      context.isMeasured = true
      const { requestor, forwardedNs, sample } = context
      const { trigger } = sample
      const deliveredNs = nowNs()
      const record = { forwardedNs, requestor, trigger, responder, answeredNs, deliveredNs }
      this.#publishLatency(context, answeredRecord(record))
    }
    const isEmpty = headers.length + payload.length === 0
    requests.settle(answer.subject, { isDelivered, isEmpty }, this.#thread.nowMs)
  }

  /** An answer that awaits an answer itself: the way back is like the way there. */
  #answerBack(importer: Exporter, request: OutstandingRequest<Context>, reply: string): string {
    if (reply === '' || reply.startsWith(JETSTREAM_ACK)) return reply
    const { context, responseType, thresholdMs } = request
    const back: Context = {
      ...context,
      importerNumber: context.exporterNumber,
      exporterNumber: context.importerNumber,
      sample: undefined,
      isMeasured: true,
    }
    return this.#await(importer, {
      importer: String(context.exporterNumber),
      replyTo: reply,
      responseType,
      thresholdMs,
      isTracked: false,
      context: back,
    })
  }

  /** Subscriptions of a requester have ended. */
  loseInterest(importer: string, subject: string, hasInterest: (replyTo: string) => boolean): void {
    for (const { requests } of this.#exporters.values()) {
      for (const { context } of requests.loseInterest(importer, subject, hasInterest)) {
        if (context.sample !== undefined) this.#measureFailure(context, 'interestLost')
      }
    }
  }

  /** Whether anybody waits for an answer. */
  get isIdle(): boolean {
    for (const { requests } of this.#exporters.values()) if (requests.size > 0) return false
    return true
  }

  #watch(): void {
    if (this.#sweep?.run !== undefined) return
    let nextMs = Number.POSITIVE_INFINITY
    for (const { requests } of this.#exporters.values()) {
      nextMs = Math.min(nextMs, requests.nextDeadlineMs())
    }
    if (!Number.isFinite(nextMs)) return
    const delayMs = Math.max(SWEEP_MS_MIN, nextMs - this.#thread.nowMs)
    this.#sweep = this.#thread.deadlines.after(delayMs, () => this.#expire())
  }

  #expire(): void {
    this.#thread.beginTurn()
    for (const { requests } of this.#exporters.values()) {
      for (const { context } of requests.expire(this.#thread.nowMs)) {
        if (context.sample !== undefined && !context.isMeasured) {
          this.#measureFailure(context, 'timeout')
        }
      }
    }
    this.#watch()
    this.#thread.endTurn()
  }

  // ── latency ───────────────────────────────────────────────────────────────────────────────

  #measureFailure(context: Context, failure: LatencyFailure): void {
    const { forwardedNs, requestor, sample } = context
    context.isMeasured = true
    const measured = { forwardedNs, requestor, trigger: sample?.trigger }
    this.#publishLatency(context, failedRecord(failure, measured))
  }

  #publishLatency({ exporterNumber, latency }: Context, record: LatencyRecord): void {
    if (latency === undefined) return
    const payload = Buffer.from(encodeLatency(record, nextNuid(), nowNs()))
    this.#exporterOf(exporterNumber).client.publish({ subject: latency.subject, payload })
  }
}

/** Whether an answer on this subject is measured: who answers is to be told. */
export function isTrackedReply(subject: string): boolean {
  return subject.startsWith('_R_.') && subject.endsWith('.T')
}

/** Reply of a measured answer, which has none of its own. */
export function responderReply(info: ClientInfo): string {
  return RESPONDER_PREFIX + Buffer.from(encodeClientInfo(info)).toString('base64url')
}

function responderOf(reply: string): ClientInfo | undefined {
  if (!reply.startsWith(RESPONDER_PREFIX)) return undefined
  const text = Buffer.from(reply.slice(RESPONDER_PREFIX.length), 'base64url')
  return decodeClientInfo(text)
}

function parseService(text: string): Service {
  const block = JSON.parse(text) as ServiceBlock
  const { from, to, isIdentity, isFixed } = block
  const targetOf = isIdentity ? (subject: string) => subject : isFixed ? () => to : mapper(from, to)
  return { ...block, targetOf }
}

/** Random bytes are made many at a time: each request takes a few. */
const POOL = Buffer.alloc(4096)
let poolAt = POOL.length

function randomDigits(length: number): string {
  if (poolAt + length > POOL.length) {
    randomFillSync(POOL)
    poolAt = 0
  }
  let digits = ''
  for (let i = 0; i < length; i++) digits += BASE62[POOL[poolAt++]! % BASE62.length]
  return digits
}

const START_NS = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint()

/** Nanoseconds since 1970. */
function nowNs(): bigint {
  return START_NS + process.hrtime.bigint()
}
