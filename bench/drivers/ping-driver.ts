import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { monotonicNs } from './clock.ts'
import { Connection } from './connection.ts'
import type { Driver } from './serve.ts'
import type { PingPhase, PingTask, TakePings } from './tasks.ts'

const NS_PER_MS = 1e6

/**
 * Sends PINGs at a steady pace, over one connection after the other, whether or not the last ones
 * are answered, so that a stall of the server keeps back none of the PINGs that would see it.
 */
export class PingDriver implements Driver<TakePings, PingPhase> {
  readonly #task: PingTask
  readonly #kernel: ReceiveKernel
  readonly #onFailure: (error: Error) => void
  readonly #connections: Connection[] = []
  #timer: NodeJS.Timeout | undefined
  #sent = 0
  #lastTickNs = 0
  #answered = 0
  #worstNs = 0
  #worstPauseNs = 0

  constructor(task: PingTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#kernel = new ReceiveKernel(task.kernel, task.endpoints.length)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    for (const endpoint of this.#task.endpoints) {
      this.#connections.push(await Connection.open(this.#kernel, endpoint, this.#onFailure))
    }
    this.#lastTickNs = monotonicNs()
    this.#timer = setInterval(() => this.#tick(), this.#task.intervalMs)
  }

  /** What was seen since the last time, with the answers to all PINGs sent until now. */
  async run(): Promise<PingPhase> {
    await Promise.all(this.#connections.map((connection) => this.#ping(connection)))
    const phase = {
      pings: this.#answered,
      worstNs: this.#worstNs,
      worstPauseNs: this.#worstPauseNs,
    }
    this.#answered = 0
    this.#worstNs = 0
    this.#worstPauseNs = 0
    return phase
  }

  close(): void {
    clearInterval(this.#timer)
    for (const connection of this.#connections) connection.close()
  }

  #tick(): void {
    const nowNs = monotonicNs()
    const lateNs = nowNs - this.#lastTickNs - this.#task.intervalMs * NS_PER_MS
    this.#worstPauseNs = Math.max(this.#worstPauseNs, lateNs)
    this.#lastTickNs = nowNs
    void this.#ping(this.#connections[this.#sent % this.#connections.length]!)
    this.#sent += 1
  }

  async #ping(connection: Connection): Promise<void> {
    const sentNs = monotonicNs()
    await connection.flush()
    this.#answered += 1
    this.#worstNs = Math.max(this.#worstNs, monotonicNs() - sentNs)
  }
}
