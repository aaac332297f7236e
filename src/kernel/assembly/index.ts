/**
 * The kernel: what every thread runs on the memory they share. No runtime, no collected objects,
 * no data segment; globals are private to the instance.
 *
 * Read in this order: layout, memory, thread, arena; accounts, sublist-memory, sublist, sids,
 * subscriptions; lane, lent; message, permissions, host; matches, variants, plan-layout, mapped-
 * plan, plan-build, pace, plan; outbound, frames, targets, choices, records, received, deliver;
 * scan, leaf-line, ingest, repeats, ingest-interest.
 */
import { allocate as allocateFromArena, formatArena } from './arena'
import { formatDelivery } from './deliver'
import { publishExplained, publishToLink } from './explain'
import { ingest as ingestMessages, publish, setStatus, status } from './ingest'
import {
  CONNECTION_FLAGS,
  CONNECTION_KIND,
  FLAG_ECHO,
  KIND_CLIENT,
  LANE_CACHED_CONSUMER,
  LANE_CLAIMED,
  LANE_CONSUMER,
  LANE_HELD,
  LANE_PRODUCER,
  LANE_RECORDS,
  PLAN_EXTRAS,
  PLAN_GROUPS,
  PLAN_KEY_IMPORTED,
  PLAN_KEY_TRUSTED,
  PLAN_LEAFS,
  PLAN_LOCALS,
  PLAN_REMOTES,
  RECORD_CONTROL,
  RECORD_INDIRECT,
  RECORD_KIND,
  RECORD_LENGTH,
  RECORD_MESSAGE,
  CONTROL_BYTES,
  CONTROL_GENERATION,
  CONTROL_SLOT,
  STATUS_DONE,
  STATUS_LANE_FULL,
  STATUS_MORE,
  STATUS_NO_SUBLIST,
  STATUS_RECORD,
  STATUS_SPENT,
  THREAD_EPOCH,
} from './layout'
import { claim } from './lane'
import { hasLent, reclaimLent } from './lent'
import { copyExact, seedRandom } from './memory'
import { setPayload, setQueues, setReply, setSizes, setSubject } from './message'
import { makeRoom } from './outbound'
import { isSpent, setReading } from './pace'
import { planWithRoom, releaseUncached } from './plan'
import { formatPlans, PLAN_OUT_OF_MEMORY } from './plan-build'
import { deliverIndirect, deliverRecord, recordWork } from './received'
import { createConnection } from './subscriptions'
import {
  attachThread,
  lane,
  laneCapacity,
  self,
  setBeside,
  threadBlock,
  threadCount,
} from './thread'

export * from './layout'
export { accountAddress, bumpAll, setMappings } from './accounts'
export { release } from './arena'
export { crc32c, maskChecksum } from './crc32c'
export { serviceCount, services } from './deliver'
export { isMapped } from './explain'
export { explained, explainedCount, explainedTexts } from './explained-list'
export { countInbound, delivered, needBytes, status } from './ingest'
export { ingestInterest, interestLines } from './ingest-interest'
export {
  awaitRoom,
  claimedPosition,
  commitLanes,
  consumedPosition,
  hasInbound,
  holdLane,
  isHeld,
  resetLanes,
  takeBlocked,
  wakeUp,
} from './lane'
export { forgetReader, hasLent } from './lent'
export { maskBytes } from './mask'
export { failedCheck } from './memory'
export {
  headerBytes,
  payload,
  reply,
  replyBytes,
  subject,
  subjectBytes,
  totalBytes,
} from './message'
export {
  appendBytes,
  clearStallRequest,
  markDirty,
  releaseChunks,
  setDropOverStallMark,
  stalledBy,
  stallRequested,
  takeChunks,
  takeDirty,
} from './outbound'
export { hasMatching, renewMatching, setPacing } from './pace'
export { dropPlans } from './plan'
export { fullLane } from './records'
export { s2Decode } from './s2-decode'
export { s2Encode, S2_LEVEL_BEST, S2_LEVEL_BETTER, S2_LEVEL_FAST } from './s2-encode'
export {
  entryAccount,
  formatSublist,
  insertEntry,
  insertImport,
  matchNodes,
  nodeCount,
  openAccount,
  openSublist,
  removeEntry,
  setEntryPermissions,
  setWeight,
} from './sublist'
export { createBlock, reclaim, retireBlock } from './sublist-memory'
export {
  applySubscribe,
  applyUnsubscribe,
  closeConnection,
  closeSubscriptions,
  createConnection,
  createSubscription,
  nextUsedSlot,
  releaseConnection,
  removeSubscription,
  setLabel,
  walkSlots,
} from './subscriptions'
export { findBySid } from './sids'
export { setTaps } from './taps'
export { takeExpired } from './targets'
export { mayBeTraced } from './trace-search'

