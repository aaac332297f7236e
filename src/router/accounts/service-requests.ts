import { assert } from '../../base/assert.ts'
import type { ResponseType } from '../../config/account-types.ts'
import { isLiteralSubject, splitTokens } from '../../protocol/subjects.ts'
import { isSubset } from './subject-sets.ts'

/** All answers to forwarded requests come on subjects that begin with this. */
export const SERVICE_REPLY_PREFIX = '_R_.'
const RANDOM_LENGTH = 6
/**
 * Answers awaited at once by one thread for one exporting account. Chosen: enough for half a minute
 * at 8,000 requests a second that nobody answers, and some 100 MB.
 */
export const REQUESTS_MAX = 250_000

/** `length` digits of base 62. */
export type RandomDigits = (length: number) => string

/** What reply subjects of one exporting account and thread begin with, `_R_.aB3dE6.`. */
export function createReplyPrefix(randomDigits: RandomDigits): string {
  return `${SERVICE_REPLY_PREFIX}${randomDigits(RANDOM_LENGTH)}.`
}

/** A request as it is forwarded. `C` is whatever the caller needs again with the answer. */
export interface NewRequest<C> {
  /** Account of the requester. */
  readonly importer: string
  /** Where the requester awaits the answer. */
  readonly replyTo: string
  readonly responseType: ResponseType
  /** How long the next answer is awaited, > 0. */
  readonly thresholdMs: number
  /** It is measured: its reply subject says so to other servers. */
  readonly isTracked: boolean
  readonly context: C
}

export interface OutstandingRequest<C> extends NewRequest<C> {
  /** Subject in the exporting account on which answers come. */
  readonly reply: string
}

interface Entry<C> {
  readonly request: OutstandingRequest<C>
  deadlineMs: number
}

export interface ServiceRequestsOptions {
  readonly prefix: string
  readonly randomDigits: RandomDigits
  /** `.<hash of the server's name>.T` behind the subjects of tracked requests; '' = none. */
  readonly trackingSuffix: string
  readonly requestsMax?: number
}

/** What has come of an answer. */
export interface Outcome {
  readonly isDelivered: boolean
  /** Neither headers nor payload: the end of a stream or of chunks. */
  readonly isEmpty: boolean
}

/**
 * Requests of one exporting account that one thread has forwarded and whose answers are awaited.
 * Whoever has it asks nextDeadlineMs and calls expire; times are of any one clock.
 *
 * Invariant: a request is in all three tables or in none; each list of #byThreshold is in the order
 * of deadlines, because all of its members wait for the same span.
 */
export class ServiceRequests<C> {
  /** In the order they were forwarded. */
  readonly #byReply = new Map<string, Entry<C>>()
  readonly #byThreshold = new Map<number, Set<Entry<C>>>()
  readonly #byRequester = new Map<string, Set<Entry<C>>>()
  readonly #prefix: string
  readonly #randomDigits: RandomDigits
  readonly #trackingSuffix: string
  readonly #requestsMax: number

