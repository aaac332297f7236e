import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DeliveryModel, type ModelConnection, Source } from './delivery-model.ts'
import { Session } from './session.ts'
import { Threads } from './threads.ts'

const threads = new Threads({ workerCount: 1 })
const { router } = threads
const { exports, layout } = router
const worker = threads.worker(1)

const receiver = worker.connect()
worker.subscribe(receiver, '>')
const member = worker.connect()
worker.subscribe(member, '>', 'q')
const other = worker.connect({ headers: false })
worker.subscribe(other, '>', 'r.1')
threads.settle()

const HEADER = 'NATS/1.0\r\n\r\n'

interface Ingested {
  /** Bytes that were consumed. */
  readonly consumed: number
  readonly status: number
  readonly needBytes: number
  /** What the plain subscription got, and the members of q and r.1. */
  readonly delivered: readonly string[]
}

let planKey = 0

function ingest(text: string, stale = '', prepare = (_record: number): void => {}): Ingested {
  const record = router.connect({ kind: 'leaf', planKey: ++planKey, headers: false })
  prepare(record)
  const [at] = router.place(text + stale)
  const end = exports.ingest(record, at!, at! + text.length)
  const [status, needBytes] = [exports.status.value, exports.needBytes.value]
  threads.settle()
  const delivered = [receiver, member, other].map((connection) => worker.take(connection))
  router.disconnect(record)
  return { consumed: end - at!, status, needBytes, delivered }
}

describe('lines of a leaf link that the kernel delivers itself', () => {
  const DELIVERED: readonly (readonly [line: string, ...expected: string[]])[] = [
    ['LMSG foo 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n', '', ''],
    ['lmsg foo 01\r\nx\r\n', 'MSG foo 1 01\r\nx\r\n', '', ''],
    ['LMSG foo r 1\r\nx\r\n', 'MSG foo 1 r 1\r\nx\r\n', '', ''],
    // Replies that clients may not give are given by servers.
    ['LMSG foo _R_.x 1\r\nx\r\n', 'MSG foo 1 _R_.x 1\r\nx\r\n', '', ''],
    ['LMSG $NRG.x 1\r\nx\r\n', 'MSG $NRG.x 1 1\r\nx\r\n', '', ''],
    ['LMSG foo | q 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n', ''],
    ['LMSG foo + r q 1\r\nx\r\n', 'MSG foo 1 r 1\r\nx\r\n', 'MSG foo 1 r 1\r\nx\r\n', ''],
    ['LMSG foo + r q nobody r.1 1\r\nx\r\n', ...Array<string>(3).fill('MSG foo 1 r 1\r\nx\r\n')],
    ['LMSG foo | nobody 0\r\n\r\n', 'MSG foo 1 0\r\n\r\n', '', ''],
    // One word between subject and sizes is a reply, whatever it is; with `+` another one is.
    ['LMSG foo | 1\r\nx\r\n', 'MSG foo 1 | 1\r\nx\r\n', '', ''],
    ['LMSG foo + q 1\r\nx\r\n', 'MSG foo 1 q 1\r\nx\r\n', '', ''],
    [`HMSG foo 12 13\r\n${HEADER}x\r\n`, `HMSG foo 1 12 13\r\n${HEADER}x\r\n`, '', ''],
    [`hmsg foo r 12 13\r\n${HEADER}x\r\n`, `HMSG foo 1 r 12 13\r\n${HEADER}x\r\n`, '', ''],
    [
      `HMSG foo | q r.1 12 13\r\n${HEADER}x\r\n`,
      ...Array<string>(2).fill(`HMSG foo 1 12 13\r\n${HEADER}x\r\n`),
      'MSG foo 1 1\r\nx\r\n',
    ],
    [
      `HMSG foo + in.box r.1 12 12\r\n${HEADER}\r\n`,
      `HMSG foo 1 in.box 12 12\r\n${HEADER}\r\n`,
      '',
      'MSG foo 1 in.box 0\r\n\r\n',
    ],
    ['HMSG foo 0 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n', '', ''],
    ['HMSG foo | q 0 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n', ''],
    ['LMSG a..b | q 1\r\nx\r\n', '', '', ''],
  ]
  for (const [line, ...expected] of DELIVERED) {
    test(JSON.stringify(line.slice(0, 60)), () => {
      const { consumed, status, delivered } = ingest(line)
      assert.deepEqual([consumed, status], [line.length, layout.STATUS_DONE])
      assert.deepEqual(delivered, expected)
    })
  }

  test('one after the other, up to the first that is not whole', () => {
    const whole = `LMSG foo | q 1\r\nx\r\nHMSG foo 12 13\r\n${HEADER}x\r\n`
    const { consumed, status, needBytes } = ingest(`${whole}HMSG foo | q 12 20\r\n${HEADER}`)
    assert.deepEqual([consumed, status], [whole.length, layout.STATUS_DONE])
    assert.equal(needBytes, 'HMSG foo | q 12 20\r\n'.length + 20 + 2)
  })

  test('are counted, with their header blocks', () => {
    let record = 0
    const counted: bigint[] = []
    const link = router.connect({ kind: 'leaf', planKey: ++planKey })
    const text = `LMSG foo | q 5\r\nhello\r\nHMSG foo 12 14\r\n${HEADER}hi\r\n`
    const [at] = router.place(text)
    exports.ingest(link, at!, at! + text.length)
    record = link
    counted.push(router.long(record + layout.CONNECTION_IN_MSGS))
    counted.push(router.long(record + layout.CONNECTION_IN_BYTES))
    router.disconnect(link)
    threads.settle()
    assert.deepEqual(counted, [2n, 19n])
    for (const connection of [receiver, member, other]) worker.take(connection)
  })
})

