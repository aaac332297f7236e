import type { Deadline } from '../../io/deadlines.ts'
import { randomBase62 } from '../../protocol/nuid.ts'
import type { LatencyFailure } from '../../router/accounts/service-latency.ts'
import {
  createReplyPrefix,
  type OutstandingRequest,
  type RequestTerms,
  ServiceRequests,
} from '../../router/accounts/service-requests.ts'
import { decodeMappings, type SubjectMappings } from '../../router/accounts/subject-mappings.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import { type InterestAnnouncer, InternalClient } from '../messages/internal-client.ts'
import type { MessagePlace } from '../messages/message-place.ts'
import { serverHash } from '../system/server-info.ts'
import { BlockReader } from './account-blocks.ts'
import { randomBelow } from './random-pool.ts'
import type { Context } from './service.ts'
import type { Measurement } from './service-measurement.ts'

/** Deadlines of answers are looked at this often; chosen, they are minutes. */
const SWEEP_MS_MIN = 50
/** Ends of subscriptions are looked at together, this long after the first one; chosen. */
const LOST_CHECK_MS = 20

/** One exporting account, on this thread. */
export interface Exporter {
  readonly client: InternalClient
  readonly requests: ServiceRequests<Context>
  /** Index of the word with the address of the account's mappings. */
  readonly mappingsWord: number
  isListening: boolean
}

export interface ServiceExportersOptions {
  readonly thread: IoThread
  readonly announcer: InterestAnnouncer
  readonly serverName: string
}

/** @returns whether anybody got it */
type OnAnswer = (
  exporter: Exporter,
  request: OutstandingRequest<Context>,
  answer: MessagePlace,
) => boolean

/**
 * The accounts that requests of one thread are forwarded to: their answers are listened for, and
 * awaited until they have come, are late, or are wanted by nobody any more.
 */
export class ServiceExporters {
  readonly #thread: IoThread
  readonly #announcer: InterestAnnouncer
  readonly #onAnswer: OnAnswer
  readonly #mappings: BlockReader<SubjectMappings>
  readonly #trackingSuffix: string
  readonly #exporters = new Map<number, Exporter>()
  #sweep: Deadline | undefined
  /** Some subscription to answers may not be in force yet. */
  #isListenPending = false
  /** Lane position behind the last of them; undefined while it waits for room. */
  #listeningAt: number | undefined
  /** Subscriptions that have ended since the last look. */
  #lost: { readonly name: string; readonly number: number; readonly subject: string }[] = []
  /** Lane position behind the last of them; undefined while it waits for room. */
  #lostAt: number | undefined
  #lostCheck: Deadline | undefined

  constructor({ thread, announcer, serverName }: ServiceExportersOptions, onAnswer: OnAnswer) {
    this.#thread = thread
    this.#announcer = announcer
    this.#onAnswer = onAnswer
    this.#mappings = new BlockReader(thread.kernel, decodeMappings)
    this.#trackingSuffix = `.${serverHash(serverName)}.T`
  }

  /** Undefined: no request has gone there so far. */
  get(account: number): Exporter | undefined {
    return this.#exporters.get(account)
  }

