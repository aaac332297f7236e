import type { Kernel } from '../../kernel/kernel.ts'
import { laneAddress, threadField } from '../../kernel/shared-memory.ts'
import { Histogram, LANE_BOUNDS_BYTES, TIME_BOUNDS_MS } from '../../monitor/metrics/histogram.ts'
import { SharedClock } from './shared-clock.ts'

/**
 * How long messages are in the broker, from their bytes being read to their frames being handed to
 * the sockets of their receivers. Always on, and nothing per message: a few words are looked at
 * when a turn flushes and when a lane is read, and the clock once per flush that had messages.
 *
 * Messages of this thread are as old as the turn. Of those that come by a lane the producer marks
 * one batch with the time its turn began, and the next one only when that was read (LANE_MARK);
 * what came meanwhile counts as old as the batch that was marked.
 */
export class DeliveryLatency {
  readonly local = new Histogram(TIME_BOUNDS_MS)
  readonly lanes = new Histogram(TIME_BOUNDS_MS)
  readonly laneBytes = new Histogram(LANE_BOUNDS_BYTES)
  readonly #clock = new SharedClock()
  readonly #nowMs: () => number
  readonly #words: Int32Array
  /** Messages handed out by this thread; the low word is enough for differences. */
  readonly #outWord: number
  /** By producer, the word where its lane to this thread begins. */
  readonly #laneWords: readonly number[]
  readonly #producerOffset: number
  readonly #consumerOffset: number
  readonly #markOffset: number
  readonly #markUsOffset: number
  /** What #outWord was at the last flush. */
  #counted = 0
  /** Of what was handed out since, that came by lanes. */
  #fromLanes = 0
  /** Handed out by producer since its last mark was read. */
  readonly #unmarked: Float64Array
  // The lane that is being read.
  #position = 0
  #mark = 0
  #markUs = 0
  #out = 0
  // Marks read since the last flush.
  readonly #readUs: Int32Array
  readonly #readMsgs: Float64Array
  #readCount = 0

  constructor(kernel: Kernel, thread: number, nowMs = () => performance.now()) {
    this.#nowMs = nowMs
    const { layout, words } = kernel
    const threadCount = words[layout.HEADER_THREAD_COUNT >> 2]!
    this.#words = words
    this.#outWord = threadField(kernel, thread, layout.THREAD_OUT_MSGS) >> 2
    this.#laneWords = Array.from(
      { length: threadCount },
      (_, from) => laneAddress(kernel, from, thread) >> 2,
    )
    this.#producerOffset = layout.LANE_PRODUCER >> 2
    this.#consumerOffset = layout.LANE_CONSUMER >> 2
    this.#markOffset = layout.LANE_MARK >> 2
    this.#markUsOffset = layout.LANE_MARK_US >> 2
    this.#counted = words[this.#outWord]!
    this.#unmarked = new Float64Array(threadCount)
    this.#readUs = new Int32Array(threadCount)
    this.#readMsgs = new Float64Array(threadCount)
  }

  /** What commitLanes is given for a turn that began at `nowMs`. */
  stamp(nowMs: number): number {
    return this.#clock.toSharedUs(nowMs)
  }

  /** The lane from a thread is about to be read. */
  beforeLane(from: number): void {
    const words = this.#words
    const lane = this.#laneWords[from]!
    // A mark that is on its way stays as it is until it was read; others are of no use.
    this.#mark = Atomics.load(words, lane + this.#markOffset)
    this.#markUs = words[lane + this.#markUsOffset]!
    this.#position = words[lane + this.#consumerOffset]!
    this.#out = words[this.#outWord]!
    const waiting = (Atomics.load(words, lane + this.#producerOffset) - this.#position) | 0
    if (waiting !== 0) this.laneBytes.record(waiting)
  }

  /** Something of it was read. */
  afterLane(from: number): void {
    const words = this.#words
    const msgs = (words[this.#outWord]! - this.#out) | 0
    this.#fromLanes += msgs
    const unmarked = this.#unmarked[from]! + msgs
    const position = words[this.#laneWords[from]! + this.#consumerOffset]!
    const isRead = ((this.#mark - this.#position) | 0) > 0 && ((position - this.#mark) | 0) >= 0
    if (!isRead || unmarked === 0) {
      this.#unmarked[from] = unmarked
      return
    }
    this.#unmarked[from] = 0
    // Lanes may be read more than once before a flush; no lane holds a flush up, though.
    if (this.#readCount === this.#readUs.length) return
    this.#readUs[this.#readCount] = this.#markUs
    this.#readMsgs[this.#readCount++] = unmarked
  }

  /** What the turn has written so far was handed to the sockets. */
  onFlushed(turnBeganMs: number): void {
    const out = this.#words[this.#outWord]!
    if (out === this.#counted && this.#readCount === 0) return
    const local = ((out - this.#counted) | 0) - this.#fromLanes
    this.#counted = out
    this.#fromLanes = 0
    const nowMs = this.#nowMs()
    if (local > 0) this.local.record(nowMs - turnBeganMs, local)
    for (let i = 0; i < this.#readCount; i++) {
      this.lanes.record(this.#clock.sinceMs(this.#readUs[i]!, nowMs), this.#readMsgs[i]!)
    }
    this.#readCount = 0
  }
}
