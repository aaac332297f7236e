import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadKernelModule, ReceiveKernel } from '../../bench/kernel/receive-kernel.ts'
import { buildPublishCycle, writePayload, zipf } from '../../bench/publish-block.ts'

const module = await loadKernelModule()

/** What a stream holds, by whoever generated it. */
interface Counts {
  readonly messages: number
  readonly payloadBytes: number
  readonly pings: number
  readonly pongs: number
  readonly infos: number
}

const NOTHING: Counts = { messages: 0, payloadBytes: 0, pings: 0, pongs: 0, infos: 0 }

interface Piece {
  readonly bytes: Buffer
  readonly counts: Partial<Counts>
}

/** Feeds the chunks to a fresh record of the kernel; false as soon as one is refused. */
function feed(kernel: ReceiveKernel, record: number, chunks: readonly Buffer[]): boolean {
  return chunks.every((chunk) => {
    kernel.readBuffer.set(chunk)
    return kernel.consume(record, chunk.length)
  })
}

function countsOf(kernel: ReceiveKernel, record: number): Counts {
  return {
    messages: kernel.messages(record),
    payloadBytes: kernel.payloadBytes(record),
    pings: kernel.pings(record),
    pongs: kernel.pongs(record),
    infos: kernel.infos(record),
  }
}

function sum(pieces: readonly Piece[]): Counts {
  return pieces.reduce(
    (total, { counts }) => ({
      messages: total.messages + (counts.messages ?? 0),
      payloadBytes: total.payloadBytes + (counts.payloadBytes ?? 0),
      pings: total.pings + (counts.pings ?? 0),
      pongs: total.pongs + (counts.pongs ?? 0),
      infos: total.infos + (counts.infos ?? 0),
    }),
    NOTHING,
  )
}

/** Cuts at each of the positions; equal ones make no empty chunk. */
function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const ends = [...new Set([...positions, bytes.length])].toSorted((a, b) => a - b)
  let start = 0
  return ends
    .map((end) => {
      const chunk = bytes.subarray(start, end)
      start = end
      return chunk
    })
    .filter((chunk) => chunk.length > 0)
}

const token = fc.stringMatching(/^[a-zA-Z0-9$_-]{1,12}$/)
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))
const sid = fc.stringMatching(/^[0-9a-z]{1,6}$/)
const reply = fc.option(subject, { nil: undefined })
/** Hostile payloads: what a parser that does not skip by length would take for frames. */
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('MSG a 1 5\r\n', 'PING\r\n', '\r\n\r\n', '\n', "-ERR 'x'\r\n").map(Buffer.from),
  fc.integer({ min: 8_100, max: 9_000 }).map((length) => Buffer.alloc(length, '\n')),
)

const msg = fc.tuple(subject, sid, reply, payload).map(([name, id, inbox, body]): Piece => {
  const control = ['MSG', name, id, ...(inbox === undefined ? [] : [inbox]), body.length]
  return {
    bytes: Buffer.concat([Buffer.from(`${control.join(' ')}\r\n`), body, Buffer.from('\r\n')]),
    counts: { messages: 1, payloadBytes: body.length },
  }
})

const hmsg = fc.tuple(subject, sid, reply, payload).map(([name, id, inbox, body]): Piece => {
  const headers = Buffer.from('NATS/1.0\r\nK: v\r\n\r\n')
  const total = headers.length + body.length
  const words = ['HMSG', name, id, ...(inbox === undefined ? [] : [inbox])]
  const control = `${words.join(' ')} ${headers.length} ${total}\r\n`
  return {
    bytes: Buffer.concat([Buffer.from(control), headers, body, Buffer.from('\r\n')]),
    counts: { messages: 1, payloadBytes: total },
  }
})

const control = fc.constantFrom<Piece>(
  { bytes: Buffer.from('PING\r\n'), counts: { pings: 1 } },
  { bytes: Buffer.from('PONG\r\n'), counts: { pongs: 1 } },
  { bytes: Buffer.from('+OK\r\n'), counts: {} },
  { bytes: Buffer.from('INFO {"server_id":"X","max_payload":1048576}\r\n'), counts: { infos: 1 } },
)

const stream = fc.array(fc.oneof(msg, hmsg, control), { minLength: 1, maxLength: 12 })

test('a stream of all verbs is counted right, however it is cut', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat()), (pieces, cuts) => {
      const bytes = Buffer.concat(pieces.map((piece) => piece.bytes))
      const positions = cuts.map((cut) => cut % bytes.length)
      const kernel = new ReceiveKernel(module, 1)
      const record = kernel.open()
      assert.ok(feed(kernel, record, cutAt(bytes, positions)))
      assert.deepEqual(countsOf(kernel, record), sum(pieces))
    }),
  )
})

