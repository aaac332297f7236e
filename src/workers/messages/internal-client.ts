import type { IoThread } from '../io-thread/io-thread.ts'
import { type MessagePlace, readFrame } from './message-place.ts'

/** A message as an internal subscription gets it. */
export interface InternalMessage {
  /** latin1: one character for each byte. */
  readonly subject: string
  /** '' = none. */
  readonly reply: string
  readonly headers: Uint8Array
  readonly payload: Uint8Array
}

/** What an internal client publishes; `subject` and `reply` are latin1. */
export interface InternalPublish {
  readonly subject: string
  readonly reply?: string
  readonly headers?: Uint8Array | undefined
  readonly payload?: Uint8Array
  /** It came by a service import: no mapping, and nobody imports it again as a stream. */
  readonly isImported?: boolean
  /** The subject is taken as it is: no mapping. */
  readonly isTrusted?: boolean
}

type MessageHandler = (message: InternalMessage) => void
/** The message lies in the kernel's memory during the call only. */
type PlaceHandler = (place: MessagePlace) => void

/** What became of a message: nobody or somebody got it, it waits for room in lanes, or was lost. */
const PUBLISHED_TO_NOBODY = 0
export const PUBLISHED = 1
export const PUBLISH_KEPT = 2
export const PUBLISH_LOST = 3
type PublishResult =
  | typeof PUBLISHED_TO_NOBODY
  | typeof PUBLISHED
  | typeof PUBLISH_KEPT
  | typeof PUBLISH_LOST

/** Where internal clients announce interest: a lane to the routing worker, or the sublist. */
export interface InterestAnnouncer {
  subscribe(slot: number): void
  unsubscribe(slot: number): void
  /** Place behind all that was announced so far; undefined while some of it waits for room. */
  position(): number | undefined
  /** Whether everything announced before a position is in force. */
  hasApplied(position: number): boolean
}

interface InternalSubscription {
  readonly slot: number
  readonly onPlace: PlaceHandler
}

/** A message that waits for room in the lanes. */
interface KeptMessage extends InternalPublish {
  /** The account has service imports for it: it goes on from there. */
  readonly onImports: ((sent: MessagePlace) => void) | undefined
}

const NO_BYTES = new Uint8Array(0)
const TAKE_ALL = 0x7fffffff
const NO_LIMIT = 0xffff_ffff
/** See publishParts. */
const TRUST_PLAIN = 1
const TRUST_IMPORTED = 2
/**
 * What may wait for room in lanes; the rest is lost. Chosen: who sends requests is stalled when one
 * has to wait, so this is what a hundred connections had read by then.
 */
const BACKLOG_BYTES_MAX = 32 * 2 ** 20

/**
 * A client without a socket: the broker's own services, and the replies that service imports wait
 * for. The kernel delivers to it as to any client; the frames are read here instead of sent.
 */
export class InternalClient {
  readonly record: number
  readonly #thread: IoThread
  readonly #interest: InterestAnnouncer
  /** By sid. */
  readonly #subscriptions = new Map<number, InternalSubscription>()
  #lastSid = 0
  /** Messages that found no room in a lane. */
  #backlog: KeptMessage[] = []
  #backlogBytes = 0
  #lostCount = 0

  /**
   * @param account number of its account
   * @throws RangeError when the thread has no memory for it
   */
  constructor(thread: IoThread, account: number, interest: InterestAnnouncer) {
    const { exports, layout, words } = thread.kernel
    this.#thread = thread
    this.#interest = interest
    this.record = exports.createConnection()
    if (this.record === 0) throw new RangeError('no memory for an internal client')
    const set = (field: number, value: number) => {
      words[(this.record + field) >> 2] = value
    }
    set(layout.CONNECTION_KIND, layout.KIND_CLIENT)
    set(layout.CONNECTION_INDEX, NO_LIMIT)
    // No echo: it is no listener of its own.
    set(layout.CONNECTION_FLAGS, layout.FLAG_HEADERS)
    set(layout.CONNECTION_PENDING_MAX, NO_LIMIT)
    set(layout.CONNECTION_STALL_MARK, NO_LIMIT)
    set(layout.CONNECTION_PAYLOAD_MAX, -1)
    set(layout.CONNECTION_ACCOUNT, exports.accountAddress(account))
    set(layout.CONNECTION_PLAN_KEY, account)
    thread.addInternal(this)
  }

