import type { OpenConnections } from '../../monitor/metrics/measurements.ts'
import type { KindCounts } from '../../monitor/reports.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import { Slices } from '../io-thread/slices.ts'
import { ConnectionCursor } from './connection-cursor.ts'
import { type ConnectionSnapshot, placeOf } from './connection-index.ts'
import type { OpenTraffic } from './report-messages.ts'
import {
  CONNECTIONS,
  type Counts,
  IN_BYTES,
  IN_MSGS,
  OUT_BYTES,
  OUT_MSGS,
  SLOW,
  TrafficTable,
} from './traffic-table.ts'

interface AccountSums {
  readonly clients: Counts
  readonly leafs: Counts
  /** Those that are listed. */
  readonly connections: { clients: number; leafs: number }
}

/** Sums by account. */
class OpenSums {
  readonly table = new TrafficTable()
  readonly #byName = new Map<string, AccountSums>()
  /** By address of the account's record. */
  readonly #byAddress = new Map<number, AccountSums>()
  readonly #cursor: ConnectionCursor

  constructor(cursor: ConnectionCursor) {
    this.#cursor = cursor
  }

  /** What the connection at the cursor is part of; each account's name is asked for once. */
  get here(): AccountSums {
    const { accountAt } = this.#cursor
    let sums = this.#byAddress.get(accountAt)
    if (sums === undefined) {
      sums = this.#of(this.#cursor.session.accountName)
      this.#byAddress.set(accountAt, sums)
    }
    return sums
  }

  #of(name: string): AccountSums {
    const { clients, leafs } = this.table.of(name)
    const sums = this.#byName.get(name) ?? { clients, leafs, connections: { clients: 0, leafs: 0 } }
    this.#byName.set(name, sums)
    return sums
  }

  get connectionsOf(): [string, KindCounts][] {
    return [...this.#byName]
      .filter(([, { connections }]) => connections.clients + connections.leafs > 0)
      .map(([name, { connections }]) => [name, connections])
  }
}

/** @param settled what has been told of already, by id of the connection */
export function openSums(
  { kernel, slowConnections }: IoThread,
  snapshot: ConnectionSnapshot,
  settled: ReadonlyMap<number, Counts>,
): Omit<OpenTraffic, 'stallCount'> {
  const cursor = new ConnectionCursor(kernel, 0, snapshot)
  const sums = new OpenSums(cursor)
  const connections = { clients: 0, leafs: 0 }
  for (let place = 0; place < snapshot.count; place++) {
    cursor.place = place
    const { here } = sums
    const { isLeaf } = cursor
    const counts = isLeaf ? here.leafs : here.clients
    counts[IN_MSGS]! += cursor.inMsgs
    counts[IN_BYTES]! += cursor.inBytes
    counts[OUT_MSGS]! += cursor.outMsgs
    counts[OUT_BYTES]! += cursor.outBytes
    counts[CONNECTIONS]! += 1
    if (!cursor.isListed) continue
    const kind = isLeaf ? 'leafs' : 'clients'
    connections[kind] += 1
    here.connections[kind] += 1
  }
  const countsOf = (cid: number): Counts | undefined => {
    const place = placeOf(snapshot, cid)
    if (place < 0) return undefined
    cursor.place = place
    return cursor.isLeaf ? sums.here.leafs : sums.here.clients
  }
  for (const [cid, told] of settled) {
    const counts = countsOf(cid)
    if (counts !== undefined) for (const [i, count] of told.entries()) counts[i]! -= count
  }
  for (const { cid, slowCount } of slowConnections) {
    const counts = countsOf(cid)
    if (counts !== undefined) counts[SLOW]! += slowCount
  }
  return {
    accounts: sums.table.entries,
    connections,
    connectionsOf: sums.connectionsOf,
  }
}

/** @param clientSubscriptions of all clients: asking each of them takes a millisecond */
export async function openConnections(
  cursor: ConnectionCursor,
  clientSubscriptions: number,
): Promise<OpenConnections> {
  const slices = new Slices()
  const sums = { count: 0, subscriptions: clientSubscriptions, pendingBytes: 0 }
  const received = { msgs: 0, bytes: 0 }
  const sent = { msgs: 0, bytes: 0 }
  for (let place = 0; place < cursor.snapshot.count; place++) {
    if (slices.isOver(place)) await slices.next()
    cursor.place = place
    if (!cursor.isListed) continue
    sums.count++
    if (cursor.isLeaf) sums.subscriptions += cursor.subscriptions
    sums.pendingBytes += cursor.pendingBytes
    received.msgs += cursor.inMsgs
    received.bytes += cursor.inBytes
    sent.msgs += cursor.outMsgs
    sent.bytes += cursor.outBytes
  }
  return { ...sums, in: received, out: sent }
}
