import type { Endpoint } from './drivers/tasks.ts'
import { LineConnection } from './line-connection.ts'
import type { StormLoad } from './login-load.ts'

const MS_PER_S = 1_000
/** Subscriptions made and ended with one answer waited for. */
const BATCH = 100

/** Clients that subscribe to subjects of their own and end that again, as fast as they are let. */
export class SubscriptionLoad implements StormLoad {
  readonly first: Promise<void>
  readonly failure: Promise<never>
  readonly #endpoint: Endpoint
  readonly #fail: (error: unknown) => void
  readonly #succeed: () => void
  readonly #connections: LineConnection[] = []
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

  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.#connections.push(await LineConnection.openClient(this.#endpoint))
    }
    this.#startMs = performance.now()
    for (const [index, connection] of this.#connections.entries()) {
      void this.#subscribeOn(connection, index)
    }
  }

  /** Subscriptions made, each of which was ended too. */
  perSecond(): number {
    return (this.#count * MS_PER_S) / (performance.now() - this.#startMs)
  }

  stop(): void {
    this.#isStopped = true
    for (const connection of this.#connections) connection.close()
  }

  async #subscribeOn(connection: LineConnection, index: number): Promise<void> {
    const sids = Array.from({ length: BATCH }, (_, sid) => sid + 1)
    const made = sids.map((sid) => `SUB bench.storm.${index}.${sid}.* ${sid}\r\n`)
    const ended = sids.map((sid) => `UNSUB ${sid}\r\n`)
    const lines = [...made, ...ended].join('')
    try {
      while (!this.#isStopped) {
        connection.write(lines)
        await connection.flush()
        this.#count += BATCH
        this.#succeed()
      }
    } catch (error) {
      if (!this.#isStopped) this.#fail(error)
    }
  }
}
