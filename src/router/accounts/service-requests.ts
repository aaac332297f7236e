import { assert } from '../../base/assert.ts'
import type { ResponseType } from '../../config/account-types.ts'
import { BASE62 } from '../../protocol/nuid.ts'
import { isLiteralSubject, splitTokens } from '../../protocol/subjects.ts'
import { isSubset } from './subject-sets.ts'

/** All answers to forwarded requests come on subjects that begin with this. */
const SERVICE_REPLY_PREFIX = '_R_.'
/** What tells one prefix from another, and one request from another. */
const RANDOM_LENGTH = 6
/** Of a request's number; small enough for an integer that needs no memory of its own. */
const ID_BITS = 30
export const ID_DIGITS = RANDOM_LENGTH
const BASE = 62
/**
 * Answers awaited at once by one thread for one exporting account. Chosen: enough for half a minute
 * at 8,000 requests a second that nobody answers, and some 100 MB.
 */
const REQUESTS_MAX = 250_000

/** `length` digits of base 62. */
export type RandomDigits = (length: number) => string

/** What reply subjects of one exporting account and thread begin with, `_R_.aB3dE6.`. */
export function createReplyPrefix(randomDigits: RandomDigits): string {
  return `${SERVICE_REPLY_PREFIX}${randomDigits(RANDOM_LENGTH)}.`
}

const DIGIT_CODES = Uint8Array.from(BASE62, (digit) => digit.charCodeAt(0))
const DIGIT_VALUES = new Int8Array(256).fill(-1)
for (const [value, code] of DIGIT_CODES.entries()) DIGIT_VALUES[code] = value

/** Writes the digits of a request's number. @returns the address behind them */
export function writeReplyId(bytes: Uint8Array, at: number, id: number): number {
  const end = at + ID_DIGITS
  let rest = id
  for (let digit = end - 1; digit >= at; digit--) {
    bytes[digit] = DIGIT_CODES[rest % BASE]!
    rest = Math.trunc(rest / BASE)
  }
  return end
}

/** @returns -1 for what are no such digits */
export function readReplyId(bytes: Uint8Array, at: number): number {
  let id = 0
  for (let digit = at; digit < at + ID_DIGITS; digit++) {
    const value = DIGIT_VALUES[bytes[digit]!]!
    if (value < 0) return -1
    id = id * BASE + value
  }
  return id
}

/** What requests have in common. `C` is whatever the caller needs again with the answer. */
export interface RequestTerms<C> {
  /** Account of the requester. */
  readonly importer: string
  readonly responseType: ResponseType
  /** How long the next answer is awaited, > 0. */
  readonly thresholdMs: number
  /** It is measured: its reply subject says so to other servers. */
  readonly isTracked: boolean
  readonly context: C
}

/** A request whose answer is awaited. Its table alone changes it. */
export class OutstandingRequest<C> {
  readonly terms: RequestTerms<C>
  /** Where the requester awaits the answer. */
  readonly replyTo: string
  /** Its digits stand behind the prefix in the subject on which answers come. */
  readonly id: number
  deadlineMs: number
  isOutstanding = true
  /** Neighbours in the order of deadlines. */
  earlier: OutstandingRequest<C> | undefined
  later: OutstandingRequest<C> | undefined
  /** Those with the same `replyTo` are a ring in the order they were opened. */
  twinBefore: OutstandingRequest<C>
  twinAfter: OutstandingRequest<C>

  constructor(terms: RequestTerms<C>, replyTo: string, id: number, deadlineMs: number) {
    this.terms = terms
    this.replyTo = replyTo
    this.id = id
    this.deadlineMs = deadlineMs
    this.earlier = undefined
    this.later = undefined
    this.twinBefore = this
    this.twinAfter = this
  }
}

/** Requests that are awaited for the same span: the order of deadlines is that of arrival. */
class DeadlineList<C> {
  first: OutstandingRequest<C> | undefined
  #last: OutstandingRequest<C> | undefined

