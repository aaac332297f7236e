import {
  type ArgumentsRefusal,
  type MessageArguments,
  parseHpub,
  parseLeafMsg,
  parseLeafSub,
  parsePub,
  parseSub,
  parseUnsub,
} from '../../src/protocol/arguments.ts'
import { noResponders } from '../../src/protocol/headers.ts'
import { type Operation, readOperation } from '../../src/protocol/operation.ts'
import { isValidSubscriptionSubject, subjectMatches } from '../../src/protocol/subjects.ts'
import type { ConnectionKind } from '../../src/protocol/verbs.ts'
import type { ReferenceEnd } from '../reference/reference-parser.ts'
import type { ConnectionOptions, KernelThread } from './kernel-thread.ts'

const INPUT_BYTES = 256 * 1024
const CONTROL_LINE_MAX = 4096
const CR = 13
const LF = 10
/** What feed answers for an operation that must wait. */
const INCOMPLETE = -1
const CLOSED = -2
const RETRIES_MAX = 10_000

type Parsed = { readonly ok: true } | ArgumentsRefusal | MessageArguments

function parseArguments(bytes: Uint8Array, operation: Operation, kind: ConnectionKind): Parsed {
  const { verb, argFrom, argTo } = operation
  if (verb === 'PUB') return parsePub(bytes, argFrom, argTo)
  if (verb === 'HPUB') return parseHpub(bytes, argFrom, argTo)
  if (verb === 'LMSG') return parseLeafMsg(bytes, argFrom, argTo, false)
  if (verb === 'HMSG' && kind === 'leaf') return parseLeafMsg(bytes, argFrom, argTo, true)
  if (verb === 'SUB') return parseSub(bytes, argFrom, argTo)
  if (verb === 'UNSUB') return parseUnsub(bytes, argFrom, argTo)
  if (verb === 'LSUB') return parseLeafSub(bytes, argFrom, argTo)
  return { ok: true }
}

/**
 * A connection in small: keeps what is unfinished between two reads, hands bytes to the kernel and
 * does what the kernel leaves to TypeScript, as src/io and src/workers do.
 */
export class Session {
  readonly record: number
  readonly options: ConnectionOptions
  /** Operations that the kernel left to TypeScript. */
  operationCount = 0
  end: ReferenceEnd | 'forbiddenPublish' = 'open'
  /** Called when a lane is full, and when a SUB must be applied before anything else. */
  settle: () => void
  /** What lies behind the bytes that were read; may look like a continuation of them. */
  stale = ''
  readonly slots = new Map<string, number>()
  readonly #thread: KernelThread
  readonly #kind: ConnectionKind
  readonly #input: number
  #kept = ''

