import type { Socket } from 'node:net'
import { type Authenticator, createAuthenticator } from '../auth/authenticator.ts'
import { NATS_VERSION, SABLE_VERSION } from '../base/version.ts'
import type { Options } from '../config/options.ts'
import { adoptSocket } from '../io/adopt-socket.ts'
import { Connection } from '../io/connection.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { threadField } from '../kernel/shared-memory.ts'
import type { ThreadLogger } from '../monitor/log/thread-logger.ts'
import type { ServerInfo } from '../protocol/info.ts'
import type { OperationLimits } from '../protocol/operation.ts'
import { BcryptProxy } from './bcrypt-proxy.ts'
import { ClientSession } from './client-session.ts'
import type { IoThread, ThreadRole } from './io-thread.ts'
import { traceFrames } from './outbound-trace.ts'
import { RouterProxy } from './router-proxy.ts'
import { SlotReader } from './subscriptions.ts'
import type { ThreadSettings } from './thread-settings.ts'

/** nats-server says which Go built it; this says what runs here. */
const RUNTIME = `node${process.version}`
const API_LEVEL = 5

/** A protocol worker: owns its clients' connections, end to end. */
export class ProtocolWorker implements ThreadRole {
  readonly thread: IoThread
  readonly kernel: Kernel
  readonly options: Options
  readonly log: ThreadLogger
  readonly authenticator: Authenticator
  readonly bcrypt: BcryptProxy
  readonly router: RouterProxy
  readonly slots: SlotReader
  readonly limits: OperationLimits
  /** INFO of every client; client id and address come on top. */
  readonly info: ServerInfo
  readonly #awaitingRouterWord: number
  #isEnding = false

  constructor(thread: IoThread, settings: ThreadSettings) {
    this.thread = thread
    this.kernel = thread.kernel
    this.log = thread.log
    const { options } = settings
    this.options = options
    this.bcrypt = new BcryptProxy()
    const { user, pass: password, token } = options.authorization
    this.authenticator = createAuthenticator({ user, password, token }, (given, hash) =>
      this.bcrypt.verify(given, hash),
    )
    this.router = new RouterProxy(this.kernel)
    this.slots = new SlotReader(this.kernel)
    this.limits = { controlLineBytesMax: options.maxControlLine }
    this.info = clientInfo(settings, this.authenticator.required)
    const { layout } = this.kernel
    this.#awaitingRouterWord =
      threadField(this.kernel, thread.thread, layout.THREAD_AWAITING_ROUTER) >> 2
    if (options.trace) thread.outboundTap = (connection, frames) => this.#tap(connection, frames)
  }

  // ── connections ───────────────────────────────────────────────────────────────────────────

  accept(source: Socket, cid: number, isRefused: boolean): void {
    const { thread, kernel, options } = this
    if (this.#isEnding) {
      source.destroy()
      return
    }
    thread.beginTurn()
    const connection = Connection.create(thread, source, {
      cid,
      kind: kernel.layout.KIND_CLIENT,
      pendingBytesMax: options.maxPending,
    })
    if (connection === undefined) {
      source.destroy()
      thread.endTurn()
      return
    }
    const session = new ClientSession(this, connection)
    connection.session = session
    connection.attach(adoptSocket(source, connection))
    session.start(isRefused)
    thread.endTurn()
  }

  closeAll(): void {
    this.#isEnding = true
    this.thread.beginTurn()
    for (const connection of this.thread.connections) connection?.close('serverShutdown')
    this.thread.endTurn()
  }

  #sessionOf(slot: number): ClientSession | undefined {
    const { layout, words } = this.kernel
    const record = this.slots.connection(slot)
    const connection = this.thread.connections[words[(record + layout.CONNECTION_INDEX) >> 2]!]
    if (connection?.record !== record) return undefined
    return connection.session instanceof ClientSession ? connection.session : undefined
  }

  #tap(connection: Connection, frames: Uint8Array): void {
    const { session } = connection
    const prefix = session instanceof ClientSession ? session.prefix : ''
    traceFrames(frames, (line) => this.log.trace(prefix + line))
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

function clientInfo(settings: ThreadSettings, isAuthRequired: boolean): ServerInfo {
  const { options, identity, serverName, clientHost, clientPort } = settings
  return {
    serverId: identity.id,
    serverName,
    version: NATS_VERSION,
    proto: 1,
    go: RUNTIME,
    host: clientHost,
    port: clientPort,
    headers: !options.noHeaderSupport,
    authRequired: isAuthRequired,
    maxPayload: options.maxPayload,
    apiLevel: API_LEVEL,
    xkey: identity.xkey,
    sable: SABLE_VERSION,
  }
}
