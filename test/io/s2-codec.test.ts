import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { S2Level } from '../../src/io/s2/s2-encoder.ts'
import { exhaust, freePages, openKernel, place, repetitiveTexts } from '../kernel/s2-kernel.ts'
import { chunk, chunksOf, IDENTIFIER, masked } from './s2-chunks.ts'
import { S2_LEVELS, S2End } from './s2-end.ts'

const MIB = 1024 * 1024
const FIXTURES = new URL('../fixtures/s2/', import.meta.url)
const TRAFFIC = readFileSync(new URL('plain.bin', FIXTURES))
const kernel = openKernel()

/** The lines of the fixture long.s2; see its README. */
function longText(): Buffer {
  let text = ''
  for (let i = 0; i < 90_000; i++) text += `LMSG orders.${i % 50} 8\r\nabcdefgh\r\n`
  return Buffer.from(text)
}

function assertSame(actual: Buffer, expected: Buffer): void {
  if (actual.equals(expected)) return
  let i = 0
  while (actual[i] === expected[i]) i++
  assert.fail(`${actual.length} bytes for ${expected.length}, different from byte ${i} on`)
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────

const STREAMS = ['fast', 'better', 'best', 'uncompressed', 'snappy', 'padded', 'long'] as const
for (const name of STREAMS) {
  test(`a stream that Go wrote is read, wherever it is cut: ${name}`, () => {
    const stream = readFileSync(new URL(`${name}.s2`, FIXTURES))
    const plain = name === 'long' ? longText() : TRAFFIC
    for (const sizes of [[stream.length], [1], [7, 3], [1000, 1], [4096]]) {
      const end = new S2End(kernel)
      end.read(stream, sizes)
      assert.equal(end.failure, undefined)
      assertSame(end.received, plain)
      end.codec.release()
    }
  })
}

test('what one end writes the other one reads, at any level, however it is cut', () => {
  const flushes = fc.array(
    fc.record({
      level: fc.constantFrom(...S2_LEVELS),
      parts: fc.array(repetitiveTexts(60_000), { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 4 },
  )
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.nat({ max: 200_000 })), {
    minLength: 1,
    maxLength: 5,
  })
  fc.assert(
    fc.property(flushes, sizes, (flushes, sizes) => {
      const writer = new S2End(kernel)
      const reader = new S2End(kernel)
      const streams = flushes.map(({ level, parts }) => {
        writer.codec.level = level
        return writer.flush(...parts)
      })
      reader.read(Buffer.concat(streams), sizes)
      assert.equal(reader.failure, undefined)
      assertSame(reader.received, Buffer.concat(flushes.flatMap(({ parts }) => parts)))
      reader.codec.release()
    }),
    { numRuns: 100 },
  )
})

const BLOCK = Buffer.from('0c61626364', 'hex')
const ABCD = Buffer.from('abcd')
const SNAPPY = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1')
const STORED = chunk(0x01, masked(ABCD), ABCD)
const COMPRESSED = chunk(0x00, masked(ABCD), Buffer.from([4]), BLOCK)
const CORRUPT = 's2: corrupt input'

const WRONG = Buffer.from('abce')
const NOTHING = Buffer.alloc(0)
const UNSUPPORTED = 's2: unsupported input'
const MISMATCH = 's2: corrupt input, crc mismatch'

/** A chunk with a block, from the size in front of it, in hex. */
function sized(size: string, block = BLOCK): Buffer {
  return chunk(0x00, masked(ABCD), Buffer.from(size, 'hex'), block)
}

function header(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

/** What comes after an identifier, how many good chunks of it are delivered, and the failure. */
const ENDINGS: readonly (readonly [string, readonly Uint8Array[], number, string?])[] = [
  ['an identifier of another format', [STORED, chunk(0xff, Buffer.from('S2sTwo'))], 1, CORRUPT],
  ['an identifier that is too long', [STORED, chunk(0xff, Buffer.from('S2sTwOO'))], 1, CORRUPT],
  ['an identifier again', [STORED, IDENTIFIER, COMPRESSED], 2],
  ['a reserved chunk', [STORED, chunk(0x02, ABCD), STORED], 1, UNSUPPORTED],
  ['the last reserved chunk', [STORED, chunk(0x7f, ABCD), STORED], 1, UNSUPPORTED],
  ['the first skippable chunk', [chunk(0x80, ABCD), STORED], 1],
  ['an index', [chunk(0x99, ABCD), STORED], 1],
  ['padding without a byte', [STORED, chunk(0xfe), COMPRESSED], 2],
  ['much padding', [STORED, chunk(0xfe, Buffer.alloc(2 ** 24 - 1)), STORED], 2],
  ['stored data without a checksum', [STORED, chunk(0x01, Buffer.alloc(3))], 1, CORRUPT],
  ['compressed data without a checksum', [STORED, chunk(0x00, Buffer.alloc(3))], 1, CORRUPT],
  ['compressed data without a block', [chunk(0x00, masked(NOTHING)), STORED], 0, CORRUPT],
  ['stored data of no bytes', [chunk(0x01, masked(NOTHING)), STORED], 1],
  ['compressed data of no bytes', [chunk(0x00, masked(NOTHING), Buffer.alloc(1)), STORED], 1],
  ['a wrong checksum of stored data', [STORED, chunk(1, masked(ABCD), WRONG), STORED], 1, MISMATCH],
  [
    'a wrong checksum of compressed data',
    [STORED, chunk(0x00, masked(WRONG), Buffer.from([4]), BLOCK), STORED],
    1,
    MISMATCH,
  ],
  ['a malformed block', [STORED, sized('05'), STORED], 1, CORRUPT],
  ['a size in five bytes', [sized('8480808000'), STORED], 2],
  ['a size in six bytes', [sized('848080808000'), STORED], 0, CORRUPT],
  ['a size without end', [sized('84', NOTHING), STORED], 0, CORRUPT],
  ['a block of more than 4 MiB', [STORED, sized('81808002')], 1, CORRUPT],
  ['the header of more than 4 MiB stored', [STORED, header('01050040')], 1, CORRUPT],
  ['the header of 4 MiB stored', [STORED, header('01040040')], 1],
  ['the header of more than the longest block', [STORED, header('000d0040')], 1, CORRUPT],
  ['the header of the longest block', [STORED, header('000c0040')], 1],
]

for (const [name, chunks, count, failure] of ENDINGS) {
  test(`${name} is ${failure === undefined ? 'read' : 'refused'}`, () => {
    const before = freePages(kernel)
    const stream = Buffer.concat([IDENTIFIER, ...chunks])
    for (const size of [stream.length, stream.length > MIB ? 100_000 : 1]) {
      const end = new S2End(kernel)
      end.read(stream, [size])
      assert.equal(end.failure, failure)
      assert.equal(end.received.toString(), 'abcd'.repeat(count))
      end.codec.release()
    }
    assert.equal(freePages(kernel), before)
  })
}

test('whatever comes before the first identifier is refused', () => {
  for (const first of [STORED, COMPRESSED, chunk(0x99), chunk(0x02)]) {
    const end = new S2End(kernel)
    end.read(Buffer.concat([first, IDENTIFIER, STORED]))
    assert.equal(end.failure, CORRUPT)
    assert.equal(end.received.length, 0)
  }
})

test('after the identifier of Snappy a chunk has at most 64 KiB', () => {
  const zeros = Buffer.alloc(65_537)
  // A zero, a copy of four from it, and a repeat.
  const block = Buffer.from('818004000001011900f8fe', 'hex')
  for (const large of [chunk(0x01, masked(zeros), zeros), chunk(0x00, masked(zeros), block)]) {
    const s2 = new S2End(kernel)
    s2.read(Buffer.concat([SNAPPY, STORED, COMPRESSED, IDENTIFIER, large]))
    assert.equal(s2.failure, undefined)
    assertSame(s2.received, Buffer.concat([ABCD, ABCD, zeros]))
    const snappy = new S2End(kernel)
    snappy.read(Buffer.concat([IDENTIFIER, large, SNAPPY, COMPRESSED, large]))
    assert.equal(snappy.failure, CORRUPT)
    assertSame(snappy.received, Buffer.concat([zeros, ABCD]))
  }
})

test('bytes that become 4 MiB each are decoded a few at a time', () => {
  const zeros = Buffer.alloc(4 * MIB)
  // A zero, a copy of four from it, and a repeat.
  const block = Buffer.from('80808002000001011d00000000', 'hex')
  block.writeUIntLE(4 * MIB - 1 - 4 - 65_540, block.length - 3, 3)
  const bomb = chunk(0x00, masked(zeros), block)
  const end = new S2End(kernel)
  end.read(Buffer.concat([IDENTIFIER, ...Array.from({ length: 10 }, () => bomb)]))
  assert.equal(end.failure, undefined)
  assert.equal(end.restCount, 9)
  assert.equal(end.received.length, 40 * MIB)
})

test('a chunk that has not come yet takes no more memory than what has come', () => {
  const before = freePages(kernel)
  const end = new S2End(kernel)
  const header = Buffer.from('00040040', 'hex')
  end.read(Buffer.concat([IDENTIFIER, header, Buffer.alloc(100)]))
  const pages = before - freePages(kernel)
  assert.ok(pages * 4096 <= 256 * 1024, `${pages} pages`)
  end.codec.release()
  assert.equal(freePages(kernel), before)
})

test('the largest chunks there may be are read, stored and compressed, in small reads', () => {
  const noise = Buffer.alloc(4 * MIB)
  let state = 1
  for (let i = 0; i < noise.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223
    noise[i] = state >>> 24
  }
  const literal = Buffer.from('80808002f8ffff3f', 'hex')
  const end = new S2End(kernel)
  end.read(
    Buffer.concat([
      IDENTIFIER,
      chunk(0x01, masked(noise), noise),
      chunk(0x00, masked(noise), literal, noise),
    ]),
    [30_000, 65_536, 1],
  )
  assert.equal(end.failure, undefined)
  assert.equal(end.delivered.length, 2)
  assertSame(end.received, Buffer.concat([noise, noise]))
})

test('when the connection wants no more, the rest is left until it is brought again', () => {
  const end = new S2End(kernel)
  end.deliveriesMax = 2
  end.read(Buffer.concat([IDENTIFIER, STORED, COMPRESSED, STORED, COMPRESSED]))
  assert.equal(end.restCount, 1)
  assert.equal(end.received.toString(), 'abcd'.repeat(4))
})

test('a connection may end while it is given something', () => {
  const before = freePages(kernel)
  class EndingEnd extends S2End {
    override deliver(from: number, to: number): boolean {
      super.deliver(from, to)
      this.codec.release()
      this.close('clientClosed')
      return false
    }
  }
  const zeros = Buffer.alloc(65_537)
  const large = chunk(0x01, masked(zeros), zeros)
  for (const last of [STORED, COMPRESSED, large]) {
    const end = new EndingEnd(kernel)
    end.read(Buffer.concat([IDENTIFIER, last, STORED, STORED.subarray(0, 6)]), [20, 70_000])
    assert.equal(end.delivered.length, 1)
  }
  assert.equal(freePages(kernel), before)
})

test('without memory for a block the connection is closed', () => {
  const own = openKernel()
  for (const [last, sizes] of [
    [COMPRESSED, [100]],
    [STORED, [15]],
  ] as const) {
    const end = new S2End(own)
    const giveBack = exhaust(own)
    end.read(Buffer.concat([IDENTIFIER, last, STORED]), sizes)
    giveBack()
    assert.equal(end.closedState, 'slowConsumerPendingBytes')
    assert.equal(end.received.length, 0)
  }
})

// ── writing ─────────────────────────────────────────────────────────────────────────────────

for (const level of S2_LEVELS) {
  const chunkBytesMax = level === 'uncompressed' ? MIB / 16 : MIB
  test(`each flush is an identifier and whole chunks of bounded size: ${level}`, () => {
    const writer = new S2End(kernel, level)
    assert.deepEqual(writer.flush(), Buffer.alloc(0))
    const long = longText()
    for (const parts of [[Buffer.from('PING\r\n')], [TRAFFIC], [long.subarray(0, 3), long]]) {
      const plain = Buffer.concat(parts)
      const stream = writer.flush(...parts)
      assert.deepEqual(stream.subarray(0, IDENTIFIER.length), IDENTIFIER)
      const chunks = chunksOf(stream.subarray(IDENTIFIER.length))
      assert.equal(chunks.length, Math.ceil(plain.length / chunkBytesMax))
      const isSmall = plain.length < 32
      const type = level === 'uncompressed' || isSmall ? 0x01 : 0x00
      for (const each of chunks) assert.equal(each.type, type)
      const reader = new S2End(kernel)
      reader.read(stream)
      for (const piece of reader.delivered) assert.ok(piece.length <= chunkBytesMax)
      assertSame(reader.received, plain)
    }
  })
}

test('stored data goes out from where it is', () => {
  const writer = new S2End(kernel, 'uncompressed')
  const at = place(kernel, TRAFFIC)
  const cut = at + 10_000
  const parts = [
    kernel.bytes.subarray(at, cut),
    kernel.bytes.subarray(cut, at + TRAFFIC.length),
  ] as const
  const [prefix, ...views] = writer.codec.encode(parts)
  assert.equal(prefix?.length, IDENTIFIER.length + 8)
  assert.deepEqual(views, parts)
  for (const [i, view] of views.entries()) assert.equal(view, parts[i])
  writer.codec.onWritten()
  kernel.exports.release(at, TRAFFIC.length)
})

test('parts that another codec made outside of shared memory are written, too', () => {
  for (const level of S2_LEVELS) {
    const writer = new S2End(kernel, level)
    const reader = new S2End(kernel)
    const header = Buffer.from([0x82, 0x7e, 0, 100])
    const at = place(kernel, TRAFFIC)
    const shared = kernel.bytes.subarray(at, at + TRAFFIC.length)
    for (const parts of [[header], [header, shared], [Buffer.from(longText()), shared, header]]) {
      reader.read(Buffer.concat(writer.codec.encode(parts)))
      writer.codec.onWritten()
      assertSame(reader.received, Buffer.concat(parts))
      reader.delivered.length = 0
    }
    assert.equal(reader.failure, undefined)
    kernel.exports.release(at, TRAFFIC.length)
  }
})

test('what a flush holds is free when it is written, or when the connection is gone', () => {
  const writer = new S2End(kernel, 'better')
  const at = place(kernel, TRAFFIC)
  const part = kernel.bytes.subarray(at, at + TRAFFIC.length)
  const before = freePages(kernel)
  for (const end of [() => writer.codec.onWritten(), () => writer.codec.release()]) {
    writer.codec.encode([part])
    assert.ok(freePages(kernel) < before)
    end()
    assert.equal(freePages(kernel), before)
  }
  kernel.exports.release(at, TRAFFIC.length)
})

test('without memory everything is stored', () => {
  const own = openKernel()
  const at = place(own, TRAFFIC)
  const part = own.bytes.subarray(at, at + TRAFFIC.length)
  for (const level of S2_LEVELS) {
    const writer = new S2End(own, level)
    const giveBack = exhaust(own)
    const streams = [part, part.subarray(0, 10)].map((p) => Buffer.concat(writer.codec.encode([p])))
    giveBack()
    writer.codec.onWritten()
    const reader = new S2End(own)
    reader.read(Buffer.concat(streams))
    assertSame(reader.received, Buffer.concat([TRAFFIC, TRAFFIC.subarray(0, 10)]))
    for (const stream of streams) {
      const chunks = chunksOf(stream.subarray(IDENTIFIER.length))
      assert.deepEqual(
        chunks.map(({ type }) => type),
        [0x01],
      )
    }
  }
})

test('the level may change between two flushes', () => {
  const writer = new S2End(kernel, 'uncompressed')
  const sizeAt = (level: S2Level) => {
    writer.codec.level = level
    assert.equal(writer.codec.level, level)
    return writer.flush(TRAFFIC).length
  }
  const sizes = S2_LEVELS.map(sizeAt)
  assert.deepEqual(
    sizes,
    [...sizes].sort((a, b) => b - a),
  )
  assert.equal(new Set(sizes).size, S2_LEVELS.length)
  assert.equal(writer.codec.closing(), undefined)
})
