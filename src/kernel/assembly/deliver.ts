/**
 * Carries out a plan: frames for this thread's subscriptions, one lane record for each other
 * thread, one line for each leaf link.
 *
 * All or nothing: room in every lane is checked before the first frame is written, so that a
 * message held back for want of room is delivered once, later.
 */
import { allocate } from './arena'
import {
  ARENA_EXPIRED,
  CONNECTION_FLAGS,
  CONNECTION_GENERATION,
  CONNECTION_KIND,
  CONNECTION_STALLED,
  FLAG_ECHO,
  KIND_LEAF,
  LENT_DATA,
  MESSAGE_BODY,
  MESSAGE_HEADER,
  MESSAGE_HEADER_TEXT,
  MESSAGE_LEAFS,
  MESSAGE_REFERENCE,
  MESSAGE_REPLY,
  MESSAGE_SIZE_TEXT,
  MESSAGE_SUBJECT,
  MESSAGE_TARGETS,
  MESSAGE_TOTAL,
  PLAN_BODY,
  PLAN_GROUPS,
  PLAN_LEAFS,
  PLAN_LOCALS,
  PLAN_REMOTES,
  RECORD_MESSAGE,
  ROUTER_THREAD,
  SUB_CONNECTION,
  SUB_DELIVERED,
  SUB_GENERATION,
  SUB_MAX,
  SUB_NEXT,
  SUB_RESERVED,
  THREAD_LANE_FULL,
  THREAD_OUT_OF_MEMORY,
  THREAD_STALLED_CONNECTIONS,
  THREAD_STATE,
  THREAD_STATE_RUNNING,
} from './layout'
import { claim, hasRoom, isHeld, recordBytesMax } from './lane'
import { addReader, giveBack, isWaitUseful, lend, lentTo, mayLend } from './lent'
import { check, copyShort, copyVectors, isEqual, randomBelow } from './memory'
import {
  headerBytes,
  headerText,
  headerTextBytes,
  payload,
  queues,
  queuesBytes,
  reply,
  replyBytes,
  setPayload,
  setReply,
  setSizes,
  setSubject,
  sizeText,
  sizeTextBytes,
  subject,
  subjectBytes,
  totalBytes,
} from './message'
import { frameForClient, frameForLeaf, requestStall } from './outbound'
import { dropPlans, planFor, PLAN_OUT_OF_MEMORY, releaseUncached } from './plan'
import { arena, self, threadBlock, threadBlockOf, threadCount } from './thread'

/** A lane had no room; nothing was delivered. */
export const DELIVER_LANE_FULL: i32 = -1
/** There is no sublist to match against; nothing was delivered. */
export const DELIVER_NO_SUBLIST: i32 = -2

/** Lane that had no room. */
export let fullLane: u32 = 0

/** Above so many targets a thread gets no list: it matches for itself. */
const PAIRS_MAX: u32 = 1024
const MATCH_YOURSELF: u32 = 0xffffffff
/** Bit of a reference to a lent block: the next record to the same thread uses it, too. */
const NOT_LAST: u32 = 1

// Choices made for the message at hand, in the thread's scratch:
//   chosen: (slot, generation, thread) of queue members; links: (connection, generation, name
//   address, name bytes) of leaf links, name bytes 0 for plain interest.
let chosen: u32 = 0
let chosenCount: u32 = 0
let links: u32 = 0
let linksCount: u32 = 0
const CHOICES_MAX: u32 = 4096
const CHOSEN_BYTES: u32 = 12
const LINK_BYTES: u32 = 16
/** Names of groups for one leaf link: as many as fit, so that a line stays within bounds. */
const NAMES_BYTES_MAX: u32 = 32768
let namesText: u32 = 0

export function formatDelivery(): bool {
  chosen = allocate(CHOICES_MAX * CHOSEN_BYTES)
  links = allocate(CHOICES_MAX * LINK_BYTES)
  namesText = allocate(NAMES_BYTES_MAX)
  return chosen != 0 && links != 0 && namesText != 0
}

