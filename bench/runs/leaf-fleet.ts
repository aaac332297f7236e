import { setTimeout as delay } from 'node:timers/promises'
import { monotonicNs } from '../drivers/clock.ts'
import type { Endpoint } from '../drivers/tasks.ts'
import { freePorts, LOOPBACK, startHub } from '../leaf-pair.ts'
import { LineConnection } from '../line-connection.ts'
import type { Measurement } from '../measurement.ts'
import { startIdleCpuMeter } from '../process-usage.ts'
import type { LeafFleetScenario } from '../scenarios/types.ts'
import { median } from '../statistics.ts'
import { within } from '../within.ts'
import type { RunContext } from './context.ts'

const OPEN_MS_MAX = 60_000
const NEWS_MS_MAX = 30_000
/** Handshakes under way at a time: well below any accept backlog. */
const HANDSHAKES_MAX = 32
/** A release that every server takes for a leaf. */
const LEAF_VERSION = '2.10.0'
const NS_PER_MS = 1e6

/**
 * Leafs of the generator on one hub: first nobody does anything, then one after the other announces
 * a subscription, and all others must hear of it.
 */
export async function runLeafFleet(
  scenario: LeafFleetScenario,
  command: readonly string[],
  context: RunContext,
): Promise<Measurement> {
  const count = context.links ?? scenario.links[context.size]
  const idleMs = scenario.idleMs[context.size]
  const [port] = await freePorts(1)
  const hub = await startHub(command, port!)
  const leafs: LineConnection[] = []
  try {
    const opened = openLeafs({ host: LOOPBACK, port: port! }, count, leafs)
    await within(OPEN_MS_MAX, opened, () => `only ${leafs.length} of ${count} leafs connected`)
    await orFailure(leafs, delay(scenario.settleMs[context.size]))

    const startNs = monotonicNs()
    const cpu = await startIdleCpuMeter(hub.pid)
    await orFailure(leafs, delay(idleMs))
    const cpuNs = await cpu.readNs()
    const elapsedNs = monotonicNs() - startNs

    const newsMs: number[] = []
    for (let news = 0; news < scenario.announcements[context.size]; news++) {
      newsMs.push(await announce(leafs, news))
    }
    return {
      metrics: {
        fleetIdlePercent: cpuNs === undefined ? undefined : (cpuNs / elapsedNs) * 100,
        fleetVisibleMs: median(newsMs),
      },
    }
  } finally {
    for (const leaf of leafs) leaf.close()
    await hub.stop()
  }
}

async function openLeafs(
  endpoint: Endpoint,
  count: number,
  leafs: LineConnection[],
): Promise<void> {
  let next = 0
  const openSome = async (): Promise<void> => {
    while (next < count) {
      const name = `bench-leaf-${next++}`
      const { connection } = await LineConnection.open(endpoint)
      leafs.push(connection)
      const connect = { name, server_id: name, version: LEAF_VERSION, headers: true, proto: 1 }
      connection.write(`CONNECT ${JSON.stringify(connect)}\r\n`)
      await connection.flush()
    }
  }
  await Promise.all(Array.from({ length: HANDSHAKES_MAX }, openSome))
}

/** Milliseconds until the last of the others has heard of it. */
async function announce(leafs: readonly LineConnection[], news: number): Promise<number> {
  const line = `LS+ bench.fleet.${news}`
  const speaker = leafs[news % leafs.length]!
  const { promise, resolve } = Promise.withResolvers<number>()
  let missing = leafs.length - 1
  for (const leaf of leafs) {
    if (leaf === speaker) continue
    leaf.onLine = (heard) => {
      if (heard !== line) return
      missing -= 1
      if (missing === 0) resolve(monotonicNs())
    }
  }
  const startNs = monotonicNs()
  speaker.write(`${line}\r\n`)
  const heardNs = orFailure(leafs, promise)
  const endNs = await within(NEWS_MS_MAX, heardNs, () => `${missing} leafs have not heard: ${line}`)
  return (endNs - startNs) / NS_PER_MS
}

function orFailure<T>(leafs: readonly LineConnection[], promise: Promise<T>): Promise<T> {
  return Promise.race([promise, ...leafs.map((leaf) => leaf.failure)])
}
