import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeBroker, FakeClock, hasLine, settle, truth, Wire } from './fake-broker.ts'

function brokers(...names: readonly string[]): FakeBroker[] {
  const clock = new FakeClock()
  return names.map((name) => new FakeBroker(name, clock))
}

test('interest travels down and up a chain of spokes', () => {
  const [a, b, c] = brokers('a', 'b', 'c') as [FakeBroker, FakeBroker, FakeBroker]
  c.change('early', undefined, 1)
  const lower = new Wire(c, b)
  const upper = new Wire(b, a)
  settle(lower, upper)
  assert.deepEqual(a.view(upper.hubLink), ['$LDS.b', '$LDS.c', 'early'])
  c.change('jobs', 'q', 1)
  c.change('jobs', 'q', 1)
  b.change('jobs', 'q', 1)
  a.change('news.>', undefined, 1)
  settle(lower, upper)
  assert.deepEqual(a.view(upper.hubLink), ['$LDS.b', '$LDS.c', 'early', 'jobs q 3'])
  assert.deepEqual(c.view(lower.spokeLink), ['$LDS.a', '$LDS.b', 'jobs q 1', 'news.>'])
  lower.cut()
  settle(lower, upper)
  assert.deepEqual(a.view(upper.hubLink), ['$LDS.b', 'jobs q 1'])
  assert.deepEqual(b.view(lower.hubLink), [])
})

test('a lost link takes back a group in one step with its whole weight', () => {
  const [a, b, c] = brokers('a', 'b', 'c') as [FakeBroker, FakeBroker, FakeBroker]
  for (let i = 0; i < 3; i++) c.change('jobs', 'q', 1)
  a.change('jobs', 'q', 1)
  const lower = new Wire(c, b)
  const upper = new Wire(b, a)
  settle(lower, upper)
  b.change('jobs', 'q', 1)
  settle(lower, upper)
  upper.spokeLink.take()
  lower.cut()
  assert.equal(upper.spokeLink.take(), 'LS+ jobs q 1\r\nLS- $LDS.c\r\n')
})

test('a spoke with two hubs is no bridge between them, except for loop subjects', () => {
  const [hub1, hub2, spoke] = brokers('h1', 'h2', 's') as [FakeBroker, FakeBroker, FakeBroker]
  const first = new Wire(spoke, hub1)
  const second = new Wire(spoke, hub2)
  settle(first, second)
  hub1.change('only.here', undefined, 1)
  spoke.change('mine', undefined, 1)
  settle(first, second)
  assert.deepEqual(hub2.view(second.hubLink), ['$LDS.h1', '$LDS.s', 'mine'])
  assert.deepEqual(hub1.view(first.hubLink), ['$LDS.h2', '$LDS.s', 'mine'])
  assert.deepEqual(spoke.view(first.spokeLink), ['$LDS.h1', 'only.here'])
})

test('a hub bridges its spokes', () => {
  const [hub, one, two] = brokers('h', 'one', 'two') as [FakeBroker, FakeBroker, FakeBroker]
  const first = new Wire(one, hub)
  const second = new Wire(two, hub)
  one.change('foo', undefined, 1)
  settle(first, second)
  assert.deepEqual(two.view(second.spokeLink), ['$LDS.h', '$LDS.one', 'foo'])
})

test('the side that dials may take the hub role', () => {
  const [dials, listens, below] = brokers('d', 'l', 'x') as [FakeBroker, FakeBroker, FakeBroker]
  const wire = new Wire(dials, listens, { solicit: { isHub: true } })
  const other = new Wire(listens, below)
  settle(wire, other)
  assert.equal(wire.solicited.isSpoke, false)
  assert.equal(wire.accepted.isSpoke, true)
  below.change('below', undefined, 1)
  settle(wire, other)
  // `listens` is spoke on both links.
  assert.deepEqual(dials.view(wire.spokeLink), ['$LDS.l', '$LDS.x'])
})

test('an isolated link hears nothing of other leaf links, loop subjects included', () => {
  const [hub, one, two] = brokers('h', 'one', 'two') as [FakeBroker, FakeBroker, FakeBroker]
  const first = new Wire(one, hub)
  const second = new Wire(two, hub, { solicit: { requestsIsolation: true } })
  settle(first, second)
  one.change('foo', undefined, 1)
  hub.change('bar', undefined, 1)
  settle(first, second)
  assert.deepEqual(two.view(second.spokeLink), ['$LDS.h', 'bar'])
  assert.deepEqual(one.view(first.spokeLink), ['$LDS.h', '$LDS.two', 'bar'])
  assert.equal(second.hubLink.peer?.isIsolated, true)
})

test('interest is not told to another link of the cluster it came from', () => {
  const clock = new FakeClock()
  const hub = new FakeBroker('h', clock)
  const one = new FakeBroker('one', clock, { cluster: 'leafs' })
  const two = new FakeBroker('two', clock, { cluster: 'leafs' })
  const other = new FakeBroker('other', clock, { cluster: 'elsewhere' })
  const wires = [new Wire(one, hub), new Wire(two, hub), new Wire(other, hub)] as const
  settle(...wires)
  one.change('foo', undefined, 1)
  settle(...wires)
  assert.deepEqual(two.view(wires[1].spokeLink), ['$LDS.h', '$LDS.other'])
  assert.deepEqual(other.view(wires[2].spokeLink), ['$LDS.h', '$LDS.one', '$LDS.two', 'foo'])
})

