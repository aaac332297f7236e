import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CompressionMode, CompressionOptions } from '../../../src/config/option-types.ts'
import {
  compressionForRtt,
  negotiateCompression,
  s2LevelOf,
  wantsCompression,
} from '../../../src/router/leaf/compression.ts'
import { FakeBroker, FakeClock, hasLine, settle, Wire } from './fake-broker.ts'
import { accepted, CONNECT_INFO, info, solicited } from './one-sided.ts'

const RTT_THRESHOLDS_MS = [10, 50, 100]
const VIOLATION = "-ERR 'Authorization Violation'\r\n"

function compression(mode: CompressionMode): { compression: CompressionOptions } {
  return { compression: { mode, rttThresholdsMs: RTT_THRESHOLDS_MS } }
}

/** Two servers with these modes, shaken hands; the hub first. */
function unshaken(hub: CompressionMode, spoke: CompressionMode): Wire {
  const clock = new FakeClock()
  return new Wire(new FakeBroker('spoke', clock), new FakeBroker('hub', clock), {
    accept: compression(hub),
    solicit: compression(spoke),
  })
}

function shakenHands(hub: CompressionMode, spoke: CompressionMode): Wire {
  const wire = unshaken(hub, spoke)
  settle(wire)
  return wire
}

/** Verbs written, and the calls of `compress` between them. */
function order({ journal }: { journal: readonly string[] }): string[] {
  return journal.map((entry) => (entry.startsWith('compress') ? entry : entry.split(' ')[0]!))
}

/** Members of the INFO and CONNECT lines written. */
function objects({ journal }: { journal: readonly string[] }): Record<string, unknown>[] {
  return journal
    .filter((line) => /^(INFO|CONNECT) /.test(line))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))))
}

/**
 * Modes of hub and spoke, and what they come to on a fast link; as nats-server's own tests have it.
 */
const MATRIX: readonly (readonly [CompressionMode, CompressionMode, hub: string, spoke: string])[] =
  [
    ['off', 'off', 'off', 'off'],
    ['off', 'accept', 'off', 'off'],
    ['off', 's2_auto', 'off', 'off'],
    ['off', 's2_better', 'off', 'off'],
    ['off', 's2_best', 'off', 'off'],
    ['accept', 'off', 'off', 'off'],
    ['accept', 'accept', 'off', 'off'],
    ['accept', 's2_auto', 's2_fast', 's2_uncompressed'],
    ['accept', 's2_better', 's2_better', 's2_better'],
    ['accept', 's2_best', 's2_best', 's2_best'],
    ['s2_auto', 'off', 'off', 'off'],
    ['s2_auto', 'accept', 's2_uncompressed', 's2_fast'],
    ['s2_auto', 's2_auto', 's2_uncompressed', 's2_uncompressed'],
    ['s2_auto', 's2_better', 's2_uncompressed', 's2_better'],
    ['s2_auto', 's2_best', 's2_uncompressed', 's2_best'],
    ['s2_better', 'off', 'off', 'off'],
    ['s2_better', 'accept', 's2_better', 's2_better'],
    ['s2_better', 's2_auto', 's2_better', 's2_uncompressed'],
    ['s2_better', 's2_better', 's2_better', 's2_better'],
    ['s2_better', 's2_best', 's2_better', 's2_best'],
    ['s2_best', 'off', 'off', 'off'],
    ['s2_best', 'accept', 's2_best', 's2_best'],
    ['s2_best', 's2_auto', 's2_best', 's2_uncompressed'],
    ['s2_best', 's2_better', 's2_best', 's2_better'],
    ['s2_best', 's2_best', 's2_best', 's2_best'],
    ['s2_fast', 's2_fast', 's2_fast', 's2_fast'],
    ['not supported', 's2_best', 'not supported', 'not supported'],
    ['s2_best', 'not supported', 'not supported', 'not supported'],
    ['not supported', 'off', 'not supported', 'not supported'],
    ['off', 'not supported', 'not supported', 'not supported'],
    ['not supported', 'not supported', 'not supported', 'not supported'],
  ]

