/** Subscription slots and connection records: made and freed by the thread that owns them. */
import { accountAddress, accountNumber } from './accounts'
import { allocateBlock, allocateTight, release, releaseTight } from './arena'
import {
  ARENA_CONNECTION_FREE,
  ARENA_CONNECTION_SLABS,
  ARENA_EXPIRED,
  ARENA_RETIRING_HEAD,
  ARENA_RETIRING_TAIL,
  ARENA_SLOT_FREE,
  ARENA_SLOT_SLABS,
  CHUNK_BYTES_MIN,
  CONNECTION_ACCOUNT,
  CONNECTION_BYTES,
  CONNECTION_CHUNK_BYTES,
  CONNECTION_FLAGS,
  CONNECTION_GENERATION,
  CONNECTION_HEAD,
  CONNECTION_INCOMING,
  CONNECTION_LABEL,
  CONNECTION_NEXT_DIRTY,
  CONNECTION_OUTGOING,
  CONNECTION_SUB_COUNT,
  CONNECTION_SUB_USED,
  CONNECTION_SUBS,
  CONTROL_GENERATION,
  CONTROL_SLOT,
  CONTROL_BYTES,
  FLAG_CLOSED,
  FLAG_RELEASED,
  LABEL_NAME_BYTES,
  LABEL_TEXT,
  LABEL_USER_BYTES,
  RECORD_UNSUBSCRIBE,
  ROUTER_THREAD,
  SLAB_BYTES,
  SLAB_ITEMS,
  SLAB_NEXT,
  SUB_BYTES,
  SUB_CONNECTION,
  SUB_DELIVERED,
  SUB_ENTRY,
  SUB_GENERATION,
  SUB_MAX,
  SUB_NEXT,
  SUB_QUEUE_BYTES,
  SUB_RESERVED,
  SUB_SID,
  SUB_SID_BYTES,
  SUB_SID_INLINE,
  SUB_STATE,
  SUB_STATE_ACTIVE,
  SUB_STATE_FREE,
  SUB_STATE_RETIRED,
  SUB_STATE_RETIRING,
  SUB_SUBJECT_BYTES,
  SUB_TEXT,
  SUBS_CLOSING,
} from './layout'
import { claim } from './lane'
import { check, copyExact } from './memory'
import { forgetStalled } from './outbound'
import { addToSids, forgetTable, takeAnyFromSids, takeFromSids } from './sids'
import { insertSubscription, removeEntry } from './sublist'
import { arena, arenaOf } from './thread'

/** A slab of items on the arena's list; its items go to the free list through `linkAt`. */
function addSlab(slabs: u32, free: u32, bytes: u32, linkAt: u32): bool {
  const slab = allocateBlock(SLAB_BYTES)
  if (slab == 0) return false
  for (let i: u32 = 0; i < SLAB_BYTES; i += 8) store<u64>(slab + i, 0)
  store<u32>(slab, load<u32>(arena + slabs), SLAB_NEXT)
  const last = slab + SLAB_ITEMS + ((SLAB_BYTES - SLAB_ITEMS) / bytes - 1) * bytes
  let next = load<u32>(arena + free)
  for (let item = last; item >= slab + SLAB_ITEMS; item -= bytes) {
    store<u32>(item + linkAt, next)
    next = item
  }
  store<u32>(arena + free, next)
  atomic.store<u32>(arena + slabs, slab)
  return true
}

// ── connections ─────────────────────────────────────────────────────────────────────────────

/** @returns a record of the global account with everything else 0, or 0 without memory */
export function createConnection(): u32 {
  if (load<u32>(arena, ARENA_CONNECTION_FREE) == 0) {
    const slabs = ARENA_CONNECTION_SLABS
    const free = ARENA_CONNECTION_FREE
    if (!addSlab(slabs, free, CONNECTION_BYTES, CONNECTION_NEXT_DIRTY)) return 0
  }
  const record = load<u32>(arena, ARENA_CONNECTION_FREE)
  store<u32>(arena, load<u32>(record, CONNECTION_NEXT_DIRTY), ARENA_CONNECTION_FREE)
  const generation = load<u32>(record, CONNECTION_GENERATION)
  // The routing worker may still look for the account of the record's former life.
  const account = <u64>accountAddress(0) << 32
  for (let i: u32 = 0; i < CONNECTION_BYTES; i += 8) {
    store<u64>(record + i, i == CONNECTION_INCOMING ? account : 0)
  }
  check(CONNECTION_ACCOUNT == CONNECTION_INCOMING + 4 && (CONNECTION_INCOMING & 7) == 0, 62)
  atomic.store<u32>(record + CONNECTION_GENERATION, generation + 1)
  store<u32>(record, CHUNK_BYTES_MIN, CONNECTION_CHUNK_BYTES)
  return record
}

