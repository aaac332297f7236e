import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type ProxyHeader, ProxyHeaderReader } from '../../src/io/proxy-header.ts'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const V2_BYTES_MAX = 16 + 0xffff

/** What came of it, in one value that can be compared. */
interface Outcome {
  readonly header: ProxyHeader
  /** `undefined`: the header was not read to its end. */
  readonly rest: string | undefined
}

/** Feeds the pieces until there is a header, and whatever was left of them to `rest`. */
function readPieces(pieces: readonly Uint8Array[]): Outcome {
  const reader = new ProxyHeaderReader()
  for (const [index, piece] of pieces.entries()) {
    const read = reader.take(piece)
    if (read === undefined) continue
    const { header } = read
    const rest = Buffer.concat([read.rest, ...pieces.slice(index + 1)]).toString('latin1')
    // Nobody goes on after an error, so what is left does not matter.
    return { header, rest: header.kind === 'invalid' ? '' : rest }
  }
  return { header: reader.fail(), rest: undefined }
}

/** Cuts at the places given, each a part of the whole. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b)
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))
}

function v2(
  verbs: number,
  family: number,
  data: Buffer | string = '',
  length: number = Buffer.from(data).length,
): Buffer {
  const head = Buffer.from([verbs, family, length >> 8, length & 0xff])
  return Buffer.concat([SIGNATURE, head, Buffer.from(data)])
}

/** Ports 4321 and 4222. */
const PORTS = '10e1107e'
const V4_DATA = Buffer.from(`c00002010a000001${PORTS}`, 'hex')
const V6_DATA = Buffer.from(`20010db8${'00'.repeat(11)}01${'00'.repeat(15)}01${PORTS}`, 'hex')

const CUT_SHORT: readonly (readonly [string | Buffer, string])[] = [
  ['', 'failed to read protocol version: EOF'],
  ['PRO', 'failed to read protocol version: unexpected EOF'],
  ['PROXY ', 'failed to read v1 line: EOF'],
  ['PROXY TCP4 ', 'failed to read v1 line: EOF'],
  [`PROXY ${'x'.repeat(100)}`, 'failed to read v1 line: EOF'],
  [`PROXY ${'x'.repeat(99)}\r`, 'failed to read v1 line: EOF'],
  [SIGNATURE.subarray(0, 6), 'failed to read v2 signature: EOF'],
  [SIGNATURE.subarray(0, 8), 'failed to read v2 signature: unexpected EOF'],
  [SIGNATURE, 'failed to read v2 header: EOF'],
  [v2(0x21, 0x11).subarray(0, 13), 'failed to read v2 header: unexpected EOF'],
  [v2(0x21, 0x11, '', 12), 'failed to read IPv4 address data: EOF'],
  [v2(0x21, 0x11, 'abc', 12), 'failed to read IPv4 address data: unexpected EOF'],
  [v2(0x21, 0x11, V4_DATA, 4000), 'failed to read IPv4 address data: unexpected EOF'],
  [v2(0x21, 0x21, '', 36), 'failed to read IPv6 address data: EOF'],
  [v2(0x20, 0x21, 'abc', 36), 'failed to discard LOCAL command address data: EOF'],
  [v2(0x21, 0x01, 'abc', 36), 'failed to discard UNSPEC address address data: EOF'],
]

const INVALID = 'invalid PROXY protocol header: '
const UNSUPPORTED = 'unsupported PROXY protocol feature: '
const REFUSED: readonly (readonly [string | Buffer, string])[] = [
  [`PROXY ${'x'.repeat(101)}`, `${INVALID}v1 line too long`],
  ['PROXY \r\n', `${INVALID}invalid v1 format`],
  ['PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n', `${INVALID}invalid v1 format`],
  ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n', `${INVALID}invalid v1 format`],
  ['PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n', `${INVALID}invalid address`],
  ['PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', `${INVALID}invalid address`],
  ['PROXY TCP4 1.2.3.4 x 1 2\r\n', `${INVALID}invalid address`],
  ['PROXY TCP4 1.2.3.4 ::1 1 2\r\n', `${INVALID}TCP4 with IPv6 address`],
  ['PROXY TCP6 ::1 1.2.3.4 1 2\r\n', `${INVALID}TCP6 with IPv4 address`],
  ['PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n', `${INVALID}invalid protocol UDP4`],
  ['PROXY T\x1bP 1.2.3.4 1.2.3.4 1 2\r\n', `${INVALID}invalid protocol T\\x1bP`],
  [
    'PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n',
    'invalid source port: strconv.ParseUint: parsing "+1": invalid syntax',
  ],
  [
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 \xff\r\n',
    'invalid dest port: strconv.ParseUint: parsing "\\xff": invalid syntax',
  ],
  [
    'PROXY TCP4 1.2.3.4 1.2.3.4 65536x 2\r\n',
    'invalid source port: strconv.ParseUint: parsing "65536x": value out of range',
  ],
  [Buffer.from(SIGNATURE).fill('x', 11), `${INVALID}invalid signature`],
  [v2(0x11, 0x11, V4_DATA), `${INVALID}invalid version 0x10`],
  [v2(0x22, 0x11, V4_DATA), 'unknown PROXY protocol command: 0x02'],
  [v2(0x21, 0x12, V4_DATA), `${UNSUPPORTED}only STREAM protocol supported`],
  [v2(0x21, 0x00), `${UNSUPPORTED}only STREAM protocol supported`],
  [v2(0x21, 0x31, 'x'.repeat(216)), `${UNSUPPORTED}unsupported address family 0x30`],
  [v2(0x21, 0x11, 'abc'), 'IPv4 address data too short: 3 bytes'],
  [v2(0x21, 0x21, V4_DATA), 'IPv6 address data too short: 12 bytes'],
]