  of(account: number): Exporter {
    const known = this.#exporters.get(account)
    if (known !== undefined) return known
    const { exports, layout } = this.#thread.kernel
    const made: Exporter = {
      client: new InternalClient(this.#thread, account, this.#announcer),
      requests: new ServiceRequests({
        prefix: createReplyPrefix(randomBase62),
        random: randomBelow,
        trackingSuffix: this.#trackingSuffix,
        onGivenUp: (request) => this.#onLate(request),
      }),
      mappingsWord: (exports.accountAddress(account) + layout.ACCOUNT_MAPPINGS) >> 2,
      isListening: false,
    }
    this.#exporters.set(account, made)
    return made
  }

  // ── mappings ──────────────────────────────────────────────────────────────────────────────

  hasMappings({ mappingsWord }: Exporter): boolean {
    return Atomics.load(this.#thread.kernel.words, mappingsWord) !== 0
  }

  /** What the mappings of an account make of a subject. */
  map({ mappingsWord }: Exporter, subject: string): string {
    const block = Atomics.load(this.#thread.kernel.words, mappingsWord)
    return block === 0 ? subject : (this.#mappings.read(block).choose(subject) ?? subject)
  }

  /** What the mappings of an account may make of a subject. */
  destinationsOf(account: number, subject: string): readonly string[] {
    const { exports, layout, words } = this.#thread.kernel
    const at = exports.accountAddress(account) + layout.ACCOUNT_MAPPINGS
    const block = Atomics.load(words, at >> 2)
    const mapped = block === 0 ? undefined : this.#mappings.read(block).destinationsOf(subject)
    return mapped === undefined ? [subject] : mapped.destinations.map((one) => one.subject)
  }

  // ── answers ───────────────────────────────────────────────────────────────────────────────

  /** From now on an answer is awaited. */
  await(
    exporter: Exporter,
    terms: RequestTerms<Context>,
    replyTo: string,
  ): OutstandingRequest<Context> {
    this.#listen(exporter)
    const request = exporter.requests.open(terms, replyTo, this.#thread.nowMs)
    this.#watch(request.deadlineMs)
    return request
  }

  /** Whether nobody waits for an answer. */
  get isIdle(): boolean {
    for (const { requests } of this.#exporters.values()) if (requests.size > 0) return false
    return true
  }

  /**
   * Answers of these accounts will be awaited. To be called ahead of requests: an answer must not
   * overtake the subscription that brings it here.
   *
   * @param accounts numbers
   * @returns whether there is a subscription that is not in force yet
   */
  listenTo(accounts: readonly number[]): boolean {
    for (const account of accounts) this.#listen(this.of(account))
    if (!this.#isListenPending) return false
    this.#listeningAt ??= this.#announcer.position()
    const at = this.#listeningAt
    this.#isListenPending = at === undefined || !this.#announcer.hasApplied(at)
    return this.#isListenPending
  }

  #listen(exporter: Exporter): void {
    if (exporter.isListening) return
    const { requests, client } = exporter
    const sid = client.subscribePlaces(requests.subject, '', (answer) => {
      const { subject, subjectBytes } = answer
      const request = requests.find(this.#thread.kernel.bytes, subject, subjectBytes)
      if (request !== undefined) this.#onAnswer(exporter, request, answer)
    })
    exporter.isListening = sid !== undefined
    this.#isListenPending = true
    this.#listeningAt = this.#announcer.position()
  }

  // ── answers that do not come ──────────────────────────────────────────────────────────────

  /** @param nextMs something is due then */
  #watch(nextMs: number): void {
    if (!Number.isFinite(nextMs)) return
    const pending = this.#sweep?.run === undefined ? undefined : this.#sweep
    if (pending !== undefined && pending.atMs <= nextMs + SWEEP_MS_MIN) return
    pending?.cancel()
    const delayMs = Math.max(SWEEP_MS_MIN, nextMs - this.#thread.nowMs)
    this.#sweep = this.#thread.deadlines.after(delayMs, () => this.#expire())
  }

  #expire(): void {
    this.#thread.beginTurn()
    let nextMs = Number.POSITIVE_INFINITY
    for (const { requests } of this.#exporters.values()) {
      for (const late of requests.expire(this.#thread.nowMs)) this.#onLate(late)
      nextMs = Math.min(nextMs, requests.nextDeadlineMs())
    }
    this.#watch(nextMs)
    this.#thread.endTurn()
  }

  /** Its answer is awaited no longer. */
  #onLate({ terms: { context } }: OutstandingRequest<Context>): void {
    const { measurement } = context
    if (measurement?.isOver === false) this.measureFailure(context, measurement, 'timeout')
  }

  /**
   * A subscription has ended: answers that nobody in its account listens for are not awaited any
   * more. That is looked at once the routing worker has taken it out of the sublist.
   *
   * @param account name and number
   * @param subject may have wildcards
   */
  loseInterest(account: { readonly name: string; readonly number: number }, subject: string): void {
    const { name, number } = account
    let mayConcern = false
    for (const { requests } of this.#exporters.values()) {
      if (requests.mayConcern(subject)) mayConcern = true
    }
    if (!mayConcern) return
    this.#lost.push({ name, number, subject })
    this.#lostAt = this.#announcer.position()
    this.#lostCheck ??= this.#thread.deadlines.after(LOST_CHECK_MS, () => this.#checkLost())
  }

  #checkLost(): void {
    this.#lostAt ??= this.#announcer.position()
    if (this.#lostAt === undefined || !this.#announcer.hasApplied(this.#lostAt)) {
      this.#lostCheck = this.#thread.deadlines.after(LOST_CHECK_MS, () => this.#checkLost())
      return
    }
    this.#lostCheck = undefined
    const lost = this.#lost
    this.#lost = []
    this.#thread.beginTurn()
    for (const { name, number, subject } of lost) {
      const { client } = this.of(number)
      const hasInterest = (replyTo: string) => client.isListened(replyTo)
      for (const { requests } of this.#exporters.values()) {
        for (const { terms } of requests.loseInterest(name, subject, hasInterest)) {
          const { context } = terms
          const { measurement } = context
          if (measurement) this.measureFailure(context, measurement, 'interestLost')
        }
      }
    }
    this.#thread.endTurn()
  }

  // ── latency ───────────────────────────────────────────────────────────────────────────────

  measureFailure(context: Context, measurement: Measurement, failure: LatencyFailure): void {
    this.publishLatency(context, measurement, measurement.ofFailure(failure))
  }

  publishLatency({ exporterNumber }: Context, { latency }: Measurement, payload: Buffer): void {
    this.of(exporterNumber).client.publish({ subject: latency.subject, payload })
  }
}