for (const [hub, spoke, atHub, atSpoke] of MATRIX) {
  test(`a hub with ${hub} and a spoke with ${spoke} come to ${atHub} and ${atSpoke}`, () => {
    const wire = shakenHands(hub, spoke)
    assert.ok(wire.isUp)
    assert.deepEqual([wire.accepted.compression, wire.solicited.compression], [atHub, atSpoke])
    const levels = (mode: string): string[] => (mode.startsWith('s2_') ? [mode.slice(3)] : [])
    assert.deepEqual(wire.hubLink.levels, levels(atHub))
    assert.deepEqual(wire.spokeLink.levels, levels(atSpoke))
    assert.deepEqual(wire.hub.view(wire.hubLink), ['$LDS.spoke'])
    assert.deepEqual(wire.spoke.view(wire.spokeLink), ['$LDS.hub'])
    assert.equal(objects(wire.spokeLink).at(-1)?.['compress_mode'], atSpoke)
  })
}

test('each mode meets each mode of a peer as in nats-server', () => {
  const s2 = ['s2_auto', 's2_uncompressed', 's2_fast', 's2_better', 's2_best']
  for (const own of ['accept', 's2_auto', 's2_fast', 's2_better', 's2_best'] as const) {
    const isAccepting = own === 'accept'
    assert.ok(wantsCompression(own))
    assert.equal(negotiateCompression(own, ''), 'not supported')
    assert.equal(negotiateCompression(own, 'not supported'), 'not supported')
    assert.equal(negotiateCompression(own, 'off'), 'off')
    assert.equal(negotiateCompression(own, 'accept'), isAccepting ? 'off' : own)
    for (const peer of s2) {
      const adopted = peer === 's2_auto' ? 's2_fast' : peer
      assert.equal(negotiateCompression(own, peer), isAccepting ? adopted : own)
    }
    for (const peer of ['S2_FAST', 'fast', 'zstd', ' off']) {
      assert.equal(negotiateCompression(own, peer), undefined)
    }
  }
  assert.ok(!wantsCompression('off') && !wantsCompression('not supported'))
})

test('both ends write INFO in clear, and everything behind their second one compressed', () => {
  const wire = shakenHands('s2_best', 's2_fast')
  assert.deepEqual(order(wire.hubLink), ['INFO', 'compress best', 'INFO', 'INFO', 'LS+'])
  assert.deepEqual(order(wire.spokeLink), ['INFO', 'compress fast', 'CONNECT', 'LS+'])
  const [first, agreed, answer] = objects(wire.hubLink)
  const seen = ({
    compression: mode,
    nonce,
    client_id: id,
    connect_info,
  }: Record<string, unknown>) => [mode, nonce, id, connect_info]
  assert.deepEqual(seen(first!), ['s2_best', 'abcdefghijklmno', 1, undefined])
  assert.deepEqual(seen(agreed!), ['s2_best', 'abcdefghijklmno', 1, undefined])
  assert.deepEqual(seen(answer!), [undefined, undefined, 1, true])
  const [asked, connect] = objects(wire.spokeLink)
  assert.deepEqual(seen(asked!), ['s2_fast', undefined, 1, undefined])
  assert.equal(asked!['server_id'], 'Nspoke')
  assert.equal(connect!['compress_mode'], 's2_fast')
})

test('INFO says s2_auto where the level is yet to follow the round trip, not where it is taken over', () => {
  const auto = shakenHands('s2_auto', 's2_auto')
  for (const { compression: mode } of [
    ...objects(auto.hubLink).slice(0, 2),
    objects(auto.spokeLink)[0]!,
  ]) {
    assert.equal(mode, 's2_auto')
  }
  const adopting = shakenHands('accept', 's2_auto')
  const modes = objects(adopting.hubLink).map(({ compression: mode }) => mode)
  assert.deepEqual(modes, ['accept', 's2_fast', undefined])
})

test('no INFO is exchanged where it comes to no compression', () => {
  for (const [hub, spoke] of [
    ['off', 's2_best'],
    ['s2_best', 'off'],
    ['accept', 'accept'],
    ['not supported', 's2_auto'],
    ['s2_auto', 'not supported'],
  ] as const) {
    const wire = shakenHands(hub, spoke)
    assert.deepEqual(order(wire.hubLink), ['INFO', 'INFO', 'LS+'])
    assert.deepEqual(order(wire.spokeLink), ['CONNECT', 'LS+'])
    const told = objects(wire.hubLink)[0]!['compression']
    assert.equal(told, hub === 'not supported' ? undefined : hub)
  }
})