test('a stream is counted right when cut at each of its bytes, and byte by byte', () => {
  const shortStream = fc.array(
    fc.oneof(msg, hmsg, control).filter(({ bytes }) => bytes.length < 200),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(shortStream, (pieces) => {
      const bytes = Buffer.concat(pieces.map((piece) => piece.bytes))
      const expected = sum(pieces)
      const kernel = new ReceiveKernel(module, bytes.length + 1)
      for (let position = 1; position < bytes.length; position++) {
        const record = kernel.open()
        assert.ok(feed(kernel, record, cutAt(bytes, [position])))
        assert.deepEqual(countsOf(kernel, record), expected, `cut at ${position}`)
      }
      const record = kernel.open()
      assert.ok(feed(kernel, record, cutAt(bytes, [...bytes.keys()])))
      assert.deepEqual(countsOf(kernel, record), expected, 'byte by byte')
    }),
    { numRuns: 20 },
  )
})

test('connections that read in turns into the one buffer do not disturb each other', () => {
  fc.assert(
    fc.property(stream, stream, fc.array(fc.nat()), (first, second, cuts) => {
      const kernel = new ReceiveKernel(module, 2)
      const sides = [first, second].map((pieces) => {
        const bytes = Buffer.concat(pieces.map((piece) => piece.bytes))
        const chunks = cutAt(
          bytes,
          cuts.map((cut) => cut % bytes.length),
        )
        return { record: kernel.open(), chunks, expected: sum(pieces) }
      })
      const turns = Math.max(...sides.map(({ chunks }) => chunks.length))
      for (let turn = 0; turn < turns; turn++) {
        for (const { record, chunks } of sides) {
          assert.ok(feed(kernel, record, chunks.slice(turn, turn + 1)))
        }
      }
      for (const { record, expected } of sides) {
        assert.deepEqual(countsOf(kernel, record), expected)
      }
    }),
  )
})

/** The MSG frames that a server makes of `count` messages of a stream, sequence numbers from 0. */
function deliveries(streamId: number, count: number, payloadBytes: number): Buffer[] {
  return Array.from({ length: count }, (_, sequence) => {
    const line = Buffer.from(`MSG bench.${streamId} 1 ${payloadBytes}\r\n`)
    const frame = Buffer.alloc(line.length + payloadBytes + 2, 'x')
    line.copy(frame)
    writePayload(frame, line.length, payloadBytes, streamId, sequence)
    frame.write('\r\n', frame.length - 2)
    return frame
  })
}

test('messages of a stream are verified at every size, however they are cut', () => {
  const sizes = fc.oneof(fc.integer({ min: 16, max: 200 }), fc.integer({ min: 8_100, max: 20_000 }))
  fc.assert(
    fc.property(sizes, fc.nat(0xffffffff), fc.array(fc.nat()), (payloadBytes, streamId, cuts) => {
      const frames = deliveries(streamId, 5, payloadBytes)
      const bytes = Buffer.concat(frames)
      const kernel = new ReceiveKernel(module, 1)
      const record = kernel.open()
      kernel.expect(record, streamId, 1000, payloadBytes)
      const positions = cuts.map((cut) => cut % bytes.length)
      assert.ok(feed(kernel, record, cutAt(bytes, positions)))
      assert.equal(kernel.messages(record), 5)
      assert.equal(kernel.mismatches(record), 0)
      assert.equal(kernel.hash(record), kernel.expectedHash(5, streamId, 1000, payloadBytes))
    }),
  )
})

test('sequence numbers start again behind the last one of a block', () => {
  const kernel = new ReceiveKernel(module, 1)
  const record = kernel.open()
  kernel.expect(record, 3, 4, 16)
  const block = deliveries(3, 4, 16)
  assert.ok(feed(kernel, record, [...block, ...block, ...block]))
  assert.equal(kernel.mismatches(record), 0)
  assert.equal(kernel.hash(record), kernel.expectedHash(12, 3, 4, 16))
})

const FAULTS: Readonly<Record<string, (frames: Buffer[]) => Buffer[]>> = {
  'a lost message': (frames) => frames.toSpliced(2, 1),
  'a doubled message': (frames) => frames.toSpliced(2, 0, frames[2]!),
  'two messages in the wrong order': ([a, b, c, ...rest]) => [a!, c!, b!, ...rest],
  'a message of another stream': (frames) => frames.with(2, deliveries(8, 3, 16)[2]!),
  'a message of another size': (frames) => frames.with(2, deliveries(7, 3, 17)[2]!),
  'a message with a damaged end': (frames) => {
    const damaged = Buffer.from(frames[2]!)
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 3) ^ 1, damaged.length - 3)
    return frames.with(2, damaged)
  },
}

