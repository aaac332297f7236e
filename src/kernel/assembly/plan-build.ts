/** Builds plans, inside an epoch: who may send, whose interest matches, where it goes on. */
import { accountNumber, bucketOfSubject } from './accounts'
import {
  ACCOUNT_MAPPINGS,
  ACCOUNT_WILDCARD,
  CONNECTION_ACCOUNT,
  CONNECTION_FLAGS,
  CONNECTION_INCOMING,
  CONNECTION_KIND,
  FLAG_SPOKE,
  KIND_LEAF,
  PLAN_BUCKET,
  PLAN_GENERATION,
  PLAN_IS_REFUSED,
  PLAN_KEY,
  PLAN_KEY_RELAYED,
  PLAN_KEY_TRUSTED,
  PLAN_SOURCE,
  PLAN_TRAITS,
  PLAN_WILDCARD_GENERATION,
  SUBLIST_ROOT,
} from './layout'
import { buildMapped, forgetMapping, formatMapping, NOT_MAPPED } from './mapped-plan'
import {
  forgetMatches,
  formatMatches,
  GATHERED,
  GATHERED_NO_SUBLIST,
  gatherAudience,
  streamsCount,
} from './matches'
import { subject, subjectBytes } from './message'
import { gatewayPrefixBytes, isServiceReply, permits, permitsClient } from './permissions'
import { layOutPlan } from './plan-layout'
import { sublist } from './thread'
import { forgetVariants, formatVariants, gatherVariants } from './variants'

/** No sublist to match: the routing worker is being replaced. */
export const PLAN_NONE: u32 = 0
/** No memory left for it. */
export const PLAN_OUT_OF_MEMORY: u32 = 1

export function formatPlans(): bool {
  return formatMatches() && formatVariants() && formatMapping()
}

/** A plan for the message at hand, PLAN_NONE or PLAN_OUT_OF_MEMORY. */
export function build(connection: u32, key: u32): u32 {
  forgetMapping()
  // As long as this epoch lasts, what is there now stays readable.
  if (atomic.load<u32>(sublist + SUBLIST_ROOT) == 0) return PLAN_NONE
  const account = load<u32>(connection, CONNECTION_ACCOUNT)
  const bucket = bucketOfSubject(account, subject, subjectBytes)
  // Before the match: a change during the match leaves the plan out of date, never wrong.
  const generation = atomic.load<u32>(bucket)
  const wildcard = atomic.load<u32>(account + ACCOUNT_WILDCARD)
  const plan = buildFrom(connection, account, key)
  if (plan <= PLAN_OUT_OF_MEMORY) return plan
  store<u32>(plan, key, PLAN_KEY)
  store<u32>(plan, accountNumber(account), PLAN_SOURCE)
  store<u32>(plan, bucket, PLAN_BUCKET)
  store<u32>(plan, generation, PLAN_GENERATION)
  store<u32>(plan, wildcard, PLAN_WILDCARD_GENERATION)
  return plan
}

function buildFrom(connection: u32, account: u32, key: u32): u32 {
  forgetMatches()
  forgetVariants()
  if ((key & (PLAN_KEY_TRUSTED | PLAN_KEY_RELAYED)) == 0) {
    const isClient = load<u32>(connection, CONNECTION_KIND) != KIND_LEAF
    // A leaf link may send the subjects on its wire, a client those that they become.
    if (!isClient && !mayComeFrom(connection)) return refusal()
    const mappings = atomic.load<u32>(account + ACCOUNT_MAPPINGS)
    if (mappings != 0) {
      const plan = buildMapped(mappings, connection, isClient)
      if (plan != NOT_MAPPED) return plan == 0 ? PLAN_OUT_OF_MEMORY : plan
    }
    if (isClient && !mayPublish(connection)) return refusal()
  }
  let how = gatherAudience(connection, key, account, 0, subject, subjectBytes)
  if (how == GATHERED && streamsCount != 0) how = gatherVariants(connection, key)
  if (how != GATHERED) return how == GATHERED_NO_SUBLIST ? PLAN_NONE : PLAN_OUT_OF_MEMORY
  const plan = layOutPlan()
  return plan == 0 ? PLAN_OUT_OF_MEMORY : plan
}

/** A plan of nobody. */
function refusal(): u32 {
  const plan = layOutPlan()
  if (plan == 0) return PLAN_OUT_OF_MEMORY
  store<u32>(plan, PLAN_IS_REFUSED, PLAN_TRAITS)
  return plan
}

function mayPublish(client: u32): bool {
  return permitsClient(load<u32>(client, CONNECTION_INCOMING), subject, subjectBytes)
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
