/**
 * Plans: the audience of a subject, found once and kept until the interest it rests on changes.
 *
 * A plan carries the generations it was built at, of its first token and of the leading
 * wildcards, and (slot, generation) pairs instead of pointers, so it can be wrong about nothing:
 * a changed interest voids it, a removed subscription is skipped.
 *
 * Plans of leaf links have a key of their own (the audience leaves out the link itself and its
 * peers of the same cluster); all clients share key 0.
 */
import { allocate, release } from './arena'
import {
  ARENA_PLANS,
  CONNECTION_FLAGS,
  CONNECTION_INCOMING,
  CONNECTION_ORIGIN,
  CONNECTION_OUTGOING,
  CONNECTION_PLAN_KEY,
  ENTRY_GENERATION,
  ENTRY_NEXT,
  ENTRY_TARGET,
  ENTRY_THREAD,
  ENTRY_WEIGHT,
  FLAG_SPOKE,
  GENERATION_WILDCARD,
  GROUP_ENTRIES,
  GROUP_NAME,
  GROUP_NAME_BYTES,
  GROUP_NEXT,
  NODE_ENTRIES,
  NODE_GROUPS,
  PLAN_BODY,
  PLAN_BUCKET,
  PLAN_BYTES,
  PLAN_CACHED_BYTES_MAX,
  PLAN_FILTERED,
  PLAN_GENERATION,
  PLAN_GROUPS,
  PLAN_GROUP_BYTES,
  PLAN_HASH,
  PLAN_KEY,
  PLAN_LEAFS,
  PLAN_LOCALS,
  PLAN_REFUSED,
  PLAN_REMOTES,
  PLAN_SETS,
  PLAN_SET_BYTES,
  PLAN_SUBJECT,
  PLAN_SUBJECT_BYTES,
  PLAN_WILDCARD_GENERATION,
  SUBLIST_EPOCH,
  THREAD_EPOCH,
  THREAD_PLAN_HITS,
  THREAD_PLAN_MISSES,
} from './layout'
import { check, copyShort, hashBytes, isEqual } from './memory'
import { subject, subjectBytes } from './message'
import {
  gatewayPrefixBytes,
  isDeniedOnLeafs,
  isServiceReply,
  permits,
  permitsGroup,
} from './permissions'
import { grown, newScratch, scratchBytes, SCRATCH_BYTES } from './scratch'
import { literalBucket, matchNodes, nodeCount } from './sublist'
import { arena, generations, self, sublist, threadBlock, threadCount } from './thread'

/** No sublist to match: the routing worker is being replaced. */
export const PLAN_NONE: u32 = 0
/** No memory left for it. */
export const PLAN_OUT_OF_MEMORY: u32 = 1

// Raw matches, gathered in one pass over lists that may change under the reader.
const RAW_GROUP: u32 = 0 //  0 = plain, else number of the group + 1
const RAW_THREAD: u32 = 4
const RAW_TARGET: u32 = 8
const RAW_GENERATION: u32 = 12
const RAW_WEIGHT: u32 = 16 // 0 = subscription, FILTERED = leaf link not permitted, else leaf link
const RAW_BYTES: u32 = 20
const FILTERED: u32 = 0xffffffff
// Group names, addresses in the sublist: valid inside the epoch.
const NAME_AT: u32 = 0
const NAME_BYTES: u32 = 4
const NAME_ENTRY_BYTES: u32 = 8

let raw: u32 = 0
let rawMax: u32 = 0
let rawCount: u32 = 0
let names: u32 = 0
let namesMax: u32 = 0
let namesCount: u32 = 0
let nodes: u32 = 0
let nodesMax: u32 = 0
export function formatPlans(): bool {
  raw = newScratch()
  names = newScratch()
  nodes = newScratch()
  if (raw == 0 || names == 0 || nodes == 0) return false
  rawMax = SCRATCH_BYTES / RAW_BYTES
  namesMax = SCRATCH_BYTES / NAME_ENTRY_BYTES
  nodesMax = SCRATCH_BYTES >>> 2
  return true
}

/** A plan that is not in the cache, to be released by `releaseUncached`. */
export let uncachedPlan: u32 = 0