test('a mode that does not exist ends the link on either side, with its name', () => {
  const told = '{"compression":"zst\\"d"}'
  const text = 'unsupported route compression mode "zst\\"d"'
  const hub = accepted(compression('accept'))
  hub.tell(`INFO ${told}\r\n`)
  const spoke = solicited(compression('s2_fast'))
  spoke.tell(info({ compression: 'zst"d' }))
  for (const { link, broker, session } of [hub, spoke]) {
    assert.equal(link.take(), `-ERR '${text}'\r\n`)
    assert.deepEqual([link.closedWith, link.levels], ['protocolViolation', []])
    assert.ok(session.isEnded)
    assert.ok(hasLine(broker.log, `ERR ${text}`))
  }
  const foreign = accepted(compression('accept'))
  foreign.tell('INFO {"compression":"schön"}\r\n')
  const bytes = Buffer.from(foreign.link.take(), 'latin1')
  assert.equal(bytes.toString(), `-ERR 'unsupported route compression mode "schön"'\r\n`)
})

test('a side that wants no compression does not look at what the peer says of it', () => {
  for (const mode of ['off', 'not supported'] as const) {
    const { link, tell } = solicited(compression(mode))
    tell(info({ compression: 'zstd' }))
    assert.match(link.take(), /^CONNECT /)
  }
})

test('a leaf may send one INFO before CONNECT, and nothing else, if there is compression', () => {
  for (const mode of ['accept', 's2_auto', 's2_fast', 's2_better', 's2_best'] as const) {
    for (const first of ['LS+ foo\r\n', 'LS- foo\r\n', 'PING\r\n', 'HELLO\r\n']) {
      const early = accepted(compression(mode))
      assert.equal(early.session.awaitsConnect, false)
      early.tell(first)
      assert.equal(early.link.take(), VIOLATION, `${mode}: ${first}`)
      const late = accepted(compression(mode))
      late.tell('INFO {"compression":"off"}\r\n')
      assert.equal(late.session.awaitsConnect, true)
      late.tell(first)
      assert.equal(late.link.take(), VIOLATION, `${mode}: ${first} after INFO`)
      for (const { session, broker } of [early, late]) {
        assert.ok(session.isEnded)
        assert.equal(broker.interest.size, 0)
      }
    }
  }
})

test('a second INFO before CONNECT is a violation, whatever it says', () => {
  for (const second of ['{}', '{"connect_info":true}', '{"remote_account":"$G"}', '{bad']) {
    for (const told of ['off', 's2_fast']) {
      const { link, tell } = accepted(compression('s2_auto'))
      tell(`INFO {"compression":"${told}"}\r\n`)
      link.take()
      tell(`INFO ${second}\r\n`)
      assert.deepEqual([link.take(), link.closedWith], [VIOLATION, 'authenticationFailure'])
    }
  }
})

test('CONNECT may come without INFO although there is compression, and then there is none', () => {
  for (const [connect, settled] of [
    ['{}', 'not supported'],
    ['{"compress_mode":"not supported"}', 'not supported'],
    ['{"compress_mode":"off"}', 'off'],
  ] as const) {
    const { link, tell, session } = accepted(compression('s2_best'))
    tell(`CONNECT ${connect}\r\n`)
    assert.match(link.take(), /^INFO .*"connect_info":true/)
    assert.deepEqual([session.compression, link.levels], [settled, []])
  }
})

test('nothing but the mode counts in the INFO of a leaf', () => {
  const seen: string[] = []
  const { link, tell } = accepted({
    ...compression('s2_fast'),
    authenticate: (_connect, nonce) => {
      seen.push(nonce)
      return { ok: true }
    },
  })
  const claims = {
    compression: 's2_auto',
    nonce: 'of the attacker',
    import: { deny: ['>'] },
    export: { deny: ['>'] },
    cluster: 'h',
    connect_info: true,
    remote_account: 'SYS',
    headers: true,
  }
  tell(`INFO ${JSON.stringify(claims)}\r\n`)
  assert.match(link.take(), /"nonce":"abcdefghijklmno"/)
  tell('CONNECT {"name":"leaf"}\r\n')
  assert.deepEqual(seen, ['abcdefghijklmno'])
  const { name, cluster, remoteAccount, headers, incoming, outgoing } = link.peer!
  assert.deepEqual([name, cluster, remoteAccount, headers], ['leaf', '', '', false])
  assert.deepEqual([incoming, outgoing], [{ deny: [] }, { deny: [] }])
})

