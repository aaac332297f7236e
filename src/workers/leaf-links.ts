import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type Authenticator, createLeafAuthenticator } from '../auth/authenticator.ts'
import { systemErrorReason } from '../base/errors.ts'
import { NATS_VERSION, SABLE_VERSION } from '../base/version.ts'
import { parseAdvertise } from '../config/host-port.ts'
import type { Options } from '../config/options.ts'
import { adoptSocket } from '../io/adopt-socket.ts'
import { Connection } from '../io/connection.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { threadField } from '../kernel/shared-memory.ts'
import { connectionPrefix } from '../monitor/log/connection-prefix.ts'
import type { ConnectOptions } from '../protocol/connect.ts'
import type { ServerInfo } from '../protocol/info.ts'
import type { OperationLimits } from '../protocol/operation.ts'
import { AcceptSession, type LeafAdmission } from '../router/leaf/accept-session.ts'
import {
  type InterestChange,
  LeafInterest,
  type LocalInterest,
} from '../router/leaf/leaf-interest.ts'
import { leafBaseInfo, leafClusterName } from '../router/leaf/leaf-server-info.ts'
import type { LeafSessionOptions } from '../router/leaf/leaf-session.ts'
import type { LeafInterestSink, LeafLog, LeafServer } from '../router/leaf/leaf-types.ts'
import { LeafRemote } from '../router/leaf/remote.ts'
import { addressText, type RemoteAddress } from '../router/leaf/remote-urls.ts'
import { SolicitSession } from '../router/leaf/solicit-session.ts'
import { BcryptProxy } from './bcrypt-proxy.ts'
import { ConnectionIds } from './connection-ids.ts'
import type { IoThread } from './io-thread.ts'
import { LeafConnection } from './leaf-connection.ts'
import { traceFrames } from './outbound-trace.ts'
import type { ThreadSettings } from './thread-settings.ts'

const GLOBAL_ACCOUNT = '$G'
/** nats-server's protocol level of servers that do not trace messages. */
const LEAF_PROTOCOL = 1
const API_LEVEL = 5
const NONCE_BYTES = 11
const DIAL_TIMEOUT_MS = 1000 // nats-server DEFAULT_LEAF_NODE dial timeout
const FIRST_INFO_TIMEOUT_MS = 1000 // nats-server first_info_timeout
/** Leaf links may have any amount pending (nats-server): as u32 the largest number. */
const NO_PENDING_LIMIT = -1

/** All leaf links of the routing worker: accepts them, dials them, and keeps their interest. */
export class LeafLinks {
  readonly thread: IoThread
  readonly kernel: Kernel
  readonly options: Options
  readonly limits: OperationLimits
  readonly bcrypt = new BcryptProxy()
  readonly connectionIds = new ConnectionIds()
  readonly #interest: LeafInterest
  readonly #server: LeafServer
  readonly #baseInfo: ServerInfo
  readonly #authenticator: Authenticator
  readonly #byIndex: (LeafConnection | undefined)[] = []
  readonly #clusters = new Map<string, number>()
  readonly #remotes: LeafRemote[] = []
  #lastPlanKey = 0
  #isEnding = false

