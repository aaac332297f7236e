import { Worker } from 'node:worker_threads'
import { threadEntry } from '../thread-entry.ts'
import { threadName } from './thread-names.ts'

/**
 * Threads make little garbage, and most of it when clients connect: V8's default keeps more of it
 * than everything that lives. Measured: bench, scenario "idle".
 */
const YOUNG_GENERATION_MB_MAX = 3

/** A thread that waits for its ThreadStart, by message. */
function startThread(thread: number): Worker {
  return new Worker(threadEntry(thread === 0 ? 'routing-worker' : 'protocol-worker'), {
    // Flags of the host program (`--input-type`, `--import` …) are not for our threads.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB_MAX },
    name: threadName(thread),
  })
}

/**
 * Threads that start before it is known what they are to do: Node takes 30 ms to make one, and it
 * loads its code as long again, while the main thread loads its own and reads the configuration.
 * They do not keep the process alive until they are taken.
 */
export class ThreadsAhead {
  readonly #workers = new Map<number, Worker>()

  /** Starts the thread of this number, unless that has been done. */
  start(thread: number): void {
    if (this.#workers.has(thread)) return
    const worker = startThread(thread)
    worker.unref()
    this.#workers.set(thread, worker)
  }

  /** The thread of this number, new if nobody started one ahead. */
  take(thread: number): Worker {
    const worker = this.#workers.get(thread)
    this.#workers.delete(thread)
    if (worker === undefined) return startThread(thread)
    worker.ref()
    return worker
  }

  /** Ends those that nobody took. */
  async end(): Promise<void> {
    const idle = [...this.#workers.values()]
    this.#workers.clear()
    await Promise.all(idle.map((worker) => worker.terminate()))
  }
}