  append(request: OutstandingRequest<C>): void {
    request.earlier = this.#last
    if (this.#last === undefined) this.first = request
    else this.#last.later = request
    this.#last = request
  }

  remove(request: OutstandingRequest<C>): void {
    const { earlier, later } = request
    if (earlier === undefined) this.first = later
    else earlier.later = later
    if (later === undefined) this.#last = earlier
    else later.earlier = earlier
    request.earlier = undefined
    request.later = undefined
  }
}

export interface ServiceRequestsOptions<C> {
  readonly prefix: string
  /** Whole numbers below `below`. */
  readonly random: (below: number) => number
  /** `.<hash of the server's name>.T` behind the subjects of tracked requests; '' = none. */
  readonly trackingSuffix: string
  readonly requestsMax?: number
  /** The oldest request is no longer awaited, because there were too many. */
  readonly onGivenUp?: (request: OutstandingRequest<C>) => void
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
 * Invariant: a request is in all three tables or in none.
 */
export class ServiceRequests<C> {
  readonly prefix: string
  /** In the order they were forwarded. */
  readonly #byId = new Map<number, OutstandingRequest<C>>()
  /** Lists stay when they are empty: there are as many as exports name different spans. */
  readonly #byThreshold = new Map<number, DeadlineList<C>>()
  /** The first one of those with the same `replyTo`. */
  readonly #byReplyTo = new Map<string, OutstandingRequest<C>>()
  readonly #random: (below: number) => number
  readonly #trackingSuffix: string
  readonly #requestsMax: number
  readonly #onGivenUp: (request: OutstandingRequest<C>) => void

  constructor(options: ServiceRequestsOptions<C>) {
    this.prefix = options.prefix
    this.#random = options.random
    this.#trackingSuffix = options.trackingSuffix
    this.#requestsMax = options.requestsMax ?? REQUESTS_MAX
    this.#onGivenUp = options.onGivenUp ?? (() => {})
    assert(this.#requestsMax > 0, 'some request may be awaited')
  }

  get size(): number {
    return this.#byId.size
  }

  /** In the order they were forwarded. */
  get outstanding(): Iterable<OutstandingRequest<C>> {
    return this.#byId.values()
  }

  /** Of answers; the thread listens to it in the exporting account. */
  get subject(): string {
    return `${this.prefix}>`
  }

  /** What stands behind the digits in the subject on which answers come. */
  suffixOf({ terms }: OutstandingRequest<C>): string {
    return terms.isTracked ? this.#trackingSuffix : ''
  }

  /** Subject in the exporting account on which answers come. */
  replyOf(request: OutstandingRequest<C>): string {
    const digits = Buffer.alloc(ID_DIGITS)
    writeReplyId(digits, 0, request.id)
    return this.prefix + digits.toString('latin1') + this.suffixOf(request)
  }

  /** Takes a request in; gives up the oldest one if there are too many. */
  open(terms: RequestTerms<C>, replyTo: string, nowMs: number): OutstandingRequest<C> {
    if (this.#byId.size >= this.#requestsMax) this.#giveUpOldest()
    let id: number
    do id = this.#random(2 ** ID_BITS)
    while (this.#byId.has(id))
    const request = new OutstandingRequest(terms, replyTo, id, nowMs + terms.thresholdMs)
    this.#byId.set(id, request)
    this.#await(request)
    const twin = this.#byReplyTo.get(replyTo)
    if (twin === undefined) this.#byReplyTo.set(replyTo, request)
    else joinTwins(twin, request)
    return request
  }

  #giveUpOldest(): void {
    const oldest = this.#byId.values().next().value
    assert(oldest !== undefined, 'a full table has a first request')
    this.close(oldest)
    this.#onGivenUp(oldest)
  }

  #await(request: OutstandingRequest<C>): void {
    const { thresholdMs } = request.terms
    let waiting = this.#byThreshold.get(thresholdMs)
    if (waiting === undefined) {
      waiting = new DeadlineList()
      this.#byThreshold.set(thresholdMs, waiting)
    }
    waiting.append(request)
  }

  /**
   * Whose answer a message is, by its subject. Undefined: nobody waits for it (any more); to be
   * dropped.
   *
   * @param at address of a subject that begins with the prefix
   */
  find(bytes: Buffer, at: number, length: number): OutstandingRequest<C> | undefined {
    const idAt = at + this.prefix.length
    const idEnd = idAt + ID_DIGITS
    const end = at + length
    if (idEnd > end) return undefined
    const request = this.#byId.get(readReplyId(bytes, idAt))
    if (request === undefined) return undefined
    const suffix = this.suffixOf(request)
    if (end - idEnd !== suffix.length) return undefined
    return suffix === '' || bytes.toString('latin1', idEnd, end) === suffix ? request : undefined
  }

  /** As find, for any subject. */
  findText(subject: string): OutstandingRequest<C> | undefined {
    if (!subject.startsWith(this.prefix)) return undefined
    return this.find(Buffer.from(subject, 'latin1'), 0, subject.length)
  }

  /**
   * After an answer was handed on.
   *
   * @returns true if it was the last one: a single answer, an empty one, or one that nobody took
   */
  settle(
    request: OutstandingRequest<C>,
    { isDelivered, isEmpty }: Outcome,
    nowMs: number,
  ): boolean {
    if (!request.isOutstanding) return true
    const { responseType, thresholdMs } = request.terms
    if (!isDelivered || isEmpty || responseType === 'singleton') {
      this.close(request)
      return true
    }
    this.#byThreshold.get(thresholdMs)?.remove(request)
    request.deadlineMs = nowMs + thresholdMs
    this.#await(request)
    return false
  }

  /** When `expire` has something to do; Infinity: nothing is awaited. */
  nextDeadlineMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { first } of this.#byThreshold.values()) {
      if (first !== undefined && first.deadlineMs < next) next = first.deadlineMs
    }
    return next
  }