export function releaseUncached(): void {
  if (uncachedPlan != 0) {
    release(uncachedPlan, load<u32>(uncachedPlan, PLAN_BYTES))
    uncachedPlan = 0
  }
}

// ── look-up ─────────────────────────────────────────────────────────────────────────────────

/** The audience of the message at hand. Hot. Returns a plan, PLAN_NONE or PLAN_OUT_OF_MEMORY. */
export function planFor(connection: u32): u32 {
  const key = load<u32>(connection, CONNECTION_PLAN_KEY)
  const hash = hashBytes(subject, subjectBytes, key)
  const set = load<u32>(arena, ARENA_PLANS) + ((hash >>> 1) & (PLAN_SETS - 1)) * PLAN_SET_BYTES
  for (let way: u32 = 0; way < 16; way += 4) {
    if (load<u32>(set + way) != hash) continue
    const plan = load<u32>(set + way, 16)
    if (
      load<u32>(plan, PLAN_KEY) == key &&
      load<u32>(plan, PLAN_SUBJECT_BYTES) == subjectBytes &&
      isEqual(load<u32>(plan, PLAN_SUBJECT), subject, subjectBytes)
    ) {
      if (isCurrent(plan)) {
        store<u64>(threadBlock, load<u64>(threadBlock, THREAD_PLAN_HITS) + 1, THREAD_PLAN_HITS)
        return plan
      }
      release(plan, load<u32>(plan, PLAN_BYTES))
      store<u32>(set + way, 0)
      return addPlan(connection, key, hash, set, way)
    }
  }
  return addPlan(connection, key, hash, set, vacantWay(set, hash))
}

@inline
function isCurrent(plan: u32): bool {
  return (
    atomic.load<u32>(load<u32>(plan, PLAN_BUCKET)) == load<u32>(plan, PLAN_GENERATION) &&
    atomic.load<u32>(generations + (GENERATION_WILDCARD << 2)) ==
      load<u32>(plan, PLAN_WILDCARD_GENERATION)
  )
}

/** A free way of the set, or the one that a new plan drives out. */
function vacantWay(set: u32, hash: u32): u32 {
  for (let way: u32 = 0; way < 16; way += 4) if (load<u32>(set + way) == 0) return way
  const way = (hash >>> 20) & 12
  const old = load<u32>(set + way, 16)
  release(old, load<u32>(old, PLAN_BYTES))
  store<u32>(set + way, 0)
  return way
}

function addPlan(connection: u32, key: u32, hash: u32, set: u32, way: u32): u32 {
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_PLAN_MISSES) + 1, THREAD_PLAN_MISSES)
  atomic.store<u32>(threadBlock + THREAD_EPOCH, atomic.load<u32>(sublist + SUBLIST_EPOCH))
  const plan = build(connection, key, hash)
  atomic.store<u32>(threadBlock + THREAD_EPOCH, 0)
  if (plan <= PLAN_OUT_OF_MEMORY) return plan
  if (load<u32>(plan, PLAN_BYTES) > PLAN_CACHED_BYTES_MAX) {
    uncachedPlan = plan
  } else {
    store<u32>(set + way, hash)
    store<u32>(set + way, plan, 16)
  }
  return plan
}

/** As planFor; every other plan goes when there is no memory for it. */
export function planWithRoom(source: u32): u32 {
  const plan = planFor(source)
  if (plan != PLAN_OUT_OF_MEMORY) return plan
  dropPlans()
  return planFor(source)
}

/** Frees every plan, for a thread that needs the memory more. */
export function dropPlans(): void {
  const plans = load<u32>(arena, ARENA_PLANS)
  for (let at = plans; at < plans + PLAN_SETS * PLAN_SET_BYTES; at += PLAN_SET_BYTES) {
    for (let way: u32 = 0; way < 16; way += 4) {
      if (load<u32>(at + way) == 0) continue
      const plan = load<u32>(at + way, 16)
      release(plan, load<u32>(plan, PLAN_BYTES))
      store<u32>(at + way, 0)
    }
  }
}

// ── building: inside an epoch ───────────────────────────────────────────────────────────────

