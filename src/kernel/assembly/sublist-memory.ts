/**
 * Memory of the sublist. Only the routing worker takes and gives; what readers may still see is
 * retired, and freed once they have left the epoch in which they could.
 */
import {
  BLOCK_BYTES,
  BLOCK_DATA,
  SLACK_BYTES,
  SUBLIST_BREAK,
  SUBLIST_EPOCH,
  SUBLIST_FREE_LARGE,
  SUBLIST_FREE_SMALL,
  SUBLIST_RETIRED_HEAD,
  SUBLIST_RETIRED_TAIL,
  THREAD_EPOCH,
} from './layout'
import { sublist, sublistEnd, threadBlockOf, threadCount } from './thread'

// A retired block is described by 16 bytes of its own: (block, bytes, epoch, next).
const RETIRED_BLOCK: u32 = 0
const RETIRED_BYTES: u32 = 4
const RETIRED_EPOCH: u32 = 8
const RETIRED_NEXT: u32 = 12
const SMALL_MAX: u32 = 1024

function freeList(bytes: u32): u32 {
  if (bytes <= SMALL_MAX) return sublist + SUBLIST_FREE_SMALL + (((bytes + 15) >>> 4) - 1 << 2)
  return sublist + SUBLIST_FREE_LARGE + ((32 - <u32>clz(bytes - 1)) << 2)
}

function roundedBytes(bytes: u32): u32 {
  if (bytes <= SMALL_MAX) return (bytes + 15) & ~15
  return <u32>1 << (32 - <u32>clz(bytes - 1))
}

/** Room for a block; 0 when the sublist is full. */
export function take(bytes: u32): u32 {
  const block = takeWhole(bytes)
  return block != 0 ? block : cut(roundedBytes(bytes))
}

/** A free block of the same size, or new memory. */
function takeWhole(bytes: u32): u32 {
  const list = freeList(bytes)
  const block = load<u32>(list)
  if (block != 0) {
    store<u32>(list, load<u32>(block))
    return block
  }
  const at = load<u32>(sublist, SUBLIST_BREAK)
  const rounded = roundedBytes(bytes)
  if (<u64>at + <u64>rounded + <u64>SLACK_BYTES > <u64>sublistEnd) return 0
  store<u32>(sublist, at + rounded, SUBLIST_BREAK)
  return at
}

/** Nothing new is left: cuts a block out of a larger one that is free. */
function cut(bytes: u32): u32 {
  let size = bytes
  let list: u32 = 0
  do {
    size = size < SMALL_MAX ? size + 16 : size << 1
    if (size > <u32>1 << 30) return 0
    list = freeList(size)
  } while (load<u32>(list) == 0)
  const block = load<u32>(list)
  store<u32>(list, load<u32>(block))
  while (size > SMALL_MAX && size >>> 1 >= bytes) {
    size >>>= 1
    give(block + size, size)
  }
  if (size > bytes) give(block + bytes, size - bytes)
  return block
}

export function give(block: u32, bytes: u32): void {
  const list = freeList(bytes)
  store<u32>(block, load<u32>(list))
  store<u32>(list, block)
}

/** Unreachable for new readers; freed once the present ones are gone. */
export function retire(block: u32, bytes: u32): void {
  const note = takeWhole(16)
  if (note == 0) {
    // Full: no room to remember it, so it must be free now.
    awaitReaders()
    give(block, bytes)
    return
  }
  const epoch = atomic.load<u32>(sublist + SUBLIST_EPOCH)
  store<u32>(note, block, RETIRED_BLOCK)
  store<u32>(note, bytes, RETIRED_BYTES)
  store<u32>(note, epoch, RETIRED_EPOCH)
  store<u32>(note, 0, RETIRED_NEXT)
  const tail = load<u32>(sublist, SUBLIST_RETIRED_TAIL)
  if (tail != 0) store<u32>(tail, note, RETIRED_NEXT)
  else store<u32>(sublist, note, SUBLIST_RETIRED_HEAD)
  store<u32>(sublist, note, SUBLIST_RETIRED_TAIL)
}

/** Returns once every match that is under way now has ended: microseconds. */
function awaitReaders(): void {
  const next = atomic.load<u32>(sublist + SUBLIST_EPOCH) + 1
  const epoch: u32 = next == 0 ? 1 : next
  atomic.store<u32>(sublist + SUBLIST_EPOCH, epoch)
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    const reading = threadBlockOf(thread) + THREAD_EPOCH
    for (;;) {
      const since = atomic.load<u32>(reading)
      if (since == 0 || <i32>(since - epoch) >= 0) break
    }
  }
}

/** Advances the epoch and frees what no reader can still see. Called once per batch of changes. */
export function reclaim(): void {
  let note = load<u32>(sublist, SUBLIST_RETIRED_HEAD)
  if (note == 0) return
  const epoch = atomic.load<u32>(sublist + SUBLIST_EPOCH) + 1
  atomic.store<u32>(sublist + SUBLIST_EPOCH, epoch == 0 ? 1 : epoch)
  let oldest: u32 = epoch
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    const reading = atomic.load<u32>(threadBlockOf(thread) + THREAD_EPOCH)
    if (reading != 0 && <i32>(reading - oldest) < 0) oldest = reading
  }
  while (note != 0 && <i32>(load<u32>(note, RETIRED_EPOCH) - oldest) < 0) {
    const next = load<u32>(note, RETIRED_NEXT)
    give(load<u32>(note, RETIRED_BLOCK), load<u32>(note, RETIRED_BYTES))
    give(note, 16)
    note = next
  }
  store<u32>(sublist, note, SUBLIST_RETIRED_HEAD)
  if (note == 0) store<u32>(sublist, 0, SUBLIST_RETIRED_TAIL)
}

// ── blocks of TypeScript: permissions, imports, mappings ────────────────────────────────────

/** Room that TypeScript fills before it makes it reachable; 0 when the sublist is full. */
export function createBlock(bytes: u32): u32 {
  const block = take(BLOCK_DATA + bytes)
  if (block == 0) return 0
  store<u32>(block, BLOCK_DATA + bytes, BLOCK_BYTES)
  return block + BLOCK_DATA
}

/** To be called once no record and no entry points to it. */
export function retireBlock(block: u32): void {
  retire(block - BLOCK_DATA, load<u32>(block - BLOCK_DATA, BLOCK_BYTES))
}
