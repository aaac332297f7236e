import type { Kernel } from '../../kernel/kernel.ts'
import {
  type MessageTrace,
  TRACE_ERRORS,
  TRACE_KIND_CLIENT,
  TRACE_KIND_LEAF,
} from '../../monitor/trace/message-trace.ts'
import { TRACE_HOP_HEADER } from '../../monitor/trace/trace-headers.ts'
import { setHeader } from '../../router/accounts/message-headers.ts'
import { type MessagePlace, partsOf } from '../messages/message-place.ts'
import type { Concerned, ExplainedReader } from './explained-reader.ts'
import type { LinkSender } from './link-sender.ts'
import { copyWithHeaders, headersAt } from './place-copies.ts'

/** Queue groups on a leaf's line. */
interface QueueNames {
  readonly at: number
  readonly bytes: number
}

export const NO_QUEUES: QueueNames = { at: 0, bytes: 0 }

/** What all traces of a thread share. */
export interface TraceTools {
  readonly kernel: Kernel
  readonly reader: ExplainedReader
  readonly links: LinkSender
  /** `no_fast_producer_stall`. */
  dropsWhenStalled(): boolean
  onOutOfMemory(what: string): void
}

/** As publishParts; whom the message concerns is listed for ExplainedReader. False: later. */
export function explainPlace(
  { exports }: Kernel,
  source: number,
  place: MessagePlace,
  queues: QueueNames,
  trust: number,
  how: number,
): boolean {
  const isDone = exports.explainParts(
    source,
    ...partsOf(place),
    queues.at,
    queues.bytes,
    trust,
    how,
  )
  return isDone !== 0
}

/** A message that is traced, on its way through this server. */
export class ActiveTrace {
  readonly trace: MessageTrace
  /** Where events of further servers are to go: another subject in each account it comes to. */
  dest: string
  /** Name of the account it is in now. */
  account: string
  readonly #tools: TraceTools

  constructor(trace: MessageTrace, tools: TraceTools) {
    this.trace = trace
    this.dest = trace.dest
    this.account = trace.ingress.account
    this.#tools = tools
  }

  /**
   * Publishes the message in its account, to leaf links not yet: see Delivery. The kernel's status
   * says the rest.
   *
   * @returns undefined when it must be tried again later
   */
  publish(
    source: number,
    place: MessagePlace,
    queues: QueueNames,
    trust: number,
  ): Delivery | undefined {
    const { account } = this
    const { kernel, reader } = this.#tools
    const { layout, exports, bytes } = kernel
    const { isOnly } = this.trace
    const how = layout.EXPLAIN_KEEPS_LINKS | (isOnly ? layout.EXPLAIN_DRY : 0)
    if (!explainPlace(kernel, source, place, queues, trust, how)) return undefined
    const from: number = exports.subject.value
    const mapped =
      exports.isMapped.value === 0
        ? undefined
        : bytes.toString('latin1', from, from + exports.subjectBytes.value)
    const concerned = reader.read(source)
    return new Delivery(this, this.#tools, { source, place, account, mapped, concerned })
  }
}

interface DeliveryFacts {
  /** Record of the connection it came from. */
  readonly source: number
  readonly place: MessagePlace
  readonly account: string
  /** What the subject was mapped to. */
  readonly mapped: string | undefined
  readonly concerned: readonly Concerned[]
}

/** One account's part of a traced message: tells of all it concerned, in nats-server's order. */
export class Delivery {
  readonly #active: ActiveTrace
  readonly #tools: TraceTools
  readonly #facts: DeliveryFacts

  constructor(active: ActiveTrace, tools: TraceTools, facts: DeliveryFacts) {
    this.#active = active
    this.#tools = tools
    this.#facts = facts
  }

  get mapped(): string | undefined {
    return this.#facts.mapped
  }

  tellMapping(): void {
    if (this.mapped !== undefined) this.#active.trace.addMapping(this.mapped)
  }

  /** Of plain subscriptions. */
  tellPlain(): void {
    for (const one of this.#facts.concerned) {
      if (one.how === 'plain' || (one.how === 'denied' && one.queue === '')) this.#tell(one)
    }
  }

