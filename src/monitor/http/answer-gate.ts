/** Answers that are made at a time; each asks all threads. */
const RUNNING_MAX = 4

/** Requests that may wait for that; more are refused. */
const WAITING_MAX = 4096

/** Makes a flood of requests a queue, so that threads are asked one question after another. */
export class AnswerGate {
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** @returns undefined when too many wait already */
  async run<Result>(make: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#running >= RUNNING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) return undefined
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running++
    }
    try {
      return await make()
    } finally {
      // The place goes to the next one as it is; otherwise somebody new could slip in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
