import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isValidPublishSubject } from '../../src/protocol/subjects.ts'
import { DeliveryModel, Source } from './delivery-model.ts'
import { Session } from './session.ts'
import { Threads } from './threads.ts'

const threads = new Threads({ workerCount: 1 })
const worker = threads.worker(1)
const { exports, layout } = worker

const receiver = worker.connect()
worker.subscribe(receiver, '>')
threads.settle()

interface Ingested {
  /** Bytes that were consumed. */
  readonly consumed: number
  readonly status: number
  readonly needBytes: number
  /** What a subscription to everything got. */
  readonly delivered: string
}

function ingest(record: number, text: string, stale = ''): Ingested {
  const [at] = worker.place(text + stale)
  const end = exports.ingest(record, at!, at! + text.length)
  return {
    consumed: end - at!,
    status: exports.status.value,
    needBytes: exports.needBytes.value,
    delivered: worker.take(receiver),
  }
}

function withClient(
  options: Parameters<typeof worker.connect>[0],
  run: (record: number) => void,
): void {
  const record = worker.connect(options)
  try {
    run(record)
  } finally {
    worker.disconnect(record)
  }
}

describe('publishes that the kernel delivers itself', () => {
  const DELIVERED: readonly (readonly [line: string, expected: string])[] = [
    ['PUB foo 5\r\nhello\r\n', 'MSG foo 1 5\r\nhello\r\n'],
    ['pub foo 5\r\nhello\r\n', 'MSG foo 1 5\r\nhello\r\n'],
    ['PuB foo 0\r\n\r\n', 'MSG foo 1 0\r\n\r\n'],
    ['PUB foo bar 2\r\n\r\n\r\n', 'MSG foo 1 bar 2\r\n\r\n\r\n'],
    ['PUB foo 005\r\nhello\r\n', 'MSG foo 1 005\r\nhello\r\n'],
    ['HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n', 'HMSG foo 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n'],
    [
      'HPUB foo r 012 014\r\nNATS/1.0\r\n\r\nhi\r\n',
      'HMSG foo 1 r 012 014\r\nNATS/1.0\r\n\r\nhi\r\n',
    ],
    ['HPUB foo 0 2\r\nhi\r\n', 'MSG foo 1 2\r\nhi\r\n'],
    ['hpub foo 2 2\r\nhi\r\n', 'HMSG foo 1 2 2\r\nhi\r\n'],
    [`PUB ${'x'.repeat(300)} 1\r\nx\r\n`, `MSG ${'x'.repeat(300)} 1 1\r\nx\r\n`],
    ['PUB \xff\xfe 1\r\n\xfd\r\n', 'MSG \xff\xfe 1 1\r\n\xfd\r\n'],
    ['PUB a..b 1\r\nx\r\n', ''],
    ['PUB .a 1\r\nx\r\n', ''],
    ['PUB foo. 1\r\nx\r\n', ''],
  ]
  for (const [line, expected] of DELIVERED) {
    test(JSON.stringify(line.slice(0, 60)), () => {
      withClient({}, (record) => {
        const { consumed, status, delivered } = ingest(record, line)
        assert.equal(consumed, line.length)
        assert.equal(status, layout.STATUS_DONE)
        assert.equal(delivered, expected)
      })
    })
  }

  test('one after the other, up to the first that is not whole', () => {
    withClient({}, (record) => {
      const whole = 'PUB a 1\r\n1\r\nPUB b 1\r\n2\r\n'
      const result = ingest(record, `${whole}PUB c 10\r\n123`)
      assert.equal(result.consumed, whole.length)
      assert.equal(result.status, layout.STATUS_DONE)
      assert.equal(result.needBytes, 'PUB c 10\r\n0123456789\r\n'.length)
      assert.equal(result.delivered, 'MSG a 1 1\r\n1\r\nMSG b 1 1\r\n2\r\n')
    })
  })

  test('are counted, with their payloads', () => {
    withClient({}, (record) => {
      ingest(record, 'PUB a 5\r\nhello\r\nHPUB b 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')
      assert.equal(worker.long(record + layout.CONNECTION_IN_MSGS), 2n)
      assert.equal(worker.long(record + worker.constant('CONNECTION_IN_BYTES')), 19n)
    })
  })
})