/**
 * Delivers the message at hand.
 * @param source connection it came from
 * @returns number of receivers (a leaf link or another thread's record counts each target as one),
 *   or DELIVER_LANE_FULL, DELIVER_NO_SUBLIST
 */
export function deliver(source: u32): i32 {
  const plan = planWithRoom(source)
  if (plan <= PLAN_OUT_OF_MEMORY) return plan == PLAN_OUT_OF_MEMORY ? 0 : DELIVER_NO_SUBLIST
  const wide =
    load<u32>(plan, PLAN_REMOTES) | load<u32>(plan, PLAN_LEAFS) | load<u32>(plan, PLAN_GROUPS)
  const delivered = wide != 0 ? deliverWide(plan, source) : deliverLocal(plan, source)
  releaseUncached()
  return delivered
}

/** The plan, also if others must go for it. */
function planWithRoom(source: u32): u32 {
  const plan = planFor(source)
  if (plan != PLAN_OUT_OF_MEMORY) return plan
  dropPlans()
  return planFor(source)
}

function deliverLocal(plan: u32, source: u32): i32 {
  let delivered: i32 = 0
  const echo = (load<u32>(source, CONNECTION_FLAGS) & FLAG_ECHO) != 0
  let at = plan + PLAN_BODY
  const end = at + (load<u32>(plan, PLAN_LOCALS) << 3)
  for (; at < end; at += 8) {
    if (deliverTo(load<u32>(at), load<u32>(at, 4), echo ? 0 : source)) delivered++
  }
  return delivered
}

/**
 * One message to one subscription of this thread.
 * @param exclude connection that must not get it, 0 = none
 */
@inline
function deliverTo(slot: u32, generation: u32, exclude: u32): bool {
  if (load<u32>(slot, SUB_GENERATION) != generation) return false
  const connection = load<u32>(slot, SUB_CONNECTION)
  if (connection == exclude) return false
  const max = load<u32>(slot, SUB_MAX)
  const delivered = load<u64>(slot, SUB_DELIVERED) + 1
  if (max != 0) {
    if (delivered > <u64>max) return false
    if (delivered == <u64>max) expire(slot)
  }
  store<u64>(slot, delivered, SUB_DELIVERED)
  return frameForClient(slot, connection)
}

/** The subscription got all it asked for: TypeScript removes it after the batch. */
function expire(slot: u32): void {
  if (load<u32>(slot, SUB_NEXT) != slot) return // in the list already, and got more since
  store<u32>(slot, load<u32>(arena, ARENA_EXPIRED), SUB_NEXT)
  store<u32>(arena, slot, ARENA_EXPIRED)
}

export function takeExpired(): u32 {
  const slot = load<u32>(arena, ARENA_EXPIRED)
  if (slot != 0) {
    store<u32>(arena, load<u32>(slot, SUB_NEXT), ARENA_EXPIRED)
    store<u32>(slot, slot, SUB_NEXT)
  }
  return slot
}

// ── more than local plain subscriptions ─────────────────────────────────────────────────────

function isRunning(thread: u32): bool {
  return atomic.load<u32>(threadBlockOf(thread) + THREAD_STATE) == THREAD_STATE_RUNNING
}

/** Whether the names on a leaf's line contain a group. */
function isNamed(name: u32, bytes: u32): bool {
  let i: u32 = 0
  while (i < queuesBytes) {
    let end = i
    while (end < queuesBytes && load<u8>(queues + end) > 32) end++
    if (end - i == bytes && isEqual(queues + i, name, bytes)) return true
    while (end < queuesBytes && load<u8>(queues + end) <= 32) end++
    i = end
  }
  return false
}

/**
 * Picks a member of each queue group: any of this server, over all threads alike; only if there
 * is none, a leaf link, by weight.
 */
