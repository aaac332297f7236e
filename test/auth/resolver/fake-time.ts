import { NOW_S } from './tokens.ts'

interface Timer {
  readonly atMs: number
  readonly run: () => void
}

/** A clock that moves when told to, with its timers. */
export class FakeTime {
  #nowMs = NOW_S * 1000
  readonly #timers = new Set<Timer>()

  readonly nowMs = (): number => this.#nowMs

  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { atMs: this.#nowMs + ms, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timerCount(): number {
    return this.#timers.size
  }

  /** Runs what is due on the way, and lets its promises end. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > endMs) break
      this.#nowMs = next.atMs
      this.#timers.delete(next)
      next.run()
      await settle()
    }
    this.#nowMs = endMs
    await settle()
  }
}

/** Lets everything end that waits for promises alone. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
