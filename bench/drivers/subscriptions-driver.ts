import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { monotonicNs } from './clock.ts'
import { Connection } from './connection.ts'
import type { Driver } from './serve.ts'
import type { SubscriptionsCommand, SubscriptionsPhase, SubscriptionsTask } from './tasks.ts'

const NS_PER_US = 1_000
/** Lines of one write. */
const BATCH = 4_096
/** Distinct subjects to which a message is sent in the end. */
const SAMPLE_MAX = 1_000

/** Makes many subscriptions on one connection; then sends messages that prove them. */
export class SubscriptionsDriver implements Driver<SubscriptionsCommand, SubscriptionsPhase> {
  readonly #task: SubscriptionsTask
  readonly #kernel: ReceiveKernel
  readonly #onFailure: (error: Error) => void
  #connection: Connection | undefined

  constructor(task: SubscriptionsTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#kernel = new ReceiveKernel(task.kernel, 1)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    this.#connection = await Connection.open(this.#kernel, this.#task.endpoint, this.#onFailure)
  }

  async run(command: SubscriptionsCommand): Promise<SubscriptionsPhase> {
    const cpuStart = process.threadCpuUsage()
    const startNs = monotonicNs()
    const messages = command === 'subscribe' ? await this.#subscribe() : await this.#prove()
    const cpu = process.threadCpuUsage(cpuStart)
    const cpuNs = (cpu.user + cpu.system) * NS_PER_US
    return { messages, elapsedNs: monotonicNs() - startNs, cpuNs }
  }

  close(): void {
    this.#connection?.close()
  }

  /** Resolves when the server has taken all. */
  async #subscribe(): Promise<number> {
    const { count } = this.#task
    const connection = this.#connection!
    for (let from = 0; from < count; from += BATCH) {
      let lines = ''
      const end = Math.min(count, from + BATCH)
      for (let index = from; index < end; index++) {
        lines += `SUB ${this.#subject(index)} ${index + 1}\r\n`
      }
      await new Promise<void>((resolve) => connection.write(lines, resolve))
    }
    await connection.flush()
    return 0
  }

  /** One message to all, or one to each of a sample; returns how many have come. */
  async #prove(): Promise<number> {
    const { count, isSame } = this.#task
    const connection = this.#connection!
    const kernel = this.#kernel
    const sample = isSame ? 1 : Math.min(count, SAMPLE_MAX)
    const expected = isSame ? count : sample
    const frames = Array.from({ length: sample }, (_, n) => {
      const index = Math.floor((n * (count - 1)) / Math.max(1, sample - 1))
      return `PUB ${this.#subject(index)} 2\r\nhi\r\n`
    })
    const arrived = new Promise<void>((resolve) => {
      connection.onProgress = () => {
        if (kernel.messages(connection.record) >= expected) resolve()
      }
    })
    connection.write(frames.join(''))
    await arrived
    await connection.flush()
    const messages = kernel.messages(connection.record)
    if (messages !== expected) throw new Error(`received=${messages} expected=${expected}`)
    return messages
  }

  #subject(index: number): string {
    return this.#task.isSame ? 'bench.same' : `bench.sub.${index % 1_000}.${index}`
  }
}