function choose(plan: u32, groups: u32, source: u32): void {
  const fromLeaf = load<u32>(source, CONNECTION_KIND) == KIND_LEAF
  const exclude = (load<u32>(source, CONNECTION_FLAGS) & FLAG_ECHO) != 0 ? 0 : source
  let at = groups
  for (let i = load<u32>(plan, PLAN_GROUPS); i > 0; i--) {
    const name = load<u32>(at)
    const nameBytes = load<u32>(at, 4)
    const members = load<u32>(at, 8)
    const leafs = load<u32>(at, 12)
    const first = at + 16
    const firstLeaf = first + members * 12
    at = firstLeaf + leafs * 12
    if (fromLeaf && !isNamed(name, nameBytes)) continue
    if (members != 0 && chooseMember(first, members, exclude)) continue
    if (leafs != 0) chooseLink(firstLeaf, leafs, name, nameBytes)
  }
}

function chooseMember(first: u32, members: u32, exclude: u32): bool {
  if (chosenCount == CHOICES_MAX) return true
  const start = randomBelow(members)
  for (let i: u32 = 0; i < members; i++) {
    let index = start + i
    if (index >= members) index -= members
    const member = first + index * 12
    const slot = load<u32>(member)
    const thread = load<u32>(member, 8)
    if (atomic.load<u32>(slot + SUB_GENERATION) != load<u32>(member, 4)) continue
    if (exclude != 0 && load<u32>(slot, SUB_CONNECTION) == exclude) continue
    if (thread != self && !isRunning(thread)) continue
    const max = load<u32>(slot, SUB_MAX)
    // What others have sent it is not delivered yet: places are taken when it is chosen.
    if (max != 0 && atomic.add<u32>(slot + SUB_RESERVED, 1) >= max) {
      atomic.sub<u32>(slot + SUB_RESERVED, 1)
      continue
    }
    const at = chosen + chosenCount * CHOSEN_BYTES
    store<u32>(at, slot)
    store<u32>(at, load<u32>(member, 4), 4)
    store<u32>(at, thread, 8)
    chosenCount++
    return true
  }
  return false
}

/** The message must wait, and will choose anew. */
function giveUpChosen(): void {
  for (let i: u32 = 0; i < chosenCount; i++) {
    const slot = load<u32>(chosen + i * CHOSEN_BYTES)
    if (load<u32>(slot, SUB_MAX) != 0) atomic.sub<u32>(slot + SUB_RESERVED, 1)
  }
}

function chooseLink(first: u32, leafs: u32, name: u32, nameBytes: u32): void {
  let total: u32 = 0
  for (let i: u32 = 0; i < leafs; i++) total += load<u32>(first + i * 12, 8)
  let left = randomBelow(total)
  for (let i: u32 = 0; i < leafs; i++) {
    const at = first + i * 12
    const weight = load<u32>(at, 8)
    if (left < weight) {
      addLink(load<u32>(at), load<u32>(at, 4), name, nameBytes)
      return
    }
    left -= weight
  }
}

function addLink(connection: u32, generation: u32, name: u32, nameBytes: u32): void {
  if (linksCount == CHOICES_MAX) return
  const at = links + linksCount * LINK_BYTES
  store<u32>(at, connection)
  store<u32>(at, generation, 4)
  store<u32>(at, name, 8)
  store<u32>(at, nameBytes, 12)
  linksCount++
}

/** Whether the link at `index` is the first of its connection: it stands for all of them. */
function isFirstOfConnection(index: u32): bool {
  const connection = load<u32>(links + index * LINK_BYTES)
  for (let i: u32 = 0; i < index; i++) {
    if (load<u32>(links + i * LINK_BYTES) == connection) return false
  }
  return true
}

/** Collects the names chosen for a connection into namesText; returns their bytes. */
function namesOf(connection: u32): u32 {
  let bytes: u32 = 0
  for (let i: u32 = 0; i < linksCount; i++) {
    const at = links + i * LINK_BYTES
    const nameBytes = load<u32>(at, 12)
    if (load<u32>(at) != connection || nameBytes == 0) continue
    if (bytes + nameBytes + 1 > NAMES_BYTES_MAX) break
    if (bytes != 0) store<u8>(namesText + bytes++, 32)
    copyShort(namesText + bytes, load<u32>(at, 8), nameBytes)
    bytes += nameBytes
  }
  return bytes
}

