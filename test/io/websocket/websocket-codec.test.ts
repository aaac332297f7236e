import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import {
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
} from '../../../src/protocol/websocket/frame-header.ts'
import { CLIENT, FakeHost, frame, framesOf, SERVER } from './codec-host.ts'

const COMPRESSING = { ...SERVER, compress: true }

function deflated(bytes: string | Uint8Array): Buffer {
  const whole = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  return whole.subarray(0, whole.length - 4)
}

function inflated(payload: Uint8Array): Buffer {
  return inflateRawSync(
    Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff])]),
  )
}

function closeText(host: FakeHost): [number, string] {
  const sent = framesOf(host.codec.closing(host.closed ?? 'clientClosed')!)
  assert.equal(sent.length, 1)
  const { opcode, payload } = sent[0]!
  assert.equal(opcode, OPCODE_CLOSE)
  return payload.length === 0 ? [0, ''] : [payload.readUInt16BE(0), payload.toString('utf8', 2)]
}

// ── inbound ─────────────────────────────────────────────────────────────────────────────────

test('frames, whatever their kind, are one stream of bytes', () => {
  const host = new FakeHost(SERVER)
  host.feed(
    Buffer.concat([
      frame(OPCODE_BINARY, 'PUB a 2\r\n'),
      frame(OPCODE_TEXT, 'hi', { isFinal: false }),
      frame(OPCODE_PING, 'are you there'),
      frame(OPCODE_CONTINUATION, '', { isFinal: false }),
      frame(OPCODE_CONTINUATION, '\r\n'),
      frame(OPCODE_BINARY, ''),
      frame(OPCODE_PONG, 'ignored'),
      frame(OPCODE_BINARY, 'PING\r\n'),
    ]),
  )
  assert.equal(host.delivered.toString(), 'PUB a 2\r\nhi\r\nPING\r\n')
  assert.equal(host.closed, undefined)
  const [pong, ...others] = framesOf(Buffer.concat(host.raw))
  assert.equal(others.length, 0)
  assert.deepEqual([pong?.opcode, pong?.payload.toString()], [OPCODE_PONG, 'are you there'])
  assert.equal(pong?.isMasked, false)
})

const message = fc.record({
  payload: fc.uint8Array({ maxLength: 300 }),
  cuts: fc.array(fc.nat(300), { maxLength: 3 }),
  isCompressed: fc.boolean(),
  ping: fc.boolean(),
  mask: fc.nat(0xffffffff),
})

test('however frames and reads are cut, the same bytes come out', () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      fc.array(fc.boolean()),
      (messages, sizes, answers) => {
        const wire = Buffer.concat(messages.flatMap(framesOfMessage))
        const host = new FakeHost(COMPRESSING)
        host.answers.push(...answers)
        for (let at = 0, i = 0; at < wire.length; i++) {
          const size = sizes[i % sizes.length]!
          host.feed(wire.subarray(at, at + size))
          while (!host.goOn());
          at += size
        }
        assert.equal(host.readFailure, undefined)
        const payloads = messages.map(({ payload }) => payload)
        assert.deepEqual(host.delivered, Buffer.concat(payloads))
        assert.equal(host.raw.length, messages.filter(({ ping }) => ping).length)
      },
    ),
    { numRuns: 300 },
  )
})

type Message = typeof message extends fc.Arbitrary<infer T> ? T : never

function framesOfMessage({ payload, cuts, isCompressed, ping, mask }: Message): Buffer[] {
  const body = isCompressed ? deflated(payload) : Buffer.from(payload)
  const at = [0, ...cuts.map((cut) => Math.min(cut, body.length)).sort((a, b) => a - b)]
  const frames = at.map((from, i) =>
    frame(i === 0 ? OPCODE_BINARY : OPCODE_CONTINUATION, body.subarray(from, at[i + 1]), {
      isFinal: i === at.length - 1,
      isCompressed: isCompressed && i === 0,
      mask,
    }),
  )
  return ping ? [frames[0]!, frame(OPCODE_PING, 'x'), ...frames.slice(1)] : frames
}

test('noise is refused or waited for', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 })), (reads) => {
      const host = new FakeHost(COMPRESSING)
      for (const read of reads) {
        host.feed(read)
        for (let i = 0; i < 3 && host.closed === undefined; i++) host.goOn()
      }
      const total = reads.reduce((sum, read) => sum + read.length, 0)
      // Deflate makes at most about a thousand bytes of one.
      assert.ok(host.delivered.length <= 1100 * total)
    }),
    { numRuns: 2000 },
  )
})

test('a host that waits gets the rest later', () => {
  const host = new FakeHost(SERVER)
  host.answers.push(false)
  host.feed(Buffer.concat([frame(OPCODE_BINARY, 'one'), frame(OPCODE_BINARY, 'two')]))
  assert.equal(host.delivered.toString(), 'one')
  assert.equal(host.goOn(), true)
  assert.equal(host.delivered.toString(), 'onetwo')
})

