import type { Socket } from 'node:net'
import { authoritySettings } from '../auth/authority-settings.ts'
import type { Options } from '../config/options.ts'
import { adoptSocket, readSocket } from '../io/adopt-socket.ts'
import { Connection, type ConnectionLimits } from '../io/connection.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { threadField } from '../kernel/shared-memory.ts'
import type { ThreadLogger } from '../monitor/log/thread-logger.ts'
import type { OperationLimits } from '../protocol/operation.ts'
import { ServiceImports } from './accounts/service-imports.ts'
import {
  type ClientFront,
  type ClientRequest,
  clientFront,
  websocketFront,
} from './client-front.ts'
import { ClientSession } from './client-session.ts'
import type { ClientTlsAcceptor } from './client-tls.ts'
import type { IoThread, ThreadRole } from './io-thread.ts'
import { LameDuck } from './lame-duck.ts'
import { Logins } from './logins.ts'
import { traceFrames } from './outbound-trace.ts'
import type { PeerMessage } from './peer-messages.ts'
import { RouterProxy } from './router-proxy.ts'
import { SlotReader } from './subscriptions.ts'
import type { ThreadSettings } from './thread-settings.ts'
import type { WebsocketListener } from './websocket-listener.ts'

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
  readonly options: Options
  readonly log: ThreadLogger
  readonly serverName: string
  readonly logins: Logins
  readonly services: ServiceImports
  readonly router: RouterProxy
  readonly slots: SlotReader
  readonly limits: OperationLimits
  readonly lameDuck: LameDuck
  readonly #front: ClientFront
  readonly #websocketFront: ClientFront
  readonly #settings: ThreadSettings
  #websocket: WebsocketListener | undefined
  #tls: ClientTlsAcceptor | undefined
  readonly #connectionLimits: ConnectionLimits
  readonly #awaitingRouterWord: number
  #isEnding = false

  constructor(thread: IoThread, settings: ThreadSettings) {
    this.thread = thread
    this.kernel = thread.kernel
    this.log = thread.log
    const { options } = settings
    this.options = options
    this.#settings = settings
    const rules = authoritySettings(options, settings.implicitUser)
    this.#front = clientFront(settings, rules)
    this.#websocketFront = websocketFront(settings, rules, this.#front)
    this.serverName = settings.serverName
    this.logins = new Logins(thread)
    this.router = new RouterProxy(this.kernel)
    this.services = new ServiceImports(thread, this.router, settings.serverName)
    this.slots = new SlotReader(this.kernel)
    this.limits = { controlLineBytesMax: options.maxControlLine }
    this.#connectionLimits = {
      pendingBytesMax: options.maxPending,
      writeDeadlineMs: options.writeDeadlineMs,
      isPatient: false,
    }
    this.lameDuck = new LameDuck(thread, () => this.#sessions())
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
      if (this.#tls === undefined) {
        connection.attach(adoptSocket(source, connection))
        session.start(isRefused)
      } else {
        this.#tls.accept(source, session, isRefused)
      }
    }
    this.thread.endTurn()
  }

  /** Loads what the configuration asks for: HTTP and TLS take long to load. */
  async prepare(): Promise<void> {
    const { tls } = this.options
    if (tls !== undefined) {
      const { ClientTlsAcceptor } = await import('./client-tls.ts')
      this.#tls = new ClientTlsAcceptor(this, tls, this.#settings.handshakeRate)
    }
    if (this.options.websocket.port === 0) return
    const { WebsocketListener } = await import('./websocket-listener.ts')
    this.#websocket = new WebsocketListener(this)
  }

  /** @throws TlsFilesError, which the main thread should have come upon before */
  reloadTls(): void {
    this.#tls?.reload()
    this.#websocket?.reloadTls()
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
      traceFrames(frames, (line) => this.log.trace(session.prefix + line))
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
