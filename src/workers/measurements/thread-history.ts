import {
  addHistograms,
  countOf,
  emptyHistogram,
  type HistogramReport,
  LANE_BOUNDS_BYTES,
  TIME_BOUNDS_MS,
} from '../../monitor/metrics/histogram.ts'
import type { ThreadMeasurements } from '../../monitor/metrics/measurements.ts'

/** The histograms of a thread. */
export type ThreadHistograms = Omit<ThreadMeasurements, 'connections'>

const NOTHING: ThreadHistograms = {
  localLatency: emptyHistogram(TIME_BOUNDS_MS),
  laneLatency: emptyHistogram(TIME_BOUNDS_MS),
  laneBytes: emptyHistogram(LANE_BOUNDS_BYTES),
  clientRtt: emptyHistogram(TIME_BOUNDS_MS),
  ingressPauses: emptyHistogram(TIME_BOUNDS_MS),
  eventLoopDelay: emptyHistogram(TIME_BOUNDS_MS),
}
const NAMES = Object.keys(NOTHING) as (keyof ThreadHistograms)[]

/** What a thread number has measured. Threads that died count on: nothing goes backwards. */
export class ThreadHistory {
  /** Of those that died. */
  #before = NOTHING
  #last = NOTHING

  /** @param report undefined: the thread could not answer */
  update(report: ThreadHistograms | undefined): ThreadHistograms {
    if (report !== undefined) {
      const isSuccessor = NAMES.some((name) => countOf(report[name]) < countOf(this.#last[name]))
      if (isSuccessor) this.#before = merged(this.#before, this.#last)
      this.#last = report
    }
    return merged(this.#before, this.#last)
  }
}

function merged(a: ThreadHistograms, b: ThreadHistograms): ThreadHistograms {
  const sum = (name: keyof ThreadHistograms): HistogramReport => addHistograms(a[name], b[name])
  return {
    localLatency: sum('localLatency'),
    laneLatency: sum('laneLatency'),
    laneBytes: sum('laneBytes'),
    clientRtt: sum('clientRtt'),
    ingressPauses: sum('ingressPauses'),
    eventLoopDelay: sum('eventLoopDelay'),
  }
}

export function mergeAll(histograms: readonly ThreadHistograms[]): ThreadHistograms {
  return histograms.reduce(merged, NOTHING)
}
