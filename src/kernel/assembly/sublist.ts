/**
 * The sublist: a trie of tokens in shared memory that answers "who wants this subject". Each
 * account has a root of its own.
 *
 * One writer, the routing worker; any number of readers, which never lock:
 * - a node, group or entry is filled first and made reachable by one atomic store;
 * - what is unlinked keeps its own links and is retired, not freed, until no reader is left in
 *   the epoch in which it could still be reached.
 *
 * Literal children are found in one open-addressed table keyed by (parent, token). A slot is one
 * atomic u64 of (hash, node), so a reader sees a whole slot or none; parent and token are checked
 * in the node, which never changes while it is reachable.
 */
import {
  accountAddress,
  bumpAll,
  bumpToken,
  clearAccounts,
  countInsert,
  countRemove,
  usedAccount,
} from './accounts'
import {
  ACCOUNT_ROOT,
  ENTRY_BYTES,
  ENTRY_DENIES,
  ENTRY_GENERATION,
  ENTRY_GROUP,
  ENTRY_KIND,
  ENTRY_KIND_CLIENT,
  ENTRY_KIND_LEAF,
  ENTRY_NEXT,
  ENTRY_NODE,
  ENTRY_PREVIOUS,
  ENTRY_TARGET,
  ENTRY_THREAD,
  ENTRY_WEIGHT,
  GROUP_ENTRIES,
  GROUP_NAME,
  GROUP_NAME_BYTES,
  GROUP_NEXT,
  GROUP_NODE,
  GROUP_PREVIOUS,
  NODE_CHILDREN,
  NODE_ENTRIES,
  NODE_FULL,
  NODE_GROUPS,
  NODE_HASH,
  NODE_PARENT,
  NODE_STAR,
  NODE_TOKEN,
  NODE_TOKEN_BYTES,
  ROUTER_THREAD,
  SUBLIST_ACCOUNTS,
  SUBLIST_BREAK,
  SUBLIST_COUNT,
  SUBLIST_EDGES,
  SUBLIST_EPOCH,
  SUBLIST_HEADER_BYTES,
  SUBLIST_ROOT,
  SUBLIST_TABLE,
  TABLE_BYTES,
  TABLE_MASK,
  TABLE_SLOTS,
  TABLE_SLOTS_FIRST,
  TABLE_TOMBSTONE,
  THREAD_EPOCH,
  TOKEN_COUNT_MAX,
} from './layout'
import { check, hashBytes, isEqual } from './memory'
import {
  give,
  RETIRED_ENTRY,
  RETIRED_GROUP,
  RETIRED_NODE,
  RETIRED_TABLE,
  retire,
  take,
} from './sublist-memory'
import { sublist, threadBlockOf, threadCount } from './thread'

const DOT: u8 = 46
const STAR: u8 = 42
const FULL: u8 = 62

/** Starts an empty sublist. Called by the routing worker; readers are told by SUBLIST_ROOT. */
export function formatSublist(): bool {
  const epoch = atomic.load<u32>(sublist + SUBLIST_EPOCH)
  atomic.store<u32>(sublist + SUBLIST_ROOT, 0)
  // Readers that were inside leave within one match; none enters while there is no root.
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    while (atomic.load<u32>(threadBlockOf(thread) + THREAD_EPOCH) != 0) {}
  }
  clearAccounts()
  for (let i: u32 = 0; i < SUBLIST_HEADER_BYTES; i += 4) {
    if (i != SUBLIST_EPOCH && i != SUBLIST_ACCOUNTS) store<u32>(sublist + i, 0)
  }
  atomic.store<u32>(sublist + SUBLIST_EPOCH, epoch + 1)
  store<u32>(sublist, sublist + SUBLIST_HEADER_BYTES, SUBLIST_BREAK)
  const table = newTable(TABLE_SLOTS_FIRST)
  if (table == 0) return false
  atomic.store<u32>(sublist + SUBLIST_TABLE, table)
  return openAccount(0)
}

/**
 * Gives an account its root, if it has none yet. Inserting does that, too.
 * @returns false when there can be no account of that number, or the sublist is full
 */
export function openAccount(number: u32): bool {
  return rootOf(number) != 0
}

function rootOf(number: u32): u32 {
  const account = usedAccount(number)
  if (account == 0) return 0
  let root = load<u32>(account, ACCOUNT_ROOT)
  if (root == 0) {
    root = newNode(0, number, 0, 0)
    atomic.store<u32>(account + ACCOUNT_ROOT, root)
  }
  return root
}

