/**
 * Lanes: single-producer single-consumer byte rings, one for each ordered pair of threads.
 *
 * The producer claims records and fills them, then makes a whole batch visible by one store of
 * the producer position. The consumer releases a whole batch by one store of its position.
 * Model: OneToOneRingBuffer of Agrona.
 */
import {
  LANE_BLOCKED,
  LANE_CACHED_CONSUMER,
  LANE_CLAIMED,
  LANE_CONSUMER,
  LANE_HELD,
  LANE_MARK,
  LANE_MARK_US,
  LANE_PRODUCER,
  LANE_RECORDS,
  RECORD_ALIGN,
  RECORD_KIND,
  RECORD_LENGTH,
  RECORD_PADDING,
  THREAD_SLEEPING,
} from './layout'
import { check } from './memory'
import { lane, laneCapacity, self, threadBlockOf, threadCount } from './thread'

/** Largest record that is worth its padding at the wrap; larger payloads are lent. */
export function recordBytesMax(): u32 {
  return laneCapacity >>> 2
}

@inline
function aligned(bytes: u32): u32 {
  return (bytes + (RECORD_ALIGN - 1)) & ~(RECORD_ALIGN - 1)
}

/** Bytes that a claim of `bytes` needs now: itself, and the padding if it would wrap. */
@inline
function needOf(claimed: u32, bytes: u32): u32 {
  const left = laneCapacity - (claimed & (laneCapacity - 1))
  return left < bytes ? left + bytes : bytes
}

/**
 * Whether `records` claims of `bytes` altogether will succeed. With several records each may be
 * padded once at the wrap, so the largest of them is counted twice.
 */
export function hasRoom(to: u32, bytes: u32, largest: u32): bool {
  const at = lane(self, to)
  const claimed = load<u32>(at, LANE_CLAIMED)
  const need = aligned(bytes) + largest + RECORD_ALIGN
  if (claimed + need - load<u32>(at, LANE_CACHED_CONSUMER) <= laneCapacity) return true
  store<u32>(at, atomic.load<u32>(at + LANE_CONSUMER), LANE_CACHED_CONSUMER)
  return claimed + need - load<u32>(at, LANE_CACHED_CONSUMER) <= laneCapacity
}

/** @returns the address of a record of `bytes`, header included; 0 when the lane has no room */
export function claim(to: u32, bytes: u32, kind: u32): u32 {
  const at = lane(self, to)
  const length = aligned(bytes)
  check(length <= recordBytesMax(), 20)
  let claimed = load<u32>(at, LANE_CLAIMED)
  const need = needOf(claimed, length)
  if (claimed + need - load<u32>(at, LANE_CACHED_CONSUMER) > laneCapacity) {
    store<u32>(at, atomic.load<u32>(at + LANE_CONSUMER), LANE_CACHED_CONSUMER)
    if (claimed + need - load<u32>(at, LANE_CACHED_CONSUMER) > laneCapacity) return 0
  }
  if (need != length) {
    const padding = at + LANE_RECORDS + (claimed & (laneCapacity - 1))
    store<u32>(padding, need - length, RECORD_LENGTH)
    store<u32>(padding, RECORD_PADDING, RECORD_KIND)
    claimed += need - length
  }
  const record = at + LANE_RECORDS + (claimed & (laneCapacity - 1))
  store<u32>(record, length, RECORD_LENGTH)
  store<u32>(record, kind, RECORD_KIND)
  store<u32>(at, claimed + length, LANE_CLAIMED)
  return record
}

/**
 * Makes everything claimed visible.
 * @param nowUs when what is committed was read, see LANE_MARK_US; 0 = it is not timed
 * @returns mask of the threads that slept and must be woken by their doorbell
 */
