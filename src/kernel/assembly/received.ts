/** Messages from other threads: the receiving end of the records that records.ts writes. */
import { accountNumber } from './accounts'
import {
  CONNECTION_ACCOUNT,
  CONNECTION_GENERATION,
  CONNECTION_PLAN_KEY,
  INDIRECT_BLOCK,
  LENT_BYTES,
  LENT_DATA,
  MESSAGE_ACCOUNT,
  MESSAGE_BODY,
  MESSAGE_HEADER,
  MESSAGE_HEADER_TEXT,
  MESSAGE_LEAFS,
  MESSAGE_REFERENCE,
  MESSAGE_REPLY,
  MESSAGE_SIZE_TEXT,
  MESSAGE_SUBJECT,
  MESSAGE_TARGETS,
  MESSAGE_TOTAL,
  PLAN_KEY_RELAYED,
  RECORD_INDIRECT,
  RECORD_KIND,
  RECORD_LENGTH,
  RECORD_MESSAGE,
  RECORD_PADDING,
} from './layout'
import { giveBack } from './lent'
import { replyBytes, setPayload, setReply, setSizes, setSubject, subjectBytes } from './message'
import { frameForLeaf } from './frames'
import { planWithRoom, releaseUncached } from './plan'
import { PLAN_OUT_OF_MEMORY } from './plan-build'
import { MATCH_YOURSELF, NOT_LAST, padded } from './records'
import { deliverLocal, deliverTo } from './targets'

/** How much work a record is: what is lent counts as if it were in the lane. */
export function recordWork(record: u32): u32 {
  const kind = load<u32>(record, RECORD_KIND)
  const length = load<u32>(record, RECORD_LENGTH)
  if (kind == RECORD_INDIRECT) {
    const block = load<u32>(record, INDIRECT_BLOCK)
    return length + load<u32>(block, LENT_BYTES) + load<u32>(block + LENT_DATA, MESSAGE_TOTAL)
  }
  if (kind != RECORD_MESSAGE || load<u32>(record, MESSAGE_REFERENCE) == 0) return length
  return length + load<u32>(record, MESSAGE_TOTAL)
}

/** As deliverRecord, of the records in a lent block. */
export function deliverIndirect(record: u32, source: u32): bool {
  const block = load<u32>(record, INDIRECT_BLOCK)
  const end = block + load<u32>(block, LENT_BYTES)
  let at = block + LENT_DATA
  while (at < end) {
    if (load<u32>(at, RECORD_KIND) == RECORD_MESSAGE) {
      if (!deliverRecord(at, source)) return false
      // Nobody else reads it; those that follow may have to wait.
      store<u32>(at, RECORD_PADDING, RECORD_KIND)
    }
    at += load<u32>(at, RECORD_LENGTH)
  }
  giveBack(block)
  return true
}

/**
 * Delivers what a record says, into this thread's connections.
 * @param source a connection record without echo rule: the thread's own, of whatever account
 * @returns false when the record must wait for a sublist
 */
export function deliverRecord(record: u32, source: u32): bool {
  const targets = load<u32>(record, MESSAGE_TARGETS)
  const leafs = load<u32>(record, MESSAGE_LEAFS)
  const pairs: u32 = targets == MATCH_YOURSELF ? 0 : targets
  let at = record + MESSAGE_BODY + padded(pairs << 3)
  const firstLink = at
  for (let i: u32 = 0; i < leafs; i++) at += 16 + padded(load<u32>(at, 8))
  setSubject(at, load<u32>(record, MESSAGE_SUBJECT))
  at += padded(subjectBytes)
  setReply(at, load<u32>(record, MESSAGE_REPLY))
  at += padded(replyBytes)
  const headerDigits = load<u32>(record, MESSAGE_HEADER_TEXT)
  const sizeDigits = load<u32>(record, MESSAGE_SIZE_TEXT)
  const size = at + padded(headerDigits)
  setSizes(
    at,
    headerDigits,
    size,
    sizeDigits,
    load<u32>(record, MESSAGE_HEADER),
    load<u32>(record, MESSAGE_TOTAL),
  )
  const reference = load<u32>(record, MESSAGE_REFERENCE)
  const block = reference & ~NOT_LAST
  setPayload(block != 0 ? block + LENT_DATA : size + padded(sizeDigits))
  if (targets == MATCH_YOURSELF) {
    const account = load<u32>(record, MESSAGE_ACCOUNT)
    store<u32>(source, account, CONNECTION_ACCOUNT)
    store<u32>(source, PLAN_KEY_RELAYED | accountNumber(account), CONNECTION_PLAN_KEY)
    const plan = planWithRoom(source, 0)
    if (plan == 0) return false
    if (plan > PLAN_OUT_OF_MEMORY) deliverLocal(plan, source)
    releaseUncached()
  }
  for (let i: u32 = 0; i < pairs; i++) {
    const pair = record + MESSAGE_BODY + (i << 3)
    deliverTo(load<u32>(pair), load<u32>(pair, 4), 0)
  }
  let link = firstLink
  for (let i: u32 = 0; i < leafs; i++) {
    const connection = load<u32>(link)
    const names = load<u32>(link, 8)
    if (load<u32>(connection, CONNECTION_GENERATION) == load<u32>(link, 4)) {
      frameForLeaf(connection, link + 16, names)
    }
    link += 16 + padded(names)
  }
  if (block != 0 && block == reference) giveBack(block)
  return true
}
