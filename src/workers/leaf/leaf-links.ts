import { networkInterfaces } from 'node:os'
import { isWildcard } from '../../base/addresses.ts'
import { NATS_VERSION, SABLE_VERSION } from '../../base/version.ts'
import { parseAdvertise } from '../../config/host-port.ts'
import type { CompressionOptions } from '../../config/option-types.ts'
import type { Options } from '../../config/options.ts'
import { Connection, type ConnectionLimits, type RemotePlace } from '../../io/connection.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { LeafLinkReport, LeafReport } from '../../monitor/leaf-report.ts'
import { connectionPrefix } from '../../monitor/log/connection-prefix.ts'
import type { ServerInfo } from '../../protocol/info.ts'
import type { OperationLimits } from '../../protocol/operation.ts'
import { USER_INFO } from '../../router/accounts/system-imports.ts'
import { AcceptSession } from '../../router/leaf/accept-session.ts'
import { leafBaseInfo, leafClusterName } from '../../router/leaf/leaf-server-info.ts'
import type { LeafSession } from '../../router/leaf/leaf-session.ts'
import type {
  LeafBinding,
  LeafEnd,
  LeafSessionOptions,
} from '../../router/leaf/leaf-session-options.ts'
import type {
  LeafInterestSink,
  LeafLog,
  LeafServer,
  LeafTimes,
} from '../../router/leaf/leaf-types.ts'
import type { Account } from '../accounts/account.ts'
import type { Security } from '../accounts/security.ts'
import { ServiceImports } from '../accounts/service-imports.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import type { InterestAnnouncer } from '../messages/internal-client.ts'
import { traceFrames } from '../messages/outbound-trace.ts'
import type { LeafChanges, ReloadCounts } from '../reload/reload-types.ts'
import { ConnectionReports } from '../reports/connection-reports.ts'
import { ConnectionEvents } from '../system/connection-events.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'
import { Tracer } from '../tracing/tracer.ts'
import { type AcceptedTls, LeafAcceptor } from './leaf-acceptor.ts'
import { LeafConnection, TRACING_PROTOCOL } from './leaf-connection.ts'
import { LeafDialer } from './leaf-dialer.ts'

/** Plans of leaf links are told apart from those of clients; see PermissionStore. */
const FIRST_PLAN_KEY = 0x1000_0000
const API_LEVEL = 5
/** nats-server sets leafs no bound; here it is wide enough for bursts that a link works off. */
const PENDING_MAX_FACTOR = 4

/** All leaf links of the routing worker: accepts them, dials them, and keeps their interest. */
export class LeafLinks {
  readonly thread: IoThread
  readonly kernel: Kernel
  options: Options
  limits: OperationLimits
  readonly security: Security
  readonly services: ServiceImports
  readonly tracer: Tracer
  readonly acceptor: LeafAcceptor
  readonly reports: ConnectionReports
  readonly events: ConnectionEvents
  readonly #dialer: LeafDialer
  readonly #times: LeafTimes
  readonly #server: LeafServer
  #settings: ThreadSettings
  #baseInfo: ServerInfo
  #connectionLimits: ConnectionLimits
  readonly #byIndex: (LeafConnection | undefined)[] = []
  /** By name; peers choose their names, so only those of standing links are kept. */
  readonly #clusters = new Map<string, { readonly number: number; links: number }>()
  #lastCluster = 0
  #lastPlanKey = 0
  #isEnding = false

