import type { Socket } from 'node:net'
import { hasPlaintextPassword } from './auth/authenticator.ts'
import { BrokerError } from './base/errors.ts'
import type { Logger } from './base/log-line.ts'
import { parseAdvertise } from './config/host-port.ts'
import type { Options } from './config/options.ts'
import { Acceptor } from './io/acceptor.ts'
import { compileKernel } from './kernel/kernel.ts'
import { createSharedMemory, SHARED_MEMORY_BYTES_DEFAULT } from './kernel/shared-memory.ts'
import {
  listenerLines,
  listenFailureText,
  type OpenedListener,
} from './lifecycle/listener-lines.ts'
import { writePidFile } from './lifecycle/pid-file.ts'
import { type Listeners, removePortsFile, writePortsFile } from './lifecycle/ports-file.ts'
import { startUpLines } from './lifecycle/start-up-lines.ts'
import type { LogSink } from './monitor/log/log-sink.ts'
import { createServerIdentity } from './protocol/server-identity.ts'
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

interface Acceptors {
  readonly client: Acceptor
  readonly leaf: Acceptor | undefined
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
  readonly supervisor: Supervisor
  readonly #facts: BrokerFacts
  readonly #log: Logger
  readonly #acceptors: Acceptors
  #hasPortsFile = false
  #closing: Promise<void> | undefined

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
        identity: { id: identity.id, xkey: identity.xkey },
        serverName,
        ...advertisedPlace(options, acceptors.client.port),
        leafPort: acceptors.leaf?.port ?? 0,
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
    this.supervisor.handOver(socket, listener, listener === 'client' && isFull)
  }

  get url(): string {
    const { host } = this.#facts.options
    const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    return `nats://${name.includes(':') ? `[${name}]` : name}:${this.port}`
  }

  #open(): void {
    const { options } = this.#facts
    const { client, leaf } = this.#acceptors
    if (leaf !== undefined) {
      this.#logListener({ kind: 'leaf', host: options.leafnodes.host, port: leaf.port })
    }
    this.#logListener({ kind: 'client', host: options.host, port: client.port, tls: 'off' })
    leaf?.open()
    client.open()
    if (options.pidFile !== '') writePidFile(options.pidFile, process.pid)
    if (options.portsFileDir !== '') this.#writePortsFile(options)
    this.#log.info('Server is ready')
  }

  #logListener(listener: OpenedListener): void {
    for (const { level, text } of listenerLines(listener)) this.#log[level](text)
  }

  #writePortsFile(options: Options): void {
    const listeners: Listeners = {
      nats: { address: options.host, port: this.port, isTls: false },
      ...(this.leafPort === 0
        ? {}
        : {
            leafnodes: { address: options.leafnodes.host, port: this.leafPort, isTls: false },
          }),
    }
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

  /** Closes all connections and ends all threads. Calls after the first wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#log.info('Initiating Shutdown...')
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

async function listen(
  acceptor: Acceptor,
  kind: 'client' | 'leaf',
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

function closeAcceptors({ client, leaf }: Acceptors): void {
  client.close()
  leaf?.close()
}

async function bind(
  options: Options,
  onSocket: (socket: Socket, listener: ListenerKind) => void,
): Promise<Acceptors> {
  const { host, port, leafnodes } = options
  const client = new Acceptor({ host, port, onSocket: (socket) => onSocket(socket, 'client') })
  await listen(client, 'client', host, port)
  if (leafnodes.port === 0) return { client, leaf: undefined }
  const leaf = new Acceptor({
    host: leafnodes.host,
    port: leafnodes.port,
    onSocket: (socket) => onSocket(socket, 'leaf'),
  })
  try {
    await listen(leaf, 'leaf', leafnodes.host, leafnodes.port)
  } catch (error) {
    client.close()
    throw error
  }
  return { client, leaf }
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

/** What INFO says of host and port. */
function advertisedPlace(
  { host, clientAdvertise }: Options,
  port: number,
): Pick<ThreadSettings, 'clientHost' | 'clientPort'> {
  if (clientAdvertise === '') return { clientHost: host, clientPort: port }
  const place = parseAdvertise(clientAdvertise, port)
  if (place === undefined) {
    throw new BrokerError(
      'BRK_ADVERTISE',
      `client_advertise is no address: ${JSON.stringify(clientAdvertise)}`,
      { context: { clientAdvertise } },
    )
  }
  return { clientHost: place.host, clientPort: place.port }
}

function logStart(
  { options, configPath, configDigest }: BrokerFacts,
  log: LogSink,
  serverId: string,
  serverName: string,
): void {
  const { user, pass: password, token } = options.authorization
  const lines = startUpLines({
    serverName,
    serverId,
    clusterName: '',
    configPath,
    configDigest,
    hasPlaintextPassword: hasPlaintextPassword({ user, password, token }),
    maxPayloadBytes: options.maxPayload,
  })
  for (const { level, text } of lines) log.logger[level](text)
}