describe('what the kernel leaves to TypeScript, not one byte consumed', () => {
  const LEFT = [
    ...[
      'PING\r\n',
      'SUB foo 1\r\n',
      'CONNECT {}\r\n',
      '+OK\r\n',
      'X',
      '\r\n',
      ' PUB foo 1\r\nx\r\n',
    ],
    // Odd lines.
    ...['PUB  foo 1\r\nx\r\n', 'PUB foo  1\r\nx\r\n', 'PUB foo 1 \r\nx\r\n', 'PUB\tfoo 1\r\nx\r\n'],
    ...['PUB foo\t1\r\nx\r\n', 'PUB foo 1\nx\r\n', 'PUB foo 1\r\r\nx\r\n', 'PUB a b c 1\r\nx\r\n'],
    ...['PUB\0foo 1\r\nx\r\n', 'PUB@foo 1\r\nx\r\n', 'PUBfoo 1\r\nx\r\n', 'PUB f\x01o 1\r\nx\r\n'],
    // Bad sizes and payloads.
    ...[
      'PUB foo\r\n',
      'PUB foo x\r\n',
      'PUB foo -1\r\n',
      'PUB foo 1234567890\r\n',
      'PUB foo 1x\r\n',
    ],
    ...['PUB foo 1\r\nxx\r\n', 'PUB foo 1\r\nx\rx', 'PUB foo 0\r\nx', 'PUB foo 1048577\r\n'],
    ...[
      'HPUB foo 5\r\n',
      'HPUB foo 6 5\r\nabcde\r\n',
      'HPUB foo a 5\r\nabcde\r\n',
      'HPUB foo 1 2 3 4\r\n',
    ],
    // Subjects and replies of servers.
    ...['PUB _GR_.x 1\r\nx\r\n', 'PUB $NRG.x 1\r\nx\r\n', 'PUB foo _R_.x 1\r\nx\r\n'],
    ...['PUB foo $JS.ACK.x 1\r\nx\r\n', 'PUB foo _GR_.x 1\r\nx\r\n'],
    // The line of another kind of connection.
    ...['LMSG foo 1\r\nx\r\n', 'MSG foo 1 1\r\nx\r\n'],
    // Not whole yet.
    ...[
      'P',
      'PUB',
      'PUB ',
      'PUB foo',
      'PUB foo ',
      'PUB foo 1',
      'PUB foo 1\r',
      'HPUB foo 1',
      'HPUB',
    ],
    `PUB ${'x'.repeat(5000)} 1\r\nx\r\n`,
  ]
  for (const line of LEFT) {
    test(JSON.stringify(line.slice(0, 60)), () => {
      withClient({}, (record) => {
        // Neither may what lies behind it be read as its end.
        for (const stale of ['', ' 1\r\nx\r\n', '\r\nx\r\n', 'UB foo 1\r\nx\r\n', '\n\r\n']) {
          const { consumed, status, delivered } = ingest(record, line, stale)
          assert.equal(consumed, 0)
          assert.equal(status, layout.STATUS_OPERATION)
          assert.equal(delivered, '')
        }
      })
    })
  }

  test('what a pedantic client must be told, and nothing else of it', () => {
    withClient({}, (record) => {
      const flag = worker.constant('FLAG_PEDANTIC')
      worker.setWord(record + layout.CONNECTION_FLAGS, flag)
      for (const subject of ['', '.', 'a.', '.a', 'a..b', '*', 'a.*', '>', 'a.>', 'a.>.b']) {
        if (isValidPublishSubject(subject)) assert.fail(subject)
        const { consumed, status } = ingest(record, `PUB ${subject} 1\r\nx\r\n`)
        assert.deepEqual([consumed, status], [0, layout.STATUS_OPERATION], subject)
      }
      for (const subject of ['a', 'a.b', 'foo.bar.baz', '\xff.$', '$JS.x']) {
        const line = `PUB ${subject} 1\r\nx\r\n`
        const { consumed, delivered } = ingest(record, line.repeat(2))
        assert.equal(consumed, 2 * line.length, subject)
        assert.equal(delivered, `MSG ${subject} 1 1\r\nx\r\n`.repeat(2))
      }
    })
  })

  test('HPUB of a connection without header support', () => {
    withClient({ headers: false }, (record) => {
      assert.equal(ingest(record, 'HPUB foo 2 2\r\nhi\r\n').status, layout.STATUS_OPERATION)
    })
  })

  test('everything of a connection that is slow, waits for its SUB, or is closed', () => {
    for (const flag of ['FLAG_SLOW_PATH', 'FLAG_AWAITING_SUB', 'FLAG_CLOSED']) {
      withClient({}, (record) => {
        worker.setWord(record + layout.CONNECTION_FLAGS, worker.constant(flag))
        const { consumed, status } = ingest(record, 'PUB foo 1\r\nx\r\n')
        assert.deepEqual([consumed, status], [0, layout.STATUS_OPERATION], flag)
      })
    }
  })
})

