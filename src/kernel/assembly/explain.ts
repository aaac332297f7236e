/**
 * Delivers a message and says to whom: for messages that are traced or tapped. The plan is made
 * for this one message, so that subscriptions can be noted that are in no plan.
 *
 * Leaf links may be left to TypeScript, which gives each of them headers of its own.
 */
import { allocate } from './arena'
import {
  chooseThisLink,
  chosenAt,
  forgetLinks,
  giveUpChosen,
  keptAt,
  LINK_CONNECTION,
  LINK_GENERATION,
  LINK_NAMES_BYTES,
  LINK_VARIANT,
  linkAt,
  linksCount,
  setTakesAllGroups,
  writeNames,
} from './choices'
import {
  chooseAudience,
  DELIVER_FORBIDDEN,
  DELIVER_NO_SUBLIST,
  deliverToAudience,
  findServices,
  forgetServices,
  deliverLinkBeside,
} from './deliver'
import { clearExplained, note, roomForText } from './explained-list'
import { conclude } from './ingest'
import {
  CONNECTION_ACCOUNT,
  CONNECTION_FLAGS,
  CONNECTION_GENERATION,
  EXPLAIN_DRY,
  EXPLAIN_KEEPS_LINKS,
  EXPLAINED_ECHO,
  EXPLAINED_KEPT,
  EXPLAINED_LINK,
  EXPLAINED_MEMBER,
  EXPLAINED_PLAIN,
  EXPLAINED_TEXT,
  EXPLAINED_TEXT_BYTES,
  EXPLAINED_VARIANT,
  EXTRAS_BODY,
  EXTRAS_VARIANTS,
  FLAG_ECHO,
  PLACE_VARIANT_SHIFT,
  PLAN_ACCOUNT,
  PLAN_BODY,
  PLAN_EXTRAS,
  PLAN_GROUP_BYTES,
  PLAN_GROUPS,
  PLAN_HAS_SERVICES,
  PLAN_HAS_VARIANTS,
  PLAN_IS_MAPPED,
  PLAN_IS_REFUSED,
  PLAN_FILTERED,
  PLAN_KEY_IMPORTED,
  PLAN_KEY_TRUSTED,
  PLAN_LEAFS,
  PLAN_LOCALS,
  PLAN_REMOTES,
  PLAN_SUBJECT,
  PLAN_SUBJECT_BYTES,
  PLAN_TRAITS,
  ROUTER_THREAD,
  SUB_CONNECTION,
} from './layout'
import { TAKEN, TAKEN_REFUSED, takeDestination } from './mapped-plan'
import { setNotesDenied } from './matches'
import { queues, queuesBytes } from './message'
import { frameForLeaf } from './frames'
import { planForOnce, releaseUncached } from './plan'
import { PLAN_OUT_OF_MEMORY } from './plan-build'
import { behindSections, commitRemote, findWay, remoteReceivers } from './records'
import { beside, self } from './thread'
import { VARIANT_BLOCK, VARIANT_BYTES, variants } from './variants'

/** The subject was mapped: `subject` is what it became. */
export let isMapped: bool = false

/** A plan of nobody, for what goes to one link alone; 0 = there was none to send yet. */
let emptyPlan: u32 = 0

/**
 * As publish, of the message at hand; whom it concerns is listed in `explained`. Variants and their
 * subjects are good until the next message.
 * @param how bits of EXPLAIN_*
 */
export function publishExplained(source: u32, bits: u32, how: u32): bool {
  isMapped = false
  forgetServices()
  if (!clearExplained()) return conclude(source, 0)
  setNotesDenied(true)
  const receivers = explain(source, bits, how)
  setNotesDenied(false)
  setTakesAllGroups(false)
  return conclude(source, receivers)
}

function explain(source: u32, bits: u32, how: u32): i32 {
  let plan = planForOnce(source, bits)
  if (plan <= PLAN_OUT_OF_MEMORY) return plan == PLAN_OUT_OF_MEMORY ? 0 : DELIVER_NO_SUBLIST
  let takesAllGroups = (bits & PLAN_KEY_IMPORTED) != 0
  if ((load<u32>(plan, PLAN_TRAITS) & PLAN_IS_MAPPED) != 0) {
    isMapped = true
    const taken = takeDestination(plan)
    releaseUncached()
    if (taken == TAKEN_REFUSED) return DELIVER_FORBIDDEN
    if (taken != TAKEN) return 0
    plan = planForOnce(source, PLAN_KEY_TRUSTED)
    if (plan <= PLAN_OUT_OF_MEMORY) return plan == PLAN_OUT_OF_MEMORY ? 0 : DELIVER_NO_SUBLIST
    takesAllGroups = true
  }
  const traits = load<u32>(plan, PLAN_TRAITS)
  if ((traits & PLAN_IS_REFUSED) != 0) return DELIVER_FORBIDDEN
  if (takesAllGroups) setTakesAllGroups(queuesBytes == 0)
  chooseAudience(plan, traits, source)
  const exclude = (load<u32>(source, CONNECTION_FLAGS) & FLAG_ECHO) != 0 ? 0 : source
  const concerned = noteAudiences(plan, traits, exclude)
  let receivers: i32 = concerned
  if ((how & EXPLAIN_DRY) != 0) {
    giveUpChosen()
  } else {
    const links = linksCount
    if ((how & EXPLAIN_KEEPS_LINKS) != 0) forgetLinks()
    receivers = deliverToAudience(plan, traits, source)
    if (receivers >= 0 && (how & EXPLAIN_KEEPS_LINKS) != 0) receivers += <i32>links
  }
  if (receivers >= 0 && (traits & PLAN_HAS_SERVICES) != 0) findServices(plan)
  return receivers
}

