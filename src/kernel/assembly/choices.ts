/**
 * Who gets the message at hand beyond the plain subscriptions of its plan: one member of each queue
 * group, and each leaf link once, with the names of all groups it was chosen for. Each is chosen
 * for a variant of the message: its own subject, 0, or what a stream import makes of that.
 */
import {
  CONNECTION_FILTERED,
  CONNECTION_FLAGS,
  CONNECTION_GENERATION,
  CONNECTION_KIND,
  CONNECTION_STALLED,
  FLAG_CLOSED,
  FLAG_ECHO,
  KIND_LEAF,
  PLAN_FILTERED,
  PLAN_GROUPS,
  PLAN_GROUP_BYTES,
  PLAN_LEAFS,
  PLACE_VARIANT_SHIFT,
  SUB_CONNECTION,
  SUB_GENERATION,
  SUB_MAX,
  SUB_RESERVED,
  THREAD_OUT_OF_MEMORY,
  THREAD_STATE,
  THREAD_STATE_RUNNING,
} from './layout'
import { copyShort, isEqual, randomBelow } from './memory'
import { queues, queuesBytes } from './message'
import { dropsOverStallMark } from './outbound'
import { grown, newScratch, SCRATCH_BYTES, scratchBytes } from './scratch'
import { self, threadBlock, threadBlockOf } from './thread'

// Queue members.
const CHOSEN_SLOT: u32 = 0
const CHOSEN_GENERATION: u32 = 4
/** Thread and variant, as in plans. */
const CHOSEN_PLACE: u32 = 8
const CHOSEN_BYTES: u32 = 12
// Leaf links, each connection once for each variant.
export const LINK_CONNECTION: u32 = 0
export const LINK_GENERATION: u32 = 4
/** Number of its last name, 0 = none. */
const LINK_LAST_NAME: u32 = 8
/** Of all its names, with a blank between each two. */
export const LINK_NAMES_BYTES: u32 = 12
export const LINK_VARIANT: u32 = 16
export const LINK_BYTES: u32 = 20
// Names of groups that links were chosen for.
const NAME_AT: u32 = 0
const NAME_LENGTH: u32 = 4
/** Number of the name that its link got before this one, 0 = none. */
const NAME_BEFORE: u32 = 8
const NAME_BYTES: u32 = 12
// Links from which permissions kept the message back, each once: connection, generation.
const KEPT_BYTES: u32 = 8

let chosen: u32 = 0
let chosenMax: u32 = 0
export let chosenCount: u32 = 0
let links: u32 = 0
let linksMax: u32 = 0
export let linksCount: u32 = 0
let names: u32 = 0
let namesMax: u32 = 0
let namesCount: u32 = 0
let kept: u32 = 0
let keptMax: u32 = 0
let keptCount: u32 = 0

/** See setTakesAllGroups. */
let takesAllGroups: bool = false

/** Names on one line; with more it could be longer than its receiver takes (64 KiB). */
export const NAMES_BYTES_MAX: u32 = 32768

export function formatChoices(): bool {
  chosen = newScratch()
  links = newScratch()
  names = newScratch()
  kept = newScratch()
  chosenMax = SCRATCH_BYTES / CHOSEN_BYTES
  linksMax = SCRATCH_BYTES / LINK_BYTES
  namesMax = SCRATCH_BYTES / NAME_BYTES
  keptMax = SCRATCH_BYTES / KEPT_BYTES
  return chosen != 0 && links != 0 && names != 0 && kept != 0
}

function countOutOfMemory(): void {
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_OUT_OF_MEMORY) + 1, THREAD_OUT_OF_MEMORY)
}

// ── choosing ────────────────────────────────────────────────────────────────────────────────

@inline
export function forgetChoices(): void {
  chosenCount = 0
  linksCount = 0
  namesCount = 0
  keptCount = 0
}

/**
 * Messages of leaf links go to the groups that their lines name, and to no others. But a line that
 * names none may be mapped, or reach another account by a service: then all groups are meant.
 */
export function setTakesAllGroups(takes: bool): void {
  takesAllGroups = takes
}

/** Leaf links get the message from somebody else. */
export function forgetLinks(): void {
  linksCount = 0
  namesCount = 0
}