test('a broken rule ends in a read error and a close frame that says why', () => {
  const cases: [Buffer, string][] = [
    [frame(OPCODE_BINARY, 'x', { mask: 'none' }), 'mask bit missing'],
    [Buffer.of(0xa2), 'RSV2 and RSV3 must be clear'],
    [Buffer.of(0x85, 0x80), 'unknown opcode 5'],
    [
      frame(OPCODE_BINARY, 'x', { isCompressed: true }),
      'compressed frame received without negotiated permessage-deflate',
    ],
    [frame(OPCODE_CONTINUATION, 'x'), 'invalid continuation frame'],
    [frame(OPCODE_CLOSE, 'x'), 'close frame payload cannot be 1 byte'],
    [frame(OPCODE_CLOSE, Buffer.of(3, 0xed)), 'invalid close status code 1005'],
  ]
  for (const [bytes, text] of cases) {
    const host = new FakeHost(SERVER)
    host.feed(Buffer.concat([frame(OPCODE_BINARY, 'before'), bytes, frame(OPCODE_BINARY, 'after')]))
    assert.equal(host.readFailure, text)
    assert.equal(host.delivered.toString(), 'before')
    assert.deepEqual(closeText(host), [1002, text])
  }
})

test('after agreement nobody has to mask, but may', () => {
  const host = new FakeHost({ ...SERVER, noMasking: true })
  host.feed(frame(OPCODE_BINARY, 'plain', { mask: 'none' }))
  host.feed(frame(OPCODE_BINARY, 'masked'))
  assert.equal(host.delivered.toString(), 'plainmasked')
})

test('a server that masks is refused by our client', () => {
  const host = new FakeHost(CLIENT)
  host.feed(frame(OPCODE_BINARY, 'x', { mask: 'none' }))
  host.feed(frame(OPCODE_BINARY, 'x'))
  assert.equal(host.readFailure, 'mask bit must be clear')
})

test('a close frame is answered by its own words', () => {
  const host = new FakeHost(SERVER)
  host.feed(
    Buffer.concat([
      frame(OPCODE_CLOSE, Buffer.from('\x03\xe9bye', 'latin1')),
      frame(OPCODE_PING, ''),
    ]),
  )
  assert.equal(host.closed, 'clientClosed')
  assert.deepEqual(closeText(host), [1001, 'bye'])
  assert.equal(host.raw.length, 0)

  const silent = new FakeHost(SERVER)
  silent.feed(frame(OPCODE_CLOSE, ''))
  assert.deepEqual(closeText(silent), [0, ''])

  const garbled = new FakeHost(SERVER)
  garbled.feed(frame(OPCODE_CLOSE, Buffer.of(0x03, 0xe8, 0xff)))
  assert.deepEqual(closeText(garbled), [1007, 'invalid utf8 body in close frame'])
  assert.equal(garbled.closed, 'clientClosed')
})

test('when the server ends it, the close frame has the reason', () => {
  const sent = framesOf(new FakeHost(SERVER).codec.closing('maxPayloadExceeded')!)
  assert.equal(sent[0]?.payload.readUInt16BE(0), 1009)
  assert.equal(sent[0]?.payload.toString('utf8', 2), 'Maximum Message Payload Exceeded')
})

// ── compressed messages ─────────────────────────────────────────────────────────────────────

test('a message may inflate to max_payload, and not to more', () => {
  const max = 100_000
  const terms = { ...COMPRESSING, inflatedBytesMax: max, compressedBytesMax: 8 * max }
  const fits = new FakeHost(terms)
  fits.feed(frame(OPCODE_BINARY, deflated(Buffer.alloc(max, 'a')), { isCompressed: true }))
  assert.equal(fits.delivered.length, max)
  const bomb = new FakeHost(terms)
  bomb.feed(frame(OPCODE_BINARY, deflated(Buffer.alloc(max + 1)), { isCompressed: true }))
  assert.equal(bomb.readFailure, 'maximum payload exceeded')
  assert.deepEqual(closeText(bomb), [1001, 'Read Error'])
})

test('what is collected of a compressed message is bounded before it is inflated', () => {
  const host = new FakeHost({ ...COMPRESSING, compressedBytesMax: 1000 })
  const part = { isFinal: false, isCompressed: true }
  host.feed(frame(OPCODE_BINARY, Buffer.alloc(600), part))
  assert.equal(host.readFailure, undefined)
  host.feed(frame(OPCODE_CONTINUATION, Buffer.alloc(600), { isFinal: false }))
  assert.equal(host.readFailure, 'maximum payload exceeded')
})

test('one call inflates a bounded amount, and takes up where it left off', () => {
  const host = new FakeHost(COMPRESSING)
  const one = Buffer.alloc(1024 * 1024, 'x')
  const wire = Array.from({ length: 5 }, () =>
    frame(OPCODE_BINARY, deflated(one), { isCompressed: true }),
  )
  host.feed(Buffer.concat(wire))
  assert.equal(host.delivered.length, one.length)
  let turns = 1
  while (!host.goOn()) turns++
  assert.equal(host.delivered.length, 5 * one.length)
  assert.equal(turns, 4)
})

