/**
 * Carries out a plan: frames for this thread's subscriptions, one lane record for each other
 * thread, one line for each leaf link.
 *
 * All or nothing: room in every lane is checked before the first frame is written, so that a
 * message held back for want of room is delivered once, later.
 */
import { allocate } from './arena'
import {
  choose,
  chosenCount,
  countFiltered,
  firstChosen,
  forgetChoices,
  formatChoices,
  giveUpChosen,
  LINK_CONNECTION,
  LINK_GENERATION,
  linkAt,
  linksCount,
  NAMES_BYTES_MAX,
  nextChosen,
  writeNames,
} from './choices'
import {
  CONNECTION_GENERATION,
  PLAN_FILTERED,
  PLAN_GROUPS,
  PLAN_LEAFS,
  PLAN_REFUSED,
  PLAN_REMOTES,
  ROUTER_THREAD,
} from './layout'
import { frameForLeaf } from './outbound'
import { planWithRoom, PLAN_OUT_OF_MEMORY, releaseUncached } from './plan'
import { behindSections, commitRemote, formatRecords, remoteReceivers } from './records'
import { deliverLocal, deliverTo } from './targets'
import { self } from './thread'

/** There is no sublist to match against; nothing was delivered. */
export const DELIVER_NO_SUBLIST: i32 = -2
/** The source may not send on this subject; nothing was delivered. */
export const DELIVER_FORBIDDEN: i32 = -3

/** The names on one link's line. */
let namesText: u32 = 0

export function formatDelivery(): bool {
  namesText = allocate(NAMES_BYTES_MAX)
  return namesText != 0 && formatChoices() && formatRecords()
}

/**
 * Delivers the message at hand.
 * @param source connection it came from
 * @returns number of receivers (a leaf link or another thread's record counts each target as one),
 *   or DELIVER_LANE_FULL, DELIVER_NO_SUBLIST, DELIVER_FORBIDDEN
 */
export function deliver(source: u32): i32 {
  const plan = planWithRoom(source)
  if (plan <= PLAN_OUT_OF_MEMORY) return plan == PLAN_OUT_OF_MEMORY ? 0 : DELIVER_NO_SUBLIST
  const wide =
    load<u32>(plan, PLAN_REMOTES) |
    load<u32>(plan, PLAN_LEAFS) |
    load<u32>(plan, PLAN_GROUPS) |
    load<u32>(plan, PLAN_FILTERED) |
    load<u32>(plan, PLAN_REFUSED)
  const delivered = wide != 0 ? deliverWide(plan, source) : deliverLocal(plan, source)
  releaseUncached()
  return delivered
}

/** More than local plain subscriptions. */
function deliverWide(plan: u32, source: u32): i32 {
  if (load<u32>(plan, PLAN_REFUSED) != 0) return DELIVER_FORBIDDEN
  forgetChoices()
  const hasChoices =
    load<u32>(plan, PLAN_LEAFS) | load<u32>(plan, PLAN_GROUPS) | load<u32>(plan, PLAN_FILTERED)
  if (hasChoices != 0) choose(plan, behindSections(plan), source)
  const receivers = remoteReceivers(plan)
  if (receivers < 0) {
    giveUpChosen()
    return receivers
  }
  countFiltered()
  let delivered = deliverLocal(plan, source)
  if (chosenCount != 0) delivered += deliverChosen()
  if (self == ROUTER_THREAD) delivered += deliverLinks()
  if (receivers == 0) return delivered
  return delivered + commitRemote()
}

function deliverChosen(): i32 {
  let delivered: i32 = 0
  let member = firstChosen(self)
  for (; member != 0; member = nextChosen(member, self)) {
    if (deliverTo(load<u32>(member), load<u32>(member, 4), 0)) delivered++
  }
  return delivered
}

function deliverLinks(): i32 {
  let delivered: i32 = 0
  for (let i: u32 = 0; i < linksCount; i++) {
    const link = linkAt(i)
    const connection = load<u32>(link, LINK_CONNECTION)
    const generation = load<u32>(link, LINK_GENERATION)
    if (load<u32>(connection, CONNECTION_GENERATION) != generation) continue
    if (frameForLeaf(connection, namesText, writeNames(namesText, link))) delivered++
  }
  return delivered
}
