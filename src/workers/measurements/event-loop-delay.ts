import { Histogram, TIME_BOUNDS_MS } from '../../monitor/metrics/histogram.ts'

/** A timer this often is noise; chosen. */
const INTERVAL_MS = 20
/** Who scrapes less often than this gets no delays. */
export const WANTED_FOR_MS = 60_000

/**
 * How much later than asked for a timer comes, which is how long the event loop was busy. Runs only
 * while somebody asks: the timer wakes a thread that would sleep. perf_hooks has the same, but no
 * buckets that only grow, which Prometheus needs.
 */
export class EventLoopDelay {
  readonly histogram = new Histogram(TIME_BOUNDS_MS)
  #timer: NodeJS.Timeout | undefined
  #wantedUntilMs = 0
  #dueMs = 0
  readonly #nowMs: () => number
  readonly #onTimer = () => this.#tick()

  constructor(nowMs = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Somebody has asked: measures for another minute. */
  want(): void {
    const nowMs = this.#nowMs()
    this.#wantedUntilMs = nowMs + WANTED_FOR_MS
    if (this.#timer === undefined) this.#schedule(nowMs)
  }

  #schedule(nowMs: number): void {
    this.#dueMs = nowMs + INTERVAL_MS
    this.#timer = setTimeout(this.#onTimer, INTERVAL_MS).unref()
  }

  #tick(): void {
    this.#timer = undefined
    const nowMs = this.#nowMs()
    this.histogram.record(Math.max(0, nowMs - this.#dueMs))
    if (nowMs < this.#wantedUntilMs) this.#schedule(nowMs)
  }

  get isRunning(): boolean {
    return this.#timer !== undefined
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
