import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { interestKey } from '../../../src/router/leaf/interest-map.ts'
import { FakeBroker, FakeClock, hasLine, settle, Wire } from './fake-broker.ts'
import { accepted, CONNECT_INFO, FIRST_INFO, info, solicited } from './one-sided.ts'

/** A leaf with links to two hubs, of which it is leaving the first; and a leaf below it. */
class Move {
  readonly leaf: FakeBroker
  readonly hubs: readonly [FakeBroker, FakeBroker]
  readonly below: Wire
  readonly old: Wire
  /** Made by `dialSuccessor`. */
  successor!: Wire

  constructor(cluster = '') {
    const clock = new FakeClock()
    this.leaf = new FakeBroker('leaf', clock)
    this.hubs = [new FakeBroker('h1', clock, { cluster }), new FakeBroker('h2', clock, { cluster })]
    this.below = new Wire(new FakeBroker('below', clock), this.leaf)
    this.old = new Wire(this.leaf, this.hubs[0])
    this.settle()
  }

  settle(): void {
    settle(...[this.below, this.old, this.successor].filter((wire) => wire !== undefined))
  }

  /** The first hub says that it is about to end. */
  warn(): void {
    this.old.accepted.tellLameDuck()
    this.settle()
  }

  dialSuccessor(): void {
    this.successor = new Wire(this.leaf, this.hubs[1], {
      solicit: { onEstablished: () => this.old.solicited.retire(this.successor.solicited) },
    })
    this.settle()
  }

  /** What the leaf has of each hub. */
  views(): [old: string[], successor: string[]] {
    const views = [this.old, this.successor].map((wire) =>
      wire === undefined
        ? []
        : this.leaf.view(wire.spokeLink).filter((key) => !key.startsWith('$')),
    )
    return views as [string[], string[]]
  }

  /** Lines the leaf below was told since the last call. */
  toldBelow(): string[] {
    this.settle()
    return this.below.hubLink.journal.splice(0).filter((line) => !line.includes('$LDS.'))
  }
}

test('a hub that is about to end says so to leafs that are connected, and nothing else changes', () => {
  const { link, session, tell } = accepted()
  session.tellLameDuck()
  assert.equal(link.take(), '')
  tell('CONNECT {}\r\n')
  link.take()
  session.tellLameDuck()
  const told = JSON.parse(link.take().slice('INFO '.length))
  assert.equal(told.ldm, true)
  assert.equal(told.server_id, 'Nhub')
  for (const member of ['nonce', 'compression', 'connect_info', 'import', 'export']) {
    assert.ok(!(member in told), member)
  }
  session.onClosed('clientClosed')
  session.tellLameDuck()
  assert.equal(link.take(), '')
})

test('a leaf that is told takes back its loop subject first, then looks for another hub', () => {
  const steps: string[] = []
  const { link, tell, broker } = solicited({
    onLameDuck: () => steps.push(link.take()),
    denyExports: ['x'],
  })
  broker.change('foo', undefined, 1)
  tell(`${FIRST_INFO}${info({ connect_info: true, import: { deny: ['bar'] } })}`)
  link.take()
  const { peer } = link
  tell(info({ ldm: true }))
  assert.deepEqual(steps, ['LS- $LDS.spoke\r\n'])
  assert.deepEqual(link.peer, peer)
  assert.ok(hasLine(broker.log, 'INF The other side is about to end'))
  broker.change('later', undefined, 1)
  assert.equal(link.take(), 'LS+ later\r\n')
  tell(info({ ldm: true }))
  assert.deepEqual(steps.slice(1), [''])
  tell(info({ ldm: false }))
  assert.equal(steps.length, 2)
})

test('a hub that ends before it has let a leaf in is not looked away from', () => {
  let count = 0
  const { tell } = solicited({ onLameDuck: () => count++ })
  tell(info({ ldm: true }))
  tell(info({ ldm: true }))
  assert.equal(count, 0)
  tell(CONNECT_INFO)
  assert.equal(count, 0)
  tell(info({ ldm: true }))
  assert.equal(count, 1)
})

test('a leaf cannot make its hub look for another one', () => {
  const { link, tell, session } = accepted()
  tell('CONNECT {}\r\n')
  link.take()
  tell('INFO {"ldm":true}\r\n')
  assert.deepEqual([link.take(), session.isEnded], ['', false])
})

test('the successor takes over key by key: nothing is wanted of both, and replies stay', () => {
  const move = new Move()
  const [h1, h2] = move.hubs
  for (const hub of [h1, h2]) {
    hub.change('foo', undefined, 1)
    hub.change('jobs', 'q', 2)
  }
  h1.change('_INBOX.x.*', undefined, 1)
  h2.change('new', undefined, 1)
  move.leaf.change('mine', 'g', 3)
  move.warn()
  assert.deepEqual(h1.view(move.old.hubLink), ['$LDS.below', 'mine g 3'])
  move.dialSuccessor()
  assert.deepEqual(h1.view(move.old.hubLink), [])
  assert.deepEqual(h2.view(move.successor.hubLink), [
    '$LDS.below',
    '$LDS.h1',
    '$LDS.leaf',
    'mine g 3',
  ])
  assert.deepEqual(move.views(), [['_INBOX.x.*'], ['foo', 'jobs q 2', 'new']])
  move.leaf.change('more', undefined, 1)
  move.settle()
  assert.deepEqual(h1.view(move.old.hubLink), [])
  assert.ok(h2.view(move.successor.hubLink).includes('more'))
})

