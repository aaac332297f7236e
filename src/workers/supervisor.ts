import type { Socket } from 'node:net'
import { MessageChannel, type MessagePort, type Transferable, Worker } from 'node:worker_threads'
import { BrokerError } from '../base/errors.ts'
import type { LogLevel } from '../base/log-line.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { threadField } from '../kernel/shared-memory.ts'
import type { LeafReport } from '../monitor/leaf-report.ts'
import type { LogSink } from '../monitor/log/log-sink.ts'
import { SlowEvents } from '../monitor/slow/slow-events.ts'
import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { ClosedConnections } from './closed-connections.ts'
import { type CryptoLoad, type CryptoPool, createCryptoPool } from './crypto-pool.ts'
import { HandshakeRate } from './handshake-rate.ts'
import type { MainAnswers, MainQuestion } from './main-questions.ts'
import type { ThreadLoad } from './measurements/broker-measures.ts'
import type { RelayedLeaf } from './relayed-leaf.ts'
import { trafficOfDeadThread } from './reports/dead-thread.ts'
import type { ServerEnd } from './system/system-events.ts'
import type { ConnectionEnded, EndConnection } from './system/system-questions.ts'
import { threadEntry } from './thread-entry.ts'
import type { Failure, FromThread, ListenerKind, ThreadStart, ToThread } from './thread-messages.ts'
import { type AnswerTo, type Ask, type QuestionName, ThreadAsker } from './thread-questions.ts'
import { ThreadReload } from './thread-reload.ts'
import type { ThreadSettings } from './thread-settings.ts'
import { checkTlsFiles, tlsBlocks } from './tls-reload.ts'
import { TapDesk } from './tracing/tap-desk.ts'

/** Two deaths of one role within this time: something is broken for good. */
const DEATH_INTERVAL_MS = 60_000
/**
 * Threads make little garbage, and most of it when clients connect: V8's default keeps more of it
 * than everything that lives. Measured: bench, scenario "idle".
 */
const YOUNG_GENERATION_MB_MAX = 3
/** Threads get this long to send what they have when the broker ends. */
const END_TIMEOUT_MS = 2000
const ANSWER_TIMEOUT_MS = 5000
const RATE_LOG_MS = 1000

export interface SupervisorOptions {
  readonly kernel: Kernel
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly workerCount: number
  readonly settings: ThreadSettings
  /** Still opening while the threads start. */
  readonly log: Promise<LogSink>
  /** The broker cannot go on. */
  readonly onFatal: (text: string) => void
  /** For tests; see DEATH_INTERVAL_MS. */
  readonly deathIntervalMs?: number | undefined
}

interface ManagedThread {
  readonly worker: Worker
  readonly asker: ThreadAsker
  readonly ready: Promise<void>
  isDead: boolean
  /** Once it is dead: peers that have not forgotten it yet. */
  readonly awaited: Set<number>
}

/** A socket that no thread can take at the moment. */
interface WaitingSocket {
  readonly socket: Socket
  readonly listener: ListenerKind
  readonly isRefused: boolean
}

