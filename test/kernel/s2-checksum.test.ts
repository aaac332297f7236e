import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileKernel, type Kernel } from '../../src/kernel/kernel.ts'
import { exhaust, openKernel, place } from './s2-kernel.ts'
import { crc32c } from './s2-reference.ts'

/** Beyond what is folded in one go, so that it is done more than once. */
const BYTES_MAX = 40_000

const checked = openKernel()
const fast = openKernel(compileKernel(false))

function continued({ exports }: Kernel, before: number, from: number, bytes: number): number {
  return exports.crc32c(before, from, bytes) >>> 0
}

// RFC 3720, appendix B.4, and the usual nine digits.
const VECTORS: readonly (readonly [string, Uint8Array, number])[] = [
  ['nothing', Buffer.alloc(0), 0],
  ['nine digits', Buffer.from('123456789'), 0xe3069283],
  ['zeros', Buffer.alloc(32), 0x8a9136aa],
  ['ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['descending', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
]

for (const [name, text, crc] of VECTORS) {
  test(`CRC-32C of ${name} is as published`, () => {
    const at = place(checked, text)
    assert.equal(continued(checked, 0, at, text.length), crc)
    checked.exports.release(at, text.length)
  })
}

for (const [name, kernel] of Object.entries({ checked, fast })) {
  test(`CRC-32C of any text, in two pieces, is what its definition says: ${name}`, () => {
    const from = kernel.exports.allocate(BYTES_MAX + 16)
    const lengths = fc.oneof(
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 0, max: BYTES_MAX }),
    )
    fc.assert(
      fc.property(
        lengths,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 15 }),
        fc.integer(),
        (bytes, share, offset, seed) => {
          const text = Buffer.alloc(bytes)
          let state = seed
          for (let i = 0; i < bytes; i++) {
            state = Math.imul(state, 1664525) + 1013904223
            text[i] = state >>> 24
          }
          kernel.bytes.set(text, from + offset)
          const cut = Math.floor(bytes * share)
          const first = continued(kernel, 0, from + offset, cut)
          const both = continued(kernel, first, from + offset + cut, bytes - cut)
          assert.equal(both, crc32c(text))
        },
      ),
      { numRuns: 150 },
    )
    kernel.exports.release(from, BYTES_MAX + 16)
  })
}

test('without memory for tables the checksum is the same', () => {
  const kernel = openKernel()
  const text = Buffer.alloc(5000, 'checksum')
  const at = place(kernel, text)
  const giveBack = exhaust(kernel)
  const without = continued(kernel, 0, at, text.length)
  giveBack()
  assert.equal(without, crc32c(text))
  assert.equal(continued(kernel, 0, at, text.length), without)
})

test('the mask turns by 15 bits and adds a constant', () => {
  // A stored chunk of no bytes, and the value for nine digits as Go writes it.
  assert.equal(checked.exports.maskChecksum(0) >>> 0, 0xa282ead8)
  const crc = 0xe3069283
  const turned = ((crc >>> 15) | (crc << 17)) >>> 0
  assert.equal(checked.exports.maskChecksum(crc) >>> 0, (turned + 0xa282ead8) % 2 ** 32)
})