function chosenOf(thread: u32): u32 {
  let count: u32 = 0
  for (let i: u32 = 0; i < chosenCount; i++) {
    if (load<u32>(chosen + i * CHOSEN_BYTES, 8) == thread) count++
  }
  return count
}

/** Finds a thread's section of a plan: address of its pairs, count in sectionCount. */
let sectionCount: u32 = 0
function sectionOf(plan: u32, thread: u32): u32 {
  let at = plan + PLAN_BODY + (load<u32>(plan, PLAN_LOCALS) << 3)
  for (let i = load<u32>(plan, PLAN_REMOTES); i > 0; i--) {
    const count = load<u32>(at, 4)
    if (load<u32>(at) == thread) {
      sectionCount = count
      return at + 8
    }
    at += 8 + (count << 3)
  }
  sectionCount = 0
  return at
}

function padded(bytes: u32): u32 {
  return (bytes + 15) & ~15
}

/** Bytes of a record with `pairs` pairs and, for the routing worker, the leaf links. */
function recordBytes(pairs: u32, toRouter: bool): u32 {
  let bytes =
    MESSAGE_BODY +
    padded(pairs << 3) +
    padded(subjectBytes) +
    padded(replyBytes) +
    padded(headerTextBytes) +
    padded(sizeTextBytes)
  if (toRouter) {
    for (let i: u32 = 0; i < linksCount; i++) {
      bytes += 16 + padded(load<u32>(links + i * LINK_BYTES, 12) + 1)
    }
  }
  return bytes
}

function deliverWide(plan: u32, source: u32): i32 {
  chosenCount = 0
  linksCount = 0
  let at = sectionOf(plan, 0xffffffff)
  for (let i = load<u32>(plan, PLAN_LEAFS); i > 0; i--, at += 8) {
    addLink(load<u32>(at), load<u32>(at, 4), 0, 0)
  }
  choose(plan, at, source)
  const receivers = remoteReceivers(plan)
  if (receivers < 0) {
    giveUpChosen()
    return receivers
  }
  let delivered = deliverLocal(plan, source) + deliverChosen()
  if (self == ROUTER_THREAD) delivered += deliverLinks()
  if (receivers == 0) return delivered
  return delivered + commitRemote(plan, receivers)
}

/** Own pairs that a record to `thread` carries. */
function pairsFor(thread: u32): u32 {
  return (sectionCount > PAIRS_MAX ? 0 : sectionCount) + chosenOf(thread)
}

/** Block with the payload at hand when it is too large for a lane; 0 = inline, or no memory. */
let lent: u32 = 0

function laneFull(thread: u32): i32 {
  fullLane = thread
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_LANE_FULL) + 1, THREAD_LANE_FULL)
  return DELIVER_LANE_FULL
}

/**
 * How many threads get a record; DELIVER_LANE_FULL when one of their lanes has no room. Lends the
 * payload if some lane cannot take it.
 */
function remoteReceivers(plan: u32): i32 {
  let receivers: i32 = 0
  let lends = false
  const largest = recordBytesMax()
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    if (thread == self) continue
    sectionOf(plan, thread)
    const pairs = pairsFor(thread)
    const toRouter = thread == ROUTER_THREAD && linksCount != 0
    if (sectionCount == 0 && pairs == 0 && !toRouter) continue
    if (!isRunning(thread)) continue
    let bytes = recordBytes(pairs, toRouter)
    const inline = bytes + padded(totalBytes) <= largest
    const payloadBytes: u32 = inline ? padded(totalBytes) : 0
    bytes += payloadBytes
    if (!inline) lends = true
    // Two records when the thread matches for itself and has chosen members too.
    if (sectionCount > PAIRS_MAX) bytes += recordBytes(0, false) + payloadBytes
    if (isHeld(thread) || !hasRoom(thread, bytes, largest)) return laneFull(thread)
    receivers++
  }
  lent = 0
  if (lends) {
    if (!mayLend()) return laneFull(lentTo)
    lent = lend()
    if (lent == 0) {
      if (isWaitUseful()) return laneFull(lentTo)
      const times = load<u64>(threadBlock, THREAD_OUT_OF_MEMORY) + 1
      store<u64>(threadBlock, times, THREAD_OUT_OF_MEMORY)
    }
  }
  return receivers
}

