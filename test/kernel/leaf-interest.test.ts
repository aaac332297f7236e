import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KERNELS, Threads } from './threads.ts'

const COUNT = 100_000
/** Entry 32, node 48, its place in the table of edges and those before it 40; names 32 more. */
const BYTES_MAX = 200
const SCRATCH_NODES = 16

/** Subjects as a large system has them: a few wide levels, the last one unique. */
function subjectOf(index: number): string {
  return `orders.${index % 10}.customer-${index % 1000}.item.${index}`
}

for (const { name, module } of KERNELS) {
  describe(`the interest of a leaf link in ${COUNT} subjects, ${name} kernel`, () => {
    for (const queue of ['', 'workers']) {
      test(`takes little memory, is found, and gives all of it back: '${queue}'`, () => {
        const threads = new Threads({ module, workerCount: 1 })
        const { router } = threads
        const { exports } = router
        const link = router.connect({ kind: 'leaf', planKey: 1 })
        const generation = router.word(link + router.layout.CONNECTION_GENERATION)
        const [at, queueAt, scratch] = router.place(' '.repeat(64), queue, ' '.repeat(64))
        const insertAll = () =>
          Array.from({ length: COUNT }, (_, i) => {
            const subject = subjectOf(i)
            router.kernel.bytes.write(subject, at!, 'latin1')
            const entry = exports.insertEntry(
              ...([
                0,
                at!,
                subject.length,
                queueAt!,
                queue.length,
                link,
                generation,
                0,
                1,
              ] as const),
            )
            if (entry === 0) throw new RangeError(`no memory for entry ${i}`)
            return entry
          })
        const before = router.sublistField('SUBLIST_BREAK')
        const entries = insertAll()
        assert.equal(router.sublistField('SUBLIST_COUNT'), COUNT)
        const used = router.sublistField('SUBLIST_BREAK') - before
        assert.ok(used / COUNT < BYTES_MAX, `${used / COUNT} bytes for each`)
        for (let i = 0; i < COUNT; i += 7) {
          const subject = subjectOf(i)
          router.kernel.bytes.write(subject, at!, 'latin1')
          exports.matchNodes(
            exports.accountAddress(0),
            at!,
            subject.length,
            scratch!,
            SCRATCH_NODES,
          )
          if (exports.nodeCount.value !== 1) assert.fail(`${subject} is not found`)
        }
        for (const entry of entries) exports.removeEntry(entry)
        exports.reclaim()
        assert.equal(router.sublistField('SUBLIST_COUNT'), 0)
        const after = router.sublistField('SUBLIST_BREAK')
        // Notes of what was retired are all that comes on top.
        for (const entry of insertAll()) exports.removeEntry(entry)
        assert.equal(router.sublistField('SUBLIST_BREAK'), after)
      })
    }
  })
}
