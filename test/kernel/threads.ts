import { compileKernel, type KernelHost } from '../../src/kernel/kernel.ts'
import { createSharedMemory, SHARED_MEMORY_BYTES_MIN } from '../../src/kernel/shared-memory.ts'
import { KernelThread } from './kernel-thread.ts'

const CHECKED_KERNEL = compileKernel(true)
const FAST_KERNEL = compileKernel(false)
/** Both builds, for the tests that also run on the one without assertions. */
export const KERNELS = [
  { name: 'checked', module: CHECKED_KERNEL },
  { name: 'fast', module: FAST_KERNEL },
] as const

const SETTLE_ROUNDS_MAX = 1000

export interface MemoryOptions {
  readonly workerCount?: number
  readonly module?: WebAssembly.Module
  /** Cuts the sublist short. */
  readonly sublistBytes?: number
  /** Cuts lanes short; a power of two. */
  readonly laneCapacity?: number
  /** Cuts the workers' arenas short. */
  readonly arenaBytes?: number
  /** The routing worker and the first protocol worker share an event loop. */
  readonly isJoined?: boolean
  /** What every kernel asks. */
  readonly hostOf?: (memory: WebAssembly.Memory) => KernelHost
}

/** A memory whose header is written and that no thread is attached to. */
export function createMemory(options: MemoryOptions = {}): WebAssembly.Memory {
  const { workerCount = 2, module = CHECKED_KERNEL } = options
  const totalBytes = SHARED_MEMORY_BYTES_MIN
  const { memory, kernel } = createSharedMemory(module, { workerCount, totalBytes })
  const { layout, words } = kernel
  if (options.sublistBytes !== undefined) {
    words[layout.HEADER_SUBLIST_END >> 2] =
      words[layout.HEADER_SUBLIST >> 2]! + options.sublistBytes
  }
  if (options.laneCapacity !== undefined) {
    words[layout.HEADER_LANE_CAPACITY >> 2] = options.laneCapacity
  }
  if (options.arenaBytes !== undefined) {
    words[layout.HEADER_WORKER_ARENA_BYTES >> 2] = options.arenaBytes
  }
  return memory
}

/** The routing worker and some protocol workers, all in the test's own JavaScript thread. */
export class Threads {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly all: KernelThread[]

  constructor(options: MemoryOptions = {}) {
    const { workerCount = 2, module = CHECKED_KERNEL } = options
    this.module = module
    this.memory = createMemory(options)
    const host = options.hostOf?.(this.memory)
    this.all = Array.from(
      { length: workerCount + 1 },
      (_, thread) => new KernelThread(module, this.memory, thread, thread + 1, host),
    )
    if (options.isJoined) {
      this.router.exports.standBeside(1)
      this.worker(1).exports.standBeside(0)
    }
    if (this.router.exports.formatSublist() === 0) throw new RangeError('the sublist is too small')
    this.router.exports.openSublist()
  }

  get router(): KernelThread {
    return this.all[0]!
  }

  worker(thread: number): KernelThread {
    return this.all[thread]!
  }

  /** Commits and reads lanes until nothing is under way, as turns of all threads would. */
  settle(): void {
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
      for (const { exports } of this.all) exports.commitLanes()
      const hasRead = this.all.map((thread) => thread.drainLanes()).includes(true)
      this.router.exports.reclaim()
      for (const { exports } of this.all) exports.tidy()
      if (!hasRead) return
    }
    throw new Error('the lanes never become empty')
  }

  /** Number of a connection's account. */
  accountOf(connection: number): number {
    const { exports, layout } = this.router
    const account = this.router.word(connection + layout.CONNECTION_ACCOUNT)
    return (account - exports.accountAddress(0)) / layout.ACCOUNT_BYTES
  }

  /** Interest of a leaf link of the routing worker. Returns the entry. */
  insertLeaf(link: number, subject: string, queue = '', weight = 1): number {
    const account = this.accountOf(link)
    const { router } = this
    const [at, queueAt] = router.place(subject, queue)
    const generation = router.word(link + router.layout.CONNECTION_GENERATION)
    const entry = router.exports.insertEntry(
      ...([
        account,
        at!,
        subject.length,
        queueAt!,
        queue.length,
        link,
        generation,
        0,
        weight,
      ] as const),
    )
    if (entry === 0) throw new RangeError('no memory for an entry')
    return entry
  }
}
