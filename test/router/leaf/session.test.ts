import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeafEnd } from '../../../src/router/leaf/leaf-session-options.ts'
import { FakeBroker, FakeClock, hasLine, settle, Wire } from './fake-broker.ts'

type WireOptions = ConstructorParameters<typeof Wire>[2]

function connected(options: WireOptions = {}): Wire {
  const clock = new FakeClock()
  const wire = new Wire(new FakeBroker('spoke', clock), new FakeBroker('hub', clock), options)
  settle(wire)
  return wire
}

const LOOP = 'Loop detected for leafnode account="$G". Delaying attempt to reconnect for 30s'

test('PING is answered at once', () => {
  const wire = connected()
  wire.accepted.onPing()
  assert.equal(wire.hubLink.take(), 'PONG\r\n')
})

test('a spoke pings soon after connecting, then at each interval, and measures the round trip', () => {
  const wire = connected()
  const { clock } = wire.spoke
  assert.equal(wire.solicited.nextDeadlineMs(), clock.nowMs + 1100)
  clock.nowMs += 1100
  wire.spokeLink.receivedMs = clock.nowMs
  wire.solicited.onTimer(clock.nowMs)
  assert.equal(wire.spokeLink.take(), 'PING\r\n')
  assert.equal(wire.solicited.rttMs, -1)
  clock.nowMs += 7
  wire.solicited.onPong()
  assert.equal(wire.solicited.rttMs, 7)
  assert.equal(wire.solicited.nextDeadlineMs(), clock.nowMs - 7 + 120_000)
  clock.nowMs += 120_000
  wire.spokeLink.receivedMs = clock.nowMs
  wire.solicited.onTimer(clock.nowMs)
  assert.equal(wire.spokeLink.take(), 'PING\r\n')
})

test('a hub spares the ping of a link it hears of, once it knows the round trip', () => {
  const wire = connected()
  const { clock } = wire.hub
  clock.nowMs = wire.accepted.nextDeadlineMs()
  wire.accepted.onTimer(clock.nowMs)
  assert.equal(wire.hubLink.take(), 'PING\r\n')
  wire.accepted.onPong()
  clock.nowMs = wire.accepted.nextDeadlineMs()
  wire.hubLink.receivedMs = clock.nowMs - 1000
  wire.accepted.onTimer(clock.nowMs)
  assert.equal(wire.hubLink.take(), '')
  clock.nowMs = wire.accepted.nextDeadlineMs()
  wire.accepted.onTimer(clock.nowMs)
  assert.equal(wire.hubLink.take(), 'PING\r\n')
})

test('a peer that leaves two pings unanswered is closed at the third', () => {
  const wire = connected()
  const sent: string[] = []
  for (let i = 0; i < 3; i++) {
    wire.solicited.onTimer(wire.solicited.nextDeadlineMs())
    sent.push(wire.spokeLink.take())
  }
  assert.deepEqual(sent, ['PING\r\n', 'PING\r\n', "-ERR 'Stale Connection'\r\n"])
  assert.equal(wire.spokeLink.closedWith, 'staleConnection')
})

test('a timer that comes early does nothing', () => {
  const wire = connected()
  wire.solicited.onTimer(wire.solicited.nextDeadlineMs() - 1)
  assert.equal(wire.spokeLink.take(), '')
})

test('a peer may repeat a group with another weight, and with the same', () => {
  const wire = connected()
  for (const weight of [2, 2, 5, 1]) {
    wire.accepted.onLeafSub({ subject: 'jobs', queue: 'q', weight })
  }
  assert.deepEqual(wire.hub.view(wire.hubLink), ['$LDS.spoke', 'jobs q 1'])
  wire.accepted.onLeafUnsub('jobs', undefined)
  wire.accepted.onLeafUnsub('nothing', 'q')
  wire.accepted.onLeafUnsub('jobs', 'q')
  assert.deepEqual(wire.hub.view(wire.hubLink), ['$LDS.spoke'])
})

test('a subject that cannot be is refused, and the connection stays', () => {
  const wire = connected()
  wire.accepted.onLeafSub({ subject: 'a..b', queue: undefined, weight: 1 })
  assert.equal(wire.hubLink.take(), "-ERR 'Invalid Subscription'\r\n")
  assert.equal(wire.hubLink.closedWith, undefined)
})

test('interest beyond the limit of the link, or of the sublist, is dropped and said to be', () => {
  const wire = connected({ accept: { subscriptionsMax: 2 } })
  for (const subject of ['a', 'b', 'c']) {
    wire.accepted.onLeafSub({ subject, queue: undefined, weight: 1 })
  }
  assert.equal(wire.hubLink.take(), "-ERR 'maximum subscriptions exceeded'\r\n".repeat(2))
  assert.deepEqual(wire.hub.view(wire.hubLink), ['$LDS.spoke', 'a'])
  wire.accepted.onLeafUnsub('c', undefined)
  wire.accepted.onLeafUnsub('a', undefined)
  wire.hub.sublistMax = 1
  wire.accepted.onLeafSub({ subject: 'd', queue: undefined, weight: 1 })
  assert.deepEqual(wire.hub.view(wire.hubLink), ['$LDS.spoke'])
  assert.equal(wire.hubLink.closedWith, undefined)
})