/** From here on nothing is delivered to it. The record stays until `releaseConnection`. */
export function closeConnection(record: u32): void {
  atomic.add<u32>(record + CONNECTION_GENERATION, 1)
  store<u32>(record, load<u32>(record, CONNECTION_FLAGS) | FLAG_CLOSED, CONNECTION_FLAGS)
}

/** With its last subscription, if it has some that are still to be closed. */
export function releaseConnection(record: u32): void {
  check((load<u32>(record, CONNECTION_FLAGS) & FLAG_CLOSED) != 0, 60)
  forgetStalled(record)
  setLabel(record, 0)
  // Free records hold nothing that `makeRoom` could take for a queue.
  store<u32>(record, 0, CONNECTION_HEAD)
  if (load<u32>(record, CONNECTION_SUB_COUNT) == 0) freeConnection(record)
  else store<u32>(record, load<u32>(record, CONNECTION_FLAGS) | FLAG_RELEASED, CONNECTION_FLAGS)
}

function freeConnection(record: u32): void {
  store<u32>(record, load<u32>(arena, ARENA_CONNECTION_FREE), CONNECTION_NEXT_DIRTY)
  store<u32>(arena, record, ARENA_CONNECTION_FREE)
}

/**
 * Says who a connection is.
 * @param label a block of LABEL_*, which is the connection's from here on; 0 = nobody
 */
export function setLabel(record: u32, label: u32): void {
  const old = load<u32>(record, CONNECTION_LABEL)
  atomic.store<u32>(record + CONNECTION_LABEL, label)
  if (old == 0) return
  release(old, LABEL_TEXT + load<u32>(old, LABEL_NAME_BYTES) + load<u32>(old, LABEL_USER_BYTES))
}

// ── subscriptions ───────────────────────────────────────────────────────────────────────────

function textBytes(slot: u32): u32 {
  const sid = load<u32>(slot, SUB_SID_BYTES)
  return (
    load<u32>(slot, SUB_SUBJECT_BYTES) +
    load<u32>(slot, SUB_QUEUE_BYTES) +
    (sid > SUB_SID_INLINE ? sid : 0)
  )
}

/** Looked at for each that is made: those of a million that went at once come back by and by. */
const RECYCLED_MAX: u32 = 16

/** Slots whose interest the routing worker has removed can be used again. */
function recycleSlots(): void {
  for (let i: u32 = 0; i < RECYCLED_MAX; i++) {
    const slot = load<u32>(arena, ARENA_RETIRING_HEAD)
    if (slot == 0 || atomic.load<u32>(slot + SUB_STATE) != SUB_STATE_RETIRED) return
    const next = load<u32>(slot, SUB_NEXT)
    store<u32>(arena, next, ARENA_RETIRING_HEAD)
    if (next == 0) store<u32>(arena, 0, ARENA_RETIRING_TAIL)
    releaseTight(load<u32>(slot, SUB_TEXT), textBytes(slot))
    store<u32>(slot, SUB_STATE_FREE, SUB_STATE)
    store<u32>(slot, load<u32>(arena, ARENA_SLOT_FREE), SUB_NEXT)
    store<u32>(arena, slot, ARENA_SLOT_FREE)
  }
}

/**
 * One of the subscriptions of a connection from here on, see findBySid.
 *
 * @returns an active slot, not yet known to the sublist; 0 without memory
 */
