/**
 * The subscriptions of a connection by sid: a table of places, or the one subscription itself, for
 * most connections have one. Hashes are kept beside the slots, so that a table of very many is
 * copied without a look at them. Owner thread only.
 */
import { allocateBlock, allocateTight, releaseBlock, releaseTight } from './arena'
import {
  CONNECTION_SUB_COUNT,
  CONNECTION_SUB_MASK,
  CONNECTION_SUB_USED,
  CONNECTION_SUBS,
  PAGE_BYTES,
  SUB_SID,
  SUB_SID_BYTES,
  SUB_SID_INLINE,
  SUBS_CLOSING,
  SUBS_PLACE_BYTES,
  SUBS_PLACES_FIRST,
  SUBS_TOMBSTONE,
} from './layout'
import { check, hashBytes, isEqual } from './memory'

/** Marks the address of a slot that is the only one. */
const ONLY: u32 = 1
/** A table is rebuilt when three quarters of its places are used. */
const FULL_QUARTERS: u32 = 3
/** And when less than an eighth of them is. */
const SPARSE_SHIFT: u32 = 3

@inline
function placeAt(table: u32, index: u32): u32 {
  return table + index * SUBS_PLACE_BYTES
}

@inline
function sidOf(slot: u32): u32 {
  const isInline = load<u32>(slot, SUB_SID_BYTES) <= SUB_SID_INLINE
  return isInline ? slot + SUB_SID : load<u32>(slot, SUB_SID)
}

@inline
function hasSid(slot: u32, sid: u32, bytes: u32): bool {
  return load<u32>(slot, SUB_SID_BYTES) == bytes && isEqual(sidOf(slot), sid, bytes)
}

@inline
function hashOf(slot: u32): u32 {
  return hashBytes(sidOf(slot), load<u32>(slot, SUB_SID_BYTES), 0)
}

/** The slot of a connection's subscription, 0 = it has none with that sid. */
export function findBySid(connection: u32, sid: u32, bytes: u32): u32 {
  const table = load<u32>(connection, CONNECTION_SUBS)
  if (table == 0) return 0
  if ((table & ONLY) != 0) return hasSid(table - ONLY, sid, bytes) ? table - ONLY : 0
  const hash = hashBytes(sid, bytes, 0)
  const mask = load<u32>(connection, CONNECTION_SUB_MASK)
  let i = hash & mask
  for (;;) {
    const slot = load<u32>(placeAt(table, i))
    if (slot == 0) return 0
    if (slot != SUBS_TOMBSTONE && load<u32>(placeAt(table, i), 4) == hash) {
      if (hasSid(slot, sid, bytes)) return slot
    }
    i = (i + 1) & mask
  }
  return 0
}

/** Adds a subscription that has its sid; false without memory. */
export function addToSids(connection: u32, slot: u32): bool {
  const count = load<u32>(connection, CONNECTION_SUB_COUNT)
  if (count == 0) {
    store<u32>(connection, slot | ONLY, CONNECTION_SUBS)
  } else {
    if (!hasVacancy(connection) && !rebuild(connection, count + 1)) return false
    place(connection, slot, hashOf(slot))
  }
  store<u32>(connection, count + 1, CONNECTION_SUB_COUNT)
  return true
}

function hasVacancy(connection: u32): bool {
  if ((load<u32>(connection, CONNECTION_SUBS) & ONLY) != 0) return false
  const places = load<u32>(connection, CONNECTION_SUB_MASK) + 1
  return (load<u32>(connection, CONNECTION_SUB_USED) + 1) << 2 <= places * FULL_QUARTERS
}

/** Puts a subscription into the table, which has room. */
function place(connection: u32, slot: u32, hash: u32): void {
  const table = load<u32>(connection, CONNECTION_SUBS)
  const mask = load<u32>(connection, CONNECTION_SUB_MASK)
  let i = hash & mask
  while (load<u32>(placeAt(table, i)) > SUBS_TOMBSTONE) i = (i + 1) & mask
  if (load<u32>(placeAt(table, i)) == 0) {
    store<u32>(connection, load<u32>(connection, CONNECTION_SUB_USED) + 1, CONNECTION_SUB_USED)
  }
  store<u32>(placeAt(table, i), slot)
  store<u32>(placeAt(table, i), hash, 4)
}

