import type { Traffic } from '../reports.ts'
import type { HistogramReport } from './histogram.ts'

/** What one thread has measured since it started. Plain data. */
export interface ThreadMeasurements {
  /**
   * From the bytes of a message being read to its frame being handed to the receiver's socket, both
   * in one thread; milliseconds. Counted once for each receiver.
   */
  readonly localLatency: HistogramReport
  /** The same, for messages that another thread has read. */
  readonly laneLatency: HistogramReport
  /** Bytes that waited in a lane each time this thread has begun to read it. */
  readonly laneBytes: HistogramReport
  /** Round trip times of clients, each time one was measured; milliseconds. */
  readonly clientRtt: HistogramReport
  /** Times for which connections were not read because of a rate limit; milliseconds. */
  readonly ingressPauses: HistogramReport
  /** How much later than asked for timers come; milliseconds. Only while somebody asks for it. */
  readonly eventLoopDelay: HistogramReport
  readonly connections: OpenConnections
}

/** Sums over the open connections of a thread, leaf links included: those that /connz lists. */
export interface OpenConnections {
  readonly count: number
  readonly subscriptions: number
  readonly pendingBytes: number
  readonly in: Traffic
  readonly out: Traffic
}

/** What the main thread sees of one thread from outside. Counts are since the start. */
export interface ThreadUsage {
  readonly thread: number
  readonly name: string
  /** Time in which its event loop did something, and did nothing. */
  readonly busyMs: number
  readonly idleMs: number
  readonly arenaBytes: number
  readonly arenaFreeBytes: number
  /** Connections above three quarters of their max_pending, now. */
  readonly stalledConnections: number
  readonly planHits: number
  readonly planMisses: number
  readonly laneFull: number
  readonly outOfMemory: number
  /** Bytes that wait in the lanes to this thread, now. */
  readonly laneBytes: number
}

/** Everything that /metrics has besides the other endpoints. */
export interface BrokerMeasurements {
  /** Those of all threads together. */
  readonly merged: ThreadMeasurements
  /** By name of the thread, the main one included; milliseconds. */
  readonly eventLoopDelay: ReadonlyMap<string, HistogramReport>
  readonly threads: readonly ThreadUsage[]
  /** Of the threads' lanes, each. */
  readonly laneCapacityBytes: number
  readonly sublistBytes: number
  readonly sublistUsedBytes: number
  /** Password verifications that wait for a thread, and that have one. */
  readonly crypto: { readonly waiting: number; readonly running: number }
}

/** Messages published on one subject within some time. */
export interface TopSubject {
  readonly account: string
  readonly subject: string
  readonly msgs: number
}

export interface TopSubjects {
  /** Time they were counted for; 0 = counting has just begun, and there are none yet. */
  readonly seconds: number
  /** Most messages first. */
  readonly subjects: readonly TopSubject[]
}

/** What a thread has counted: accounts are numbers there. */
export interface ThreadSubject {
  readonly account: number
  readonly subject: string
  readonly msgs: number
}
