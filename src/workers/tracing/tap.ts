import { randomInt } from 'node:crypto'
import type { Kernel } from '../../kernel/kernel.ts'
import {
  TAP_TARGETS_MAX,
  type TapDrop,
  type TapParty,
  type TapSample,
  type TapSpec,
  type TapTarget,
} from '../../monitor/trace/tap-sample.ts'
import { goTime } from '../../protocol/go-time.ts'
import { subjectMatches } from '../../protocol/subjects.ts'
import { BlockReader, type ServiceBlock } from '../accounts/account-blocks.ts'
import { nowNs } from '../accounts/service-measurement.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import type { MessagePlace } from '../messages/message-place.ts'
import type { Concerned, ExplainedReader } from './explained-reader.ts'
import { readLabel } from './labels.ts'
import type { TraceOrigin } from './tracer.ts'

const MS_PER_S = 1000
/** Matching messages that come sooner than this are many. Chosen. */
const DENSE_MS = 5
/** Of many messages up to so many are passed over, by chance. Chosen. */
const SKIP_MAX = 15
/** Account and permissions. */
const ENTRY_BYTES = 8

/** One tap that is open. */
interface OpenTap {
  readonly spec: TapSpec
  /** Permissions that allow its subject, for the kernel. */
  readonly pattern: { readonly at: number; readonly bytes: number }
  /** When it may have its next sample, as performance.now(). */
  dueMs: number
}

/** Samples for the taps with these ids. */
type OnSample = (taps: readonly number[], sample: TapSample) => void

interface TapTools {
  readonly reader: ExplainedReader
  /** `no_fast_producer_stall`. */
  dropsWhenStalled(): boolean
}

/** Where a message came from, and what it is. */
export interface TappedMessage {
  readonly origin: TraceOrigin
  /** Its connection's record. */
  readonly source: number
  /** latin1 */
  readonly subject: string
  readonly reply: string
  readonly bytes: number
}

/**
 * Taps of one thread. While none of them is due the kernel is told of none, and messages pass as
 * ever; the first message that matches one which is due comes here and makes it wait again.
 */
export class Tap {
  readonly #thread: IoThread
  readonly #kernel: Kernel
  readonly #tools: TapTools
  readonly #services: BlockReader<ServiceBlock>
  readonly #onSample: OnSample
  #taps: OpenTap[] = []
  #due: readonly OpenTap[] = []
  #list = 0
  #listBytes = 0
  #timer: NodeJS.Timeout | undefined
  #armedMs = 0
  /** There are many messages that match: the first one of each read need not be the one shown. */
  #isDense = false

  constructor(thread: IoThread, tools: TapTools, onSample: OnSample) {
    this.#thread = thread
    this.#kernel = thread.kernel
    this.#tools = tools
    this.#services = new BlockReader(thread.kernel, (text) => JSON.parse(text) as ServiceBlock)
    this.#onSample = onSample
  }

  /** These are open, and no others. */
  set(specs: readonly TapSpec[]): void {
    const known = new Map(this.#taps.map((tap) => [tap.spec.id, tap]))
    const taps: OpenTap[] = []
    for (const spec of specs) {
      const tap = known.get(spec.id) ?? this.#open(spec)
      known.delete(spec.id)
      if (tap !== undefined) taps.push(tap)
    }
    this.#taps = taps
    this.#arm()
    for (const { pattern } of known.values()) {
      this.#kernel.exports.release(pattern.at, pattern.bytes)
    }
  }

  /** Undefined without memory. */
  #open(spec: TapSpec): OpenTap | undefined {
    const { exports, layout, words, bytes } = this.#kernel
    const text = layout.PERMISSIONS_PATTERNS + layout.PERMISSION_TEXT
    const blockBytes = text + ((spec.subject.length + 3) & ~3)
    const at = exports.allocate(blockBytes)
    if (at === 0) return undefined
    words[(at + layout.PERMISSIONS_HAS_ALLOW) >> 2] = 1
    words[(at + layout.PERMISSIONS_ALLOWED) >> 2] = 1
    words[(at + layout.PERMISSIONS_DENIED) >> 2] = 0
    words[(at + layout.PERMISSIONS_GROUPS) >> 2] = 0
    const pattern = at + layout.PERMISSIONS_PATTERNS
    words[(pattern + layout.PERMISSION_BYTES) >> 2] = spec.subject.length
    bytes.write(spec.subject, at + text, 'latin1')
    return { spec, pattern: { at, bytes: blockBytes }, dueMs: 0 }
  }

