import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { END, READY } from './drivers/serve.ts'
import type { DriverTask } from './drivers/tasks.ts'
import { LOAD_WORKER_PATH } from './paths.ts'

/**
 * Threads for load drivers; they live through the whole benchmark, so that every server meets warm
 * code.
 */
export function createDriverPool(threads: number): Piscina {
  return new Piscina({
    filename: LOAD_WORKER_PATH,
    name: 'runDriver',
    minThreads: threads,
    maxThreads: threads,
    // Drivers are event loops: a thread that sleeps in Atomics.wait between tasks would not serve
    // its sockets.
    atomics: 'disabled',
  })
}

type RunOptions = NonNullable<Parameters<Piscina['run']>[1]>

/** Connections are made one after the other and every one waits for the server twice. */
const OPEN_MS_MAX = 15_000

/** A task without what the group adds to it. */
export type DriverPlan = DriverTask extends infer Task
  ? Task extends DriverTask
    ? Omit<Task, 'port'>
    : never
  : never

/**
 * The drivers of one run, each on its thread: opened together, then given commands together.
 *
 * The first failure of any of them fails the call under way, and ends the threads of all.
 */
export class DriverGroup<Command, Result> {
  readonly #ports: readonly MessagePort[]
  readonly #tasks: readonly Promise<void>[]
  readonly #failure: Promise<never>
  readonly #abort = new AbortController()

  private constructor(pool: Piscina, plans: readonly DriverPlan[]) {
    const channels = plans.map(() => new MessageChannel())
    this.#ports = channels.map((channel) => channel.port1)
    this.#tasks = plans.map((plan, index) => {
      const port = channels[index]!.port2
      const { signal } = this.#abort
      // piscina's types take this list for an options object of Node's; an array is what it asks
      // for.
      const transferList = [port] as RunOptions['transferList']
      return pool.run({ ...plan, port }, { transferList, signal }) as Promise<void>
    })
    this.#failure = new Promise((_, reject) => {
      for (const task of this.#tasks) task.catch(reject)
    })
    this.#failure.catch(() => {}) // seen by the next call, when none is under way
  }

  static async open<Command, Result>(
    pool: Piscina,
    plans: readonly DriverPlan[],
  ): Promise<DriverGroup<Command, Result>> {
    const group = new DriverGroup<Command, Result>(pool, plans)
    const ready = await group.#gather(OPEN_MS_MAX, () => 'drivers did not connect in time')
    if (ready.some((word) => word !== READY)) throw new Error('driver spoke before it was ready')
    return group
  }

  /**
   * Gives all drivers the command and waits for all results.
   *
   * @param stallMs fails when `describe` says the same for so long; its words go into the error
   */
  async run(command: Command, stallMs: number, describe: () => string): Promise<Result[]> {
    const results = this.#gather(stallMs, describe)
    for (const port of this.#ports) port.postMessage(command)
    return (await results) as Result[]
  }

  /** Closes the drivers' connections and frees their threads. */
  async end(): Promise<void> {
    for (const port of this.#ports) port.postMessage(END)
    await Promise.allSettled(this.#tasks)
  }

  async #gather(stallMs: number, describe: () => string): Promise<unknown[]> {
    const stall = Promise.withResolvers<never>()
    let seen = describe()
    const timer = setInterval(() => {
      const now = describe()
      if (now === seen) stall.reject(new Error(now))
      seen = now
    }, stallMs)
    const messages = this.#ports.map(async (port) => (await once(port, 'message'))[0] as unknown)
    try {
      return await Promise.race([Promise.all(messages), this.#failure, stall.promise])
    } catch (error) {
      this.#abort.abort()
      for (const port of this.#ports) port.close()
      throw error
    } finally {
      clearInterval(timer)
    }
  }
}
