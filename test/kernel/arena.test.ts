import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { KernelThread } from './kernel-thread.ts'
import { KERNELS, Threads } from './threads.ts'

const SEED = 20_261_122
const RUNS = { checked: 150, fast: 50 } as const
const PAGE_BYTES = 4096
const SLAB_PAGES = 16
/** Requests of `allocate` grow by this before they are rounded. */
const SLACK_BYTES = 64
const SMALL_BYTES_MAX = 2048 - SLACK_BYTES
const ALIGN = 16
/** Just enough for what `attach` and the test's own texts need, and some MiB. */
const ARENA_BYTES = 8 * 1024 * 1024

const size = fc.oneof(
  fc.integer({ min: 0, max: SMALL_BYTES_MAX }),
  fc.integer({ min: SMALL_BYTES_MAX + 1, max: 64 * 1024 }),
  fc.constantFrom(
    ...[0, 1, 64, 1984, 1985, PAGE_BYTES - SLACK_BYTES, PAGE_BYTES - SLACK_BYTES + 1],
  ),
  fc.integer({ min: 1, max: 10 }).map((pages) => pages * PAGE_BYTES - SLACK_BYTES),
  fc.integer({ min: 100_000, max: 3_000_000 }),
)

interface Block {
  readonly address: number
  readonly bytes: number
  readonly fill: number
}

type Step =
  | { readonly type: 'allocate'; readonly bytes: number }
  | { readonly type: 'release'; readonly index: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: size.map((bytes) => ({ type: 'allocate', bytes }) as const) },
  { weight: 2, arbitrary: fc.nat(100).map((index) => ({ type: 'release', index }) as const) },
)

function smallClass(bytes: number): number {
  return Math.max(0, Math.ceil(Math.log2((bytes + SLACK_BYTES) / 64)))
}

/** Blocks in use, filled with a byte each of their own; checked when they go. */
class ArenaModel {
  readonly blocks: Block[] = []
  readonly #thread: KernelThread
  #lastFill = 0

  constructor(thread: KernelThread) {
    this.#thread = thread
  }

  allocate(bytes: number): boolean {
    const address = this.#thread.exports.allocate(bytes)
    if (address === 0) return false
    assert.equal(address % ALIGN, 0, `alignment of a block of ${bytes} bytes`)
    const { arena } = this.#thread
    const end = arena + ARENA_BYTES
    assert.ok(address > arena && address + bytes + SLACK_BYTES <= end, 'the block is in the arena')
    for (const other of this.blocks) {
      const isApart = address >= other.address + other.bytes || address + bytes <= other.address
      assert.ok(isApart, `${bytes} bytes at ${address} and ${other.bytes} at ${other.address}`)
    }
    this.#lastFill = (this.#lastFill + 1) % 256
    // Vector copies touch bytes behind what they write: these belong to the block, too.
    this.#thread.kernel.bytes.fill(this.#lastFill, address, address + bytes + SLACK_BYTES)
    this.blocks.push({ address, bytes, fill: this.#lastFill })
    return true
  }

  release(index: number): void {
    if (this.blocks.length === 0) return
    const [block] = this.blocks.splice(index % this.blocks.length, 1)
    const { address, bytes, fill } = block!
    const content = this.#thread.kernel.bytes.subarray(address, address + bytes + SLACK_BYTES)
    assert.ok(
      content.every((byte) => byte === fill),
      `${bytes} bytes at ${address} were overwritten`,
    )
    this.#thread.exports.release(address, bytes)
  }

  releaseAll(): void {
    while (this.blocks.length > 0) this.release(this.blocks.length - 1)
  }
}

for (const { name, module } of KERNELS) {
  describe(`the arena of the ${name} kernel`, () => {
    test('gives blocks that are apart, aligned and whole, and gets every page back', () => {
      const threads = new Threads({ workerCount: 1, module, arenaBytes: ARENA_BYTES })
      const worker = threads.worker(1)
      const slabs = new Set<number>()
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const before = worker.freePages
          const model = new ArenaModel(worker)
          const added = new Set<number>()
          for (const one of steps) {
            if (one.type === 'release') model.release(one.index)
            else if (model.allocate(one.bytes) && one.bytes <= SMALL_BYTES_MAX) {
              added.add(smallClass(one.bytes))
            }
          }
          model.releaseAll()
          // Small blocks come from slabs of their class, and these stay; one of each is enough.
          const fresh = [...added].filter((one) => !slabs.has(one))
          for (const one of fresh) slabs.add(one)
          assert.ok(before - worker.freePages <= fresh.length * SLAB_PAGES)
        }),
        { seed: SEED, numRuns: RUNS[name] },
      )
      const { freePages } = worker
      const model = new ArenaModel(worker)
      for (let i = 0; i < 30; i++) model.allocate(i * 5000)
      model.releaseAll()
      assert.equal(worker.freePages, freePages)
    })

    test('that is exhausted says so with 0, and is whole again afterwards', () => {
      const threads = new Threads({ workerCount: 1, module, arenaBytes: ARENA_BYTES })
      const worker = threads.worker(1)
      const { freePages } = worker
      for (const bytes of [PAGE_BYTES - SLACK_BYTES, 50_000, 1_000_000]) {
        const model = new ArenaModel(worker)
        while (model.allocate(bytes));
        assert.ok(model.blocks.length > 1, `${bytes}: ${model.blocks.length} blocks`)
        assert.equal(worker.exports.allocate(bytes), 0)
        model.releaseAll()
        assert.equal(worker.freePages, freePages)
      }
      // All pages as one-page blocks, so that not one was lost or is given twice.
      const pages = new ArenaModel(worker)
      while (pages.allocate(PAGE_BYTES - SLACK_BYTES));
      assert.equal(pages.blocks.length, freePages)
      assert.equal(worker.freePages, 0)
      assert.equal(worker.exports.allocate(2000), 0)
    })

    test('has no block larger than itself', () => {
      const threads = new Threads({ workerCount: 1, module, arenaBytes: ARENA_BYTES })
      for (const bytes of [ARENA_BYTES, 2 ** 28, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 4_000_000_000]) {
        assert.equal(threads.worker(1).exports.allocate(bytes), 0, `${bytes} bytes`)
      }
    })

    test('uses small blocks of one class again, last in, first out', () => {
      const threads = new Threads({ workerCount: 1, module, arenaBytes: ARENA_BYTES })
      const { exports } = threads.worker(1)
      const [a, b] = [exports.allocate(100), exports.allocate(100)]
      exports.release(a, 100)
      exports.release(b, 100)
      assert.deepEqual([exports.allocate(150), exports.allocate(150)], [b, a])
    })
  })
}

test('an arena that is too small for its thread is refused', () => {
  assert.throws(
    () => new Threads({ workerCount: 1, arenaBytes: 1536 * 1024 }),
    /too small|no memory/,
  )
})

test('releasing what was released before stops the checked kernel', () => {
  const { exports } = new Threads({ workerCount: 1 }).worker(1)
  const block = exports.allocate(10_000)
  exports.release(block, 10_000)
  assert.throws(() => exports.release(block, 10_000), /unreachable/)
})
