import type { Endpoint } from './drivers/tasks.ts'
import { LineConnection } from './line-connection.ts'

const MS_PER_S = 1_000

/** What others do while requests are timed. */
export interface StormLoad {
  /** Resolves when it has done something for the first time; rejects like `failure`. */
  readonly first: Promise<void>
  /** Rejects when a connection is refused, or breaks off. */
  readonly failure: Promise<never>
  /** Resolves when so many clients are connected; they go on from then. */
  start(count: number): Promise<void>
  /** Since the start. */
  perSecond(): number
  stop(): void
}

/** Clients that log in, again and again, so that the same number of logins is always under way. */
export class LoginLoad implements StormLoad {
  /** Resolves when somebody was let in; rejects like `failure`. */
  readonly first: Promise<void>
  /** Rejects when a login is refused or a connection breaks off. */
  readonly failure: Promise<never>
  readonly #endpoint: Endpoint
  readonly #fail: (error: unknown) => void
  readonly #succeed: () => void
  readonly #connections = new Set<LineConnection>()
  #startMs = 0
  #count = 0
  #isStopped = false

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    const failure = Promise.withResolvers<never>()
    const success = Promise.withResolvers<void>()
    this.#fail = failure.reject
    this.#succeed = success.resolve
    this.failure = failure.promise
    this.failure.catch(() => {}) // seen by whoever waits next
    this.first = Promise.race([success.promise, this.failure])
    this.first.catch(() => {})
  }

  /** Resolves when all are connected; they log in from then on. */
  async start(count: number): Promise<void> {
    const connections = await Promise.all(Array.from({ length: count }, () => this.#connect()))
    this.#startMs = performance.now()
    for (const connection of connections) void this.#logInOn(connection)
  }

  /** Logins since the start. */
  perSecond(): number {
    return (this.#count * MS_PER_S) / (performance.now() - this.#startMs)
  }

  stop(): void {
    this.#isStopped = true
    for (const connection of this.#connections) connection.close()
  }

  async #connect(): Promise<LineConnection> {
    const { connection } = await LineConnection.open(this.#endpoint)
    this.#connections.add(connection)
    if (this.#isStopped) connection.close()
    return connection
  }

  async #logInOn(first: LineConnection): Promise<void> {
    let connection = first
    try {
      while (!this.#isStopped) {
        await connection.logIn(this.#endpoint)
        this.#count++
        this.#succeed()
        this.#connections.delete(connection)
        connection.close()
        if (!this.#isStopped) connection = await this.#connect()
      }
    } catch (error) {
      if (!this.#isStopped) this.#fail(error)
    }
  }
}
