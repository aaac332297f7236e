import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { RepeatedBytes } from '../../bench/redis/repeated-bytes.ts'
import { runBenchProgram } from './bench-program.ts'

const SERVER = fileURLToPath(new URL('./resp-server.ts', import.meta.url))
const COMMAND = `"${process.execPath}" "${SERVER}"`

/** `bytes` again and again, from the start, so many. */
function repeated(bytes: Uint8Array, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => bytes[index % bytes.length]!))
}

test('repeated bytes are found as expected, however they are cut', () => {
  const cuts = fc.array(fc.nat(50), { maxLength: 20 })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), cuts, (bytes, lengths) => {
      const checked = new RepeatedBytes(Buffer.from(bytes))
      const total = lengths.reduce((sum, length) => sum + length, 0)
      const stream = repeated(bytes, total)
      let at = 0
      for (const length of lengths) {
        checked.add(stream.subarray(at, at + length))
        at += length
      }
      assert.ok(checked.isAsExpected)
      assert.equal(checked.byteCount, total)
    }),
  )
})

test('one other byte anywhere is found', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(bytes, fc.nat(60), fc.nat(60), (expected, place, cut) => {
      const stream = repeated(expected, 61)
      stream[place]! ^= 1
      const checked = new RepeatedBytes(Buffer.from(expected))
      checked.add(stream.subarray(0, cut))
      if (checked.isAsExpected) checked.add(stream.subarray(cut))
      assert.ok(!checked.isAsExpected)
    }),
  )
})

test('a server that speaks RESP is measured as others are, and nothing is lost', async () => {
  const scenarios = '1:1-16,4:4'
  const run = await runBenchProgram('--smoke', '--scenario', scenarios, '--redis', COMMAND)
  assert.equal(run.code, 0, run.stderr)
  // What must have arrived is what arrives from a NATS server.
  assert.match(run.stderr, /^1:1-16 round 1\/1 redis: .* hash f47d5638dff47d3e$/m)
  assert.match(run.stdout, /^4:4 +published msg\/s +[\d,]+\*? +n\/a +n\/a$/m)
})

test('a message that is not as it was published is found out', async () => {
  const args = ['--smoke', '--scenario', '1:1-16', '--redis', `${COMMAND} --break`]
  const run = await runBenchProgram(...args)
  assert.equal(run.code, 1)
  assert.match(run.stdout, /^FAILED 1:1-16 on redis: .*not as published/m)
})