  constructor(thread: KernelThread, options: ConnectionOptions, settle: () => void) {
    this.#thread = thread
    this.options = options
    this.#kind = options.kind ?? 'client'
    this.settle = settle
    this.record = thread.connect(options)
    this.#input = thread.exports.allocate(INPUT_BYTES)
    if (this.#input === 0) throw new RangeError('no memory for input')
  }

  /** Bytes read from the socket, one character each. */
  feed(chunk: string): void {
    if (this.end !== 'open') return
    const { bytes } = this.#thread.kernel
    const text = this.#kept + chunk
    this.#kept = ''
    bytes.write(text + this.stale, this.#input, 'latin1')
    this.#process(this.#input, this.#input + text.length)
    for (const slot of this.#thread.takeAllExpired()) this.#removeSlot(slot)
  }

  feedAll(chunks: Iterable<string>): void {
    for (const chunk of chunks) this.feed(chunk)
  }

  #process(from: number, to: number): void {
    const { exports, layout } = this.#thread
    let at = from
    for (let retries = 0; retries < RETRIES_MAX; ) {
      at = exports.ingest(this.record, at, to)
      const status = exports.status.value
      if (status === layout.STATUS_DONE) {
        this.#kept = this.#thread.latin1(at, to - at)
        return
      }
      if (status === layout.STATUS_NO_RESPONDERS) {
        this.#answerNoResponders()
      } else if (status === layout.STATUS_OPERATION) {
        this.operationCount++
        const next = this.#onOperation(at, to)
        if (next === CLOSED) return
        if (next === INCOMPLETE) {
          this.#kept = this.#thread.latin1(at, to - at)
          return
        }
        at = next
      } else {
        retries++
        this.settle()
      }
    }
    throw new Error('the kernel never goes on')
  }

  // ── what the kernel leaves to TypeScript ──────────────────────────────────────────────────

  #onOperation(at: number, to: number): number {
    const { bytes } = this.#thread.kernel
    const limits = { controlLineBytesMax: CONTROL_LINE_MAX }
    const operation = readOperation(bytes, at, to, this.#kind, limits, false)
    if (operation.type === 'violation') return this.#close(operation.which)
    if (operation.type === 'incomplete') return INCOMPLETE
    const parsed = parseArguments(bytes, operation, this.#kind)
    if (!parsed.ok) return this.#close('badArguments')
    if (operation.verb === 'SUB') this.#onSub(operation)
    else if (operation.verb === 'UNSUB') this.#onUnsub(operation)
    if (!('totalBytes' in parsed)) {
      // A client's HMSG is read as a message without payload.
      if (operation.verb !== 'HMSG') return operation.next
      return this.#payloadEnd(operation.next, to)
    }
    const end = operation.next + parsed.totalBytes
    const next = this.#payloadEnd(end, to)
    if (next >= 0 && !this.#publish(parsed, operation.next)) return this.#close('forbiddenPublish')
    return next
  }

  #payloadEnd(end: number, to: number): number {
    const { bytes } = this.#thread.kernel
    if (to > end && bytes[end] !== CR) return this.#close('unknownProtocolOperation')
    if (to > end + 1 && bytes[end + 1] !== LF) return this.#close('unknownProtocolOperation')
    return to < end + 2 ? INCOMPLETE : end + 2
  }

  /** Returns false when the source may not send on the subject. */
  #publish(message: MessageArguments, payload: number): boolean {
    const { exports, layout } = this.#thread
    const { subject, reply, queues, headerSizeText, sizeText, headerBytes } = message
    const hasHeaders = headerBytes > 0 && headerSizeText !== null
    const queuesFrom = queues[0]?.from ?? 0
    const send = () =>
      exports.publishParts(
        ...([this.record, subject.from, subject.to - subject.from] as const),
        ...([reply?.from ?? 0, reply === null ? 0 : reply.to - reply.from] as const),
        ...([hasHeaders ? headerSizeText.from : 0] as const),
        ...([hasHeaders ? headerSizeText.to - headerSizeText.from : 0] as const),
        ...([sizeText.from, sizeText.to - sizeText.from] as const),
        ...([hasHeaders ? headerBytes : 0, message.totalBytes, payload] as const),
        ...([queuesFrom, queues.length === 0 ? 0 : queues.at(-1)!.to - queuesFrom, 0] as const),
      )
    for (let retries = 0; send() === 0; retries++) {
      if (retries > RETRIES_MAX) throw new Error('the kernel never takes the message')
      this.settle()
    }
    if (exports.status.value === layout.STATUS_NO_RESPONDERS) this.#answerNoResponders()
    return exports.status.value !== layout.STATUS_FORBIDDEN
  }

  #answerNoResponders(): void {
    const { exports, kernel, layout } = this.#thread
    const span = (at: number, bytes: number) =>
      Buffer.from(this.#thread.latin1(at, bytes), 'latin1')
    const subject = span(exports.subject.value, exports.subjectBytes.value)
    const reply = span(exports.reply.value, exports.replyBytes.value)
    for (const [sid, slot] of this.slots) {
      if (kernel.words[(slot + layout.SUB_QUEUE_BYTES) >> 2] !== 0) continue
      if (!subjectMatches(this.#subjectOf(slot), reply.toString('latin1'))) continue
      const frame = noResponders(reply, Buffer.from(sid, 'latin1'), subject)
      this.#thread.append(this.record, frame.toString('latin1'))
      return
    }
  }

  #subjectOf(slot: number): string {
    const { layout } = this.#thread
    const at = this.#thread.word(slot + layout.SUB_TEXT)
    return this.#thread.latin1(at, this.#thread.word(slot + layout.SUB_SUBJECT_BYTES))
  }

  #onSub({ argFrom, argTo }: Operation): void {
    const { bytes } = this.#thread.kernel
    for (const slot of this.#thread.takeAllExpired()) this.#removeSlot(slot)
    const parsed = parseSub(bytes, argFrom, argTo)
    if (!parsed.ok) return
    const text = ({ from, to }: { from: number; to: number }) => bytes.toString('latin1', from, to)
    const sid = text(parsed.sid)
    const subject = text(parsed.subject)
    if (this.slots.has(sid) || !isValidSubscriptionSubject(subject)) return
    const queue = parsed.queue === null ? '' : text(parsed.queue)
    this.slots.set(sid, this.#thread.subscribe(this.record, subject, queue, sid))
    this.settle()
  }

  #onUnsub({ argFrom, argTo }: Operation): void {
    const { layout, kernel } = this.#thread
    for (const slot of this.#thread.takeAllExpired()) this.#removeSlot(slot)
    const parsed = parseUnsub(kernel.bytes, argFrom, argTo)
    if (!parsed.ok) return
    const slot = this.slots.get(kernel.bytes.toString('latin1', parsed.sid.from, parsed.sid.to))
    if (slot === undefined) return
    if (parsed.max > 0 && BigInt(parsed.max) > this.#thread.long(slot + layout.SUB_DELIVERED)) {
      this.#thread.setWord(slot + layout.SUB_MAX, parsed.max)
    } else {
      this.#removeSlot(slot)
    }
  }

  #removeSlot(slot: number): void {
    for (const [sid, known] of this.slots) {
      if (known !== slot) continue
      this.slots.delete(sid)
      this.#thread.unsubscribe(slot)
    }
  }

  #close(why: Session['end']): number {
    this.end = why
    return CLOSED
  }

  /** Ends the connection and gives back its memory. */
  dispose(): void {
    for (const slot of this.slots.values()) this.#thread.unsubscribe(slot)
    this.slots.clear()
    this.#thread.exports.release(this.#input, INPUT_BYTES)
    this.#thread.disconnect(this.record)
  }
}
