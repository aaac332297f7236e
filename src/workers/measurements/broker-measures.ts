import type { Kernel } from '../../kernel/kernel.ts'
import { arenaAddress, laneAddress, threadField } from '../../kernel/shared-memory.ts'
import type { HistogramReport } from '../../monitor/metrics/histogram.ts'
import type {
  BrokerMeasurements,
  OpenConnections,
  ThreadMeasurements,
  ThreadUsage,
  TopSubject,
  TopSubjects,
} from '../../monitor/metrics/measurements.ts'
import { planAndLaneCounts } from '../reports/thread-sums.ts'
import type { Supervisor } from '../threads/supervisor.ts'
import { EventLoopDelay } from './event-loop-delay.ts'
import { mergeAll, ThreadHistory } from './thread-history.ts'

/** Each thread tells of this many subjects. */
const TOP_SUBJECTS_MAX = 100
/** Asked more often, the same answer is given again. */
const TOP_INTERVAL_MS = 1000
/** Counts of more time than this are an average that nobody asked for; and they are 32 bits. */
const TOP_AGE_MS_MAX = 120_000
const MS_PER_S = 1000
const NO_CONNECTIONS: OpenConnections = {
  count: 0,
  subscriptions: 0,
  pendingBytes: 0,
  in: { msgs: 0, bytes: 0 },
  out: { msgs: 0, bytes: 0 },
}

/** On the main thread: what all threads measure, and what can be seen of them from outside. */
export class BrokerMeasures {
  readonly #supervisor: Supervisor
  readonly #kernel: Kernel
  readonly #histories = new Map<number, ThreadHistory>()
  readonly #mainDelay = new EventLoopDelay()
  #measuring: Promise<BrokerMeasurements> | undefined
  #counting: Promise<TopSubjects> | undefined
  #countedMs = Number.NEGATIVE_INFINITY
  #top: TopSubjects = { seconds: 0, subjects: [] }

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor
    this.#kernel = supervisor.kernel
  }

  /** A thread that cannot answer counts with what it has last told. */
  measure(): Promise<BrokerMeasurements> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    return this.#measuring
  }

  /** Subjects with the most messages since about a second before, most first. */
  async topSubjects(limit: number): Promise<TopSubjects> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined
    })
    const { seconds, subjects } = await this.#counting
    return { seconds, subjects: subjects.slice(0, limit) }
  }

  stop(): void {
    this.#mainDelay.stop()
  }

  async #measure(): Promise<BrokerMeasurements> {
    this.#mainDelay.want()
    const reports = await this.#supervisor.askAll('measurements', undefined)
    const { layout, words } = this.#kernel
    const threads = this.#supervisor.threadLoads().map((load) => this.#usage(load))
    const eventLoopDelay = new Map<string, HistogramReport>([
      ['main', this.#mainDelay.histogram.report()],
    ])
    const histograms = reports.map((report, thread) => {
      const history = this.#history(thread).update(report)
      eventLoopDelay.set(threads[thread]!.name, history.eventLoopDelay)
      return history
    })
    const { HEADER_SUBLIST, HEADER_SUBLIST_END, SUBLIST_BREAK } = layout
    const sublist = words[HEADER_SUBLIST >> 2]!
    return {
      merged: { ...mergeAll(histograms), connections: connectionsOf(reports) },
      eventLoopDelay,
      threads,
      laneCapacityBytes: words[layout.HEADER_LANE_CAPACITY >> 2]!,
      sublistBytes: words[HEADER_SUBLIST_END >> 2]! - sublist,
      sublistUsedBytes: Math.max(0, words[(sublist + SUBLIST_BREAK) >> 2]! - sublist),
      crypto: this.#supervisor.cryptoLoad(),
    }
  }

  #history(thread: number): ThreadHistory {
    let history = this.#histories.get(thread)
    if (history === undefined) {
      history = new ThreadHistory()
      this.#histories.set(thread, history)
    }
    return history
  }

  #usage({ thread, name, busyMs, idleMs }: ThreadLoad): ThreadUsage {
    const { layout, words } = this.#kernel
    const arena = arenaAddress(this.#kernel, thread)
    const pageBytes = (field: number) => words[(arena + field) >> 2]! * layout.PAGE_BYTES
    return {
      thread,
      name,
      busyMs,
      idleMs,
      arenaBytes: pageBytes(layout.ARENA_PAGE_COUNT),
      arenaFreeBytes: pageBytes(layout.ARENA_FREE_PAGES),
      stalledConnections:
        words[threadField(this.#kernel, thread, layout.THREAD_STALLED_CONNECTIONS) >> 2]!,
      ...planAndLaneCounts(this.#kernel, thread),
      laneBytes: this.#laneBytes(thread),
    }
  }

  #laneBytes(to: number): number {
    const { layout, words } = this.#kernel
    const threadCount = words[layout.HEADER_THREAD_COUNT >> 2]!
    let waiting = 0
    for (let from = 0; from < threadCount; from++) {
      const lane = laneAddress(this.#kernel, from, to)
      // In this order: the consumer never is ahead of what the producer had written before.
      const consumed = Atomics.load(words, (lane + layout.LANE_CONSUMER) >> 2)
      waiting += (Atomics.load(words, (lane + layout.LANE_PRODUCER) >> 2) - consumed) >>> 0
    }
    return waiting
  }

  async #count(): Promise<TopSubjects> {
    const nowMs = performance.now()
    const ageMs = nowMs - this.#countedMs
    if (ageMs < TOP_INTERVAL_MS) return this.#top
    this.#countedMs = nowMs
    const counts = await this.#supervisor.askAll('topSubjects', { limit: TOP_SUBJECTS_MAX })
    if (ageMs > TOP_AGE_MS_MAX) return { seconds: 0, subjects: [] }
    const sums = new Map<string, TopSubject>()
    for (const { account, subject, msgs } of counts.flatMap((of) => of ?? [])) {
      const key = `${account} ${subject}`
      const before = sums.get(key)?.msgs ?? 0
      const name = this.#supervisor.accountNames[account] ?? ''
      sums.set(key, { account: name, subject, msgs: before + msgs })
    }
    const subjects = [...sums.values()].sort((a, b) => b.msgs - a.msgs).slice(0, TOP_SUBJECTS_MAX)
    this.#top = { seconds: ageMs / MS_PER_S, subjects }
    return this.#top
  }
}

/** How busy a thread's event loop has been since it started. */
export interface ThreadLoad {
  readonly thread: number
  /** `routing`, `protocol-1`, … */
  readonly name: string
  readonly busyMs: number
  readonly idleMs: number
}

function connectionsOf(reports: readonly (ThreadMeasurements | undefined)[]): OpenConnections {
  return reports.reduce((sum, report) => {
    const open = report?.connections ?? NO_CONNECTIONS
    return {
      count: sum.count + open.count,
      subscriptions: sum.subscriptions + open.subscriptions,
      pendingBytes: sum.pendingBytes + open.pendingBytes,
      in: { msgs: sum.in.msgs + open.in.msgs, bytes: sum.in.bytes + open.in.bytes },
      out: { msgs: sum.out.msgs + open.out.msgs, bytes: sum.out.bytes + open.out.bytes },
    }
  }, NO_CONNECTIONS)
}
