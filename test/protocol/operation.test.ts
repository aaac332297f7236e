import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type ReadResult, readOperation } from '../../src/protocol/operation.ts'
import type { ConnectionKind } from '../../src/protocol/verbs.ts'
import { type ReferenceOptions, ReferenceParser } from '../reference/reference-parser.ts'
import { drive } from './drive.ts'
import { streamOf } from './streams.ts'

const SEED = 20_261_122

function read(text: string, kind: ConnectionKind = 'client', max = 64, auth = false): ReadResult {
  const padded = Buffer.from(`##${text}`, 'latin1')
  return readOperation(padded, 2, padded.length, kind, { controlLineBytesMax: max }, auth)
}

function describe(text: string, kind: ConnectionKind = 'client', max = 64, auth = false): string {
  const result = read(text, kind, max, auth)
  if (result.type === 'incomplete') return 'incomplete'
  if (result.type === 'violation') return `${result.which}@${result.at - 2}`
  const argument = text.slice(result.argFrom - 2, result.argTo - 2)
  return `${result.verb}(${argument})+${text.length + 2 - result.next}`
}

const CLIENT_TABLE: readonly (readonly [line: string, expected: string])[] = [
  ['PING\r\n', 'PING()+0'],
  ['ping\n', 'PING()+0'],
  ['PING garbage\n', 'PING()+0'],
  ['PINGgarbage\rmore\n', 'PING()+0'],
  ['PONG\r\nPING', 'PONG()+4'],
  ['+OK\r\n', 'OK()+0'],
  ['+ok really\n', 'OK()+0'],
  ["-ERR 'no'\r\n", "ERR('no')+0"],
  ['-ERR\r\n', 'unknownProtocolOperation@4'],
  ['CONNECT {}\r\n', 'CONNECT({})+0'],
  ['CONNECT{}\r\n', 'CONNECT({})+0'],
  ['CONNECT \t {}\n', 'CONNECT({})+0'],
  ['CONNECT\r\n', 'CONNECT(\r)+0'],
  ['CONNECT\n{}\r\n', 'CONNECT(\n{})+0'],
  ['INFO{}\r\n', 'INFO({})+0'],
  ['info {} \r\n', 'INFO({} )+0'],
  ['SUB foo 1\r\n', 'SUB(foo 1)+0'],
  ['sUb\t foo\t1 \n', 'SUB(foo\t1 )+0'],
  ['UNSUB 1 2\r\n', 'UNSUB(1 2)+0'],
  ['PUB foo 2\r\nhi\r\n', 'PUB(foo 2)+4'],
  ['HPUB foo 2 3\r\n', 'HPUB(foo 2 3)+0'],
  ['HMSG what ever\r\n', 'HMSG(what ever)+0'],
  // The first byte behind the blanks is argument, whatever it is.
  ['PUB \r\n', 'PUB(\r)+0'],
  ['PUB\r\n', 'unknownProtocolOperation@3'],
  ['PUB\n', 'unknownProtocolOperation@3'],
  ['PUB \n', 'incomplete'],
  ['PUB \nfoo 0\r\n', 'PUB(\nfoo 0)+0'],
  ['SUB \n\n', 'SUB(\n)+0'],
  // A CR anywhere costs the last byte.
  ['SUB f\roo 12\n', 'SUB(f\roo 1)+0'],
  ['SUB f\roo 12\r\n', 'SUB(f\roo 12)+0'],
  ['SUB \rfoo 12\n', 'SUB(\rfoo 12)+0'],
  ['SUB foo 1\r\r\n', 'SUB(foo 1\r)+0'],
  // Errors at the byte that makes them.
  ['\r\n', 'unknownProtocolOperation@0'],
  ['\n', 'unknownProtocolOperation@0'],
  [' PING\r\n', 'unknownProtocolOperation@0'],
  ['X', 'unknownProtocolOperation@0'],
  ['PX', 'unknownProtocolOperation@1'],
  ['PUBX', 'unknownProtocolOperation@3'],
  ['SUBZ', 'unknownProtocolOperation@3'],
  ['PUBLISH foo', 'unknownProtocolOperation@3'],
  ['MSG foo 1 2\r\n', 'unknownProtocolOperation@0'],
  ['LS+ foo\r\n', 'unknownProtocolOperation@0'],
  ['RS+ foo\r\n', 'unknownProtocolOperation@0'],
  ['A+ foo\r\n', 'unknownProtocolOperation@0'],
  ['\xff', 'unknownProtocolOperation@0'],
  // Not enough yet.
  ['', 'incomplete'],
  ['P', 'incomplete'],
  ['PUB', 'incomplete'],
  ['PUB ', 'incomplete'],
  ['PUB foo 2\r', 'incomplete'],
  ['PING', 'incomplete'],
  ['PING and so on', 'incomplete'],
  ['CONNECT', 'incomplete'],
  ['CONNECT  ', 'incomplete'],
]

for (const [line, expected] of CLIENT_TABLE) {
  test(`client line ${JSON.stringify(line)} reads as ${JSON.stringify(expected)}`, () => {
    assert.equal(describe(line), expected)
  })
}

