import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { interestKey } from '../../../src/router/leaf/interest-map.ts'
import { LeafInterest, type LeafMember } from '../../../src/router/leaf/leaf-interest.ts'
import { ReceivedInterest } from '../../../src/router/leaf/received-interest.ts'
import { StrictPeer } from './strict-peer.ts'

const LOOP_SUBJECT = '$LDS.us'

/** A link whose peer finds fault with every needless line. */
class Member implements LeafMember {
  readonly isSolicited = true
  readonly isSpoke: boolean
  readonly isIsolated = false
  readonly peerName: string
  readonly peerCluster: string
  readonly peerAccount = ''
  readonly peerPlace = ''
  readonly received = new ReceivedInterest()
  readonly peer = new StrictPeer()
  readonly denied = new Set<string>()
  written = ''

  constructor(name: string, { isSpoke = false, cluster = '' } = {}) {
    this.peerName = name
    this.isSpoke = isSpoke
    this.peerCluster = cluster
  }

  mayAnnounce(subject: string): boolean {
    return !this.denied.has(subject)
  }

  writeInterest(lines: string): void {
    this.written += lines
    this.peer.apply(lines)
  }

  closeAsDuplicate(): void {
    throw new Error('a link that was dialled is no duplicate')
  }

  onNotPermitted(): void {}

  take(): string {
    const { written } = this
    this.written = ''
    return written
  }
}

/** Interest of this server alone, with the links that are told of it. */
class Registry {
  readonly local = new Map<string, { subject: string; queue: string | undefined; count: number }>()
  readonly interest = new LeafInterest(() => this.local.values(), LOOP_SUBJECT)

  change(subject: string, queue: string | undefined, delta: number): void {
    const key = interestKey(subject, queue)
    const count = (this.local.get(key)?.count ?? 0) + delta
    if (count < 0) return
    if (count === 0) this.local.delete(key)
    else this.local.set(key, { subject, queue, count })
    this.interest.onInterest({ subject, queue, delta, origin: 'local' })
  }

  join(member: Member): Member {
    this.interest.join(member)
    this.interest.announce(member)
    return member
  }

  /** The peer of `origin` wants something with this weight; 0 = no more. */
  receive(origin: Member, subject: string, queue: string | undefined, weight: number): void {
    const before = origin.received.get(interestKey(subject, queue))?.weight ?? 0
    if (weight === before) return
    if (weight === 0) origin.received.take(interestKey(subject, queue))
    else origin.received.put({ subject, queue, weight })
    this.interest.onInterest({ subject, queue, delta: weight - before, origin })
  }
}

const KEYS = [
  ['a', undefined],
  ['b', undefined],
  ['a', 'q'],
  ['b', 'r'],
] as const

type Step =
  | { readonly type: 'local'; readonly key: number; readonly delta: number }
  | { readonly type: 'other'; readonly key: number; readonly weight: number }
  | { readonly type: 'permit'; readonly denied: readonly string[] }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('local' as const),
    key: fc.nat(KEYS.length - 1),
    delta: fc.constantFrom(1, 1, -1, -2),
  }),
  fc.record({
    type: fc.constant('other' as const),
    key: fc.nat(KEYS.length - 1),
    weight: fc.nat(3),
  }),
  fc.record({
    type: fc.constant('permit' as const),
    denied: fc.subarray(['a', 'b', LOOP_SUBJECT]),
  }),
)

test('through any changes of interest and permissions a peer is told what it may know, once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const registry = new Registry()
      const other = registry.join(new Member('other'))
      const member = registry.join(new Member('member'))
      for (const change of steps) {
        if (change.type === 'permit') {
          member.denied.clear()
          for (const subject of change.denied) member.denied.add(subject)
          registry.interest.announceAgain(member)
        } else {
          const [subject, queue] = KEYS[change.key]!
          if (change.type === 'local') registry.change(subject, queue, change.delta)
          else {
            const weight = queue === undefined ? Math.min(1, change.weight) : change.weight
            registry.receive(other, subject, queue, weight)
          }
        }
        assert.deepEqual(new Map([...member.peer.table].sort()), wanted(registry, member, other))
      }
      registry.interest.withdraw(member)
      assert.equal(member.peer.table.size, 0)
    }),
  )
})

