/**
 * Messages to other threads: one lane record for each thread, with its targets and the payload.
 *
 * What does not fit in a record is lent: the payload, once for all threads, when it is large; the
 * record itself when it has very many targets. A thread with many plain targets gets no list: it
 * matches for itself.
 */
import {
  chosenOf,
  firstChosen,
  isRunning,
  LINK_CONNECTION,
  LINK_GENERATION,
  LINK_NAMES_BYTES,
  linkAt,
  linksCount,
  nextChosen,
  writeNames,
} from './choices'
import {
  CONNECTION_GENERATION,
  CONNECTION_STALLED,
  INDIRECT_BLOCK,
  INDIRECT_BYTES,
  LENT_BYTES,
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
  PLAN_LOCALS,
  PLAN_REMOTES,
  RECORD_INDIRECT,
  RECORD_KIND,
  RECORD_LENGTH,
  RECORD_MESSAGE,
  ROUTER_THREAD,
  SUB_CONNECTION,
  SUB_GENERATION,
  THREAD_COUNT_MAX,
  THREAD_LANE_FULL,
  THREAD_OUT_OF_MEMORY,
  THREAD_STALLED_CONNECTIONS,
} from './layout'
import { claim, hasRoom, isHeld, recordBytesMax } from './lane'
import {
  addReader,
  giveBack,
  isWaitUseful,
  lend,
  lendBlock,
  lentTo,
  mayLend,
  reclaimLent,
} from './lent'
import { check, copyShort, copyVectors } from './memory'
import {
  headerBytes,
  headerText,
  headerTextBytes,
  payload,
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
import { frameForLeaf, requestStall } from './outbound'
import { planWithRoom, PLAN_OUT_OF_MEMORY, releaseUncached } from './plan'
import { newScratch, SCRATCH_BYTES } from './scratch'
import { deliverLocal, deliverTo } from './targets'
import { self, threadBlock, threadBlockOf, threadCount } from './thread'

/** A lane had no room; nothing was delivered. */
export const DELIVER_LANE_FULL: i32 = -1

/** Lane that had no room. */
export let fullLane: u32 = 0

/** Above so many targets a thread gets no list: it matches for itself. */
const PAIRS_MAX: u32 = 1024
const MATCH_YOURSELF: u32 = 0xffffffff
/** Bit of a reference to a lent block: the next record to the same thread uses it, too. */
const NOT_LAST: u32 = 1

/** Block with the payload at hand when it is too large for a lane; 0 = inline, or no memory. */
let lent: u32 = 0
/** What each receiving thread gets of the message at hand: found first, then written. */
let parcels: u32 = 0
let parcelCount: u32 = 0
const PARCEL_THREAD: u32 = 0
/** Address of the pairs that its plan has for it. */
const PARCEL_SECTION: u32 = 4
/** How many they are. */
const PARCEL_OWN: u32 = 8
/** How many pairs its list has: its own, unless they are too many, and chosen members. */
const PARCEL_PAIRS: u32 = 12
/** Bytes of the record with its list, 0 = there is none. */
const PARCEL_LIST_BYTES: u32 = 16
/** 1 = the payload is in the record. */
const PARCEL_INLINE: u32 = 20
/** Lent block that holds the record with the list, 0 = the lane does. */
const PARCEL_LIST_BLOCK: u32 = 24
/** The same of the record that asks the thread to match for itself. */
const PARCEL_MATCH_BLOCK: u32 = 28
const PARCEL_BYTES: u32 = 32

export function formatRecords(): bool {
  parcels = newScratch()
  check(THREAD_COUNT_MAX * PARCEL_BYTES <= SCRATCH_BYTES, 43)
  return parcels != 0
}

// ── how large, and whether there is room ────────────────────────────────────────────────────

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
      bytes += 16 + padded(load<u32>(linkAt(i), LINK_NAMES_BYTES))
    }
  }
  return bytes
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

/** Address behind the sections of all threads. */
export function behindSections(plan: u32): u32 {
  return sectionOf(plan, 0xffffffff)
}

function laneFull(thread: u32): i32 {
  fullLane = thread
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_LANE_FULL) + 1, THREAD_LANE_FULL)
  return DELIVER_LANE_FULL
}

/**
 * How many threads get a record; DELIVER_LANE_FULL when one of their lanes has no room. Lends what
 * some lane cannot take.
 */
