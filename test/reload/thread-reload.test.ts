/** The main thread's side of a reload, with threads that answer as a test tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NO_COUNTS, type ReloadOrder } from '../../src/workers/reload/reload-types.ts'
import { excessOf, ThreadReload } from '../../src/workers/reload/thread-reload.ts'

const SETTINGS = { options: { users: [], nkeys: [] } }
const ORDER = { id: 7, settings: SETTINGS } as unknown as ReloadOrder

type Answer = unknown | Error

/** @param answer what a thread answers; undefined: nothing in time */
function threads(answer: (thread: number, name: string) => Answer, dead: readonly number[] = []) {
  const asked: string[] = []
  const logged: string[] = []
  const reload = new ThreadReload({
    threadCount: 3,
    ask: async (thread, name) => {
      asked.push(`${name} ${thread}`)
      const given = answer(thread, name)
      if (given instanceof Error) throw given
      return given as never
    },
    isRunning: (thread) => !dead.includes(thread),
    loadOf: (thread) => [0, 4, 2][thread]!,
    log: (_level, text) => logged.push(text),
  })
  return { reload, asked, logged }
}

test('all threads are asked to prepare, and one that cannot has all forget it', async () => {
  const good = threads(() => '')
  assert.equal(await good.reload.prepare(ORDER), '')
  assert.deepEqual(good.asked, ['prepareReload 0', 'prepareReload 1', 'prepareReload 2'])
  const bad = threads((thread, name) =>
    name === 'dropReload' || thread !== 1 ? '' : 'no such file',
  )
  assert.equal(await bad.reload.prepare(ORDER), 'no such file')
  assert.deepEqual(bad.asked.slice(3), ['dropReload 0', 'dropReload 1', 'dropReload 2'])
  const failing = threads((thread) => (thread === 2 ? new Error('out of order') : ''))
  assert.equal(await failing.reload.prepare(ORDER), 'out of order')
})

test('who is silent though it runs refuses a reload; who has died does not', async () => {
  const silent = threads((thread) => (thread === 2 ? undefined : ''))
  assert.equal(await silent.reload.prepare(ORDER), 'protocol worker 2 does not answer')
  const dead = threads((thread) => (thread === 2 ? undefined : ''), [2])
  assert.equal(await dead.reload.prepare(ORDER), '')
})

test('the routing worker applies first, and the counts are summed', async () => {
  const counts = (factor: number) => ({
    reauthenticated: factor,
    disconnected: 2 * factor,
    subscriptionsRemoved: 3 * factor,
    linksClosed: 4 * factor,
    remotesStarted: 5 * factor,
  })
  const { reload, asked, logged } = threads((thread) => counts(10 ** thread))
  assert.deepEqual(await reload.apply(ORDER), counts(111))
  assert.deepEqual(asked, ['applyReload 0', 'applyReload 1', 'applyReload 2'])
  assert.deepEqual(logged, [])
})

test('who cannot apply what it prepared is named, and the others go on', async () => {
  const { reload, asked, logged } = threads(
    (thread) => [new Error('no memory'), undefined, undefined][thread],
    [2],
  )
  assert.deepEqual(await reload.apply(ORDER), NO_COUNTS)
  assert.equal(asked.length, 3)
  assert.deepEqual(logged, [
    'routing worker did not apply the reload: no memory',
    'protocol worker 1 did not apply the reload: it does not answer',
  ])
})

test('clients in excess are closed where most are', async () => {
  const { reload, asked } = threads((thread) => thread)
  assert.equal(await reload.closeExcess(6), 0)
  assert.deepEqual(asked, [])
  assert.equal(await reload.closeExcess(2), 3)
  assert.deepEqual(asked, ['closeExcess 1', 'closeExcess 2'])
})

test('excess is taken from who has most', () => {
  assert.deepEqual(excessOf([5, 1, 3], 4), [4, 0, 1])
  assert.deepEqual(excessOf([5, 1, 3], -1), [5, 1, 3])
  const counts = fc.array(fc.nat(50), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(counts, fc.nat(200), (loads, limit) => {
      const taken = excessOf(loads, limit)
      const left = loads.map((load, index) => load - taken[index]!)
      const total = loads.reduce((sum, load) => sum + load, 0)
      assert.equal(
        left.reduce((sum, load) => sum + load, 0),
        Math.min(total, limit),
      )
      // Who had less than another keeps no more than that one.
      for (const [index, load] of loads.entries()) {
        assert.ok(taken[index]! >= 0)
        if (taken[index]! > 0) assert.ok(left.every((other) => other <= left[index]! + 1))
        assert.ok(load >= left[index]!)
      }
    }),
  )
})