function deliverChosen(): i32 {
  let delivered: i32 = 0
  for (let i: u32 = 0; i < chosenCount; i++) {
    const at = chosen + i * CHOSEN_BYTES
    if (load<u32>(at, 8) != self) continue
    if (deliverTo(load<u32>(at), load<u32>(at, 4), 0)) delivered++
  }
  return delivered
}

function deliverLinks(): i32 {
  let delivered: i32 = 0
  for (let i: u32 = 0; i < linksCount; i++) {
    if (!isFirstOfConnection(i)) continue
    const at = links + i * LINK_BYTES
    const connection = load<u32>(at)
    if (load<u32>(connection, CONNECTION_GENERATION) != load<u32>(at, 4)) continue
    if (frameForLeaf(connection, namesText, namesOf(connection))) delivered++
  }
  return delivered
}

// ── to other threads ────────────────────────────────────────────────────────────────────────

function commitRemote(plan: u32, receivers: i32): i32 {
  let delivered: i32 = 0
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    if (thread == self) continue
    const section = sectionOf(plan, thread)
    const own = sectionCount
    const pairs = pairsFor(thread)
    const toRouter = thread == ROUTER_THREAD && linksCount != 0
    if ((own == 0 && pairs == 0 && !toRouter) || !isRunning(thread)) continue
    const bytes = recordBytes(pairs, toRouter)
    const inline = bytes + padded(totalBytes) <= recordBytesMax()
    if (!inline && lent == 0) continue // no memory: lost to this thread
    if (own > PAIRS_MAX) {
      const isLast = pairs == 0 && !toRouter
      writeRecord(thread, MATCH_YOURSELF, 0, 0, false, inline ? 0 : isLast ? lent : lent | NOT_LAST)
      delivered += own
    }
    if (pairs != 0 || toRouter) {
      const listed: u32 = own > PAIRS_MAX ? 0 : own
      delivered += <i32>pairs + (toRouter ? <i32>linksCount : 0)
      writeRecord(thread, pairs, section, listed, toRouter, inline ? 0 : lent)
    }
    watchStall(thread, section, own)
  }
  return delivered
}

/** Another thread's connection above its stall mark slows this thread's publisher, too. */
function watchStall(thread: u32, section: u32, count: u32): void {
  if (atomic.load<u32>(threadBlockOf(thread) + THREAD_STALLED_CONNECTIONS) == 0) return
  if (count > PAIRS_MAX) count = PAIRS_MAX
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u32>(section + (i << 3))
    if (atomic.load<u32>(slot + SUB_GENERATION) != load<u32>(section + (i << 3), 4)) continue
    if (load<u32>(load<u32>(slot, SUB_CONNECTION), CONNECTION_STALLED) != 0) {
      requestStall()
      return
    }
  }
}