  /** @param subject and queue: latin1. @returns undefined without memory */
  subscribe(subject: string, queue: string, onMessage: MessageHandler): number | undefined {
    return this.subscribePlaces(subject, queue, (place) => onMessage(this.#messageAt(place)))
  }

  /** As subscribe, without a copy of each message. */
  subscribePlaces(subject: string, queue: string, onPlace: PlaceHandler): number | undefined {
    const { exports, bytes } = this.#thread.kernel
    const sid = ++this.#lastSid
    const sidText = String(sid)
    const text = Buffer.from(subject + queue + sidText, 'latin1')
    const at = exports.allocate(text.length)
    if (at === 0) return undefined
    bytes.set(text, at)
    const queueAt = at + subject.length
    const sidAt = queueAt + queue.length
    const slot = exports.createSubscription(
      this.record,
      at,
      subject.length,
      queue.length === 0 ? 0 : queueAt,
      queue.length,
      sidAt,
      sidText.length,
    )
    exports.release(at, text.length)
    if (slot === 0) return undefined
    this.#subscriptions.set(sid, { slot, onPlace })
    this.#interest.subscribe(slot)
    return sid
  }

  unsubscribe(sid: number): void {
    const subscription = this.#subscriptions.get(sid)
    if (subscription === undefined) return
    this.#subscriptions.delete(sid)
    this.#thread.kernel.exports.removeSubscription(subscription.slot)
    this.#interest.unsubscribe(subscription.slot)
  }

  /** Whether anybody in the account listens to a literal subject, latin1, by the sublist. */
  isListened(subject: string): boolean {
    const { exports, bytes } = this.#thread.kernel
    const at = exports.allocate(subject.length)
    if (at === 0) return true
    bytes.write(subject, at, 'latin1')
    const isListened = exports.isListened(this.record, at, subject.length) !== 0
    exports.release(at, subject.length)
    return isListened
  }

  // ── publishing ────────────────────────────────────────────────────────────────────────────

  /**
   * Delivers now, or as soon as there is room in the lanes. Only inside a turn.
   *
   * @returns whether anybody got it, as far as that is known now: what waits counts as delivered
   */
  publish(message: InternalPublish): boolean {
    if (this.#backlog.length > 0) return this.#keep(message)
    if (!this.#publishNow(message)) {
      this.#thread.retryLater(this)
      return this.#keep(message)
    }
    return this.#result() === PUBLISHED
  }

  /**
   * As publish, of a message that came by a service import and lies in the kernel's memory.
   *
   * @param onImports called when it is sent after it had to wait, and the account imports a service
   *   for it; when it is sent at once the kernel's status says so
   */
  publishPlace(place: MessagePlace, onImports?: (sent: MessagePlace) => void): PublishResult {
    const isFirst = this.#backlog.length === 0
    if (isFirst && this.#publishParts(place, TRUST_IMPORTED)) return this.#result()
    const { bytes } = this.#thread.kernel
    const isKept = this.#keep({ ...messageAt(bytes, place), isImported: true }, onImports)
    if (isFirst) this.#thread.retryLater(this)
    return isKept ? PUBLISH_KEPT : PUBLISH_LOST
  }

  #result(): PublishResult {
    const { exports, layout } = this.#thread.kernel
    const isDelivered =
      exports.status.value !== layout.STATUS_FORBIDDEN && exports.delivered.value > 0
    return isDelivered ? PUBLISHED : PUBLISHED_TO_NOBODY
  }

  #keep(message: InternalPublish, onImports?: (sent: MessagePlace) => void): boolean {
    const bytes = sizeOf(message)
    if (this.#backlogBytes + bytes > BACKLOG_BYTES_MAX) {
      this.#lostCount++
      return false
    }
    this.#backlogBytes += bytes
    // The caller's views do not last.
    const { headers = NO_BYTES, payload = NO_BYTES } = message
    const copies = { headers: Buffer.from(headers), payload: Buffer.from(payload) }
    this.#backlog.push({ ...message, ...copies, onImports })
    return true
  }

  #publishNow(
    { subject, reply = '', headers, payload, isImported, isTrusted }: InternalPublish,
    onImports?: (sent: MessagePlace) => void,
  ): boolean {
    const { exports, bytes, layout } = this.#thread.kernel
    const headerBytes = headers?.length ?? 0
    const total = headerBytes + (payload?.length ?? 0)
    const trust = isImported === true ? TRUST_IMPORTED : isTrusted === true ? TRUST_PLAIN : 0
    const headerText = headerBytes === 0 ? '' : String(headerBytes)
    const sizeText = String(total)
    const text = Buffer.from(subject + reply + headerText + sizeText, 'latin1')
    const at = exports.allocate(text.length + total)
    if (at === 0) {
      this.#thread.onOutOfMemory('a message of the broker itself is lost')
      return true
    }
    bytes.set(text, at)
    const replyAt = at + subject.length
    const headerAt = replyAt + reply.length
    const sizeAt = headerAt + headerText.length
    const payloadAt = sizeAt + sizeText.length
    if (headers !== undefined) bytes.set(headers, payloadAt)
    if (payload !== undefined) bytes.set(payload, payloadAt + headerBytes)
    const place: MessagePlace = {
      subject: at,
      subjectBytes: subject.length,
      reply: reply.length === 0 ? 0 : replyAt,
      replyBytes: reply.length,
      headerText: headerBytes === 0 ? 0 : headerAt,
      headerTextBytes: headerText.length,
      sizeText: sizeAt,
      sizeTextBytes: sizeText.length,
      headerBytes,
      totalBytes: total,
      payload: payloadAt,
    }
    const isDone = this.#publishParts(place, trust)
    if (isDone && exports.status.value === layout.STATUS_IMPORTS) onImports?.(place)
    exports.release(at, text.length + total)
    return isDone
  }

  #publishParts(place: MessagePlace, trust: number): boolean {
    const isDone = this.#thread.kernel.exports.publishParts(
      this.record,
      place.subject,
      place.subjectBytes,
      place.reply,
      place.replyBytes,
      place.headerText,
      place.headerTextBytes,
      place.sizeText,
      place.sizeTextBytes,
      place.headerBytes,
      place.totalBytes,
      place.payload,
      0,
      0,
      trust,
    )
    return isDone !== 0
  }

  /** There may be room in the lanes again. */
  resume(): void {
    const backlog = this.#backlog
    this.#backlog = []
    this.#backlogBytes = 0
    for (const [i, message] of backlog.entries()) {
      if (this.#publishNow(message, message.onImports)) continue
      this.#thread.retryLater(this)
      this.#backlog = backlog.slice(i)
      for (const waiting of this.#backlog) this.#backlogBytes += sizeOf(waiting)
      break
    }
    if (this.#lostCount > 0 && this.#backlog.length === 0) {
      this.#thread.log.warn(`${this.#lostCount} messages of the broker itself were lost: no room`)
      this.#lostCount = 0
    }
  }

  // ── receiving ─────────────────────────────────────────────────────────────────────────────

  /** Hands what was delivered to the subscriptions. Only inside a turn. */
  flush(): void {
    const { exports, layout, words } = this.#thread.kernel
    for (;;) {
      // Ours until they are released: handlers publish, which may bring this client more.
      const head = exports.takeChunks(this.record, TAKE_ALL)
      if (head === 0) return
      let total = 0
      for (let chunk = head; chunk !== 0; chunk = words[(chunk + layout.CHUNK_NEXT) >> 2]!) {
        const from = chunk + layout.CHUNK_DATA
        const to = words[(chunk + layout.CHUNK_END) >> 2]!
        this.#read(from, to)
        total += to - from
      }
      exports.releaseChunks(this.record, head, total)
    }
  }

  /** The kernel writes frames whole. */
  #read(from: number, to: number): void {
    const { bytes } = this.#thread.kernel
    for (let at = from; at < to; ) {
      const frame = readFrame(bytes, at)
      this.#subscriptions.get(frame.sid)?.onPlace(frame)
      at = frame.end
    }
  }

  /** A copy: handlers of such messages keep them. */
  #messageAt(place: MessagePlace): InternalMessage {
    const { subject, reply, headers, payload } = messageAt(this.#thread.kernel.bytes, place)
    return { subject, reply, headers: Buffer.from(headers), payload: Buffer.from(payload) }
  }
}

/** With views of the kernel's memory. */
function messageAt(bytes: Buffer, place: MessagePlace): InternalMessage {
  const { subject, subjectBytes, reply, replyBytes, headerBytes, totalBytes, payload } = place
  return {
    subject: bytes.toString('latin1', subject, subject + subjectBytes),
    reply: bytes.toString('latin1', reply, reply + replyBytes),
    headers: bytes.subarray(payload, payload + headerBytes),
    payload: bytes.subarray(payload + headerBytes, payload + totalBytes),
  }
}

function sizeOf({ subject, reply = '', headers, payload }: InternalPublish): number {
  return subject.length + reply.length + (headers?.length ?? 0) + (payload?.length ?? 0)
}
