/** Messages in both directions while the hub is killed and comes back. */
import assert from 'node:assert/strict'
import { crossInterest } from '../leaf-interop/cross.ts'
import { eachPair } from '../leaf-interop/pairs.ts'
import type { TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith } from '../support/collector.ts'
import { until } from '../support/wait.ts'
import { soonAgain } from './reconnect.ts'

const MESSAGES = 20_000
const BATCH = 500
const KILLED_AFTER = [0.3, 0.6] as const
const BACK_MS_MAX = 30_000
const ROUND_TRIP_MS_MAX = 5000

/** The hub has been killed so many times. */
interface Deaths {
  count: number
}

/**
 * Publishes numbers in one direction, batch by batch, with a round trip through the link before and
 * after each.
 *
 * @returns the numbers of which both round trips were made with no death in between: these must
 *   arrive
 */
async function publishAll(
  from: TestConnection,
  way: string,
  deaths: Deaths,
  onSent: (count: number) => Promise<void>,
): Promise<number[]> {
  const certain: number[] = []
  let deathsBefore = deaths.count
  let isUp = await roundTrip(from, way)
  for (let sent = 0; sent < MESSAGES; sent += BATCH) {
    const [wasUp, deathsSoFar] = [isUp, deathsBefore]
    const batch = Array.from({ length: BATCH }, (_, i) => sent + i)
    for (const number of batch) from.publish(way, String(number))
    await onSent(sent + BATCH)
    deathsBefore = deaths.count
    isUp = await roundTrip(from, way)
    if (wasUp && isUp && deaths.count === deathsSoFar) certain.push(...batch)
  }
  return certain
}

async function roundTrip(from: TestConnection, way: string): Promise<boolean> {
  try {
    await from.request(`${way}.ping`, '', { timeout: ROUND_TRIP_MS_MAX })
    return true
  } catch {
    return false
  }
}

function assertOnceInOrder(texts: readonly string[], certain: readonly number[], way: string) {
  const numbers = texts.map(Number)
  const back = numbers.findIndex((number, at) => at > 0 && number <= numbers[at - 1]!)
  assert.equal(back, -1, `${way}: ${numbers[back - 1]} and then ${numbers[back]}`)
  const arrived = new Set(numbers)
  const lost = certain.filter((number) => !arrived.has(number))
  assert.deepEqual(lost, [], `${way}: lost though both ends were up`)
}

eachPair('20,000 messages each way and a hub that is killed', (check) => {
  check('what is published while both ends are up arrives once, in order', async (bench) => {
    let hub = await bench.startHub()
    const { port, leafPort } = hub
    const leaf = await bench.startLeaf(leafPort, { leafnodes: soonAgain(bench.pair.leaf) })
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    const [up, down] = [new Collector(atHub, 'up'), new Collector(atLeaf, 'down')]
    respondWith(atHub, 'up.ping', (text) => text)
    respondWith(atLeaf, 'down.ping', (text) => text)
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    const deaths: Deaths = { count: 0 }
    /** In the middle of a batch of one direction, and anywhere in one of the other. */
    const kill = async (): Promise<void> => {
      deaths.count += 1
      await hub.stop('SIGKILL')
      hub = await bench.startHub({ port, leafPort })
      await crossInterest(atHub, atLeaf, BACK_MS_MAX)
      await crossInterest(atLeaf, atHub, BACK_MS_MAX)
    }
    const kills = KILLED_AFTER.map((part) => part * MESSAGES)
    const [sentUp, sentDown] = await Promise.all([
      publishAll(atLeaf, 'up', deaths, async (count) => {
        if (kills.includes(count)) await kill()
      }),
      publishAll(atHub, 'down', deaths, async (count) => {
        // Both directions meet each of the deaths, however fast they are.
        const wanted = kills.filter((at) => count > at).length
        await until('the death of the hub', () => deaths.count >= wanted, BACK_MS_MAX)
      }),
    ])
    for (const [way, seen, certain] of [
      ['up', up, sentUp],
      ['down', down, sentDown],
    ] as const) {
      assertOnceInOrder(seen.texts, certain, way)
      // The few batches that a death came upon are all that may be missing.
      assert.ok(certain.length >= MESSAGES * 0.7, `${way}: only ${certain.length} are certain`)
    }
  })
})