/**
 * Appends one list of entries to the raw matches. Returns false without memory.
 * @param group address of a queue group with its number, 0 and 0 = plain
 */
function gather(list: u32, group: u32, number: u32, connection: u32, key: u32, leafs: bool): bool {
  let entry = atomic.load<u32>(list)
  for (; entry != 0; entry = atomic.load<u32>(entry + ENTRY_NEXT)) {
    let weight = atomic.load<u32>(entry + ENTRY_WEIGHT)
    const target = load<u32>(entry, ENTRY_TARGET)
    if (weight != 0) {
      if (!leafs || (key != 0 && !mayFeed(connection, target))) continue
      if (!isPermitted(target, group)) weight = FILTERED
      else if (weight == FILTERED) weight = FILTERED - 1
    }
    if (rawCount == rawMax) {
      const larger = grown(raw, rawCount * RAW_BYTES)
      if (larger == 0) return false
      raw = larger
      rawMax = (scratchBytes(rawCount * RAW_BYTES) << 1) / RAW_BYTES
    }
    const at = raw + rawCount * RAW_BYTES
    store<u32>(at, number, RAW_GROUP)
    store<u32>(at, load<u32>(entry, ENTRY_THREAD), RAW_THREAD)
    store<u32>(at, target, RAW_TARGET)
    store<u32>(at, load<u32>(entry, ENTRY_GENERATION), RAW_GENERATION)
    store<u32>(at, weight, RAW_WEIGHT)
    rawCount++
  }
  return true
}

/** Whether the message may be sent to a leaf link, for a queue group if it is not 0. */
function isPermitted(link: u32, group: u32): bool {
  const permissions = load<u32>(link, CONNECTION_OUTGOING)
  if (!permits(permissions, subject, subjectBytes)) return false
  if (group == 0) return true
  const nameBytes = load<u32>(group, GROUP_NAME_BYTES)
  return permitsGroup(permissions, subject, subjectBytes, group + GROUP_NAME, nameBytes)
}

/** Whether what comes from one leaf link may go out on another: never back, nor to its cluster. */
function mayFeed(source: u32, target: u32): bool {
  if (source == target) return false
  const origin = load<u32>(source, CONNECTION_ORIGIN)
  return origin == 0 || origin != load<u32>(target, CONNECTION_ORIGIN)
}

/** Number of a group's name + 1, the same for the same name on different nodes; 0 = no memory. */
function groupNumber(group: u32): u32 {
  const bytes = load<u32>(group, GROUP_NAME_BYTES)
  for (let i: u32 = 0; i < namesCount; i++) {
    const at = names + i * NAME_ENTRY_BYTES
    if (
      load<u32>(at, NAME_BYTES) == bytes &&
      isEqual(load<u32>(at, NAME_AT), group + GROUP_NAME, bytes)
    ) {
      return i + 1
    }
  }
  if (namesCount == namesMax) {
    const larger = grown(names, namesCount * NAME_ENTRY_BYTES)
    if (larger == 0) return 0
    names = larger
    namesMax = (scratchBytes(namesCount * NAME_ENTRY_BYTES) << 1) / NAME_ENTRY_BYTES
  }
  const at = names + namesCount * NAME_ENTRY_BYTES
  store<u32>(at, group + GROUP_NAME, NAME_AT)
  store<u32>(at, bytes, NAME_BYTES)
  namesCount++
  return namesCount
}

/**
 * Whether a leaf link may send on the subject. What a service replies always comes through, and to
 * a spoke the replies that gateways route, too.
 */
function mayComeFrom(connection: u32): bool {
  const prefix = gatewayPrefixBytes(subject, subjectBytes)
  if (isServiceReply(subject + prefix, subjectBytes - prefix)) return true
  const isSpoke = (load<u32>(connection, CONNECTION_FLAGS) & FLAG_SPOKE) != 0
  if (isSpoke && prefix != 0) return true
  return permits(load<u32>(connection, CONNECTION_INCOMING), subject, subjectBytes)
}

