/**
 * Memory of one thread: a buddy allocator over 4 KiB pages, and free lists of small blocks carved
 * from 64 KiB slabs. Only the owning thread allocates and releases.
 *
 * Freed blocks are reused last in, first out, so that a busy thread stays in the same, cached,
 * pages. Small blocks go back to their class and never to the pages: what is small stays small.
 */
import {
  ARENA_CONTROL_BYTES,
  ARENA_FREE_BLOCKS,
  ARENA_FREE_PAGES,
  ARENA_FREE_SMALL,
  ARENA_FREE_TIGHT,
  ARENA_PAGES,
  ARENA_PAGE_COUNT,
  ARENA_PAGE_STATES,
  ARENA_PLANS,
  ARENA_READ,
  ARENA_TIGHT,
  ARENA_TIGHT_END,
  HEADER_HEADROOM_BYTES,
  HEADER_READ_BYTES,
  PAGE_BYTES,
  PLAN_SETS,
  PLAN_SET_BYTES,
  SLACK_BYTES,
  SLAB_BYTES,
} from './layout'
import { check } from './memory'
import { arena, arenaEnd, beside, self, standIn } from './thread'

/** Blocks of 4 KiB << order; 2 GiB at most. */
const ORDERS: u32 = 20
/** State of a block's first page; other pages of a block hold 0. */
const STATE_FREE: u32 = 0x80
const STATE_USED: u32 = 0x40
const SMALL_BYTES_MAX: u32 = 2048
const TIGHT_BYTES_MAX: u32 = 512

const BLOCK_NEXT: u32 = 0
const BLOCK_PREVIOUS: u32 = 4

let pages: u32 = 0
let pageCount: u32 = 0
let states: u32 = 0

/** Formats the arena. Called by its thread before anything else. */
export function formatArena(): void {
  for (let i: u32 = 0; i < ARENA_CONTROL_BYTES; i += 8) store<u64>(arena + i, 0)
  const read = arena + ARENA_CONTROL_BYTES + load<u32>(0, HEADER_HEADROOM_BYTES)
  const plans = read + load<u32>(0, HEADER_READ_BYTES) + PAGE_BYTES
  const first = plans + PLAN_SETS * PLAN_SET_BYTES
  const count = (arenaEnd - first) / (PAGE_BYTES + 1)
  pages = (first + count + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)
  pageCount = (arenaEnd - pages) / PAGE_BYTES
  if (pageCount > count) pageCount = count
  states = first
  store<u32>(arena, read, ARENA_READ)
  store<u32>(arena, plans, ARENA_PLANS)
  store<u32>(arena, pages, ARENA_PAGES)
  store<u32>(arena, states, ARENA_PAGE_STATES)
  store<u32>(arena, pageCount, ARENA_PAGE_COUNT)
  // A thread that replaces a dead one finds its predecessor's plans and page states.
  for (let at = plans; at < pages; at += 8) if (load<u64>(at) != 0) store<u64>(at, 0)
  let page: u32 = 0
  while (page < pageCount) {
    let order = page == 0 ? ORDERS - 1 : <u32>ctz(page)
    if (order > ORDERS - 1) order = ORDERS - 1
    while (page + (<u32>1 << order) > pageCount) order--
    pushFree(page, order)
    page += <u32>1 << order
  }
  store<u32>(arena, pageCount, ARENA_FREE_PAGES)
}

/** Until comeBack, memory and counters are those of the thread beside this one. */
export function goBeside(): void {
  standIn(beside)
  enterArena()
}

export function comeBack(): void {
  standIn(self)
  enterArena()
}

function enterArena(): void {
  pages = load<u32>(arena, ARENA_PAGES)
  states = load<u32>(arena, ARENA_PAGE_STATES)
  pageCount = load<u32>(arena, ARENA_PAGE_COUNT)
}

@inline
function addressOf(page: u32): u32 {
  return pages + page * PAGE_BYTES
}

function pushFree(page: u32, order: u32): void {
  const list = arena + ARENA_FREE_BLOCKS + (order << 2)
  const block = addressOf(page)
  const next = load<u32>(list)
  store<u32>(block, next, BLOCK_NEXT)
  store<u32>(block, 0, BLOCK_PREVIOUS)
  if (next != 0) store<u32>(next, block, BLOCK_PREVIOUS)
  store<u32>(list, block)
  store<u8>(states + page, <u8>(STATE_FREE | order))
}

function unlinkFree(page: u32, order: u32): void {
  const block = addressOf(page)
  const next = load<u32>(block, BLOCK_NEXT)
  const previous = load<u32>(block, BLOCK_PREVIOUS)
  if (previous != 0) store<u32>(previous, next, BLOCK_NEXT)
  else store<u32>(arena + ARENA_FREE_BLOCKS + (order << 2), next)
  if (next != 0) store<u32>(next, previous, BLOCK_PREVIOUS)
  store<u8>(states + page, 0)
}

