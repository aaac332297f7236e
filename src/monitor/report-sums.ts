import type { KindCounts, ThreadReport, Traffic } from './reports.ts'

/** Sums over threads, and over connections of both kinds. */

export const NO_TRAFFIC: Traffic = { msgs: 0, bytes: 0 }

export function addTraffic(one: Traffic, other: Traffic): Traffic {
  return { msgs: one.msgs + other.msgs, bytes: one.bytes + other.bytes }
}

export function addKinds(one: KindCounts, other: KindCounts): KindCounts {
  return { clients: one.clients + other.clients, leafs: one.leafs + other.leafs }
}

export function trafficOf(
  threads: readonly ThreadReport[],
  member: 'in' | 'out' | 'clientIn' | 'clientOut',
): Traffic {
  return threads.map((thread) => thread[member]).reduce(addTraffic, NO_TRAFFIC)
}

export function kindsOf(
  threads: readonly ThreadReport[],
  member: 'connections' | 'slowConsumers' | 'staleConnections',
): KindCounts {
  return threads.map((thread) => thread[member]).reduce(addKinds, { clients: 0, leafs: 0 })
}

export function stalledOf(threads: readonly ThreadReport[]): number {
  return threads.reduce((sum, { stalledClients }) => sum + stalledClients, 0)
}

export function bothKinds({ clients, leafs }: KindCounts): number {
  return clients + leafs
}

/** As nats-server tells them; there are no routes and no gateways. */
export function kindsJson({ clients, leafs }: KindCounts) {
  return { clients, routes: 0, gateways: 0, leafs }
}
