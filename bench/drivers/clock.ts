/**
 * Nanoseconds on a clock that all threads share (performance.now() starts anew in each). A double
 * holds them exactly for 104 days after the machine's start, and to a few nanoseconds for years.
 */
export function monotonicNs(): number {
  return Number(process.hrtime.bigint())
}