function orderFor(bytes: u32): u32 {
  const count = (bytes + PAGE_BYTES - 1) / PAGE_BYTES
  return count <= 1 ? 0 : 32 - <u32>clz(count - 1)
}

/** Bytes that a block for `bytes` really has. */
export function blockBytes(bytes: u32): u32 {
  return PAGE_BYTES << orderFor(bytes)
}

function allocatePages(bytes: u32): u32 {
  const order = orderFor(bytes)
  let k = order
  while (k < ORDERS && load<u32>(arena + ARENA_FREE_BLOCKS + (k << 2)) == 0) k++
  if (k >= ORDERS) return 0
  const block = load<u32>(arena + ARENA_FREE_BLOCKS + (k << 2))
  const page = (block - pages) / PAGE_BYTES
  unlinkFree(page, k)
  while (k > order) {
    k--
    pushFree(page + (<u32>1 << k), k)
  }
  store<u8>(states + page, <u8>(STATE_USED | order))
  store<u32>(arena, load<u32>(arena, ARENA_FREE_PAGES) - (<u32>1 << order), ARENA_FREE_PAGES)
  return block
}

function releasePages(block: u32): void {
  let page = (block - pages) / PAGE_BYTES
  const state = load<u8>(states + page)
  check((state & STATE_USED) != 0, 1)
  let order = state & 0x3f
  store<u8>(states + page, 0)
  store<u32>(arena, load<u32>(arena, ARENA_FREE_PAGES) + (<u32>1 << order), ARENA_FREE_PAGES)
  while (order < ORDERS - 1) {
    const buddy = page ^ (<u32>1 << order)
    if (buddy + (<u32>1 << order) > pageCount) break
    if (load<u8>(states + buddy) != <u8>(STATE_FREE | order)) break
    unlinkFree(buddy, order)
    page &= ~(<u32>1 << order)
    order++
  }
  pushFree(page, order)
}

@inline
function smallClass(bytes: u32): u32 {
  return bytes <= 64 ? 0 : 26 - <u32>clz(bytes - 1)
}

/**
 * A block of at least `bytes` plus slack for vector copies, 16-byte aligned.
 * @returns its address, or 0 when the arena is exhausted
 */
export function allocate(bytes: u32): u32 {
  const need = bytes + SLACK_BYTES
  if (need > SMALL_BYTES_MAX) return allocatePages(need)
  const size = smallClass(need)
  const list = arena + ARENA_FREE_SMALL + (size << 2)
  let block = load<u32>(list)
  if (block == 0) {
    const slab = allocatePages(SLAB_BYTES)
    if (slab == 0) return 0
    const step: u32 = <u32>64 << size
    for (let at = slab + SLAB_BYTES - step; at >= slab; at -= step) {
      store<u32>(at, block)
      block = at
    }
  }
  store<u32>(list, load<u32>(block))
  return block
}

/** Gives back a block of `allocate(bytes)`. */
export function release(block: u32, bytes: u32): void {
  check(block >= pages && block < arenaEnd, 2)
  const need = bytes + SLACK_BYTES
  if (need > SMALL_BYTES_MAX) {
    releasePages(block)
    return
  }
  const list = arena + ARENA_FREE_SMALL + (smallClass(need) << 2)
  store<u32>(block, load<u32>(list))
  store<u32>(list, block)
}

/**
 * As allocate, for very many small things: not a byte behind the end may be written. Up to 15 bytes
 * there may be read.
 */
export function allocateTight(bytes: u32): u32 {
  if (bytes > TIGHT_BYTES_MAX) return allocate(bytes)
  const size = tightBytes(bytes)
  const list = tightList(size)
  const block = load<u32>(list)
  if (block != 0) {
    store<u32>(list, load<u32>(block))
    return block
  }
  let at = load<u32>(arena, ARENA_TIGHT)
  const end = load<u32>(arena, ARENA_TIGHT_END)
  if (end - at < size) {
    const slab = allocatePages(SLAB_BYTES)
    if (slab == 0) return 0
    if (end != at) releaseTight(at, end - at)
    at = slab
    store<u32>(arena, slab + SLAB_BYTES - SLACK_BYTES, ARENA_TIGHT_END)
  }
  store<u32>(arena, at + size, ARENA_TIGHT)
  return at
}

/** Gives back a block of `allocateTight(bytes)`. */
export function releaseTight(block: u32, bytes: u32): void {
  if (bytes > TIGHT_BYTES_MAX) {
    release(block, bytes)
    return
  }
  const list = tightList(tightBytes(bytes))
  store<u32>(block, load<u32>(list))
  store<u32>(list, block)
}

@inline
function tightBytes(bytes: u32): u32 {
  return bytes == 0 ? 16 : (bytes + 15) & ~15
}

@inline
function tightList(size: u32): u32 {
  return arena + ARENA_FREE_TIGHT + ((size >>> 4) - 1 << 2)
}

/** Whole pages, for slabs and chunks: no slack is added. */
export function allocateBlock(bytes: u32): u32 {
  return allocatePages(bytes)
}

export function releaseBlock(block: u32): void {
  releasePages(block)
}
