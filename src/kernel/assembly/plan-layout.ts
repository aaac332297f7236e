/** Writes plans: one block each, from the raw matches. Inside an epoch. */
import { allocate } from './arena'
import {
  BLOCK_BYTES,
  BLOCK_DATA,
  EXTRAS_BODY,
  EXTRAS_SERVICES,
  EXTRAS_VARIANTS,
  PLAN_ACCOUNT,
  PLAN_BODY,
  PLAN_BUCKET,
  PLAN_BYTES,
  PLAN_EXTRAS,
  PLAN_FILTERED,
  PLAN_GENERATION,
  PLAN_GROUPS,
  PLAN_GROUP_BYTES,
  PLAN_HAS_SERVICES,
  PLAN_HAS_VARIANTS,
  PLAN_IS_NEAR,
  PLAN_IS_WIDE,
  PLAN_LEAFS,
  PLAN_LOCALS,
  PLAN_REMOTES,
  PLAN_SUBJECT,
  PLAN_SUBJECT_BYTES,
  PLAN_TRAITS,
  PLAN_WILDCARD_GENERATION,
  PLACE_VARIANT_SHIFT,
  ROUTER_THREAD,
} from './layout'
import {
  FILTERED,
  groupedCount,
  mayRepeat,
  names,
  namesCount,
  NAME_AT,
  NAME_BYTES,
  NAME_ENTRY_BYTES,
  raw,
  rawCount,
  RAW_BYTES,
  RAW_GENERATION,
  RAW_GROUP,
  RAW_PLACE,
  RAW_TARGET,
  RAW_WEIGHT,
  services,
  servicesCount,
} from './matches'
import { check, copyShort } from './memory'
import { subject, subjectBytes } from './message'
import { beside, self, threadCount } from './thread'
import {
  copyVariantText,
  VARIANT_ACCOUNT,
  VARIANT_BUCKET,
  VARIANT_BYTES,
  VARIANT_FROM,
  VARIANT_GENERATION,
  VARIANT_TEXT_BYTES,
  VARIANT_TO,
  VARIANT_WILDCARD_GENERATION,
  variants,
  variantsCount,
} from './variants'

// Raw matches of the audience being written, addresses.
let first: u32 = 0
let end: u32 = 0

function padded(bytes: u32): u32 {
  return (bytes + 15) & ~15
}

/**
 * A plan of the raw matches, without key and generations; 0 without memory. Its texts are at the
 * end of the block, each with room for vector copies.
 */
export function layOutPlan(): u32 {
  let textBytes = padded(subjectBytes)
  for (let i: u32 = 0; i < namesCount; i++) {
    textBytes += padded(load<u32>(names + i * NAME_ENTRY_BYTES, NAME_BYTES))
  }
  for (let i: u32 = 0; i < variantsCount; i++) {
    textBytes += padded(load<u32>(variants + i * VARIANT_BYTES, VARIANT_TEXT_BYTES))
  }
  let copiedBytes: u32 = 0
  for (let i: u32 = 0; i < servicesCount; i++) {
    copiedBytes += importBytes(load<u32>(services + (i << 2)))
  }
  // A match takes 8 bytes, in a group at most 16; a section of a thread 8.
  const bytes =
    (variantsCount + 1) * (PLAN_BODY + threadCount * 8) +
    (rawCount - groupedCount) * 8 +
    groupedCount * 16 +
    namesCount * PLAN_GROUP_BYTES +
    EXTRAS_BODY +
    ((variantsCount + servicesCount) << 2) +
    copiedBytes +
    textBytes +
    16
  const plan = allocate(bytes)
  if (plan == 0) return 0
  store<u32>(plan, bytes, PLAN_BYTES)
  let text = (plan + bytes - textBytes) & ~15
  const texts = text
  store<u32>(plan, text, PLAN_SUBJECT)
  store<u32>(plan, subjectBytes, PLAN_SUBJECT_BYTES)
  copyShort(text, subject, subjectBytes)
  text += padded(subjectBytes)
  first = raw
  end = raw + (variantsCount == 0 ? rawCount : load<u32>(variants, VARIANT_FROM)) * RAW_BYTES
  let at = writeAudience(plan, 0)
  first = raw
  end = raw + rawCount * RAW_BYTES
  store<u32>(plan, namesCount, PLAN_GROUPS)
  if (namesCount != 0) store<u32>(plan, PLAN_IS_WIDE, PLAN_TRAITS)
  for (let i: u32 = 0; i < namesCount; i++) {
    const name = load<u32>(names + i * NAME_ENTRY_BYTES, NAME_AT)
    const length = load<u32>(names + i * NAME_ENTRY_BYTES, NAME_BYTES)
    copyShort(text, name, length)
    at = writeGroup(at, i + 1, text, length)
    text += padded(length)
  }
  if ((variantsCount | servicesCount) != 0) at = writeExtras(plan, at, text)
  check(at <= texts, 30)
  return plan
}