/**
 * Delivers the messages in [from, to).
 * @param connection record of the connection they came from
 * @returns address of the first byte not consumed; `status` says why it stopped there
 */
export function ingest(connection: u32, from: u32, to: u32): u32 {
  setReading(true)
  const next = ingestMessages(connection, from, to)
  if (isSpent && status == STATUS_NO_SUBLIST) setStatus(STATUS_SPENT)
  setReading(false)
  return next
}

/** Stands for "whoever is behind the lane" when a record must be matched here. */
let relay: u32 = 0

/**
 * Makes this instance the given thread's: formats its arena and takes over its lanes.
 * @param seed for the choice of queue group members
 * @returns false when the arena is too small
 */
export function attach(thread: u32, seed: u32): bool {
  attachThread(thread)
  seedRandom(seed)
  atomic.store<u32>(threadBlock + THREAD_EPOCH, 0)
  formatArena()
  for (let peer: u32 = 0; peer < threadCount; peer++) {
    const out = lane(self, peer)
    // A predecessor may have died between claim and commit.
    store<u32>(out, atomic.load<u32>(out + LANE_PRODUCER), LANE_CLAIMED)
    store<u32>(out, atomic.load<u32>(out + LANE_CONSUMER), LANE_CACHED_CONSUMER)
    store<u32>(out, 0, LANE_HELD)
  }
  if (!formatPlans() || !formatDelivery()) return false
  relay = createConnection()
  if (relay == 0) return false
  store<u32>(relay, KIND_CLIENT, CONNECTION_KIND)
  store<u32>(relay, FLAG_ECHO, CONNECTION_FLAGS)
  return true
}

/** Another thread has the same event loop: what is for its connections needs no lane. */
export function standBeside(thread: u32): void {
  setBeside(thread)
}

/** A block of at least `bytes`, also if a slow consumer must go for it; 0 without memory. */
export function allocate(bytes: u32): u32 {
  let block = allocateFromArena(bytes)
  while (block == 0 && makeRoom(0)) block = allocateFromArena(bytes)
  return block
}

/**
 * Copies without bulk instructions, which are slow on shared memory. Unlike the kernel's own copies
 * it writes not a byte more than asked for. The ranges must not overlap.
 */
export function copy(target: u32, source: u32, bytes: u32): void {
  copyExact(target, source, bytes)
}

// ── lanes, as TypeScript sees them ──────────────────────────────────────────────────────────

/** Address of the control record that drain stopped at. */
export let record: u32 = 0
/** Where reading of the lane at hand stands; released by `drainEnd`. */
let position: u32 = 0

export function drainBegin(from: u32): void {
  position = load<u32>(lane(from, self), LANE_CONSUMER)
}

/**
 * Delivers message records until the lane is empty (STATUS_DONE), a control record comes
 * (STATUS_RECORD: handle it and call again), the work limit is reached (STATUS_MORE), or the
 * sublist is missing (STATUS_NO_SUBLIST).
 */
export function drain(from: u32, bytesMax: u32): u32 {
  const ring = lane(from, self)
  const producer = atomic.load<u32>(ring + LANE_PRODUCER)
  let read: u32 = 0
  while (position != producer) {
    if (read >= bytesMax) return STATUS_MORE
    const at = ring + LANE_RECORDS + (position & (laneCapacity - 1))
    const kind = load<u32>(at, RECORD_KIND)
    // Before it is delivered: what was lent goes back then.
    const work = recordWork(at)
    if (kind == RECORD_MESSAGE && !deliverRecord(at, relay)) return STATUS_NO_SUBLIST
    if (kind == RECORD_INDIRECT && !deliverIndirect(at, relay)) return STATUS_NO_SUBLIST
    position += load<u32>(at, RECORD_LENGTH)
    read += work
    if (kind >= RECORD_CONTROL) {
      record = at
      return STATUS_RECORD
    }
  }
  return STATUS_DONE
}

/** Releases what was read. Returns whether anything was. */
export function drainEnd(from: u32): bool {
  const ring = lane(from, self)
  if (load<u32>(ring, LANE_CONSUMER) == position) return false
  atomic.store<u32>(ring + LANE_CONSUMER, position)
  return true
}

