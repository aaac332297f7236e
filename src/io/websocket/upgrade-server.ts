import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { headersOf } from '../../protocol/websocket/handshake.ts'
import {
  browserTraits,
  type CookieCredentials,
  type CookieNames,
  checkUpgrade,
  cookieCredentials,
  forwardedIp,
  type UpgradePolicy,
  type UpgradeVerdict,
} from '../../protocol/websocket/upgrade-request.ts'

/** chosen: many times what browsers send; the heads of all handshakes under way are in memory */
const HEAD_BYTES_MAX = 64 * 1024

const STATUS_TEXTS = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
} as const

/** A request that was granted; nothing of HTTP is left in it. */
export interface UpgradedSocket {
  readonly kind: 'client' | 'leaf'
  readonly compress: boolean
  readonly noMasking: boolean
  readonly browser: 'none' | 'safari' | 'other'
  /** '' when no proxy told it. */
  readonly forwardedIp: string
  readonly cookies: CookieCredentials | undefined
}

export interface UpgradeServerOptions {
  readonly policy: UpgradePolicy
  readonly cookieNames: CookieNames
  /**
   * The response has been written; nobody listens to the socket, and nothing was read past the
   * request.
   */
  readonly onUpgraded: (socket: Socket, upgraded: UpgradedSocket) => void
  /** For the log; the client has its answer, and may try again or close. */
  readonly onRefused: (socket: Socket, reason: string) => void
}

/**
 * The HTTP side of the WebSocket listener: reads requests of sockets that somebody else accepts.
 * Refusals are what nats-server answers, byte for byte but for the date.
 *
 * Node's HTTP server reads the requests. It never listens, so it has no timers of its own: who
 * gives sockets to it has to end those that take too long.
 */
export class UpgradeServer {
  readonly #options: UpgradeServerOptions
  readonly #server: Server

  constructor(options: UpgradeServerOptions) {
    this.#options = options
    // Loaded when needed: most brokers have no such listener, and all of them many threads.
    const { createServer } = process.getBuiltinModule('node:http')
    this.#server = createServer({
      maxHeaderSize: HEAD_BYTES_MAX,
      requireHostHeader: false,
      keepAliveTimeout: 0,
      shouldUpgradeCallback: (request) =>
        hostFault(request) === undefined && this.#check(request).ok,
    })
    this.#server.on('upgrade', (request, socket, head) =>
      this.#onUpgrade(request, socket as Socket, head),
    )
    this.#server.on('request', (request, response) => this.#onRequest(request, response))
    this.#server.on('clientError', answerUnreadable)
  }

  /** @param socket from which nothing was read; a TLS socket after its handshake */
  take(socket: Socket): void {
    this.#server.emit('connection', socket)
    socket.resume()
  }

  #check(request: IncomingMessage): UpgradeVerdict {
    const { method = '', url = '', rawHeaders } = request
    const headers = headersOf(rawHeaders)
    return checkUpgrade({ method, target: url, headers }, this.#options.policy)
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { onRefused, onUpgraded, cookieNames } = this.#options
    const verdict = this.#check(request)
    if (!verdict.ok || head.length > 0) {
      onRefused(socket, 'client sent data before handshake is complete')
      socket.destroy()
      return
    }
    const { response, ...agreed } = verdict.upgrade
    const headers = headersOf(request.rawHeaders)
    const traits = browserTraits(headers)
    const isClient = agreed.kind === 'client'
    const browser = traits.isSafari ? 'safari' : 'other'
    socket.write(response)
    onUpgraded(socket, {
      ...agreed,
      browser: isClient && traits.isBrowser ? browser : 'none',
      forwardedIp: forwardedIp(headers),
      cookies: isClient ? cookieCredentials(headers, cookieNames) : undefined,
    })
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const fault = hostFault(request)
    if (fault !== undefined) {
      endWith(socket, fault)
      return
    }
    const verdict = this.#check(request)
    // A request with a body is no upgrade for Node's parser; nats-server closes those, too.
    const { status, reason } = verdict.ok
      ? ({ status: 400, reason: 'client sent data before handshake is complete' } as const)
      : verdict
    this.#options.onRefused(socket, reason)
    answer(response, status)
  }
}

/** What Go's HTTP server does not pass on to nats-server. */
function hostFault({ rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  const hosts = headersOf(rawHeaders).get('host') ?? []
  if (hosts.length > 1) return '400 Bad Request'
  if (hosts.length === 1 || httpVersion !== '1.1') return undefined
  return '400 Bad Request: missing required Host header'
}

function answer(response: ServerResponse, status: keyof typeof STATUS_TEXTS): void {
  const text = STATUS_TEXTS[status]
  const headers = [
    ...['Content-Type', 'text/plain; charset=utf-8'],
    ...['Sec-Websocket-Version', '13'],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Date', new Date().toUTCString()],
    ...['Content-Length', String(text.length + 1)],
  ]
  if (!response.shouldKeepAlive) headers.push('Connection', 'close')
  // Else Node would say keep-alive, which goes without saying.
  else response.removeHeader('Connection')
  response.sendDate = false
  response.writeHead(status, text, headers)
  response.end(`${text}\n`)
}

/** What came is no HTTP request that Node can read, or the connection broke. */
function answerUnreadable(error: NodeJS.ErrnoException, stream: NodeJS.WritableStream): void {
  const socket = stream as Socket
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'HPE_INVALID_VERSION'
        ? '505 HTTP Version Not Supported: unsupported protocol version'
        : '400 Bad Request'
  if (error.code?.startsWith('HPE_') && socket.writable) endWith(socket, status)
  else socket.destroy()
}

function endWith(socket: Socket, status: string): void {
  const headers = 'Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n'
  socket.write(`HTTP/1.1 ${status}\r\n${headers}\r\n${status}`)
  socket.destroySoon()
}