for (const [fault, apply] of Object.entries(FAULTS)) {
  test(`${fault} is noticed, by comparison and by the hash`, () => {
    const kernel = new ReceiveKernel(module, 1)
    const record = kernel.open()
    kernel.expect(record, 7, 100, 16)
    assert.ok(feed(kernel, record, apply(deliveries(7, 6, 16))))
    assert.ok(kernel.mismatches(record) > 0)
    const count = kernel.messages(record)
    assert.notEqual(kernel.hash(record), kernel.expectedHash(count, 7, 100, 16))
  })
}

const MALFORMED: Readonly<Record<string, string>> = {
  'an unknown verb': 'PUB a 1\r\nx\r\n',
  'a message without a size': 'MSG a 1 \r\n\r\n',
  'a size that is no number': 'MSG a 1 1x\r\nx\r\n',
  'a size of ten digits': 'MSG a 1 1000000000\r\n',
  'a payload longer than its size': 'MSG a 1 1\r\nxyz\r\n',
  'a line that ends without a carriage return': 'PING\n',
  'an empty line': '\n',
}

for (const [fault, text] of Object.entries(MALFORMED)) {
  test(`${fault} is refused`, () => {
    const kernel = new ReceiveKernel(module, 1)
    assert.equal(feed(kernel, kernel.open(), [Buffer.from(text)]), false)
  })
}

test('a line without an end is refused before it outgrows the carry', () => {
  const kernel = new ReceiveKernel(module, 2)
  const record = kernel.open()
  const neighbour = kernel.open()
  const chunk = Buffer.alloc(1000, 'x')
  chunk.write('INFO ')
  const chunks = [chunk, ...Array.from({ length: 20 }, () => Buffer.alloc(1000, 'x'))]
  assert.equal(feed(kernel, record, chunks), false)
  assert.deepEqual(countsOf(kernel, neighbour), NOTHING)
})

test('the text of an error line is kept', () => {
  const kernel = new ReceiveKernel(module, 1)
  const record = kernel.open()
  assert.equal(kernel.errorText(record), '')
  assert.ok(
    feed(kernel, record, [Buffer.from("-ERR 'Slow "), Buffer.from("Consumer'\r\nPING\r\n")]),
  )
  assert.equal(kernel.errorText(record), "-ERR 'Slow Consumer'")
  assert.equal(kernel.pings(record), 1)
})

test('the last message can be looked at, also when it came in two chunks', () => {
  const kernel = new ReceiveKernel(module, 1)
  const record = kernel.open()
  assert.ok(feed(kernel, record, [Buffer.from('MSG a.b 1 _IN'), Buffer.from('BOX.7 3\r\nabc\r\n')]))
  assert.equal(kernel.lastControlLine(), 'MSG a.b 1 _INBOX.7 3')
  assert.equal(kernel.lastPayload(3).toString(), 'abc')
})

test('a block of publishes is what a delivery of it is verified against', () => {
  const publication = { stream: 5, subject: 'bench.5', payloadBytes: 24 }
  const limits = { messages: 3, bytes: 1024 }
  const { blocks, sequenceCount, frameBytes } = buildPublishCycle(publication, limits)
  const [{ bytes, messageCount } = { bytes: Buffer.of(), messageCount: 0 }] = blocks
  assert.equal(blocks.length, 1)
  assert.equal(messageCount, 3)
  assert.equal(sequenceCount, 3)
  assert.equal(bytes.length, 3 * frameBytes)
  const delivered = bytes.toString('latin1').replaceAll('PUB bench.5 24', 'MSG bench.5 1 24')
  const kernel = new ReceiveKernel(module, 1)
  const record = kernel.open()
  kernel.expect(record, 5, 3, 24)
  assert.ok(feed(kernel, record, [Buffer.from(delivered, 'latin1')]))
  assert.equal(kernel.messages(record), 3)
  assert.equal(kernel.mismatches(record), 0)
})

test('a payload too small for its checks is refused', () => {
  assert.throws(() => writePayload(Buffer.alloc(15), 0, 15, 1, 1), /payloadBytes=15, min=16/)
})

