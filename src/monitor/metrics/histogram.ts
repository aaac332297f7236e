/** Counts by size, as they travel from threads to the main thread. Only sizes above 0 count. */
export interface HistogramReport {
  /** Upper bounds, inclusive, rising; above the last one there is one more bucket. */
  readonly bounds: readonly number[]
  /** Of each bucket alone, not of those below it; one more than there are bounds. */
  readonly counts: readonly number[]
  readonly sum: number
}

/** 1, 2, 5 steps: quantiles are off by no more than the next bound. */
function steps(from: number, decades: number): number[] {
  const bounds: number[] = []
  for (let decade = 0; decade < decades; decade++) {
    for (const step of [1, 2, 5]) bounds.push(Number((from * step * 10 ** decade).toPrecision(1)))
  }
  return bounds
}

/** Milliseconds: 1 µs … 10 s. */
export const TIME_BOUNDS_MS: readonly number[] = [...steps(0.001, 7), 10_000]
/** Bytes: 256 … 1 MiB, the size of a lane. */
export const LANE_BOUNDS_BYTES: readonly number[] = Array.from({ length: 13 }, (_, i) => 256 << i)

/** Counts by size, in fixed buckets. Allocates nothing after it was made. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  /** @param count how many there were of this size */
  record(size: number, count = 1): void {
    const bounds = this.#bounds
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (size <= bounds[middle]!) high = middle
      else low = middle + 1
    }
    this.#counts[low]! += count
    this.#sum += size * count
  }

  report(): HistogramReport {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum }
  }
}

export function emptyHistogram(bounds: readonly number[]): HistogramReport {
  return { bounds, counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 }
}

/** Both must have the same bounds. */
export function addHistograms(a: HistogramReport, b: HistogramReport): HistogramReport {
  return {
    bounds: a.bounds,
    counts: a.counts.map((count, i) => count + b.counts[i]!),
    sum: a.sum + b.sum,
  }
}

/** What came since `before`, an earlier report of the same histogram. */
export function histogramSince(now: HistogramReport, before: HistogramReport): HistogramReport {
  return {
    bounds: now.bounds,
    counts: now.counts.map((count, i) => count - before.counts[i]!),
    sum: now.sum - before.sum,
  }
}

export function countOf({ counts }: HistogramReport): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/**
 * The size below which a share of all sizes is, between two bounds by proportion, as Prometheus'
 * histogram_quantile does.
 *
 * @param share 0 … 1
 * @returns 0 when nothing was counted; never more than the last bound
 */
export function quantile({ bounds, counts }: HistogramReport, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return 0
  const rank = share * total
  let below = 0
  for (const [i, bound] of bounds.entries()) {
    const count = counts[i]!
    if (count > 0 && below + count >= rank) {
      const from = bounds[i - 1] ?? 0
      return from + (bound - from) * ((rank - below) / count)
    }
    below += count
  }
  return bounds.at(-1)!
}
