/**
 * Messages that say what the one before has said, byte for byte, but for their payloads: as
 * publishers of one subject do, thousands in a read. One is parsed and delivered as any; those
 * behind it have its control line, its size and its plan, and go to one receiver after the other.
 *
 * Only where that cannot be told from a delivery one by one: to plain subscriptions of this thread
 * and the one beside it, of different connections, and to one leaf link. A read is one moment as
 * far as interest is concerned (see docs/ARCHITECTURE.md, "Order and visibility"), and nothing here
 * lets TypeScript in.
 */
import { comeBack, goBeside } from './arena'
import { deliverNear } from './deliver'
import { frameForLeaf, repeatFrame } from './frames'
import {
  CONNECTION_ACCOUNT,
  CONNECTION_FLAGS,
  CONNECTION_GENERATION,
  CONNECTION_ROUND,
  FLAG_ECHO,
  FLAG_TRACES_PARENTS,
  PLAN_BODY,
  PLAN_IS_NEAR,
  PLAN_LEAFS,
  PLAN_LOCALS,
  PLAN_REMOTES,
  PLAN_TRAITS,
  ROUTER_THREAD,
  SUB_CONNECTION,
  SUB_DELIVERED,
  SUB_GENERATION,
  SUB_MAX,
} from './layout'
import { isEqual } from './memory'
import { headerBytes, payload, setPayload } from './message'
import { countHits, isCurrent } from './plan'
import { CRLF } from './scan'
import { deliverLocal, deliverTo } from './targets'
import { self } from './thread'
import { mayBeTraced } from './trace-search'

/** Of a round; they are read again for each receiver, so they should stay in the first cache. */
const ROUND_BYTES: u32 = 16384
const VECTOR_BYTES: u32 = 16

/** Messages that the last call has delivered. */
export let repeats: u32 = 0

/** Number of the round at hand, which marks the connections that it goes to. */
let round: u32 = 0

/**
 * Delivers the messages that repeat the one at hand; counting them as read is the caller's.
 * @param plan its plainPlan
 * @param line its control line
 * @param from behind it, where the next message begins
 * @returns the end of the last one; `from` when the next one is different
 */
export function ingestRepeats(plan: u32, connection: u32, line: u32, from: u32, to: u32): u32 {
  const lineBytes = payload - line
  const stride = from - line
  const account = load<u32>(connection, CONNECTION_ACCOUNT)
  repeats = 0
  let at = from
  while (at < to) {
    const end = endOfRound(connection, line, lineBytes, stride, at, to)
    if (end == at || !isCurrent(plan, account)) return at
    const messages = (end - at) / stride
    deliverRound(plan, connection, at + lineBytes, stride, messages)
    countHits(plan, messages)
    repeats += messages
    at = end
  }
  return at
}

/** How far the messages from `from` on repeat that of `line`. Hot. */
function endOfRound(
  connection: u32,
  line: u32,
  lineBytes: u32,
  stride: u32,
  from: u32,
  to: u32,
): u32 {
  const far = from + (stride < ROUND_BYTES ? ROUND_BYTES : stride)
  const last = (far < to ? far : to) - stride
  // The first and the last 16 bytes of the line; of a shorter one all, twice.
  const isShort = lineBytes < VECTOR_BYTES
  const tailAt = isShort ? 0 : lineBytes - VECTOR_BYTES
  const places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  const mask = i8x16.lt_u(places, i8x16.splat(<u8>(isShort ? lineBytes : VECTOR_BYTES)))
  const head = v128.load(line)
  const tail = v128.load(line + tailAt)
  let at = from
  for (; at <= last; at += stride) {
    const difference = v128.or(
      v128.xor(v128.load(at), head),
      v128.xor(v128.load(at + tailAt), tail),
    )
    if (v128.any_true(v128.and(difference, mask))) return at
    if (load<u16>(at + stride - 2) != CRLF) return at
    if (lineBytes > 2 * VECTOR_BYTES) {
      const between = lineBytes - 2 * VECTOR_BYTES
      if (!isEqual(at + VECTOR_BYTES, line + VECTOR_BYTES, between)) return at
    }
    if (headerBytes != 0 && isTraced(connection, at + lineBytes)) return at
  }
  return at
}

function isTraced(connection: u32, headers: u32): bool {
  const flags = load<u32>(connection, CONNECTION_FLAGS)
  return mayBeTraced(headers, headerBytes, (flags & FLAG_TRACES_PARENTS) != 0)
}