/** Sends a control record; false when the lane has no room. */
export function sendControl(to: u32, kind: u32, slot: u32, generation: u32): bool {
  const at = claim(to, CONTROL_BYTES, kind)
  if (at == 0) return false
  store<u32>(at, slot, CONTROL_SLOT)
  store<u32>(at, generation, CONTROL_GENERATION)
  return true
}

/** Frees lent payloads that were read; cheap when there are none. */
export function tidy(): void {
  if (hasLent()) reclaimLent()
}

// ── messages that TypeScript parsed ─────────────────────────────────────────────────────────

/**
 * Delivers one message whose parts TypeScript has found. Same results as ingest, but for
 * STATUS_FORBIDDEN.
 * @param trust 0: as any other message; 1: it is not mapped, and may be sent whatever permissions
 *   say; 2: besides, it came through a service import, and is not exported as a stream
 */
export function publishParts(
  connection: u32,
  subject: u32,
  subjectBytes: u32,
  reply: u32,
  replyBytes: u32,
  headerText: u32,
  headerDigits: u32,
  sizeText: u32,
  sizeDigits: u32,
  headerBytes: u32,
  totalBytes: u32,
  payload: u32,
  queues: u32,
  queuesBytes: u32,
  trust: u32,
): bool {
  setSubject(subject, subjectBytes)
  setReply(reply, replyBytes)
  setSizes(headerText, headerDigits, sizeText, sizeDigits, headerBytes, totalBytes)
  setPayload(payload)
  setQueues(queues, queuesBytes)
  return publish(connection, trustBits(trust))
}

function trustBits(trust: u32): u32 {
  if (trust == 0) return 0
  return trust == 1 ? PLAN_KEY_TRUSTED : PLAN_KEY_TRUSTED | PLAN_KEY_IMPORTED
}

/**
 * As publishParts; `explained` lists whom the message concerns.
 * @param how bits of EXPLAIN_*
 */
export function explainParts(
  connection: u32,
  subject: u32,
  subjectBytes: u32,
  reply: u32,
  replyBytes: u32,
  headerText: u32,
  headerDigits: u32,
  sizeText: u32,
  sizeDigits: u32,
  headerBytes: u32,
  totalBytes: u32,
  payload: u32,
  queues: u32,
  queuesBytes: u32,
  trust: u32,
  how: u32,
): bool {
  setSubject(subject, subjectBytes)
  setReply(reply, replyBytes)
  setSizes(headerText, headerDigits, sizeText, sizeDigits, headerBytes, totalBytes)
  setPayload(payload)
  setQueues(queues, queuesBytes)
  return publishExplained(connection, trustBits(trust), how)
}

/**
 * Sends one message to one leaf link.
 * @param queues names of the queue groups it was chosen for, blank separated
 * @param connection where the message came from
 * @returns false when it must be tried again: STATUS_LANE_FULL
 */
export function linkParts(
  connection: u32,
  subject: u32,
  subjectBytes: u32,
  reply: u32,
  replyBytes: u32,
  headerText: u32,
  headerDigits: u32,
  sizeText: u32,
  sizeDigits: u32,
  headerBytes: u32,
  totalBytes: u32,
  payload: u32,
  queues: u32,
  queuesBytes: u32,
  link: u32,
  generation: u32,
): bool {
  setSubject(subject, subjectBytes)
  setReply(reply, replyBytes)
  setSizes(headerText, headerDigits, sizeText, sizeDigits, headerBytes, totalBytes)
  setPayload(payload)
  setQueues(queues, queuesBytes)
  const isSent = publishToLink(connection, link, generation)
  setStatus(isSent ? STATUS_DONE : STATUS_LANE_FULL)
  return isSent
}

/**
 * Whether anybody in the account of a connection listens to a literal subject, as the sublist has
 * it; without memory for a look, yes.
 */
export function isListened(connection: u32, at: u32, bytes: u32): bool {
  setSubject(at, bytes)
  const plan = planWithRoom(connection, PLAN_KEY_TRUSTED | PLAN_KEY_IMPORTED)
  if (plan <= PLAN_OUT_OF_MEMORY) return true
  const receivers =
    load<u32>(plan, PLAN_LOCALS) |
    load<u32>(plan, PLAN_REMOTES) |
    load<u32>(plan, PLAN_LEAFS) |
    load<u32>(plan, PLAN_GROUPS) |
    load<u32>(plan, PLAN_EXTRAS)
  releaseUncached()
  return receivers != 0
}
