import { MessageChannel, type MessagePort, type Transferable } from 'node:worker_threads'
import type { LogLevel } from '../../base/log-line.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { LeafReport } from '../../monitor/leaf-report.ts'
import type { LogSink } from '../../monitor/log/log-sink.ts'
import { SlowEvents } from '../../monitor/slow/slow-events.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { HandshakeRate } from '../clients/handshake-rate.ts'
import type { RelayedLeaf } from '../leaf/relayed-leaf.ts'
import type { ThreadLoad } from '../measurements/broker-measures.ts'
import { ThreadReload } from '../reload/thread-reload.ts'
import { TlsReload } from '../reload/tls-reload.ts'
import { ClosedConnections } from '../reports/closed-connections.ts'
import { trafficOfDeadThread } from '../reports/dead-thread.ts'
import type { ServerEnd } from '../system/system-events.ts'
import type { ConnectionEnded, EndConnection } from '../system/system-questions.ts'
import { TapDesk } from '../tracing/tap-desk.ts'
import { ConnectionHandover } from './connection-handover.ts'
import { type CryptoLoad, type CryptoPool, createCryptoPool } from './crypto-pool.ts'
import type { MainAnswers, MainQuestion } from './main-questions.ts'
import { END_TIMEOUT_MS, ManagedThread, type ThreadNews } from './managed-thread.ts'
import type { Failure, ThreadStart, ToThread } from './thread-messages.ts'
import { threadRole } from './thread-names.ts'
import type { AnswerTo, Ask, QuestionName } from './thread-questions.ts'
import type { ThreadSettings } from './thread-settings.ts'
import type { ThreadsAhead } from './thread-start.ts'
import { ThreadWords } from './thread-words.ts'

/** Two deaths of one role within this time: something is broken for good. */
const DEATH_INTERVAL_MS = 60_000
const ANSWER_TIMEOUT_MS = 5000
const RATE_LOG_MS = 1000

/** The protocol worker that may share the routing worker's event loop. */
export const JOINED_WORKER = 1

export interface SupervisorOptions {
  readonly kernel: Kernel
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly workerCount: number
  /** The protocol worker JOINED_WORKER shares the routing worker's event loop. */
  readonly isJoined: boolean
  readonly threads: ThreadsAhead
  readonly settings: ThreadSettings
  /** Still opening while the threads start. */
  readonly log: Promise<LogSink>
  /** The broker cannot go on. */
  readonly onFatal: (text: string) => void
  /** For tests; see DEATH_INTERVAL_MS. */
  readonly deathIntervalMs?: number | undefined
}