function writeRecord(
  thread: u32,
  targets: u32,
  section: u32,
  listed: u32,
  toRouter: bool,
  reference: u32,
): void {
  const pairs: u32 = targets == MATCH_YOURSELF ? 0 : targets
  const bytes = recordBytes(pairs, toRouter) + (reference == 0 ? padded(totalBytes) : 0)
  const record = claim(thread, bytes, RECORD_MESSAGE)
  check(record != 0, 40)
  if (record == 0) return
  store<u32>(record, targets, MESSAGE_TARGETS)
  store<u32>(record, subjectBytes, MESSAGE_SUBJECT)
  store<u32>(record, replyBytes, MESSAGE_REPLY)
  store<u32>(record, headerTextBytes, MESSAGE_HEADER_TEXT)
  store<u32>(record, sizeTextBytes, MESSAGE_SIZE_TEXT)
  store<u32>(record, headerBytes, MESSAGE_HEADER)
  store<u32>(record, totalBytes, MESSAGE_TOTAL)
  store<u32>(record, reference, MESSAGE_REFERENCE)
  let at = record + MESSAGE_BODY
  let pair = at
  for (let i: u32 = 0; i < listed; i++, pair += 8) {
    store<u64>(pair, load<u64>(section + (i << 3)))
  }
  if (pairs > listed) {
    for (let i: u32 = 0; i < chosenCount; i++) {
      const member = chosen + i * CHOSEN_BYTES
      if (load<u32>(member, 8) != thread) continue
      store<u64>(pair, load<u64>(member))
      pair += 8
    }
  }
  at += padded(pairs << 3)
  let leafs: u32 = 0
  if (toRouter) {
    for (let i: u32 = 0; i < linksCount; i++) {
      if (!isFirstOfConnection(i)) continue
      const link = links + i * LINK_BYTES
      const names = namesOf(load<u32>(link))
      store<u64>(at, load<u64>(link))
      store<u32>(at, names, 8)
      copyShort(at + 16, namesText, names)
      at += 16 + padded(names)
      leafs++
    }
  }
  store<u32>(record, leafs, MESSAGE_LEAFS)
  copyShort(at, subject, subjectBytes)
  at += padded(subjectBytes)
  if (replyBytes != 0) copyShort(at, reply, replyBytes)
  at += padded(replyBytes)
  if (headerTextBytes != 0) copyShort(at, headerText, headerTextBytes)
  at += padded(headerTextBytes)
  copyShort(at, sizeText, sizeTextBytes)
  at += padded(sizeTextBytes)
  if (reference != 0) addReader(reference & ~NOT_LAST, thread)
  else copyVectors(at, payload, totalBytes)
}

/**
 * Receiving end of writeRecord.
 * @param source a connection record with key 0 and no echo rule: the thread's own
 * @returns false when the record must wait for a sublist
 */
export function deliverRecord(record: u32, source: u32): bool {
  const targets = load<u32>(record, MESSAGE_TARGETS)
  const leafs = load<u32>(record, MESSAGE_LEAFS)
  const pairs: u32 = targets == MATCH_YOURSELF ? 0 : targets
  let at = record + MESSAGE_BODY + padded(pairs << 3)
  const firstLink = at
  for (let i: u32 = 0; i < leafs; i++) at += 16 + padded(load<u32>(at, 8))
  setSubject(at, load<u32>(record, MESSAGE_SUBJECT))
  at += padded(subjectBytes)
  setReply(at, load<u32>(record, MESSAGE_REPLY))
  at += padded(replyBytes)
  const headerDigits = load<u32>(record, MESSAGE_HEADER_TEXT)
  const sizeDigits = load<u32>(record, MESSAGE_SIZE_TEXT)
  const size = at + padded(headerDigits)
  setSizes(
    at,
    headerDigits,
    size,
    sizeDigits,
    load<u32>(record, MESSAGE_HEADER),
    load<u32>(record, MESSAGE_TOTAL),
  )
  const lentBlock = load<u32>(record, MESSAGE_REFERENCE)
  const reference = lentBlock & ~NOT_LAST
  setPayload(reference != 0 ? reference + LENT_DATA : size + padded(sizeDigits))
  if (targets == MATCH_YOURSELF) {
    const plan = planWithRoom(source)
    if (plan == 0) return false
    if (plan > PLAN_OUT_OF_MEMORY) deliverLocal(plan, source)
    releaseUncached()
  }
  for (let i: u32 = 0; i < pairs; i++) {
    const pair = record + MESSAGE_BODY + (i << 3)
    deliverTo(load<u32>(pair), load<u32>(pair, 4), 0)
  }
  let link = firstLink
  for (let i: u32 = 0; i < leafs; i++) {
    const connection = load<u32>(link)
    const names = load<u32>(link, 8)
    if (load<u32>(connection, CONNECTION_GENERATION) == load<u32>(link, 4)) {
      frameForLeaf(connection, link + 16, names)
    }
    link += 16 + padded(names)
  }
  if (reference != 0 && reference == lentBlock) giveBack(reference)
  return true
}
