/** Time as the program sees it; tests put their own in. */
export interface Clock {
  /** Microseconds since 1970 UTC, a safe integer until the year 2255. */
  wallUs(): number
  /** Milliseconds since some moment; never runs backwards. For measuring spans. */
  monotonicMs(): number
}

/** Largest part of a millisecond that Date.now() cuts off, in whole microseconds. */
const SUB_MS_MAX = 0.999

/**
 * Wall clock with microseconds, from a coarse clock that follows the system's time and a fine one
 * that only counts.
 *
 * The fine clock (performance.now) drifts from the system's time and ignores its corrections. The
 * coarse one (Date.now) cuts off the microseconds. So the fine one is used, moved as little as
 * possible whenever it leaves the millisecond that the coarse one tells.
 */
export function createClock(coarseMs: () => number, fineMs: () => number): Clock {
  let offsetMs = coarseMs() - fineMs()
  return {
    wallUs(): number {
      const floorMs = coarseMs()
      const spanMs = fineMs()
      let wallMs = spanMs + offsetMs
      if (wallMs < floorMs) wallMs = floorMs
      else if (wallMs > floorMs + SUB_MS_MAX) wallMs = floorMs + SUB_MS_MAX
      offsetMs = wallMs - spanMs
      // The rounding keeps 1.001 ms, stored as 1.00099…, from becoming 1000 µs.
      return floorMs * 1000 + Math.round((wallMs - floorMs) * 1000)
    },
    monotonicMs: fineMs,
  }
}

export const systemClock: Clock = createClock(Date.now, () => performance.now())

/** Node's timers count milliseconds in 32 bits; what is longer would run out at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** A time from the configuration as setTimeout takes it. */
export function timerMs(durationMs: number): number {
  return Math.min(Math.ceil(durationMs), TIMER_MS_MAX)
}
