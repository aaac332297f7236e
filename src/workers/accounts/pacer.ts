/**
 * Waits until other threads have taken in what they were told: whoever tells them very much does so
 * a little at a time, or they would do nothing else for a while.
 */
export class Pacer {
  readonly #ask: (thread: number, id: number) => void
  /** Threads that were told something since they were asked last. */
  readonly #told = new Set<number>()
  readonly #waiting = new Map<
    number,
    { readonly threads: Set<number>; readonly done: () => void }
  >()
  #lastId = 0

  /** @param ask lets a thread answer with `onPaced` when it comes to that */
  constructor(ask: (thread: number, id: number) => void) {
    this.#ask = ask
  }

  /** Something is on its way to a thread. */
  note(thread: number): void {
    this.#told.add(thread)
  }

  /** Resolves when all of them have taken in what they were told so far, or died. */
  wait(): Promise<void> {
    if (this.#told.size === 0) return Promise.resolve()
    const id = ++this.#lastId
    const threads = new Set(this.#told)
    this.#told.clear()
    return new Promise((done) => {
      this.#waiting.set(id, { threads, done })
      for (const thread of threads) this.#ask(thread, id)
    })
  }

  onPaced(thread: number, id: number): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    waiting.threads.delete(thread)
    if (waiting.threads.size > 0) return
    this.#waiting.delete(id)
    waiting.done()
  }

  /** The thread died. */
  forget(thread: number): void {
    this.#told.delete(thread)
    for (const id of [...this.#waiting.keys()]) this.onPaced(thread, id)
  }
}
