import { setImmediate as nextTurn } from 'node:timers/promises'

/** Connections looked at before it is asked whether others should get their turn. */
const STEP = 32
/** What messages may have to wait for a monitor. */
const SLICE_MS = 0.5

/** Long work of a thread in turns, with messages in between. */
export class Slices {
  #endMs = performance.now() + SLICE_MS

  isOver(done: number): boolean {
    return done % STEP === 0 && performance.now() > this.#endMs
  }

  async next(): Promise<void> {
    await nextTurn()
    this.#endMs = performance.now() + SLICE_MS
  }
}
