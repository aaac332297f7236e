/**
 * Plans: the audience of a subject, found once and kept until the interest it rests on changes.
 *
 * A plan carries the generations it was built at, of its first token and of its account's leading
 * wildcards, and those of the accounts that import it; and (slot, generation) pairs instead of
 * pointers, so it can be wrong about nothing: a changed interest voids it, a removed subscription
 * is skipped.
 */
import { release } from './arena'
import {
  ACCOUNT_WILDCARD,
  ARENA_PLANS,
  CONNECTION_ACCOUNT,
  CONNECTION_PLAN_KEY,
  EXTRAS_BODY,
  EXTRAS_VARIANTS,
  PLAN_ACCOUNT,
  PLAN_BUCKET,
  PLAN_BYTES,
  PLAN_CACHED_BYTES_MAX,
  PLAN_EXTRAS,
  PLAN_GENERATION,
  PLAN_HAS_VARIANTS,
  PLAN_KEY,
  PLAN_MSGS,
  PLAN_SETS,
  PLAN_SET_BYTES,
  PLAN_SUBJECT,
  PLAN_SUBJECT_BYTES,
  PLAN_TRAITS,
  PLAN_WILDCARD_GENERATION,
  SUBLIST_EPOCH,
  THREAD_EPOCH,
  THREAD_PLAN_HITS,
  THREAD_PLAN_MISSES,
} from './layout'
import { isVolatile } from './mapped-plan'
import { rawCount } from './matches'
import { hashBytes, isEqual } from './memory'
import { subject, subjectBytes } from './message'
import { mayMatch, spend } from './pace'
import { build, PLAN_NONE, PLAN_OUT_OF_MEMORY } from './plan-build'
import { visits } from './sublist'
import { arena, sublist, threadBlock } from './thread'

/** A plan that is not in the cache, to be released by `releaseUncached`. */
export let uncachedPlan: u32 = 0

export function releaseUncached(): void {
  if (uncachedPlan != 0) {
    release(uncachedPlan, load<u32>(uncachedPlan, PLAN_BYTES))
    uncachedPlan = 0
  }
}

// ── look-up ─────────────────────────────────────────────────────────────────────────────────

/**
 * The audience of the message at hand. Hot.
 * @param bits of PLAN_KEY_*, beside the connection's own key
 * @returns a plan, PLAN_NONE or PLAN_OUT_OF_MEMORY
 */
export function planFor(connection: u32, bits: u32): u32 {
  const key = load<u32>(connection, CONNECTION_PLAN_KEY) | bits
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
      if (isCurrent(plan, load<u32>(connection, CONNECTION_ACCOUNT))) {
        countHits(plan, 1)
        return plan
      }
      const msgs = load<u32>(plan, PLAN_MSGS)
      release(plan, load<u32>(plan, PLAN_BYTES))
      store<u32>(set + way, 0)
      return addPlan(connection, key, hash, set + way, msgs)
    }
  }
  return addPlan(connection, key, hash, set + vacantWay(set, hash), 0)
}

/** A plan was found for so many messages. */
@inline
export function countHits(plan: u32, messages: u32): void {
  const hits = load<u64>(threadBlock, THREAD_PLAN_HITS) + messages
  store<u64>(threadBlock, hits, THREAD_PLAN_HITS)
  store<u32>(plan, load<u32>(plan, PLAN_MSGS) + messages, PLAN_MSGS)
}

@inline
export function isCurrent(plan: u32, account: u32): bool {
  return (
    isFresh(plan, account) &&
    ((load<u32>(plan, PLAN_TRAITS) & PLAN_HAS_VARIANTS) == 0 || areVariantsFresh(plan))
  )
}

@inline
function isFresh(audience: u32, account: u32): bool {
  return (
    atomic.load<u32>(load<u32>(audience, PLAN_BUCKET)) == load<u32>(audience, PLAN_GENERATION) &&
    atomic.load<u32>(account + ACCOUNT_WILDCARD) ==
      load<u32>(audience, PLAN_WILDCARD_GENERATION)
  )
}

function areVariantsFresh(plan: u32): bool {
  const extras = load<u32>(plan, PLAN_EXTRAS)
  const list = extras + EXTRAS_BODY
  for (let i: u32 = 0; i < load<u32>(extras, EXTRAS_VARIANTS); i++) {
    const variant = load<u32>(list + (i << 2))
    if (!isFresh(variant, load<u32>(variant, PLAN_ACCOUNT))) return false
  }
  return true
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

/** @param msgs that were counted for the plan in whose place it comes */
function addPlan(connection: u32, key: u32, hash: u32, place: u32, msgs: u32): u32 {
  // What a message before this one left for its sender to read.
  releaseUncached()
  if (!mayMatch()) return PLAN_NONE
  const visited = visits
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_PLAN_MISSES) + 1, THREAD_PLAN_MISSES)
  atomic.store<u32>(threadBlock + THREAD_EPOCH, atomic.load<u32>(sublist + SUBLIST_EPOCH))
  const plan = build(connection, key)
  atomic.store<u32>(threadBlock + THREAD_EPOCH, 0)
  spend(visits - visited + rawCount)
  if (plan <= PLAN_OUT_OF_MEMORY) return plan
  store<u32>(plan, msgs + 1, PLAN_MSGS)
  if (isVolatile || load<u32>(plan, PLAN_BYTES) > PLAN_CACHED_BYTES_MAX) {
    uncachedPlan = plan
  } else {
    store<u32>(place, hash)
    store<u32>(place, plan, 16)
  }
  return plan
}

/** A plan for one message, made anew: what is found on the way can be noted. */
export function planForOnce(connection: u32, bits: u32): u32 {
  releaseUncached()
  const key = load<u32>(connection, CONNECTION_PLAN_KEY) | bits
  let plan = buildInEpoch(connection, key)
  if (plan == PLAN_OUT_OF_MEMORY) {
    dropPlans()
    plan = buildInEpoch(connection, key)
  }
  if (plan > PLAN_OUT_OF_MEMORY) uncachedPlan = plan
  return plan
}

function buildInEpoch(connection: u32, key: u32): u32 {
  atomic.store<u32>(threadBlock + THREAD_EPOCH, atomic.load<u32>(sublist + SUBLIST_EPOCH))
  const plan = build(connection, key)
  atomic.store<u32>(threadBlock + THREAD_EPOCH, 0)
  return plan
}

/** As planFor; every other plan goes when there is no memory for it. */
export function planWithRoom(source: u32, bits: u32): u32 {
  const plan = planFor(source, bits)
  if (plan != PLAN_OUT_OF_MEMORY) return plan
  dropPlans()
  return planFor(source, bits)
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
