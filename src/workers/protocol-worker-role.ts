import type { Socket } from 'node:net'
import type { Options } from '../config/options.ts'
import { adoptSocket, readSocket } from '../io/adopt-socket.ts'
import { Connection, type ConnectionLimits } from '../io/connection.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { threadField } from '../kernel/shared-memory.ts'
import type { ThreadLogger } from '../monitor/log/thread-logger.ts'
import type { ServerInfo } from '../protocol/info.ts'
import type { OperationLimits } from '../protocol/operation.ts'
import { ServiceImports } from './accounts/service-imports.ts'
import {
  type ClientFront,
  type ClientRequest,
  clientFront,
  frontRules,
  websocketFront,
} from './clients/client-front.ts'
import { ClientSession } from './clients/client-session.ts'
import type { ClientTlsAcceptor } from './clients/client-tls.ts'
import { EndedSubscriptions } from './clients/ended-subscriptions.ts'
import { hasGrantedRates } from './clients/ingress-budgets.ts'
import { InterestShare } from './clients/interest-share.ts'
import { LameDuck } from './clients/lame-duck.ts'
import { Logins } from './clients/logins.ts'
import type { ProxyProtocol } from './clients/proxy-protocol.ts'
import type { WebsocketListener } from './clients/websocket-listener.ts'
import type { IoThread, ThreadRole } from './io-thread/io-thread.ts'
import { traceFrames } from './messages/outbound-trace.ts'
import { ClientReload, type PreparedTls } from './reload/reconfigure-clients.ts'
import { ConnectionReports } from './reports/connection-reports.ts'
import { RouterProxy } from './router-proxy.ts'
import { SlotReader } from './subscriptions.ts'
import { ConnectionEvents } from './system/connection-events.ts'
import { RouterEvents, systemAccountName } from './system/router-events.ts'
import type { PeerMessage } from './threads/peer-messages.ts'
import type { ThreadSettings } from './threads/thread-settings.ts'
import { Tracer } from './tracing/tracer.ts'

/** What the main thread has decided about a connection. */
interface Admission {
  readonly cid: number
  /** max_connections is reached: say so and close. */
  readonly isRefused: boolean
}

/** A protocol worker: owns its clients' connections, end to end. */
export class ProtocolWorker implements ThreadRole {
  readonly thread: IoThread
  readonly kernel: Kernel
  options: Options
  readonly log: ThreadLogger
  readonly serverName: string
  readonly ingressBudgets: SharedArrayBuffer
  hasGrantedRates: boolean
  readonly logins: Logins
  readonly services: ServiceImports
  readonly tracer: Tracer
  readonly router: RouterProxy
  readonly endedSubscriptions: EndedSubscriptions
  readonly interestShare = new InterestShare()
  readonly slots: SlotReader
  limits: OperationLimits
  readonly lameDuck: LameDuck
  readonly reports: ConnectionReports
  readonly events: ConnectionEvents
  readonly reload: ClientReload
  /** What the first INFO of a client says otherwise than later ones. */
  readonly greeting: Partial<ServerInfo>
  /** Undefined where clients tell nothing of themselves before they speak. */
  proxy: ProxyProtocol | undefined
  /** Since the last reload was told of, from clients that may not have them any more. */
  removedSubscriptions = 0
  #front: ClientFront
  #websocketFront: ClientFront
  #settings: ThreadSettings
  #websocket: WebsocketListener | undefined
  #tls: ClientTlsAcceptor | undefined
  #connectionLimits: ConnectionLimits
  readonly #awaitingRouterWord: number
  #isEnding = false

