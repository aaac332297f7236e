import type { Endpoint } from './drivers/tasks.ts'
import { LineConnection } from './line-connection.ts'
import { within } from './within.ts'

/** Handshakes under way at a time: well below any accept backlog. */
const HANDSHAKES_MAX = 64
const OPEN_MS_MAX = 120_000
const ANSWER_MS_MAX = 30_000

/** Many clients with one subscription each that do nothing but answer PING. */
export class Crowd {
  /** Rejects when one of them is refused, told an error, or closed by the server. */
  readonly failure: Promise<never>
  readonly #fail: (error: unknown) => void
  readonly #connections: LineConnection[] = []

  private constructor() {
    const { promise, reject } = Promise.withResolvers<never>()
    this.failure = promise
    this.failure.catch(() => {}) // seen by whoever waits next
    this.#fail = reject
  }

  /** @throws Error when one is not let in, or the limit of open files does not allow so many */
  static async open(count: number, endpointOf: (index: number) => Endpoint): Promise<Crowd> {
    const crowd = new Crowd()
    try {
      const describe = (): string => `only ${crowd.#connections.length} of ${count} connected`
      await within(OPEN_MS_MAX, crowd.#open(count, endpointOf), describe)
      return crowd
    } catch (error) {
      crowd.close()
      throw hasTooManyFiles(error) ? tooManyFiles(count, error) : error
    }
  }

  /** Resolves when every one has been answered a PING. */
  async prove(): Promise<void> {
    const answered = Promise.all(this.#connections.map((connection) => connection.flush()))
    await within(ANSWER_MS_MAX, answered, () => 'not every idle connection is answered')
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  async #open(count: number, endpointOf: (index: number) => Endpoint): Promise<void> {
    let next = 0
    const openSome = async (): Promise<void> => {
      while (next < count) {
        const index = next++
        const endpoint = endpointOf(index)
        const { connection } = await LineConnection.open(endpoint)
        this.#connections.push(connection)
        connection.failure.catch(this.#fail)
        await connection.logIn(endpoint)
        connection.write(`SUB bench.idle.${index} 1\r\n`)
        await connection.flush()
      }
    }
    await Promise.all(Array.from({ length: HANDSHAKES_MAX }, openSome))
  }
}

function hasTooManyFiles(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EMFILE'
}

function tooManyFiles(count: number, cause: unknown): Error {
  const advice = 'raise the limit (ulimit -n), or give fewer --connections'
  return new Error(`too many open files for ${count} connections: ${advice}`, { cause })
}
