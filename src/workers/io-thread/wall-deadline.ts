import type { Deadlines } from '../../io/deadlines.ts'

/** Far deadlines are looked at again this often: clocks get set, and timers have a range. */
const STEP_MS = 3_600_000

/**
 * Runs `run` once, not before a moment of the wall clock.
 *
 * @param unixMs Unix time
 * @returns what calls it off
 */
export function atWallTime(deadlines: Deadlines, unixMs: number, run: () => void): () => void {
  const wait = () => {
    const leftMs = Math.max(0, unixMs - Date.now())
    return deadlines.after(Math.min(leftMs, STEP_MS), () => {
      if (Date.now() >= unixMs) run()
      else deadline = wait()
    })
  }
  let deadline = wait()
  return () => deadline.cancel()
}