/** @param body payload of the first of the messages */
function deliverRound(plan: u32, source: u32, body: u32, stride: u32, messages: u32): void {
  const locals = load<u32>(plan, PLAN_LOCALS)
  const isNear = load<u32>(plan, PLAN_TRAITS) == PLAN_IS_NEAR
  if (locals == 0 && !isNear) return
  if (!areDistinct(plan, locals)) {
    for (; messages > 0; messages--, body += stride) {
      setPayload(body)
      if (isNear) deliverNear(plan, source)
      else deliverLocal(plan, source)
    }
    return
  }
  const echo = (load<u32>(source, CONNECTION_FLAGS) & FLAG_ECHO) != 0
  const exclude: u32 = echo ? 0 : source
  const end = plan + PLAN_BODY + (locals << 3)
  for (let at = plan + PLAN_BODY; at < end; at += 8) {
    deliverAll(load<u32>(at), load<u32>(at, 4), exclude, body, stride, messages)
  }
  if (isNear) deliverRoundNear(plan, end, body, stride, messages)
}

/**
 * As deliverNear, without this thread's subscriptions.
 * @param at behind those
 */
function deliverRoundNear(plan: u32, at: u32, body: u32, stride: u32, messages: u32): void {
  const hasRemotes = load<u32>(plan, PLAN_REMOTES) != 0
  const hasLink = load<u32>(plan, PLAN_LEAFS) != 0
  if (hasRemotes || self != ROUTER_THREAD) {
    goBeside()
    if (hasRemotes) {
      const end = at + 8 + (load<u32>(at, 4) << 3)
      for (at += 8; at < end; at += 8) {
        deliverAll(load<u32>(at), load<u32>(at, 4), 0, body, stride, messages)
      }
    }
    if (hasLink && self != ROUTER_THREAD) deliverAllToLink(at, body, stride, messages)
    comeBack()
  }
  if (hasLink && self == ROUTER_THREAD) deliverAllToLink(at, body, stride, messages)
}

/** All messages of a round to the leaf link of a plan. Hot. */
function deliverAllToLink(at: u32, body: u32, stride: u32, messages: u32): void {
  const link = load<u32>(at)
  if (load<u32>(link, CONNECTION_GENERATION) != load<u32>(at, 4)) return
  while (messages != 0) {
    setPayload(body)
    const frame = frameForLeaf(link, 0, 0)
    messages--
    body += stride
    if (frame == 0 || messages == 0) continue
    const more = repeatFrame(link, frame, stride, messages)
    messages -= more
    body += more * stride
  }
}

/**
 * Whether the receivers are different connections: one with two subscriptions gets each message
 * twice before it gets the next.
 */
function areDistinct(plan: u32, locals: u32): bool {
  const at = plan + PLAN_BODY
  const near = at + (locals << 3)
  const remotes: u32 = load<u32>(plan, PLAN_REMOTES) != 0 ? load<u32>(near, 4) : 0
  if (locals + remotes < 2) return true
  round++
  return areNew(at, locals) && areNew(near + 8, remotes)
}

/** Whether pairs lead to connections that are not in this round yet. */
function areNew(from: u32, pairs: u32): bool {
  const end = from + (pairs << 3)
  for (let at = from; at < end; at += 8) {
    const slot = load<u32>(at)
    if (load<u32>(slot, SUB_GENERATION) != load<u32>(at, 4)) continue
    const connection = load<u32>(slot, SUB_CONNECTION)
    if (load<u32>(connection, CONNECTION_ROUND) == round) return false
    store<u32>(connection, round, CONNECTION_ROUND)
  }
  return true
}

/** All messages of a round to one subscription. Hot. */
function deliverAll(
  slot: u32,
  generation: u32,
  exclude: u32,
  body: u32,
  stride: u32,
  messages: u32,
): void {
  const isBounded = load<u32>(slot, SUB_MAX) != 0
  while (messages != 0) {
    setPayload(body)
    const frame = deliverTo(slot, generation, exclude)
    messages--
    body += stride
    if (frame == 0 || isBounded || messages == 0) continue
    const more = repeatFrame(load<u32>(slot, SUB_CONNECTION), frame, stride, messages)
    store<u64>(slot, load<u64>(slot, SUB_DELIVERED) + more, SUB_DELIVERED)
    messages -= more
    body += more * stride
  }
}
