import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Deadline, Deadlines } from '../../src/io/deadlines.ts'

/** Waits until the thread's timers had their turn a few times. */
async function settled(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('deadlines run once, in the order of their times, and cancelled ones never', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ delayMs: fc.nat(20), isCancelled: fc.boolean() }), { maxLength: 40 }),
      async (plans) => {
        const deadlines = new Deadlines()
        const ran: number[] = []
        const wanted = plans.filter(({ isCancelled }) => !isCancelled)
        const made: Deadline[] = plans.map(({ delayMs }) =>
          deadlines.after(delayMs, () => ran.push(delayMs)),
        )
        for (const [i, { isCancelled }] of plans.entries()) if (isCancelled) made[i]!.cancel()
        await settled(() => ran.length >= wanted.length)
        assert.deepEqual(
          ran,
          wanted.map(({ delayMs }) => delayMs).sort((a, b) => a - b),
        )
        deadlines.clear()
      },
    ),
    { numRuns: 20 },
  )
})

test('a deadline set by another one runs, also when it is already due', async () => {
  const deadlines = new Deadlines()
  const ran: string[] = []
  deadlines.after(1, () => {
    ran.push('first')
    deadlines.after(0, () => ran.push('second'))
  })
  await settled(() => ran.length === 2)
  assert.deepEqual(ran, ['first', 'second'])
})

test('cancelled deadlines do not pile up', () => {
  const deadlines = new Deadlines()
  const far = 1_000_000
  deadlines.after(far, () => {})
  for (let i = 0; i < 100_000; i++) deadlines.after(far, () => {}).cancel()
  assert.ok(deadlines.length < 3000, `${deadlines.length} are kept`)
  deadlines.clear()
})