export function remoteReceivers(plan: u32): i32 {
  let lends = false
  let indirectBytes: u32 = 0
  const largest = recordBytesMax()
  parcelCount = 0
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    if (thread == self) continue
    const section = sectionOf(plan, thread)
    const own = sectionCount
    const pairs = (own > PAIRS_MAX ? 0 : own) + chosenOf(thread)
    const toRouter = thread == ROUTER_THREAD && linksCount != 0
    const hasList = pairs != 0 || toRouter
    if ((own == 0 && !hasList) || !isRunning(thread)) continue
    const listBytes = recordBytes(pairs, toRouter)
    const isInline = listBytes + padded(totalBytes) <= largest
    if (!isInline) lends = true
    let inLane: u32 = 0
    if (own > PAIRS_MAX) {
      const bytes = recordBytes(0, false)
      inLane += laneBytes(bytes, isInline)
      if (bytes > largest) indirectBytes += bytes
    }
    if (hasList) {
      inLane += laneBytes(listBytes, isInline)
      if (listBytes > largest) indirectBytes += listBytes
    }
    if (isHeld(thread) || !hasRoom(thread, inLane, largest)) return laneFull(thread)
    const parcel = parcels + parcelCount * PARCEL_BYTES
    parcelCount++
    store<u32>(parcel, thread, PARCEL_THREAD)
    store<u32>(parcel, section, PARCEL_SECTION)
    store<u32>(parcel, own, PARCEL_OWN)
    store<u32>(parcel, pairs, PARCEL_PAIRS)
    store<u32>(parcel, hasList ? listBytes : 0, PARCEL_LIST_BYTES)
    store<u32>(parcel, isInline ? 1 : 0, PARCEL_INLINE)
    store<u32>(parcel, 0, PARCEL_LIST_BLOCK)
    store<u32>(parcel, 0, PARCEL_MATCH_BLOCK)
  }
  lent = 0
  if (lends && !lendAll(indirectBytes)) return laneFull(lentTo)
  return parcelCount
}

/** What a record takes of its lane. */
@inline
function laneBytes(bytes: u32, isInline: bool): u32 {
  if (isInline) return bytes + padded(totalBytes)
  return bytes <= recordBytesMax() ? bytes : INDIRECT_BYTES
}

/**
 * Lends the payload, and the records that do not fit in their lanes.
 * @returns false when that must wait for `lentTo`; true without memory, too: `lent` is 0 then
 */
function lendAll(indirectBytes: u32): bool {
  if (!mayLend(totalBytes + indirectBytes)) return false
  lent = lend()
  if (lent != 0 && (indirectBytes == 0 || lendRecords())) return true
  lent = 0
  reclaimLent()
  if (isWaitUseful()) return false
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_OUT_OF_MEMORY) + 1, THREAD_OUT_OF_MEMORY)
  return true
}

