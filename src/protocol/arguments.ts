import { goQuoteSpan } from './go-quote.ts'
import { goText } from './go-text.ts'

/** A part of the buffer that was given. */
export type Span = { readonly from: number; readonly to: number }

/** The line cannot be understood: the connection is closed without -ERR. `why` is for the log. */
export type ArgumentsRefusal = { readonly ok: false; readonly why: string }

/** PUB, HPUB, LMSG, HMSG. */
export type MessageArguments = {
  readonly ok: true
  readonly subject: Span
  readonly reply: Span | null
  /** Leaf lines only: groups of the receiver that are to get the message. */
  readonly queues: readonly Span[]
  /** -1 = a message without header block. */
  readonly headerBytes: number
  /** Header block included, line end not. */
  readonly totalBytes: number
  /** The sizes as written: nats-server hands on the publisher's digits, leading zeros too. */
  readonly headerSizeText: Span | null
  readonly sizeText: Span
}

export type SubArguments = {
  readonly ok: true
  readonly subject: Span
  readonly queue: Span | null
  readonly sid: Span
}

export type UnsubArguments = {
  readonly ok: true
  readonly sid: Span
  /**
   * Deliveries, counted from the subscription's start, after which it ends; -1 = at once (absent or
   * no number).
   */
  readonly max: number
}

export type LeafSubArguments = {
  readonly ok: true
  readonly subject: Span
  readonly queue: Span | null
  /** Members of the group behind the link, at least 1; 1 for a plain subscription. */
  readonly weight: number
}

export type LeafUnsubArguments = {
  readonly ok: true
  readonly subject: Span
  readonly queue: Span | null
}

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const DIGIT_ZERO = 48
const DIGIT_NINE = 57
const PLUS = 43
const BAR = 124
/** nats-server reads no longer number, so that none can overflow. */
const SIZE_DIGITS_MAX = 9

/**
 * The arguments between runs of blanks.
 *
 * @param lineEndsSeparate CR and LF inside the line (see readOperation) part arguments too; they do
 *   for all verbs except PUB and HPUB, where they belong to the argument
 */
export function splitArguments(
  bytes: Uint8Array,
  from: number,
  to: number,
  lineEndsSeparate = true,
): Span[] {
  const spans: Span[] = []
  let start = -1
  for (let at = from; at < to; at++) {
    const byte = bytes[at]
    if (byte === SPACE || byte === TAB || (lineEndsSeparate && (byte === CR || byte === LF))) {
      if (start >= 0) spans.push({ from: start, to: at })
      start = -1
    } else if (start < 0) start = at
  }
  if (start >= 0) spans.push({ from: start, to })
  return spans
}

/** One to nine decimal digits; -1 for anything else. */
export function parseSize(bytes: Uint8Array, { from, to }: Span): number {
  if (from >= to || to - from > SIZE_DIGITS_MAX) return -1
  let size = 0
  for (let at = from; at < to; at++) {
    const digit = bytes[at]!
    if (digit < DIGIT_ZERO || digit > DIGIT_NINE) return -1
    size = size * 10 + (digit - DIGIT_ZERO)
  }
  return size
}

function refuse(verb: string, why: string, bytes: Uint8Array, from: number, to: number) {
  return { ok: false, why: `${verb} ${why}: ${goQuoteSpan(bytes, from, to)}` } as const
}

/** `<subject> [reply] <#bytes>` */
export function parsePub(
  bytes: Uint8Array,
  from: number,
  to: number,
): MessageArguments | ArgumentsRefusal {
  const spans = splitArguments(bytes, from, to, false)
  if (spans.length < 2 || spans.length > 3) {
    return refuse('processPub', 'Parse Error', bytes, from, to)
  }
  const sizeText = spans.at(-1)!
  const totalBytes = parseSize(bytes, sizeText)
  if (totalBytes < 0) return refuse('processPub', 'Bad or Missing Size', bytes, from, to)
  return {
    ok: true,
    subject: spans[0]!,
    reply: spans.length === 3 ? spans[1]! : null,
    queues: [],
    headerBytes: -1,
    totalBytes,
    headerSizeText: null,
    sizeText,
  }
}

/** `<subject> [reply] <#header bytes> <#total bytes>` */
export function parseHpub(
  bytes: Uint8Array,
  from: number,
  to: number,
): MessageArguments | ArgumentsRefusal {
  const spans = splitArguments(bytes, from, to, false)
  if (spans.length < 3 || spans.length > 4) {
    return refuse('processHeaderPub', 'Parse Error', bytes, from, to)
  }
  return checkSizes('processHeaderPub', bytes, from, to, {
    subject: spans[0]!,
    reply: spans.length === 4 ? spans[1]! : null,
    queues: [],
    headerSizeText: spans.at(-2)!,
    sizeText: spans.at(-1)!,
  })
}

