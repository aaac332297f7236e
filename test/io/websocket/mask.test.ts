import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyMask } from '../../../src/protocol/websocket/frame-header.ts'
import { KERNELS, Threads } from '../../kernel/threads.ts'

const BLOCK_BYTES = 1024

for (const { name, module } of KERNELS) {
  test(`${name} kernel: masks what it is told to, and not a byte beside it`, () => {
    const { kernel } = new Threads({ workerCount: 1, module }).worker(1)
    const block = kernel.exports.allocate(BLOCK_BYTES)
    const inBlock = fc.record({
      bytes: fc.uint8Array({ minLength: BLOCK_BYTES, maxLength: BLOCK_BYTES }),
      from: fc.nat(64),
      length: fc.oneof(fc.nat(80), fc.nat(BLOCK_BYTES - 64)),
      mask: fc.nat(0xffffffff),
      phase: fc.nat(1000),
    })
    fc.assert(
      fc.property(inBlock, ({ bytes, from, length, mask, phase }) => {
        kernel.bytes.set(bytes, block)
        kernel.exports.maskBytes(block + from, length, mask, phase)
        const expected = bytes.slice()
        applyMask(expected.subarray(from, from + length), mask, phase)
        const masked = kernel.bytes.subarray(block, block + BLOCK_BYTES)
        assert.deepEqual(new Uint8Array(masked), expected)
      }),
    )
  })
}