/** The plain targets among the raw matches at hand. Returns the end. */
function writeAudience(audience: u32, variant: u32): u32 {
  let at = audience + PLAN_BODY
  const base = variant << PLACE_VARIANT_SHIFT
  const localEnd = writePairs(at, base | self)
  store<u32>(audience, (localEnd - at) >>> 3, PLAN_LOCALS)
  at = localEnd
  let remotes: u32 = 0
  for (let thread: u32 = 0; thread < threadCount; thread++) {
    if (thread == self) continue
    const pairs = at + 8
    const pairsEnd = writePairs(pairs, base | thread)
    if (pairsEnd == pairs) continue
    store<u32>(at, thread)
    store<u32>(at, (pairsEnd - pairs) >>> 3, 4)
    at = pairsEnd
    remotes++
  }
  store<u32>(audience, remotes, PLAN_REMOTES)
  const leafEnd = writeLinks(at, 0, false)
  store<u32>(audience, (leafEnd - at) >>> 3, PLAN_LEAFS)
  const filteredEnd = writeLinks(leafEnd, 0, true)
  store<u32>(audience, (filteredEnd - leafEnd) >>> 3, PLAN_FILTERED)
  store<u32>(audience, 0, PLAN_GROUPS)
  store<u32>(audience, 0, PLAN_EXTRAS)
  store<u32>(audience, traitsOf(audience), PLAN_TRAITS)
  return filteredEnd
}

/** By whom the audience has beyond local plain subscriptions. */
function traitsOf(audience: u32): u32 {
  const remotes = load<u32>(audience, PLAN_REMOTES)
  const leafs = load<u32>(audience, PLAN_LEAFS)
  const filtered = load<u32>(audience, PLAN_FILTERED)
  if ((remotes | leafs | filtered) == 0) return 0
  if (remotes > 1 || leafs > 1 || filtered != 0) return PLAN_IS_WIDE
  if (remotes != 0) {
    const thread = load<u32>(audience + (load<u32>(audience, PLAN_LOCALS) << 3), PLAN_BODY)
    if (thread != beside) return PLAN_IS_WIDE
  }
  const hasLinksNear = self == ROUTER_THREAD || beside == ROUTER_THREAD
  return leafs == 0 || hasLinksNear ? PLAN_IS_NEAR : PLAN_IS_WIDE
}