describe('lines of a leaf link that are left to TypeScript, not one byte consumed', () => {
  const LEFT = [
    ...['PUB foo 1\r\nx\r\n', 'HPUB foo 1 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n', 'LS+ foo\r\n'],
    // Odd lines.
    ...['LMSG  foo 1\r\nx\r\n', 'LMSG foo  1\r\nx\r\n', 'LMSG foo 1 \r\nx\r\n'],
    ...['LMSG foo |  q 1\r\nx\r\n', 'LMSG foo | q\t1\r\nx\r\n', 'LMSG foo 1\nx\r\n'],
    ...['LMSG foo | q 1\r\r\nx\r\n', 'LMSG\tfoo 1\r\nx\r\n', 'LMSGfoo 1\r\nx\r\n'],
    // Neither a reply nor an indicator.
    ...['LMSG foo r q 1\r\nx\r\n', 'LMSG foo || q 1\r\nx\r\n', 'LMSG foo - q 1\r\nx\r\n'],
    ...['HMSG foo r q 1 1\r\nx\r\n', 'HMSG foo 1 2 3 4\r\nabcd\r\n'],
    // Bad sizes and payloads.
    ...['LMSG foo\r\n', 'LMSG foo x\r\n', 'LMSG foo | q -1\r\n', 'LMSG foo | q 1234567890\r\n'],
    ...['HMSG foo 1\r\nx\r\n', 'HMSG foo | q 1\r\nx\r\n', 'HMSG foo 2 1\r\nx\r\n'],
    ...['HMSG foo a 1\r\nx\r\n', 'LMSG foo | q 1\r\nxx\r\n', 'LMSG foo | q 1\r\nx\rx'],
    ...['LMSG foo 1048577\r\n', 'LMSG foo | q 1048577\r\n', 'HMSG foo 1 1048577\r\n'],
    // Not whole yet.
    ...['L', 'LMSG', 'LMSG ', 'LMSG foo', 'LMSG foo |', 'LMSG foo | q', 'LMSG foo | q 1'],
    ...['LMSG foo | q 1\r', 'HMSG foo 1', 'HMSG foo 1 1', 'HMSG foo | q 1 1\r'],
    `LMSG foo | ${'q'.repeat(5000)} 1\r\nx\r\n`,
  ]
  for (const line of LEFT) {
    test(JSON.stringify(line.slice(0, 60)), () => {
      // Neither may what lies behind it be read as its end.
      for (const stale of ['', ' 1\r\nx\r\n', '\r\nx\r\n', 'MSG foo 1\r\nx\r\n', '\n\r\n']) {
        const { consumed, status, delivered } = ingest(line, stale)
        assert.deepEqual([consumed, status], [0, layout.STATUS_OPERATION])
        assert.deepEqual(delivered, ['', '', ''])
      }
    })
  }

  test('one byte more than max_control_line', () => {
    for (const [bytes, expected] of [
      [16, layout.STATUS_DONE],
      [17, layout.STATUS_OPERATION],
    ] as const) {
      const line = `LMSG ${'s'.repeat(bytes)} | q\r\n`.replace('\r\n', ' 1\r\nx\r\n')
      const { status } = ingest(line, '', (record) => {
        router.setWord(record + layout.CONNECTION_CONTROL_LINE_MAX, 22)
      })
      assert.equal(status, expected, `${bytes} bytes`)
    }
  })
})

