import type { Socket } from 'node:net'
import {
  authoritySettings,
  createImplicitUserName,
  hasPlaintextPassword,
} from './auth/authority-settings.ts'
import { timerMs } from './base/clock.ts'
import { BrokerError } from './base/errors.ts'
import type { Logger } from './base/log-line.ts'
import { type HostPort, parseAdvertise } from './config/host-port.ts'
import { trustedOperators } from './config/operator-checks.ts'
import type { LeafnodeOptions, TlsOptions } from './config/option-types.ts'
import type { Options } from './config/options.ts'
import { needsImplicitUser, SYSTEM_ACCOUNT } from './config/system-account.ts'
import { Acceptor } from './io/acceptor.ts'
import { compileKernel } from './kernel/kernel.ts'
import { createSharedMemory, SHARED_MEMORY_BYTES_DEFAULT } from './kernel/shared-memory.ts'
import {
  type ClientTlsWord,
  listenerLines,
  listenFailureText,
  type OpenedListener,
} from './lifecycle/listener-lines.ts'
import { writePidFile } from './lifecycle/pid-file.ts'
import {
  joinHostPort,
  type Listeners,
  removePortsFile,
  writePortsFile,
} from './lifecycle/ports-file.ts'
import { startUpLines } from './lifecycle/start-up-lines.ts'
import type { LogSink } from './monitor/log/log-sink.ts'
import { createServerIdentity } from './protocol/server-identity.ts'
import { HandshakeRate } from './workers/handshake-rate.ts'
import type { LeafReport } from './workers/leaf-report.ts'
import { Supervisor } from './workers/supervisor.ts'
import type { ListenerKind } from './workers/thread-messages.ts'
import type { ThreadSettings } from './workers/thread-settings.ts'
import { defaultWorkerCount } from './workers/worker-count.ts'

export interface BrokerFacts {
  readonly options: Options
  /** Still opening while the threads start: opening it takes as long as they do. */
  readonly log: Promise<LogSink>
  /** Empty when there is no configuration file. */
  readonly configPath: string
  readonly configDigest: string
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
  readonly supervisor: Supervisor
  readonly #facts: BrokerFacts
  readonly #log: Logger
  readonly #acceptors: Acceptors
  #hasPortsFile = false
  #closing: Promise<void> | undefined
  #lameDuck: Promise<void> | undefined
  #endWait = () => {}

  private constructor(
    facts: BrokerFacts,
    log: LogSink,
    supervisor: Supervisor,
    acceptors: Acceptors,
  ) {
    this.#facts = facts
    this.#log = log.logger
    this.supervisor = supervisor
    this.#acceptors = acceptors
    this.port = acceptors.client.port
    this.leafPort = acceptors.leaf?.port ?? 0
    this.websocketPort = acceptors.websocket?.port ?? 0
  }

  /**
   * @throws BrokerError when a port cannot be bound or a file not written; nothing is left behind
   */
  static async start(facts: BrokerFacts): Promise<Broker> {
    const { options } = facts
    const identity = createServerIdentity()
    const serverName = options.serverName || identity.id
    let broker: Broker | undefined
    let supervisor: Supervisor | undefined
    const acceptors = await bind(options, (socket, listener) => broker?.handOver(socket, listener))
    try {
      supervisor = startThreads(facts, {
        options,
        identity,
        serverName,
        implicitUser: needsImplicitUser(options) ? createImplicitUserName() : '',
        ...advertisedPlaces(options, acceptors.client.port, acceptors.websocket?.port ?? 0),
        leafPort: acceptors.leaf?.port ?? 0,
        handshakeRate: options.tls?.connectionRateLimit ? HandshakeRate.allocate() : undefined,
      })
      const log = await facts.log
      logStart(facts, log, identity.id, serverName)
      broker = new Broker(facts, log, supervisor, acceptors)
      await supervisor.ready()
      broker.#open()
      return broker
    } catch (error) {
      closeAcceptors(acceptors)
      if (broker === undefined) await supervisor?.end()
      else await broker.close()
      throw error
    }
  }

