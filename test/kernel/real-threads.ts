import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { KernelThread } from './kernel-thread.ts'
import { createMemory, type MemoryOptions } from './threads.ts'

/** Words of the memory by which the test and its worker threads agree on what to do. */
export const CONTROL_READY = 0
export const CONTROL_GO = 1
/** -1 = not begun, 0 = go on, 1 = stop. */
export const CONTROL_STOP = 2
const CONTROL_BYTES = 64
const READY_TIMEOUT_MS = 20_000
const POLL_MS = 1

/** What a worker thread of a test is given. */
export interface WorkerStart<T> {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly control: SharedArrayBuffer
  readonly thread: number
  readonly seed: number
  readonly task: T
}

export interface RealThreads<R> {
  /** The routing worker, in the test's own thread; its sublist is open. */
  readonly router: KernelThread
  readonly control: Int32Array
  /** What each worker thread posted at its end; rejects if one of them fails. */
  readonly results: Promise<R[]>
  /** Ends the worker threads. */
  end(): Promise<unknown>
}

/**
 * Starts a real thread for each task, attached to threads 1, 2, … of one memory, and returns when
 * all have announced themselves and their subscriptions are applied. They wait for CONTROL_GO.
 */
export async function startThreads<T, R>(
  file: URL,
  tasks: readonly T[],
  seed: number,
  options: MemoryOptions & { readonly module: WebAssembly.Module },
): Promise<RealThreads<R>> {
  const { module } = options
  const memory = createMemory({ ...options, workerCount: tasks.length })
  const router = new KernelThread(module, memory, 0, seed)
  if (router.exports.formatSublist() === 0) throw new RangeError('the sublist is too small')
  router.exports.openSublist()
  const shared = new SharedArrayBuffer(CONTROL_BYTES)
  const control = new Int32Array(shared)
  control[CONTROL_STOP] = -1
  const workers = tasks.map((task, i) => {
    const start: WorkerStart<T> = { module, memory, control: shared, thread: i + 1, seed, task }
    return new Worker(file, { workerData: start })
  })
  const results = Promise.all(
    workers.map(
      (worker) =>
        new Promise<R>((resolve, reject) => {
          worker.once('message', resolve)
          worker.once('error', reject)
          worker.once('exit', (code) => reject(new Error(`a thread ended with ${code}`)))
        }),
    ),
  )
  const end = () => Promise.all(workers.map((worker) => worker.terminate()))
  let hasFailed = false
  results.catch(() => {
    hasFailed = true
  })
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (Atomics.load(control, CONTROL_READY) < tasks.length && !hasFailed) {
    if (performance.now() > deadline) throw new Error('the threads never became ready')
    await sleep(POLL_MS)
  }
  router.drainLanes()
  return { router, control, results, end }
}

/** xorshift32: the same numbers for the same seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 1
  }

  below(bound: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) % bound
  }
}