function wanted(registry: Registry, member: Member, other: Member): Map<string, number> {
  const table = new Map<string, number>()
  const sums = [...registry.local.values()].map((want) => ({ ...want, weight: want.count }))
  for (const { subject, queue, weight } of [...sums, ...other.received.values()]) {
    if (member.denied.has(subject)) continue
    const key = interestKey(subject, queue)
    table.set(key, queue === undefined ? 1 : (table.get(key) ?? 0) + weight)
  }
  if (!member.denied.has(LOOP_SUBJECT)) table.set(LOOP_SUBJECT, 1)
  return new Map([...table].sort())
}

test('a link that was not told anything yet is not told what has changed', () => {
  const registry = new Registry()
  registry.change('a', undefined, 1)
  const member = new Member('m')
  registry.interest.announceAgain(member)
  registry.interest.join(member)
  registry.interest.announceAgain(member)
  registry.interest.withdrawLoop(member)
  assert.equal(member.take(), '')
  registry.interest.withdraw(member)
  assert.deepEqual([member.take(), registry.interest.size], ['', 0])
})

test('the loop subject can be taken back alone, and only once', () => {
  const registry = new Registry()
  registry.change('a', undefined, 1)
  const member = registry.join(new Member('m'))
  member.take()
  registry.interest.withdrawLoop(member)
  assert.equal(member.take(), `LS- ${LOOP_SUBJECT}\r\n`)
  registry.interest.withdrawLoop(member)
  assert.equal(member.take(), '')
  registry.change('b', undefined, 1)
  assert.equal(member.take(), 'LS+ b\r\n')
  registry.interest.withdraw(member)
  assert.equal(member.take(), 'LS- a\r\nLS- b\r\n')
})

test('after everything was withdrawn a link is told nothing more, and others still are', () => {
  const registry = new Registry()
  const member = registry.join(new Member('m'))
  const other = registry.join(new Member('other'))
  registry.interest.withdraw(member)
  other.take()
  member.take()
  registry.change('a', undefined, 1)
  assert.deepEqual([member.take(), other.take()], ['', 'LS+ a\r\n'])
  assert.equal(registry.interest.announcedTo(member), undefined)
})

test('a second link to a known cluster is a loop, unless the first is about to be replaced', () => {
  const registry = new Registry()
  const first = registry.join(new Member('h1', { isSpoke: true, cluster: 'hubs' }))
  const second = new Member('h2', { isSpoke: true, cluster: 'hubs' })
  registry.interest.join(second)
  assert.ok(registry.interest.leadsToKnownCluster(second))
  registry.interest.withdrawLoop(first)
  assert.ok(!registry.interest.leadsToKnownCluster(second))
  assert.ok(registry.interest.leadsToKnownCluster(first))
  const nameless = registry.join(new Member('x'))
  registry.join(new Member('y'))
  assert.ok(!registry.interest.leadsToKnownCluster(nameless))
})

test('what another account imports is told to its own cluster, too, and taken back', () => {
  const registry = new Registry()
  const member = registry.join(new Member('m', { cluster: 'leafs' }))
  const origin = new Member('importer', { cluster: 'leafs' })
  const spokes = [true, true].map((isSpoke) => new Member('hub', { isSpoke }))
  registry.join(spokes[0]!)
  member.take()
  const tell = (from: Member, delta: number) =>
    registry.interest.onImportedInterest({ subject: 'a', queue: undefined, delta, origin: from })
  tell(origin, 1)
  assert.equal(member.take(), 'LS+ a\r\n')
  tell(origin, -1)
  assert.equal(member.take(), 'LS- a\r\n')
  spokes[0]!.take()
  tell(spokes[1]!, 1)
  assert.equal(spokes[0]!.take(), '', 'a spoke is a bridge between its hubs')
  registry.interest.onInterest({ subject: 'b', queue: undefined, delta: 1, origin })
  assert.equal(member.take(), 'LS+ a\r\n', 'the same cluster in the same account')
})