/** Writes the (slot, generation) pairs of the plain subscriptions in one place. */
function writePairs(target: u32, place: u32): u32 {
  for (let at = first; at < end; at += RAW_BYTES) {
    if (load<u32>(at, RAW_GROUP) != 0 || load<u32>(at, RAW_WEIGHT) != 0) continue
    if (load<u32>(at, RAW_PLACE) != place) continue
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
  const from = target
  for (let at = first; at < end; at += RAW_BYTES) {
    const weight = load<u32>(at, RAW_WEIGHT)
    if (load<u32>(at, RAW_GROUP) != number || weight == 0) continue
    if ((weight == FILTERED) != areFiltered) continue
    const link = load<u32>(at, RAW_TARGET)
    if (isWritten(from, target, link)) continue
    store<u32>(target, link)
    store<u32>(target, load<u32>(at, RAW_GENERATION), 4)
    target += 8
  }
  return target
}

/**
 * Whether a link is among those of [from, to). A link has one entry on a node, and raw matches come
 * node by node: only links with several matching subjects are found.
 */
function isWritten(from: u32, to: u32, link: u32): bool {
  if (!mayRepeat && variantsCount == 0) return false
  for (let at = from; at < to; at += 8) if (load<u32>(at) == link) return true
  return false
}

function writeGroup(target: u32, number: u32, name: u32, nameBytes: u32): u32 {
  store<u32>(target, name)
  store<u32>(target, nameBytes, 4)
  const counts = target + 8
  target += PLAN_GROUP_BYTES
  let members: u32 = 0
  for (let at = first; at < end; at += RAW_BYTES) {
    if (load<u32>(at, RAW_GROUP) != number || load<u32>(at, RAW_WEIGHT) != 0) continue
    store<u32>(target, load<u32>(at, RAW_TARGET))
    store<u32>(target, load<u32>(at, RAW_GENERATION), 4)
    store<u32>(target, load<u32>(at, RAW_PLACE), 8)
    target += 12
    members++
  }
  let links: u32 = 0
  for (let at = first; at < end; at += RAW_BYTES) {
    const weight = load<u32>(at, RAW_WEIGHT)
    if (load<u32>(at, RAW_GROUP) != number || weight == 0 || weight == FILTERED) continue
    store<u32>(target, load<u32>(at, RAW_TARGET))
    store<u32>(target, load<u32>(at, RAW_GENERATION), 4)
    store<u32>(target, weight, 8)
    store<u32>(target, load<u32>(at, RAW_PLACE) >>> PLACE_VARIANT_SHIFT, 12)
    target += 16
    links++
  }
  const filtered = target
  target = writeLinks(target, number, true)
  store<u32>(counts, members)
  store<u32>(counts, links, 4)
  store<u32>(counts, (target - filtered) >>> 3, 8)
  return target
}

/** Bytes of an import's block, as copied. */
function importBytes(block: u32): u32 {
  return (load<u32>(block - BLOCK_DATA, BLOCK_BYTES) - BLOCK_DATA + 3) & ~3
}

/**
 * Variants and service imports. The blocks of the latter are copied: who reads them does so outside
 * of the epoch. Returns the end.
 */
function writeExtras(plan: u32, extras: u32, text: u32): u32 {
  store<u32>(extras, variantsCount, EXTRAS_VARIANTS)
  store<u32>(extras, servicesCount, EXTRAS_SERVICES)
  const list = extras + EXTRAS_BODY
  const blocks = list + (variantsCount << 2)
  let at = blocks + (servicesCount << 2)
  for (let i: u32 = 0; i < servicesCount << 2; i += 4) {
    const block = load<u32>(services + i)
    const bytes = importBytes(block)
    store<u32>(blocks + i, at)
    for (let n: u32 = 0; n < bytes; n += 4) store<u32>(at + n, load<u32>(block + n))
    at += bytes
  }
  for (let i: u32 = 0; i < variantsCount; i++) {
    const variant = variants + i * VARIANT_BYTES
    store<u32>(list + (i << 2), at)
    at = writeVariant(at, variant, i + 1, text)
    text += padded(load<u32>(variant, VARIANT_TEXT_BYTES))
  }
  const traits =
    load<u32>(plan, PLAN_TRAITS) |
    (variantsCount != 0 ? PLAN_HAS_VARIANTS : 0) |
    (servicesCount != 0 ? PLAN_HAS_SERVICES : 0)
  store<u32>(plan, traits, PLAN_TRAITS)
  store<u32>(plan, extras, PLAN_EXTRAS)
  return at
}

function writeVariant(audience: u32, variant: u32, number: u32, text: u32): u32 {
  first = raw + load<u32>(variant, VARIANT_FROM) * RAW_BYTES
  end = raw + load<u32>(variant, VARIANT_TO) * RAW_BYTES
  copyVariantText(text, variant)
  store<u32>(audience, load<u32>(variant, VARIANT_ACCOUNT), PLAN_ACCOUNT)
  store<u32>(audience, 0, PLAN_BYTES)
  store<u32>(audience, load<u32>(variant, VARIANT_TEXT_BYTES), PLAN_SUBJECT_BYTES)
  store<u32>(audience, text, PLAN_SUBJECT)
  store<u32>(audience, load<u32>(variant, VARIANT_BUCKET), PLAN_BUCKET)
  store<u32>(audience, load<u32>(variant, VARIANT_GENERATION), PLAN_GENERATION)
  const wildcard = load<u32>(variant, VARIANT_WILDCARD_GENERATION)
  store<u32>(audience, wildcard, PLAN_WILDCARD_GENERATION)
  return writeAudience(audience, number)
}
