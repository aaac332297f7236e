import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Kernel } from '../../src/kernel/kernel.ts'
import { ScratchStack } from '../../src/workers/messages/scratch-stack.ts'

/** A kernel that hands out memory, and knows what was given back. */
function memory(blocksMax = Number.POSITIVE_INFINITY) {
  const used = new Map<number, number>()
  let next = 64
  let blocks = 0
  const exports = {
    allocate: (bytes: number) => {
      if (blocks++ >= blocksMax) return 0
      const at = next
      next += bytes + 64
      used.set(at, bytes)
      return at
    },
    release: (at: number, bytes: number) => {
      assert.equal(used.get(at), bytes)
      used.delete(at)
    },
  }
  return { used, kernel: { exports } as unknown as Kernel }
}

test('what is taken at the same time lies apart, and all of it comes back', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 9_000 }), { maxLength: 12 })
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 5 }), (rounds) => {
      const { used, kernel } = memory()
      const stack = new ScratchStack(kernel)
      for (const round of rounds) {
        const taken = round.map((bytes) => ({ at: stack.take(bytes), bytes }))
        for (const [i, { at, bytes }] of taken.entries()) {
          const block = [...used].find(([from, size]) => at >= from && at + bytes <= from + size)
          assert.ok(block !== undefined, 'inside of what was allocated')
          for (const other of taken.slice(0, i)) {
            assert.ok(at >= other.at + other.bytes || at + bytes <= other.at)
          }
        }
        for (const { at, bytes } of taken.reverse()) stack.giveBack(at, bytes)
        // One block stays for the next round.
        assert.ok(used.size <= 1)
      }
    }),
  )
})

test('small pieces cost one block, whatever their number', () => {
  const { used, kernel } = memory()
  const stack = new ScratchStack(kernel)
  const first = stack.take(100)
  stack.giveBack(first, 100)
  for (let i = 0; i < 1_000; i++) {
    const at = stack.take(100)
    assert.equal(at, first)
    stack.giveBack(at, 100)
  }
  assert.equal(used.size, 1)
})

test('without memory there is none', () => {
  const stack = new ScratchStack(memory(0).kernel)
  assert.equal(stack.take(10), 0)
  const full = new ScratchStack(memory(1).kernel)
  assert.notEqual(full.take(10), 0)
  assert.equal(full.take(1e6), 0)
})
