import { build, type Histogram } from 'hdr-histogram-js'
import type { LatencyPhase } from './tasks.ts'

/** A minute; longer ones are recorded as this. */
const LATENCY_NS_MAX = 60_000_000_000

/** Nanoseconds, with three digits. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({ highestTrackableValue: LATENCY_NS_MAX })

  record(latencyNs: number): void {
    this.#histogram.recordValue(Math.min(latencyNs, LATENCY_NS_MAX))
  }

  /** Also records what the ones due meanwhile would have seen. */
  recordPaced(latencyNs: number, intervalNs: number): void {
    const ns = Math.min(latencyNs, LATENCY_NS_MAX)
    this.#histogram.recordValueWithExpectedInterval(ns, intervalNs)
  }

  /** @param percent such as 99.9 */
  percentileNs(percent: number): number {
    return this.#histogram.getValueAtPercentile(percent)
  }

  summary(requests: number, elapsedNs: number): LatencyPhase {
    return {
      requests,
      elapsedNs,
      p50Ns: this.percentileNs(50),
      p90Ns: this.percentileNs(90),
      p99Ns: this.percentileNs(99),
      p999Ns: this.percentileNs(99.9),
      maxNs: this.#histogram.maxValue,
      meanNs: this.#histogram.mean,
    }
  }
}