/**
 * Starts the threads, hands them connections, and replaces those that die.
 *
 * A thread that dies takes its own connections with it. The others empty their lanes to and from
 * it and say so; only then does a new thread take over its memory. The death of the routing worker
 * also takes the sublist: it is closed at once, so that publishers wait, and the new routing worker
 * builds it again from the subscription slots of all threads. Sockets that come while no thread can
 * take them wait.
 *
 * When both kinds are dead at once the routing worker is replaced first: it must have forgotten a
 * dead protocol worker, whose slots it reads, before that one's memory is used again.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  /** In force; threads that start get these. */
  settings: ThreadSettings
  readonly reload: ThreadReload
  readonly slowEvents = new SlowEvents()
  readonly taps = new TapDesk({
    setTaps: (specs) => void this.askAll('setTaps', specs),
    accountNumber: (name) => this.#accountNames.indexOf(name),
  })
  readonly closed: ClosedConnections
  readonly #cryptoPool: CryptoPool
  readonly #threads: ManagedThread[] = []
  readonly #lastDeathMs = new Map<string, number>()
  #waiting: WaitingSocket[] = []
  #lastConnectionId = 0
  /** Clients that were ever handed over. */
  clientTotal = 0
  /** By number: connections hold the numbers, which a new routing worker has to keep. */
  readonly #accountNames: string[] = [GLOBAL_ACCOUNT]
  readonly #mainAnswers: Partial<MainAnswers>
  #lastTlsReload: Promise<boolean> = Promise.resolve(false)
  #rateTimer: NodeJS.Timeout | undefined
  #hasStarted = false
  #isEnding = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.settings = options.settings
    this.reload = new ThreadReload({
      threadCount: options.workerCount + 1,
      ask: (thread, name, ask, timeoutMs) => this.ask(thread, name, ask, timeoutMs),
      isRunning: (thread) => this.#isRunning(thread),
      loadOf: (thread) => this.#load(thread),
      log: (level, text) => this.#log(level, text),
    })
    this.closed = new ClosedConnections(options.settings.options.maxClosedClients)
    this.#cryptoPool = createCryptoPool({ onTrouble: (text) => this.#log('error', text) })
    this.#mainAnswers = {
      verifyBcrypt: ({ password, hash, asker }) =>
        this.#cryptoPool.verifyBcrypt(password, hash, asker),
      takeConnectionId: () => this.takeConnectionId(),
      endConnection: (ask) => this.endConnection(ask),
    }
  }

  /** Starts all threads; `ready` tells when they are up. */
  start(): void {
    this.#watchHandshakeRate()
    const threadCount = this.#options.workerCount + 1
    for (let thread = 0; thread < threadCount; thread++) this.#threads[thread] = this.#spawn(thread)
    for (let thread = 0; thread < threadCount; thread++) this.#connectPeers(thread, thread)
  }

  /** Handshakes that were refused are told of once a second, as nats-server does. */
  #watchHandshakeRate(): void {
    const { handshakeRate, options } = this.settings
    if (handshakeRate === undefined || options.tls === undefined) return
    const rate = new HandshakeRate(handshakeRate, options.tls.connectionRateLimit)
    this.#rateTimer = setInterval(() => {
      const count = rate.takeRefused()
      if (count === 0) return
      this.#log('warn', `Rejected ${count} connections due to TLS rate limiting`)
    }, RATE_LOG_MS).unref()
  }

  /** Rejects with BrokerError when a thread cannot start. */
  async ready(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.ready))
    this.#hasStarted = true
  }

  #log(level: LogLevel, text: string): void {
    void this.#options.log.then(({ logger }) => logger[level](text))
  }

  // ── connections ───────────────────────────────────────────────────────────────────────────

  takeConnectionId(): number {
    return ++this.#lastConnectionId
  }

  /** Connections of clients, those that are being handed over included. */
  get clientCount(): number {
    let count = 0
    for (let thread = 1; thread < this.#threads.length; thread++) count += this.#load(thread)
    return count
  }

  #load(thread: number): number {
    const { kernel } = this.#options
    return Atomics.load(kernel.words, this.#field(thread, kernel.layout.THREAD_CONNECTIONS))
  }

  #field(thread: number, offset: number): number {
    return threadField(this.#options.kernel, thread, offset) >> 2
  }

  /** Gives an accepted socket, of which nothing was read yet, to the thread that will own it. */
  handOver(socket: Socket, listener: ListenerKind, isRefused: boolean): void {
    const { kernel } = this.#options
    const thread = this.#takerOf(listener)
    if (thread === undefined) {
      this.#waiting.push({ socket, listener, isRefused })
      return
    }
    const load = this.#field(thread, kernel.layout.THREAD_CONNECTIONS)
    Atomics.add(kernel.words, load, 1)
    const cid = this.takeConnectionId()
    if (listener !== 'leaf') this.clientTotal += 1
    const message = { type: 'connection', listener, socket, cid, isRefused } as const
    try {
      // Sockets are transferable since Node 24.20; @types/node of that line does not say so.
      this.#post(thread, message, [socket as unknown as Transferable])
    } catch (error) {
      // The peer was gone before its socket could be handed over.
      Atomics.sub(kernel.words, load, 1)
      socket.destroy()
      this.#log('debug', `connection ${cid} was not handed over: ${String(error)}`)
    }
  }

  /** Thread that takes a connection now; undefined while those that could are being replaced. */
  #takerOf(listener: ListenerKind): number | undefined {
    const { ROUTER_THREAD } = this.#options.kernel.layout
    if (listener === 'leaf') return this.#isRunning(ROUTER_THREAD) ? ROUTER_THREAD : undefined
    let best: number | undefined
    for (let thread = 1; thread < this.#threads.length; thread++) {
      if (!this.#isRunning(thread)) continue
      if (best === undefined || this.#load(thread) < this.#load(best)) best = thread
    }
    return best
  }

  #isRunning(thread: number): boolean {
    const { layout, words } = this.#options.kernel
    const state = Atomics.load(words, this.#field(thread, layout.THREAD_STATE))
    return state === layout.THREAD_STATE_RUNNING
  }

  #handOverWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { socket, listener, isRefused } of waiting) {
      this.handOver(socket, listener, isRefused)
    }
  }

  // ── threads ───────────────────────────────────────────────────────────────────────────────

  #spawn(thread: number): ManagedThread {
    const { settings } = this
    const { module, memory, kernel } = this.#options
    const { layout, words } = kernel
    // Until it says otherwise its memory is not in order.
    Atomics.store(words, this.#field(thread, layout.THREAD_STATE), layout.THREAD_STATE_ABSENT)
    const isRouter = thread === layout.ROUTER_THREAD
    const start: ThreadStart = {
      thread,
      module,
      memory,
      settings,
      accountNames: this.#accountNames,
      isSuccessor: this.#hasStarted,
    }
    const name = isRouter ? 'routing-worker' : 'protocol-worker'
    const worker = new Worker(threadEntry(name), {
      workerData: start,
      // Flags of the host program (`--input-type`, `--import` …) are not for our threads.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB_MAX },
      name: threadName(thread),
    })
    const asker = new ThreadAsker(worker)
    let onReady = () => {}
    let onLost = (_reason: Error) => {}
    const ready = new Promise<void>((resolve, reject) => {
      onReady = resolve
      onLost = reject
    })
    // Only the start waits for it; a successor's failure is told by its own exit.
    ready.catch(() => {})
    worker.on('message', (message: FromThread) => {
      if (message.type === 'ready') onReady()
      else if (message.type === 'startRefused') {
        onLost(new BrokerError('BRK_START_REFUSED', message.text))
      } else if (message.type === 'reply') asker.onReply(message)
      else this.#onMessage(thread, message)
    })
    worker.on('error', (error) => {
      // Its exit follows; until then nothing more should be sent its way.
      Atomics.store(words, this.#field(thread, layout.THREAD_STATE), layout.THREAD_STATE_DEAD)
      onLost(
        new BrokerError(
          'BRK_THREAD_START',
          `${roleOf(thread)} ${thread} did not start: ${describe(error)}`,
        ),
      )
      this.#log('error', `${roleOf(thread)} ${thread} failed: ${describe(error)}`)
    })
    worker.on('exit', () => this.#onExit(thread, worker))
    return { worker, asker, ready, isDead: false, awaited: new Set() }
  }

  /** Doorbell lines between a thread and all others, of which those below `from` have theirs. */
  #connectPeers(thread: number, before: number): void {
    for (let peer = 0; peer < before; peer++) this.#connect(thread, peer)
  }

  #connect(thread: number, peer: number): void {
    const { port1, port2 } = new MessageChannel()
    this.#sendPort(thread, peer, port1)
    this.#sendPort(peer, thread, port2)
  }

  #sendPort(to: number, thread: number, port: MessagePort): void {
    this.#post(to, { type: 'peer', thread, port }, [port])
  }

  #post(thread: number, message: ToThread, transfer: Transferable[] = []): void {
    this.#threads[thread]?.worker.postMessage(message, transfer)
  }

  #onMessage(thread: number, message: FromThread): void {
    switch (message.type) {
      case 'log':
        void this.#options.log.then((log) => log.accept(message.lines))
        break
      case 'forgotten':
        this.#onForgotten(message.thread, thread)
        break
      case 'mainQuestion':
        void this.#answer(thread, message)
        break
      case 'forgetConnection':
        this.#cryptoPool.forget(message.cid)
        break
      case 'closed':
        this.closed.add(thread, message)
        break
      case 'slow':
        this.slowEvents.add(message.event)
        break
      case 'tapSample':
        this.taps.onSample(message.taps, message.sample)
        break
      case 'accountNumbered':
        this.#accountNames[message.number] = message.name
        break
      case 'relayLeaf':
        this.#relayLeaf(message.port, message.facts, message.cid)
        break
    }
  }

  /** While the routing worker is replaced the leaf is turned away; it comes again. */
  #relayLeaf(port: MessagePort, facts: RelayedLeaf, cid: number): void {
    const { ROUTER_THREAD } = this.#options.kernel.layout
    if (!this.#isRunning(ROUTER_THREAD)) port.close()
    else this.#post(ROUTER_THREAD, { type: 'relayedLeaf', port, facts, cid }, [port])
  }

  async #answer(thread: number, { id, name, ask }: MainQuestion): Promise<void> {
    const asker = this.#threads[thread]
    const answers = this.#mainAnswers as Record<string, (ask: unknown) => unknown>
    const answer = await answers[name]?.(ask)
    // A successor counts its questions anew: the answer must not be taken for one of its own.
    if (this.#threads[thread] !== asker) return
    this.#post(thread, { type: 'answer', id, answer })
  }

  // ── death and replacement ─────────────────────────────────────────────────────────────────

  #onExit(thread: number, worker: Worker): void {
    const managed = this.#threads[thread]
    if (this.#isEnding || managed?.worker !== worker) return
    if (!this.#hasStarted) {
      managed.isDead = true
      return
    }
    const { kernel, onFatal, deathIntervalMs = DEATH_INTERVAL_MS } = this.#options
    const { layout, words } = kernel
    const role = roleOf(thread)
    const nowMs = performance.now()
    const lastMs = this.#lastDeathMs.get(role)
    this.#lastDeathMs.set(role, nowMs)
    if (lastMs !== undefined && nowMs - lastMs < deathIntervalMs) {
      onFatal(`${role} died twice within a minute`)
      return
    }
    this.#log('error', `${role} ${thread} died: its connections are closed, a new one starts`)
    Atomics.store(words, this.#field(thread, layout.THREAD_STATE), layout.THREAD_STATE_DEAD)
    Atomics.store(words, this.#field(thread, layout.THREAD_EPOCH), 0)
    Atomics.store(words, this.#field(thread, layout.THREAD_CONNECTIONS), 0)
    Atomics.store(words, this.#field(thread, layout.THREAD_STALLED_CONNECTIONS), 0)
    if (thread === layout.ROUTER_THREAD) this.#closeSublist()
    this.closed.addTraffic(thread, trafficOfDeadThread(kernel, thread, this.#accountNames))
    managed.isDead = true
    for (let peer = 0; peer < this.#threads.length; peer++) {
      if (peer !== thread) this.#tellDeath(thread, managed, peer)
    }
    this.#replaceForgotten()
  }

  /** Tells a peer that a thread died. Two dead threads have nothing to tell each other. */
  #tellDeath(thread: number, managed: ManagedThread, peer: number): void {
    const { ROUTER_THREAD } = this.#options.kernel.layout
    const other = this.#threads[peer]!
    if (!other.isDead) {
      managed.awaited.add(peer)
      this.#post(peer, { type: 'peerDied', thread })
      return
    }
    this.#emptyLane(thread, peer)
    this.#emptyLane(peer, thread)
    if (thread === ROUTER_THREAD) other.awaited.add(thread)
    else other.awaited.delete(thread)
    if (peer === ROUTER_THREAD) managed.awaited.add(peer)
  }

  /** A lane of which both ends are dead. */
  #emptyLane(from: number, to: number): void {
    const { layout, words } = this.#options.kernel
    const bytes = layout.LANE_RECORDS + words[layout.HEADER_LANE_CAPACITY >> 2]!
    const lane = words[layout.HEADER_LANES >> 2]! + (from * this.#threads.length + to) * bytes
    const produced = Atomics.load(words, (lane + layout.LANE_PRODUCER) >> 2)
    Atomics.store(words, (lane + layout.LANE_CONSUMER) >> 2, produced)
  }

  /** No plan holds and none can be made until the new routing worker opens its sublist. */
  #closeSublist(): void {
    const { layout, words } = this.#options.kernel
    const sublist = words[layout.HEADER_SUBLIST >> 2]!
    Atomics.store(words, (sublist + layout.SUBLIST_ROOT) >> 2, 0)
    const first = words[layout.HEADER_GENERATIONS >> 2]! >> 2
    for (let i = 0; i < layout.GENERATIONS_BYTES >> 2; i++) Atomics.add(words, first + i, 1)
  }

  #onForgotten(dead: number, peer: number): void {
    this.#threads[dead]?.awaited.delete(peer)
    this.#replaceForgotten()
  }

  /** Starts successors of the dead threads that nobody remembers. */
  #replaceForgotten(): void {
    for (const [thread, { isDead, awaited }] of this.#threads.entries()) {
      if (isDead && awaited.size === 0) this.#replace(thread)
    }
  }

  #replace(thread: number): void {
    const successor = this.#spawn(thread)
    this.#threads[thread] = successor
    for (const [peer, { isDead, awaited }] of this.#threads.entries()) {
      if (peer === thread) continue
      // A dead peer still waits for this one only if this is the routing worker.
      if (!isDead) this.#connect(thread, peer)
      else if (awaited.has(thread)) this.#post(thread, { type: 'peerDied', thread: peer })
    }
    const onReplaced = () => {
      this.#log('info', `${roleOf(thread)} ${thread} replaced`)
      this.#handOverWaiting()
    }
    successor.ready.then(onReplaced, () => {})
  }

  /** For tests: lets a thread fail as by an uncaught error, or by a trap of the kernel. */
  failThread(thread: number, how: Failure = 'error'): void {
    this.#post(thread, { type: 'fail', how })
  }

  // ── questions ─────────────────────────────────────────────────────────────────────────────

  /**
   * @returns undefined while the thread is being replaced, or when it does not answer in time
   * @throws Error when the thread fails to answer
   */
  ask<Name extends QuestionName>(
    thread: number,
    name: Name,
    ask: Ask<Name>,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<AnswerTo<Name> | undefined> {
    const managed = this.#threads[thread]
    if (managed === undefined || managed.isDead) return Promise.resolve(undefined)
    return managed.asker.ask(name, ask, timeoutMs)
  }

  /** As ask, of all threads, the routing worker first. */
  askAll<Name extends QuestionName>(
    name: Name,
    ask: Ask<Name>,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<(AnswerTo<Name> | undefined)[]> {
    return Promise.all(this.#threads.map((_, thread) => this.ask(thread, name, ask, timeoutMs)))
  }

  threadLoads(): ThreadLoad[] {
    return this.#threads.map(({ worker }, thread) => {
      const { active, idle } = worker.performance.eventLoopUtilization()
      return { thread, name: threadName(thread), busyMs: active, idleMs: idle }
    })
  }

  cryptoLoad(): CryptoLoad {
    return this.#cryptoPool.load()
  }

  /** The main thread's. */
  get kernel(): Kernel {
    return this.#options.kernel
  }

  get threadCount(): number {
    return this.#threads.length
  }

  /** By number. */
  get accountNames(): readonly string[] {
    return this.#accountNames
  }

  /** All leaf links and remotes; undefined while the routing worker is being replaced. */
  leafReport(withSubscriptions: boolean): Promise<LeafReport | undefined> {
    const { ROUTER_THREAD } = this.#options.kernel.layout
    return this.ask(ROUTER_THREAD, 'leafReport', { withSubscriptions })
  }

  /** What threads may ask besides; see MainQuestions. */
  serve(answers: Partial<MainAnswers>): void {
    Object.assign(this.#mainAnswers, answers)
  }

  /** Closes one client or leaf link, or tells a client to look for another server. */
  async endConnection(ask: EndConnection): Promise<ConnectionEnded> {
    const answers = await this.askAll('endConnection', ask)
    return answers.find((answer) => answer !== undefined && answer !== 'unknown') ?? 'unknown'
  }

  /** Tells who listens in the system account, as long as there are connections to tell it by. */
  async #announceEnd(how: ServerEnd): Promise<void> {
    const { ROUTER_THREAD } = this.#options.kernel.layout
    await this.ask(ROUTER_THREAD, 'announceEnd', { how }, END_TIMEOUT_MS).catch(() => {})
  }

  /** Tells clients and leafs that this server is about to end. @returns how many there are */
  async tellLameDuck(): Promise<number> {
    await this.#announceEnd('lameDuck')
    const counts = await this.askAll('lameDuck', undefined)
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  }

  /** Closes all clients, spread over `durationMs`. */
  async drainClients(durationMs: number): Promise<void> {
    const { ROUTER_THREAD } = this.#options.kernel.layout
    const drains = this.#threads.map((_, thread) =>
      thread === ROUTER_THREAD
        ? undefined
        : this.ask(thread, 'drain', { durationMs }, 2 * durationMs + 60_000),
    )
    await Promise.all(drains)
  }

  /**
   * Has the threads read the files of TLS again, for handshakes from now on; connections stay.
   *
   * @returns false when there are none
   * @throws BrokerError when a file cannot be used; the certificates in use stay then
   */
  reloadTls(): Promise<boolean> {
    const reload = this.#lastTlsReload.then(() => this.#reloadTls())
    this.#lastTlsReload = reload.catch(() => false)
    return reload
  }

  async #reloadTls(): Promise<boolean> {
    const blocks = tlsBlocks(this.settings.options)
    if (blocks.length === 0) return false
    await checkTlsFiles(blocks)
    const faults = await this.askAll('reloadTls', undefined)
    // A file may have changed since it was checked.
    const fault = faults.find(Boolean)
    if (fault !== undefined) throw new BrokerError('BRK_TLS_FILES', fault)
    return true
  }

  // ── end ───────────────────────────────────────────────────────────────────────────────────

  /** Closes all connections and ends the threads. */
  async end(): Promise<void> {
    this.#isEnding = true
    clearInterval(this.#rateTimer)
    for (const { socket } of this.#waiting) socket.destroy()
    if (this.#hasStarted) await this.#announceEnd('shutdown')
    const alive = this.#threads.filter(({ isDead }) => !isDead)
    await Promise.all(alive.map(endThread))
    await this.#cryptoPool.close()
  }
}

async function endThread({ worker, asker }: ManagedThread): Promise<void> {
  // One that cannot answer has nothing more to say.
  await asker.ask('end', undefined, END_TIMEOUT_MS).catch(() => {})
  await worker.terminate()
}

function threadName(thread: number): string {
  return thread === 0 ? 'routing' : `protocol-${thread}`
}

function roleOf(thread: number): string {
  return thread === 0 ? 'routing worker' : 'protocol worker'
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