type MessageSpans = Pick<
  MessageArguments,
  'subject' | 'reply' | 'queues' | 'headerSizeText' | 'sizeText'
>

function checkSizes(
  verb: string,
  bytes: Uint8Array,
  from: number,
  to: number,
  spans: MessageSpans,
): MessageArguments | ArgumentsRefusal {
  const withHeaders = spans.headerSizeText !== null
  const headerBytes = withHeaders ? parseSize(bytes, spans.headerSizeText) : -1
  if (withHeaders && headerBytes < 0) {
    return refuse(verb, 'Bad or Missing Header Size', bytes, from, to)
  }
  const totalBytes = parseSize(bytes, spans.sizeText)
  if (totalBytes < 0) {
    return refuse(
      verb,
      withHeaders ? 'Bad or Missing Total Size' : 'Bad or Missing Size',
      bytes,
      from,
      to,
    )
  }
  if (headerBytes > totalBytes) {
    return refuse(verb, 'Header Size larger then TotalSize', bytes, from, to)
  }
  return { ok: true, ...spans, headerBytes, totalBytes }
}

/** `<subject> [queue] <sid>` */
export function parseSub(
  bytes: Uint8Array,
  from: number,
  to: number,
): SubArguments | ArgumentsRefusal {
  const spans = splitArguments(bytes, from, to)
  if (spans.length < 2 || spans.length > 3) {
    return refuse('processSub', 'Parse Error', bytes, from, to)
  }
  return {
    ok: true,
    subject: spans[0]!,
    queue: spans.length === 3 ? spans[1]! : null,
    sid: spans.at(-1)!,
  }
}

/** `<sid> [max]` */
export function parseUnsub(
  bytes: Uint8Array,
  from: number,
  to: number,
): UnsubArguments | ArgumentsRefusal {
  const [sid, max, ...rest] = splitArguments(bytes, from, to)
  if (sid === undefined || rest.length > 0) {
    return refuse('processUnsub', 'Parse Error', bytes, from, to)
  }
  return { ok: true, sid, max: max === undefined ? -1 : parseSize(bytes, max) }
}

/** `<subject>` or `<subject> <queue> <weight>` */
export function parseLeafSub(
  bytes: Uint8Array,
  from: number,
  to: number,
): LeafSubArguments | ArgumentsRefusal {
  const spans = splitArguments(bytes, from, to)
  if (spans.length !== 1 && spans.length !== 3) {
    return { ok: false, why: `processLeafSub Parse Error: '${goText(bytes, from, to)}'` }
  }
  const weight = spans.length === 3 ? Math.max(1, parseSize(bytes, spans[2]!)) : 1
  return { ok: true, subject: spans[0]!, queue: spans[1] ?? null, weight }
}

/**
 * `<subject>` or `<subject> <queue>`. Any other line names no interest and is ignored, so this
 * never refuses: the result then has the whole line for a subject, which no interest can have.
 */
export function parseLeafUnsub(bytes: Uint8Array, from: number, to: number): LeafUnsubArguments {
  const spans = splitArguments(bytes, from, to)
  if (spans.length < 1 || spans.length > 2) return { ok: true, subject: { from, to }, queue: null }
  return { ok: true, subject: spans[0]!, queue: spans[1] ?? null }
}

/**
 * LMSG (withHeaders = false) and HMSG of leaf links:
 * `<subject> [reply] [#header bytes] <#total bytes>`, or with queue names
 * `<subject> + <reply> <queue>… …sizes` and `<subject> | <queue>… …sizes`.
 */
export function parseLeafMsg(
  bytes: Uint8Array,
  from: number,
  to: number,
  withHeaders: boolean,
): MessageArguments | ArgumentsRefusal {
  const verb = withHeaders ? 'processLeafHeaderMsgArgs' : 'processLeafMsgArgs'
  const spans = splitArguments(bytes, from, to)
  const sizes = withHeaders ? 2 : 1
  const [subject, second] = spans
  if (subject === undefined || second === undefined || spans.length < sizes + 1) {
    return refuse(verb, 'Parse Error', bytes, from, to)
  }
  const names = spans.slice(1, -sizes)
  let reply: Span | null = names[0] ?? null
  let queues: Span[] = []
  if (names.length >= 2) {
    const indicator = second.to - second.from === 1 ? bytes[second.from] : 0
    if (indicator !== PLUS && indicator !== BAR) {
      return refuse(verb, 'Bad or Missing Reply Indicator', bytes, second.from, second.to)
    }
    reply = indicator === PLUS ? names[1]! : null
    queues = names.slice(indicator === PLUS ? 2 : 1)
  }
  return checkSizes(verb, bytes, from, to, {
    subject,
    reply,
    queues,
    headerSizeText: withHeaders ? spans.at(-2)! : null,
    sizeText: spans.at(-1)!,
  })
}
