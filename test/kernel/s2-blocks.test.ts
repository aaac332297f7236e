import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileKernel, type Kernel } from '../../src/kernel/kernel.ts'
import { exhaust, openKernel, place, repetitiveTexts } from './s2-kernel.ts'
import { decodeSlowly } from './s2-reference.ts'

const TEXT_BYTES_MAX = 150_000
const BLOCK_BYTES_MAX = 4 * 1024 * 1024
const SLACK_BYTES = 64
const GUARD = 0xa5
const TRAFFIC = readFileSync(new URL('../fixtures/s2/plain.bin', import.meta.url))

const checked = openKernel()
const fast = openKernel(compileKernel(false))
const KERNELS = Object.entries({ checked, fast })

function levelsOf({ layout }: Kernel): number[] {
  return [layout.S2_LEVEL_FAST, layout.S2_LEVEL_BETTER, layout.S2_LEVEL_BEST]
}

function noiseOf(count: number): Buffer {
  const noise = Buffer.alloc(count)
  let state = 1
  for (let i = 0; i < count; i++) {
    state = Math.imul(state, 1664525) + 1013904223
    noise[i] = state >>> 24
  }
  return noise
}

/**
 * The block and, in front, its varint; undefined when the kernel says that it does not pay.
 * @param behind what follows the text in memory, at most 48 bytes
 */
function encode(
  kernel: Kernel,
  level: number,
  text: Uint8Array,
  behind: Uint8Array = Buffer.alloc(0),
): Buffer | undefined {
  const { exports, bytes } = kernel
  const from = place(kernel, text)
  bytes.set(behind, from + text.length)
  const to = exports.allocate(text.length)
  bytes.fill(GUARD, to + text.length + SLACK_BYTES - 16, to + text.length + SLACK_BYTES)
  const count = exports.s2Encode(level, from, text.length, to)
  assertGuard(kernel, to + text.length + SLACK_BYTES - 16, 16)
  const block = count === 0 ? undefined : Buffer.from(bytes.subarray(to, to + count))
  exports.release(to, text.length)
  exports.release(from, text.length)
  return block
}

function assertGuard({ bytes }: Kernel, from: number, count: number): void {
  for (let i = 0; i < count; i++) assert.equal(bytes[from + i], GUARD, `byte ${i} behind the room`)
}

/** Of a block without its varint; undefined when it is refused. */
function decode(kernel: Kernel, block: Uint8Array, plainBytes: number): Buffer | undefined {
  const { exports, bytes } = kernel
  const from = place(kernel, block)
  // As good as any number that a block without its end could ask for.
  bytes.fill(0, from + block.length, from + block.length + 16)
  const room = exports.allocate(plainBytes + 512)
  const to = room + 256
  bytes.fill(GUARD, room, to)
  bytes.fill(GUARD, to + plainBytes + SLACK_BYTES, to + plainBytes + 256)
  const isGood = exports.s2Decode(from, block.length, to, plainBytes) !== 0
  assertGuard(kernel, room, 256)
  assertGuard(kernel, to + plainBytes + SLACK_BYTES, 256 - SLACK_BYTES)
  const plain = isGood ? Buffer.from(bytes.subarray(to, to + plainBytes)) : undefined
  exports.release(room, plainBytes + 512)
  exports.release(from, block.length)
  return plain
}

/** Cuts the varint off. */
function bodyOf(encoded: Buffer): { body: Buffer; plainBytes: number } {
  let plainBytes = 0
  let i = 0
  do plainBytes += (encoded[i]! & 0x7f) * 2 ** (7 * i)
  while (encoded[i++]! >= 0x80)
  return { body: encoded.subarray(i), plainBytes }
}

for (const [name, kernel] of KERNELS) {
  test(`what is encoded, at any level, decodes to the same: ${name} kernel`, () => {
    let encodedCount = 0
    fc.assert(
      fc.property(repetitiveTexts(TEXT_BYTES_MAX), (text) => {
        for (const level of levelsOf(kernel)) {
          const encoded = encode(kernel, level, text)
          if (encoded === undefined) continue
          encodedCount++
          assert.ok(encoded.length < text.length)
          const { body, plainBytes } = bodyOf(encoded)
          assert.equal(plainBytes, text.length)
          assert.ok(decode(kernel, body, plainBytes)?.equals(text))
          if (text.length < 20_000) assert.ok(decodeSlowly(body, plainBytes)?.equals(text))
        }
      }),
      { numRuns: 150 },
    )
    assert.ok(encodedCount > 100, `only ${encodedCount} texts were worth encoding`)
  })

  test(`blocks that were damaged are refused, or decode as described: ${name} kernel`, () => {
    const damage = fc.record({
      text: repetitiveTexts(5000),
      level: fc.integer({ min: 0, max: 2 }),
      changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
      cut: fc.nat(),
      missing: fc.integer({ min: -2, max: 2 }),
    })
    let refusedCount = 0
    let takenCount = 0
    fc.assert(
      fc.property(damage, ({ text, level, changes, cut, missing }) => {
        const encoded = encode(kernel, levelsOf(kernel)[level]!, text)
        if (encoded === undefined) return
        const { body, plainBytes } = bodyOf(encoded)
        for (const [at, byte] of changes) body[at % body.length] = byte
        const given = changes.length < 2 ? body.subarray(0, 1 + (cut % body.length)) : body
        const wanted = Math.max(0, plainBytes + missing)
        for (const claimed of new Set([plainBytes, wanted])) {
          const plain = decode(kernel, given, claimed)
          assert.deepEqual(plain, decodeSlowly(given, claimed))
          if (plain === undefined) refusedCount++
          else takenCount++
        }
      }),
      { numRuns: 1000 },
    )
    assert.ok(refusedCount > 100 && takenCount > 20, `${refusedCount} refused, ${takenCount} taken`)
  })

  test(`bytes that are no block are refused, or decode as described: ${name} kernel`, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.integer({ min: 0, max: 300 }),
        (bytes, plainBytes) => {
          assert.deepEqual(decode(kernel, bytes, plainBytes), decodeSlowly(bytes, plainBytes))
        },
      ),
      { numRuns: 3000 },
    )
  })
}