export function createSubscription(
  connection: u32,
  subject: u32,
  subjectBytes: u32,
  queue: u32,
  queueBytes: u32,
  sid: u32,
  sidBytes: u32,
): u32 {
  recycleSlots()
  if (load<u32>(arena, ARENA_SLOT_FREE) == 0) {
    if (!addSlab(ARENA_SLOT_SLABS, ARENA_SLOT_FREE, SUB_BYTES, SUB_NEXT)) return 0
  }
  const slot = load<u32>(arena, ARENA_SLOT_FREE)
  const next = load<u32>(slot, SUB_NEXT)
  store<u32>(slot, subjectBytes, SUB_SUBJECT_BYTES)
  store<u32>(slot, queueBytes, SUB_QUEUE_BYTES)
  store<u32>(slot, sidBytes, SUB_SID_BYTES)
  const text = allocateTight(textBytes(slot))
  if (text == 0) return 0
  copyExact(text, subject, subjectBytes)
  if (queueBytes != 0) copyExact(text + subjectBytes, queue, queueBytes)
  if (sidBytes > SUB_SID_INLINE) {
    copyExact(text + subjectBytes + queueBytes, sid, sidBytes)
    store<u32>(slot, text + subjectBytes + queueBytes, SUB_SID)
  } else {
    copyExact(slot + SUB_SID, sid, sidBytes)
  }
  if (!addToSids(connection, slot)) {
    releaseTight(text, textBytes(slot))
    return 0
  }
  store<u32>(arena, next, ARENA_SLOT_FREE)
  store<u32>(slot, text, SUB_TEXT)
  store<u32>(slot, connection, SUB_CONNECTION)
  store<u64>(slot, 0, SUB_DELIVERED)
  store<u32>(slot, 0, SUB_MAX)
  store<u32>(slot, 0, SUB_RESERVED)
  store<u32>(slot, 0, SUB_ENTRY)
  store<u32>(slot, slot, SUB_NEXT) // in no list
  // Also here, so that a late control record of the slot's former life is known for what it is.
  atomic.add<u32>(slot + SUB_GENERATION, 1)
  atomic.store<u32>(slot + SUB_STATE, SUB_STATE_ACTIVE)
  return slot
}

/** Takes a slot out of the list of those that reached their maximum, which shares a link. */
function forgetExpired(slot: u32): void {
  let link = arena + ARENA_EXPIRED
  for (let at = load<u32>(link); at != 0; at = load<u32>(link)) {
    if (at == slot) {
      store<u32>(link, load<u32>(slot, SUB_NEXT))
      return
    }
    link = at + SUB_NEXT
  }
}

/** Deliveries stop now; the slot is free again once the routing worker has retired it. */
export function removeSubscription(slot: u32): void {
  takeFromSids(load<u32>(slot, SUB_CONNECTION), slot)
  endSubscription(slot)
}

/**
 * Ends subscriptions of a connection that gets no more of them, and tells the routing worker.
 *
 * @returns how many are left: more than `most` were there, or the lane has no room
 */
export function closeSubscriptions(connection: u32, most: u32): u32 {
  if (startsWalk(connection, most)) {
    forgetTable(connection)
    store<u32>(connection, load<u32>(arena, ARENA_SLOT_SLABS) | SUBS_CLOSING, CONNECTION_SUB_USED)
  }
  const isTable = load<u32>(connection, CONNECTION_SUBS) != 0
  if (isTable) closeFromTable(connection, most)
  else if (load<u32>(connection, CONNECTION_SUB_COUNT) != 0) closeFromSlabs(connection, most)
  const left = load<u32>(connection, CONNECTION_SUB_COUNT)
  if (left == 0 && (load<u32>(connection, CONNECTION_FLAGS) & FLAG_RELEASED) != 0) {
    store<u32>(connection, FLAG_CLOSED, CONNECTION_FLAGS)
    freeConnection(connection)
  }
  return left
}

function closeFromTable(connection: u32, most: u32): void {
  for (let i: u32 = 0; i < most && load<u32>(connection, CONNECTION_SUB_COUNT) != 0; i++) {
    const record = claim(ROUTER_THREAD, CONTROL_BYTES, RECORD_UNSUBSCRIBE)
    if (record == 0) return
    closeOne(takeAnyFromSids(connection), record)
  }
}

/** A table is in no order, which takes four times as long when it is larger than any cache. */
const WALK_COUNT_MIN: u32 = 8192
/** Of all slots of the thread, this part must be the connection's. */
const WALK_PART: u32 = 8

/** Whether the slots of a connection are best found by a walk over all of the thread. */
function startsWalk(connection: u32, most: u32): bool {
  const count = load<u32>(connection, CONNECTION_SUB_COUNT)
  if (count < WALK_COUNT_MIN || count <= most) return false
  if ((load<u32>(connection, CONNECTION_SUB_USED) & SUBS_CLOSING) != 0) return false
  let slots: u32 = 0
  let slab = load<u32>(arena, ARENA_SLOT_SLABS)
  for (; slab != 0; slab = load<u32>(slab, SLAB_NEXT)) {
    slots += (SLAB_BYTES - SLAB_ITEMS) / SUB_BYTES
  }
  return slots <= count * WALK_PART
}