/** Makes a table for so many, half full at most; false without memory. */
function rebuild(connection: u32, count: u32): bool {
  const old = load<u32>(connection, CONNECTION_SUBS)
  const oldPlaces = load<u32>(connection, CONNECTION_SUB_MASK) + 1
  let places = SUBS_PLACES_FIRST
  while (places < count << 1) places <<= 1
  const bytes = places * SUBS_PLACE_BYTES
  const table = bytes < PAGE_BYTES ? allocateTight(bytes) : allocateBlock(bytes)
  if (table == 0) return false
  for (let i: u32 = 0; i < bytes; i += 8) store<u64>(table + i, 0)
  store<u32>(connection, table, CONNECTION_SUBS)
  store<u32>(connection, places - 1, CONNECTION_SUB_MASK)
  store<u32>(connection, 0, CONNECTION_SUB_USED)
  if ((old & ONLY) != 0) {
    place(connection, old - ONLY, hashOf(old - ONLY))
    return true
  }
  for (let i: u32 = 0; i < oldPlaces; i++) {
    const slot = load<u32>(placeAt(old, i))
    if (slot > SUBS_TOMBSTONE) place(connection, slot, load<u32>(placeAt(old, i), 4))
  }
  releaseTable(old, oldPlaces)
  return true
}

function releaseTable(table: u32, places: u32): void {
  const bytes = places * SUBS_PLACE_BYTES
  if (bytes < PAGE_BYTES) releaseTight(table, bytes)
  else releaseBlock(table)
}

/** Takes a subscription out again. */
export function takeFromSids(connection: u32, slot: u32): void {
  const table = load<u32>(connection, CONNECTION_SUBS)
  const count = load<u32>(connection, CONNECTION_SUB_COUNT) - 1
  store<u32>(connection, count, CONNECTION_SUB_COUNT)
  if ((table & ONLY) != 0) {
    check(table == (slot | ONLY), 80)
    store<u32>(connection, 0, CONNECTION_SUBS)
    return
  }
  if (count == 0) {
    forgetTable(connection)
    return
  }
  const mask = load<u32>(connection, CONNECTION_SUB_MASK)
  let i = hashOf(slot) & mask
  while (load<u32>(placeAt(table, i)) != slot) {
    check(load<u32>(placeAt(table, i)) != 0, 81)
    i = (i + 1) & mask
  }
  store<u32>(placeAt(table, i), SUBS_TOMBSTONE)
  // In front of an empty place nobody has to look on.
  let used = load<u32>(connection, CONNECTION_SUB_USED)
  if (load<u32>(placeAt(table, (i + 1) & mask)) == 0) {
    for (; load<u32>(placeAt(table, i)) == SUBS_TOMBSTONE; i = (i - 1) & mask) {
      store<u32>(placeAt(table, i), 0)
      used--
    }
    store<u32>(connection, used, CONNECTION_SUB_USED)
  }
  if (mask >= SUBS_PLACES_FIRST && count < mask >>> SPARSE_SHIFT) rebuild(connection, count)
}

/** Gives the table back. */
export function forgetTable(connection: u32): void {
  const places = load<u32>(connection, CONNECTION_SUB_MASK) + 1
  releaseTable(load<u32>(connection, CONNECTION_SUBS), places)
  store<u32>(connection, 0, CONNECTION_SUBS)
  store<u32>(connection, 0, CONNECTION_SUB_USED)
}

/**
 * Takes any subscription out of a connection that gets no more and is asked for none: the table is
 * emptied from its end, and given back with the last one.
 *
 * @returns its slot, 0 = there is none left
 */
export function takeAnyFromSids(connection: u32): u32 {
  const count = load<u32>(connection, CONNECTION_SUB_COUNT)
  if (count == 0) return 0
  store<u32>(connection, count - 1, CONNECTION_SUB_COUNT)
  const table = load<u32>(connection, CONNECTION_SUBS)
  if ((table & ONLY) != 0) {
    store<u32>(connection, 0, CONNECTION_SUBS)
    return table - ONLY
  }
  const used = load<u32>(connection, CONNECTION_SUB_USED)
  let left = load<u32>(connection, CONNECTION_SUB_MASK) + 1
  if ((used & SUBS_CLOSING) != 0) left = used & ~SUBS_CLOSING
  let slot: u32 = 0
  while (slot <= SUBS_TOMBSTONE) slot = load<u32>(placeAt(table, --left))
  store<u32>(placeAt(table, left), 0)
  store<u32>(connection, left | SUBS_CLOSING, CONNECTION_SUB_USED)
  if (count == 1) forgetTable(connection)
  return slot
}
