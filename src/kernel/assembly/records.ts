/**
 * Messages to other threads: one lane record for each thread, with its targets and the payload, and
 * another one for each variant of the message with targets there.
 *
 * What is too large for a lane is lent: the payload, once for all threads, when it is large; the
 * thread's records themselves when they have very many targets. A thread with many plain targets
 * gets no list: it matches for itself.
 */
import {
  chosenOf,
  firstChosen,
  isRunning,
  LINK_CONNECTION,
  LINK_GENERATION,
  LINK_NAMES_BYTES,
  LINK_VARIANT,
  linkAt,
  linksCount,
  linksOf,
  nextChosen,
  writeNames,
} from './choices'
import {
  CONNECTION_GENERATION,
  CONNECTION_STALLED,
  EXTRAS_BODY,
  EXTRAS_VARIANTS,
  INDIRECT_BLOCK,
  INDIRECT_BYTES,
  LENT_DATA,
  MESSAGE_ACCOUNT,
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
  PLACE_VARIANT_SHIFT,
  PLAN_ACCOUNT,
  PLAN_BODY,
  PLAN_EXTRAS,
  PLAN_HAS_VARIANTS,
  PLAN_LOCALS,
  PLAN_REMOTES,
  PLAN_SUBJECT,
  PLAN_SUBJECT_BYTES,
  PLAN_TRAITS,
  RECORD_INDIRECT,
  RECORD_KIND,
  RECORD_LENGTH,
  RECORD_MESSAGE,
  ROUTER_THREAD,
  SUB_CONNECTION,
  SUB_GENERATION,
  THREAD_LANE_FULL,
  THREAD_OUT_OF_MEMORY,
  THREAD_STALLED_CONNECTIONS,
} from './layout'
import { claim, hasRoom, isDrained, isHeld, recordBytesMax } from './lane'
import { addReader, isWaitUseful, lend, lendBlock, lentTo, mayLend, reclaimLent } from './lent'
import { check, copyShort, copyVectors } from './memory'
import {
  headerBytes,
  headerText,
  headerTextBytes,
  payload,
  reply,
  replyBytes,
  sizeText,
  sizeTextBytes,
  subject,
  subjectBytes,
  totalBytes,
} from './message'
import { requestStall } from './outbound'
import { grown, newScratch, SCRATCH_BYTES, scratchBytes } from './scratch'
import { beside, NO_THREAD, self, threadBlock, threadBlockOf, threadCount } from './thread'

/** A lane had no room; nothing was delivered. */
export const DELIVER_LANE_FULL: i32 = -1

/** Lane that had no room. */
export let fullLane: u32 = 0

/**
 * The message at hand is written into the memory of the thread beside this one, see findWay.
 */
export let isDirect: bool = false

/** Frames for the thread beside this one need no lane, unless they would overtake something. */
@inline
export function findWay(): bool {
  isDirect = beside != NO_THREAD && isDrained(beside) && isRunning(beside)
  return isDirect
}

/** Above so many targets a thread gets no list: it matches for itself. */
const PAIRS_MAX: u32 = 1024
export const MATCH_YOURSELF: u32 = 0xffffffff
/** Bit of a reference to a lent block: the next record to the same thread uses it, too. */
export const NOT_LAST: u32 = 1

/** Block with the payload at hand when it is too large for a lane; 0 = inline, or no memory. */
let lent: u32 = 0
/**
 * What each receiving thread gets of the message at hand, for each variant with targets there:
 * found first, then written. Those of one thread stand together.
 */
let parcels: u32 = 0
let parcelsMax: u32 = 0
let parcelCount: u32 = 0
const PARCEL_THREAD: u32 = 0
const PARCEL_VARIANT: u32 = 4
/** The plan or its variant, for the subject; account of those it is for. */
const PARCEL_AUDIENCE: u32 = 8
const PARCEL_ACCOUNT: u32 = 12
/** Address of the pairs that its plan has for it. */
const PARCEL_SECTION: u32 = 16
/** How many they are. */
const PARCEL_OWN: u32 = 20
/** How many pairs its list has: its own, unless they are too many, and chosen members. */
const PARCEL_PAIRS: u32 = 24
/** Leaf links. */
const PARCEL_LINKS: u32 = 28
/** Bytes of the record that asks the thread to match for itself, 0 = there is none. */
const PARCEL_MATCH_BYTES: u32 = 32
/** Bytes of the record with its list, 0 = there is none. */
const PARCEL_LIST_BYTES: u32 = 36
/** How the thread gets its records: 1 = with the payload, 2 = without it, 3 = in a lent block. */
const PARCEL_WAY: u32 = 40
/** That block, in the first parcel of a thread. */
const PARCEL_BLOCK: u32 = 44
const PARCEL_BYTES: u32 = 48

