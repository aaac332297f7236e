/**
 * Who matches a subject: entries of the sublist, gathered in one pass over lists that may change
 * under the reader, as raw material of a plan. Inside an epoch.
 */
import {
  CONNECTION_KIND,
  CONNECTION_ACCOUNT,
  CONNECTION_ORIGIN,
  CONNECTION_OUTGOING,
  ENTRY_DENIES,
  ENTRY_GENERATION,
  ENTRY_KIND,
  ENTRY_KIND_CLIENT,
  ENTRY_KIND_LEAF,
  ENTRY_KIND_SERVICE_IMPORT,
  ENTRY_NEXT,
  ENTRY_TARGET,
  ENTRY_THREAD,
  ENTRY_WEIGHT,
  GROUP_ENTRIES,
  GROUP_NAME,
  GROUP_NAME_BYTES,
  GROUP_NEXT,
  KIND_LEAF,
  NODE_ENTRIES,
  NODE_GROUPS,
  PLACE_VARIANT_SHIFT,
  PLAN_KEY_IMPORTED,
  PLAN_KEY_RELAYED,
} from './layout'
import { isEqual } from './memory'
import { noteDenied } from './explained-list'
import { isDeniedOnLeafs, permits, permitsDelivery, permitsGroup } from './permissions'
import { grown, newScratch, scratchBytes, SCRATCH_BYTES } from './scratch'
import { matchNodes, nodeCount } from './sublist'
import { self } from './thread'

// Raw matches, those of each variant together.
export const RAW_GROUP: u32 = 0 //  0 = plain, else number of the group + 1
export const RAW_PLACE: u32 = 4 //  thread, and the variant from PLACE_VARIANT_SHIFT on
export const RAW_TARGET: u32 = 8
export const RAW_GENERATION: u32 = 12
export const RAW_WEIGHT: u32 = 16 // 0 = subscription, FILTERED = leaf link not permitted, else link
export const RAW_BYTES: u32 = 20
export const FILTERED: u32 = 0xffffffff
// Group names, addresses in the sublist: valid inside the epoch.
export const NAME_AT: u32 = 0
export const NAME_BYTES: u32 = 4
export const NAME_ENTRY_BYTES: u32 = 8

export let raw: u32 = 0
let rawMax: u32 = 0
export let rawCount: u32 = 0
/** How many of them belong to groups. */
export let groupedCount: u32 = 0
/** Some target may be in the same list of raw matches twice. */
export let mayRepeat: bool = false
export let names: u32 = 0
let namesMax: u32 = 0
export let namesCount: u32 = 0
let nodes: u32 = 0
let nodesMax: u32 = 0
/** Import blocks: of streams the subject goes on by, of services it asks for. */
export let streams: u32 = 0
let streamsMax: u32 = 0
export let streamsCount: u32 = 0
export let services: u32 = 0
let servicesMax: u32 = 0
export let servicesCount: u32 = 0

export function formatMatches(): bool {
  raw = newScratch()
  names = newScratch()
  nodes = newScratch()
  streams = newScratch()
  services = newScratch()
  rawMax = SCRATCH_BYTES / RAW_BYTES
  namesMax = SCRATCH_BYTES / NAME_ENTRY_BYTES
  nodesMax = SCRATCH_BYTES >>> 2
  streamsMax = SCRATCH_BYTES >>> 2
  servicesMax = SCRATCH_BYTES >>> 2
  return raw != 0 && names != 0 && nodes != 0 && streams != 0 && services != 0
}

export function forgetMatches(): void {
  rawCount = 0
  groupedCount = 0
  mayRepeat = false
  namesCount = 0
  streamsCount = 0
  servicesCount = 0
}

/** What `gatherAudience` can end with. */
export const GATHERED: u32 = 0
export const GATHERED_NO_SUBLIST: u32 = 1
export const GATHERED_NO_MEMORY: u32 = 2

// The subject whose audience is gathered, and for whom.
let text: u32 = 0
let textBytes: u32 = 0
let source: u32 = 0
let variant: u32 = 0
let isFromLeaf: bool = false
let feedsLeafs: bool = false
let isRelayed: bool = false
let isExported: bool = false
/** Set while an explanation is made: subscriptions to which the subject is denied are noted. */
export let notesDenied: bool = false

export function setNotesDenied(notes: bool): void {
  notesDenied = notes
}

/**
 * Adds the audience of a subject in an account to the raw matches. That of the source's own
 * account, variant 0, comes first; only it may go on by imports.
 * @param key of the plan
 */
