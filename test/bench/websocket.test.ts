import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Websocket } from '../../bench/drivers/websocket.ts'
import {
  encodeFrameHeader,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
} from '../../src/protocol/websocket/frame-header.ts'

const ANSWER = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')

function frame(opcode: number, payload: Uint8Array, isFinal: boolean): Buffer {
  const header = encodeFrameHeader({ opcode, payloadBytes: payload.length, isFinal })
  return Buffer.concat([header, payload])
}

/** Each chunk is read into the same buffer, as of a socket. */
function unframe(stream: Buffer, chunkBytes: readonly number[]): Buffer {
  const websocket = new Websocket()
  const buffer = Buffer.alloc(stream.length)
  const payloads: Buffer[] = []
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const count = stream.copy(buffer, 0, at, at + chunkBytes[turn % chunkBytes.length]!)
    payloads.push(Buffer.from(buffer.subarray(0, websocket.unframe(buffer, count))))
    at += count
  }
  return Buffer.concat(payloads)
}

test('payloads are the same however the stream is cut', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 })
  const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(payloads, cuts, (parts, chunkBytes) => {
      const frames = parts.map((payload, index) => {
        const opcode = index % 2 === 0 ? OPCODE_BINARY : OPCODE_CONTINUATION
        return frame(opcode, payload, index % 2 === 1)
      })
      const stream = Buffer.concat([ANSWER, ...frames])
      assert.deepEqual(unframe(stream, chunkBytes), Buffer.concat(parts))
    }),
    { numRuns: 100 },
  )
})

test('a refusal, a close, and a masked frame are failures', () => {
  const refused = Buffer.from('HTTP/1.1 403 Forbidden\r\n\r\n')
  assert.throws(() => unframe(refused, [5]), /no websocket: HTTP\/1.1 403 Forbidden/)
  const closed = Buffer.concat([ANSWER, frame(OPCODE_CLOSE, Buffer.alloc(2), true)])
  assert.throws(() => unframe(closed, [64]), /websocket frame with opcode 8/)
  const masked = Buffer.concat([ANSWER, Websocket.frameHeader(1), Buffer.alloc(1)])
  assert.throws(() => unframe(masked, [64]), /mask bit must be clear/)
})