export function commitLanes(nowUs: u32): u32 {
  let wake: u32 = 0
  for (let to: u32 = 0; to < threadCount; to++) {
    if (to == self) continue
    const at = lane(self, to)
    const claimed = load<u32>(at, LANE_CLAIMED)
    if (claimed == load<u32>(at, LANE_PRODUCER)) continue
    if (nowUs != 0) markBatch(at, nowUs)
    atomic.store<u32>(at + LANE_PRODUCER, claimed)
    if (wakeUp(to)) wake |= <u32>1 << to
  }
  return wake
}

/** Times the batch about to be committed, unless one before it is still on its way. */
@inline
function markBatch(at: u32, nowUs: u32): void {
  if (<i32>(atomic.load<u32>(at + LANE_CONSUMER) - load<u32>(at, LANE_MARK)) < 0) return
  store<u32>(at, nowUs, LANE_MARK_US)
  atomic.store<u32>(at + LANE_MARK, load<u32>(at, LANE_PRODUCER) + 1)
}

/** Takes the sleeping flag of a thread; true when it was asleep and the caller must ring. */
export function wakeUp(thread: u32): bool {
  const flag = threadBlockOf(thread) + THREAD_SLEEPING
  return atomic.load<u32>(flag) != 0 && atomic.xchg<u32>(flag, 0) != 0
}

/** Whether any lane to this thread holds something unread. */
export function hasInbound(): bool {
  for (let from: u32 = 0; from < threadCount; from++) {
    if (from == self) continue
    const at = lane(from, self)
    if (atomic.load<u32>(at + LANE_PRODUCER) != load<u32>(at, LANE_CONSUMER)) return true
  }
  return false
}

/** Position behind everything claimed so far; compare with `consumedPosition`. */
export function claimedPosition(to: u32): u32 {
  return load<u32>(lane(self, to), LANE_CLAIMED)
}

export function consumedPosition(to: u32): u32 {
  return atomic.load<u32>(lane(self, to) + LANE_CONSUMER)
}

/** Nothing but control records may be claimed while the lane is held. */
export function holdLane(to: u32, held: bool): void {
  store<u32>(lane(self, to), held ? 1 : 0, LANE_HELD)
}

/** Whether all that was ever claimed has been read, and nothing waits to be. */
@inline
export function isDrained(to: u32): bool {
  const at = lane(self, to)
  return load<u32>(at, LANE_CLAIMED) == atomic.load<u32>(at + LANE_CONSUMER) && !isHeld(to)
}

@inline
export function isHeld(to: u32): bool {
  return load<u32>(lane(self, to), LANE_HELD) != 0
}

/**
 * Asks the consumer to ring when it has made room.
 * @returns false when room appeared meanwhile: try again at once
 */
export function awaitRoom(to: u32): bool {
  const at = lane(self, to)
  atomic.store<u32>(at + LANE_BLOCKED, 1)
  if (atomic.load<u32>(at + LANE_CONSUMER) == load<u32>(at, LANE_CACHED_CONSUMER)) return true
  atomic.store<u32>(at + LANE_BLOCKED, 0)
  return false
}

/** Consumer's side: whether the producer waits for room and must be rung. */
export function takeBlocked(from: u32): bool {
  const flag = lane(from, self) + LANE_BLOCKED
  return atomic.load<u32>(flag) != 0 && atomic.xchg<u32>(flag, 0) != 0
}

/** Empties both lanes between this thread and one that died. */
export function resetLanes(peer: u32): void {
  const inbound = lane(peer, self)
  atomic.store<u32>(inbound + LANE_CONSUMER, atomic.load<u32>(inbound + LANE_PRODUCER))
  const outbound = lane(self, peer)
  const claimed = load<u32>(outbound, LANE_CLAIMED)
  atomic.store<u32>(outbound + LANE_PRODUCER, claimed)
  atomic.store<u32>(outbound + LANE_CONSUMER, claimed)
  store<u32>(outbound, claimed, LANE_CACHED_CONSUMER)
  store<u32>(outbound, 0, LANE_HELD)
  atomic.store<u32>(outbound + LANE_BLOCKED, 0)
}