/** One leaf link, with the names of groups it was chosen for before. False without memory. */
export function chooseThisLink(connection: u32, generation: u32, at: u32, bytes: u32): bool {
  forgetChoices()
  if (bytes == 0) return addLink(connection, generation, 0)
  addName(connection, generation, 0, at, bytes)
  return linksCount != 0
}

/**
 * Adds the leaf links of a plan's own audience or of a variant.
 * @param at behind the audience's sections of other threads
 * @returns address behind its links
 */
export function chooseLinks(audience: u32, at: u32, variant: u32): u32 {
  for (let i = load<u32>(audience, PLAN_LEAFS); i > 0; i--, at += 8) {
    addLink(load<u32>(at), load<u32>(at, 4), variant)
  }
  for (let i = load<u32>(audience, PLAN_FILTERED); i > 0; i--, at += 8) {
    addKept(load<u32>(at), load<u32>(at, 4))
  }
  return at
}

/**
 * Chooses for each queue group of a plan: any member of this server, over all threads alike; only
 * if none of them can take the message, a leaf link, by weight.
 * @param at behind the links of the plan's own audience
 */
export function chooseForGroups(plan: u32, at: u32, source: u32): void {
  const isNamed = load<u32>(source, CONNECTION_KIND) == KIND_LEAF && !takesAllGroups
  const exclude = (load<u32>(source, CONNECTION_FLAGS) & FLAG_ECHO) != 0 ? 0 : source
  for (let i = load<u32>(plan, PLAN_GROUPS); i > 0; i--) {
    const name = load<u32>(at)
    const nameBytes = load<u32>(at, 4)
    const members = load<u32>(at, 8)
    const leafs = load<u32>(at, 12)
    const filtered = load<u32>(at, 16)
    const first = at + PLAN_GROUP_BYTES
    const firstLeaf = first + members * 12
    const firstFiltered = firstLeaf + (leafs << 4)
    at = firstFiltered + filtered * 8
    if (isNamed && !isOnLine(name, nameBytes)) continue
    if (members != 0 && chooseMember(first, members, exclude)) continue
    if (leafs != 0) chooseLink(firstLeaf, leafs, name, nameBytes)
    else if (filtered != 0) keepBack(firstFiltered, filtered)
  }
}