function build(connection: u32, key: u32, hash: u32): u32 {
  let tokenBytes: u32 = 0
  while (tokenBytes < subjectBytes && load<u8>(subject + tokenBytes) != 46) tokenBytes++
  const bucket = generations + (literalBucket(subject, tokenBytes) << 2)
  // Before the match: a change during the match leaves the plan out of date, never wrong.
  const generation = atomic.load<u32>(bucket)
  const wildcard = atomic.load<u32>(generations + (GENERATION_WILDCARD << 2))
  for (;;) {
    if (!matchNodes(subject, subjectBytes, nodes, nodesMax)) return PLAN_NONE
    if (nodeCount <= nodesMax) break
    const larger = grown(nodes, nodesMax << 2)
    if (larger == 0) return PLAN_OUT_OF_MEMORY
    nodesMax = scratchBytes(nodesMax << 2) >>> 1
    nodes = larger
  }
  rawCount = 0
  namesCount = 0
  const leafs = !isDeniedOnLeafs(subject, subjectBytes)
  const isRefused = key != 0 && !mayComeFrom(connection)
  for (let i: u32 = isRefused ? nodeCount : 0; i < nodeCount; i++) {
    const node = load<u32>(nodes + (i << 2))
    if (!gather(node + NODE_ENTRIES, 0, 0, connection, key, leafs)) return PLAN_OUT_OF_MEMORY
    let group = atomic.load<u32>(node + NODE_GROUPS)
    for (; group != 0; group = atomic.load<u32>(group + GROUP_NEXT)) {
      const number = groupNumber(group)
      if (number == 0) return PLAN_OUT_OF_MEMORY
      const list = group + GROUP_ENTRIES
      if (!gather(list, group, number, connection, key, leafs)) return PLAN_OUT_OF_MEMORY
    }
  }
  const plan = layOut(key, hash)
  if (plan == 0) return PLAN_OUT_OF_MEMORY
  store<u32>(plan, isRefused ? 1 : 0, PLAN_REFUSED)
  store<u32>(plan, bucket, PLAN_BUCKET)
  store<u32>(plan, generation, PLAN_GENERATION)
  store<u32>(plan, wildcard, PLAN_WILDCARD_GENERATION)
  return plan
}

function plainCount(thread: u32): u32 {
  let count: u32 = 0
  for (let at = raw; at < raw + rawCount * RAW_BYTES; at += RAW_BYTES) {
    if (load<u32>(at, RAW_GROUP) != 0 || load<u32>(at, RAW_WEIGHT) != 0) continue
    if (load<u32>(at, RAW_THREAD) == thread) count++
  }
  return count
}

/** Writes the (slot, generation) pairs of one thread's plain subscriptions. */
function writePairs(target: u32, thread: u32): u32 {
  for (let at = raw; at < raw + rawCount * RAW_BYTES; at += RAW_BYTES) {
    if (load<u32>(at, RAW_GROUP) != 0 || load<u32>(at, RAW_WEIGHT) != 0) continue
    if (load<u32>(at, RAW_THREAD) != thread) continue
    store<u32>(target, load<u32>(at, RAW_TARGET))
    store<u32>(target, load<u32>(at, RAW_GENERATION), 4)
    target += 8
  }
  return target
}

/**
 * Writes leaf links with interest, each once: (connection, generation).
 * @param number group, 0 = plain
 * @param areFiltered those that permissions keep the message from; else those that may have it
 */
function writeLinks(target: u32, number: u32, areFiltered: bool): u32 {
  const first = target
  const end = raw + rawCount * RAW_BYTES
  for (let at = raw; at < end; at += RAW_BYTES) {
    const weight = load<u32>(at, RAW_WEIGHT)
    if (load<u32>(at, RAW_GROUP) != number || weight == 0) continue
    if ((weight == FILTERED) != areFiltered) continue
    const link = load<u32>(at, RAW_TARGET)
    if (isWritten(first, target, link)) continue
    store<u32>(target, link)
    store<u32>(target, load<u32>(at, RAW_GENERATION), 4)
    target += 8
  }
  return target
}

/**
 * Whether a link is among those of [first, end). A link has one entry on a node, and raw matches
 * come node by node: only links with several matching subjects are found.
 */