test('an INFO after CONNECT does not change the compression', () => {
  const { link, tell, session } = accepted(compression('s2_best'))
  tell('CONNECT {}\r\n')
  link.take()
  tell('INFO {"compression":"s2_best"}\r\n')
  assert.deepEqual([link.take(), link.levels, session.compression], ['', [], 'not supported'])
})

test('the time to log in begins anew when compression is settled', () => {
  for (const told of ['s2_auto', 'off', 'not supported']) {
    const { link, tell, session, broker } = accepted(compression('s2_fast'))
    broker.clock.nowMs += 1500
    tell(`INFO {"compression":"${told}"}\r\n`)
    assert.equal(session.nextDeadlineMs(), broker.clock.nowMs + 2000, told)
    link.take()
    session.onTimer(broker.clock.nowMs + 2000)
    assert.equal(link.take(), "-ERR 'Authentication Timeout'\r\n")
  }
})

test('a link outlives the time to log in once it is connected', () => {
  const wire = shakenHands('s2_best', 's2_best')
  const deadlineMs = wire.hub.clock.nowMs + 2000
  assert.ok(wire.accepted.nextDeadlineMs() < deadlineMs)
  wire.accepted.onTimer(deadlineMs)
  assert.equal(wire.hubLink.take(), 'PING\r\n')
  assert.ok(wire.isUp)
})

test('a hub that agrees to compress and then says nothing is given up', () => {
  const { link, tell, session, broker } = solicited(compression('s2_fast'))
  broker.clock.nowMs += 700
  tell(info({ compression: 's2_auto' }))
  assert.deepEqual(order(link), ['INFO', 'compress fast'])
  assert.equal(session.nextDeadlineMs(), broker.clock.nowMs + 1000)
  link.take()
  session.onTimer(broker.clock.nowMs + 1000)
  assert.deepEqual([link.take(), link.closedWith], ['', 'readError'])
})

test('before its second INFO a hub has no business announcing anything', () => {
  const { link, tell, broker } = solicited(compression('s2_fast'))
  tell(info({ compression: 's2_auto' }))
  link.take()
  tell('LS+ foo\r\n')
  assert.deepEqual([link.take(), link.closedWith], [VIOLATION, 'protocolViolation'])
  assert.equal(broker.wanted.size, 0)
})

test('credentials are made for the nonce of the second INFO', () => {
  const { link, tell } = solicited({
    ...compression('s2_fast'),
    credentials: (nonce) => ({ user: `for ${nonce}` }),
  })
  tell(info({ compression: 's2_auto', nonce: 'one' }))
  tell(info({ compression: 's2_auto', nonce: 'two' }))
  assert.match(link.take(), /\r\nCONNECT .*"user":"for two"/)
  tell(CONNECT_INFO)
  assert.equal(link.take(), 'LS+ $LDS.spoke\r\n')
})

test('TLS stands before compression is spoken of', async () => {
  let tlsStands: () => void = () => {}
  const { link, tell } = solicited({
    ...compression('s2_fast'),
    startTls: () =>
      new Promise((resolve) => {
        tlsStands = resolve
      }),
  })
  tell(info({ compression: 's2_auto', tls_required: true }))
  assert.deepEqual(link.journal, [])
  tlsStands()
  await new Promise(setImmediate)
  assert.deepEqual(order(link), ['INFO', 'compress fast'])
})

test('the level of s2_auto is that of the round trip time', () => {
  const levels = (rttThresholdsMs: readonly number[], rtts: readonly number[]): string[] =>
    rtts.map((rttMs) => compressionForRtt(rttMs, { rttThresholdsMs }).slice('s2_'.length))
  const all = ['uncompressed', 'uncompressed', 'fast', 'fast', 'better', 'better', 'best', 'best']
  const rtts = [0, 10, 10.1, 50, 50.1, 100, 100.1, 1e6]
  assert.deepEqual(levels([10, 50, 100], rtts), all)
  assert.deepEqual(levels([10, 50, 100, 1000], rtts), all)
  assert.deepEqual(levels([10], [5, 10, 11]), ['uncompressed', 'uncompressed', 'uncompressed'])
  assert.deepEqual(levels([10, 50], [10, 11, 51]), ['uncompressed', 'fast', 'fast'])
  // 0 leaves a level out, even for a round trip too short to be measured.
  assert.deepEqual(levels([0, 50, 100], [0, 1, 51]), ['fast', 'fast', 'better'])
  assert.deepEqual(levels([0, 0, 0, 1], [0, 5]), ['best', 'best'])
})