  constructor(thread: IoThread, settings: ThreadSettings) {
    this.thread = thread
    this.kernel = thread.kernel
    this.log = thread.log
    const { options } = settings
    this.options = options
    this.#settings = settings
    const rules = frontRules(settings)
    this.#front = clientFront(settings, rules)
    this.#websocketFront = websocketFront(settings, rules, this.#front)
    this.serverName = settings.serverName
    this.ingressBudgets = settings.ingressBudgets
    this.hasGrantedRates = hasGrantedRates(options)
    this.logins = new Logins(thread)
    this.router = new RouterProxy(this.kernel)
    this.endedSubscriptions = new EndedSubscriptions(thread)
    this.services = new ServiceImports(thread, this.router, settings.serverName)
    this.tracer = new Tracer(thread, this.router, () => this.#settings)
    this.slots = new SlotReader(this.kernel)
    this.limits = { controlLineBytesMax: options.maxControlLine }
    this.#connectionLimits = limitsOf(options)
    this.reports = new ConnectionReports(thread, ({ session }) =>
      session instanceof ClientSession ? session : undefined,
    )
    this.lameDuck = new LameDuck(thread, () => this.#sessions())
    const system = systemAccountName(options)
    const toRouter = system === '' ? undefined : new RouterEvents(thread, this.router, system)
    this.events = new ConnectionEvents(this.kernel, () => toRouter)
    // The address of a proxy is none of its clients' business.
    this.greeting = options.proxyProtocol ? { clientIp: undefined } : {}
    this.reload = new ClientReload(this, () => this.#sessions())
    const { layout } = this.kernel
    this.#awaitingRouterWord =
      threadField(this.kernel, thread.thread, layout.THREAD_AWAITING_ROUTER) >> 2
    if (options.trace) this.tapOutbound()
  }

  // ── connections ───────────────────────────────────────────────────────────────────────────

  accept(source: Socket, cid: number, isRefused: boolean): void {
    if (this.#isEnding) {
      source.destroy()
      return
    }
    this.thread.beginTurn()
    const connection = this.#connect(source, cid)
    if (connection !== undefined) {
      const session = new ClientSession(this, connection, this.#front)
      connection.session = session
      const front = this.#tls ?? this.proxy
      if (front === undefined) {
        connection.attach(adoptSocket(source, connection))
        session.start(isRefused)
      } else {
        front.accept(source, session, isRefused)
      }
    }
    this.thread.endTurn()
  }

  /** Loads what the configuration asks for: HTTP and TLS take long to load. */
  async prepare(): Promise<void> {
    const { tls } = this.options
    if (tls !== undefined) {
      const { ClientTlsAcceptor } = await import('./clients/client-tls.ts')
      this.#tls = new ClientTlsAcceptor(this, tls, this.#settings.handshakeRate)
    }
    if (this.options.proxyProtocol) {
      const { ProxyProtocol } = await import('./clients/proxy-protocol.ts')
      this.proxy = new ProxyProtocol(this)
    }
    if (this.options.websocket.port === 0) return
    const { WebsocketListener } = await import('./clients/websocket-listener.ts')
    this.#websocket = new WebsocketListener(this)
  }

  /** @throws TlsFilesError, which the main thread should have come upon before */
  reloadTls(): void {
    this.#tls?.reload()
    this.#websocket?.reloadTls()
  }

  /** What is needed for the files of TLS in settings; the result throws TlsFilesError. */
  async loadTls({ options, handshakeRate }: ThreadSettings): Promise<() => PreparedTls> {
    const clients = options.tls && (await import('./clients/client-tls.ts'))
    const { port, tls } = options.websocket
    const sockets = port === 0 || !tls ? undefined : await import('../io/tls/server-tls.ts')
    return () => ({
      clients: clients && new clients.ClientTlsAcceptor(this, options.tls!, handshakeRate),
      websocket: sockets?.createServerTls(tls!),
    })
  }

  /**
   * Other settings, for connections that come from now on; those that are here are told one by one.
   *
   * @param tls undefined: what is in use stays
   */
  useSettings(settings: ThreadSettings, tls: PreparedTls | undefined): void {
    const { options } = settings
    this.#settings = settings
    this.options = options
    this.hasGrantedRates = hasGrantedRates(options)
    this.limits = { controlLineBytesMax: options.maxControlLine }
    this.#connectionLimits = limitsOf(options)
    const rules = frontRules(settings)
    this.#front = clientFront(settings, rules)
    this.#websocketFront = websocketFront(settings, rules, this.#front)
    this.thread.useOptions(options)
    if (tls !== undefined) this.#tls = tls.clients
    this.#websocket?.useSettings(tls?.websocket)
    if (options.trace) this.tapOutbound()
    else if (!this.#tracksReplies()) this.thread.outboundTap = undefined
  }

  #tracksReplies(): boolean {
    return this.#sessions().some(({ granted }) => granted?.tracksReplies)
  }

  frontOf(kind: ClientFront['kind']): ClientFront {
    return kind === 'websocket' ? this.#websocketFront : this.#front
  }

  takeRemovedSubscriptions(): number {
    const count = this.removedSubscriptions
    this.removedSubscriptions = 0
    return count
  }

  acceptWebsocket(source: Socket, cid: number, isRefused: boolean): void {
    if (this.#isEnding) source.destroy()
    else this.#websocket?.accept(source, cid, isRefused)
  }

  /** A client whose socket has been read from, up to the end of its HTTP request. */
  openWebsocket(
    source: Socket,
    { cid, isRefused }: Admission,
    request: ClientRequest,
    setCodec: (connection: Connection) => void,
  ): void {
    this.thread.beginTurn()
    const connection = this.#connect(source, cid)
    if (connection !== undefined) {
      const session = new ClientSession(this, connection, this.#websocketFront, request)
      connection.session = session
      setCodec(connection)
      // The handle of a socket that still has to write cannot change hands, and TLS has none.
      const isPlain = !('encrypted' in source) && source.writableLength === 0
      connection.attach(isPlain ? adoptSocket(source, connection) : source)
      session.start(isRefused)
      if (!isPlain) readSocket(source, connection)
    }
    this.thread.endTurn()
  }

  #connect(source: Socket, cid: number): Connection | undefined {
    const connection = Connection.create(this.thread, source, {
      cid,
      kind: this.kernel.layout.KIND_CLIENT,
      limits: this.#connectionLimits,
    })
    if (connection === undefined) {
      this.thread.uncountConnection()
      source.destroy()
    }
    return connection
  }

  closeAll(): void {
    this.#isEnding = true
    this.thread.beginTurn()
    // The news that the server ends may be among what has come last.
    this.thread.readLanesToEnd()
    for (const connection of this.thread.connections) connection?.close('serverShutdown')
    this.#websocket?.closeAll()
    this.thread.endTurn()
  }

  #sessions(): ClientSession[] {
    const sessions: ClientSession[] = []
    for (const connection of this.thread.connections) {
      if (!connection?.isOpen) continue
      if (connection.session instanceof ClientSession) sessions.push(connection.session)
    }
    return sessions
  }

  #sessionOf(slot: number): ClientSession | undefined {
    const { layout, words } = this.kernel
    const record = this.slots.connection(slot)
    const connection = this.thread.connections[words[(record + layout.CONNECTION_INDEX) >> 2]!]
    if (connection?.record !== record) return undefined
    return connection.session instanceof ClientSession ? connection.session : undefined
  }

  /** From now on somebody looks at what clients are sent. */
  tapOutbound(): void {
    this.thread.outboundTap = (connection, frames) => {
      const { session } = connection
      if (!(session instanceof ClientSession)) return
      session.granted?.onOutbound(frames)
      if (!this.options.trace) return
      traceFrames(frames, this.options, (line) => this.log.trace(session.prefix + line))
    }
  }

  // ── ThreadRole ────────────────────────────────────────────────────────────────────────────

  onRecord(_from: number, kind: number, slot: number, generation: number): void {
    const { layout, words } = this.kernel
    if (kind !== layout.RECORD_REFUSED) return
    if (words[(slot + layout.SUB_GENERATION) >> 2] !== generation) return
    this.#sessionOf(slot)?.onRefused(slot)
  }

  onExpired(slot: number): void {
    if (this.slots.isActive(slot)) this.#sessionOf(slot)?.onExpired(slot)
  }

  onTurnEnd(): void {
    this.events.flush()
    if (!this.router.hasBacklog) return
    this.router.flush()
    if (this.router.hasBacklog) this.thread.awaitRoom(this.kernel.layout.ROUTER_THREAD)
  }

  /** A new routing worker learns of subscriptions from their slots, not from us. */
  onPeerDied(thread: number): void {
    if (thread === this.kernel.layout.ROUTER_THREAD) this.router.reset()
  }

  onPeerConnected(thread: number): void {
    if (thread === this.kernel.layout.ROUTER_THREAD) this.logins.onRouterConnected()
  }

  onPeerMessage(_from: number, message: PeerMessage): void {
    this.logins.onMessage(message)
  }

  awaitRouter(connection: Connection): void {
    this.thread.awaitRouter(connection)
  }

  awaitsRouter(): boolean {
    const { words } = this.kernel
    Atomics.store(words, this.#awaitingRouterWord, 1)
    const position = this.router.position()
    if (position === undefined || !this.router.hasApplied(position)) return true
    Atomics.store(words, this.#awaitingRouterWord, 0)
    return false
  }
}

function limitsOf({ maxPending, writeDeadlineMs, writeTimeout }: Options): ConnectionLimits {
  return {
    pendingBytesMax: maxPending,
    writeDeadlineMs,
    isPatient: writeTimeout === 'retry',
  }
}