export function gatherAudience(
  connection: u32,
  key: u32,
  account: u32,
  number: u32,
  subject: u32,
  subjectBytes: u32,
): u32 {
  for (;;) {
    if (!matchNodes(account, subject, subjectBytes, nodes, nodesMax)) return GATHERED_NO_SUBLIST
    if (nodeCount <= nodesMax) break
    const larger = grown(nodes, nodesMax << 2)
    if (larger == 0) return GATHERED_NO_MEMORY
    nodesMax = scratchBytes(nodesMax << 2) >>> 1
    nodes = larger
  }
  text = subject
  textBytes = subjectBytes
  source = connection
  variant = number
  isFromLeaf = load<u32>(connection, CONNECTION_KIND) == KIND_LEAF
  isRelayed = (key & PLAN_KEY_RELAYED) != 0
  isExported = (key & PLAN_KEY_IMPORTED) == 0
  feedsLeafs = !isRelayed && !isDeniedOnLeafs(subject, subjectBytes)
  if (nodeCount > 1) mayRepeat = true
  for (let i: u32 = 0; i < nodeCount; i++) {
    const node = load<u32>(nodes + (i << 2))
    if (!gather(node + NODE_ENTRIES, 0, 0)) return GATHERED_NO_MEMORY
    if (isRelayed) continue
    let group = atomic.load<u32>(node + NODE_GROUPS)
    for (; group != 0; group = atomic.load<u32>(group + GROUP_NEXT)) {
      const groupName = groupNumber(group)
      if (groupName == 0) return GATHERED_NO_MEMORY
      if (!gather(group + GROUP_ENTRIES, group, groupName)) return GATHERED_NO_MEMORY
    }
  }
  return GATHERED
}

/**
 * Appends one list of entries to the raw matches. Returns false without memory.
 * @param group address of a queue group with its number, 0 and 0 = plain
 */
function gather(list: u32, group: u32, number: u32): bool {
  let entry = atomic.load<u32>(list)
  for (; entry != 0; entry = atomic.load<u32>(entry + ENTRY_NEXT)) {
    const kind = <u32>load<u16>(entry, ENTRY_KIND)
    const thread = <u32>load<u16>(entry, ENTRY_THREAD)
    const target = load<u32>(entry, ENTRY_TARGET)
    let weight: u32 = 0
    if (kind == ENTRY_KIND_CLIENT) {
      if (isRelayed && thread != self) continue
      const denies = atomic.load<u32>(entry + ENTRY_DENIES)
      if (denies != 0 && !isDeliverable(denies, group)) {
        if (notesDenied) {
          const place = thread | (variant << PLACE_VARIANT_SHIFT)
          noteDenied(place, target, load<u32>(entry, ENTRY_GENERATION))
        }
        continue
      }
    } else if (kind == ENTRY_KIND_LEAF) {
      if (!feedsLeafs || (isFromLeaf && !mayFeed(source, target))) continue
      weight = atomic.load<u32>(entry + ENTRY_WEIGHT)
      if (!isPermitted(target, group)) weight = FILTERED
      else if (weight == FILTERED) weight = FILTERED - 1
    } else {
      if (!addImport(kind, target)) return false
      continue
    }
    if (rawCount == rawMax) {
      const larger = grown(raw, rawCount * RAW_BYTES)
      if (larger == 0) return false
      raw = larger
      rawMax = (scratchBytes(rawCount * RAW_BYTES) << 1) / RAW_BYTES
    }
    const at = raw + rawCount * RAW_BYTES
    store<u32>(at, number, RAW_GROUP)
    store<u32>(at, thread | (variant << PLACE_VARIANT_SHIFT), RAW_PLACE)
    store<u32>(at, target, RAW_TARGET)
    store<u32>(at, load<u32>(entry, ENTRY_GENERATION), RAW_GENERATION)
    store<u32>(at, weight, RAW_WEIGHT)
    rawCount++
    if (number != 0) groupedCount++
  }
  return true
}

/** Whether nothing denies a client's subscription the message. */
function isDeliverable(denies: u32, group: u32): bool {
  const nameBytes = group == 0 ? 0 : load<u32>(group, GROUP_NAME_BYTES)
  return permitsDelivery(denies, text, textBytes, group + GROUP_NAME, nameBytes)
}

/** Whether the message may be sent to a leaf link, for a queue group if it is not 0. */
function isPermitted(link: u32, group: u32): bool {
  const permissions = load<u32>(link, CONNECTION_OUTGOING)
  if (!permits(permissions, text, textBytes)) return false
  if (group == 0) return true
  const nameBytes = load<u32>(group, GROUP_NAME_BYTES)
  return permitsGroup(permissions, text, textBytes, group + GROUP_NAME, nameBytes)
}

/**
 * Whether what comes from one leaf link may go out on another: never back, nor to its cluster in
 * the same account. In another one nobody but us brings it.
 */
function mayFeed(from: u32, target: u32): bool {
  if (from == target) return false
  if (load<u32>(from, CONNECTION_ACCOUNT) != load<u32>(target, CONNECTION_ACCOUNT)) return true
  const origin = load<u32>(from, CONNECTION_ORIGIN)
  return origin == 0 || origin != load<u32>(target, CONNECTION_ORIGIN)
}

/** Imports do not chain: those of importing accounts are passed over. */
function addImport(kind: u32, block: u32): bool {
  if (variant != 0 || isRelayed) return true
  if (kind == ENTRY_KIND_SERVICE_IMPORT) return addService(block)
  return !isExported || addStream(block)
}

function addStream(block: u32): bool {
  if (streamsCount == streamsMax) {
    const larger = grown(streams, streamsCount << 2)
    if (larger == 0) return false
    streams = larger
    streamsMax = scratchBytes(streamsCount << 2) >>> 1
  }
  store<u32>(streams + (streamsCount++ << 2), block)
  return true
}

function addService(block: u32): bool {
  if (servicesCount == servicesMax) {
    const larger = grown(services, servicesCount << 2)
    if (larger == 0) return false
    services = larger
    servicesMax = scratchBytes(servicesCount << 2) >>> 1
  }
  store<u32>(services + (servicesCount++ << 2), block)
  return true
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
