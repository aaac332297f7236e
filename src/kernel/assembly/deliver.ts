/**
 * Carries out a plan: frames for this thread's subscriptions, one lane record for each other
 * thread, one line for each leaf link; and the same again for each variant of the message that
 * stream imports make of it.
 *
 * All or nothing: room in every lane is checked before the first frame is written, so that a
 * message held back for want of room is delivered once, later.
 */
import { allocate, comeBack, goBeside } from './arena'
import {
  chooseForGroups,
  chooseLinks,
  chosenCount,
  countFiltered,
  firstChosen,
  forgetChoices,
  formatChoices,
  giveUpChosen,
  LINK_CONNECTION,
  LINK_GENERATION,
  LINK_VARIANT,
  linkAt,
  linksCount,
  NAMES_BYTES_MAX,
  nextChosen,
  setTakesAllGroups,
  writeNames,
} from './choices'
import {
  CONNECTION_ACCOUNT,
  CONNECTION_GENERATION,
  EXTRAS_BODY,
  EXTRAS_SERVICES,
  EXTRAS_VARIANTS,
  PLAN_BODY,
  PLAN_EXTRAS,
  PLAN_FILTERED,
  PLAN_GROUPS,
  PLAN_HAS_SERVICES,
  PLAN_HAS_VARIANTS,
  PLAN_IS_MAPPED,
  PLAN_IS_NEAR,
  PLAN_IS_REFUSED,
  PLAN_KEY_IMPORTED,
  PLAN_KEY_TRUSTED,
  PLAN_LEAFS,
  PLAN_LOCALS,
  PLAN_REMOTES,
  PLAN_SUBJECT,
  PLAN_SUBJECT_BYTES,
  PLAN_TRAITS,
  PLACE_VARIANT_SHIFT,
  ROUTER_THREAD,
} from './layout'
import { TAKEN, TAKEN_REFUSED, takeDestination } from './mapped-plan'
import { queues, queuesBytes, setSubject, subject, subjectBytes } from './message'
import { frameForLeaf } from './frames'
import { planWithRoom, releaseUncached, uncachedPlan } from './plan'
import { PLAN_OUT_OF_MEMORY } from './plan-build'
import {
  behindSections,
  commitRemote,
  findWay,
  formatRecords,
  isDirect,
  remoteReceivers,
  sectionCount,
  sectionOf,
} from './records'
import { deliverLocal, deliverTo } from './targets'
import { beside, self } from './thread'

/** There is no sublist to match against; nothing was delivered. */
export const DELIVER_NO_SUBLIST: i32 = -2
/** The source may not send on this subject; nothing was delivered. */
export const DELIVER_FORBIDDEN: i32 = -3

/**
 * Service imports that the message matches: address and number of the addresses of copies of their
 * blocks. They are to be read before the next message is delivered, and before plans are dropped.
 */
export let services: u32 = 0
export let serviceCount: u32 = 0

/**
 * Plan of the last message if it is kept, and says all about where a message goes: to this thread's
 * subscriptions, and as deliverNear does.
 */
export let plainPlan: u32 = 0

/** The names on one link's line. */
let namesText: u32 = 0

export function formatDelivery(): bool {
  namesText = allocate(NAMES_BYTES_MAX)
  return namesText != 0 && formatChoices() && formatRecords()
}

/**
 * Delivers the message at hand.
 * @param source connection it came from
 * @param bits PLAN_KEY_TRUSTED, PLAN_KEY_IMPORTED, 0
 * @returns number of receivers (a leaf link or another thread's record counts each target as one),
 *   or DELIVER_LANE_FULL, DELIVER_NO_SUBLIST, DELIVER_FORBIDDEN
 */
export function deliver(source: u32, bits: u32): i32 {
  serviceCount = 0
  plainPlan = 0
  const plan = planWithRoom(source, bits)
  if (plan <= PLAN_OUT_OF_MEMORY) return plan == PLAN_OUT_OF_MEMORY ? 0 : DELIVER_NO_SUBLIST
  const traits = load<u32>(plan, PLAN_TRAITS)
  const isPlain = traits == 0 || (traits == PLAN_IS_NEAR && findWay())
  if (isPlain && uncachedPlan == 0) plainPlan = plan
  const delivered =
    traits != 0 ? deliverWide(plan, traits, source, bits) : deliverLocal(plan, source)
  if (serviceCount == 0) releaseUncached()
  return delivered
}

