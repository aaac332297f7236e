/**
 * Lent blocks: a message too large for a lane leaves its payload in a block of the sender's arena,
 * and the records of all receiving threads point there. Records with too many targets lie in one
 * themselves, for their one receiver. The sender takes a block back when all have read it.
 */
import { allocate, release } from './arena'
import {
  ARENA_LENT,
  LANE_CACHED_CONSUMER,
  LANE_CONSUMER,
  LENT_BYTES,
  LENT_DATA,
  LENT_NEXT,
  LENT_READERS,
} from './layout'
import { copyVectors } from './memory'
import { payload, totalBytes } from './message'
import { makeRoom } from './outbound'
import { arena, lane, laneCapacity, self } from './thread'

/** Bytes lent and not yet back. */
let lentBytes: u32 = 0

/**
 * Lanes bound what may wait for a thread, and lent blocks must not undo that: so many lanes' worth
 * of them may be out. Those of one message alone may be of any size.
 */
const LENT_LANES_MAX: u32 = 2

/** Blocks of the message at hand are lent, and no record points to them yet. */
let hasUnread: bool = false

/** Thread that must return something before more is lent; `mayLend` sets it. */
export let lentTo: u32 = 0

/**
 * Whether so many bytes may be lent now. If not, `lentTo` is a thread that will release lane room
 * after it has returned what it has: waiting for room in the lane to it is enough.
 */
export function mayLend(bytes: u32): bool {
  if (lentBytes == 0 || lentBytes + bytes <= laneCapacity * LENT_LANES_MAX) return true
  reclaimLent()
  if (lentBytes == 0 || lentBytes + bytes <= laneCapacity * LENT_LANES_MAX) return true
  return !isOwed()
}

/** Whether somebody has not returned what it was lent; sets `lentTo`. */
function isOwed(): bool {
  for (let block = load<u32>(arena, ARENA_LENT); block != 0; block = load<u32>(block, LENT_NEXT)) {
    const readers = atomic.load<u32>(block + LENT_READERS)
    if (readers == 0) continue
    lentTo = <u32>ctz(readers)
    // First the position, then the readers again: whoever still owes has not moved on from there.
    const ring = lane(self, lentTo)
    store<u32>(ring, atomic.load<u32>(ring + LANE_CONSUMER), LANE_CACHED_CONSUMER)
    if ((atomic.load<u32>(block + LENT_READERS) & (<u32>1 << lentTo)) != 0) return true
  }
  return false
}

/** Puts the payload at hand into a block of its own: see `lendBlock`. */
export function lend(): u32 {
  const block = lendBlock(totalBytes)
  if (block != 0) copyVectors(block + LENT_DATA, payload, totalBytes)
  return block
}

/**
 * A block for `bytes`. Nobody reads it yet: `reclaimLent` would free it.
 * @returns 0 without memory; `isWaitUseful` then says whether some will come back
 */
export function lendBlock(bytes: u32): u32 {
  let block = allocate(LENT_DATA + bytes)
  if (block == 0) {
    if (!hasUnread) reclaimLent()
    do {
      block = allocate(LENT_DATA + bytes)
    } while (block == 0 && makeRoom(0))
    if (block == 0) return 0
  }
  hasUnread = true
  store<u32>(block, LENT_DATA + bytes, LENT_BYTES)
  store<u32>(block, load<u32>(arena, ARENA_LENT), LENT_NEXT)
  store<u32>(arena, block, ARENA_LENT)
  atomic.store<u32>(block + LENT_READERS, 0)
  lentBytes += bytes
  return block
}

/** After `lend` found no memory: whether some is out that will come back; sets `lentTo`. */
export function isWaitUseful(): bool {
  return isOwed()
}

/** A record of `thread` now points to the block. */
export function addReader(block: u32, thread: u32): void {
  hasUnread = false
  atomic.or<u32>(block + LENT_READERS, <u32>1 << thread)
}

/** This thread has read a block of another one. */
export function giveBack(block: u32): void {
  atomic.and<u32>(block + LENT_READERS, ~(<u32>1 << self))
}

/** Frees what everybody has read. */
export function reclaimLent(): void {
  hasUnread = false
  let previous: u32 = 0
  let block = load<u32>(arena, ARENA_LENT)
  while (block != 0) {
    const next = load<u32>(block, LENT_NEXT)
    if (atomic.load<u32>(block + LENT_READERS) == 0) {
      if (previous != 0) store<u32>(previous, next, LENT_NEXT)
      else store<u32>(arena, next, ARENA_LENT)
      const bytes = load<u32>(block, LENT_BYTES)
      lentBytes -= bytes - LENT_DATA
      release(block, bytes)
    } else {
      previous = block
    }
    block = next
  }
}

/** A thread died: it will return nothing. The blocks stay with those who live. */
export function forgetReader(thread: u32): void {
  for (let block = load<u32>(arena, ARENA_LENT); block != 0; block = load<u32>(block, LENT_NEXT)) {
    atomic.and<u32>(block + LENT_READERS, ~(<u32>1 << thread))
  }
  reclaimLent()
}

export function hasLent(): bool {
  return load<u32>(arena, ARENA_LENT) != 0
}