describe('limits', () => {
  test('a payload of max_payload passes, one byte more does not, and -1 is no limit', () => {
    withClient({}, (record) => {
      const message = (size: number) => `PUB foo ${size}\r\n${'x'.repeat(size)}\r\n`
      worker.setWord(record + layout.CONNECTION_PAYLOAD_MAX, 10)
      assert.equal(ingest(record, message(10)).status, layout.STATUS_DONE)
      assert.equal(ingest(record, message(11)).status, layout.STATUS_OPERATION)
      worker.setWord(record + layout.CONNECTION_PAYLOAD_MAX, -1)
      assert.equal(ingest(record, message(100_000)).consumed, message(100_000).length)
    })
  })

  test('a line of max_control_line passes, one byte more does not', () => {
    withClient({}, (record) => {
      worker.setWord(record + layout.CONNECTION_CONTROL_LINE_MAX, 20)
      const line = (subjectBytes: number) => `PUB ${'s'.repeat(subjectBytes)} 1\r\nx\r\n`
      assert.equal(ingest(record, line(18)).status, layout.STATUS_DONE)
      assert.equal(ingest(record, line(19)).status, layout.STATUS_OPERATION)
    })
  })
})

describe('a stream that is cut in two', () => {
  const text =
    'PUB foo 3\r\n#1#\r\npub foo.bar r.#2# 3\r\n#2#\r\nPING\r\nHPUB foo 12 15\r\nNATS/1.0\r\n\r\n#3#\r\n' +
    `SUB foo.* 7\r\nPUB foo.bar 03\r\n#4#\r\nPUB  ${'t'.repeat(70)}  5 \n#5#\r\n\r\nUNSUB 7\r\n` +
    'hpub foo r.#6# 0 3\r\n#6#\r\nPUB foo.bar 7\r\n#7#PUB \r\n'

  test('means the same wherever the cut is', () => {
    for (let at = 0; at <= text.length; at++) {
      const model = new DeliveryModel()
      const facts = {
        kind: 'client',
        echo: true,
        headers: true,
        noResponders: false,
        origin: 0,
      } as const
      const [from, to] = [
        { name: 'source', ...facts },
        { name: 'receiver', ...facts },
      ]
      model.add(to, '>', null, '1')
      const session = new Session(worker, {}, () => threads.settle())
      const source = new Source(model, from)
      session.stale = text.slice(at)
      session.feed(text.slice(0, at))
      session.stale = ''
      session.feed(text.slice(at))
      source.feed(text)
      assert.equal(session.end, 'open')
      model.check(
        new Map([
          [from, worker.take(session.record)],
          [to, worker.take(receiver)],
        ]),
      )
      session.dispose()
      threads.settle()
    }
  })
})