/** Makes the sublist visible to readers. */
export function openSublist(): void {
  atomic.store<u32>(sublist + SUBLIST_ROOT, load<u32>(accountAddress(0), ACCOUNT_ROOT))
  bumpAll()
}

// ── edges ───────────────────────────────────────────────────────────────────────────────────

function newTable(slots: u32): u32 {
  const bytes = TABLE_SLOTS + (slots << 3)
  const table = take(bytes)
  if (table == 0) return 0
  store<u32>(table, slots - 1, TABLE_MASK)
  store<u32>(table, bytes, TABLE_BYTES)
  for (let i: u32 = 0; i < slots; i++) store<u64>(table + TABLE_SLOTS + (i << 3), 0)
  return table
}

@inline
function edgeHash(parent: u32, token: u32, bytes: u32): u32 {
  return hashBytes(token, bytes, parent * 0x9e3779b1)
}

/** The literal child of a node, 0 if there is none. Any thread. */
function findChild(parent: u32, token: u32, bytes: u32): u32 {
  const hash = edgeHash(parent, token, bytes)
  const table = atomic.load<u32>(sublist + SUBLIST_TABLE)
  const mask = load<u32>(table, TABLE_MASK)
  let i = hash & mask
  for (let probes: u32 = 0; probes <= mask; probes++) {
    const slot = atomic.load<u64>(table + TABLE_SLOTS + (i << 3))
    if (slot == 0) return 0
    if (<u32>(slot >>> 32) == hash) {
      const node = <u32>slot
      if (
        node != TABLE_TOMBSTONE &&
        load<u32>(node, NODE_PARENT) == parent &&
        load<u32>(node, NODE_TOKEN_BYTES) == bytes &&
        isEqual(node + NODE_TOKEN, token, bytes)
      ) {
        return node
      }
    }
    i = (i + 1) & mask
  }
  return 0
}

function placeEdge(table: u32, node: u32, hash: u32): void {
  const mask = load<u32>(table, TABLE_MASK)
  let i = hash & mask
  for (;;) {
    const at = table + TABLE_SLOTS + (i << 3)
    const slot = load<u64>(at)
    if (slot == 0 || <u32>slot == TABLE_TOMBSTONE) {
      if (slot == 0) store<u32>(sublist, load<u32>(sublist, SUBLIST_EDGES) + 1, SUBLIST_EDGES)
      atomic.store<u64>(at, (<u64>hash << 32) | <u64>node)
      return
    }
    i = (i + 1) & mask
  }
}

/** Keeps the table under two thirds full; readers change over by one store. */
function growTable(): bool {
  const old = load<u32>(sublist, SUBLIST_TABLE)
  const slots = load<u32>(old, TABLE_MASK) + 1
  if (load<u32>(sublist, SUBLIST_EDGES) * 3 < slots * 2) return true
  let live: u32 = 0
  for (let i: u32 = 0; i < slots; i++) {
    if (<u32>load<u64>(old + TABLE_SLOTS + (i << 3)) > TABLE_TOMBSTONE) live++
  }
  const table = newTable(live * 3 > slots ? slots << 1 : slots)
  // Without memory the old one must do, slower, while it has slots that are free or were once used.
  if (table == 0) return live < slots - (slots >>> 4)
  store<u32>(sublist, 0, SUBLIST_EDGES)
  // From one end to the other, and hashes are there: a million nodes need not be looked at.
  for (let i: u32 = 0; i < slots; i++) {
    const slot = load<u64>(old + TABLE_SLOTS + (i << 3))
    if (<u32>slot > TABLE_TOMBSTONE) placeEdge(table, <u32>slot, <u32>(slot >>> 32))
  }
  atomic.store<u32>(sublist + SUBLIST_TABLE, table)
  retire(old, RETIRED_TABLE)
  return true
}

function removeEdge(node: u32): void {
  const table = load<u32>(sublist, SUBLIST_TABLE)
  const mask = load<u32>(table, TABLE_MASK)
  let i = load<u32>(node, NODE_HASH) & mask
  for (;;) {
    const at = table + TABLE_SLOTS + (i << 3)
    const slot = load<u64>(at)
    if (slot == 0) return
    if (<u32>slot == node) {
      if (load<u64>(table + TABLE_SLOTS + (((i + 1) & mask) << 3)) == 0) freeBackwards(table, i)
      else atomic.store<u64>(at, <u64>TABLE_TOMBSTONE)
      return
    }
    i = (i + 1) & mask
  }
}

