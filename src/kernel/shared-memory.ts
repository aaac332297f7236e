import { instantiateKernel, type Kernel } from './kernel.ts'

const WASM_PAGE_BYTES = 65_536
/** Addresses stay positive 32-bit integers. The option has the same range (option-table.ts). */
export const SHARED_MEMORY_BYTES_MAX = 2 ** 31
/**
 * chosen: a sublist of a million subscriptions, and a slow consumer at max_pending in each arena
 */
export const SHARED_MEMORY_BYTES_DEFAULT = 2 ** 31
/** Below this not even one worker has room for a client at the default max_pending. */
export const SHARED_MEMORY_BYTES_MIN = 2 ** 28
/** What sublist and arenas together must have, beside the lanes. */
const REST_BYTES_MIN = SHARED_MEMORY_BYTES_MIN / 2
const LANE_CAPACITY_BYTES = 1024 * 1024
/** With many threads the lanes, which grow with the square, shrink. */
const LANE_CAPACITY_BYTES_MANY = 256 * 1024
const MANY_THREADS = 12
/** chosen: reads of up to 256 KiB; measured, bench "1:1 16 B" */
export const READ_BYTES = 256 * 1024
/**
 * Room in front of the read area for an unfinished operation; longer ones get a block of their own.
 */
const HEADROOM_BYTES = 128 * 1024

export interface SharedMemoryOptions {
  /** Protocol workers; the routing worker comes on top. */
  readonly workerCount: number
  readonly totalBytes: number
}

function pageAligned(bytes: number): number {
  return Math.ceil(bytes / WASM_PAGE_BYTES) * WASM_PAGE_BYTES
}

/**
 * Makes the memory and writes its header. The operating system commits pages on first touch, so a
 * large memory costs address space only.
 *
 * @throws RangeError when the memory is out of range, or cannot hold the threads
 */
export function createSharedMemory(
  module: WebAssembly.Module,
  { workerCount, totalBytes }: SharedMemoryOptions,
): { memory: WebAssembly.Memory; kernel: Kernel } {
  if (totalBytes < SHARED_MEMORY_BYTES_MIN || totalBytes > SHARED_MEMORY_BYTES_MAX) {
    throw new RangeError(
      `shared_memory=${totalBytes} is not between ${SHARED_MEMORY_BYTES_MIN} ` +
        `and ${SHARED_MEMORY_BYTES_MAX}`,
    )
  }
  const pages = Math.floor(totalBytes / WASM_PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const kernel = instantiateKernel(module, memory)
  const { layout, words } = kernel
  const threadCount = workerCount + 1
  if (threadCount > layout.THREAD_COUNT_MAX) {
    throw new RangeError(`workers=${workerCount} is more than ${layout.THREAD_COUNT_MAX - 1}`)
  }
  const laneCapacity = threadCount > MANY_THREADS ? LANE_CAPACITY_BYTES_MANY : LANE_CAPACITY_BYTES
  const endOfMemory = pages * WASM_PAGE_BYTES
  const blocks = layout.HEADER_BYTES
  const generations = blocks + threadCount * layout.THREAD_BLOCK_BYTES
  const lanes = pageAligned(generations + layout.GENERATIONS_BYTES)
  const accounts = pageAligned(lanes + threadCount ** 2 * (layout.LANE_RECORDS + laneCapacity))
  const sublist = pageAligned(accounts + layout.ACCOUNTS_MAX * layout.ACCOUNT_BYTES)
  const rest = endOfMemory - sublist
  if (rest < REST_BYTES_MIN) {
    throw new RangeError(
      `shared_memory=${totalBytes} is too small for workers=${workerCount}, ` +
        `which need ${sublist + REST_BYTES_MIN}`,
    )
  }
  const sublistBytes = pageAligned(Math.floor(rest / 4))
  const arenas = sublist + sublistBytes
  const routerBytes = pageAligned(Math.floor((endOfMemory - arenas) / (workerCount + 4)))
  const workerBytes =
    Math.floor((endOfMemory - arenas - routerBytes) / workerCount / WASM_PAGE_BYTES) *
    WASM_PAGE_BYTES
  const set = (at: number, value: number) => {
    words[at >> 2] = value
  }
  set(layout.HEADER_THREAD_COUNT, threadCount)
  set(layout.HEADER_THREAD_BLOCKS, blocks)
  set(layout.HEADER_GENERATIONS, generations)
  set(layout.HEADER_LANES, lanes)
  set(layout.HEADER_LANE_CAPACITY, laneCapacity)
  set(layout.HEADER_ACCOUNTS, accounts)
  set(layout.HEADER_SUBLIST, sublist)
  set(layout.HEADER_SUBLIST_END, arenas)
  set(layout.HEADER_ARENAS, arenas)
  set(layout.HEADER_ROUTER_ARENA_BYTES, routerBytes)
  set(layout.HEADER_WORKER_ARENA_BYTES, workerBytes)
  set(layout.HEADER_HEADROOM_BYTES, HEADROOM_BYTES)
  set(layout.HEADER_READ_BYTES, READ_BYTES)
  set(layout.HEADER_HASH_SEED, Math.random() * 2 ** 32)
  set(layout.HEADER_HASH_SEED + 4, Math.random() * 2 ** 32)
  set(layout.HEADER_MAGIC, layout.MAGIC)
  return { memory, kernel }
}

/** Address of a field of a thread's block. */
export function threadField(kernel: Kernel, thread: number, offset: number): number {
  const { layout, words } = kernel
  return words[layout.HEADER_THREAD_BLOCKS >> 2]! + thread * layout.THREAD_BLOCK_BYTES + offset
}

/** Address of the lane from one thread to another. */
export function laneAddress({ layout, words }: Kernel, from: number, to: number): number {
  const threadCount = words[layout.HEADER_THREAD_COUNT >> 2]!
  const laneBytes = layout.LANE_RECORDS + words[layout.HEADER_LANE_CAPACITY >> 2]!
  return words[layout.HEADER_LANES >> 2]! + (from * threadCount + to) * laneBytes
}

/** Address of a thread's arena. */
export function arenaAddress({ layout, words }: Kernel, thread: number): number {
  const first = words[layout.HEADER_ARENAS >> 2]!
  if (thread === layout.ROUTER_THREAD) return first
  const router = words[layout.HEADER_ROUTER_ARENA_BYTES >> 2]!
  const worker = words[layout.HEADER_WORKER_ARENA_BYTES >> 2]!
  return first + router + (thread - 1) * worker
}