/** More than local plain subscriptions. */
function deliverWide(plan: u32, traits: u32, source: u32, bits: u32): i32 {
  if (traits == PLAN_IS_NEAR && findWay()) return deliverNear(plan, source)
  if ((traits & PLAN_IS_REFUSED) != 0) return DELIVER_FORBIDDEN
  if ((traits & PLAN_IS_MAPPED) != 0) return deliverMapped(plan, source)
  if ((bits & PLAN_KEY_IMPORTED) != 0) setTakesAllGroups(queuesBytes == 0)
  const delivered = deliverAudience(plan, traits, source)
  setTakesAllGroups(false)
  if (delivered >= 0 && (traits & PLAN_HAS_SERVICES) != 0) findServices(plan)
  return delivered
}

/** Nothing to choose, and no lane to write to. Hot, with leaf links. */
export function deliverNear(plan: u32, source: u32): i32 {
  let delivered = deliverLocal(plan, source)
  let at = plan + PLAN_BODY + (load<u32>(plan, PLAN_LOCALS) << 3)
  const hasRemotes = load<u32>(plan, PLAN_REMOTES) != 0
  const hasLink = load<u32>(plan, PLAN_LEAFS) != 0
  if (hasRemotes || self != ROUTER_THREAD) {
    goBeside()
    if (hasRemotes) {
      const end = at + 8 + (load<u32>(at, 4) << 3)
      for (at += 8; at < end; at += 8) {
        if (deliverTo(load<u32>(at), load<u32>(at, 4), 0) != 0) delivered++
      }
    }
    if (hasLink && self != ROUTER_THREAD) delivered += deliverLink(at)
    comeBack()
  }
  if (hasLink && self == ROUTER_THREAD) delivered += deliverLink(at)
  return delivered
}

@inline
function deliverLink(at: u32): i32 {
  const connection = load<u32>(at)
  if (load<u32>(connection, CONNECTION_GENERATION) != load<u32>(at, 4)) return 0
  return frameForLeaf(connection, 0, 0) != 0 ? 1 : 0
}

export function findServices(plan: u32): void {
  const extras = load<u32>(plan, PLAN_EXTRAS)
  services = extras + EXTRAS_BODY + (load<u32>(extras, EXTRAS_VARIANTS) << 2)
  serviceCount = load<u32>(extras, EXTRAS_SERVICES)
}

export function forgetServices(): void {
  serviceCount = 0
}

/** The message gets another subject and goes on with the plan of that. */
function deliverMapped(plan: u32, source: u32): i32 {
  const taken = takeDestination(plan)
  releaseUncached()
  if (taken == TAKEN_REFUSED) return DELIVER_FORBIDDEN
  if (taken != TAKEN) return 0
  const next = planWithRoom(source, PLAN_KEY_TRUSTED)
  if (next <= PLAN_OUT_OF_MEMORY) return next == PLAN_OUT_OF_MEMORY ? 0 : DELIVER_NO_SUBLIST
  const traits = load<u32>(next, PLAN_TRAITS)
  setTakesAllGroups(queuesBytes == 0)
  const delivered = deliverWide(next, traits, source, 0)
  setTakesAllGroups(false)
  return delivered
}

function deliverAudience(plan: u32, traits: u32, source: u32): i32 {
  chooseAudience(plan, traits, source)
  return deliverToAudience(plan, traits, source)
}

@inline
export function chooseAudience(plan: u32, traits: u32, source: u32): void {
  forgetChoices()
  const hasVariants = (traits & PLAN_HAS_VARIANTS) != 0
  const hasChoices =
    load<u32>(plan, PLAN_LEAFS) | load<u32>(plan, PLAN_GROUPS) | load<u32>(plan, PLAN_FILTERED)
  if (hasChoices != 0 || hasVariants) choose(plan, source, hasVariants)
}

