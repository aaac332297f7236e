import type { ServerResponse } from 'node:http'
import { isValidSubject } from '../../protocol/subjects.ts'
import { ParameterError, type Query } from '../endpoints/query.ts'
import type { AddedRoute, MonitorHandler, MonitorRequest } from '../http/monitor-router.ts'
import { TAP_RATE_DEFAULT, TAP_RATE_MAX, type TapSample } from './tap-sample.ts'

/** What somebody wants to see. */
export interface TapWish {
  readonly subject: string
  /** '' = all accounts. */
  readonly account: string
  /** Samples a second on each thread, at most. */
  readonly rate: number
}

/** Opens taps. */
export interface TapHub {
  open(
    wish: TapWish,
    onSample: (sample: TapSample) => void,
  ): { close(): void } | 'too many' | 'no account'
}

interface TapLimits {
  /** Samples after which it ends; 0 = never. */
  readonly limit: number
  readonly durationMs: number
}

/** A tap that nobody has ended by then ends by itself. Chosen. */
const DURATION_S_MAX = 3600
const MS_PER_S = 1000
/** Something is sent this often, so that readers that are gone are noticed. Chosen. */
const BEAT_MS = 10_000
/** Bytes that may wait for a reader; samples beyond are lost to it. Chosen. */
const UNREAD_BYTES_MAX = 256 * 1024
const JSON_TYPE = 'application/json'
const LINES_TYPE = 'application/x-ndjson'
const EVENTS_TYPE = 'text/event-stream'

function readWish(query: Query): TapWish {
  const subject = query.text('subject') || '>'
  if (!isValidSubject(subject)) throw new ParameterError(`Invalid subject '${subject}'`)
  const rate = query.uint64('rate') || TAP_RATE_DEFAULT
  return { subject, account: query.text('account'), rate: Math.min(rate, TAP_RATE_MAX) }
}

function readLimits(query: Query): TapLimits {
  const seconds = query.uint64('seconds') || DURATION_S_MAX
  return {
    limit: query.uint64('limit'),
    durationMs: Math.min(seconds, DURATION_S_MAX) * MS_PER_S,
  }
}

/** By the parameter `format`, `events` or `lines`, or by what the client accepts. */
function wantsEvents({ message, query }: MonitorRequest): boolean {
  const format = query.text('format')
  if (format !== '') {
    if (format !== 'events' && format !== 'lines') {
      throw new ParameterError(`Invalid format '${format}': it is 'events' or 'lines'`)
    }
    return format === 'events'
  }
  return message.headers.accept?.includes(EVENTS_TYPE) === true
}

/** `/tapz`: a live view of where messages go, one JSON object for each. */
export function tapRoute(hub: TapHub): AddedRoute {
  return { path: '/tapz', title: 'Tap', handler: tapHandler(hub) }
}

function tapHandler(hub: TapHub): MonitorHandler {
  return (request, response) => {
    const { query, send } = request
    const wish = readWish(query)
    const limits = readLimits(query)
    const stream = new TapStream(response, wantsEvents(request), limits)
    const tap = hub.open(wish, (sample) => stream.show(sample))
    if (tap === 'too many') {
      const body = '{"error":"too many taps are open"}\n'
      return send({ status: 503, contentType: JSON_TYPE, body })
    }
    if (tap === 'no account') {
      return send({ status: 404, contentType: JSON_TYPE, body: '{"error":"no such account"}\n' })
    }
    stream.start(wish, () => tap.close())
  }
}

/** One reader of a tap: lines of JSON, or server-sent events. */
class TapStream {
  readonly #response: ServerResponse
  readonly #isEvents: boolean
  readonly #limits: TapLimits
  #samples = 0
  #lost = 0
  #isOver = false
  #onEnd = () => {}

  constructor(response: ServerResponse, isEvents: boolean, limits: TapLimits) {
    this.#response = response
    this.#isEvents = isEvents
    this.#limits = limits
  }

  /** @param onEnd called once: nothing more is to be shown */
  start(wish: TapWish, onEnd: () => void): void {
    const response = this.#response
    const beat = setInterval(() => this.#beat(), BEAT_MS).unref()
    const end = setTimeout(() => this.#end('time'), this.#limits.durationMs).unref()
    this.#onEnd = () => {
      clearInterval(beat)
      clearTimeout(end)
      onEnd()
    }
    response.once('close', () => this.#finish())
    response.writeHead(200, {
      'Content-Type': this.#isEvents ? EVENTS_TYPE : LINES_TYPE,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    this.#write('open', { ...wish, account: wish.account || undefined })
  }

  show(sample: TapSample): void {
    if (this.#isOver || !this.#response.headersSent) return
    if (this.#response.writableLength > UNREAD_BYTES_MAX) {
      this.#lost++
      return
    }
    if (this.#lost > 0) this.#write('lost', { lost: this.#lost })
    this.#lost = 0
    this.#write('sample', sample)
    this.#samples++
    if (this.#samples === this.#limits.limit) this.#end('limit')
  }

  #write(event: string, data: object): void {
    const text = JSON.stringify(this.#isEvents || event === 'sample' ? data : { [event]: data })
    this.#response.write(this.#isEvents ? `event: ${event}\ndata: ${text}\n\n` : `${text}\n`)
  }

  #beat(): void {
    if (this.#response.writableLength < UNREAD_BYTES_MAX) {
      this.#response.write(this.#isEvents ? ':\n\n' : '\n')
    }
  }

  #end(why: 'limit' | 'time'): void {
    if (this.#isOver) return
    this.#write('end', { why, samples: this.#samples, lost: this.#lost })
    this.#response.end()
    this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onEnd()
  }
}
