import type { Kernel } from '../../kernel/kernel.ts'
import type { PlanCacheReport } from './report-messages.ts'

/** Of a full cache the audiences of so many plans, evenly spread, stand for all. */
const LOOKED_AT_MAX = 8192
const WAYS = 4

/**
 * What a thread's plan cache holds: nats-server's cache of matched subjects.
 *
 * @param account number, undefined = of all
 */
export function planCacheReport(
  { layout, words }: Kernel,
  arena: number,
  account: number | undefined,
): PlanCacheReport {
  const plans: number[] = []
  const sets = words[(arena + layout.ARENA_PLANS) >> 2]!
  for (let set = 0; set < layout.PLAN_SETS; set++) {
    const at = (sets + set * layout.PLAN_SET_BYTES) >>> 2
    for (let way = 0; way < WAYS; way++) {
      // Hashes, of which 0 is none, then plans.
      if (words[at + way] !== 0) plans.push(words[at + WAYS + way]! >>> 0)
    }
  }
  const word = (plan: number, field: number) => words[(plan + field) >>> 2]!
  const own =
    account === undefined
      ? plans
      : plans.filter((plan) => word(plan, layout.PLAN_SOURCE) === account)
  const step = Math.ceil(own.length / LOOKED_AT_MAX) || 1
  let fanoutTotal = 0
  let fanoutMax = 0
  let lookedAt = 0
  for (let place = 0; place < own.length; place += step) {
    const fanout = fanoutOf(own[place]!, word, layout)
    fanoutTotal += fanout
    fanoutMax = Math.max(fanoutMax, fanout)
    lookedAt += 1
  }
  const share = lookedAt === 0 ? 0 : own.length / lookedAt
  return { cached: own.length, fanoutTotal: Math.round(fanoutTotal * share), fanoutMax }
}

/** Plain subscriptions of all threads, leaf links and queue groups. */
function fanoutOf(
  plan: number,
  word: (plan: number, field: number) => number,
  layout: Kernel['layout'],
): number {
  const locals = word(plan, layout.PLAN_LOCALS)
  let fanout = locals + word(plan, layout.PLAN_LEAFS) + word(plan, layout.PLAN_GROUPS)
  let at = layout.PLAN_BODY + locals * 8
  for (let section = word(plan, layout.PLAN_REMOTES); section > 0; section--) {
    const count = word(plan, at + 4)
    fanout += count
    at += 8 + count * 8
  }
  return fanout
}
