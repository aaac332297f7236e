import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { Connection } from './connection.ts'
import type { Driver } from './serve.ts'
import type { IdleCommand, IdlePhase, IdleTask } from './tasks.ts'

/** Handshakes under way at a time: well below any accept backlog. */
const HANDSHAKES_MAX = 64
const SID = 1

/** Holds many connections with one subscription each. */
export class IdleDriver implements Driver<IdleCommand, IdlePhase> {
  readonly #task: IdleTask
  readonly #kernel: ReceiveKernel
  readonly #onFailure: (error: Error) => void
  readonly #connections: Connection[] = []

  constructor(task: IdleTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#kernel = new ReceiveKernel(task.kernel, task.connections)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {}

  async run(command: IdleCommand): Promise<IdlePhase> {
    if (command.action === 'open') await this.#open(command.connections)
    else await this.#deliver()
    return { connections: this.#connections.length, received: this.#received() }
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  async #open(count: number): Promise<void> {
    const end = this.#connections.length + count
    let next = this.#connections.length
    const openSome = async (): Promise<void> => {
      while (next < end) {
        const subject = subjectOf(next++)
        const { endpoint } = this.#task
        const connection = await Connection.open(this.#kernel, endpoint, this.#onFailure)
        this.#connections.push(connection)
        connection.write(`SUB ${subject} ${SID}\r\n`)
        await connection.flush()
      }
    }
    await Promise.all(Array.from({ length: HANDSHAKES_MAX }, openSome))
  }

  /** One message to each subscription, published over the first connection. */
  async #deliver(): Promise<void> {
    const kernel = this.#kernel
    const count = this.#connections.length
    const arrivals = this.#connections.map(
      (connection) =>
        new Promise<void>((resolve) => {
          connection.onProgress = () => {
            if (kernel.messages(connection.record) > 0) resolve()
          }
        }),
    )
    const frames = Array.from(
      { length: count },
      (_, index) => `PUB ${subjectOf(index)} 2\r\nhi\r\n`,
    )
    this.#connections[0]!.write(frames.join(''))
    await Promise.all(arrivals)
  }

  #received(): number {
    let messages = 0
    for (const connection of this.#connections) messages += this.#kernel.messages(connection.record)
    return messages
  }
}

function subjectOf(index: number): string {
  return `bench.idle.${index}`
}