  /** @returns the requests whose time has run out, no longer awaited */
  expire(nowMs: number): OutstandingRequest<C>[] {
    const expired: OutstandingRequest<C>[] = []
    for (const waiting of this.#byThreshold.values()) {
      let { first } = waiting
      while (first !== undefined && first.deadlineMs <= nowMs) {
        this.close(first)
        expired.push(first)
        first = waiting.first
      }
    }
    return expired
  }

  /** Whether `loseInterest` might have something to do. */
  mayConcern(subject: string): boolean {
    if (this.size === 0) return false
    return !isLiteralSubject(subject) || this.#byReplyTo.has(subject)
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
    const pattern = splitTokens(subject)
    const requests = isLiteralSubject(subject)
      ? twinsOf(this.#byReplyTo.get(subject))
      : this.#all().filter(({ replyTo }) => isSubset(splitTokens(replyTo), pattern))
    const lost = requests.filter(
      ({ terms, replyTo }) => terms.importer === importer && !hasInterest(replyTo),
    )
    for (const request of lost) this.close(request)
    return lost
  }

  /** The importing account or its import is gone. */
  closeAll(isGone: (request: OutstandingRequest<C>) => boolean): OutstandingRequest<C>[] {
    const gone = this.#all().filter(isGone)
    for (const request of gone) this.close(request)
    return gone
  }

  #all(): OutstandingRequest<C>[] {
    return [...this.#byId.values()]
  }

  /** Awaited no longer; nothing happens to one that is not. */
  close(request: OutstandingRequest<C>): void {
    if (!request.isOutstanding) return
    request.isOutstanding = false
    this.#byId.delete(request.id)
    this.#byThreshold.get(request.terms.thresholdMs)?.remove(request)
    this.#forgetTwin(request)
  }

  #forgetTwin(request: OutstandingRequest<C>): void {
    const { replyTo, twinBefore, twinAfter } = request
    if (twinAfter === request) {
      this.#byReplyTo.delete(replyTo)
      return
    }
    twinBefore.twinAfter = twinAfter
    twinAfter.twinBefore = twinBefore
    if (this.#byReplyTo.get(replyTo) === request) this.#byReplyTo.set(replyTo, twinAfter)
  }
}

/** Puts a request at the end of the ring that begins with `first`. */
function joinTwins<C>(first: OutstandingRequest<C>, request: OutstandingRequest<C>): void {
  const last = first.twinBefore
  last.twinAfter = request
  request.twinBefore = last
  request.twinAfter = first
  first.twinBefore = request
}

function twinsOf<C>(first: OutstandingRequest<C> | undefined): OutstandingRequest<C>[] {
  if (first === undefined) return []
  const twins = [first]
  for (let each = first.twinAfter; each !== first; each = each.twinAfter) twins.push(each)
  return twins
}