const WAY_INLINE: u32 = 1
const WAY_REFERENCE: u32 = 2
const WAY_BLOCK: u32 = 3

export function formatRecords(): bool {
  parcels = newScratch()
  parcelsMax = SCRATCH_BYTES / PARCEL_BYTES
  return parcels != 0
}

// ── how large, and whether there is room ────────────────────────────────────────────────────

export function padded(bytes: u32): u32 {
  return (bytes + 15) & ~15
}

/** Bytes of a record with `pairs` pairs and, for the routing worker, a variant's leaf links. */
function recordBytes(textBytes: u32, pairs: u32, variant: u32, toRouter: bool): u32 {
  let bytes =
    MESSAGE_BODY +
    padded(pairs << 3) +
    padded(textBytes) +
    padded(replyBytes) +
    padded(headerTextBytes) +
    padded(sizeTextBytes)
  if (toRouter) {
    for (let i: u32 = 0; i < linksCount; i++) {
      if (load<u32>(linkAt(i), LINK_VARIANT) != variant) continue
      bytes += 16 + padded(load<u32>(linkAt(i), LINK_NAMES_BYTES))
    }
  }
  return bytes
}

/** Finds a thread's section of a plan: address of its pairs, count in sectionCount. */
export let sectionCount: u32 = 0
export function sectionOf(plan: u32, thread: u32): u32 {
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

function countOutOfMemory(): void {
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_OUT_OF_MEMORY) + 1, THREAD_OUT_OF_MEMORY)
}

/** Bytes of the records for which a thread needs a lent block, all threads together. */
let indirectBytes: u32 = 0
let lends: bool = false

/**
 * How many threads get records; DELIVER_LANE_FULL when one of their lanes has no room. Lends what
 * some lane cannot take.
 * @param account of the source
 */
export function remoteReceivers(plan: u32, account: u32): i32 {
  lends = false
  indirectBytes = 0
  parcelCount = 0
  let receivers: i32 = 0
  const hasVariants = (load<u32>(plan, PLAN_TRAITS) & PLAN_HAS_VARIANTS) != 0
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    if (thread == self || (isDirect && thread == beside)) continue
    const first = parcelCount
    addParcel(plan, subjectBytes, account, 0, thread)
    if (hasVariants) addVariantParcels(load<u32>(plan, PLAN_EXTRAS), thread)
    if (parcelCount == first) continue
    if (!isRunning(thread)) {
      parcelCount = first
      continue
    }
    if (!hasRoomForParcels(first, thread)) return laneFull(thread)
    receivers++
  }
  lent = 0
  if (lends && !lendAll()) return laneFull(lentTo)
  return receivers
}

function addVariantParcels(extras: u32, thread: u32): void {
  const list = extras + EXTRAS_BODY
  for (let i: u32 = 0; i < load<u32>(extras, EXTRAS_VARIANTS); i++) {
    const variant = load<u32>(list + (i << 2))
    const bytes = load<u32>(variant, PLAN_SUBJECT_BYTES)
    addParcel(variant, bytes, load<u32>(variant, PLAN_ACCOUNT), i + 1, thread)
  }
}