const LEAF_TABLE: readonly (readonly [line: string, expected: string])[] = [
  ['LS+ foo\r\n', 'LSUB(foo)+0'],
  ['ls+ foo q 3\r\n', 'LSUB(foo q 3)+0'],
  ['LS- foo q\r\n', 'LUNSUB(foo q)+0'],
  ['LMSG foo 2\r\nhi\r\n', 'LMSG(foo 2)+4'],
  ['HMSG foo 2 2\r\n', 'HMSG(foo 2 2)+0'],
  ['SUB foo\r\n', 'LSUB(foo)+0'],
  ['UNSUB foo\r\n', 'LUNSUB(foo)+0'],
  ['RS+ foo\r\n', 'LSUB(foo)+0'],
  ['RS- foo\r\n', 'LUNSUB(foo)+0'],
  ['RMSG foo 2\r\n', 'LMSG(foo 2)+0'],
  ['PUB foo 2\r\n', 'PUB(foo 2)+0'],
  ['A+ X\r\n', 'ASUB(X)+0'],
  ['A- X\r\n', 'AUNSUB(X)+0'],
  ['au X\r\n', 'AUNSUB(X)+0'],
  ['AU X\r\n', 'unknownProtocolOperation@1'],
  ['LS+\r\n', 'unknownProtocolOperation@3'],
  ['LSX', 'unknownProtocolOperation@2'],
  ['MSG foo 1 2\r\n', 'unknownProtocolOperation@0'],
  ['INFO {}\r\n', 'INFO({})+0'],
]

for (const [line, expected] of LEAF_TABLE) {
  test(`leaf line ${JSON.stringify(line)} reads as ${JSON.stringify(expected)}`, () => {
    assert.equal(describe(line, 'leaf'), expected)
  })
}

test('the control line limit counts the argument only and is strict, whole or partial', () => {
  const whole = 'a'.repeat(64)
  assert.equal(describe(`SUB ${whole}\r\n`), `SUB(${whole})+0`)
  assert.equal(describe(`SUB        ${whole}\n`), `SUB(${whole})+0`)
  assert.match(describe(`SUB ${whole}b\r\n`), /^controlLineExceeded/)
  assert.match(describe(`SUB ${whole}b\n`), /^controlLineExceeded/)
  assert.equal(describe(`SUB ${whole}`), 'incomplete')
  assert.equal(describe(`SUB ${whole}\r`), 'incomplete')
  assert.match(describe(`SUB ${whole}b`), /^controlLineExceeded/)
  assert.match(describe(`CONNECT ${whole}b`), /^controlLineExceeded/)
})

test('the control line limit of a leaf is sixteen times as large', () => {
  const whole = 'a'.repeat(64 * 16)
  assert.equal(describe(`LS+ ${whole}\r\n`, 'leaf'), `LSUB(${whole})+0`)
  assert.match(describe(`LS+ ${whole}b`, 'leaf'), /^controlLineExceeded/)
})

test('blanks before the argument and text behind PING may be of any length', () => {
  assert.equal(describe(`SUB ${' '.repeat(500)}foo 1\n`), 'SUB(foo 1)+0')
  assert.equal(describe(`PING${'x'.repeat(500)}\n`), 'PING()+0')
})

test('while CONNECT is owed every other first byte is an authorization violation', () => {
  assert.equal(describe('PING\r\n', 'client', 64, true), 'authorization@0')
  assert.equal(describe('\r\n', 'client', 64, true), 'authorization@0')
  assert.equal(describe('INFO {}\r\n', 'leaf', 64, true), 'authorization@0')
  assert.equal(describe('connect {}\r\n', 'client', 64, true), 'CONNECT({})+0')
  assert.equal(describe('CX', 'client', 64, true), 'unknownProtocolOperation@1')
  assert.equal(describe('', 'client', 64, true), 'incomplete')
})

test('a range behind `to` is never looked at', () => {
  const bytes = Buffer.from('PING\r\n')
  const result = readOperation(bytes, 0, 5, 'client', { controlLineBytesMax: 64 }, false)
  assert.equal(result.type, 'incomplete')
})

// Streams of mostly sensible operations, with noise, cut anywhere.
const cases = fc
  .record<ReferenceOptions>({
    kind: fc.constantFrom('client', 'leaf'),
    controlLineBytesMax: fc.constantFrom(1, 8, 24, 4096, 4096, 4096),
    awaitingAuth: fc.boolean(),
  })
  .chain((options) => fc.tuple(streamOf(options), fc.constant(options)))

function reference(text: Buffer, wanted: ReferenceOptions) {
  const parser = new ReferenceParser(wanted)
  parser.feed(text)
  return { operations: parser.operations, end: parser.end }
}

function outcome(chunks: readonly Uint8Array[], wanted: ReferenceOptions) {
  const { operations, end } = drive(chunks, wanted)
  return { operations, end }
}

test('every stream, however split, gives the operations of the reference parser', () => {
  let complete = 0
  fc.assert(
    fc.property(cases, ([text, wanted]) => {
      const bytes = Buffer.from(text, 'latin1')
      const expected = reference(bytes, wanted)
      complete += expected.operations.length
      assert.deepEqual(outcome([bytes], wanted), expected)
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.deepEqual(outcome([bytes.subarray(0, cut), bytes.subarray(cut)], wanted), expected)
      }
      assert.deepEqual(
        outcome(
          Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
          wanted,
        ),
        expected,
      )
    }),
    { seed: SEED, numRuns: 1500 },
  )
  assert.ok(complete > 2000, `the streams hardly held an operation: complete=${complete}`)
})

test('what an unfinished line keeps is bounded by its verb and the control line limit', () => {
  const wanted: ReferenceOptions = { kind: 'client', controlLineBytesMax: 32, awaitingAuth: false }
  const endless = ['PING ', ...Array(50).fill('x'.repeat(100))]
  const spaced = ['CONNECT', ...Array(50).fill(' '.repeat(100)), '{}', ' '.repeat(29)]
  for (const parts of [endless, spaced]) {
    const driven = drive(
      parts.map((part) => Buffer.from(part)),
      wanted,
    )
    assert.equal(driven.end, 'open')
    assert.ok(driven.keptBytesMax <= 'CONNECT '.length + 32, `kept=${driven.keptBytesMax}`)
  }
})