/** Whether the names on a leaf's line contain a group. */
function isOnLine(name: u32, bytes: u32): bool {
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

@inline
export function isRunning(thread: u32): bool {
  return atomic.load<u32>(threadBlockOf(thread) + THREAD_STATE) == THREAD_STATE_RUNNING
}

function chooseMember(first: u32, members: u32, exclude: u32): bool {
  const start = randomBelow(members)
  for (let i: u32 = 0; i < members; i++) {
    let index = start + i
    if (index >= members) index -= members
    const member = first + index * 12
    const slot = load<u32>(member)
    const place = load<u32>(member, 8)
    const thread = place & ((1 << PLACE_VARIANT_SHIFT) - 1)
    if (atomic.load<u32>(slot + SUB_GENERATION) != load<u32>(member, 4)) continue
    const connection = load<u32>(slot, SUB_CONNECTION)
    if (connection == exclude) continue
    // It has gone, and not all its subscriptions have been closed yet.
    if ((load<u32>(connection, CONNECTION_FLAGS) & FLAG_CLOSED) != 0) continue
    if (thread != self && !isRunning(thread)) continue
    // With that option a slow consumer loses messages: another member may have it.
    if (dropsOverStallMark && isStalled(connection)) continue
    const max = load<u32>(slot, SUB_MAX)
    // What others have sent it is not delivered yet: places are taken when it is chosen.
    if (max != 0 && atomic.add<u32>(slot + SUB_RESERVED, 1) >= max) {
      atomic.sub<u32>(slot + SUB_RESERVED, 1)
      continue
    }
    addMember(slot, load<u32>(member, 4), place)
    return true
  }
  return false
}

@inline
function isStalled(connection: u32): bool {
  return atomic.load<u32>(connection + CONNECTION_STALLED) != 0
}

@inline
function addMember(slot: u32, generation: u32, place: u32): void {
  if (chosenCount == chosenMax && !growChosen(slot)) return
  const at = chosen + chosenCount * CHOSEN_BYTES
  store<u32>(at, slot, CHOSEN_SLOT)
  store<u32>(at, generation, CHOSEN_GENERATION)
  store<u32>(at, place, CHOSEN_PLACE)
  chosenCount++
}

/** Without memory the group's message is lost, and `slot` keeps its place. */
function growChosen(slot: u32): bool {
  const used = chosenCount * CHOSEN_BYTES
  const larger = grown(chosen, used)
  if (larger == 0) {
    if (load<u32>(slot, SUB_MAX) != 0) atomic.sub<u32>(slot + SUB_RESERVED, 1)
    countOutOfMemory()
    return false
  }
  chosen = larger
  chosenMax = (scratchBytes(used) << 1) / CHOSEN_BYTES
  return true
}

/** The message must wait, and will choose anew. */
export function giveUpChosen(): void {
  for (let i: u32 = 0; i < chosenCount; i++) {
    const slot = load<u32>(chosen + i * CHOSEN_BYTES, CHOSEN_SLOT)
    if (load<u32>(slot, SUB_MAX) != 0) atomic.sub<u32>(slot + SUB_RESERVED, 1)
  }
}

function chooseLink(first: u32, leafs: u32, name: u32, nameBytes: u32): void {
  let total: u64 = 0
  const end = first + (leafs << 4)
  for (let at = first; at < end; at += 16) total += <u64>load<u32>(at, 8)
  let left = total <= <u64>u32.MAX_VALUE ? <u64>randomBelow(<u32>total) : randomBelowWide(total)
  for (let at = first; at < end; at += 16) {
    const weight = <u64>load<u32>(at, 8)
    if (left < weight) {
      addName(load<u32>(at), load<u32>(at, 4), load<u32>(at, 12), name, nameBytes)
      return
    }
    left -= weight
  }
}

/** Peers tell their weights, and what they tell may add up to more than 32 bits. */
function randomBelowWide(bound: u64): u64 {
  const high = <u64>randomBelow(<u32>(bound >>> 16))
  return (high << 16) + <u64>randomBelow(1 << 16)
}

// ── leaf links ──────────────────────────────────────────────────────────────────────────────

/** A link that is not in the list yet; false without memory. */
@inline
function addLink(connection: u32, generation: u32, variant: u32): bool {
  if (linksCount == linksMax && !growLinks()) return false
  const at = links + linksCount * LINK_BYTES
  store<u32>(at, connection, LINK_CONNECTION)
  store<u32>(at, generation, LINK_GENERATION)
  store<u32>(at, 0, LINK_LAST_NAME)
  store<u32>(at, 0, LINK_NAMES_BYTES)
  store<u32>(at, variant, LINK_VARIANT)
  linksCount++
  return true
}

function growLinks(): bool {
  const used = linksCount * LINK_BYTES
  const larger = grown(links, used)
  if (larger == 0) {
    countOutOfMemory()
    return false
  }
  links = larger
  linksMax = (scratchBytes(used) << 1) / LINK_BYTES
  return true
}

/** Gives a link the name of a group that it was chosen for. */
function addName(
  connection: u32,
  generation: u32,
  variant: u32,
  name: u32,
  nameBytes: u32,
): void {
  let index: u32 = 0
  while (index < linksCount && !isLink(linkAt(index), connection, variant)) index++
  const before: u32 = index < linksCount ? load<u32>(linkAt(index), LINK_NAMES_BYTES) : 0
  const bytes = before == 0 ? nameBytes : before + 1 + nameBytes
  if (bytes > NAMES_BYTES_MAX || !hasRoomForName()) {
    countOutOfMemory()
    return
  }
  if (index == linksCount && !addLink(connection, generation, variant)) return
  const link = linkAt(index)
  const at = names + namesCount * NAME_BYTES
  store<u32>(at, name, NAME_AT)
  store<u32>(at, nameBytes, NAME_LENGTH)
  store<u32>(at, load<u32>(link, LINK_LAST_NAME), NAME_BEFORE)
  namesCount++
  store<u32>(link, namesCount, LINK_LAST_NAME)
  store<u32>(link, bytes, LINK_NAMES_BYTES)
}

@inline
function isLink(link: u32, connection: u32, variant: u32): bool {
  return (
    load<u32>(link, LINK_CONNECTION) == connection && load<u32>(link, LINK_VARIANT) == variant
  )
}

function hasRoomForName(): bool {
  if (namesCount < namesMax) return true
  const used = namesCount * NAME_BYTES
  const larger = grown(names, used)
  if (larger == 0) return false
  names = larger
  namesMax = (scratchBytes(used) << 1) / NAME_BYTES
  return true
}

@inline
export function linkAt(index: u32): u32 {
  return links + index * LINK_BYTES
}

/** Writes a link's names, blank separated; returns their bytes. */
@inline
export function writeNames(target: u32, link: u32): u32 {
  return load<u32>(link, LINK_NAMES_BYTES) == 0 ? 0 : writeAllNames(target, link)
}

function writeAllNames(target: u32, link: u32): u32 {
  let bytes: u32 = 0
  for (let number = load<u32>(link, LINK_LAST_NAME); number != 0; ) {
    const at = names + (number - 1) * NAME_BYTES
    if (bytes != 0) store<u8>(target + bytes++, 32)
    const nameBytes = load<u32>(at, NAME_LENGTH)
    copyShort(target + bytes, load<u32>(at, NAME_AT), nameBytes)
    bytes += nameBytes
    number = load<u32>(at, NAME_BEFORE)
  }
  return bytes
}

// ── links that permissions keep messages from ───────────────────────────────────────────────

function addKept(connection: u32, generation: u32): void {
  if (keptCount == keptMax) {
    const used = keptCount * KEPT_BYTES
    const larger = grown(kept, used)
    if (larger == 0) return // only the counter suffers
    kept = larger
    keptMax = (scratchBytes(used) << 1) / KEPT_BYTES
  }
  store<u32>(kept + keptCount * KEPT_BYTES, connection)
  store<u32>(kept + keptCount * KEPT_BYTES, generation, 4)
  keptCount++
}

/** Nobody took a group's message, and these links might have. */
function keepBack(first: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const connection = load<u32>(first + (i << 3))
    let known: u32 = 0
    while (known < keptCount && load<u32>(kept + known * KEPT_BYTES) != connection) known++
    if (known == keptCount) addKept(connection, load<u32>(first + (i << 3), 4))
  }
}