function closeFromSlabs(connection: u32, most: u32): void {
  let slab = load<u32>(connection, CONNECTION_SUB_USED) & ~SUBS_CLOSING
  let count = load<u32>(connection, CONNECTION_SUB_COUNT)
  for (let done: u32 = 0; slab != 0 && count != 0 && done < most; ) {
    let slot = slab + SLAB_ITEMS
    for (; slot + SUB_BYTES <= slab + SLAB_BYTES; slot += SUB_BYTES) {
      if (load<u32>(slot, SUB_CONNECTION) != connection) continue
      if (load<u32>(slot, SUB_STATE) != SUB_STATE_ACTIVE) continue
      const record = claim(ROUTER_THREAD, CONTROL_BYTES, RECORD_UNSUBSCRIBE)
      if (record == 0) break
      closeOne(slot, record)
      store<u32>(connection, --count, CONNECTION_SUB_COUNT)
      done++
    }
    if (slot + SUB_BYTES <= slab + SLAB_BYTES) break
    done += LOOKED_AT
    slab = load<u32>(slab, SLAB_NEXT)
  }
  check(slab != 0 || count == 0, 82)
  store<u32>(connection, slab | SUBS_CLOSING, CONNECTION_SUB_USED)
}

/** What a look at a whole slab costs, in subscriptions to close. */
const LOOKED_AT: u32 = 64

function closeOne(slot: u32, record: u32): void {
  endSubscription(slot)
  store<u32>(record, slot, CONTROL_SLOT)
  store<u32>(record, load<u32>(slot, SUB_GENERATION), CONTROL_GENERATION)
}

function endSubscription(slot: u32): void {
  check(load<u32>(slot, SUB_STATE) == SUB_STATE_ACTIVE, 61)
  atomic.add<u32>(slot + SUB_GENERATION, 1)
  if (load<u32>(slot, SUB_NEXT) != slot) forgetExpired(slot)
  atomic.store<u32>(slot + SUB_STATE, SUB_STATE_RETIRING)
  store<u32>(slot, 0, SUB_NEXT)
  const tail = load<u32>(arena, ARENA_RETIRING_TAIL)
  if (tail != 0) store<u32>(tail, slot, SUB_NEXT)
  else store<u32>(arena, slot, ARENA_RETIRING_HEAD)
  store<u32>(arena, slot, ARENA_RETIRING_TAIL)
}

// ── the routing worker's side ───────────────────────────────────────────────────────────────

/**
 * Puts another thread's subscription into the sublist of its connection's account, with what that
 * one is denied. Returns false when there is no memory.
 */
export function applySubscribe(slot: u32, generation: u32, thread: u32): bool {
  const text = load<u32>(slot, SUB_TEXT)
  const bytes = load<u32>(slot, SUB_SUBJECT_BYTES)
  const queueBytes = load<u32>(slot, SUB_QUEUE_BYTES)
  const connection = load<u32>(slot, SUB_CONNECTION)
  const account = accountNumber(load<u32>(connection, CONNECTION_ACCOUNT))
  const denies = load<u32>(connection, CONNECTION_OUTGOING)
  const entry = insertSubscription(
    account,
    text,
    bytes,
    queueBytes,
    slot,
    generation,
    thread,
    denies,
  )
  store<u32>(slot, entry, SUB_ENTRY)
  return entry != 0
}

/** Takes a subscription out of the sublist and tells its owner that the slot is free. */
export function applyUnsubscribe(slot: u32): void {
  const entry = load<u32>(slot, SUB_ENTRY)
  if (entry != 0) {
    removeEntry(entry)
    store<u32>(slot, 0, SUB_ENTRY)
  }
  atomic.store<u32>(slot + SUB_STATE, SUB_STATE_RETIRED)
}

let slab: u32 = 0
let item: u32 = 0

/** Starts a walk over all slots of a thread; `nextUsedSlot` goes on with it. */
export function walkSlots(thread: u32): void {
  slab = atomic.load<u32>(arenaOf(thread) + ARENA_SLOT_SLABS)
  item = slab + SLAB_ITEMS
}

/** The next slot in use (active or retiring), 0 at the end. */
export function nextUsedSlot(): u32 {
  while (slab != 0) {
    while (item + SUB_BYTES <= slab + SLAB_BYTES) {
      const slot = item
      item += SUB_BYTES
      const state = atomic.load<u32>(slot + SUB_STATE)
      if (state == SUB_STATE_ACTIVE || state == SUB_STATE_RETIRING) return slot
    }
    slab = load<u32>(slab, SLAB_NEXT)
    item = slab + SLAB_ITEMS
  }
  return 0
}