  constructor(options: ServiceRequestsOptions) {
    this.#prefix = options.prefix
    this.#randomDigits = options.randomDigits
    this.#trackingSuffix = options.trackingSuffix
    this.#requestsMax = options.requestsMax ?? REQUESTS_MAX
    assert(this.#requestsMax > 0, 'some request may be awaited')
  }

  get size(): number {
    return this.#byReply.size
  }

  /** Of answers; the thread listens to it in the exporting account. */
  get subject(): string {
    return `${this.#prefix}>`
  }

  /**
   * Takes a request in.
   *
   * @returns it with the subject its answers come on, and the oldest one, no longer awaited, if
   *   there were too many
   */
  open(
    request: NewRequest<C>,
    nowMs: number,
  ): {
    readonly opened: OutstandingRequest<C>
    readonly givenUp: OutstandingRequest<C> | undefined
  } {
    const oldest = this.#byReply.values().next().value
    const givenUp = this.size >= this.#requestsMax && oldest !== undefined ? oldest : undefined
    if (givenUp !== undefined) this.#drop(givenUp)
    const suffix = request.isTracked ? this.#trackingSuffix : ''
    let reply: string
    do reply = this.#prefix + this.#randomDigits(RANDOM_LENGTH) + suffix
    while (this.#byReply.has(reply))
    const opened = { ...request, reply }
    const entry: Entry<C> = { request: opened, deadlineMs: nowMs + request.thresholdMs }
    this.#byReply.set(reply, entry)
    addTo(this.#byThreshold, request.thresholdMs, entry)
    addTo(this.#byRequester, requesterKey(request), entry)
    return { opened, givenUp: givenUp?.request }
  }

  /** Undefined: an answer nobody waits for (any more); to be dropped. */
  find(reply: string): OutstandingRequest<C> | undefined {
    return this.#byReply.get(reply)?.request
  }

  /**
   * After an answer was handed on.
   *
   * @returns true if it was the last one: a single answer, an empty one, or one that nobody took
   */
  settle(reply: string, { isDelivered, isEmpty }: Outcome, nowMs: number): boolean {
    const entry = this.#byReply.get(reply)
    if (entry === undefined) return true
    const { responseType, thresholdMs } = entry.request
    if (!isDelivered || isEmpty || responseType === 'singleton') {
      this.#drop(entry)
      return true
    }
    this.#byThreshold.get(thresholdMs)?.delete(entry)
    entry.deadlineMs = nowMs + thresholdMs
    addTo(this.#byThreshold, thresholdMs, entry)
    return false
  }

  /** The request was not delivered to anybody. @returns it, if it was still awaited */
  close(reply: string): OutstandingRequest<C> | undefined {
    const entry = this.#byReply.get(reply)
    if (entry !== undefined) this.#drop(entry)
    return entry?.request
  }

  /** When `expire` has something to do; Infinity: nothing is awaited. */
  nextDeadlineMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const waiting of this.#byThreshold.values()) {
      const first = waiting.values().next().value
      if (first !== undefined && first.deadlineMs < next) next = first.deadlineMs
    }
    return next
  }

  /** @returns the requests whose time has run out, no longer awaited */
  expire(nowMs: number): OutstandingRequest<C>[] {
    const expired: OutstandingRequest<C>[] = []
    for (const waiting of [...this.#byThreshold.values()]) {
      for (const entry of waiting) {
        if (entry.deadlineMs > nowMs) break
        this.#drop(entry)
        expired.push(entry.request)
      }
    }
    return expired
  }

  /**
   * A subscription of an importing account has gone; nobody may be left to take answers.
   *
   * @param subject of the subscription, may have wildcards
   * @param hasInterest whether somebody in that account still listens to a reply subject
   * @returns requests that are no longer awaited
   */
  loseInterest(
    importer: string,
    subject: string,
    hasInterest: (replyTo: string) => boolean,
  ): OutstandingRequest<C>[] {
    if (this.size === 0) return []
    const entries = isLiteralSubject(subject)
      ? this.#byRequester.get(requesterKey({ importer, replyTo: subject }))
      : this.#matching(importer, subject)
    const lost: OutstandingRequest<C>[] = []
    for (const entry of [...(entries ?? [])]) {
      if (hasInterest(entry.request.replyTo)) continue
      this.#drop(entry)
      lost.push(entry.request)
    }
    return lost
  }

  /** The importing account or its import is gone. */
  closeAll(isGone: (request: OutstandingRequest<C>) => boolean): OutstandingRequest<C>[] {
    const gone = [...this.#byReply.values()].filter(({ request }) => isGone(request))
    for (const entry of gone) this.#drop(entry)
    return gone.map(({ request }) => request)
  }

  *#matching(importer: string, subject: string): Generator<Entry<C>> {
    const pattern = splitTokens(subject)
    for (const entry of this.#byReply.values()) {
      const { request } = entry
      if (request.importer === importer && isSubset(splitTokens(request.replyTo), pattern)) {
        yield entry
      }
    }
  }

  #drop(entry: Entry<C>): void {
    const { request } = entry
    this.#byReply.delete(request.reply)
    removeFrom(this.#byThreshold, request.thresholdMs, entry)
    removeFrom(this.#byRequester, requesterKey(request), entry)
  }
}

/** Reply subjects have no blanks. */
function requesterKey({ importer, replyTo }: Pick<NewRequest<unknown>, 'importer' | 'replyTo'>) {
  return `${replyTo} ${importer}`
}

function addTo<K, E>(table: Map<K, Set<E>>, key: K, entry: E): void {
  const known = table.get(key)
  if (known === undefined) table.set(key, new Set([entry]))
  else known.add(entry)
}

function removeFrom<K, E>(table: Map<K, Set<E>>, key: K, entry: E): void {
  const known = table.get(key)
  known?.delete(entry)
  if (known?.size === 0) table.delete(key)
}