test('no other link hears of an end of what the successor takes over', () => {
  const move = new Move()
  const [h1, h2] = move.hubs
  h1.change('foo', undefined, 1)
  h1.change('late', undefined, 1)
  h2.change('foo', undefined, 1)
  move.warn()
  move.toldBelow()
  move.dialSuccessor()
  assert.deepEqual(move.toldBelow(), [])
  h2.change('late', undefined, 1)
  assert.deepEqual(move.toldBelow(), [])
  assert.deepEqual(move.views(), [[], ['foo', 'late']])
  h1.change('reply', undefined, 1)
  assert.deepEqual(move.toldBelow(), ['LS+ reply'])
  move.old.cut()
  assert.deepEqual(move.toldBelow(), ['LS- reply'])
  assert.deepEqual(move.views(), [[], ['foo', 'late']])
})

test('what the old hub asks for late is not taken if the successor has it', () => {
  const move = new Move()
  const [h1, h2] = move.hubs
  h2.change('foo', undefined, 1)
  h2.change('jobs', 'q', 1)
  move.warn()
  move.dialSuccessor()
  h1.change('foo', undefined, 1)
  h1.change('jobs', 'q', 4)
  h1.change('jobs', 'other', 1)
  move.settle()
  assert.deepEqual(move.views(), [['jobs other 1'], ['foo', 'jobs q 1']])
  h1.change('foo', undefined, -1)
  move.settle()
  assert.deepEqual(move.views()[1], ['foo', 'jobs q 1'])
})

test('when the successor ends first the old link is used for what is asked of it', () => {
  const move = new Move()
  const [h1, h2] = move.hubs
  h2.change('foo', undefined, 1)
  move.warn()
  move.dialSuccessor()
  move.successor.cut()
  h1.change('foo', undefined, 1)
  move.settle()
  assert.deepEqual(move.views(), [['foo'], []])
  assert.deepEqual(h1.view(move.old.hubLink), [])
})

test('a link that has ended already is not retired', () => {
  const move = new Move()
  move.hubs[0].change('foo', undefined, 1)
  move.warn()
  move.old.cut()
  move.dialSuccessor()
  assert.ok(move.successor.isUp)
  const { journal } = move.old.spokeLink
  assert.ok(!journal.includes('LS- $LDS.below'))
})

test('a leaf moves between two hubs of one cluster', () => {
  const move = new Move('hubs')
  move.leaf.change('foo', undefined, 1)
  move.warn()
  move.dialSuccessor()
  assert.ok(move.old.isUp && move.successor.isUp)
  assert.deepEqual(move.hubs[0].view(move.old.hubLink), [])
  assert.ok(move.hubs[1].view(move.successor.hubLink).includes('foo'))
})

const KEYS = [
  ['a', undefined],
  ['b', undefined],
  ['a', 'q'],
] as const

test('whatever both hubs ask for while the links overlap, nothing is wanted of both', () => {
  const change = fc.record({
    hub: fc.nat(1),
    key: fc.nat(KEYS.length - 1),
    delta: fc.constantFrom(1, 1, -1),
    isCarried: fc.boolean(),
  })
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 12 }),
      fc.array(change, { maxLength: 30 }),
      (before, after) => {
        const move = new Move()
        const apply = ({ hub, key, delta, isCarried }: (typeof before)[number]): void => {
          const [subject, queue] = KEYS[key]!
          move.hubs[hub]!.change(subject, queue, delta)
          if (isCarried) move.settle()
        }
        for (const one of before) apply(one)
        move.warn()
        move.dialSuccessor()
        for (const one of after) {
          apply(one)
          const [old, successor] = move.views().map((view) => new Set(view.map(withoutWeight)))
          assert.deepEqual(
            [...old!].filter((key) => successor!.has(key)),
            [],
          )
        }
        move.settle()
        const [h1, h2] = move.hubs.map(({ local }) =>
          [...local.values()].map(({ subject, queue }) => interestKey(subject, queue)).sort(),
        )
        const [old, successor] = move.views().map((view) => view.map(withoutWeight))
        assert.deepEqual(successor, h2)
        assert.deepEqual(
          old!.filter((key) => !h1!.includes(key)),
          [],
        )
        move.old.cut()
        move.settle()
        const below = move.below.spoke.view(move.below.spokeLink).map(withoutWeight)
        assert.deepEqual(
          below.filter((key) => !key.startsWith('$')),
          h2,
        )
      },
    ),
  )
})

function withoutWeight(entry: string): string {
  return entry.split(' ').slice(0, 2).join(' ')
}