/** Lends blocks for the records that do not fit in their lanes; false without memory. */
function lendRecords(): bool {
  const largest = recordBytesMax()
  const matchBytes = recordBytes(0, false)
  const end = parcels + parcelCount * PARCEL_BYTES
  for (let parcel = parcels; parcel < end; parcel += PARCEL_BYTES) {
    const listBytes = load<u32>(parcel, PARCEL_LIST_BYTES)
    if (listBytes > largest) {
      const block = lendBlock(listBytes)
      if (block == 0) return false
      store<u32>(parcel, block, PARCEL_LIST_BLOCK)
    }
    if (load<u32>(parcel, PARCEL_OWN) > PAIRS_MAX && matchBytes > largest) {
      const block = lendBlock(matchBytes)
      if (block == 0) return false
      store<u32>(parcel, block, PARCEL_MATCH_BLOCK)
    }
  }
  return true
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────

/** Writes what `remoteReceivers` found room for. Returns how many targets it has. */
export function commitRemote(): i32 {
  let delivered: i32 = 0
  const end = parcels + parcelCount * PARCEL_BYTES
  for (let parcel = parcels; parcel < end; parcel += PARCEL_BYTES) {
    const isInline = load<u32>(parcel, PARCEL_INLINE) != 0
    if (!isInline && lent == 0) continue // no memory: lost to this thread
    const thread = load<u32>(parcel, PARCEL_THREAD)
    const section = load<u32>(parcel, PARCEL_SECTION)
    const own = load<u32>(parcel, PARCEL_OWN)
    const listBytes = load<u32>(parcel, PARCEL_LIST_BYTES)
    const toRouter = thread == ROUTER_THREAD && linksCount != 0
    if (own > PAIRS_MAX) {
      const block = load<u32>(parcel, PARCEL_MATCH_BLOCK)
      const record = newRecord(thread, recordBytes(0, false), block, isInline)
      const reference: u32 = isInline ? 0 : listBytes != 0 ? lent | NOT_LAST : lent
      writeRecord(record, thread, MATCH_YOURSELF, 0, 0, false, reference)
      delivered += own
    }
    if (listBytes != 0) {
      const pairs = load<u32>(parcel, PARCEL_PAIRS)
      const record = newRecord(thread, listBytes, load<u32>(parcel, PARCEL_LIST_BLOCK), isInline)
      const listed: u32 = own > PAIRS_MAX ? 0 : own
      writeRecord(record, thread, pairs, section, listed, toRouter, isInline ? 0 : lent)
      delivered += <i32>pairs + (toRouter ? <i32>linksCount : 0)
    }
    if (atomic.load<u32>(threadBlockOf(thread) + THREAD_STALLED_CONNECTIONS) != 0) {
      watchStall(section, own)
      if (toRouter) watchLinks()
    }
  }
  return delivered
}

/** Another thread's connection above its stall mark slows this thread's publisher, too. */
function watchStall(section: u32, count: u32): void {
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

/** So does a leaf link. */
function watchLinks(): void {
  const count = linksCount < PAIRS_MAX ? linksCount : PAIRS_MAX
  for (let i: u32 = 0; i < count; i++) {
    const link = linkAt(i)
    const connection = load<u32>(link, LINK_CONNECTION)
    const generation = atomic.load<u32>(connection + CONNECTION_GENERATION)
    if (generation != load<u32>(link, LINK_GENERATION)) continue
    if (atomic.load<u32>(connection + CONNECTION_STALLED) != 0) {
      requestStall()
      return
    }
  }
}

/** Room for a record: in the lane, or in a lent block that the lane then points to. */
@inline
function newRecord(thread: u32, bytes: u32, block: u32, isInline: bool): u32 {
  if (block != 0) return indirectRecord(thread, bytes, block)
  return claim(thread, isInline ? bytes + padded(totalBytes) : bytes, RECORD_MESSAGE)
}

function indirectRecord(thread: u32, bytes: u32, block: u32): u32 {
  const at = claim(thread, INDIRECT_BYTES, RECORD_INDIRECT)
  check(at != 0, 41)
  if (at == 0) return 0
  store<u32>(at, block, INDIRECT_BLOCK)
  addReader(block, thread)
  const record = block + LENT_DATA
  store<u32>(record, bytes, RECORD_LENGTH)
  store<u32>(record, RECORD_MESSAGE, RECORD_KIND)
  return record
}

/** @param reference lent block with the payload, 0 = inline */
function writeRecord(
  record: u32,
  thread: u32,
  targets: u32,
  section: u32,
  listed: u32,
  toRouter: bool,
  reference: u32,
): void {
  check(record != 0, 40)
  if (record == 0) return
  const pairs: u32 = targets == MATCH_YOURSELF ? 0 : targets
  store<u32>(record, targets, MESSAGE_TARGETS)
  store<u32>(record, toRouter ? linksCount : 0, MESSAGE_LEAFS)
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
    let member = firstChosen(thread)
    for (; member != 0; member = nextChosen(member, thread)) {
      store<u64>(pair, load<u64>(member))
      pair += 8
    }
  }
  at += padded(pairs << 3)
  if (toRouter) at = writeLinks(at)
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

/** Connection, generation, bytes of names, names of each link. Returns the end. */
function writeLinks(at: u32): u32 {
  for (let i: u32 = 0; i < linksCount; i++) {
    const link = linkAt(i)
    store<u64>(at, load<u64>(link))
    const names = writeNames(at + 16, link)
    check(names == load<u32>(link, LINK_NAMES_BYTES), 42)
    store<u32>(at, names, 8)
    at += 16 + padded(names)
  }
  return at
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────

/** How much work a record is: what is lent counts as if it were in the lane. */
export function recordWork(record: u32): u32 {
  const kind = load<u32>(record, RECORD_KIND)
  const length = load<u32>(record, RECORD_LENGTH)
  if (kind == RECORD_INDIRECT) {
    const block = load<u32>(record, INDIRECT_BLOCK)
    return length + load<u32>(block, LENT_BYTES) + load<u32>(block + LENT_DATA, MESSAGE_TOTAL)
  }
  if (kind != RECORD_MESSAGE || load<u32>(record, MESSAGE_REFERENCE) == 0) return length
  return length + load<u32>(record, MESSAGE_TOTAL)
}

/** As deliverRecord, of a record in a lent block. */
export function deliverIndirect(record: u32, source: u32): bool {
  const block = load<u32>(record, INDIRECT_BLOCK)
  if (!deliverRecord(block + LENT_DATA, source)) return false
  giveBack(block)
  return true
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
  const reference = load<u32>(record, MESSAGE_REFERENCE)
  const block = reference & ~NOT_LAST
  setPayload(block != 0 ? block + LENT_DATA : size + padded(sizeDigits))
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
  if (block != 0 && block == reference) giveBack(block)
  return true
}
