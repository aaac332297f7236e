import type { Socket } from 'node:net'
import {
  authoritySettings,
  createImplicitUserName,
  hasPlaintextPassword,
} from './auth/authority-settings.ts'
import { isWildcard } from './base/addresses.ts'
import { timerMs } from './base/clock.ts'
import { BrokerError } from './base/errors.ts'
import type { Logger } from './base/log-line.ts'
import { parseAdvertise } from './config/host-port.ts'
import { trustedOperators } from './config/operator-checks.ts'
import type { LeafnodeOptions, TlsOptions } from './config/option-types.ts'
import type { Options } from './config/options.ts'
import type { ReadConfiguration } from './config/reload/read-again.ts'
import { needsImplicitUser, SYSTEM_ACCOUNT } from './config/system-account.ts'
import { Acceptor } from './io/acceptor.ts'
import { compileKernel } from './kernel/kernel.ts'
import { createSharedMemory, SHARED_MEMORY_BYTES_DEFAULT } from './kernel/shared-memory.ts'
import { advertisedPlaces } from './lifecycle/advertised-places.ts'
import {
  type ClientTlsWord,
  listenerLines,
  listenFailureText,
  type OpenedListener,
} from './lifecycle/listener-lines.ts'
import { bindMonitorPort, monitorTls } from './lifecycle/monitor-port.ts'
import { writePidFile } from './lifecycle/pid-file.ts'
import {
  joinHostPort,
  type Listeners,
  removePortsFile,
  writePortsFile,
} from './lifecycle/ports-file.ts'
import { Reloader } from './lifecycle/reloader.ts'
import { serverFactsSource } from './lifecycle/server-facts.ts'
import { startUpLines } from './lifecycle/start-up-lines.ts'
import { dashboardRoutes } from './monitor/dashboard/dashboard-routes.ts'
import type { HttpMonitor } from './monitor/http/http-monitor.ts'
import type { LeafReport } from './monitor/leaf-report.ts'
import type { LogSink } from './monitor/log/log-sink.ts'
import { metricsRoutes } from './monitor/metrics/metrics-routes.ts'
import { createMonitorContext, type MonitorContext } from './monitor/monitor-context.ts'
import { tapRoute } from './monitor/trace/tap-stream.ts'
import { createServerIdentity } from './protocol/server-identity.ts'
import { HandshakeRate } from './workers/clients/handshake-rate.ts'
import { allocateBudgets } from './workers/clients/ingress-budgets.ts'
import { BrokerMeasures } from './workers/measurements/broker-measures.ts'
import type { ReloadReport } from './workers/reload/reload-types.ts'
import { BrokerMonitor } from './workers/reports/broker-monitor.ts'
import { systemAnswers } from './workers/system/main-answers.ts'
import { JOINED_WORKER, Supervisor, type SupervisorOptions } from './workers/threads/supervisor.ts'
import type { ListenerKind } from './workers/threads/thread-messages.ts'
import type { ThreadSettings } from './workers/threads/thread-settings.ts'
import { ThreadsAhead } from './workers/threads/thread-start.ts'
import { defaultWorkerCount } from './workers/threads/worker-count.ts'

/**
 * Up to this number of protocol workers the first shares the routing worker's event loop: where so
 * few threads carry the load, one more costs memory and start-up time, and earns nothing (`sable
 * bench --scenario startup,resident,leaf`, decision 16).
 */
const WORKERS_JOINED_MAX = 2

export interface BrokerFacts {
  readonly options: Options
  /** Those that have been started already; the broker ends them when it cannot start. */
  readonly threads?: ThreadsAhead
  /** Still opening while the threads start: opening it takes as long as they do. */
  readonly log: Promise<LogSink>
  /** Empty when there is no configuration file. */
  readonly configPath: string
  readonly configDigest: string
  /** Reads that file again; undefined where there is none. */
  readonly readConfiguration?: ReadConfiguration | undefined
  /** The broker cannot go on; it has closed what it could. */
  readonly onFatal: (text: string) => void
  /** For tests: two deaths of one kind of thread within this time are fatal. */
  readonly deathIntervalMs?: number
}

