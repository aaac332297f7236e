import type { Endpoint } from './drivers/tasks.ts'
import type { LineConnection } from './line-connection.ts'

const MS_PER_S = 1_000

/** What others do, again and again, while requests are timed. */
export abstract class StormLoad {
  /** Resolves when it has done something for the first time; rejects like `failure`. */
  readonly first: Promise<void>
  /** Rejects when a connection is refused, or breaks off. */
  readonly failure: Promise<never>
  protected readonly endpoint: Endpoint
  protected readonly connections = new Set<LineConnection>()
  protected isStopped = false
  readonly #fail: (error: unknown) => void
  readonly #succeed: () => void
  #startMs = 0
  #count = 0

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
    const failure = Promise.withResolvers<never>()
    const success = Promise.withResolvers<void>()
    this.#fail = failure.reject
    this.#succeed = success.resolve
    this.failure = failure.promise
    this.failure.catch(() => {}) // seen by whoever waits next
    this.first = Promise.race([success.promise, this.failure])
    this.first.catch(() => {})
  }

  /** Resolves when so many clients are connected; they go on from then. */
  abstract start(count: number): Promise<void>

  /** Since the start. */
  perSecond(): number {
    return (this.#count * MS_PER_S) / (performance.now() - this.#startMs)
  }

  stop(): void {
    this.isStopped = true
    for (const connection of this.connections) connection.close()
  }

  /** Runs a loop for each of the clients. */
  protected runAll(loops: readonly (() => Promise<void>)[]): void {
    this.#startMs = performance.now()
    for (const loop of loops) {
      loop().catch((error: unknown) => {
        if (!this.isStopped) this.#fail(error)
      })
    }
  }

  protected countDone(more: number): void {
    this.#count += more
    this.#succeed()
  }
}
