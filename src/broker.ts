import { hasPlaintextPassword } from './auth/authenticator.ts'
import { BrokerError } from './base/errors.ts'
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
import { type CryptoPool, createCryptoPool } from './workers/crypto-pool.ts'
import { Supervisor } from './workers/supervisor.ts'
import { defaultWorkerCount } from './workers/worker-count.ts'

export interface BrokerFacts {
  readonly options: Options
  readonly log: LogSink
  /** Empty when there is no configuration file. */
  readonly configPath: string
  readonly configDigest: string
  /** The broker cannot go on; it has closed what it could. */
  readonly onFatal: (text: string) => void
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
  readonly #acceptors: readonly Acceptor[]
  readonly #cryptoPool: CryptoPool
  #hasPortsFile = false
  #closing: Promise<void> | undefined

  private constructor(
    facts: BrokerFacts,
    supervisor: Supervisor,
    cryptoPool: CryptoPool,
    acceptors: { client: Acceptor; leaf: Acceptor | undefined },
  ) {
    this.#facts = facts
    this.supervisor = supervisor
    this.#cryptoPool = cryptoPool
    this.port = acceptors.client.port
    this.leafPort = acceptors.leaf?.port ?? 0
    this.#acceptors = [acceptors.client, ...(acceptors.leaf === undefined ? [] : [acceptors.leaf])]
  }

  /**
   * @throws BrokerError when a port cannot be bound or a file not written; nothing is left behind
   */
  static async start(facts: BrokerFacts): Promise<Broker> {
    const { options, log } = facts
    const identity = createServerIdentity()
    const serverName = options.serverName || identity.id
    logStart(facts, identity.id, serverName)
    let supervisor: Supervisor | undefined
    const client = new Acceptor({
      host: options.host,
      port: options.port,
      onSocket: (socket) => {
        const isRefused = supervisor!.clientCount >= options.maxConnections
        supervisor!.handOver(socket, 'client', isRefused)
      },
    })
    const leaf =
      options.leafnodes.port === 0
        ? undefined
        : new Acceptor({
            host: options.leafnodes.host,
            port: options.leafnodes.port,
            onSocket: (socket) => supervisor!.handOver(socket, 'leaf', false),
          })
    await listen(client, 'client', options.host, options.port)
    if (leaf !== undefined) {
      await listen(leaf, 'leaf', options.leafnodes.host, options.leafnodes.port).catch((error) => {
        client.close()
        throw error
      })
    }
    const cryptoPool = createCryptoPool({ onTrouble: (text) => log.logger.error(text) })
    const module = compileKernel()
    const workerCount = options.workers || defaultWorkerCount()
    const shared = createSharedMemory(module, {
      workerCount,
      totalBytes: options.sharedMemory || SHARED_MEMORY_BYTES_DEFAULT,
    })
    supervisor = new Supervisor({
      kernel: shared.kernel,
      memory: shared.memory,
      module,
      workerCount,
      log,
      cryptoPool,
      onFatal: facts.onFatal,
      settings: {
        options,
        identity: { id: identity.id, xkey: identity.xkey },
        serverName,
        ...advertised(options, client.port),
        leafPort: leaf?.port ?? 0,
      },
    })
    const broker = new Broker(facts, supervisor, cryptoPool, { client, leaf })
    try {
      await supervisor.start()
      broker.#open(client, leaf)
    } catch (error) {
      await broker.close()
      throw error
    }
    return broker
  }

  get url(): string {
    const { host } = this.#facts.options
    const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    return `nats://${name.includes(':') ? `[${name}]` : name}:${this.port}`
  }

  #open(client: Acceptor, leaf: Acceptor | undefined): void {
    const { options } = this.#facts
    if (leaf !== undefined) {
      this.#logListener({ kind: 'leaf', host: options.leafnodes.host, port: leaf.port })
    }
    this.#logListener({ kind: 'client', host: options.host, port: client.port, tls: 'off' })
    leaf?.open()
    client.open()
    if (options.pidFile !== '') writePidFile(options.pidFile, process.pid)
    if (options.portsFileDir !== '') this.#writePortsFile(options)
    this.#facts.log.logger.info('Server is ready')
  }

  #logListener(listener: OpenedListener): void {
    for (const { level, text } of listenerLines(listener)) this.#facts.log.logger[level](text)
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
    this.#facts.log.logger.error(error instanceof BrokerError ? error.message : String(error))
  }

  /** Closes all connections and ends all threads. Calls after the first wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { logger } = this.#facts.log
    logger.info('Initiating Shutdown...')
    for (const acceptor of this.#acceptors) acceptor.close()
    if (this.#hasPortsFile) {
      try {
        removePortsFile(this.#facts.options.portsFileDir, process.pid)
      } catch (error) {
        this.#logError(error)
      }
    }
    await this.supervisor.end()
    await this.#cryptoPool.close()
    logger.info('Server Exiting..')
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

/** What INFO says of host and port. */
function advertised(options: Options, port: number): { clientHost: string; clientPort: number } {
  if (options.clientAdvertise === '') return { clientHost: options.host, clientPort: port }
  const colon = options.clientAdvertise.lastIndexOf(':')
  const hasPort = colon > 0 && !options.clientAdvertise.endsWith(']')
  if (!hasPort) return { clientHost: options.clientAdvertise, clientPort: port }
  return {
    clientHost: options.clientAdvertise.slice(0, colon).replace(/^\[|\]$/g, ''),
    clientPort: Number(options.clientAdvertise.slice(colon + 1)) || port,
  }
}

function logStart(facts: BrokerFacts, serverId: string, serverName: string): void {
  const { options, log, configPath, configDigest } = facts
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