  constructor(
    thread: IoThread,
    settings: ThreadSettings,
    security: Security,
    announcer: InterestAnnouncer,
  ) {
    const { options } = settings
    this.#settings = settings
    this.thread = thread
    this.kernel = thread.kernel
    this.options = options
    this.limits = { controlLineBytesMax: options.maxControlLine }
    this.security = security
    this.services = new ServiceImports(thread, announcer, settings.serverName)
    this.tracer = new Tracer(thread, announcer, () => this.#settings)
    this.#server = leafServer(settings)
    this.#baseInfo = leafInfo(settings, this.#server)
    this.#connectionLimits = limitsOf(options)
    this.#times = timesOf(this)
    this.acceptor = new LeafAcceptor(this)
    this.events = new ConnectionEvents(thread.kernel, () => security.events)
    this.reports = new ConnectionReports(thread, ({ index }) => this.#byIndex[index])
    this.#dialer = new LeafDialer(this)
    if (options.trace) this.tapOutbound()
  }

  /** From now on somebody looks at what peers are sent. */
  tapOutbound(): void {
    const { thread } = this
    thread.outboundTap = (connection, frames) => {
      const link = this.#byIndex[connection.index]
      link?.onOutbound(frames)
      if (!this.options.trace) return
      traceFrames(frames, this.options, (line) => thread.log.trace((link?.prefix ?? '') + line))
    }
  }

  get serverName(): string {
    return this.#server.name
  }

  bindingOf(account: Account): LeafBinding {
    return { account: account.name, interest: this.security.interestOf(account) }
  }

  /** Plans of a link are told apart from all others, also those of links that ended. */
  takePlanKey(): number {
    this.#lastPlanKey = (this.#lastPlanKey + 1) % FIRST_PLAN_KEY
    return FIRST_PLAN_KEY + this.#lastPlanKey
  }

  /**
   * A link leads to a cluster now, and no longer to another.
   *
   * @returns the number that stands for the name as long as any link leads there; 0 for no name
   */
  moveToCluster(name: string, from: string): number {
    const left = this.#clusters.get(from)
    if (left !== undefined && --left.links === 0) this.#clusters.delete(from)
    if (name === '') return 0
    const cluster = this.#clusters.get(name) ?? { number: ++this.#lastCluster, links: 0 }
    cluster.links += 1
    this.#clusters.set(name, cluster)
    return cluster.number
  }

  // ── links ─────────────────────────────────────────────────────────────────────────────────

  get isEnding(): boolean {
    return this.#isEnding
  }

  /** INFO of the leaf listener, also where there is none. */
  get baseInfo(): ServerInfo {
    return this.#baseInfo
  }

  /** @returns undefined without memory; the socket is the caller's then */
  create(
    place: RemotePlace,
    cid: number,
    isWebsocket: boolean,
    forwardedFor?: string,
  ): LeafConnection | undefined {
    const connection = Connection.create(this.thread, place, {
      cid,
      kind: this.kernel.layout.KIND_LEAF,
      limits: this.#connectionLimits,
    })
    if (connection === undefined) return undefined
    const kind = isWebsocket ? 'leafWebsocket' : 'leaf'
    const prefix = connectionPrefix(kind, connection.remote, cid, forwardedFor)
    const link = new LeafConnection(this, connection, prefix, isWebsocket)
    connection.session = link
    this.#byIndex[connection.index] = link
    return link
  }

  /** What both roles need to know. */
  sessionOptions(
    link: LeafConnection,
    compression: CompressionOptions,
    isIsolated: boolean,
    binding: LeafBinding,
    onEnd: (end: LeafEnd) => void,
  ): LeafSessionOptions {
    const { options } = this
    return {
      link,
      server: this.#server,
      binding,
      sink: this.#sink(link),
      log: this.#log(link.prefix),
      times: this.#times,
      compression: link.isWebsocket ? withoutS2(compression) : compression,
      baseInfo: this.#baseInfo,
      clientId: link.connection.cid,
      peerAddress: link.connection.remote,
      subscriptionsMax: options.maxSubscriptions > 0 ? options.maxSubscriptions : Infinity,
      isIsolated: isIsolated || options.leafnodes.isolateLeafnodeInterest,
      nowMs: () => performance.now(),
      random: Math.random,
      onEnd,
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
      get isTracing() {
        return log.traceEnabled
      },
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
    // Every peer wants it, as its accounts import it. Of our users it knows nothing and says so,
    // with an answer that may come before ours.
    if (subject === USER_INFO && queue === '') return true
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
      link.account,
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

  // ── life of the server ────────────────────────────────────────────────────────────────────

  /** Dials all remotes, and keeps dialling. */
  startRemotes(): void {
    this.#dialer.start()
  }

  /**
   * Other settings: for links that are made from now on, and for those that stand.
   *
   * @param tls for links that others dial
   */
  useSettings(
    settings: ThreadSettings,
    tls: AcceptedTls | undefined,
    changes: LeafChanges,
  ): Pick<ReloadCounts, 'linksClosed' | 'remotesStarted'> {
    const { options } = settings
    this.#settings = settings
    this.options = options
    this.limits = { controlLineBytesMax: options.maxControlLine }
    this.#connectionLimits = limitsOf(options)
    this.#baseInfo = leafInfo(settings, this.#server)
    this.acceptor.useTls(tls)
    const links = [...this.#links()]
    for (const link of links) link.useOptions()
    if (options.trace) this.tapOutbound()
    else if (!links.some((link) => link.tracksReplies)) this.thread.outboundTap = undefined
    const closedCount = changes.isCompressionChanged ? this.#recompressAccepted(links) : 0
    const { linksClosed, remotesStarted } = this.#dialer.useOptions(changes)
    return { linksClosed: linksClosed + closedCount, remotesStarted }
  }

  #recompressAccepted(links: readonly LeafConnection[]): number {
    const { compression } = this.options.leafnodes
    const accepted = links.filter(({ session }) => !session.isSolicited)
    return accepted.filter((link) => this.recompress(link, compression)).length
  }

  /** @returns whether the link is closed, to be made anew */
  recompress(link: LeafConnection, compression: CompressionOptions): boolean {
    if (link.isWebsocket || !link.session.changeCompression(compression)) return false
    link.inTurn(() => link.connection.close('clientClosed'))
    return true
  }

  /** @throws TlsFilesError */
  reloadTls(): void {
    this.acceptor.reloadTls()
    this.#dialer.reloadTls()
  }

  /** Tells the leafs of this hub that it is about to end. @returns how many there are */
  tellLameDuck(): number {
    let count = 0
    this.thread.beginTurn()
    for (const link of this.#links()) {
      const { session } = link
      if (!(session instanceof AcceptSession) || !session.isConnected) continue
      session.tellLameDuck()
      count += 1
    }
    this.thread.endTurn()
    return count
  }

  closeAll(): void {
    this.#isEnding = true
    this.#dialer.stop()
    this.thread.beginTurn()
    for (const connection of this.thread.connections) connection?.close('serverShutdown')
    this.thread.endTurn()
  }

  /** Of the links that stand, or are being made. */
  *sessions(): Iterable<LeafSession> {
    for (const { session } of this.#links()) yield session
  }

  *#links(): Iterable<LeafConnection> {
    for (const link of this.#byIndex) {
      if (link?.connection.isOpen && link.hasSession) yield link
    }
  }

  // ── report ────────────────────────────────────────────────────────────────────────────────

  report(withSubscriptions: boolean): LeafReport {
    const links = [...this.#links()].map((link) => this.#linkReport(link, withSubscriptions))
    return { links, remotes: this.#dialer.report() }
  }

  #linkReport(link: LeafConnection, withSubscriptions: boolean): LeafLinkReport {
    const { connection, session } = link
    const { peerFacts, received } = session
    return {
      id: connection.cid,
      name: peerFacts.name,
      serverId: peerFacts.serverId,
      cluster: peerFacts.cluster,
      account: session.account,
      remoteAccount: peerFacts.remoteAccount,
      ip: connection.remoteAddress,
      port: connection.remotePort,
      isSolicited: session.isSolicited,
      isSpoke: session.isSpoke,
      isIsolated: session.isIsolated,
      isWebsocket: link.isWebsocket,
      compression: session.compression,
      rttMs: session.rttMs,
      uptimeMs: performance.now() - connection.startedMs,
      ...link.counts(),
      pendingBytes: connection.pendingBytes,
      slowCount: connection.slowCount,
      subscriptions: received.size,
      announced: session.announcedCount,
      ...(withSubscriptions ? { subscriptionsList: [...received.keys()] } : {}),
    }
  }
}

/** Those in force whenever a link looks. */
function timesOf(links: { readonly options: Options }): LeafTimes {
  return {
    get pingIntervalMs() {
      return links.options.pingIntervalMs
    },
    get pingsOutMax() {
      return links.options.pingMax
    },
  }
}

function limitsOf({ leafnodes, maxPending, writeDeadlineMs }: Options): ConnectionLimits {
  return {
    pendingBytesMax: leafnodes.maxPending || maxPending * PENDING_MAX_FACTOR,
    writeDeadlineMs: leafnodes.writeDeadlineMs || writeDeadlineMs,
    isPatient: leafnodes.writeTimeout !== 'close',
  }
}

/** S2 under WebSocket frames would be in the way of proxies that look at them. */
function withoutS2(compression: CompressionOptions): CompressionOptions {
  return compression.mode === 'not supported' ? compression : { ...compression, mode: 'off' }
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
    protocol: TRACING_PROTOCOL,
  }
}

function leafInfo({ options, leafPort }: ThreadSettings, server: LeafServer): ServerInfo {
  const { host, advertise, tls } = options.leafnodes
  const bound = { host: leafPort === 0 ? '' : reachableHost(host), port: leafPort }
  const place = leafPort === 0 ? bound : (parseAdvertise(advertise, leafPort) ?? bound)
  return leafBaseInfo(server, {
    go: `node${process.version}`,
    host: place.host,
    port: place.port,
    maxPayload: options.maxPayload,
    tlsRequired: tls !== undefined,
    tlsVerify: tls !== undefined && (tls.verify || tls.verifyAndMap),
    apiLevel: API_LEVEL,
    sable: SABLE_VERSION,
  })
}

/** A wildcard is no address to connect to: the first one that others can reach stands for it. */
function reachableHost(host: string): string {
  if (!isWildcard(host)) return host
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? host
}