/**
 * Starts the threads, asks them, and replaces those that die.
 *
 * A thread that dies takes its own connections with it. The others empty their lanes to and from
 * it and say so; only then does a new thread take over its memory. The death of the routing worker
 * also takes the sublist: it is closed at once, so that publishers wait, and the new routing worker
 * builds it again from the subscription slots of all threads.
 *
 * When both kinds are dead at once the routing worker is replaced first: it must have forgotten a
 * dead protocol worker, whose slots it reads, before that one's memory is used again.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  /** In force; threads that start get these. */
  settings: ThreadSettings
  readonly reload: ThreadReload
  readonly tlsReload = new TlsReload({
    options: () => this.settings.options,
    ask: () => this.askAll('reloadTls', undefined),
  })
  readonly slowEvents = new SlowEvents()
  readonly taps = new TapDesk({
    setTaps: (specs) => void this.askAll('setTaps', specs),
    accountNumber: (name) => this.#accountNames.indexOf(name),
  })
  readonly closed: ClosedConnections
  readonly connections: ConnectionHandover
  readonly #words: ThreadWords
  readonly #cryptoPool: CryptoPool
  readonly #threads: ManagedThread[] = []
  readonly #lastDeathMs = new Map<string, number>()
  /** By number: connections hold the numbers, which a new routing worker has to keep. */
  readonly #accountNames: string[] = [GLOBAL_ACCOUNT]
  readonly #mainAnswers: Partial<MainAnswers>
  #rateTimer: NodeJS.Timeout | undefined
  #hasStarted = false
  #isEnding = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.settings = options.settings
    const threadCount = options.workerCount + 1
    this.#words = new ThreadWords(options.kernel, threadCount)
    this.connections = new ConnectionHandover({
      words: this.#words,
      router: this.#router,
      post: (thread, message, transfer) => this.#post(thread, message, transfer),
      debug: (text) => this.#log('debug', text),
    })
    this.reload = new ThreadReload({
      threadCount,
      ask: (thread, name, ask, timeoutMs) => this.ask(thread, name, ask, timeoutMs),
      isRunning: (thread) => this.#words.isRunning(thread),
      loadOf: (thread) => this.#words.connections(thread),
      log: (level, text) => this.#log(level, text),
    })
    this.closed = new ClosedConnections(options.settings.options.maxClosedClients)
    this.#cryptoPool = createCryptoPool({ onTrouble: (text) => this.#log('error', text) })
    this.#mainAnswers = {
      verifyBcrypt: ({ password, hash, asker }) =>
        this.#cryptoPool.verifyBcrypt(password, hash, asker),
      takeConnectionId: () => this.connections.takeConnectionId(),
      endConnection: (ask) => this.endConnection(ask),
    }
  }

  /** Starts all threads; `ready` tells when they are up. */
  start(): void {
    this.#watchHandshakeRate()
    const threadCount = this.#options.workerCount + 1
    for (let thread = 0; thread < threadCount; thread++) this.#threads[thread] = this.#spawn(thread)
    for (let thread = 0; thread < threadCount; thread++) {
      for (let peer = 0; peer < thread; peer++) this.#connect(thread, peer)
    }
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

  /** Number of the routing worker. */
  get #router(): number {
    return this.#options.kernel.layout.ROUTER_THREAD
  }

  #log(level: LogLevel, text: string): void {
    void this.#options.log.then(({ logger }) => logger[level](text))
  }

  // ── threads ───────────────────────────────────────────────────────────────────────────────

  #spawn(thread: number): ManagedThread {
    const { module, memory, isJoined, threads } = this.#options
    this.#words.setAbsent(thread)
    const start: ThreadStart = {
      thread,
      module,
      memory,
      settings: this.settings,
      accountNames: this.#accountNames,
      isSuccessor: this.#hasStarted,
    }
    const host = isJoined && thread === JOINED_WORKER ? this.#threads[this.#router] : undefined
    return new ManagedThread(
      start,
      {
        onNews: (news) => this.#onNews(thread, news),
        onFailure: (text) => {
          this.#words.setDead(thread)
          this.#log('error', text)
        },
        onExit: (managed) => this.#onExit(thread, managed),
      },
      host ?? threads.take(thread),
    )
  }

  /** A doorbell line between two threads. */
  #connect(thread: number, peer: number): void {
    const { port1, port2 } = new MessageChannel()
    this.#sendPort(thread, peer, port1)
    this.#sendPort(peer, thread, port2)
  }

  #sendPort(to: number, thread: number, port: MessagePort): void {
    this.#post(to, { type: 'peer', thread, port }, [port])
  }

  #post(thread: number, message: ToThread, transfer: Transferable[] = []): void {
    this.#threads[thread]?.post(message, transfer)
  }

  #onNews(thread: number, news: ThreadNews): void {
    switch (news.type) {
      case 'log':
        void this.#options.log.then((log) => log.accept(news.lines))
        break
      case 'forgotten':
        this.#onForgotten(news.thread, thread)
        break
      case 'mainQuestion':
        void this.#answer(thread, news)
        break
      case 'forgetConnection':
        this.#cryptoPool.forget(news.cid)
        break
      case 'closed':
        this.closed.add(thread, news)
        break
      case 'slow':
        this.slowEvents.add(news.event)
        break
      case 'tapSample':
        this.taps.onSample(news.taps, news.sample)
        break
      case 'accountNumbered':
        this.#accountNames[news.number] = news.name
        break
      case 'relayLeaf':
        this.#relayLeaf(news.port, news.facts, news.cid)
        break
    }
  }

  /** While the routing worker is replaced the leaf is turned away; it comes again. */
  #relayLeaf(port: MessagePort, facts: RelayedLeaf, cid: number): void {
    if (!this.#words.isRunning(this.#router)) port.close()
    else this.#post(this.#router, { type: 'relayedLeaf', port, facts, cid }, [port])
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

  #onExit(thread: number, managed: ManagedThread): void {
    if (this.#isEnding || this.#threads[thread] !== managed) return
    if (!this.#hasStarted) {
      managed.isDead = true
      return
    }
    const { kernel, onFatal, deathIntervalMs = DEATH_INTERVAL_MS } = this.#options
    const role = threadRole(thread)
    const nowMs = performance.now()
    const lastMs = this.#lastDeathMs.get(role)
    this.#lastDeathMs.set(role, nowMs)
    if (lastMs !== undefined && nowMs - lastMs < deathIntervalMs) {
      onFatal(`${role} died twice within a minute`)
      return
    }
    this.#log('error', `${role} ${thread} died: its connections are closed, a new one starts`)
    this.#words.clear(thread)
    this.closed.addTraffic(thread, trafficOfDeadThread(kernel, thread, this.#accountNames))
    managed.isDead = true
    for (let peer = 0; peer < this.#threads.length; peer++) {
      if (peer !== thread) this.#tellDeath(thread, managed, peer)
    }
    this.#replaceForgotten()
  }

  /** Tells a peer that a thread died. Two dead threads have nothing to tell each other. */
  #tellDeath(thread: number, managed: ManagedThread, peer: number): void {
    const other = this.#threads[peer]!
    if (!other.isDead) {
      managed.awaited.add(peer)
      this.#post(peer, { type: 'peerDied', thread })
      return
    }
    this.#words.emptyLane(thread, peer)
    this.#words.emptyLane(peer, thread)
    if (thread === this.#router) other.awaited.add(thread)
    else other.awaited.delete(thread)
    if (peer === this.#router) managed.awaited.add(peer)
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
      this.#log('info', `${threadRole(thread)} ${thread} replaced`)
      this.connections.handOverWaiting()
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
    return this.#threads[thread]?.ask(name, ask, timeoutMs) ?? Promise.resolve(undefined)
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
    return this.#threads.map((thread) => thread.load())
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
    return this.ask(this.#router, 'leafReport', { withSubscriptions })
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
    await this.ask(this.#router, 'announceEnd', { how }, END_TIMEOUT_MS).catch(() => {})
  }

  /** Tells clients and leafs that this server is about to end. @returns how many there are */
  async tellLameDuck(): Promise<number> {
    await this.#announceEnd('lameDuck')
    const counts = await this.askAll('lameDuck', undefined)
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  }

  /** Closes all clients, spread over `durationMs`. */
  async drainClients(durationMs: number): Promise<void> {
    const drains = this.#threads.map((_, thread) =>
      thread === this.#router
        ? undefined
        : this.ask(thread, 'drain', { durationMs }, 2 * durationMs + 60_000),
    )
    await Promise.all(drains)
  }

  // ── end ───────────────────────────────────────────────────────────────────────────────────

  /** Closes all connections and ends the threads. */
  async end(): Promise<void> {
    this.#isEnding = true
    clearInterval(this.#rateTimer)
    this.connections.close()
    if (this.#hasStarted) await this.#announceEnd('shutdown')
    const alive = this.#threads.filter(({ isDead }) => !isDead)
    await Promise.all(alive.map((thread) => thread.close()))
    await Promise.all(alive.map((thread) => thread.terminate()))
    await this.#cryptoPool.close()
  }
}