/** To the plan's subscriptions, and to what was chosen. */
@inline
export function deliverToAudience(plan: u32, traits: u32, source: u32): i32 {
  const hasVariants = (traits & PLAN_HAS_VARIANTS) != 0
  const account = load<u32>(source, CONNECTION_ACCOUNT)
  findWay()
  const receivers = remoteReceivers(plan, account)
  if (receivers < 0) {
    giveUpChosen()
    return receivers
  }
  countFiltered()
  let delivered = deliverHere(plan, 0, source)
  if (hasVariants) delivered += deliverVariants(plan, source)
  if (receivers == 0) return delivered
  return delivered + commitRemote()
}

function choose(plan: u32, source: u32, hasVariants: bool): void {
  const at = chooseLinks(plan, behindSections(plan), 0)
  if (hasVariants) {
    const extras = load<u32>(plan, PLAN_EXTRAS)
    for (let i: u32 = 0; i < load<u32>(extras, EXTRAS_VARIANTS); i++) {
      const variant = load<u32>(extras + EXTRAS_BODY + (i << 2))
      chooseLinks(variant, behindSections(variant), i + 1)
    }
  }
  if (load<u32>(plan, PLAN_GROUPS) != 0) chooseForGroups(plan, at, source)
}

/** To the receivers of this event loop, of the plan's own audience or of a variant. */
function deliverHere(audience: u32, variant: u32, source: u32): i32 {
  let delivered = deliverLocal(audience, source)
  if (chosenCount != 0) delivered += deliverChosen(self | (variant << PLACE_VARIANT_SHIFT))
  if (self == ROUTER_THREAD) delivered += deliverLinks(variant)
  if (isDirect) delivered += deliverBeside(audience, variant)
  return delivered
}

/** To the receivers of the thread beside this one: in its memory, as if it were that one. */
function deliverBeside(audience: u32, variant: u32): i32 {
  const links: u32 = beside == ROUTER_THREAD ? linksCount : 0
  if ((load<u32>(audience, PLAN_REMOTES) | links | chosenCount) == 0) return 0
  let delivered: i32 = 0
  goBeside()
  let at = sectionOf(audience, beside)
  for (const end = at + (sectionCount << 3); at < end; at += 8) {
    if (deliverTo(load<u32>(at), load<u32>(at, 4), 0) != 0) delivered++
  }
  if (chosenCount != 0) delivered += deliverChosen(beside | (variant << PLACE_VARIANT_SHIFT))
  if (links != 0) delivered += deliverLinks(variant)
  comeBack()
  return delivered
}

/** The message at hand to a leaf link of the thread beside this one. */
export function deliverLinkBeside(link: u32): void {
  goBeside()
  frameForLeaf(link, queues, queuesBytes)
  comeBack()
}

/** Under the subjects that they see. */
function deliverVariants(plan: u32, source: u32): i32 {
  let delivered: i32 = 0
  const own = subject
  const ownBytes = subjectBytes
  const extras = load<u32>(plan, PLAN_EXTRAS)
  for (let i: u32 = 0; i < load<u32>(extras, EXTRAS_VARIANTS); i++) {
    const variant = load<u32>(extras + EXTRAS_BODY + (i << 2))
    setSubject(load<u32>(variant, PLAN_SUBJECT), load<u32>(variant, PLAN_SUBJECT_BYTES))
    delivered += deliverHere(variant, i + 1, source)
  }
  setSubject(own, ownBytes)
  return delivered
}

function deliverChosen(place: u32): i32 {
  let delivered: i32 = 0
  let member = firstChosen(place)
  for (; member != 0; member = nextChosen(member, place)) {
    if (deliverTo(load<u32>(member), load<u32>(member, 4), 0) != 0) delivered++
  }
  return delivered
}

function deliverLinks(variant: u32): i32 {
  let delivered: i32 = 0
  for (let i: u32 = 0; i < linksCount; i++) {
    const link = linkAt(i)
    if (load<u32>(link, LINK_VARIANT) != variant) continue
    const connection = load<u32>(link, LINK_CONNECTION)
    const generation = load<u32>(link, LINK_GENERATION)
    if (load<u32>(connection, CONNECTION_GENERATION) != generation) continue
    if (frameForLeaf(connection, namesText, writeNames(namesText, link)) != 0) delivered++
  }
  return delivered
}
