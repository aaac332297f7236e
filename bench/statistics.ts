/**
 * Middle value, or the mean of the two middle ones; undefined without values. A round in which the
 * value is not available (undefined) does not count.
 */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Middle, least and greatest of some rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Undefined without values. */
export function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter((value) => value !== undefined)
  const middle = median(known)
  if (middle === undefined) return undefined
  return { median: middle, min: Math.min(...known), max: Math.max(...known) }
}

/** Which way a figure is good. */
export type Better = 'higher' | 'lower'

/**
 * How many times better ours is than theirs: ours/theirs for rates, theirs/ours for costs, so more
 * than 1 always speaks for ours. Undefined when either is missing or the divisor is 0.
 */
export function ratio(
  better: Better,
  ours: number | undefined,
  theirs: number | undefined,
): number | undefined {
  if (ours === undefined || theirs === undefined) return undefined
  const [dividend, divisor] = better === 'higher' ? [ours, theirs] : [theirs, ours]
  return divisor === 0 ? undefined : dividend / divisor
}
