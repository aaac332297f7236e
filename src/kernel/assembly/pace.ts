/**
 * How much is matched for what clients publish before others get their turn: a table of wildcards
 * can be made so that a subject costs as many looks as there are subscriptions, and each message
 * can have a subject of its own.
 */

/** Nodes looked at, and entries found. Chosen: one to two milliseconds. */
const WORK_MAX: u32 = 32768
/** What a plan costs besides. */
const WORK_OF_PLAN: u32 = 16

let isOn: bool = false
let isReading: bool = false
let left: i32 = <i32>WORK_MAX
/** The message at hand waits for its thread to come round again. */
export let isSpent: bool = false

/** From here on what is read is paced: its thread resumes those who have to wait. */
export function setPacing(on: bool): void {
  isOn = on
}

/** Others have had their turn. */
export function renewMatching(): void {
  left = <i32>WORK_MAX
}

export function hasMatching(): bool {
  return left > 0
}

/** Around what a connection has sent. */
@inline
export function setReading(reading: bool): void {
  isReading = reading
  isSpent = false
}

/** Whether there may be another plan now. */
export function mayMatch(): bool {
  if (left > 0 || !isOn || !isReading) return true
  isSpent = true
  return false
}

/** @param work nodes and entries */
export function spend(work: u32): void {
  left -= <i32>(work < WORK_MAX ? work + WORK_OF_PLAN : WORK_MAX)
}
