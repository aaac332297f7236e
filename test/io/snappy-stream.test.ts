import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { snappyStream } from '../../src/io/s2/snappy-stream.ts'
import { decodeSlowly } from '../kernel/s2-reference.ts'
import { chunksOf, masked } from './s2-chunks.ts'

const COMPRESSED = 0x00
const STORED = 0x01

/** What a reader makes of it. */
function read(stream: Buffer): Buffer {
  const [first, ...chunks] = chunksOf(stream)
  assert.deepEqual([first?.type, first?.body.toString()], [0xff, 'sNaPpY'])
  const plain = chunks.map(({ type, body }) => {
    const block = body.subarray(4)
    const text = type === STORED ? block : decoded(block)
    assert.ok(type === STORED || type === COMPRESSED)
    assert.deepEqual(body.subarray(0, 4), masked(text))
    assert.ok(text.length <= 65_536)
    return text
  })
  return Buffer.concat(plain)
}

function decoded(block: Buffer): Buffer {
  let bytes = 0
  let at = 0
  for (let shift = 0; ; shift += 7) {
    const byte = block[at++]!
    bytes += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  const plain = decodeSlowly(block.subarray(at), bytes)
  assert.ok(plain !== undefined)
  return plain
}

test('comes back as it was, whatever it is', () => {
  const words = fc.array(fc.constantFrom('abcd', 'x', '{"name":"', 'connections', '\u0000\u0001'))
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    words.map((all) => Buffer.from(all.join(''))),
  )
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 400 }), (bytes, times) => {
      const plain = Buffer.concat(Array.from({ length: times }, () => bytes))
      assert.ok(read(snappyStream(plain)).equals(plain))
    }),
    { numRuns: 60 },
  )
})

test('makes text of monitors smaller, block by block', () => {
  const row = (cid: number) =>
    `{"cid":${cid},"kind":"Client","ip":"127.0.0.1","in_msgs":${cid * 7}}`
  const plain = Buffer.from(Array.from({ length: 3000 }, (_, cid) => row(cid)).join(','))
  const stream = snappyStream(plain)
  assert.ok(read(stream).equals(plain))
  assert.equal(chunksOf(stream).length, 1 + Math.ceil(plain.length / 65_536))
  assert.ok(stream.length < plain.length / 3, `${stream.length} of ${plain.length} bytes`)
})
