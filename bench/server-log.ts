/** As much of a server's log as an error message shows. */
const TAIL_CHARS_MAX = 2_000

interface Waiter {
  readonly pattern: RegExp
  readonly resolve: (line: string) => void
}

/** What a started server says, line by line. */
export class ServerLog {
  #tail = ''
  #rest = ''
  #waiters: Waiter[] = []

  /** The end of it. */
  get tail(): string {
    return this.#tail
  }

  add(text: string): void {
    this.#tail = (this.#tail + text).slice(-TAIL_CHARS_MAX)
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#onLine(line)
  }

  /** Resolves with the first line from now on that matches. */
  next(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => this.#waiters.push({ pattern, resolve }))
  }

  #onLine(line: string): void {
    const [heard, others] = [[] as Waiter[], [] as Waiter[]]
    for (const waiter of this.#waiters) (waiter.pattern.test(line) ? heard : others).push(waiter)
    this.#waiters = others
    for (const { resolve } of heard) resolve(line)
  }
}
