/**
 * Memory of the sublist. Only the routing worker takes and gives; what readers may still see is
 * retired, and freed once they have left the epoch in which they could.
 */
import {
  BLOCK_BYTES,
  BLOCK_DATA,
  BLOCK_RETIRED,
  ENTRY_BYTES,
  ENTRY_PREVIOUS,
  GROUP_NAME,
  GROUP_NAME_BYTES,
  GROUP_PREVIOUS,
  NODE_HASH,
  NODE_TOKEN,
  NODE_TOKEN_BYTES,
  SLACK_BYTES,
  SUBLIST_BREAK,
  SUBLIST_EPOCH,
  SUBLIST_FREE_LARGE,
  SUBLIST_FREE_SMALL,
  SUBLIST_RETIRED,
  SUBLIST_SPARE,
  SUBLIST_SPARE_END,
  SUBLIST_WAITING,
  SUBLIST_WAITING_EPOCH,
  TABLE_BYTES,
  TABLE_RETIRED,
  THREAD_EPOCH,
} from './layout'
import { sublist, sublistEnd, threadBlockOf, threadCount } from './thread'

const SMALL_MAX: u32 = 1024
// Blocks that small ones are cut from, once they are free.
const SPARE_MIN: u32 = 8192
const SPARE_MAX: u32 = 1 << 30

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
  let block = fromList(bytes)
  if (block == 0 && bytes <= SMALL_MAX) block = fromSpare(roundedBytes(bytes))
  if (block == 0) block = fromBreak(bytes)
  return block != 0 ? block : cut(roundedBytes(bytes))
}

/** A free block of the same size. */
function fromList(bytes: u32): u32 {
  const list = freeList(bytes)
  const block = load<u32>(list)
  if (block != 0) {
    store<u32>(list, load<u32>(block))
  }
  return block
}

/** New memory. */
function fromBreak(bytes: u32): u32 {
  const rounded = roundedBytes(bytes)
  const at = load<u32>(sublist, SUBLIST_BREAK)
  if (<u64>at + <u64>rounded + <u64>SLACK_BYTES > <u64>sublistEnd) return 0
  store<u32>(sublist, at + rounded, SUBLIST_BREAK)
  return at
}

/**
 * Room in a large block that is free: what a growing table leaves behind is as much as all before
 * it together, and no table will want it again.
 */
function fromSpare(bytes: u32): u32 {
  let at = load<u32>(sublist, SUBLIST_SPARE)
  const end = load<u32>(sublist, SUBLIST_SPARE_END)
  if (end - at < bytes) {
    const block = largestFree()
    if (block == 0) return 0
    if (end != at) give(at, end - at)
    at = block
    store<u32>(sublist, block + freeBytes, SUBLIST_SPARE_END)
  }
  store<u32>(sublist, at + bytes, SUBLIST_SPARE)
  return at
}

/** Bytes of what `largestFree` has found. */
let freeBytes: u32 = 0

function largestFree(): u32 {
  for (let size: u32 = SPARE_MAX; size >= SPARE_MIN; size >>>= 1) {
    const list = freeList(size)
    const block = load<u32>(list)
    if (block == 0) continue
    store<u32>(list, load<u32>(block))
    freeBytes = size
    return block
  }
  return 0
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

// ── what readers may still see ──────────────────────────────────────────────────────────────

/** What is retired: it is listed by a word of its own that readers do not look at. */
export const RETIRED_ENTRY: u32 = 1
export const RETIRED_NODE: u32 = 2
export const RETIRED_GROUP: u32 = 3
export const RETIRED_TABLE: u32 = 4
const RETIRED_BLOCK: u32 = 5
/** Blocks start on multiples of 16. */
const RETIRED_WHAT: u32 = 15

/** Address of the word by which a retired block is listed. */
@inline
function retiredLink(block: u32, what: u32): u32 {
  if (what == RETIRED_ENTRY) return block + ENTRY_PREVIOUS
  if (what == RETIRED_NODE) return block + NODE_HASH
  if (what == RETIRED_GROUP) return block + GROUP_PREVIOUS
  return block + (what == RETIRED_TABLE ? TABLE_RETIRED : BLOCK_RETIRED)
}

@inline
function retiredBytes(block: u32, what: u32): u32 {
  if (what == RETIRED_ENTRY) return ENTRY_BYTES
  if (what == RETIRED_NODE) return NODE_TOKEN + load<u32>(block, NODE_TOKEN_BYTES)
  if (what == RETIRED_GROUP) return GROUP_NAME + load<u32>(block, GROUP_NAME_BYTES)
  if (what == RETIRED_TABLE) return load<u32>(block, TABLE_BYTES)
  return load<u32>(block, BLOCK_BYTES)
}

/** Unreachable for new readers; freed once the present ones are gone. */
export function retire(block: u32, what: u32): void {
  store<u32>(retiredLink(block, what), load<u32>(sublist, SUBLIST_RETIRED))
  store<u32>(sublist, block | what, SUBLIST_RETIRED)
}

/** Advances the epoch and frees what no reader can still see. Called once per batch of changes. */
export function reclaim(): void {
  freeWaiting()
  const retired = load<u32>(sublist, SUBLIST_RETIRED)
  if (retired == 0 || load<u32>(sublist, SUBLIST_WAITING) != 0) return
  const epoch = atomic.load<u32>(sublist + SUBLIST_EPOCH)
  store<u32>(sublist, 0, SUBLIST_RETIRED)
  store<u32>(sublist, retired, SUBLIST_WAITING)
  store<u32>(sublist, epoch, SUBLIST_WAITING_EPOCH)
  atomic.store<u32>(sublist + SUBLIST_EPOCH, epoch + 1 == 0 ? 1 : epoch + 1)
  freeWaiting()
}

/** Frees what waits for readers, unless one is left that came before it was retired. */
function freeWaiting(): void {
  let at = load<u32>(sublist, SUBLIST_WAITING)
  if (at == 0) return
  const epoch = load<u32>(sublist, SUBLIST_WAITING_EPOCH)
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    const reading = atomic.load<u32>(threadBlockOf(thread) + THREAD_EPOCH)
    if (reading != 0 && <i32>(reading - epoch) <= 0) return
  }
  while (at != 0) {
    const block = at & ~RETIRED_WHAT
    const what = at & RETIRED_WHAT
    at = load<u32>(retiredLink(block, what))
    give(block, retiredBytes(block, what))
  }
  store<u32>(sublist, 0, SUBLIST_WAITING)
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
  retire(block - BLOCK_DATA, RETIRED_BLOCK)
}