@inline
function addParcel(audience: u32, textBytes: u32, account: u32, variant: u32, thread: u32): void {
  const section = sectionOf(audience, thread)
  const own = sectionCount
  const chosen = chosenOf(thread | (variant << PLACE_VARIANT_SHIFT))
  const pairs = (own > PAIRS_MAX ? 0 : own) + chosen
  const links = thread == ROUTER_THREAD ? linksOf(variant) : 0
  const hasList = (pairs | links) != 0
  if (own == 0 && !hasList) return
  if (parcelCount == parcelsMax && !growParcels()) return
  const parcel = parcels + parcelCount * PARCEL_BYTES
  parcelCount++
  const matchBytes = own > PAIRS_MAX ? recordBytes(textBytes, 0, variant, false) : 0
  const listBytes = hasList ? recordBytes(textBytes, pairs, variant, links != 0) : 0
  store<u32>(parcel, thread, PARCEL_THREAD)
  store<u32>(parcel, variant, PARCEL_VARIANT)
  store<u32>(parcel, audience, PARCEL_AUDIENCE)
  store<u32>(parcel, account, PARCEL_ACCOUNT)
  store<u32>(parcel, section, PARCEL_SECTION)
  store<u32>(parcel, own, PARCEL_OWN)
  store<u32>(parcel, pairs, PARCEL_PAIRS)
  store<u32>(parcel, links, PARCEL_LINKS)
  store<u32>(parcel, matchBytes, PARCEL_MATCH_BYTES)
  store<u32>(parcel, listBytes, PARCEL_LIST_BYTES)
}

/** Without memory the variant is lost to the thread. */
function growParcels(): bool {
  const used = parcelCount * PARCEL_BYTES
  const larger = grown(parcels, used)
  if (larger == 0) {
    countOutOfMemory()
    return false
  }
  parcels = larger
  parcelsMax = (scratchBytes(used) << 1) / PARCEL_BYTES
  return true
}

/** Decides how a thread gets its parcels, from the first one on; false without room in its lane. */
@inline
function hasRoomForParcels(first: u32, thread: u32): bool {
  const parcel = parcels + first * PARCEL_BYTES
  if (first + 1 == parcelCount && load<u32>(parcel, PARCEL_MATCH_BYTES) == 0) {
    const largest = recordBytesMax()
    const bytes = load<u32>(parcel, PARCEL_LIST_BYTES) + padded(totalBytes)
    if (bytes <= largest) {
      store<u32>(parcel, WAY_INLINE, PARCEL_WAY)
      return !isHeld(thread) && hasRoom(thread, bytes, largest)
    }
  }
  return hasRoomForMany(first, thread)
}

/** More than one record, or a large one. */
function hasRoomForMany(first: u32, thread: u32): bool {
  const largest = recordBytesMax()
  const end = parcels + parcelCount * PARCEL_BYTES
  let bytes: u64 = 0
  let records: u64 = 0
  for (let parcel = parcels + first * PARCEL_BYTES; parcel < end; parcel += PARCEL_BYTES) {
    const matchBytes = load<u32>(parcel, PARCEL_MATCH_BYTES)
    const listBytes = load<u32>(parcel, PARCEL_LIST_BYTES)
    bytes += <u64>matchBytes + <u64>listBytes
    records += (matchBytes != 0 ? 1 : 0) + (listBytes != 0 ? 1 : 0)
  }
  let way = WAY_BLOCK
  let inLane = <u64>INDIRECT_BYTES
  const inlineBytes = bytes + records * <u64>padded(totalBytes)
  if (inlineBytes <= <u64>largest) {
    way = WAY_INLINE
    inLane = inlineBytes
  } else if (bytes <= <u64>largest) {
    way = WAY_REFERENCE
    inLane = bytes
  }
  const parcel = parcels + first * PARCEL_BYTES
  for (let at = parcel; at < end; at += PARCEL_BYTES) store<u32>(at, way, PARCEL_WAY)
  if (way != WAY_INLINE) lends = true
  if (way == WAY_BLOCK) indirectBytes += <u32>bytes
  store<u32>(parcel, way == WAY_BLOCK ? <u32>bytes : 0, PARCEL_BLOCK)
  return !isHeld(thread) && hasRoom(thread, <u32>inLane, largest)
}

/**
 * Lends the payload, and the records that do not fit in their lanes.
 * @returns false when that must wait for `lentTo`; true without memory, too: `lent` is 0 then
 */
function lendAll(): bool {
  if (!mayLend(totalBytes + indirectBytes)) return false
  lent = lend()
  if (lent != 0 && (indirectBytes == 0 || lendRecords())) return true
  lent = 0
  reclaimLent()
  if (isWaitUseful()) return false
  countOutOfMemory()
  return true
}