/** Undefined: not listened on. */
interface Acceptors {
  readonly client: Acceptor
  readonly leaf: Acceptor | undefined
  readonly websocket: Acceptor | undefined
  readonly monitor: HttpMonitor | undefined
}

/**
 * A running broker: listeners on this thread, everything else on others.
 *
 * Start: ports are bound, threads started, then sockets handed over, then the files that launchers
 * wait for are written. End: the same backwards.
 */
export class Broker {
  readonly port: number
  /** 0 when leaf links are not accepted. */
  readonly leafPort: number
  /** 0 when there is no WebSocket listener. */
  readonly websocketPort: number
  /** 0 when there is no monitoring by HTTP. */
  readonly monitorPort: number
  readonly supervisor: Supervisor
  /** What monitors and the system account show. */
  readonly monitor: MonitorContext
  readonly measures: BrokerMeasures
  readonly #log: Logger
  readonly #acceptors: Acceptors
  readonly #reloader: Reloader
  #hasPortsFile = false
  #isOpen = false
  #closing: Promise<void> | undefined
  #lameDuck: Promise<void> | undefined
  #endWait = () => {}

  private constructor(
    facts: BrokerFacts,
    log: LogSink,
    supervisor: Supervisor,
    acceptors: Acceptors,
  ) {
    this.#log = log.logger
    this.supervisor = supervisor
    this.#acceptors = acceptors
    this.port = acceptors.client.port
    this.leafPort = acceptors.leaf?.port ?? 0
    this.websocketPort = acceptors.websocket?.port ?? 0
    this.monitorPort = acceptors.monitor?.port ?? 0
    this.#reloader = new Reloader({
      supervisor,
      log,
      ports: { client: this.port, leaf: this.leafPort, websocket: this.websocketPort },
      files: {
        writePidFile: (options) => this.#rewritePidFile(options),
        movePortsFile: (old, options) => this.#movePortsFile(old, options),
      },
      read: facts.readConfiguration,
      digest: facts.configDigest,
    })
    const server = serverFactsSource({
      supervisor,
      ports: { client: this.port, leaf: this.leafPort, websocket: this.websocketPort },
      startMs: Date.now(),
      configuration: () => this.configuration,
    })
    const source = new BrokerMonitor({ supervisor, server, notReady: () => this.#notReady() })
    this.monitor = createMonitorContext(source, this.#log)
    this.measures = new BrokerMeasures(supervisor)
    supervisor.serve(
      systemAnswers({
        context: this.monitor,
        reload: () => this.reload(),
        log: this.#log,
      }),
    )
  }

  /** Those in force, after any reload. */
  get options(): Options {
    return this.supervisor.settings.options
  }

  /**
   * @throws BrokerError when a port cannot be bound or a file not written; nothing is left behind
   */
  static async start(facts: BrokerFacts): Promise<Broker> {
    const { options, threads = new ThreadsAhead() } = facts
    const workerCount = options.workers || defaultWorkerCount()
    const isJoined = workerCount <= WORKERS_JOINED_MAX
    for (let thread = 0; thread <= workerCount; thread++) {
      if (!isJoined || thread !== JOINED_WORKER) threads.start(thread)
    }
    const identity = createServerIdentity()
    const serverName = options.serverName || identity.id
    let broker: Broker | undefined
    let supervisor: Supervisor | undefined
    let acceptors: Acceptors | undefined
    try {
      acceptors = await bind(options, (socket, listener) => broker?.handOver(socket, listener))
      const settings: ThreadSettings = {
        options,
        identity,
        serverName,
        implicitUser: needsImplicitUser(options) ? createImplicitUserName() : '',
        ...advertisedPlaces(options, {
          client: acceptors.client.port,
          websocket: acceptors.websocket?.port ?? 0,
        }),
        leafPort: acceptors.leaf?.port ?? 0,
        ingressBudgets: allocateBudgets(),
        handshakeRate: options.tls?.connectionRateLimit ? HandshakeRate.allocate() : undefined,
      }
      supervisor = startThreads(facts, { workerCount, isJoined, threads, settings })
      const log = await facts.log
      logStart(facts, log, identity.id, serverName)
      broker = new Broker(facts, log, supervisor, acceptors)
      await supervisor.ready()
      broker.#open()
      return broker
    } catch (error) {
      if (acceptors !== undefined) closeAcceptors(acceptors)
      if (broker === undefined) await supervisor?.end()
      else await broker.close()
      await threads.end()
      throw error
    }
  }

  handOver(socket: Socket, listener: ListenerKind): void {
    const isFull = this.supervisor.connections.clientCount >= this.options.maxConnections
    this.supervisor.connections.handOver(socket, listener, listener !== 'leaf' && isFull)
  }

  /** State of all leaf links and remotes; undefined while the routing worker is being replaced. */
  leafReport(withSubscriptions = false): Promise<LeafReport | undefined> {
    return this.supervisor.leafReport(withSubscriptions)
  }

  /**
   * Reads the certificates and keys of clients, leafs and WebSocket again: handshakes from now on
   * use them, connections stay.
   *
   * @throws BrokerError when a file cannot be used; the certificates in use stay then
   */
  async reloadCertificates(): Promise<void> {
    const hasTls = await this.supervisor.tlsReload.run()
    await this.#reloadMonitorTls()
    if (hasTls) this.#log.info('Reloaded TLS certificates')
  }

  /**
   * Puts another configuration in force: that of the file, read again, or the given one. Reloads
   * run one after the other.
   *
   * @throws BrokerError BRK_RELOAD when there is no such configuration, or it differs in what
   *   cannot be reloaded; nothing has changed then
   */
  async reload(read?: ReadConfiguration): Promise<ReloadReport> {
    const report = await this.#reloader.reload(read)
    // It is in force by now, and the files were good a moment ago.
    await this.#reloadMonitorTls().catch((error: unknown) => this.#logError(error))
    return report
  }

  /** When the configuration in force was read, in Unix milliseconds, and its digest. */
  get configuration(): { readonly loadedAtMs: number; readonly digest: string } {
    const { loadedAtMs, digest } = this.#reloader
    return { loadedAtMs, digest }
  }

  get url(): string {
    const { host, tls, allowNonTls } = this.options
    const name = isWildcard(host) ? '127.0.0.1' : host
    const scheme = tls === undefined || allowNonTls ? 'nats' : 'tls'
    return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${this.port}`
  }

  #open(): void {
    const { options } = this
    const { client, leaf, websocket, monitor } = this.#acceptors
    if (monitor !== undefined) {
      const { port, isTls } = monitor
      this.#logListener({ kind: 'monitor', host: options.httpHost, port, isTls })
    }
    if (leaf !== undefined) this.#logLeafListener(options.leafnodes, leaf.port)
    if (websocket !== undefined) {
      const { host, tls } = options.websocket
      const isTls = tls !== undefined
      this.#logListener({ kind: 'websocket', host, port: websocket.port, isTls })
    }
    const { host, allowNonTls, proxyProtocol: isProxied } = options
    const tls = tlsWord(options.tls, allowNonTls)
    this.#logListener({ kind: 'client', host, port: client.port, isProxied, tls })
    leaf?.open()
    websocket?.open()
    client.open()
    this.#isOpen = true
    monitor?.open(this.monitor, [
      ...metricsRoutes({
        context: this.monitor,
        slowEvents: this.supervisor.slowEvents,
        measure: () => this.measures.measure(),
      }),
      tapRoute(this.supervisor.taps),
      ...dashboardRoutes({
        monitor: this.monitor.source,
        slow: this.supervisor.slowEvents,
        measurements: () => this.measures.measure(),
        topSubjects: (limit) => this.measures.topSubjects(limit),
      }),
    ])
    if (options.pidFile !== '') writePidFile(options.pidFile, process.pid)
    if (options.portsFileDir !== '') this.#writePortsFile(options)
    this.#log.info('Server is ready')
  }

  /** Listeners that let nobody in: all of them while it starts, those for clients in its end. */
  #notReady(): readonly string[] {
    const { leaf, websocket } = this.#acceptors
    const isUp = this.#isOpen && this.#closing === undefined
    const takesClients = isUp && !this.isLameDuck
    return [
      ...(takesClients ? [] : ['server']),
      ...(isUp || leaf === undefined ? [] : ['leafnode']),
      ...(takesClients || websocket === undefined ? [] : ['websocket']),
    ]
  }

  async #reloadMonitorTls(): Promise<void> {
    const tls = await monitorTls(this.options)
    if (tls !== undefined) this.#acceptors.monitor?.replaceTls(tls)
  }

  #logLeafListener({ host, advertise, remotes, tls }: LeafnodeOptions, port: number): void {
    const place = parseAdvertise(advertise, port)
    const isInsecure = tls?.insecure === true || remotes.some((remote) => remote.tls?.insecure)
    const told = place === undefined ? '' : joinHostPort(place.host, place.port)
    this.#logListener({ kind: 'leaf', host, port, advertise: told, isInsecure })
  }

  #logListener(listener: OpenedListener): void {
    for (const { level, text } of listenerLines(listener)) this.#log[level](text)
  }

  #listeners(options: Options): Listeners {
    const { host, httpHost, httpsPort, tls, allowNonTls, leafnodes, websocket } = options
    const place = (address: string, port: number, options: unknown) =>
      port === 0 ? undefined : { address, port, isTls: options !== undefined }
    return {
      nats: place(host, this.port, allowNonTls ? undefined : tls),
      monitoring: place(httpHost, this.monitorPort, httpsPort === 0 ? undefined : tls),
      websocket: place(websocket.host, this.websocketPort, websocket.tls),
      leafnodes: place(leafnodes.host, this.leafPort, leafnodes.tls),
    }
  }

  #writePortsFile(options: Options): void {
    const listeners = this.#listeners(options)
    try {
      writePortsFile(options.portsFileDir, process.pid, listeners)
      this.#hasPortsFile = true
    } catch (error) {
      this.#logError(error)
    }
  }

  #rewritePidFile({ pidFile }: Options): void {
    try {
      writePidFile(pidFile, process.pid)
    } catch (error) {
      const reason = error instanceof BrokerError ? error.context['reason'] : error
      this.#log.error(`Failed to write pidfile: ${reason}`)
    }
  }

  #movePortsFile(old: Options, options: Options): void {
    if (this.#hasPortsFile) this.#removePortsFile(old)
    if (options.portsFileDir !== '') this.#writePortsFile(options)
  }

  #removePortsFile({ portsFileDir }: Options): void {
    this.#hasPortsFile = false
    try {
      removePortsFile(portsFileDir, process.pid)
    } catch (error) {
      this.#logError(error)
    }
  }

  #logError(error: unknown): void {
    this.#log.error(error instanceof BrokerError ? error.message : String(error))
  }

  /**
   * Ends the server without a rush: nobody new is let in, clients and leafs are told, and after the
   * grace period clients are closed one by one. The times are nats-server's options.
   */
  lameDuck(): Promise<void> {
    this.#lameDuck ??= this.#closing ?? this.#becomeLameDuck()
    return this.#lameDuck
  }

  async #becomeLameDuck(): Promise<void> {
    const { lameDuckDurationMs, lameDuckGracePeriodMs } = this.options
    this.#log.info('Entering lame duck mode, stop accepting new clients')
    this.#acceptors.client.close()
    this.#acceptors.websocket?.close()
    if ((await this.supervisor.tellLameDuck()) > 0) {
      await this.#wait(lameDuckGracePeriodMs)
      if (this.#closing === undefined) {
        this.#log.info('Closing existing clients')
        await this.supervisor.drainClients(lameDuckDurationMs - lameDuckGracePeriodMs)
      }
    }
    await this.close()
  }

  /** Once it is a lame duck it ends in its own time, whatever a supervisor of processes asks. */
  get isLameDuck(): boolean {
    return this.#lameDuck !== undefined
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timerMs(delayMs))
      this.#endWait = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Closes all connections and ends all threads. Calls after the first wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#log.info('Initiating Shutdown...')
    this.#reloader.end()
    this.#endWait()
    closeAcceptors(this.#acceptors)
    this.measures.stop()
    if (this.#hasPortsFile) this.#removePortsFile(this.options)
    await this.supervisor.end()
    this.#log.info('Server Exiting..')
  }
}

/** What the log says of TLS for clients. */
function tlsWord(tls: TlsOptions | undefined, allowNonTls: boolean): ClientTlsWord {
  if (tls === undefined) return 'off'
  // Nobody in clear would ever hear from us then.
  if (tls.handshakeFirst && tls.handshakeFirstFallbackMs === 0) return 'handshakeFirst'
  return allowNonTls ? 'available' : 'required'
}

async function listen(
  acceptor: Acceptor,
  kind: ListenerKind,
  host: string,
  port: number,
): Promise<void> {
  try {
    await acceptor.listen()
  } catch (error) {
    const text = listenFailureText(kind, host, port, error)
    throw new BrokerError('BRK_LISTEN', text, { context: { host, port }, cause: error })
  }
}

function closeAcceptors({ client, leaf, websocket, monitor }: Acceptors): void {
  monitor?.close()
  client.close()
  leaf?.close()
  websocket?.close()
}

async function bind(
  options: Options,
  onSocket: (socket: Socket, listener: ListenerKind) => void,
): Promise<Acceptors> {
  const { host, port, leafnodes, websocket } = options
  const monitor = await bindMonitorPort(options)
  const bound: Acceptor[] = []
  const open = async (kind: ListenerKind, place: { host: string; port: number }) => {
    const acceptor = new Acceptor({ ...place, onSocket: (socket) => onSocket(socket, kind) })
    await listen(acceptor, kind, place.host, place.port)
    bound.push(acceptor)
    return acceptor
  }
  try {
    const client = await open('client', { host, port })
    const leaf = leafnodes.port === 0 ? undefined : await open('leaf', leafnodes)
    const ws = websocket.port === 0 ? undefined : await open('websocket', websocket)
    return { client, leaf, websocket: ws, monitor }
  } catch (error) {
    monitor?.close()
    for (const acceptor of bound) acceptor.close()
    throw error
  }
}

function startThreads(
  { options, log, onFatal, deathIntervalMs }: BrokerFacts,
  place: Pick<SupervisorOptions, 'workerCount' | 'isJoined' | 'threads' | 'settings'>,
): Supervisor {
  const module = compileKernel()
  const { kernel, memory } = createSharedMemory(module, {
    workerCount: place.workerCount,
    totalBytes: options.sharedMemory || SHARED_MEMORY_BYTES_DEFAULT,
  })
  const supervisor = new Supervisor({
    kernel,
    memory,
    module,
    ...place,
    log,
    onFatal,
    deathIntervalMs,
  })
  supervisor.start()
  return supervisor
}

function logStart(
  { options, configPath, configDigest }: BrokerFacts,
  log: LogSink,
  serverId: string,
  serverName: string,
): void {
  const lines = startUpLines({
    serverName,
    serverId,
    clusterName: '',
    configPath,
    configDigest,
    hasPlaintextPassword: hasPlaintextPassword(authoritySettings(options, '')),
    maxPayloadBytes: options.maxPayload,
    featureFlags: Object.keys(options.featureFlags),
    profPort: options.profPort,
    operators: trustedOperators(options),
    hasSystemAccount: options.systemAccount !== SYSTEM_ACCOUNT && options.systemAccount !== '',
  })
  for (const { level, text } of lines) log.logger[level](text)
}