test('JetStream subjects are not announced, and a literal one is refused', () => {
  const wire = connected()
  for (const subject of ['$JS.API.INFO', '$KV.b.>', '$OBJ.x', '$JS.API', '$JS.>', '$JS.ACK.x']) {
    wire.spoke.change(subject, undefined, 1)
  }
  settle(wire)
  assert.deepEqual(wire.hub.view(wire.hubLink), ['$JS.>', '$JS.ACK.x', '$JS.API', '$LDS.spoke'])
  wire.accepted.onLeafSub({ subject: '$KV.b.>', queue: undefined, weight: 1 })
  assert.equal(wire.hubLink.closedWith, undefined)
  wire.accepted.onLeafSub({ subject: '$KV.b.k', queue: 'q', weight: 1 })
  assert.equal(
    wire.hubLink.take(),
    `-ERR 'Permissions Violation for Subscription to "$KV.b.k"'\r\n`,
  )
  assert.equal(wire.hubLink.closedWith, 'protocolViolation')
})

test('a spoke only ignores interest it may not take', () => {
  const wire = connected()
  wire.solicited.onLeafSub({ subject: '$KV.b.k', queue: undefined, weight: 1 })
  assert.deepEqual(wire.spoke.view(wire.spokeLink), ['$LDS.hub'])
  assert.equal(wire.spokeLink.closedWith, undefined)
})

test('the own loop subject coming back is a loop: both ends say so, the dialling one waits', () => {
  for (const finder of ['accepted', 'solicited'] as const) {
    let hubPenaltyMs = -1
    const onEnd = ({ penaltyMs }: LeafEnd): void => {
      hubPenaltyMs = penaltyMs
    }
    const wire = connected({ accept: { onEnd } })
    const { loopSubject } = wire[finder === 'accepted' ? 'hub' : 'spoke'].interest
    wire[finder].onLeafSub({ subject: loopSubject, queue: undefined, weight: 1 })
    const link = finder === 'accepted' ? wire.hubLink : wire.spokeLink
    assert.equal(link.journal.at(-1), `-ERR '${LOOP}'`)
    assert.equal(link.closedWith, 'protocolViolation')
    settle(wire)
    const toHub = 'Account:$G Local:spoke Remote:hub@192.0.2.1:7422'
    const toSpoke = 'Account:$G Local:hub Remote:spoke@192.0.2.1:7422'
    assert.ok(wire.spoke.log.lines.includes(`ERR ${LOOP} - ${toHub}`))
    assert.ok(wire.hub.log.lines.includes(`ERR ${LOOP} - ${toSpoke}`))
    assert.deepEqual([wire.penaltyMs, hubPenaltyMs], [30_000, 0])
  }
})

test('-ERR is logged; three texts make the dialling side wait before it tries again', () => {
  const cases = [
    ["'Authorization Violation'", 0, undefined],
    [
      "'remote leafnode has same cluster name'",
      30_000,
      'Leafnode connection dropped with same cluster name error. Delaying attempt to reconnect for 30s',
    ],
    [
      `'connection rejected since minimum version required is "9.0.0"'`,
      5_000,
      'Leafnode connection dropped due to minimum version requirement. Delaying attempt to reconnect for 5s',
    ],
    [`'${LOOP}'`, 30_000, LOOP],
  ] as const
  for (const [arg, penaltyMs, line] of cases) {
    const wire = connected()
    wire.solicited.onErr(arg)
    assert.ok(hasLine(wire.spoke.log, `ERR Leafnode Error ${arg} - Account:$G Local:spoke `))
    if (line !== undefined) assert.ok(hasLine(wire.spoke.log, `ERR ${line}`))
    assert.equal(wire.solicited.isEnded, arg.includes('Loop'))
    wire.solicited.onClosed('clientClosed')
    assert.equal(wire.penaltyMs, penaltyMs)
  }
})

test('error lines name both servers with their clusters, or say that the peer is not known yet', () => {
  const clock = new FakeClock()
  const hub = new FakeBroker('hub', clock, { cluster: 'h' })
  const wire = new Wire(new FakeBroker('spoke', clock, { cluster: 's' }), hub)
  wire.accepted.onControlLineExceeded()
  const early =
    'ERR maximum control line exceeded - Account:$G Local:hub/h Remote:(unknown)@192.0.2.1:7422'
  assert.ok(hub.log.lines.includes(early))
  const next = new Wire(new FakeBroker('spoke', clock, { cluster: 's' }), hub)
  settle(next)
  next.accepted.onErr("'x'")
  const late = "ERR Leafnode Error 'x' - Account:$G Local:hub/h Remote:spoke/s@192.0.2.1:7422"
  assert.ok(hub.log.lines.includes(late))
})