// ── notes ───────────────────────────────────────────────────────────────────────────────────

/** Returns how many would get it. */
function noteAudiences(plan: u32, traits: u32, exclude: u32): i32 {
  let count = notePlain(plan, 0, exclude)
  if ((traits & PLAN_HAS_VARIANTS) != 0) {
    const extras = load<u32>(plan, PLAN_EXTRAS)
    for (let i: u32 = 0; i < load<u32>(extras, EXTRAS_VARIANTS); i++) {
      const variant = load<u32>(extras + EXTRAS_BODY + (i << 2))
      noteVariant(variant, i)
      count += notePlain(variant, i + 1, exclude)
    }
  }
  if (exclude != 0 && load<u32>(plan, PLAN_GROUPS) != 0) noteEchoes(plan, exclude)
  for (let i: u32 = 0; chosenAt(i) != 0; i++, count++) {
    const member = chosenAt(i)
    note(EXPLAINED_MEMBER, load<u32>(member, 8), load<u32>(member), load<u32>(member, 4))
  }
  for (let i: u32 = 0; i < linksCount; i++, count++) noteLink(linkAt(i))
  for (let i: u32 = 0; keptAt(i) != 0; i++) {
    note(EXPLAINED_KEPT, ROUTER_THREAD, load<u32>(keptAt(i)), load<u32>(keptAt(i), 4))
  }
  return count
}

function notePlain(audience: u32, variant: u32, exclude: u32): i32 {
  let at = audience + PLAN_BODY
  const base = variant << PLACE_VARIANT_SHIFT
  let count = notePairs(at, load<u32>(audience, PLAN_LOCALS), base | self, exclude)
  at += load<u32>(audience, PLAN_LOCALS) << 3
  for (let i = load<u32>(audience, PLAN_REMOTES); i > 0; i--) {
    const pairs = load<u32>(at, 4)
    count += notePairs(at + 8, pairs, base | load<u32>(at), 0)
    at += 8 + (pairs << 3)
  }
  return count
}

function notePairs(at: u32, pairs: u32, place: u32, exclude: u32): i32 {
  let count: i32 = 0
  for (const end = at + (pairs << 3); at < end; at += 8) {
    const slot = load<u32>(at)
    note(EXPLAINED_PLAIN, place, slot, load<u32>(at, 4))
    if (exclude == 0 || load<u32>(slot, SUB_CONNECTION) != exclude) count++
  }
  return count
}

function noteVariant(variant: u32, index: u32): void {
  const block = load<u32>(variants + index * VARIANT_BYTES, VARIANT_BLOCK)
  const account = load<u32>(variant, PLAN_ACCOUNT)
  const at = note(EXPLAINED_VARIANT, (index + 1) << PLACE_VARIANT_SHIFT, account, block)
  if (at == 0) return
  store<u32>(at, load<u32>(variant, PLAN_SUBJECT), EXPLAINED_TEXT)
  store<u32>(at, load<u32>(variant, PLAN_SUBJECT_BYTES), EXPLAINED_TEXT_BYTES)
}

/** The publisher's own members: had one been chosen, it would have been passed over. */
function noteEchoes(plan: u32, exclude: u32): void {
  let at = behindSections(plan)
  at += (load<u32>(plan, PLAN_LEAFS) + load<u32>(plan, PLAN_FILTERED)) << 3
  for (let i = load<u32>(plan, PLAN_GROUPS); i > 0; i--) {
    const end = at + PLAN_GROUP_BYTES + load<u32>(at, 8) * 12
    for (let member = at + PLAN_GROUP_BYTES; member < end; member += 12) {
      const slot = load<u32>(member)
      if (load<u32>(slot, SUB_CONNECTION) != exclude) continue
      note(EXPLAINED_ECHO, load<u32>(member, 8), slot, load<u32>(member, 4))
    }
    at = end + (load<u32>(at, 12) << 4) + (load<u32>(at, 16) << 3)
  }
}

function noteLink(link: u32): void {
  const place = ROUTER_THREAD | (load<u32>(link, LINK_VARIANT) << PLACE_VARIANT_SHIFT)
  const target = load<u32>(link, LINK_CONNECTION)
  const at = note(EXPLAINED_LINK, place, target, load<u32>(link, LINK_GENERATION))
  const bytes = load<u32>(link, LINK_NAMES_BYTES)
  if (at == 0 || bytes == 0) return
  const room = roomForText(at, bytes)
  if (room != 0) writeNames(room, link)
}

// ── leaf links, one by one ──────────────────────────────────────────────────────────────────

/**
 * The message at hand, to one leaf link; its `queues` are the groups the link was chosen for.
 * @returns false when it must be tried again: the lane has no room
 */
export function publishToLink(source: u32, link: u32, generation: u32): bool {
  const isBeside = beside == ROUTER_THREAD && findWay()
  if (self == ROUTER_THREAD || isBeside) {
    if (load<u32>(link, CONNECTION_GENERATION) != generation) return true
    if (isBeside) deliverLinkBeside(link)
    else frameForLeaf(link, queues, queuesBytes)
    return true
  }
  if (emptyPlan == 0) {
    emptyPlan = allocate(PLAN_BODY)
    if (emptyPlan == 0) return true
    for (let i: u32 = 0; i < PLAN_BODY; i += 4) store<u32>(emptyPlan + i, 0)
  }
  if (!chooseThisLink(link, generation, queues, queuesBytes)) return true
  const receivers = remoteReceivers(emptyPlan, load<u32>(source, CONNECTION_ACCOUNT))
  if (receivers > 0) commitRemote()
  return receivers >= 0
}