test('a host that waits amid a large compressed message gets the rest of it', () => {
  const host = new FakeHost(COMPRESSING)
  const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, i) => i % 251))
  host.answers.push(false, true, false)
  const wire = [frame(OPCODE_BINARY, deflated(bytes), { isCompressed: true })]
  host.feed(Buffer.concat([...wire, frame(OPCODE_BINARY, 'next')]))
  assert.equal(host.deliveries, 1)
  while (!host.goOn());
  assert.deepEqual(host.delivered, Buffer.concat([bytes, Buffer.from('next')]))
})

test('bytes that are no deflate stream are refused', () => {
  const host = new FakeHost(COMPRESSING)
  host.feed(frame(OPCODE_BINARY, Buffer.alloc(20, 0xff), { isCompressed: true }))
  assert.match(host.readFailure ?? '', /^flate: /)
})

// ── outbound ────────────────────────────────────────────────────────────────────────────────

test('a server sends parts as they lie, in one frame', () => {
  const host = new FakeHost(SERVER)
  const { kernel } = host
  const at = kernel.exports.allocate(1000)
  const parts = [kernel.bytes.subarray(at, at + 400), kernel.bytes.subarray(at + 400, at + 1000)]
  const [header, ...payload] = host.codec.encode(parts)
  assert.deepEqual(header, Uint8Array.of(0x82, 126, 1000 >> 8, 1000 & 255))
  assert.equal(payload[0], parts[0])
  assert.equal(payload[1], parts[1])
  kernel.exports.release(at, 1000)
})

test('a client masks, each frame by another mask', () => {
  const host = new FakeHost(CLIENT)
  const parts = [Buffer.from('CONNECT {}\r\n'), Buffer.from('PING'), Buffer.alloc(70_001, 'y')]
  const [first] = framesOf(host.encode(...parts))
  const [second] = framesOf(host.encode(...parts))
  for (const sent of [first!, second!]) {
    assert.equal(sent.isMasked, true)
    assert.deepEqual(sent.payload, Buffer.concat(parts))
  }
  assert.notEqual(first?.mask, second?.mask)
  const unmasked = framesOf(new FakeHost({ ...CLIENT, noMasking: true }).encode(...parts))
  assert.equal(unmasked[0]?.isMasked, false)
  const close = framesOf(host.codec.closing('serverShutdown')!)
  assert.equal(close[0]?.isMasked, true)
  assert.equal(close[0]?.payload.toString('utf8', 2), 'Server Shutdown')
})

test('what is longer than 64 bytes is compressed, each message for itself', () => {
  const host = new FakeHost(COMPRESSING)
  const short = framesOf(host.encode(Buffer.alloc(40), Buffer.alloc(24)))
  assert.deepEqual(
    short.map(({ isCompressed }) => isCompressed),
    [false],
  )
  for (let i = 0; i < 2; i++) {
    const [sent] = framesOf(host.encode(Buffer.alloc(40, 'a'), Buffer.alloc(25, 'b')))
    assert.equal(sent?.isCompressed, true)
    assert.equal(inflated(sent!.payload).toString(), 'a'.repeat(40) + 'b'.repeat(25))
  }
})

test('browsers get frames of at most 4096 bytes', () => {
  const payload = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * i) % 253))
  const plain = framesOf(
    new FakeHost({ ...SERVER, browser: 'other' }).encode(
      payload.subarray(0, 3000),
      payload.subarray(3000),
    ),
  )
  assert.deepEqual(
    plain.map(({ payloadBytes }) => payloadBytes),
    [4096, 4096, 1808],
  )
  assert.ok(plain.every(({ isFinal, opcode }) => isFinal && opcode === OPCODE_BINARY))
  assert.deepEqual(Buffer.concat(plain.map((sent) => sent.payload)), payload)

  const noise = Buffer.concat([payload, payload.map((byte, i) => byte ^ (i * 7919) ^ (i >> 3))])
  const cut = framesOf(new FakeHost({ ...COMPRESSING, browser: 'other' }).encode(noise))
  assert.ok(cut.length > 1)
  assert.deepEqual(
    cut.map(({ opcode }) => opcode),
    cut.map((_, i) => (i === 0 ? OPCODE_BINARY : OPCODE_CONTINUATION)),
  )
  assert.deepEqual(
    cut.map(({ isCompressed }) => isCompressed),
    cut.map((_, i) => i === 0),
  )
  assert.deepEqual(
    cut.map(({ isFinal }) => isFinal),
    cut.map((_, i) => i === cut.length - 1),
  )
  assert.ok(cut.every(({ payloadBytes }) => payloadBytes <= 4096))
  assert.deepEqual(inflated(Buffer.concat(cut.map((sent) => sent.payload))), noise)

  const safari = framesOf(new FakeHost({ ...COMPRESSING, browser: 'safari' }).encode(noise))
  assert.equal(safari.length, 1)
  assert.equal(safari[0]?.isFinal, true)
})