  handOver(socket: Socket, listener: ListenerKind): void {
    const isFull = this.supervisor.clientCount >= this.#facts.options.maxConnections
    this.supervisor.handOver(socket, listener, listener !== 'leaf' && isFull)
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
    if (await this.supervisor.reloadTls()) this.#log.info('Reloaded TLS certificates')
  }

  get url(): string {
    const { host, tls, allowNonTls } = this.#facts.options
    const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    const scheme = tls === undefined || allowNonTls ? 'nats' : 'tls'
    return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${this.port}`
  }

  #open(): void {
    const { options } = this.#facts
    const { client, leaf, websocket } = this.#acceptors
    if (leaf !== undefined) this.#logLeafListener(options.leafnodes, leaf.port)
    if (websocket !== undefined) {
      const { host, tls } = options.websocket
      const isTls = tls !== undefined
      this.#logListener({ kind: 'websocket', host, port: websocket.port, isTls })
    }
    const { host, tls, allowNonTls } = options
    this.#logListener({ kind: 'client', host, port: client.port, tls: tlsWord(tls, allowNonTls) })
    leaf?.open()
    websocket?.open()
    client.open()
    if (options.pidFile !== '') writePidFile(options.pidFile, process.pid)
    if (options.portsFileDir !== '') this.#writePortsFile(options)
    this.#log.info('Server is ready')
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

  #listeners({ host, tls, allowNonTls, leafnodes, websocket }: Options): Listeners {
    const place = (address: string, port: number, options: unknown) =>
      port === 0 ? undefined : { address, port, isTls: options !== undefined }
    return {
      nats: place(host, this.port, allowNonTls ? undefined : tls),
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
    const { lameDuckDurationMs, lameDuckGracePeriodMs } = this.#facts.options
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
    this.#endWait()
    closeAcceptors(this.#acceptors)
    if (this.#hasPortsFile) {
      try {
        removePortsFile(this.#facts.options.portsFileDir, process.pid)
      } catch (error) {
        this.#logError(error)
      }
    }
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

function closeAcceptors({ client, leaf, websocket }: Acceptors): void {
  client.close()
  leaf?.close()
  websocket?.close()
}

async function bind(
  { host, port, leafnodes, websocket }: Options,
  onSocket: (socket: Socket, listener: ListenerKind) => void,
): Promise<Acceptors> {
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
    return { client, leaf, websocket: ws }
  } catch (error) {
    for (const acceptor of bound) acceptor.close()
    throw error
  }
}

function startThreads(
  { options, log, onFatal, deathIntervalMs }: BrokerFacts,
  settings: ThreadSettings,
): Supervisor {
  const module = compileKernel()
  const workerCount = options.workers || defaultWorkerCount()
  const { kernel, memory } = createSharedMemory(module, {
    workerCount,
    totalBytes: options.sharedMemory || SHARED_MEMORY_BYTES_DEFAULT,
  })
  const supervisor = new Supervisor({
    kernel,
    memory,
    module,
    workerCount,
    settings,
    log,
    onFatal,
    deathIntervalMs,
  })
  supervisor.start()
  return supervisor
}

/** What INFO says of host and port, to clients and to WebSocket clients. */
function advertisedPlaces(
  { host, clientAdvertise, websocket }: Options,
  port: number,
  websocketPort: number,
): Pick<ThreadSettings, 'clientHost' | 'clientPort' | 'websocketHost' | 'websocketPort'> {
  const client = advertisedPlace('client_advertise', clientAdvertise, { host, port })
  const ws = advertisedPlace('websocket advertise', websocket.advertise, {
    host: websocket.host,
    port: websocketPort,
  })
  return {
    clientHost: client.host,
    clientPort: client.port,
    websocketHost: ws.host,
    websocketPort: ws.port,
  }
}

function advertisedPlace(option: string, advertise: string, bound: HostPort): HostPort {
  if (advertise === '') return bound
  const place = parseAdvertise(advertise, bound.port)
  if (place !== undefined) return place
  throw new BrokerError('BRK_ADVERTISE', `${option} is no address: ${JSON.stringify(advertise)}`, {
    context: { advertise },
  })
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
    operators: trustedOperators(options),
    hasSystemAccount: options.systemAccount !== SYSTEM_ACCOUNT && options.systemAccount !== '',
  })
  for (const { level, text } of lines) log.logger[level](text)
}
