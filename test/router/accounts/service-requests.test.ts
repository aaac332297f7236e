import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { randomBase62 } from '../../../src/protocol/nuid.ts'
import { subjectMatches } from '../../../src/protocol/subjects.ts'
import {
  createReplyPrefix,
  ID_DIGITS,
  type OutstandingRequest,
  type RequestTerms,
  readReplyId,
  ServiceRequests,
  writeReplyId,
} from '../../../src/router/accounts/service-requests.ts'

/** 000000, 000001, … */
function counting(): () => number {
  let next = 0
  return () => next++
}

/** With what the table has given up. */
class Table extends ServiceRequests<string> {
  givenUp: OutstandingRequest<string> | undefined

  constructor(requestsMax: number, random: () => number, trackingSuffix: string) {
    super({
      prefix: '_R_.PREFIX.',
      random,
      trackingSuffix,
      requestsMax,
      onGivenUp: (request) => {
        this.givenUp = request
      },
    })
  }

  add(
    replyTo: string,
    nowMs: number,
    more: Partial<RequestTerms<string>> = {},
  ): OutstandingRequest<string> {
    this.givenUp = undefined
    const terms: RequestTerms<string> = {
      importer: 'B',
      responseType: 'singleton',
      thresholdMs: 1000,
      isTracked: false,
      context: replyTo,
      ...more,
    }
    return this.open(terms, replyTo, nowMs)
  }
}

function table(requestsMax = 1000): Table {
  return new Table(requestsMax, counting(), '.abcdefgh.T')
}

const DELIVERED = { isDelivered: true, isEmpty: false }
const EMPTY = { isDelivered: true, isEmpty: true }
const UNDELIVERED = { isDelivered: false, isEmpty: false }

test('replies come on six digits behind the prefix, tracked ones say where to', () => {
  assert.match(createReplyPrefix(randomBase62), /^_R_\.[0-9A-Za-z]{6}\.$/)
  const requests = table()
  assert.equal(requests.replyOf(requests.add('in.1', 0)), '_R_.PREFIX.000000')
  const tracked = requests.add('in.2', 0, { isTracked: true })
  const reply = requests.replyOf(tracked)
  assert.equal(reply, '_R_.PREFIX.000001.abcdefgh.T')
  assert.equal(requests.subject, '_R_.PREFIX.>')
  assert.ok(subjectMatches(requests.subject, reply))
  assert.equal(requests.findText(reply), tracked)
})

test('subjects that no request awaits answers on find none', () => {
  const requests = table()
  const plain = requests.add('in.1', 0)
  const tracked = requests.add('in.2', 0, { isTracked: true })
  const bytes = Buffer.from('>>_R_.PREFIX.000000<<')
  assert.equal(requests.find(bytes, 2, bytes.length - 4), plain)
  assert.equal(requests.findText('_R_.PREFIX.000001.abcdefgh.T'), tracked)
  for (const other of [
    '_R_.PREFIX.000002',
    '_R_.PREFIX.zzzzzz',
    '_R_.PREFIX.00-000',
    '_R_.PREFIX.00000',
    '_R_.PREFIX.',
    '_R_.PREFIX.000000.',
    '_R_.PREFIX.000000.abcdefgh.T',
    '_R_.PREFIX.000001',
    '_R_.PREFIX.000001.abcdefgi.T',
    '_R_.OTHERS.000000',
  ]) {
    assert.equal(requests.findText(other), undefined, other)
  }
})

test('every number has digits of its own', () => {
  const digits = Buffer.alloc(ID_DIGITS + 2, '.')
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 30 - 1 }), (id) => {
      assert.equal(writeReplyId(digits, 1, id), 1 + ID_DIGITS)
      assert.match(digits.toString('latin1'), /^\.[0-9A-Za-z]{6}\.$/)
      assert.equal(readReplyId(digits, 1), id)
    }),
  )
})

test('numbers that are taken are drawn again', () => {
  const drawn = [7, 7, 8]
  const requests = new Table(10, () => drawn.shift() ?? 0, '')
  assert.equal(requests.replyOf(requests.add('in.1', 0)), '_R_.PREFIX.000007')
  assert.equal(requests.replyOf(requests.add('in.2', 0)), '_R_.PREFIX.000008')
})

test('a single answer ends a request', () => {
  const requests = table()
  const one = requests.add('in.1', 0)
  assert.equal(requests.settle(one, DELIVERED, 1), true)
  assert.equal(requests.findText(requests.replyOf(one)), undefined)
  assert.equal(requests.size, 0)
  assert.equal(requests.settle(one, DELIVERED, 2), true)
})

for (const responseType of ['stream', 'chunked'] as const) {
  test(`${responseType} answers go on until an empty one, or one nobody takes`, () => {
    const requests = table()
    const first = requests.add('in.1', 0, { responseType })
    const second = requests.add('in.2', 0, { responseType })
    assert.equal(requests.settle(first, DELIVERED, 1), false)
    assert.equal(requests.settle(first, DELIVERED, 2), false)
    assert.equal(requests.settle(first, EMPTY, 3), true)
    assert.equal(requests.settle(second, DELIVERED, 1), false)
    assert.equal(requests.settle(second, UNDELIVERED, 2), true)
    assert.equal(requests.size, 0)
  })
}