  /**
   * Of queue groups. Members that cannot have the message are tried on the way to the one that
   * gets it, beginning anywhere: some of them, then.
   */
  tellGroups(): void {
    const { concerned } = this.#facts
    const members = concerned.filter(({ how }) => how === 'member')
    for (const one of concerned) {
      const isRefused = one.how === 'echo' || (one.how === 'denied' && one.queue !== '')
      if (!isRefused) continue
      const hasMember = members.some(({ queue }) => queue === one.queue)
      if (!hasMember || Math.random() < 0.5) this.#tell(one)
    }
    for (const one of members) this.#tell(one)
  }

  #tell(one: Concerned): void {
    const { trace } = this.#active
    if (one.isInternal) return
    const { variant, subject } = one
    if (variant !== undefined) {
      trace.addStreamExport(variant.importer, variant.subject)
      if (!variant.allowTrace) return
    }
    trace.addEgress({
      kind: TRACE_KIND_CLIENT,
      cid: one.cid,
      name: one.name,
      account: variant?.importer ?? this.#facts.account,
      subject: variant === undefined ? subject : variant.shadowOf(subject),
      queue: one.queue,
      error: this.#errorOf(one),
    })
  }

  #errorOf(one: Concerned): string {
    if (one.how === 'denied') return TRACE_ERRORS.subscriptionDenies
    if (one.how === 'echo' || one.isOwn) return TRACE_ERRORS.noEcho
    if (one.hasEnded) return TRACE_ERRORS.subscriptionClosed
    if (this.#active.trace.isOnly) return ''
    if (this.#isClosed(one)) return TRACE_ERRORS.clientClosed
    if (one.isStalled && this.#tools.dropsWhenStalled()) return TRACE_ERRORS.notStalled
    return ''
  }

  #isClosed({ connection }: Concerned): boolean {
    const { words, layout } = this.#tools.kernel
    const at = (field: number) => words[(connection + field) >> 2]!
    const isClosed = (at(layout.CONNECTION_FLAGS) & layout.FLAG_CLOSED) !== 0
    return isClosed || at(layout.CONNECTION_OVERFLOW) !== 0
  }

  /** Sends it on to the leaf links, each with a hop of its own. */
  sendToLinks(): void {
    for (const one of this.#facts.concerned) {
      if (one.how === 'link') this.#sendTo(one)
      else if (one.how === 'kept') this.#tellKept(one)
    }
  }

  /** What is denied to a link is told otherwise than what is not allowed, as by nats-server. */
  #tellKept(one: Concerned): void {
    const { words, layout } = this.#tools.kernel
    const permissions = words[(one.connection + layout.CONNECTION_OUTGOING) >> 2]!
    const allowsSome =
      permissions !== 0 && words[(permissions + layout.PERMISSIONS_HAS_ALLOW) >> 2] !== 0
    const error = allowsSome ? TRACE_ERRORS.publishDenied : TRACE_ERRORS.subscriptionDenies
    this.#tellOfLink(one, this.#active.trace.nextHop(), error)
  }

  #sendTo(one: Concerned): void {
    const { kernel, links } = this.#tools
    const { words, layout } = kernel
    const { trace } = this.#active
    const { source, place, mapped } = this.#facts
    const hop = trace.nextHop()
    if (one.hasEnded) {
      this.#tellOfLink(one, hop, TRACE_ERRORS.subscriptionClosed)
      return
    }
    const flags = words[(one.connection + layout.CONNECTION_FLAGS) >> 2]!
    const traces = (flags & layout.FLAG_PEER_TRACES) !== 0
    if (!traces && trace.isOnly) {
      this.#tellOfLink(one, hop, TRACE_ERRORS.onlyNotSupported)
      return
    }
    const headers = setHeader(headersAt(kernel, place), TRACE_HOP_HEADER, hop)
    const copy = copyWithHeaders(kernel, place, headers, one.variant?.subject ?? mapped)
    if (copy === undefined) {
      this.#tools.onOutOfMemory('a traced message is lost to a leaf link')
      return
    }
    links.send(copy, source, one.names, one.connection, one.generation)
    this.#tellOfLink(one, hop, traces ? '' : TRACE_ERRORS.notSupported)
  }

  #tellOfLink({ cid, name, variant }: Concerned, hop: string, error: string): void {
    const account = variant?.importer ?? this.#facts.account
    this.#active.trace.addEgress({ kind: TRACE_KIND_LEAF, cid, name, account, hop, error })
  }
}
