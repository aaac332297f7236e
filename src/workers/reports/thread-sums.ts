import type { Kernel } from '../../kernel/kernel.ts'
import { threadField } from '../../kernel/shared-memory.ts'
import type { AccountTraffic, KindCounts, ThreadReport, Traffic } from '../../monitor/reports.ts'
import {
  addCounts,
  CONNECTIONS,
  type Counts,
  IN_BYTES,
  IN_MSGS,
  noCounts,
  OUT_BYTES,
  OUT_MSGS,
  SLOW,
  STALE,
  type TrafficTable,
} from './traffic-table.ts'

const NONE: KindCounts = { clients: 0, leafs: 0 }

function received(counts: Counts): Traffic {
  return { msgs: counts[IN_MSGS]!, bytes: counts[IN_BYTES]! }
}

function sent(counts: Counts): Traffic {
  return { msgs: counts[OUT_MSGS]!, bytes: counts[OUT_BYTES]! }
}

function sumOf(one: Counts, other: Counts): Counts {
  const sum = [...one]
  addCounts(sum, other)
  return sum
}

/** The part of a thread's report that is about connections, open and closed ones together. */
export function connectionSums(
  table: TrafficTable,
  connections: KindCounts,
  connectionsOf: ReadonlyMap<string, KindCounts>,
): Pick<
  ThreadReport,
  | 'connections'
  | 'in'
  | 'out'
  | 'clientIn'
  | 'clientOut'
  | 'slowConsumers'
  | 'staleConnections'
  | 'accounts'
> {
  const clients = noCounts()
  const leafs = noCounts()
  const accounts: AccountTraffic[] = []
  for (const entry of table.entries) {
    addCounts(clients, entry.clients)
    addCounts(leafs, entry.leafs)
    const both = sumOf(entry.clients, entry.leafs)
    accounts.push({
      account: entry.account,
      received: received(both),
      sent: sent(both),
      leafsReceived: received(entry.leafs),
      leafsSent: sent(entry.leafs),
      slowConsumers: both[SLOW]!,
      totalConnections: both[CONNECTIONS]!,
      connections: connectionsOf.get(entry.account) ?? NONE,
    })
  }
  const both = sumOf(clients, leafs)
  return {
    connections,
    in: received(both),
    out: sent(both),
    clientIn: received(clients),
    clientOut: sent(clients),
    slowConsumers: { clients: clients[SLOW]!, leafs: leafs[SLOW]! },
    staleConnections: { clients: clients[STALE]!, leafs: leafs[STALE]! },
    accounts,
  }
}

/** What a thread has counted of its plans and lanes since it started. */
export function planAndLaneCounts(
  kernel: Kernel,
  thread: number,
): Pick<ThreadReport, 'planHits' | 'planMisses' | 'laneFull' | 'outOfMemory'> {
  const { layout, longs } = kernel
  const count = (field: number) => Number(longs[threadField(kernel, thread, field) >> 3])
  return {
    planHits: count(layout.THREAD_PLAN_HITS),
    planMisses: count(layout.THREAD_PLAN_MISSES),
    laneFull: count(layout.THREAD_LANE_FULL),
    outOfMemory: count(layout.THREAD_OUT_OF_MEMORY),
  }
}
