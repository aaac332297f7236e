import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  applyMask,
  encodeFrameHeader,
  type FrameHeader,
  type FrameRules,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  readFrameHeader,
} from '../../../src/protocol/websocket/frame-header.ts'

const RULES: FrameRules = { compress: true, masking: 'optional', isMessageOpen: false }

function read(bytes: readonly number[], rules: Partial<FrameRules> = {}) {
  return readFrameHeader(Uint8Array.from(bytes), 0, bytes.length, { ...RULES, ...rules })
}

function violation(bytes: readonly number[], rules: Partial<FrameRules> = {}): string {
  const result = read(bytes, rules)
  assert.ok(result !== undefined && 'violation' in result, `no violation: ${bytes}`)
  return result.violation
}

const dataFrame = fc.record({
  opcode: fc.constant(OPCODE_BINARY),
  payloadBytes: fc.oneof(
    fc.nat(130),
    fc.integer({ min: 65_530, max: 65_540 }),
    fc.maxSafeNat().filter((n) => n < 2 ** 52),
  ),
  isFinal: fc.boolean(),
  isCompressed: fc.boolean(),
  mask: fc.option(fc.nat(0xffffffff), { nil: undefined }),
})

test('what is encoded is read back, and a part of it asks for more', () => {
  fc.assert(
    fc.property(dataFrame, fc.nat(20), (frame, offset) => {
      const header = encodeFrameHeader(frame)
      const bytes = new Uint8Array(offset + header.length)
      bytes.set(header, offset)
      for (let to = offset; to < bytes.length; to++) {
        assert.equal(readFrameHeader(bytes, offset, to, RULES), undefined)
      }
      const { mask, ...rest } = frame
      assert.deepEqual(readFrameHeader(bytes, offset, bytes.length, RULES), {
        ...rest,
        headerBytes: header.length,
        mask: mask ?? 0,
        isMasked: mask !== undefined,
      } satisfies FrameHeader)
    }),
  )
})

test('the shortest form of the length is written', () => {
  const bytesFor = (payloadBytes: number) =>
    encodeFrameHeader({ opcode: OPCODE_BINARY, payloadBytes }).length
  assert.deepEqual([0, 125, 126, 65_535, 65_536].map(bytesFor), [2, 2, 4, 4, 10])
})

test('the example of RFC 6455: a masked "Hello"', () => {
  const frame = Uint8Array.from([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
  const header = readFrameHeader(frame, 0, frame.length, RULES) as FrameHeader
  const payload = frame.slice(header.headerBytes)
  applyMask(payload, header.mask)
  assert.equal(Buffer.from(payload).toString(), 'Hello')
})

test('a mask goes on where the part before has left it', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(0xffffffff), fc.nat(300), (bytes, mask, cut) => {
      const at = Math.min(cut, bytes.length)
      const whole = bytes.slice()
      applyMask(whole, mask)
      const parts = bytes.slice()
      applyMask(parts.subarray(0, at), mask)
      applyMask(parts.subarray(at), mask, at)
      assert.deepEqual(parts, whole)
      applyMask(parts, mask)
      assert.deepEqual(parts, bytes)
    }),
  )
})

test('each broken rule has its words, as soon as its bytes are there', () => {
  assert.equal(violation([0xa2]), 'RSV2 and RSV3 must be clear')
  assert.equal(violation([0x92]), 'RSV2 and RSV3 must be clear')
  assert.equal(
    violation([0xc2], { compress: false }),
    'compressed frame received without negotiated permessage-deflate',
  )
  assert.equal(violation([0x82, 0x01], { masking: 'required' }), 'mask bit missing')
  assert.equal(violation([0x82, 0x81], { masking: 'forbidden' }), 'mask bit must be clear')
  assert.equal(violation([0x83, 0x00]), 'unknown opcode 3')
  assert.equal(violation([0x8b, 0x00]), 'unknown opcode 11')
  assert.equal(
    violation([0x89, 126]),
    'control frame length bigger than maximum allowed of 125 bytes',
  )
  assert.equal(violation([OPCODE_PING, 0]), 'control frame does not have final bit set')
  assert.equal(violation([0xc0 | OPCODE_CLOSE, 0]), 'control frame must not be compressed')
  assert.equal(
    violation([0x82, 0], { isMessageOpen: true }),
    'new message started before final frame for previous message was received',
  )
  assert.equal(violation([0x80, 0]), 'invalid continuation frame')
  assert.equal(violation([0xc0, 0], { isMessageOpen: true }), 'invalid continuation frame')
  assert.equal(violation([0x82, 127, 0x80]), 'invalid 64-bit payload length')
})

test('control frames may come inside a message, continuations only there', () => {
  const ping = read([0x89, 0], { isMessageOpen: true })
  assert.ok(ping !== undefined && !('violation' in ping))
  const continuation = read([OPCODE_CONTINUATION, 1], { isMessageOpen: true })
  assert.ok(continuation !== undefined && !('violation' in continuation))
  assert.equal(continuation.isFinal, false)
})