/** Each with the address it tells; undefined: none. */
const GOOD: readonly (readonly [string | Buffer, readonly [string, number] | undefined])[] = [
  ['PROXY TCP4 192.0.2.7 10.0.0.1 1234 4222\r\n', ['192.0.2.7', 1234]],
  ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', ['255.255.255.255', 65535]],
  ['PROXY TCP4 192.0.2.7 10.0.0.1 0 0\r\n', ['192.0.2.7', 0]],
  ['PROXY \tTCP4  192.0.2.7\v10.0.0.1 00001 4222 \r\n', ['192.0.2.7', 1]],
  ['PROXY \xc2\xa0TCP4\xe3\x80\x80192.0.2.7 10.0.0.1 1 4222\r\n', ['192.0.2.7', 1]],
  ['PROXY TCP6 2001:DB8:0:0::7 ::1 1234 4222\r\n', ['2001:db8::7', 1234]],
  ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1234 4222\r\n', ['192.0.2.1', 1234]],
  ['PROXY TCP6 ::1.2.3.4 ::1 1234 4222\r\n', ['::102:304', 1234]],
  ['PROXY UNKNOWN\r\n', undefined],
  [`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`, undefined],
  [v2(0x21, 0x11, V4_DATA), ['192.0.2.1', 4321]],
  [v2(0x21, 0x11, Buffer.concat([V4_DATA, Buffer.alloc(60_000)])), ['192.0.2.1', 4321]],
  [v2(0x21, 0x21, V6_DATA), ['2001:db8::1', 4321]],
  [v2(0x20, 0x00), undefined],
  [v2(0x20, 0x12, V4_DATA), undefined],
  [v2(0x20, 0xff, 'abc'), undefined],
  [v2(0x21, 0x01, 'abc'), undefined],
]

const latin1 = (bytes: string | Buffer): Buffer =>
  typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes

describe('PROXY headers', () => {
  test('that tell an address, or none', () => {
    for (const [bytes, place] of GOOD) {
      const header =
        place === undefined
          ? { kind: 'local' }
          : { kind: 'address', address: place[0], port: place[1] }
      const pieces = [latin1(bytes), Buffer.from('PING\r\n')]
      const expected = { header, rest: 'PING\r\n' }
      assert.deepEqual(readPieces(pieces), expected, String(bytes))
      assert.deepEqual(readPieces([Buffer.concat(pieces)]), expected, String(bytes))
    }
  })

  test('that are refused, in the words of nats-server', () => {
    for (const [bytes, why] of REFUSED) {
      assert.deepEqual(readPieces([latin1(bytes)]).header, { kind: 'invalid', why })
    }
  })

  test('that end early, in the words of nats-server', () => {
    for (const [bytes, why] of CUT_SHORT) {
      const outcome = readPieces([latin1(bytes)])
      assert.deepEqual(outcome, { header: { kind: 'invalid', why }, rest: undefined })
    }
    const reader = new ProxyHeaderReader()
    reader.take(SIGNATURE)
    const why = 'failed to read v2 header: i/o timeout'
    assert.deepEqual(reader.fail('i/o timeout'), { kind: 'invalid', why })
  })

  test('that are none', () => {
    for (const text of ['CONNECT {}\r\n', 'PING\r\nPING\r\n', 'PROXYx', '\r\n\r\n\r\n', 'proxy ']) {
      const expected = { header: { kind: 'none' }, rest: text }
      assert.deepEqual(readPieces([latin1(text)]), expected)
      assert.deepEqual(readPieces(cut(latin1(text), [0.2, 0.5])), expected)
    }
  })
})

// ── properties ──────────────────────────────────────────────────────────────────────────────

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 })
const port = fc.integer({ min: 0, max: 0xffff })
const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
const groups = fc.array(group, { minLength: 8, maxLength: 8 })
const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })

