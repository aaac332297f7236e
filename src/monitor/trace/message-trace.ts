import { type GoJsonObject, type GoJsonValue, goJson } from '../../protocol/go-json.ts'
import { goTime } from '../../protocol/go-time.ts'
import type { TraceRequest } from './trace-headers.ts'

/** Numbers of nats-server for kinds of connections. */
export const TRACE_KIND_CLIENT = 0
export const TRACE_KIND_LEAF = 4

/** Why somebody did not get a message, in nats-server's words. */
export const TRACE_ERRORS = {
  onlyNotSupported: 'Not delivered because remote does not support message tracing',
  notSupported:
    'Message delivered but remote does not support message tracing so no trace event generated from there',
  noEcho: 'Not delivered because of no echo',
  publishDenied: 'Not delivered because publish denied for this subject',
  subscriptionDenies: 'Not delivered because subscription denies this subject',
  subscriptionClosed: 'Not delivered because subscription is closed',
  clientClosed: 'Not delivered because client is closed',
  autoUnsubscribed: 'Not delivered because auto-unsubscribe exceeded',
  notStalled: 'Not delivered because fast producer not stalled and consumer is slow',
} as const

/** Where the message came from. Text of the wire is latin1 here and below. */
export interface TraceIngress {
  readonly kind: typeof TRACE_KIND_CLIENT | typeof TRACE_KIND_LEAF
  readonly cid: number
  /** Of the client, or of the server at the other end; '' = none. */
  readonly name: string
  readonly account: string
  readonly subject: string
  /** Of header block and payload. */
  readonly bytes: number
}

/** Where it went, or should have gone. */
export interface TraceEgress {
  readonly kind: typeof TRACE_KIND_CLIENT | typeof TRACE_KIND_LEAF
  readonly cid: number
  readonly name: string
  readonly account: string
  /** A client's subscription; '' = none. */
  readonly subject?: string
  readonly queue?: string
  readonly hop?: string
  /** Of TRACE_ERRORS; '' = it got there. */
  readonly error?: string
}

/** Wire text as JSON takes it. */
function wire(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

function optional(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function optionalWire(text: string | undefined): Uint8Array | undefined {
  return text ? wire(text) : undefined
}

/** What happens to one message on this server. */
export class MessageTrace {
  readonly dest: string
  /** Nobody on this server gets the message. */
  readonly isOnly: boolean
  readonly encoding: TraceRequest['encoding']
  readonly ingress: TraceIngress
  readonly #request: TraceRequest
  readonly #nowNs: () => bigint
  readonly #startNs: bigint
  readonly #events: GoJsonObject[] = []
  #error = ''
  #hops = 0

  /** @param dest as the headers or the account say */
  constructor(request: TraceRequest, dest: string, ingress: TraceIngress, nowNs: () => bigint) {
    this.#request = request
    this.dest = dest
    this.isOnly = request.isOnly
    this.encoding = request.encoding
    this.ingress = ingress
    this.#nowNs = nowNs
    this.#startNs = nowNs()
  }

  /** The message was not taken. */
  setError(text: string): void {
    this.#error = text
  }

  /** Value of the hop header for the next server. Each of them gets one of its own. */
  nextHop(): string {
    this.#hops++
    const { hop } = this.#request
    const before = this.ingress.kind === TRACE_KIND_CLIENT ? '' : hop
    return before === '' ? `${this.#hops}` : `${before}.${this.#hops}`
  }

  get hops(): number {
    return this.#hops
  }

  addMapping(to: string): void {
    this.#add('sm', { to: wire(to) })
  }

  addStreamExport(account: string, to: string): void {
    this.#add('se', { acc: account, to: wire(to) })
  }

  addServiceImport(account: string, from: string, to: string): void {
    this.#add('si', { acc: account, from: wire(from), to: wire(to) })
  }

  addEgress({ kind, cid, name, account, subject, queue, hop, error }: TraceEgress): void {
    this.#add('eg', {
      kind,
      cid,
      name: optional(name),
      hop: optional(hop),
      acc: account === this.ingress.account ? undefined : account,
      sub: optionalWire(subject),
      queue: optionalWire(queue),
      error: optional(error),
    })
  }

  #add(type: string, members: GoJsonObject): void {
    this.#events.push({ type, ts: goTime(this.#nowNs()), ...members })
  }

  /** The event's JSON. @param server see serverInfoSource */
  encode(server: GoJsonObject): string {
    const { kind, cid, name, account, subject, bytes } = this.ingress
    const first: GoJsonObject = {
      type: 'in',
      ts: goTime(this.#startNs),
      kind,
      cid,
      name: optional(name),
      acc: account,
      subj: wire(subject),
      error: optional(this.#error),
    }
    return goJson({
      server,
      request: { header: this.#headerJson(), msgsize: bytes === 0 ? undefined : bytes },
      hops: this.#hops === 0 ? undefined : this.#hops,
      events: [first, ...this.#events],
    })
  }

  /** Sorted by name, as Go writes maps. */
  #headerJson(): GoJsonObject {
    const sorted = [...this.#request.headers].sort(([a], [b]) => (a < b ? -1 : 1))
    const json: Record<string, GoJsonValue> = Object.create(null)
    for (const [name, values] of sorted) json[wire(name).toString()] = values.map(wire)
    return json
  }
}
