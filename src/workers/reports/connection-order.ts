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
 * Places of the first `count`, in order of their keys and then of their ids, which differ. Faster
 * than sorting everything where few of many are wanted.
 */
export function firstOf(keys: Float64Array, cids: Float64Array, count: number): Uint32Array {
  let places = Uint32Array.from(keys, (_, place) => place)
  if (count < places.length) {
    if (count <= 0) return new Uint32Array(0)
    const limit = keys.toSorted()[count - 1]!
    const before = places.filter((place) => keys[place]! < limit)
    const ties = places.filter((place) => keys[place] === limit)
    const lastId = Float64Array.from(ties, (place) => cids[place]!).sort()[
      count - before.length - 1
    ]!
    const kept = ties.filter((place) => cids[place]! <= lastId)
    places = new Uint32Array(count)
    places.set(before)
    places.set(kept, before.length)
  }
  return places.sort((a, b) => keys[a]! - keys[b]! || cids[a]! - cids[b]!)
}