/** The address as Go writes it: the first of the longest runs of two zeros and more left out. */
function plainIpv6(words: readonly number[]): string {
  const text = words.map((word) => word.toString(16))
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return [words[6]! >> 8, words[6]! & 255, words[7]! >> 8, words[7]! & 255].join('.')
  }
  for (let length = 8; length >= 2; length--) {
    for (let from = 0; from + length <= 8; from++) {
      if (words.slice(from, from + length).some((word) => word !== 0)) continue
      return `${text.slice(0, from).join(':')}::${text.slice(from + length).join(':')}`
    }
  }
  return text.join(':')
}

function bigEndian(words: readonly number[]): Buffer {
  return Buffer.from(words.flatMap((word) => [word >> 8, word & 255]))
}

interface Sample {
  readonly bytes: Buffer
  readonly header: ProxyHeader
}

const v1Four = fc.tuple(octets, octets, port, port).map(([from, to, fromPort, toPort]): Sample => {
  const address = from.join('.')
  const line = `PROXY TCP4 ${address} ${to.join('.')} ${fromPort} ${toPort}\r\n`
  return { bytes: Buffer.from(line), header: { kind: 'address', address, port: fromPort } }
})

const v1Six = fc.tuple(groups, groups, port, port).map(([from, to, fromPort, toPort]): Sample => {
  const long = (words: readonly number[]) => words.map((word) => word.toString(16)).join(':')
  const line = `PROXY TCP6 ${long(from)} ${long(to)} ${fromPort} ${toPort}\r\n`
  const header: ProxyHeader = { kind: 'address', address: plainIpv6(from), port: fromPort }
  return { bytes: Buffer.from(line), header }
})

const more = fc.uint8Array({ maxLength: 300 })
const v2Four = fc.tuple(octets, port, more).map(([from, fromPort, tail]): Sample => {
  const data = Buffer.concat([Buffer.from([...from, 1, 2, 3, 4]), bigEndian([fromPort, 1]), tail])
  const header: ProxyHeader = { kind: 'address', address: from.join('.'), port: fromPort }
  return { bytes: v2(0x21, 0x11, data), header }
})

const v2Six = fc.tuple(groups, port, more).map(([from, fromPort, tail]): Sample => {
  const data = Buffer.concat([bigEndian([...from, ...from, fromPort, 1]), tail])
  const header: ProxyHeader = { kind: 'address', address: plainIpv6(from), port: fromPort }
  return { bytes: v2(0x21, 0x21, data), header }
})

const local = fc.tuple(fc.integer({ min: 0, max: 255 }), more).map(([family, data]): Sample => {
  return { bytes: v2(0x20, family, Buffer.from(data)), header: { kind: 'local' } }
})

const sample = fc.oneof(v1Four, v1Six, v2Four, v2Six, local)
/** Nearly a header, or nothing like it. */
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.constantFrom(Buffer.from('PROXY '), SIGNATURE, v2(0x21, 0x11)), more)
    .map((parts) => Buffer.concat(parts)),
  fc
    .tuple(fc.constantFrom('TCP4', 'TCP6', 'UNKNOWN', 'x'), fc.string({ maxLength: 120 }))
    .map(([family, text]) => Buffer.from(`PROXY ${family} ${text}\r\n`)),
  fc
    .tuple(sample, fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([{ bytes }, at, byte]) => Buffer.from(bytes).fill(byte, at % bytes.length)),
  fc.tuple(sample, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([{ bytes }, at, byte]) => {
    const changed = Buffer.from(bytes)
    changed[at % bytes.length] = byte
    return changed
  }),
)

describe('PROXY headers of any kind, in pieces of any size', () => {
  test('are what a plain writer meant, and nothing behind them is lost', () => {
    fc.assert(
      fc.property(sample, fc.uint8Array({ maxLength: 200 }), places, (written, payload, at) => {
        const { bytes, header } = written
        const outcome = readPieces(cut(Buffer.concat([bytes, payload]), at))
        assert.deepEqual(outcome, { header, rest: Buffer.from(payload).toString('latin1') })
      }),
    )
  })

  test('and garbage are read alike, however they are cut', () => {
    fc.assert(
      fc.property(garbage, places, (bytes, at) => {
        const whole = readPieces([bytes])
        assert.deepEqual(readPieces(cut(bytes, at)), whole)
        assert.deepEqual(readPieces([...bytes].map((byte) => Buffer.from([byte]))), whole)
        if (whole.header.kind === 'none') assert.equal(whole.rest, bytes.toString('latin1'))
      }),
    )
  })

  test('end', () => {
    fc.assert(
      fc.property(garbage, (bytes) => {
        const filled = Buffer.concat([bytes, Buffer.alloc(V2_BYTES_MAX)])
        assert.notEqual(readPieces([filled]).rest, undefined)
      }),
      { numRuns: 50 },
    )
  })
})