/** Lends blocks for the records that do not fit in their lanes; false without memory. */
function lendRecords(): bool {
  const end = parcels + parcelCount * PARCEL_BYTES
  let thread: u32 = self
  for (let parcel = parcels; parcel < end; parcel += PARCEL_BYTES) {
    if (load<u32>(parcel, PARCEL_THREAD) == thread) continue
    thread = load<u32>(parcel, PARCEL_THREAD)
    if (load<u32>(parcel, PARCEL_WAY) != WAY_BLOCK) continue
    // Until now, the bytes it needs.
    const block = lendBlock(load<u32>(parcel, PARCEL_BLOCK))
    if (block == 0) return false
    store<u32>(parcel, block, PARCEL_BLOCK)
  }
  return true
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────

/** Where the next record of a lent block goes. */
let cursor: u32 = 0

/** Writes what `remoteReceivers` found room for. Returns how many targets it has. */
export function commitRemote(): i32 {
  let delivered: i32 = 0
  const end = parcels + parcelCount * PARCEL_BYTES
  let before: u32 = self
  for (let parcel = parcels; parcel < end; parcel += PARCEL_BYTES) {
    const way = load<u32>(parcel, PARCEL_WAY)
    const thread = load<u32>(parcel, PARCEL_THREAD)
    if (way == WAY_INLINE) {
      delivered += commitParcel(parcel, thread, way, 0, 0)
    } else {
      if (lent == 0) continue // no memory: lost to this thread
      if (way == WAY_BLOCK && thread != before) openBlock(thread, load<u32>(parcel, PARCEL_BLOCK))
      before = thread
      const next = parcel + PARCEL_BYTES
      const isLast = next == end || load<u32>(next, PARCEL_THREAD) != thread
      const last: u32 = isLast ? lent : lent | NOT_LAST
      const hasList = load<u32>(parcel, PARCEL_LIST_BYTES) != 0
      delivered += commitParcel(parcel, thread, way, hasList ? lent | NOT_LAST : last, last)
    }
    if (atomic.load<u32>(threadBlockOf(thread) + THREAD_STALLED_CONNECTIONS) != 0) {
      watchStall(load<u32>(parcel, PARCEL_SECTION), load<u32>(parcel, PARCEL_OWN))
      if (load<u32>(parcel, PARCEL_LINKS) != 0) watchLinks()
    }
  }
  return delivered
}

/** The lent payload, 0 = inline, is referred to by a thread's last record without NOT_LAST. */
@inline
function commitParcel(
  parcel: u32,
  thread: u32,
  way: u32,
  matchReference: u32,
  listReference: u32,
): i32 {
  let delivered: u32 = 0
  const matchBytes = load<u32>(parcel, PARCEL_MATCH_BYTES)
  const listBytes = load<u32>(parcel, PARCEL_LIST_BYTES)
  if (matchBytes != 0) {
    writeRecord(newRecord(thread, matchBytes, way), parcel, MATCH_YOURSELF, 0, matchReference)
    delivered += load<u32>(parcel, PARCEL_OWN)
  }
  if (listBytes != 0) {
    const pairs = load<u32>(parcel, PARCEL_PAIRS)
    const links = load<u32>(parcel, PARCEL_LINKS)
    writeRecord(newRecord(thread, listBytes, way), parcel, pairs, links, listReference)
    delivered += pairs + links
  }
  return <i32>delivered
}

/** Another thread's connection above its stall mark slows this thread's publisher, too. */
function watchStall(section: u32, count: u32): void {
  if (count > PAIRS_MAX) count = PAIRS_MAX
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u32>(section + (i << 3))
    if (atomic.load<u32>(slot + SUB_GENERATION) != load<u32>(section + (i << 3), 4)) continue
    const connection = load<u32>(slot, SUB_CONNECTION)
    if (load<u32>(connection, CONNECTION_STALLED) != 0) {
      requestStall(connection)
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
      requestStall(connection)
      return
    }
  }
}

/** A lane record that points to a lent block, for the records that follow. */
function openBlock(thread: u32, block: u32): void {
  const at = claim(thread, INDIRECT_BYTES, RECORD_INDIRECT)
  check(at != 0, 41)
  store<u32>(at, block, INDIRECT_BLOCK)
  addReader(block, thread)
  cursor = block + LENT_DATA
}

