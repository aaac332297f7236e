import type { ConnectionSort } from '../../monitor/reports.ts'

/** What connections are put in order by. */
export interface Keyed {
  readonly cid: number
  readonly startMs: number
  readonly lastActivityMs: number
  /** 0 = it is open. */
  readonly stopMs: number
  readonly rttNs: number
  readonly pendingBytes: number
  readonly subscriptions: number
  readonly inMsgs: number
  readonly inBytes: number
  readonly outMsgs: number
  readonly outBytes: number
}

/**
 * A number that grows in the direction of nats-server's order: ids and uptimes begin with the
 * smallest, everything else with the largest. Reasons are text, and no number.
 */
export function sortKey(sort: ConnectionSort, one: Keyed, nowMs: number): number {
  switch (sort) {
    case 'cid':
    case 'start':
    case 'reason':
      return one.cid
    case 'subs':
      return -one.subscriptions
    case 'pending':
      return -one.pendingBytes
    case 'msgs_to':
      return -one.outMsgs
    case 'msgs_from':
      return -one.inMsgs
    case 'bytes_to':
      return -one.outBytes
    case 'bytes_from':
      return -one.inBytes
    case 'last':
      return -one.lastActivityMs
    case 'idle':
      return one.lastActivityMs
    case 'uptime':
      return (one.stopMs || nowMs) - one.startMs
    case 'stop':
      return -one.stopMs
    case 'rtt':
      return -one.rttNs
  }
}

/**
 * Places of the first `count` in order of their keys, ties in order of their places. Faster than
 * sorting everything where few of many are wanted, and than anything where they are in order.
 */
export function firstOf(keys: Float64Array, count: number): Uint32Array {
  const wanted = Math.max(0, Math.min(count, keys.length))
  const places = new Uint32Array(wanted)
  if (wanted === 0 || isAscending(keys)) return places.map((_, place) => place)
  const limit = wanted < keys.length ? keys.toSorted()[wanted - 1]! : Number.POSITIVE_INFINITY
  let ties = wanted
  if (wanted < keys.length) for (const key of keys) if (key < limit) ties -= 1
  let found = 0
  for (let place = 0; found < wanted; place++) {
    const key = keys[place]!
    if (key > limit || (key === limit && ties-- <= 0)) continue
    places[found++] = place
  }
  return places.sort((a, b) => keys[a]! - keys[b]! || a - b)
}

function isAscending(keys: Float64Array): boolean {
  for (let place = 1; place < keys.length; place++) {
    if (keys[place]! < keys[place - 1]!) return false
  }
  return true
}
