/** Where this instance stands: thread-private base addresses, set once by `attach`. */
import {
  ARENA_PAGES,
  HEADER_ACCOUNTS,
  HEADER_ARENAS,
  HEADER_GENERATIONS,
  HEADER_HASH_SEED,
  HEADER_LANES,
  HEADER_LANE_CAPACITY,
  HEADER_ROUTER_ARENA_BYTES,
  HEADER_SUBLIST,
  HEADER_SUBLIST_END,
  HEADER_THREAD_BLOCKS,
  HEADER_THREAD_COUNT,
  HEADER_WORKER_ARENA_BYTES,
  LANE_RECORDS,
  ROUTER_THREAD,
  THREAD_BLOCK_BYTES,
} from './layout'
import { seedHashes } from './memory'

export const NO_THREAD: u32 = 0xffffffff

export let self: u32 = 0
export let threadCount: u32 = 0
export let threadBlock: u32 = 0
export let generations: u32 = 0
export let accounts: u32 = 0
export let sublist: u32 = 0
export let sublistEnd: u32 = 0
export let arena: u32 = 0
export let arenaEnd: u32 = 0
/** Thread that shares the event loop of this one, NO_THREAD = there is none. */
export let beside: u32 = NO_THREAD
let lanes: u32 = 0
export let laneCapacity: u32 = 0
let threadBlocks: u32 = 0

@inline
export function threadBlockOf(thread: u32): u32 {
  return threadBlocks + thread * THREAD_BLOCK_BYTES
}

@inline
export function lane(from: u32, to: u32): u32 {
  return lanes + (from * threadCount + to) * (LANE_RECORDS + laneCapacity)
}

export function arenaOf(thread: u32): u32 {
  const first = load<u32>(0, HEADER_ARENAS)
  if (thread == ROUTER_THREAD) return first
  const workers = first + load<u32>(0, HEADER_ROUTER_ARENA_BYTES)
  return workers + (thread - 1) * load<u32>(0, HEADER_WORKER_ARENA_BYTES)
}

export function attachThread(thread: u32): void {
  self = thread
  seedHashes(load<u64>(0, HEADER_HASH_SEED))
  threadCount = load<u32>(0, HEADER_THREAD_COUNT)
  threadBlocks = load<u32>(0, HEADER_THREAD_BLOCKS)
  generations = load<u32>(0, HEADER_GENERATIONS)
  lanes = load<u32>(0, HEADER_LANES)
  laneCapacity = load<u32>(0, HEADER_LANE_CAPACITY)
  accounts = load<u32>(0, HEADER_ACCOUNTS)
  sublist = load<u32>(0, HEADER_SUBLIST)
  sublistEnd = load<u32>(0, HEADER_SUBLIST_END)
  standIn(thread)
}

export function setBeside(thread: u32): void {
  beside = thread
}

/** From now on memory is that of this thread, and so is what is counted. */
export function standIn(thread: u32): void {
  threadBlock = threadBlockOf(thread)
  arena = arenaOf(thread)
  arenaEnd =
    arena +
    (thread == ROUTER_THREAD
      ? load<u32>(0, HEADER_ROUTER_ARENA_BYTES)
      : load<u32>(0, HEADER_WORKER_ARENA_BYTES))
}

export function pagesBase(): u32 {
  return load<u32>(arena, ARENA_PAGES)
}