  constructor(
    thread: IoThread,
    settings: ThreadSettings,
    localInterest: () => Iterable<LocalInterest>,
  ) {
    const { options } = settings
    this.thread = thread
    this.kernel = thread.kernel
    this.options = options
    this.limits = { controlLineBytesMax: options.maxControlLine }
    this.#interest = new LeafInterest(localInterest)
    this.#server = leafServer(settings)
    this.#baseInfo = leafInfo(settings, this.#server)
    const { user, pass: password, token } = options.authorization
    const leafUser = options.leafnodes.authorization
    this.#authenticator = createLeafAuthenticator(
      { user: leafUser.user, password: leafUser.pass },
      { user, password, token },
      (given, hash) => this.bcrypt.verify(given, hash),
    )
    if (options.trace) {
      thread.outboundTap = (connection, frames) => {
        const prefix = this.#byIndex[connection.index]?.prefix ?? ''
        traceFrames(frames, (line) => thread.log.trace(prefix + line))
      }
    }
  }

  /** Whether anybody is to be told of interest. */
  get hasLinks(): boolean {
    return this.#interest.size > 0
  }

  /** The sublist has changed. */
  onInterest(change: InterestChange): void {
    this.#interest.onInterest(change)
  }

  /** Plans of a link are told apart from all others, also those of links that ended. */
  takePlanKey(): number {
    return ++this.#lastPlanKey
  }

  /** Number of a cluster name, 0 for none. */
  numberOfCluster(name: string): number {
    if (name === '') return 0
    const known = this.#clusters.get(name)
    if (known !== undefined) return known
    const number = this.#clusters.size + 1
    this.#clusters.set(name, number)
    return number
  }

  // ── accepted links ────────────────────────────────────────────────────────────────────────

  accept(source: Socket, cid: number): void {
    if (this.#isEnding) {
      source.destroy()
      return
    }
    const link = this.#connection(source, cid)
    if (link === undefined) return
    const { leafnodes } = this.options
    const session = new AcceptSession({
      ...this.#common(link, () => {}),
      baseInfo: this.#baseInfo,
      clientId: cid,
      nonce: randomBytes(NONCE_BYTES).toString('base64url'),
      authTimeoutMs: leafnodes.authorization.timeoutMs,
      minVersion: '',
      authenticate: (connect) => this.#admit(connect),
    })
    link.connection.attach(adoptSocket(source, link.connection))
    link.start(session)
  }

  #admit(connect: ConnectOptions): LeafAdmission | Promise<LeafAdmission> {
    const { user, pass, authToken: token } = connect
    const verdict = this.#authenticator.authenticate({ user, pass, token })
    return typeof verdict === 'boolean' ? admission(verdict) : verdict.then(admission)
  }

  /** Without memory there is no link, and the socket is closed. */
  #connection(source: Socket, cid: number): LeafConnection | undefined {
    const connection = Connection.create(this.thread, source, {
      cid,
      kind: this.kernel.layout.KIND_LEAF,
      pendingBytesMax: NO_PENDING_LIMIT,
    })
    if (connection === undefined) {
      source.destroy()
      return undefined
    }
    const link = new LeafConnection(
      this,
      connection,
      connectionPrefix('leaf', connection.remote, cid),
    )
    connection.session = link
    this.#byIndex[connection.index] = link
    return link
  }

  #common(link: LeafConnection, onEnd: (penaltyMs: number) => void): LeafSessionOptions {
    const { options } = this
    return {
      link,
      server: this.#server,
      interest: this.#interest,
      sink: this.#sink(link),
      log: this.#log(link.prefix),
      times: { pingIntervalMs: options.pingIntervalMs, pingsOutMax: options.pingMax },
      compression: options.leafnodes.compression === 'not supported' ? 'not supported' : 'off',
      subscriptionsMax: options.maxSubscriptions > 0 ? options.maxSubscriptions : Infinity,
      isIsolated: false,
      nowMs: () => performance.now(),
      random: Math.random,
      onEnd: (_reason, penaltyMs) => onEnd(penaltyMs),
    }
  }

  #log(prefix: string): LeafLog {
    const { log } = this.thread
    return {
      info: (text) => log.info(prefix + text),
      warn: (text) => log.warn(prefix + text),
      error: (text) => log.error(prefix + text),
      debug: (text) => log.debug(prefix + text),
      trace: (text) => log.trace(prefix + text),
      isTracing: log.traceEnabled,
    }
  }

  onClosed(link: LeafConnection): void {
    this.#byIndex[link.connection.index] = undefined
    // The session has withdrawn all it knew of; nothing may outlive the link.
    for (const entry of link.entries.values()) this.kernel.exports.removeEntry(entry)
    link.entries.clear()
  }

  // ── what peers want, in the sublist ───────────────────────────────────────────────────────

  #sink(link: LeafConnection): LeafInterestSink {
    return {
      subscribe: (_link, key, subject, queue, weight) =>
        this.#subscribe(link, key, subject, queue ?? '', weight),
      unsubscribe: (_link, key) => {
        const entry = link.entries.get(key)
        if (entry === undefined) return
        link.entries.delete(key)
        this.kernel.exports.removeEntry(entry)
      },
    }
  }

  #subscribe(
    link: LeafConnection,
    key: string,
    subject: string,
    queue: string,
    weight: number,
  ): boolean {
    const { exports, layout, words } = this.kernel
    const known = link.entries.get(key)
    if (known !== undefined) {
      exports.setWeight(known, weight)
      return true
    }
    const { record } = link.connection
    const text = Buffer.from(subject + queue, 'latin1')
    const at = exports.allocate(text.length)
    if (at === 0) return false
    this.kernel.bytes.set(text, at)
    const entry = exports.insertEntry(
      at,
      subject.length,
      at + subject.length,
      queue.length,
      record,
      words[(record + layout.CONNECTION_GENERATION) >> 2]!,
      layout.ROUTER_THREAD,
      weight,
    )
    exports.release(at, text.length)
    if (entry === 0) return false
    link.entries.set(key, entry)
    return true
  }

  // ── solicited links ───────────────────────────────────────────────────────────────────────

  /** Dials all remotes, and keeps dialling. */
  startRemotes(): void {
    const { options, thread } = this
    for (const { urls } of options.leafnodes.remotes) {
      const remote: LeafRemote = new LeafRemote({
        urls,
        noRandomize: false,
        ignoresDiscovered: false,
        reconnectMs: options.leafnodes.reconnectMs,
        connectErrorReports: options.connectErrorReports,
        reconnectErrorReports: options.reconnectErrorReports,
        dial: (address, signal) => this.#dial(remote, address, signal),
        nowMs: () => performance.now(),
        random: Math.random,
        log: thread.log,
      })
      this.#remotes.push(remote)
      remote.start()
      this.#scheduleRemote(remote)
    }
  }

  #scheduleRemote(remote: LeafRemote): void {
    const dueMs = remote.nextDeadlineMs()
    if (this.#isEnding || !Number.isFinite(dueMs)) return
    this.thread.deadlines.at(dueMs, () => {
      const attempt = remote.onTimer(performance.now())
      if (attempt === undefined) this.#scheduleRemote(remote)
      else void attempt.then(() => this.#scheduleRemote(remote))
    })
  }

  async #dial(remote: LeafRemote, address: RemoteAddress, signal: AbortSignal): Promise<void> {
    const cid = await this.connectionIds.take()
    let link: LeafConnection | undefined
    const socket = connect({
      host: address.host,
      port: address.port,
      noDelay: true,
      onread: {
        buffer: () => link?.connection.readTarget() ?? this.thread.readView,
        callback: (bytes) => link?.connection.onRead(bytes) ?? false,
      },
    })
    await connected(socket, address, signal)
    link = this.#connection(socket, cid)
    if (link === undefined) throw new Error('shared memory is exhausted')
    this.#countConnection()
    link.connection.attach(socket)
    const session = new SolicitSession({
      ...this.#common(link, (penaltyMs) => {
        remote.onLinkEnd(penaltyMs)
        this.#scheduleRemote(remote)
      }),
      isHub: false,
      denyImports: [],
      denyExports: [],
      requestsIsolation: false,
      firstInfoTimeoutMs: FIRST_INFO_TIMEOUT_MS,
      credentials: () => remote.urls.credentials(address),
      onDiscovered: (hostPorts) => remote.onDiscovered(hostPorts),
    })
    link.start(session)
  }

  /** Accepted connections were counted by the main thread. */
  #countConnection(): void {
    const { layout, words } = this.kernel
    const at = threadField(this.kernel, layout.ROUTER_THREAD, layout.THREAD_CONNECTIONS) >> 2
    Atomics.add(words, at, 1)
  }

  closeAll(): void {
    this.#isEnding = true
    for (const remote of this.#remotes) remote.stop()
    this.thread.beginTurn()
    for (const connection of this.thread.connections) connection?.close('serverShutdown')
    this.thread.endTurn()
  }
}