test('only compressed links have an S2 level', () => {
  const modes = [
    'off',
    'not supported',
    's2_uncompressed',
    's2_fast',
    's2_better',
    's2_best',
  ] as const
  const levels = [undefined, undefined, 'uncompressed', 'fast', 'better', 'best']
  assert.deepEqual(modes.map(s2LevelOf), levels)
})

test('the first level of s2_auto is that of the time the handshake has taken so far', () => {
  const { link, tell, broker, session } = solicited(compression('s2_auto'))
  broker.clock.nowMs += 60
  tell(info({ compression: 's2_fast' }))
  assert.deepEqual([link.levels, session.compression], [['better'], 's2_better'])
  assert.equal(objects(link)[0]!['compression'], 's2_auto')
})

test('with s2_auto the level follows the round trip time, told once for each change', () => {
  for (const side of ['accepted', 'solicited'] as const) {
    const wire = shakenHands('s2_auto', 's2_auto')
    const { clock } = wire.hub
    const session = wire[side]
    const link = side === 'accepted' ? wire.hubLink : wire.spokeLink
    const seen: string[] = [session.compression]
    for (const rttMs of [30, 40, 70, 500, 400, 1]) {
      // Nothing heard for so long that a hub asks too.
      clock.nowMs = session.nextDeadlineMs()
      session.onTimer(clock.nowMs)
      assert.equal(link.take(), 'PING\r\n')
      clock.nowMs += rttMs
      session.onPong()
      seen.push(session.compression)
    }
    const [none, fast, better, best] = ['s2_uncompressed', 's2_fast', 's2_better', 's2_best']
    assert.deepEqual(seen, [none, fast, fast, better, best, best, none])
    assert.deepEqual(link.levels, ['uncompressed', 'fast', 'better', 'best', 'uncompressed'])
  }
})

test('a level that was agreed on, or none, stays whatever the round trip time', () => {
  for (const [hub, spoke] of [
    ['s2_fast', 's2_best'],
    ['off', 's2_auto'],
    ['s2_auto', 'off'],
    ['s2_auto', 'not supported'],
    ['accept', 's2_better'],
  ] as const) {
    const wire = shakenHands(hub, spoke)
    const before = [wire.accepted.compression, wire.solicited.compression]
    const levels = [[...wire.hubLink.levels], [...wire.spokeLink.levels]]
    for (const session of [wire.accepted, wire.solicited]) {
      wire.hub.clock.nowMs = session.nextDeadlineMs()
      session.onTimer(wire.hub.clock.nowMs)
      wire.hub.clock.nowMs += 700
      session.onPong()
      assert.equal(session.rttMs, 700)
    }
    assert.deepEqual([wire.accepted.compression, wire.solicited.compression], before)
    assert.deepEqual([wire.hubLink.levels, wire.spokeLink.levels], levels)
  }
})

test('a PONG nobody asked for tells nothing of the round trip time', () => {
  const wire = shakenHands('s2_auto', 's2_auto')
  wire.hub.clock.nowMs += 900
  wire.accepted.onPong()
  assert.deepEqual([wire.accepted.rttMs, wire.hubLink.levels], [-1, ['uncompressed']])
})

test('a round trip that had to wait for messages may ease the level, but not tighten it', () => {
  const wire = shakenHands('s2_auto', 's2_auto')
  const { accepted: session, hubLink: link } = wire
  const { clock } = wire.hub
  const roundTrip = (rttMs: number, carriedBytes: number): string => {
    clock.nowMs = session.nextDeadlineMs()
    session.onTimer(clock.nowMs)
    link.carriedBytes += carriedBytes
    clock.nowMs += rttMs
    session.onPong()
    return session.compression
  }
  assert.equal(roundTrip(80, 10_000_000), 's2_uncompressed')
  assert.equal(session.rttMs, 80)
  assert.equal(roundTrip(80, 1000), 's2_better')
  assert.equal(roundTrip(500, 10_000_000), 's2_better')
  assert.equal(roundTrip(5, 10_000_000), 's2_uncompressed')
})

test('a slow first answer does not keep a level when the next one is quick', () => {
  const wire = unshaken('s2_auto', 's2_auto')
  const { clock } = wire.hub
  clock.nowMs += 80
  settle(wire)
  // The hub has waited for INFO that long; CONNECT came at once.
  assert.equal(wire.accepted.compression, 's2_uncompressed')
  assert.deepEqual(wire.hubLink.levels, ['better', 'uncompressed'])
})