describe('what a link without header support gets', () => {
  test('is cut off by the bytes of the header block, with a reply and groups too', () => {
    const [with_, without] = [true, false].map((headers) =>
      router.connect({ kind: 'leaf', headers, planKey: ++planKey }),
    )
    const entries = [with_!, without!].map((link) => threads.insertLeaf(link, 'cut.>'))
    entries.push(threads.insertLeaf(without!, 'cut.>', 'g'))
    const source = router.connect({ kind: 'leaf', planKey: ++planKey })
    const text = `HMSG cut.x + r g 12 15\r\n${HEADER}abc\r\nHMSG cut.y 12 12\r\n${HEADER}\r\n`
    const [at] = router.place(text)
    assert.equal(exports.ingest(source, at!, at! + text.length), at! + text.length)
    assert.equal(
      router.take(with_!),
      `HMSG cut.x r 12 15\r\n${HEADER}abc\r\nHMSG cut.y 12 12\r\n${HEADER}\r\n`,
    )
    assert.equal(router.take(without!), 'LMSG cut.x + r g 3\r\nabc\r\nLMSG cut.y 0\r\n\r\n')
    const counts = [with_!, without!].map((link) => [
      router.long(link + layout.CONNECTION_OUT_MSGS),
      router.long(link + layout.CONNECTION_OUT_BYTES),
    ])
    assert.deepEqual(counts, [
      [2n, 27n],
      [2n, 3n],
    ])
    for (const entry of entries) exports.removeEntry(entry)
    for (const link of [with_!, without!, source]) router.disconnect(link)
    threads.settle()
    for (const connection of [receiver, member, other]) worker.take(connection)
  })
})

describe("a leaf link's stream that is cut in two", () => {
  const text =
    'LMSG foo | q 3\r\n#1#\r\nlmsg foo.bar r.#2# 3\r\n#2#\r\nPING\r\n' +
    `HMSG foo + r.#3# q r.1 12 15\r\n${HEADER}#3#\r\nLMSG foo.bar 03\r\n#4#\r\n` +
    `LMSG  ${'t'.repeat(70)} |  q  5 \n#5#\r\n\r\nhmsg foo | r.1 0 3\r\n#6#\r\n` +
    'LMSG foo.bar 7\r\n#7#LMSG\r\n'

  test('means the same wherever the cut is', () => {
    const facts = { echo: true, noResponders: false, origin: 0 } as const
    for (let at = 0; at <= text.length; at++) {
      const model = new DeliveryModel()
      const from: ModelConnection = { name: 'link', kind: 'leaf', headers: true, ...facts }
      const receivers = [receiver, member, other].map((record, i): [ModelConnection, number] => [
        { name: `client ${i}`, kind: 'client', headers: record !== other, ...facts },
        record,
      ])
      for (const [i, [to]] of receivers.entries()) {
        model.add(to, '>', [null, 'q', 'r.1'][i]!, '1')
      }
      const options = { kind: 'leaf', planKey: ++planKey } as const
      const session = new Session(router, options, () => threads.settle())
      const source = new Source(model, from)
      session.stale = text.slice(at)
      session.feed(text.slice(0, at))
      session.stale = ''
      session.feed(text.slice(at))
      source.feed(text)
      threads.settle()
      assert.equal(session.end, 'open')
      model.check(new Map(receivers.map(([to, record]) => [to, worker.take(record)])))
      session.dispose()
      threads.settle()
    }
  })

  test('is the kernel’s alone as long as nothing is odd', () => {
    const options = { kind: 'leaf', planKey: ++planKey } as const
    const session = new Session(router, options, () => threads.settle())
    session.feed(`LMSG foo | q 1\r\nx\r\nHMSG foo + r q 12 13\r\n${HEADER}x\r\n`)
    assert.equal(session.operationCount, 0)
    session.feed('LMSG foo |  q 1\r\nx\r\n')
    assert.equal(session.operationCount, 1)
    session.dispose()
    threads.settle()
    for (const connection of [receiver, member, other]) worker.take(connection)
  })
})