test('a peer that repeats plain interest counts once further on', () => {
  const [hub, one, two] = brokers('h', 'one', 'two') as [FakeBroker, FakeBroker, FakeBroker]
  const first = new Wire(one, hub)
  const second = new Wire(two, hub)
  settle(first, second)
  second.hubLink.take()
  for (let i = 0; i < 3; i++) {
    first.accepted.onLeafSub({ subject: 'foo', queue: undefined, weight: 1 })
  }
  assert.equal(second.hubLink.take(), 'LS+ foo\r\n')
  first.accepted.onLeafUnsub('foo', undefined)
  assert.equal(second.hubLink.take(), 'LS- foo\r\n')
})

test('two servers that dial each other find the loop, with and without cluster names', () => {
  for (const cluster of [(_: string) => '', (name: string) => name]) {
    const clock = new FakeClock()
    const a = new FakeBroker('a', clock, { cluster: cluster('a') })
    const b = new FakeBroker('b', clock, { cluster: cluster('b') })
    const there = new Wire(a, b)
    settle(there)
    const back = new Wire(b, a)
    settle(there, back)
    assert.ok(!there.isUp || !back.isUp)
    const text = 'Loop detected for leafnode account="$G". Delaying attempt to reconnect for 30s'
    assert.ok(hasLine(a.log, `ERR ${text} - `))
    assert.ok(hasLine(b.log, `ERR ${text} - `))
    const cut = there.isUp ? back : there
    assert.equal(cut.penaltyMs, 30_000)
  }
})

test('a ring of three is cut, and what is left agrees on the interest', () => {
  for (const cluster of [(_: string) => '', (name: string) => name]) {
    const clock = new FakeClock()
    const [a, b, c] = ['a', 'b', 'c'].map(
      (name) => new FakeBroker(name, clock, { cluster: cluster(name) }),
    ) as [FakeBroker, FakeBroker, FakeBroker]
    const wires = [new Wire(a, b), new Wire(b, c)]
    settle(...wires)
    wires.push(new Wire(c, a))
    settle(...wires)
    assert.ok(wires.filter((wire) => wire.isUp).length <= 2)
    assert.ok(wires.some((wire) => wire.penaltyMs === 30_000))
    a.change('foo', undefined, 1)
    settle(...wires)
    for (const wire of wires.filter(({ isUp }) => isUp)) {
      for (const broker of [wire.hub, wire.spoke]) {
        assert.deepEqual(broker.view(wire.linkOf(broker)), truth(broker, wire, wires))
      }
    }
  }
})

type Churn =
  | { readonly type: 'change'; readonly at: number; readonly key: number; readonly delta: number }
  | { readonly type: 'carry'; readonly wire: number; readonly towardsHub: boolean }
  | { readonly type: 'cut'; readonly wire: number }

const KEYS = [
  ['foo', undefined],
  ['foo', 'q'],
  ['foo.*', undefined],
  ['$KV.b.k', undefined],
  ['bar', 'q'],
] as const

const churn: fc.Arbitrary<Churn> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('change' as const),
      at: fc.nat(2),
      key: fc.nat(KEYS.length - 1),
      delta: fc.constantFrom(1, 1, -1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('carry' as const),
      wire: fc.nat(1),
      towardsHub: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cut' as const), wire: fc.nat(1) }) },
)

test('after any churn of interest and links, all nodes of a chain know exactly what is wanted beyond', () => {
  fc.assert(
    fc.property(
      fc.array(churn, { maxLength: 80 }),
      fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
      (steps, [flip1, flip2, hub1, hub2]) => {
        const nodes = brokers('a', 'b', 'c') as [FakeBroker, FakeBroker, FakeBroker]
        const dial = (i: number): Wire => {
          const ends = [nodes[i]!, nodes[i + 1]!] as const
          const [spoke, hub] = (i === 0 ? flip1 : flip2) ? ends : ([ends[1], ends[0]] as const)
          return new Wire(spoke, hub, { solicit: { isHub: i === 0 ? hub1 : hub2 } })
        }
        const wires = [dial(0), dial(1)]
        for (const step of steps) {
          if (step.type === 'change') {
            const [subject, queue] = KEYS[step.key]!
            nodes[step.at]!.change(subject, queue, step.delta)
          } else if (step.type === 'carry') {
            wires[step.wire]!.step(step.towardsHub)
          } else {
            wires[step.wire]!.cut()
            wires[step.wire] = dial(step.wire)
          }
        }
        settle(...wires)
        for (const wire of wires) {
          assert.ok(wire.isUp)
          for (const broker of [wire.hub, wire.spoke]) {
            const expected = truth(broker, wire, wires).filter((key) => !key.startsWith('$KV.'))
            assert.deepEqual(broker.view(wire.linkOf(broker)), expected)
          }
        }
      },
    ),
  )
})