const LONG = 'abcdefghijklmnop'.repeat(5000)
const FAR = LONG.slice(1, 18)

/** Blocks without varint, in hex or as text, and what they hold; undefined: refused. */
const BLOCKS: readonly (readonly [string, string, string | undefined])[] = [
  ['a block of nothing', '', ''],
  ['a literal', `08${hex('abc')}`, 'abc'],
  ['a literal of 60, with one byte of length', `f03b${hex(LONG.slice(0, 60))}`, LONG.slice(0, 60)],
  ['a literal with two bytes of length', `f42c01${hex(LONG.slice(0, 301))}`, LONG.slice(0, 301)],
  ['a literal with three bytes', `f8020000${hex('abc')}`, 'abc'],
  ['a literal with four bytes', `fc02000000${hex('abc')}`, 'abc'],
  ['a literal longer than the block', `0c${hex('abc')}`, undefined],
  ['a literal longer than any block', `fcffffffff${hex('abc')}`, undefined],
  ['a literal without all of its length', 'f402', undefined],
  ['a copy with an 11-bit offset', `0c${hex('abcd')}0104`, 'abcdabcd'],
  ['a copy with a 16-bit offset', `0c${hex('abcd')}1a0400`, 'abcdabcdabc'],
  ['a copy with a 32-bit offset', `0c${hex('abcd')}1b04000000`, 'abcdabcdabc'],
  ['a copy of one byte', `0c${hex('abcd')}020300`, 'abcdb'],
  ['a copy over itself', `00${hex('a')}fe0100`, 'a'.repeat(65)],
  [
    'a copy over itself, from afar',
    `44${hex(LONG.slice(0, 18))}fe1100`,
    `a${FAR.repeat(5).slice(0, 81)}`,
  ],
  ['a copy from before the block', `0c${hex('abcd')}0105`, undefined],
  ['a copy from 16 bits before the block', `0c${hex('abcd')}0a0500`, undefined],
  ['a copy from 32 bits before the block', `0c${hex('abcd')}0bffffffff`, undefined],
  ['a copy from nowhere', `0c${hex('abcd')}0a0000`, undefined],
  ['a copy without its offset', `0c${hex('abcd')}01`, undefined],
  ['a copy without half of its offset', `0c${hex('abcd')}0a04`, undefined],
  ['a copy with three of four bytes of its offset', `0c${hex('abcd')}0b040000`, undefined],
  ['a repeat before any copy', `0c${hex('abcd')}0100`, undefined],
  ['the shortest repeat', `0c${hex('abcd')}01040100`, 'abcdabcdabcd'],
  ['the longest repeat in its tag', `0c${hex('abcd')}01041100`, 'abcd'.repeat(4)],
  ['a repeat with a byte of length', `0c${hex('abcd')}0104150000`, 'abcd'.repeat(4)],
  ['a repeat with two bytes', `0c${hex('abcd')}010419000000`, 'abcd'.repeat(2 + 65)],
  ['a repeat with three bytes', `0c${hex('abcd')}01041d00000000`, 'abcd'.repeat(2 + 16385)],
  ['a repeat without its length', `0c${hex('abcd')}01041500`, undefined],
  ['a repeat without half of its length', `0c${hex('abcd')}0104190001`, undefined],
  ['a repeat after a literal', `0c${hex('abcd')}010400${hex('x')}0100`, 'abcdabcdxbcdx'],
]

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}