/** Empties a slot that no search leads past, and the tombstones in front of it. */
function freeBackwards(table: u32, from: u32): void {
  const mask = load<u32>(table, TABLE_MASK)
  let edges = load<u32>(sublist, SUBLIST_EDGES)
  let i = from
  do {
    atomic.store<u64>(table + TABLE_SLOTS + (i << 3), 0)
    edges--
    i = (i - 1) & mask
  } while (<u32>load<u64>(table + TABLE_SLOTS + (i << 3)) == TABLE_TOMBSTONE)
  store<u32>(sublist, edges, SUBLIST_EDGES)
}

function newNode(parent: u32, hash: u32, token: u32, bytes: u32): u32 {
  const node = take(NODE_TOKEN + bytes)
  if (node == 0) return 0
  for (let i: u32 = 0; i < NODE_TOKEN; i += 8) store<u64>(node + i, 0)
  store<u32>(node, parent, NODE_PARENT)
  store<u32>(node, hash, NODE_HASH)
  store<u32>(node, bytes, NODE_TOKEN_BYTES)
  for (let i: u32 = 0; i < bytes; i++) store<u8>(node + NODE_TOKEN + i, load<u8>(token + i))
  return node
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────

/**
 * Adds the interest of a subscription or a leaf link. The caller has validated subject and queue.
 * @param account its number
 * @param weight 0 for a subscription, ≥ 1 for a leaf link
 * @returns the entry, or 0 when the sublist's memory is exhausted or the subject has too many
 *   tokens
 */
export function insertEntry(
  account: u32,
  subject: u32,
  subjectBytes: u32,
  queue: u32,
  queueBytes: u32,
  target: u32,
  generation: u32,
  thread: u32,
  weight: u32,
): u32 {
  const kind = weight == 0 ? ENTRY_KIND_CLIENT : ENTRY_KIND_LEAF
  return insert(
    account,
    subject,
    subjectBytes,
    queue,
    queueBytes,
    target,
    generation,
    thread,
    kind,
    weight,
  )
}

/**
 * Adds an import; plain interest of another account, or of TypeScript.
 * @param account number of the exporting account (streams), of the importing one (services)
 * @param kind ENTRY_KIND_STREAM_IMPORT or ENTRY_KIND_SERVICE_IMPORT
 * @param block IMPORT_*; it is retired after the entry was removed
 * @returns as insertEntry
 */
export function insertImport(
  account: u32,
  subject: u32,
  subjectBytes: u32,
  kind: u32,
  block: u32,
): u32 {
  return insert(account, subject, subjectBytes, 0, 0, block, 0, ROUTER_THREAD, kind, 0)
}

/** As insertEntry, for a subscription to whom some deliveries are denied. */
export function insertSubscription(
  account: u32,
  subject: u32,
  subjectBytes: u32,
  queueBytes: u32,
  slot: u32,
  generation: u32,
  thread: u32,
  denies: u32,
): u32 {
  return insert(
    account,
    subject,
    subjectBytes,
    subject + subjectBytes,
    queueBytes,
    slot,
    generation,
    thread,
    ENTRY_KIND_CLIENT,
    denies,
  )
}

function insert(
  account: u32,
  subject: u32,
  subjectBytes: u32,
  queue: u32,
  queueBytes: u32,
  target: u32,
  generation: u32,
  thread: u32,
  kind: u32,
  weight: u32,
): u32 {
  let node = rootOf(account)
  if (node == 0) return 0
  let from: u32 = 0
  let tokens: u32 = 0
  while (from <= subjectBytes) {
    if (++tokens > TOKEN_COUNT_MAX) {
      prune(node)
      return 0
    }
    let to = from
    while (to < subjectBytes && load<u8>(subject + to) != DOT) to++
    const child = childFor(node, subject + from, to - from)
    if (child == 0) {
      prune(node)
      return 0
    }
    node = child
    from = to + 1
  }
  const entry = take(ENTRY_BYTES)
  if (entry == 0) {
    prune(node)
    return 0
  }
  let list = node + NODE_ENTRIES
  let group: u32 = 0
  if (queueBytes != 0) {
    group = groupFor(node, queue, queueBytes)
    if (group == 0) {
      give(entry, ENTRY_BYTES)
      prune(node)
      return 0
    }
    list = group + GROUP_ENTRIES
  }
  const next = load<u32>(list)
  store<u32>(entry, target, ENTRY_TARGET)
  store<u32>(entry, generation, ENTRY_GENERATION)
  store<u16>(entry, <u16>thread, ENTRY_THREAD)
  store<u16>(entry, <u16>kind, ENTRY_KIND)
  store<u32>(entry, weight, ENTRY_WEIGHT)
  store<u32>(entry, next, ENTRY_NEXT)
  store<u32>(entry, 0, ENTRY_PREVIOUS)
  store<u32>(entry, node, ENTRY_NODE)
  store<u32>(entry, group, ENTRY_GROUP)
  if (next != 0) store<u32>(next, entry, ENTRY_PREVIOUS)
  atomic.store<u32>(list, entry)
  store<u32>(sublist, load<u32>(sublist, SUBLIST_COUNT) + 1, SUBLIST_COUNT)
  countInsert(account)
  bumpNode(node)
  return entry
}

function childFor(node: u32, token: u32, bytes: u32): u32 {
  const first = bytes == 1 ? load<u8>(token) : 0
  if (first == STAR || first == FULL) {
    const field = node + (first == STAR ? NODE_STAR : NODE_FULL)
    let child = load<u32>(field)
    if (child == 0) {
      child = newNode(node, 0, token, 1)
      if (child != 0) atomic.store<u32>(field, child)
    }
    return child
  }
  let child = findChild(node, token, bytes)
  if (child == 0) {
    // For each edge: one subject may bring more of them than the table has free slots.
    if (!growTable()) return 0
    const hash = edgeHash(node, token, bytes)
    child = newNode(node, hash, token, bytes)
    if (child == 0) return 0
    store<u32>(node, load<u32>(node, NODE_CHILDREN) + 1, NODE_CHILDREN)
    placeEdge(load<u32>(sublist, SUBLIST_TABLE), child, hash)
  }
  return child
}

function groupFor(node: u32, name: u32, bytes: u32): u32 {
  for (let group = load<u32>(node, NODE_GROUPS); group != 0; group = load<u32>(group, GROUP_NEXT)) {
    if (load<u32>(group, GROUP_NAME_BYTES) == bytes && isEqual(group + GROUP_NAME, name, bytes)) {
      return group
    }
  }
  const group = take(GROUP_NAME + bytes)
  if (group == 0) return 0
  const next = load<u32>(node, NODE_GROUPS)
  store<u32>(group, next, GROUP_NEXT)
  store<u32>(group, 0, GROUP_PREVIOUS)
  store<u32>(group, 0, GROUP_ENTRIES)
  store<u32>(group, node, GROUP_NODE)
  store<u32>(group, bytes, GROUP_NAME_BYTES)
  for (let i: u32 = 0; i < bytes; i++) store<u8>(group + GROUP_NAME + i, load<u8>(name + i))
  if (next != 0) store<u32>(next, group, GROUP_PREVIOUS)
  atomic.store<u32>(node + NODE_GROUPS, group)
  return group
}

/** Removes an entry of `insertEntry`, and whatever it leaves empty. */
export function removeEntry(entry: u32): void {
  const node = load<u32>(entry, ENTRY_NODE)
  const group = load<u32>(entry, ENTRY_GROUP)
  const next = load<u32>(entry, ENTRY_NEXT)
  const previous = load<u32>(entry, ENTRY_PREVIOUS)
  const list = group != 0 ? group + GROUP_ENTRIES : node + NODE_ENTRIES
  if (previous != 0) atomic.store<u32>(previous + ENTRY_NEXT, next)
  else atomic.store<u32>(list, next)
  if (next != 0) store<u32>(next, previous, ENTRY_PREVIOUS)
  if (group != 0 && load<u32>(group, GROUP_ENTRIES) == 0) removeGroup(node, group)
  countRemove(entryAccount(entry))
  bumpNode(node)
  retire(entry, RETIRED_ENTRY)
  store<u32>(sublist, load<u32>(sublist, SUBLIST_COUNT) - 1, SUBLIST_COUNT)
  prune(node)
}

/** Changes how many members a leaf link speaks for. */
export function setWeight(entry: u32, weight: u32): void {
  atomic.store<u32>(entry + ENTRY_WEIGHT, weight)
  bumpNode(load<u32>(entry, ENTRY_NODE))
}

/** Changes what a subscription is denied, 0 = nothing. The old block is the caller's. */
export function setEntryPermissions(entry: u32, denies: u32): void {
  atomic.store<u32>(entry + ENTRY_DENIES, denies)
  bumpNode(load<u32>(entry, ENTRY_NODE))
}

/** Number of the account that an entry is in. */
export function entryAccount(entry: u32): u32 {
  let at = load<u32>(entry, ENTRY_NODE)
  for (let parent = at; parent != 0; parent = load<u32>(at, NODE_PARENT)) at = parent
  return load<u32>(at, NODE_HASH)
}

function removeGroup(node: u32, group: u32): void {
  const next = load<u32>(group, GROUP_NEXT)
  const previous = load<u32>(group, GROUP_PREVIOUS)
  if (previous != 0) atomic.store<u32>(previous + GROUP_NEXT, next)
  else atomic.store<u32>(node + NODE_GROUPS, next)
  if (next != 0) store<u32>(next, previous, GROUP_PREVIOUS)
  retire(group, RETIRED_GROUP)
}

/** A change below a node: voids what rests on the first token that leads there. */
function bumpNode(node: u32): void {
  let at = node
  let parent = load<u32>(at, NODE_PARENT)
  for (;;) {
    const above = load<u32>(parent, NODE_PARENT)
    if (above == 0) break
    at = parent
    parent = above
  }
  const account = accountAddress(load<u32>(parent, NODE_HASH))
  bumpToken(account, at + NODE_TOKEN, load<u32>(at, NODE_TOKEN_BYTES))
}

/** Removes a node that holds nothing, then its parent if that is empty too, and so on. */
function prune(node: u32): void {
  for (;;) {
    const parent = load<u32>(node, NODE_PARENT)
    if (parent == 0) return // a root
    if (load<u32>(node, NODE_ENTRIES) | load<u32>(node, NODE_GROUPS)) return
    if (load<u32>(node, NODE_CHILDREN) != 0) return
    if (load<u32>(node, NODE_STAR) | load<u32>(node, NODE_FULL)) return
    if (load<u32>(parent, NODE_STAR) == node) {
      atomic.store<u32>(parent + NODE_STAR, 0)
    } else if (load<u32>(parent, NODE_FULL) == node) {
      atomic.store<u32>(parent + NODE_FULL, 0)
    } else {
      removeEdge(node)
      store<u32>(parent, load<u32>(parent, NODE_CHILDREN) - 1, NODE_CHILDREN)
    }
    retire(node, RETIRED_NODE)
    node = parent
  }
}

// ── matching: any thread, inside an epoch ───────────────────────────────────────────────────

/** Address of the first of `nodeCount` matched nodes; the scratch is the caller's. */
let matched: u32 = 0
let matchedMax: u32 = 0
export let nodeCount: u32 = 0
/** Nodes looked at, ever. */
export let visits: u32 = 0

/**
 * Collects the nodes of an account whose entries match a literal subject.
 * @param account its record
 * @param scratch room for `scratchMax` addresses
 * @returns false when there is no sublist; true with nodeCount, which may exceed scratchMax: then
 *   the scratch is too small and nothing may be concluded
 */
export function matchNodes(
  account: u32,
  subject: u32,
  bytes: u32,
  scratch: u32,
  scratchMax: u32,
): bool {
  if (atomic.load<u32>(sublist + SUBLIST_ROOT) == 0) return false
  const start = atomic.load<u32>(account + ACCOUNT_ROOT)
  matched = scratch
  matchedMax = scratchMax
  nodeCount = 0
  if (start != 0 && !hasEmptyToken(subject, bytes)) walk(start, subject, 0, bytes)
  return true
}

export function hasEmptyToken(subject: u32, bytes: u32): bool {
  let previous = DOT
  for (let i: u32 = 0; i < bytes; i++) {
    const c = load<u8>(subject + i)
    if (c == DOT && previous == DOT) return true
    previous = c
  }
  return previous == DOT
}

@inline
function collect(node: u32): void {
  if (atomic.load<u32>(node + NODE_ENTRIES) | atomic.load<u32>(node + NODE_GROUPS)) {
    if (nodeCount < matchedMax) store<u32>(matched + (nodeCount << 2), node)
    nodeCount++
  }
}

function walk(node: u32, subject: u32, from: u32, end: u32): void {
  check(node != 0, 3)
  visits++
  const full = atomic.load<u32>(node + NODE_FULL)
  if (full != 0) collect(full)
  let to = from
  while (to < end && load<u8>(subject + to) != DOT) to++
  const star = atomic.load<u32>(node + NODE_STAR)
  const child = load<u32>(node, NODE_CHILDREN) != 0 ? findChild(node, subject + from, to - from) : 0
  if (to >= end) {
    if (star != 0) collect(star)
    if (child != 0) collect(child)
    return
  }
  if (star != 0) walk(star, subject, to + 1, end)
  if (child != 0) walk(child, subject, to + 1, end)
}

