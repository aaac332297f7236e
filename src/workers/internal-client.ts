import type { IoThread } from './io-thread.ts'

/** A message as an internal subscription gets it. Views are valid during the call only. */
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
  readonly headers?: Uint8Array
  readonly payload?: Uint8Array
  /** It came by a service import: no mapping, and nobody imports it again as a stream. */
  readonly isImported?: boolean
}

type MessageHandler = (message: InternalMessage) => void

/** Where an internal client's interest is announced: a lane to the routing worker, or the sublist. */
export interface InterestAnnouncer {
  subscribe(slot: number): void
  unsubscribe(slot: number): void
}

interface InternalSubscription {
  readonly slot: number
  readonly onMessage: MessageHandler
}

const NO_BYTES = new Uint8Array(0)
const TAKE_ALL = 0x7fffffff
const NO_LIMIT = 0xffff_ffff
/** See publishParts. */
const TRUST_IMPORTED = 2
const LF = 10
/** What may wait for room in lanes; chosen: a few thousand requests. The rest is lost and counted. */
const BACKLOG_BYTES_MAX = 8 * 2 ** 20

/**
 * A client without a socket: the broker's own services, and the replies that service imports wait
 * for. The kernel delivers to it as to any client; the frames are read here instead of sent.
 */
export class InternalClient {
  readonly record: number
  readonly #thread: IoThread
  readonly #interest: InterestAnnouncer
  readonly #subscriptions = new Map<string, InternalSubscription>()
  #lastSid = 0
  /** Messages that found no room in a lane. */
  #backlog: InternalPublish[] = []
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
  subscribe(subject: string, queue: string, onMessage: MessageHandler): string | undefined {
    const { exports, bytes } = this.#thread.kernel
    const sid = String(++this.#lastSid)
    const text = Buffer.from(subject + queue + sid, 'latin1')
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
      sid.length,
    )
    exports.release(at, text.length)
    if (slot === 0) return undefined
    this.#subscriptions.set(sid, { slot, onMessage })
    this.#interest.subscribe(slot)
    return sid
  }

  unsubscribe(sid: string): void {
    const subscription = this.#subscriptions.get(sid)
    if (subscription === undefined) return
    this.#subscriptions.delete(sid)
    this.#thread.kernel.exports.removeSubscription(subscription.slot)
    this.#interest.unsubscribe(subscription.slot)
  }

  // ── publishing ────────────────────────────────────────────────────────────────────────────

  /**
   * Delivers now, or as soon as there is room in the lanes. Only inside a turn.
   *
   * @returns whether anybody got it, as far as that is known now: what waits counts as delivered
   */
  publish(message: InternalPublish): boolean {
    if (this.#backlog.length > 0) return this.#keep(message)
    const { exports, layout } = this.#thread.kernel
    if (!this.#publishNow(message)) {
      this.#thread.retryLater(this)
      return this.#keep(message)
    }
    return exports.status.value !== layout.STATUS_FORBIDDEN && exports.delivered.value > 0
  }

  #keep(message: InternalPublish): boolean {
    const bytes = sizeOf(message)
    if (this.#backlogBytes + bytes > BACKLOG_BYTES_MAX) {
      this.#lostCount++
      return false
    }
    this.#backlogBytes += bytes
    // The caller's views do not last.
    const { headers = NO_BYTES, payload = NO_BYTES } = message
    this.#backlog.push({ ...message, headers: headers.slice(), payload: payload.slice() })
    return true
  }

  #publishNow({ subject, reply = '', headers, payload, isImported }: InternalPublish): boolean {
    const { exports, bytes } = this.#thread.kernel
    const headerBytes = headers?.length ?? 0
    const total = headerBytes + (payload?.length ?? 0)
    const trust = isImported === true ? TRUST_IMPORTED : 0
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
    const isDone = exports.publishParts(
      this.record,
      at,
      subject.length,
      reply.length === 0 ? 0 : replyAt,
      reply.length,
      headerBytes === 0 ? 0 : headerAt,
      headerText.length,
      sizeAt,
      sizeText.length,
      headerBytes,
      total,
      payloadAt,
      0,
      0,
      trust,
    )
    exports.release(at, text.length + total)
    return isDone !== 0
  }

  /** There may be room in the lanes again. */
  resume(): void {
    const backlog = this.#backlog
    this.#backlog = []
    this.#backlogBytes = 0
    for (const [i, message] of backlog.entries()) {
      if (this.#publishNow(message)) continue
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
    const { exports, layout, words, bytes } = this.#thread.kernel
    for (;;) {
      const head = exports.takeChunks(this.record, TAKE_ALL)
      if (head === 0) return
      const views: Uint8Array[] = []
      let total = 0
      for (let chunk = head; chunk !== 0; chunk = words[(chunk + layout.CHUNK_NEXT) >> 2]!) {
        const view = bytes.subarray(
          chunk + layout.CHUNK_DATA,
          words[(chunk + layout.CHUNK_END) >> 2]!,
        )
        views.push(view)
        total += view.length
      }
      // A copy, because handlers publish, which may take chunks of this very client.
      const frames = Buffer.concat(views, total)
      exports.releaseChunks(this.record, head, total)
      this.#read(frames)
    }
  }

  #read(frames: Buffer): void {
    for (let at = 0; at < frames.length; ) {
      const lineEnd = frames.indexOf(LF, at)
      const words = frames.toString('latin1', at, lineEnd - 1).split(' ')
      const hasHeaders = words[0] === 'HMSG'
      const subject = words[1]!
      const total = Number(words.at(-1))
      const headerBytes = hasHeaders ? Number(words.at(-2)) : 0
      const reply = words.length === (hasHeaders ? 6 : 5) ? words[3]! : ''
      const payloadAt = lineEnd + 1
      this.#subscriptions.get(words[2]!)?.onMessage({
        subject,
        reply,
        headers: frames.subarray(payloadAt, payloadAt + headerBytes),
        payload: frames.subarray(payloadAt + headerBytes, payloadAt + total),
      })
      at = payloadAt + total + 2
    }
  }
}

function sizeOf({ subject, reply = '', headers, payload }: InternalPublish): number {
  return subject.length + reply.length + (headers?.length ?? 0) + (payload?.length ?? 0)
}