/** The message goes out: those who do not get it, or not for some group, are told so. */
@inline
export function countFiltered(): void {
  if (keptCount != 0) countKept()
}

function countKept(): void {
  for (let i: u32 = 0; i < keptCount; i++) {
    const at = kept + i * KEPT_BYTES
    const connection = load<u32>(at)
    if (atomic.load<u32>(connection + CONNECTION_GENERATION) != load<u32>(at, 4)) continue
    atomic.add<u64>(connection + CONNECTION_FILTERED, 1)
  }
}

/** Of what was kept back: (connection, generation); 0 behind the last. */
export function keptAt(index: u32): u32 {
  return index < keptCount ? kept + index * KEPT_BYTES : 0
}

/** Of the chosen members: (slot, generation, place); 0 behind the last. */
export function chosenAt(index: u32): u32 {
  return index < chosenCount ? chosen + index * CHOSEN_BYTES : 0
}

// ── members and links, as lane records list them ────────────────────────────────────────────

@inline
export function chosenOf(place: u32): u32 {
  if (chosenCount == 0) return 0
  let count: u32 = 0
  for (let i: u32 = 0; i < chosenCount; i++) {
    if (load<u32>(chosen + i * CHOSEN_BYTES, CHOSEN_PLACE) == place) count++
  }
  return count
}

@inline
export function firstChosen(place: u32): u32 {
  return chosenFrom(chosen, place)
}

@inline
export function nextChosen(member: u32, place: u32): u32 {
  return chosenFrom(member + CHOSEN_BYTES, place)
}

/** Address of the next chosen member in a place; 0 = there is none. */
function chosenFrom(member: u32, place: u32): u32 {
  const end = chosen + chosenCount * CHOSEN_BYTES
  for (; member < end; member += CHOSEN_BYTES) {
    if (load<u32>(member, CHOSEN_PLACE) == place) return member
  }
  return 0
}

/** Leaf links that get a variant of the message. */
@inline
export function linksOf(variant: u32): u32 {
  let count: u32 = 0
  for (let i: u32 = 0; i < linksCount; i++) {
    if (load<u32>(linkAt(i), LINK_VARIANT) == variant) count++
  }
  return count
}
