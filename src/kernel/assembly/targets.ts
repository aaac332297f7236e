/** Messages to subscriptions of this thread. */
import {
  ARENA_EXPIRED,
  CONNECTION_FLAGS,
  FLAG_ECHO,
  PLAN_BODY,
  PLAN_LOCALS,
  SUB_CONNECTION,
  SUB_DELIVERED,
  SUB_GENERATION,
  SUB_MAX,
  SUB_NEXT,
} from './layout'
import { frameForClient } from './frames'
import { arena } from './thread'

/** To the plain subscriptions of a plan, or of one of its variants. Hot. */
export function deliverLocal(plan: u32, source: u32): i32 {
  let delivered: i32 = 0
  const echo = (load<u32>(source, CONNECTION_FLAGS) & FLAG_ECHO) != 0
  let at = plan + PLAN_BODY
  const end = at + (load<u32>(plan, PLAN_LOCALS) << 3)
  for (; at < end; at += 8) {
    if (deliverTo(load<u32>(at), load<u32>(at, 4), echo ? 0 : source) != 0) delivered++
  }
  return delivered
}

/**
 * One message to one subscription of this thread.
 * @param exclude connection that must not get it, 0 = none
 * @returns bytes of its frame, 0 = the subscription does not get it
 */
@inline
export function deliverTo(slot: u32, generation: u32, exclude: u32): u32 {
  if (load<u32>(slot, SUB_GENERATION) != generation) return 0
  const connection = load<u32>(slot, SUB_CONNECTION)
  if (connection == exclude) return 0
  const max = load<u32>(slot, SUB_MAX)
  const delivered = load<u64>(slot, SUB_DELIVERED) + 1
  if (max != 0) {
    if (delivered > <u64>max) return 0
    if (delivered == <u64>max) expire(slot)
  }
  store<u64>(slot, delivered, SUB_DELIVERED)
  return frameForClient(slot, connection)
}

/** The subscription got all it asked for: TypeScript removes it after the batch. */
function expire(slot: u32): void {
  if (load<u32>(slot, SUB_NEXT) != slot) return // in the list already, and got more since
  store<u32>(slot, load<u32>(arena, ARENA_EXPIRED), SUB_NEXT)
  store<u32>(arena, slot, ARENA_EXPIRED)
}

export function takeExpired(): u32 {
  const slot = load<u32>(arena, ARENA_EXPIRED)
  if (slot != 0) {
    store<u32>(arena, load<u32>(slot, SUB_NEXT), ARENA_EXPIRED)
    store<u32>(slot, slot, SUB_NEXT)
  }
  return slot
}