for (const [name, block, plain] of BLOCKS) {
  test(`${name} is ${plain === undefined ? 'refused' : 'decoded'}`, () => {
    const bytes = Buffer.from(block, 'hex')
    if (plain === undefined) {
      for (let claimed = 0; claimed < 600; claimed++) {
        assert.equal(decodeSlowly(bytes, claimed), undefined)
        assert.equal(decode(checked, bytes, claimed), undefined, `${claimed} were claimed`)
      }
      return
    }
    const expected = Buffer.from(plain)
    assert.deepEqual(decodeSlowly(bytes, plain.length), expected)
    assert.deepEqual(decode(checked, bytes, plain.length), expected)
    assert.equal(decode(checked, bytes, plain.length + 1), undefined, 'longer was claimed')
    if (plain !== '') assert.equal(decode(checked, bytes, plain.length - 1), undefined)
  })
}

test('each level makes traffic smaller than the one before', () => {
  const sizes = levelsOf(checked).map((level) => encode(checked, level, TRAFFIC)!.length)
  const [fastBytes, betterBytes, bestBytes] = sizes as [number, number, number]
  assert.ok(fastBytes < TRAFFIC.length / 2, `${sizes} of ${TRAFFIC.length}`)
  assert.ok(betterBytes < fastBytes && bestBytes < betterBytes, `${sizes}`)
})

test('matches of every length that is written in its own way decode to the same', () => {
  const lengths = [259, 260, 261, 263, 264, 265, 267, 268, 269, 270, 275]
  for (const about of [65_540, 65_548, 65_600, 65_796, 65_804, 65_860]) {
    for (let length = about - 4; length <= about + 4; length++) lengths.push(length)
  }
  for (let length = 4; length < 80; length++) lengths.push(length)
  const noise = noiseOf(140_000)
  for (const distance of [100, 2047, 2048, 65_535, 65_536, 70_000]) {
    for (const length of lengths) {
      // Zeros, so that it pays; the match; then something else.
      const text = Buffer.concat([
        Buffer.alloc(length < 1000 ? 20_000 : 1000),
        noise.subarray(0, distance),
        noise.subarray(0, Math.min(distance, length)),
        Buffer.alloc(Math.max(0, length - distance), noise.subarray(0, distance)),
        noise.subarray(130_000, 130_040),
      ])
      for (const level of levelsOf(fast)) {
        const encoded = encode(fast, level, text)
        if (encoded === undefined) continue
        const { body, plainBytes } = bodyOf(encoded)
        const isSame = decode(fast, body, plainBytes)?.equals(text)
        assert.ok(isSame, `level ${level}, ${length} bytes from ${distance} before`)
      }
    }
  }
})

test('what lies behind a text is not taken for a part of it', () => {
  const noise = noiseOf(2000)
  for (let count = 8; count < 100; count++) {
    const text = Buffer.concat([Buffer.alloc(1000), noise, noise.subarray(0, count)])
    for (const level of levelsOf(checked)) {
      const encoded = encode(checked, level, text, noise.subarray(count, count + 48))
      const { body, plainBytes } = bodyOf(encoded!)
      assert.ok(decode(checked, body, plainBytes)?.equals(text), `level ${level}, ${count} bytes`)
    }
  }
})

test('text that does not get smaller is not worth a block', () => {
  const noise = noiseOf(100_000)
  for (const level of levelsOf(checked)) {
    assert.equal(encode(checked, level, noise), undefined)
    assert.equal(encode(checked, level, Buffer.from('PING\r\n')), undefined)
    const mixed = Buffer.concat([noise.subarray(0, 50_000), TRAFFIC])
    const encoded = encode(checked, level, mixed)
    assert.ok(encoded !== undefined && encoded.length < 70_000, 'text behind noise is found')
  }
})

for (const [name, kernel] of KERNELS) {
  test(`positions begin anew before they overflow: ${name} kernel`, () => {
    const zeros = Buffer.alloc(BLOCK_BYTES_MAX)
    const from = place(kernel, zeros)
    const to = kernel.exports.allocate(BLOCK_BYTES_MAX)
    const [level] = levelsOf(kernel) as [number]
    // 4 GiB of blocks pass the end of what a position can count, whatever came before.
    for (let block = 0; block <= 1024; block++) {
      kernel.exports.s2Encode(level, from, BLOCK_BYTES_MAX, to)
      const { body, plainBytes } = bodyOf(encode(kernel, level, TRAFFIC)!)
      assert.ok(decode(kernel, body, plainBytes)?.equals(TRAFFIC))
    }
    kernel.exports.release(to, BLOCK_BYTES_MAX)
    kernel.exports.release(from, BLOCK_BYTES_MAX)
  })
}

test('without memory for tables nothing is encoded, until there is some', () => {
  const kernel = openKernel()
  const from = place(kernel, TRAFFIC)
  const to = kernel.exports.allocate(TRAFFIC.length)
  const giveBack = exhaust(kernel)
  for (const level of levelsOf(kernel)) {
    assert.equal(kernel.exports.s2Encode(level, from, TRAFFIC.length, to), 0)
  }
  giveBack()
  for (const level of levelsOf(kernel)) {
    assert.ok(kernel.exports.s2Encode(level, from, TRAFFIC.length, to) > 0)
  }
})
