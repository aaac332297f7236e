import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReferenceSublist, type ReferenceSubscription } from '../reference/reference-sublist.ts'
import { type EntryFacts, entryText, SublistAccess, sorted } from './sublist-access.ts'
import { KERNELS, Threads } from './threads.ts'

const SEED = 20_261_122
const RUNS = { checked: 400, fast: 100 } as const
const DEEP = [1, 100, 2047, 2048, 2049, 4000]

const LONG = 'long'.repeat(75)
const token = fc.constantFrom('a', 'b', 'aa', '*', '>', '*', LONG, `${LONG}x`, '\xff\x80', 'a*', '')
const subject = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.array(token, { minLength: 1, maxLength: 6 }).map((all) => all.join('.')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...DEEP).map((count) => Array(count).fill('a').join('.')),
  },
)
const queue = fc.constantFrom(null, null, 'q', 'r', LONG)

type Step =
  | { readonly type: 'insert'; readonly facts: Omit<EntryFacts, 'target'> }
  | { readonly type: 'remove'; readonly index: number }
  | { readonly type: 'weigh'; readonly index: number; readonly weight: number }
  | { readonly type: 'match'; readonly subject: string }
  | { readonly type: 'reclaim' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('insert' as const),
      facts: fc.record({ subject, queue, weight: fc.constantFrom(0, 0, 1, 5) }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('remove' as const), index: fc.nat(30) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('weigh' as const),
      index: fc.nat(30),
      weight: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('match' as const), subject }) },
  { weight: 1, arbitrary: fc.constant({ type: 'reclaim' } as const) },
)

/** What the reference has for an entry; the weight changes in place. */
interface Known {
  readonly entry: number
  readonly row: ReferenceSubscription<Known>
  readonly target: number
  weight: number
}

function isTooDeep(text: string): boolean {
  return text.split('.').length > 2048
}

for (const { name, module } of KERNELS) {
  test(`the ${name} kernel's sublist answers as the plain list does, whatever is added and removed`, () => {
    const threads = new Threads({ workerCount: 1, module })
    const sublist = new SublistAccess(threads.router)
    const { exports } = threads.router
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const reference = new ReferenceSublist<Known>()
        const known: Known[] = []
        const run = (one: Step, at: number) => {
          if (one.type === 'insert') insert(one.facts, at + 1)
          else if (one.type === 'match') match(one.subject)
          else if (one.type === 'reclaim') exports.reclaim()
          else if (known.length > 0) change(known[one.index % known.length]!, one)
        }
        const insert = (facts: Omit<EntryFacts, 'target'>, target: number) => {
          const { subject, queue = null, weight = 0 } = facts
          const scratch = new ReferenceSublist<null>()
          // The caller of the kernel has checked the subject.
          if (!scratch.insert({ subject, queue, value: null })) return
          const entry = sublist.insert({ ...facts, target })
          assert.equal(entry === 0, isTooDeep(subject))
          if (entry === 0) return
          const one: Known = {
            entry,
            target,
            weight,
            row: {
              subject,
              queue,
              get value() {
                return one
              },
            },
          }
          reference.insert(one.row)
          known.push(one)
        }
        const change = (one: Known, { type, ...rest }: Step) => {
          if (type === 'weigh' && one.weight > 0 && 'weight' in rest) {
            exports.setWeight(one.entry, rest.weight)
            one.weight = rest.weight
          } else if (type === 'remove') {
            exports.removeEntry(one.entry)
            assert.ok(reference.remove(one.row))
            known.splice(known.indexOf(one), 1)
          }
        }
        const match = (literal: string) => {
          const { plain, queues } = reference.match(literal)
          const text = (one: Known) => entryText({ ...one, subject: '' })
          const expected = {
            plain: plain.map(text),
            queues: new Map([...queues].map(([group, members]) => [group, members.map(text)])),
          }
          assert.deepEqual(sorted(sublist.match(literal)), sorted(expected))
        }
        steps.forEach(run)
        assert.equal(sublist.count, known.length)
        for (const one of [...known]) match(one.row.subject)
        for (const one of known) exports.removeEntry(one.entry)
        exports.reclaim()
        assert.equal(sublist.count, 0)
      }),
      { seed: SEED, numRuns: RUNS[name] },
    )
  })
}
