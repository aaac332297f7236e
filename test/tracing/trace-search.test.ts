/** The kernel's search for headers that may ask for a trace, beside a plain one. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Threads } from '../kernel/threads.ts'

const DEST = 'Nats-Trace-Dest:'
const PARENT = 'traceparent:'
const { router } = new Threads({ workerCount: 1 })

/** What lies behind the block must not count. */
function finds(block: string, withParents: boolean, behind = ''): boolean {
  const [at] = router.place(block + behind)
  return router.exports.mayBeTraced(at!, block.length, withParents ? 1 : 0) !== 0
}

/** Before the first line's end there is no name, and a value and two line ends come behind it. */
function expected(block: string, withParents: boolean): boolean {
  const names = block.slice(10, Math.max(10, block.length - 5))
  return names.includes(DEST) || (withParents && names.toLowerCase().includes(PARENT))
}

const anyCase = fc
  .tuple(fc.constant(PARENT), fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }))
  .map(([text, upper]) => [...text].map((c, i) => (upper[i] ? c.toUpperCase() : c)).join(''))
const fragment = fc.oneof(
  { weight: 2, arbitrary: fc.constant(DEST) },
  { weight: 2, arbitrary: anyCase },
  fc.integer({ min: 1, max: 15 }).map((length) => DEST.slice(0, length)),
  fc.integer({ min: 1, max: 11 }).map((length) => PARENT.slice(0, length)),
  fc.constantFrom('NATS/1.0\r\n', '\r\n', ': ', 'N', 'T', ':', 'Nats-Msg-Id: ', 'nats-trace-dest:'),
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
)

describe('the search for traces', () => {
  test('finds what a plain search finds, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), fc.boolean(), (parts, withParents) => {
        const block = parts.join('')
        assert.equal(finds(block, withParents), expected(block, withParents))
      }),
      { numRuns: 3000 },
    )
  })

  test('finds it at every place of a block', () => {
    for (let before = 0; before < 70; before++) {
      for (const behind of [0, 1, 40]) {
        for (const name of [DEST, PARENT]) {
          const block = 'x'.repeat(10 + before) + name + 'y'.repeat(5 + behind)
          assert.equal(finds(block, true), true, `${name} ${before} ${behind}`)
        }
      }
    }
  })

  test('does not look behind the block', () => {
    for (const name of [DEST, PARENT]) {
      for (let cut = 0; cut < name.length; cut++) {
        const block = `NATS/1.0\r\n${name.slice(0, cut)}`
        assert.equal(finds(block, true, `${name.slice(cut)} tr.dest\r\n\r\n`), false)
      }
    }
  })
})