function isWritten(first: u32, end: u32, link: u32): bool {
  if (nodeCount == 1) return false
  for (let at = first; at < end; at += 8) if (load<u32>(at) == link) return true
  return false
}

function writeGroup(target: u32, number: u32, name: u32, nameBytes: u32): u32 {
  store<u32>(target, name)
  store<u32>(target, nameBytes, 4)
  const counts = target + 8
  target += PLAN_GROUP_BYTES
  const end = raw + rawCount * RAW_BYTES
  let members: u32 = 0
  for (let at = raw; at < end; at += RAW_BYTES) {
    if (load<u32>(at, RAW_GROUP) != number || load<u32>(at, RAW_WEIGHT) != 0) continue
    store<u32>(target, load<u32>(at, RAW_TARGET))
    store<u32>(target, load<u32>(at, RAW_GENERATION), 4)
    store<u32>(target, load<u32>(at, RAW_THREAD), 8)
    target += 12
    members++
  }
  let links: u32 = 0
  for (let at = raw; at < end; at += RAW_BYTES) {
    const weight = load<u32>(at, RAW_WEIGHT)
    if (load<u32>(at, RAW_GROUP) != number || weight == 0 || weight == FILTERED) continue
    store<u32>(target, load<u32>(at, RAW_TARGET))
    store<u32>(target, load<u32>(at, RAW_GENERATION), 4)
    store<u32>(target, weight, 8)
    target += 12
    links++
  }
  const filtered = target
  target = writeLinks(target, number, true)
  store<u32>(counts, members)
  store<u32>(counts, links, 4)
  store<u32>(counts, (target - filtered) >>> 3, 8)
  return target
}

function layOut(key: u32, hash: u32): u32 {
  let nameBytes: u32 = 0
  for (let i: u32 = 0; i < namesCount; i++) {
    nameBytes += (load<u32>(names + i * NAME_ENTRY_BYTES, NAME_BYTES) + 15) & ~15
  }
  // A raw match takes at most 12 bytes, a section of a thread 8.
  const bytes =
    PLAN_BODY +
    rawCount * 12 +
    threadCount * 8 +
    namesCount * PLAN_GROUP_BYTES +
    nameBytes +
    subjectBytes +
    16
  const plan = allocate(bytes)
  if (plan == 0) return 0
  let at = plan + PLAN_BODY
  const localEnd = writePairs(at, self)
  store<u32>(plan, (localEnd - at) >>> 3, PLAN_LOCALS)
  at = localEnd
  let remotes: u32 = 0
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    if (thread == self) continue
    const count = plainCount(thread)
    if (count == 0) continue
    store<u32>(at, thread)
    store<u32>(at, count, 4)
    at = writePairs(at + 8, thread)
    remotes++
  }
  store<u32>(plan, remotes, PLAN_REMOTES)
  const leafEnd = writeLinks(at, 0, false)
  store<u32>(plan, (leafEnd - at) >>> 3, PLAN_LEAFS)
  at = writeLinks(leafEnd, 0, true)
  store<u32>(plan, (at - leafEnd) >>> 3, PLAN_FILTERED)
  let text = plan + bytes - nameBytes - ((subjectBytes + 15) & ~15)
  text &= ~15
  store<u32>(plan, text, PLAN_SUBJECT)
  copyShort(text, subject, subjectBytes)
  text += (subjectBytes + 15) & ~15
  for (let i: u32 = 0; i < namesCount; i++) {
    const name = load<u32>(names + i * NAME_ENTRY_BYTES, NAME_AT)
    const length = load<u32>(names + i * NAME_ENTRY_BYTES, NAME_BYTES)
    copyShort(text, name, length)
    at = writeGroup(at, i + 1, text, length)
    text += (length + 15) & ~15
  }
  check(at <= load<u32>(plan, PLAN_SUBJECT), 30)
  store<u32>(plan, namesCount, PLAN_GROUPS)
  store<u32>(plan, hash, PLAN_HASH)
  store<u32>(plan, key, PLAN_KEY)
  store<u32>(plan, bytes, PLAN_BYTES)
  store<u32>(plan, subjectBytes, PLAN_SUBJECT_BYTES)
  return plan
}
