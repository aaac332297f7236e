import type { IncomingMessage, RequestListener, Server, ServerOptions } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContext, SecureContextOptions } from 'node:tls'
import { listenOn } from '../../base/addresses.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { type AddedRoute, MonitorRouter } from './monitor-router.ts'

/** As nats-server's ReadHeaderTimeout; of TLS handshakes, too. */
const HEADERS_MS_MAX = 5000

/** With its body, which nobody reads. */
const REQUEST_MS_MAX = 10_000

/** How often those two are looked at. */
const CHECK_INTERVAL_MS = 1000

/** Longer than the usual intervals at which tools ask again. */
const IDLE_MS_MAX = 65_000

const HEADER_BYTES_MAX = 32 * 1024

/** Sockets at a time: a thousand that say nothing leave room for those who do. */
const SOCKETS_MAX = 1200

/** Requests that one socket may send before the first of them is answered. */
const PIPELINED_MAX = 16

/** Certificates for HTTPS. */
export interface MonitorTls {
  /** For clients that ask for no name. */
  readonly context: SecureContextOptions
  forName(name: string): SecureContext
}

export interface MonitorListener {
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
  readonly basePath: string
  /** Undefined: plain HTTP. */
  readonly tls: MonitorTls | undefined
  /** For tests: time for a request to come, or for a handshake. */
  readonly headersMs?: number | undefined
}

/**
 * The monitoring port. Bound first; requests wait until it is opened, when there is something to
 * show.
 */
export class HttpMonitor {
  readonly port: number
  readonly isTls: boolean
  readonly #server: Server
  readonly #basePath: string
  readonly #pipelined = new WeakMap<Socket, number>()
  readonly #opened = Promise.withResolvers<MonitorRouter | undefined>()
  #tls: MonitorTls | undefined

  private constructor(server: Server, { basePath, tls }: MonitorListener) {
    this.#server = server
    this.#basePath = basePath
    this.#tls = tls
    this.isTls = tls !== undefined
    this.port = (server.address() as AddressInfo).port
  }

  /**
   * Binds the port.
   *
   * @throws Error of the system when it cannot be bound, or of Node when the certificate is unfit
   */
  static async listen(listener: MonitorListener): Promise<HttpMonitor> {
    let monitor: HttpMonitor | undefined
    const server = await createServer(
      listener,
      (message, response) => void monitor?.handle(message, response),
      (name) => monitor?.secureContextFor(name),
    )
    server.maxConnections = SOCKETS_MAX
    await listenOn(server, { host: listener.host, port: listener.port })
    // What goes wrong with one socket later on ends that socket; there is nothing to be said.
    server.on('error', () => {})
    monitor = new HttpMonitor(server, listener)
    return monitor
  }

  /** Answers from now on. */
  open(context: MonitorContext, routes: readonly AddedRoute[] = []): void {
    const router = new MonitorRouter(context, this.#basePath)
    for (const route of routes) router.add(route)
    this.#opened.resolve(router)
  }

  /** New certificates for handshakes from now on. */
  replaceTls(tls: MonitorTls): void {
    this.#tls = tls
    ;(this.#server as SecureServer).setSecureContext(tls.context)
  }

  secureContextFor(name: string): SecureContext | undefined {
    return this.#tls?.forName(name)
  }

  async handle(message: IncomingMessage, response: Parameters<RequestListener>[1]): Promise<void> {
    const { socket } = message
    const waiting = (this.#pipelined.get(socket) ?? 0) + 1
    if (waiting > PIPELINED_MAX) {
      socket.destroy()
      return
    }
    this.#pipelined.set(socket, waiting)
    response.once('close', () => {
      this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1)
    })
    response.on('error', () => {})
    message.resume()
    const router = await this.#opened.promise
    if (router === undefined || response.destroyed) socket.destroy()
    else await router.handle(message, response)
  }

  /** Ends all connections at once: monitors come back by themselves. */
  close(): void {
    this.#opened.resolve(undefined)
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

async function createServer(
  { tls, headersMs = HEADERS_MS_MAX }: MonitorListener,
  onRequest: RequestListener,
  contextFor: (name: string) => SecureContext | undefined,
): Promise<Server> {
  const options: ServerOptions = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: headersMs,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: IDLE_MS_MAX,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, headersMs / 2),
  }
  if (tls === undefined) {
    const { createServer: create } = await import('node:http')
    return create(options, onRequest)
  }
  const { createServer: create } = await import('node:https')
  return create(
    {
      ...options,
      ...tls.context,
      handshakeTimeout: headersMs,
      SNICallback: (name, done) => done(null, contextFor(name)),
    },
    onRequest,
  )
}
