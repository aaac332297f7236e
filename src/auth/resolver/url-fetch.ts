import type { ClientRequest, IncomingMessage, Agent as PlainAgent } from 'node:http'
import type { AgentOptions } from 'node:https'
import { systemErrorReason } from '../../base/errors.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { ResolverError } from './resolver-error.ts'
import { STORED_BYTES_MAX } from './store-files.ts'

/** `resolver_tls`: whom to trust, and as whom to come. */
export type UrlTls = Pick<
  AgentOptions,
  'ca' | 'cert' | 'key' | 'ciphers' | 'ecdhCurve' | 'minVersion' | 'rejectUnauthorized'
>

// Go's net/http, as nats-server sets it up.
const IDLE_SOCKETS_MAX = 10
const IDLE_MS = 30_000
const REDIRECTS_MAX = 10
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308])
const STATUS_OK = 200

const TIMEOUT_TEXT = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
const BODY_TIMEOUT_TEXT =
  'context deadline exceeded (Client.Timeout or context cancellation while reading body)'

/** What is needed of node:http or node:https. */
interface Transport {
  readonly agent: PlainAgent
  get(url: URL, options: { agent: PlainAgent }, onResponse: OnResponse): ClientRequest
}
type OnResponse = (response: IncomingMessage) => void

/** The request under way, to be ended from outside. */
interface Attempt {
  request: ClientRequest | undefined
  isOver: boolean
}

/**
 * GET with a limit on everything: time, redirects, bytes. Node's HTTP is loaded when it is first
 * used, and sockets are used again.
 */
export class UrlFetch {
  readonly #timeoutMs: number
  readonly #after: (ms: number, run: () => void) => () => void
  readonly #tls: UrlTls
  readonly #transports = new Map<string, Promise<Transport>>()

  constructor(
    timeoutMs: number,
    after: (ms: number, run: () => void) => () => void,
    tls: UrlTls = {},
  ) {
    this.#timeoutMs = timeoutMs
    this.#after = after
    this.#tls = tls
  }

  /**
   * The body of a 200 answer, one character for each byte.
   *
   * @throws ResolverError as Go's client would word it, without the password of the URL
   */
  async get(url: string): Promise<string> {
    const attempt: Attempt = { request: undefined, isOver: false }
    let response: IncomingMessage | undefined
    let timedOut: () => void = () => {}
    const late = new Promise<never>((_, reject) => {
      timedOut = (): void => {
        reject(response ? new ResolverError(BODY_TIMEOUT_TEXT) : failedGet(url, TIMEOUT_TEXT))
      }
    })
    const cancel = this.#after(this.#timeoutMs, timedOut)
    try {
      response = await Promise.race([this.#follow(url, attempt), late])
      return await Promise.race([readBody(url, response), late])
    } finally {
      cancel()
      attempt.isOver = true
      // Ends what is still under way; an answer that was read to its end is past that.
      if (response?.complete !== true) attempt.request?.destroy()
    }
  }

  async close(): Promise<void> {
    for (const transport of this.#transports.values()) (await transport).agent.destroy()
  }

  async #follow(start: string, attempt: Attempt): Promise<IncomingMessage> {
    let url = start
    for (let redirects = 0; ; redirects++) {
      const response = await this.#once(start, url, attempt)
      const { statusCode = 0, statusMessage = '', headers } = response
      if (statusCode === STATUS_OK) return response
      // Not read: the socket is of no use afterwards.
      response.destroy()
      if (!REDIRECT_STATUSES.has(statusCode) || headers.location === undefined) {
        throw failed(start, `${statusCode} ${statusMessage}`)
      }
      const next = URL.parse(headers.location, url)?.href
      if (next === undefined) throw failedGet(start, 'failed to parse Location header')
      if (redirects === REDIRECTS_MAX - 1) {
        throw failed(start, `${getOf(next)}: stopped after ${REDIRECTS_MAX} redirects`)
      }
      url = next
    }
  }

  async #once(
    start: string,
    address: string,
    attempt: Attempt,
    isRetry = false,
  ): Promise<IncomingMessage> {
    const url = URL.parse(address)
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      const scheme = url === null ? '' : url.protocol.slice(0, -1)
      throw failed(start, `${getOf(address)}: unsupported protocol scheme ${goQuote(scheme)}`)
    }
    const transport = await this.#transport(url.protocol)
    let request: ClientRequest | undefined
    try {
      return await new Promise((resolve, reject) => {
        request = transport.get(url, { agent: transport.agent }, resolve)
        request.on('error', reject)
        attempt.request = request
      })
    } catch (error) {
      // The other side may close an idle socket at the moment it is used again.
      if (!isRetry && !attempt.isOver && request?.reusedSocket === true) {
        return this.#once(start, address, attempt, true)
      }
      throw failed(start, `${getOf(address)}: ${connectReason(error)}`, error)
    }
  }

  #transport(protocol: string): Promise<Transport> {
    const known = this.#transports.get(protocol)
    if (known !== undefined) return known
    const loaded = this.#load(protocol)
    this.#transports.set(protocol, loaded)
    return loaded
  }

  async #load(protocol: string): Promise<Transport> {
    const idle = { keepAlive: true, maxFreeSockets: IDLE_SOCKETS_MAX, timeout: IDLE_MS }
    if (protocol === 'http:') {
      const { Agent, get } = await import('node:http')
      return { agent: new Agent(idle), get }
    }
    const { Agent, get } = await import('node:https')
    return { agent: new Agent({ ...idle, ...this.#tls }), get }
  }
}

async function readBody(url: string, response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > STORED_BYTES_MAX) {
        throw failed(url, `body has more than ${STORED_BYTES_MAX} bytes`)
      }
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof ResolverError) throw error
    throw failed(url, 'unexpected EOF', error)
  }
  return Buffer.concat(chunks).toString('latin1')
}

function failed(url: string, reason: string, cause?: unknown): ResolverError {
  return new ResolverError(
    `could not fetch <${goQuote(withoutPassword(url, 'xxxxx'))}>: ${reason}`,
    cause,
  )
}

function failedGet(url: string, reason: string): ResolverError {
  return failed(url, `${getOf(url)}: ${reason}`)
}

/** How net/http names a request in its errors. */
function getOf(url: string): string {
  return `Get ${goQuote(withoutPassword(url, '***'))}`
}

function withoutPassword(url: string, mask: string): string {
  const parsed = url.includes('@') ? URL.parse(url) : null
  if (parsed === null || parsed.password === '') return url
  parsed.password = ''
  return parsed.href.replace('@', `:${mask}@`)
}

function connectReason(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const { syscall, address, port } = first as {
    syscall?: unknown
    address?: unknown
    port?: unknown
  }
  const reason = systemErrorReason(first)
  if (syscall === 'connect' && typeof address === 'string') {
    const host = address.includes(':') ? `[${address}]` : address
    return `dial tcp ${host}:${String(port)}: connect: ${reason}`
  }
  return reason
}
