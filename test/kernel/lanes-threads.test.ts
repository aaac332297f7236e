import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LaneResult, LaneTask } from './lane-peer.ts'
import { CONTROL_GO, startThreads } from './real-threads.ts'
import { KERNELS } from './threads.ts'

const LANE_CAPACITY = 64 * 1024
const PEER = new URL('./lane-peer.ts', import.meta.url)

async function exchange(
  module: WebAssembly.Module,
  task: Omit<LaneTask, 'peers'>,
  threadCount = 2,
): Promise<readonly LaneResult[]> {
  const seed = Math.floor(Math.random() * 2 ** 30)
  const numbers = Array.from({ length: threadCount }, (_, i) => i + 1)
  const tasks = numbers.map((self) => ({ ...task, peers: numbers.filter((peer) => peer !== self) }))
  const options = { module, laneCapacity: LANE_CAPACITY }
  const threads = await startThreads<LaneTask, LaneResult>(PEER, tasks, seed, options)
  try {
    Atomics.store(threads.control, CONTROL_GO, 1)
    const results = await threads.results
    for (const { received, isLentBack } of results) {
      assert.equal(received, task.count * (threadCount - 1), `seed ${seed}`)
      assert.ok(isLentBack, `lent blocks were not given back, seed ${seed}`)
    }
    const { layout } = threads.router
    for (const from of numbers) {
      for (const to of numbers) {
        if (from === to) continue
        const lane = laneAddress(
          threads.router.word(layout.HEADER_LANES),
          threadCount + 1,
          from,
          to,
        )
        assert.equal(
          threads.router.word(lane + layout.LANE_PRODUCER),
          threads.router.word(lane + layout.LANE_CONSUMER),
          `lane ${from} to ${to} is empty, seed ${seed}`,
        )
      }
    }
    return results
  } catch (error) {
    throw new Error(`failed with seed ${seed}`, { cause: error })
  } finally {
    await threads.end()
  }
}

const LANE_RECORDS = 512

function laneAddress(lanes: number, threadCount: number, from: number, to: number): number {
  return lanes + (from * threadCount + to) * (LANE_RECORDS + LANE_CAPACITY)
}

for (const { name, module } of KERNELS) {
  describe(`two real threads on the ${name} kernel`, () => {
    test('exchange messages of all sizes over full lanes: in order, none lost, none twice', async () => {
      const results = await exchange(module, {
        count: 6000,
        batchMax: 200,
        isPingPong: false,
        payloadBytesMax: 60_000,
      })
      for (const { laneFull, lent } of results) {
        assert.ok(laneFull > 0, 'no lane was ever full')
        assert.ok(lent > 0, 'no payload was ever lent')
      }
    })

    test('wake each other for every message: no wake-up is lost', async () => {
      await exchange(module, {
        count: 5000,
        batchMax: 4,
        isPingPong: true,
        payloadBytesMax: 100,
      })
    })
  })
}

test('three real threads exchange messages, each with both others', async () => {
  const [{ module }] = KERNELS
  await exchange(
    module,
    { count: 1500, batchMax: 100, isPingPong: false, payloadBytesMax: 40_000 },
    3,
  )
})