test('the end of a link tells what was said last, and whether the peer said no', () => {
  const ends: LeafEnd[] = []
  const end = (say: (wire: Wire) => void): LeafEnd => {
    const wire = connected({ solicit: { onEnd: (told) => ends.push(told) } })
    say(wire)
    wire.solicited.onClosed('clientClosed')
    return ends.at(-1)!
  }
  const quiet = { lastError: '', penaltyMs: 0, isRefused: false }
  assert.deepEqual(
    end(() => {}),
    { ...quiet, reason: 'clientClosed' },
  )
  for (const [arg, isRefused] of [
    ["'Authorization Violation'", true],
    ["'User Authentication Expired'", true],
    ["'Account Authentication Expired'", true],
    ["'Authentication Timeout'", false],
    ["'Stale Connection'", false],
  ] as const) {
    assert.deepEqual(
      end(({ solicited }) => solicited.onErr(arg)),
      { ...quiet, reason: 'clientClosed', lastError: arg, isRefused },
    )
  }
  assert.deepEqual(
    end(({ solicited }) => solicited.onUnknownOperation('x')),
    { ...quiet, reason: 'protocolViolation', lastError: 'Unknown Protocol Operation' },
  )
  assert.deepEqual(
    end(({ solicited }) => {
      solicited.noteError('no route')
      solicited.onClosed('readError')
    }),
    { ...quiet, reason: 'readError', lastError: 'no route' },
  )
  assert.equal(ends.length, 8)
})

test('what a peer says cannot forge or flood the log', () => {
  const wire = connected()
  wire.solicited.onErr(`'\n[INF] all is well${'x'.repeat(5000)}'`)
  const line = wire.spoke.log.lines.at(-1)!
  assert.ok(line.length < 1200)
  assert.doesNotMatch(line, /\n/)
})

test('a line that cannot be read closes without a word, an unknown verb with one', () => {
  const bad = connected()
  bad.accepted.onBadArguments("processLeafSub Parse Error: 'a b'")
  assert.deepEqual([bad.hubLink.take(), bad.hubLink.closedWith], ['', 'protocolViolation'])
  assert.ok(bad.hub.log.lines.includes("ERR processLeafSub Parse Error: 'a b'"))
  const unknown = connected()
  unknown.accepted.onUnknownOperation('FOO x')
  assert.equal(unknown.hubLink.take(), "-ERR 'Unknown Protocol Operation'\r\n")
  const long = connected()
  long.accepted.onControlLineExceeded()
  assert.equal(long.hubLink.take(), "-ERR 'maximum control line exceeded'\r\n")
  assert.equal(long.hubLink.closedWith, 'maxControlLineExceeded')
})

test('a message too large, or on a forbidden subject, ends the link', () => {
  const large = connected()
  large.accepted.onPayloadExceeded(2000, 1000)
  assert.equal(large.hubLink.take(), "-ERR 'Maximum Payload Violation'\r\n")
  assert.ok(large.hub.log.lines.includes('ERR maximum payload exceeded: 2000 vs 1000'))
  const forbidden = connected()
  forbidden.accepted.onForbiddenPublish('x')
  assert.equal(forbidden.hubLink.take(), `-ERR 'Permissions Violation for Publish to "x"'\r\n`)
  assert.ok(
    forbidden.hub.log.lines.includes(
      'ERR Publish Violation on "x" - Check other side configuration',
    ),
  )
})

test('subjects are bytes: any of them cross unchanged', () => {
  const wire = connected()
  const subject = Buffer.from('käse.\u{1f9c0}', 'utf8').toString('latin1')
  wire.spoke.change(subject, undefined, 1)
  settle(wire)
  assert.deepEqual(wire.hub.view(wire.hubLink), ['$LDS.spoke', subject])
})

test('after its end a session does nothing any more', () => {
  const wire = connected()
  wire.accepted.onClosed('readError')
  wire.hubLink.take()
  wire.accepted.onClosed('clientClosed')
  wire.accepted.onPing()
  wire.accepted.onLeafSub({ subject: 'late', queue: undefined, weight: 1 })
  wire.accepted.onInfo('{bad')
  wire.accepted.onErr("'late'")
  wire.accepted.onTimer(Number.MAX_SAFE_INTEGER)
  wire.hub.change('late', undefined, 1)
  assert.equal(wire.hubLink.take(), '')
  assert.equal(wire.hubLink.closedWith, 'readError')
  assert.deepEqual(wire.hub.view(wire.hubLink), [])
})