  /** Tells the kernel of the taps that are due, and wakes up when another one is. */
  #arm(): void {
    const { exports, words } = this.#kernel
    const nowMs = performance.now()
    const due = this.#taps.filter(({ dueMs }) => dueMs <= nowMs)
    const later = this.#taps.map(({ dueMs }) => dueMs).filter((dueMs) => dueMs > nowMs)
    clearTimeout(this.#timer)
    this.#timer =
      later.length === 0
        ? undefined
        : setTimeout(() => this.#arm(), Math.min(...later) - nowMs).unref()
    exports.setTaps(0, 0, 0)
    if (this.#list !== 0) exports.release(this.#list, this.#listBytes)
    this.#listBytes = due.length * ENTRY_BYTES
    this.#list = due.length === 0 ? 0 : exports.allocate(this.#listBytes)
    this.#due = due
    if (this.#list === 0) return
    let at = this.#list >> 2
    for (const { spec, pattern } of due) {
      words[at++] = spec.account === undefined ? 0 : exports.accountAddress(spec.account)
      words[at++] = pattern.at
    }
    this.#armedMs = nowMs
    exports.setTaps(this.#list, due.length, this.#isDense ? randomInt(SKIP_MAX + 1) : 0)
  }

  /** Some tap waits for a message. */
  get isArmed(): boolean {
    return this.#due.length > 0
  }

  /** Ids of the taps that are due and want a message; they wait again. Undefined: none. */
  take(subject: string, account: number): readonly number[] | undefined {
    if (!this.isArmed) return undefined
    const taken = this.#due.filter(
      ({ spec }) =>
        (spec.account === undefined || spec.account === account) &&
        subjectMatches(spec.subject, subject),
    )
    if (taken.length === 0) return undefined
    const nowMs = performance.now()
    this.#isDense = nowMs - this.#armedMs < DENSE_MS
    for (const tap of taken) tap.dueMs = nowMs + MS_PER_S / tap.spec.rate
    this.#arm()
    return taken.map(({ spec }) => spec.id)
  }

  // ── samples ───────────────────────────────────────────────────────────────────────────────

  /** A message that was refused. */
  refused(taps: readonly number[], message: TappedMessage, dropped: TapDrop): void {
    this.#onSample(taps, { ...this.#head(message), to: [], dropped })
  }

  /** A message that the kernel has just explained; before anything else is published. */
  explained(taps: readonly number[], message: TappedMessage): void {
    const { exports, layout, bytes } = this.#kernel
    const concerned = this.#tools.reader.read(message.source)
    const from: number = exports.subject.value
    const mapped =
      exports.isMapped.value === 0
        ? undefined
        : utf8(bytes.toString('latin1', from, from + exports.subjectBytes.value))
    const targets = concerned.map((one) => this.#target(one, message))
    if (exports.status.value === layout.STATUS_IMPORTS) targets.push(...this.#imports(message))
    const more = Math.max(0, targets.length - TAP_TARGETS_MAX)
    this.#onSample(taps, {
      ...this.#head(message),
      mapped,
      to: targets.slice(0, TAP_TARGETS_MAX),
      more: more === 0 ? undefined : more,
      dropped: targets.length === 0 ? 'no interest' : undefined,
    })
  }

  #head({ origin, source, subject, reply, bytes }: TappedMessage) {
    return {
      time: goTime(nowNs()),
      account: origin.account,
      subject: utf8(subject),
      reply: utf8(reply) || undefined,
      size: bytes,
      from: {
        kind: origin.kind === 0 ? 'client' : 'leaf',
        cid: origin.cid,
        name: origin.name || undefined,
        user: readLabel(this.#kernel, source).user || undefined,
        thread: this.#thread.thread,
      } satisfies TapParty,
    }
  }

  #target(one: Concerned, { subject }: TappedMessage): TapTarget {
    const { variant } = one
    const sees = variant?.subject
    return {
      kind: one.isInternal ? 'server' : one.isLeaf ? 'leaf' : 'client',
      cid: one.isInternal ? undefined : one.cid,
      name: one.name || undefined,
      user: one.user || undefined,
      thread: one.thread,
      account: variant?.importer,
      subject: utf8(one.subject) || undefined,
      queue: utf8(one.queue || one.names) || undefined,
      sid: one.isInternal ? undefined : utf8(one.sid) || undefined,
      as: sees === undefined || sees === subject ? undefined : utf8(sees),
      dropped: this.#dropOf(one),
    }
  }

  #dropOf(one: Concerned): TapDrop | undefined {
    const { words, layout } = this.#kernel
    if (one.how === 'denied' || one.how === 'kept') return 'permission'
    if (one.how === 'echo' || one.isOwn) return 'no echo'
    if (one.hasEnded) return 'subscription has ended'
    const overflow = words[(one.connection + layout.CONNECTION_OVERFLOW) >> 2]!
    const isLost = overflow !== 0 || (one.isStalled && this.#tools.dropsWhenStalled())
    return isLost ? 'slow consumer' : undefined
  }

  #imports({ subject }: TappedMessage): TapTarget[] {
    const { exports, words } = this.#kernel
    const first = exports.services.value >> 2
    const targets: TapTarget[] = []
    for (let i = 0; i < exports.serviceCount.value; i++) {
      const { exporter, to, isIdentity } = this.#services.read(words[first + i]!)
      const as = isIdentity || to === subject ? undefined : to
      targets.push({ kind: 'import', account: exporter, as })
    }
    return targets
  }
}

/** The message at hand, for its sample. */
export function tappedMessage(
  { bytes }: Kernel,
  origin: TraceOrigin,
  source: number,
  { subject, subjectBytes, reply, replyBytes, totalBytes }: MessagePlace,
): TappedMessage {
  return {
    origin,
    source,
    subject: bytes.toString('latin1', subject, subject + subjectBytes),
    reply: bytes.toString('latin1', reply, reply + replyBytes),
    bytes: totalBytes,
  }
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