test('each answer of a stream is awaited as long as the first', () => {
  const requests = table()
  assert.equal(requests.nextDeadlineMs(), Number.POSITIVE_INFINITY)
  const slow = requests.add('in.1', 0, { responseType: 'stream' })
  const other = requests.add('in.2', 500)
  const quick = requests.add('in.3', 600, { thresholdMs: 100 })
  assert.equal(requests.nextDeadlineMs(), 700)
  assert.deepEqual(requests.expire(699), [])
  assert.deepEqual(requests.expire(700), [quick])
  requests.settle(slow, DELIVERED, 800)
  assert.equal(requests.nextDeadlineMs(), 1500)
  assert.deepEqual(requests.expire(1799), [other])
  assert.deepEqual(requests.expire(1800), [slow])
  assert.equal(requests.nextDeadlineMs(), Number.POSITIVE_INFINITY)
})

test('a request that reached nobody is closed', () => {
  const requests = table()
  const one = requests.add('in.1', 0)
  requests.close(one)
  requests.close(one)
  assert.equal(requests.size, 0)
  assert.equal(requests.findText(requests.replyOf(one)), undefined)
  assert.deepEqual(requests.expire(5000), [])
})

test('too many requests: the oldest is given up', () => {
  const requests = table(2)
  const first = requests.add('in.1', 0, { responseType: 'stream' })
  requests.add('in.2', 1)
  requests.settle(first, DELIVERED, 2)
  const third = requests.add('in.3', 3)
  assert.equal(requests.givenUp, first)
  assert.equal(requests.size, 2)
  assert.equal(requests.findText(requests.replyOf(first)), undefined)
  assert.equal(requests.findText(requests.replyOf(third)), third)
})

test('a requester who listens no more loses what was for it alone', () => {
  const requests = table()
  const one = requests.add('in.1', 0)
  const twin = requests.add('in.1', 0)
  const other = requests.add('in.2', 0)
  const abroad = requests.add('in.1', 0, { importer: 'C' })
  assert.deepEqual(
    requests.loseInterest('B', 'in.1', () => true),
    [],
  )
  assert.deepEqual(
    requests.loseInterest('B', 'in.9', () => false),
    [],
  )
  assert.deepEqual(
    requests.loseInterest('B', 'in.1', () => false),
    [one, twin],
  )
  assert.equal(requests.size, 2)
  assert.deepEqual(
    requests.loseInterest('B', 'in.*', () => false),
    [other],
  )
  assert.deepEqual(
    requests.loseInterest('C', '>', (replyTo) => replyTo !== 'in.1'),
    [abroad],
  )
  assert.deepEqual(
    requests.loseInterest('C', '>', () => false),
    [],
  )
})

test('requests of an account that is gone are closed', () => {
  const requests = table()
  const mine = requests.add('in.1', 0)
  requests.add('in.1', 0, { importer: 'C' })
  assert.deepEqual(
    requests.closeAll(({ terms }) => terms.importer === 'B'),
    [mine],
  )
  assert.equal(requests.size, 1)
})

// ── property ─────────────────────────────────────────────────────────────────────────────────

type Step =
  | {
      readonly kind: 'open'
      readonly replyTo: string
      readonly stream: boolean
      readonly ms: number
    }
  | { readonly kind: 'settle'; readonly at: number; readonly isEmpty: boolean }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'lose'; readonly subject: string }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    replyTo: fc.constantFrom('in.1', 'in.2', 'out.1'),
    stream: fc.boolean(),
    ms: fc.constantFrom(10, 25),
  }),
  fc.record({
    kind: fc.constant('settle' as const),
    at: fc.nat({ max: 9 }),
    isEmpty: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 12 }) }),
  fc.record({ kind: fc.constant('lose' as const), subject: fc.constantFrom('in.1', 'in.*', '>') }),
)

test('the table does what a plain list does', () => {
  const REQUESTS_MAX = 4
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const requests = table(REQUESTS_MAX)
      let model: {
        opened: OutstandingRequest<string>
        replyTo: string
        stream: boolean
        ms: number
        until: number
      }[] = []
      let now = 0
      for (const each of steps) {
        if (each.kind === 'open') {
          const { replyTo, stream, ms } = each
          const responseType = stream ? 'stream' : 'singleton'
          const opened = requests.add(replyTo, now, { responseType, thresholdMs: ms })
          const oldest = model.length === REQUESTS_MAX ? model.shift() : undefined
          assert.equal(requests.givenUp, oldest?.opened)
          model.push({ opened, replyTo, stream, ms, until: now + ms })
        } else if (each.kind === 'settle') {
          const target = model[each.at % Math.max(model.length, 1)]
          if (target === undefined) continue
          const isLast = !target.stream || each.isEmpty
          const outcome = { isDelivered: true, isEmpty: each.isEmpty }
          assert.equal(requests.settle(target.opened, outcome, now), isLast)
          target.until = now + target.ms
          if (isLast) model = model.filter((entry) => entry !== target)
        } else if (each.kind === 'wait') {
          now += each.ms
          const expired = requests.expire(now).map(({ id }) => id)
          const over = model.filter(({ until }) => until <= now).map(({ opened }) => opened.id)
          assert.deepEqual(expired.sort(), over.sort())
          model = model.filter(({ until }) => until > now)
        } else {
          const lost = requests.loseInterest('B', each.subject, () => false)
          const gone = model.filter(({ replyTo }) => subjectMatches(each.subject, replyTo))
          assert.deepEqual(
            lost.map(({ id }) => id),
            gone.map(({ opened }) => opened.id),
          )
          model = model.filter((entry) => !gone.includes(entry))
        }
        assert.equal(requests.size, model.length)
        assert.equal(requests.nextDeadlineMs(), Math.min(...model.map(({ until }) => until)))
      }
    }),
  )
})