test('a kernel gives out no more records than it has memory for', () => {
  const kernel = new ReceiveKernel(module, 1)
  kernel.open()
  assert.throws(() => kernel.open(), /connectionsMax=1/)
})

test('a sum over several connections and streams is the same in any order', () => {
  const frames = [...deliveries(1, 6, 16), ...deliveries(2, 3, 16)]
  const order = fc.shuffledSubarray(frames, { minLength: frames.length })
  fc.assert(
    fc.property(order, fc.nat(frames.length), (shuffled, cut) => {
      const kernel = new ReceiveKernel(module, 2)
      const members = [shuffled.slice(0, cut), shuffled.slice(cut)].map((some) => {
        const record = kernel.open()
        kernel.expectAnyOrder(record, 16)
        assert.ok(feed(kernel, record, some))
        assert.equal(kernel.mismatches(record), 0)
        return kernel.hash(record)
      })
      const expected = kernel.expectedSum(6, 1, 100, 16) + kernel.expectedSum(3, 2, 100, 16)
      assert.equal(BigInt.asUintN(64, members[0]! + members[1]!), BigInt.asUintN(64, expected))
    }),
  )
})

for (const name of ['a lost message', 'a doubled message', 'a message with a damaged end']) {
  test(`${name} is noticed by a sum`, () => {
    const kernel = new ReceiveKernel(module, 1)
    const record = kernel.open()
    kernel.expectAnyOrder(record, 16)
    assert.ok(feed(kernel, record, FAULTS[name]!(deliveries(7, 6, 16))))
    const count = kernel.messages(record)
    assert.notEqual(kernel.hash(record), kernel.expectedSum(count, 7, 100, 16))
  })
}

test('payloads too small to be numbered are verified by size and count', () => {
  const kernel = new ReceiveKernel(module, 1)
  const record = kernel.open()
  kernel.expectAnyOrder(record, 3)
  assert.ok(feed(kernel, record, [Buffer.from('MSG a 1 3\r\nxyz\r\nMSG a 1 3\r\nabc\r\n')]))
  assert.equal(kernel.mismatches(record), 0)
  assert.equal(kernel.hash(record), kernel.expectedSum(2, 0, 1, 3))
  assert.ok(feed(kernel, record, [Buffer.from('MSG a 1 2\r\nxy\r\n')]))
  assert.equal(kernel.mismatches(record), 1)
})

test('a publication of several subjects with headers is what a delivery is verified against', () => {
  const publication = {
    stream: 4,
    subject: 'bench.4',
    subjects: { count: 5, pick: 'in-turn' },
    payloadBytes: 24,
    headerBytes: 40,
  } as const
  const { blocks, sequenceCount } = buildPublishCycle(publication, { messages: 2, bytes: 1024 })
  assert.deepEqual(
    blocks.map(({ messageCount }) => messageCount),
    [2, 2, 1],
  )
  const text = Buffer.concat(blocks.map(({ bytes }) => bytes)).toString('latin1')
  const delivered = text.replaceAll(/HPUB (\S+) 40 64/g, 'HMSG $1 1 40 64')
  assert.ok(delivered.includes('HMSG bench.4.4 1 40 64\r\nNATS/1.0\r\nBench: xxx'))
  const kernel = new ReceiveKernel(module, 2)
  const record = kernel.open()
  kernel.expect(record, 4, sequenceCount, 24, 40)
  assert.ok(feed(kernel, record, cutAt(Buffer.from(delivered, 'latin1'), [70, 71, 150])))
  assert.equal(kernel.messages(record), 5)
  assert.equal(kernel.mismatches(record), 0)
  assert.equal(kernel.hash(record), kernel.expectedHash(5, 4, 5, 24))
  const other = kernel.open()
  kernel.expect(other, 4, sequenceCount, 40, 24)
  assert.ok(feed(kernel, other, [Buffer.from(delivered, 'latin1')]))
  assert.equal(kernel.mismatches(other), 5)
})

test('Zipf: the first subjects are as frequent as their share, and each run is the same', () => {
  const [pick, again] = [zipf(1000), zipf(1000)]
  const counts = new Array<number>(1000).fill(0)
  for (let i = 0; i < 20_000; i++) {
    const n = pick()
    assert.equal(n, again())
    counts[n]! += 1
  }
  const all = Array.from({ length: 1000 }, (_, n) => 1 / (n + 1)).reduce((sum, one) => sum + one)
  for (const n of [0, 1, 9]) {
    const expected = 20_000 / (n + 1) / all
    assert.ok(Math.abs(counts[n]! - expected) < expected / 5, `${n}: ${counts[n]}`)
  }
})