function admission(isRight: boolean): LeafAdmission {
  return isRight ? { ok: true } : { ok: false, why: 'authorization' }
}

/** Resolves when the connection stands; rejects with the text that the log shows. */
function connected(socket: Socket, address: RemoteAddress, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer)
      socket.destroy()
      reject(new Error(`dial tcp ${addressText(address)}: ${reason}`))
    }
    const timer = setTimeout(() => fail('i/o timeout'), DIAL_TIMEOUT_MS)
    signal.addEventListener('abort', () => fail('operation was canceled'), { once: true })
    socket.once('error', (error) => fail(`connect: ${systemErrorReason(error)}`))
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve()
    })
  })
}

function leafServer({ options, identity, serverName }: ThreadSettings): LeafServer {
  return {
    id: identity.id,
    name: serverName,
    version: NATS_VERSION,
    cluster: leafClusterName({
      configuredCluster: '',
      generatedCluster: '',
      configuredServerName: options.serverName,
      hasRemotes: options.leafnodes.remotes.length > 0,
    }),
    domain: '',
    headers: !options.noHeaderSupport,
    jetstream: false,
    protocol: LEAF_PROTOCOL,
    account: GLOBAL_ACCOUNT,
  }
}

function leafInfo({ options, leafPort }: ThreadSettings, server: LeafServer): ServerInfo {
  const { host, advertise } = options.leafnodes
  const place = parseAdvertise(advertise, leafPort) ?? { host: reachableHost(host), port: leafPort }
  return leafBaseInfo(server, {
    go: `node${process.version}`,
    host: place.host,
    port: place.port,
    maxPayload: options.maxPayload,
    tlsRequired: false,
    tlsVerify: false,
    apiLevel: API_LEVEL,
    sable: SABLE_VERSION,
  })
}

/** A wildcard is no address to connect to: the first one that others can reach stands for it. */
function reachableHost(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? host
}