/** Room for a record of `bytes`, and the payload if it is to be in it. */
@inline
function newRecord(thread: u32, bytes: u32, way: u32): u32 {
  if (way == WAY_INLINE) return claim(thread, bytes + padded(totalBytes), RECORD_MESSAGE)
  if (way == WAY_REFERENCE) return claim(thread, bytes, RECORD_MESSAGE)
  const record = cursor
  store<u32>(record, bytes, RECORD_LENGTH)
  store<u32>(record, RECORD_MESSAGE, RECORD_KIND)
  cursor += bytes
  return record
}

/**
 * @param targets number of pairs, or MATCH_YOURSELF
 * @param reference lent block with the payload, 0 = inline
 */
function writeRecord(record: u32, parcel: u32, targets: u32, links: u32, reference: u32): void {
  check(record != 0, 40)
  if (record == 0) return
  const variant = load<u32>(parcel, PARCEL_VARIANT)
  const audience = load<u32>(parcel, PARCEL_AUDIENCE)
  const text = variant == 0 ? subject : load<u32>(audience, PLAN_SUBJECT)
  const textBytes = variant == 0 ? subjectBytes : load<u32>(audience, PLAN_SUBJECT_BYTES)
  const pairs: u32 = targets == MATCH_YOURSELF ? 0 : targets
  store<u32>(record, targets, MESSAGE_TARGETS)
  store<u32>(record, links, MESSAGE_LEAFS)
  store<u32>(record, textBytes, MESSAGE_SUBJECT)
  store<u32>(record, replyBytes, MESSAGE_REPLY)
  store<u32>(record, headerTextBytes, MESSAGE_HEADER_TEXT)
  store<u32>(record, sizeTextBytes, MESSAGE_SIZE_TEXT)
  store<u32>(record, headerBytes, MESSAGE_HEADER)
  store<u32>(record, totalBytes, MESSAGE_TOTAL)
  store<u32>(record, reference, MESSAGE_REFERENCE)
  store<u32>(record, load<u32>(parcel, PARCEL_ACCOUNT), MESSAGE_ACCOUNT)
  let at = record + MESSAGE_BODY
  if (pairs != 0) writePairs(at, parcel, pairs)
  at += padded(pairs << 3)
  if (links != 0) at = writeLinks(at, variant)
  copyShort(at, text, textBytes)
  at += padded(textBytes)
  if (replyBytes != 0) copyShort(at, reply, replyBytes)
  at += padded(replyBytes)
  if (headerTextBytes != 0) copyShort(at, headerText, headerTextBytes)
  at += padded(headerTextBytes)
  copyShort(at, sizeText, sizeTextBytes)
  at += padded(sizeTextBytes)
  if (reference != 0) addReader(reference & ~NOT_LAST, load<u32>(parcel, PARCEL_THREAD))
  else copyVectors(at, payload, totalBytes)
}

/** The pairs of the thread's own list, then the chosen members. */
@inline
function writePairs(at: u32, parcel: u32, pairs: u32): void {
  const section = load<u32>(parcel, PARCEL_SECTION)
  const own = load<u32>(parcel, PARCEL_OWN)
  const listed: u32 = own > PAIRS_MAX ? 0 : own
  for (let i: u32 = 0; i < listed; i++, at += 8) {
    store<u64>(at, load<u64>(section + (i << 3)))
  }
  if (pairs == listed) return
  const variant = load<u32>(parcel, PARCEL_VARIANT)
  const place = load<u32>(parcel, PARCEL_THREAD) | (variant << PLACE_VARIANT_SHIFT)
  let member = firstChosen(place)
  for (; member != 0; member = nextChosen(member, place)) {
    store<u64>(at, load<u64>(member))
    at += 8
  }
}

/** Connection, generation, bytes of names, names of each link of a variant. Returns the end. */
function writeLinks(at: u32, variant: u32): u32 {
  for (let i: u32 = 0; i < linksCount; i++) {
    const link = linkAt(i)
    if (load<u32>(link, LINK_VARIANT) != variant) continue
    store<u64>(at, load<u64>(link))
    const names = writeNames(at + 16, link)
    check(names == load<u32>(link, LINK_NAMES_BYTES), 42)
    store<u32>(at, names, 8)
    at += 16 + padded(names)
  }
  return at
}
