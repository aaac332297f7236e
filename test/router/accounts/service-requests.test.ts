import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { randomBase62 } from '../../../src/protocol/nuid.ts'
import { subjectMatches } from '../../../src/protocol/subjects.ts'
import {
  createReplyPrefix,
  type NewRequest,
  ServiceRequests,
} from '../../../src/router/accounts/service-requests.ts'

/** 000000, 000001, … */
function counting(): (length: number) => string {
  let next = 0
  return (length) => String(next++).padStart(length, '0')
}

function request(replyTo: string, more: Partial<NewRequest<string>> = {}): NewRequest<string> {
  return {
    importer: 'B',
    replyTo,
    responseType: 'singleton',
    thresholdMs: 1000,
    isTracked: false,
    context: replyTo,
    ...more,
  }
}

function table(requestsMax = 1000): ServiceRequests<string> {
  const randomDigits = counting()
  return new ServiceRequests({
    prefix: '_R_.PREFIX.',
    randomDigits,
    trackingSuffix: '.abcdefgh.T',
    requestsMax,
  })
}

const DELIVERED = { isDelivered: true, isEmpty: false }
const EMPTY = { isDelivered: true, isEmpty: true }
const UNDELIVERED = { isDelivered: false, isEmpty: false }

test('replies come on six digits behind the prefix, tracked ones say where to', () => {
  assert.match(createReplyPrefix(randomBase62), /^_R_\.[0-9A-Za-z]{6}\.$/)
  const requests = table()
  assert.equal(requests.open(request('in.1'), 0).opened.reply, '_R_.PREFIX.000000')
  const tracked = requests.open(request('in.2', { isTracked: true }), 0).opened
  assert.equal(tracked.reply, '_R_.PREFIX.000001.abcdefgh.T')
  assert.equal(requests.subject, '_R_.PREFIX.>')
  assert.ok(subjectMatches(requests.subject, tracked.reply))
  assert.equal(requests.find(tracked.reply)?.replyTo, 'in.2')
  assert.equal(requests.find('_R_.PREFIX.zzzzzz'), undefined)
})

test('digits that are taken are drawn again', () => {
  const drawn = ['aaaaaa', 'aaaaaa', 'bbbbbb']
  const requests = new ServiceRequests<string>({
    prefix: '_R_.PREFIX.',
    randomDigits: () => drawn.shift() ?? 'none',
    trackingSuffix: '',
  })
  assert.equal(requests.open(request('in.1'), 0).opened.reply, '_R_.PREFIX.aaaaaa')
  assert.equal(requests.open(request('in.2'), 0).opened.reply, '_R_.PREFIX.bbbbbb')
})

test('a single answer ends a request', () => {
  const requests = table()
  const { reply } = requests.open(request('in.1'), 0).opened
  assert.equal(requests.settle(reply, DELIVERED, 1), true)
  assert.equal(requests.find(reply), undefined)
  assert.equal(requests.size, 0)
  assert.equal(requests.settle(reply, DELIVERED, 2), true)
})

for (const responseType of ['stream', 'chunked'] as const) {
  test(`${responseType} answers go on until an empty one, or one nobody takes`, () => {
    const requests = table()
    const first = requests.open(request('in.1', { responseType }), 0).opened.reply
    const second = requests.open(request('in.2', { responseType }), 0).opened.reply
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
  const slow = requests.open(request('in.1', { responseType: 'stream' }), 0).opened
  const other = requests.open(request('in.2'), 500).opened
  const quick = requests.open(request('in.3', { thresholdMs: 100 }), 600).opened
  assert.equal(requests.nextDeadlineMs(), 700)
  assert.deepEqual(requests.expire(699), [])
  assert.deepEqual(requests.expire(700), [quick])
  requests.settle(slow.reply, DELIVERED, 800)
  assert.equal(requests.nextDeadlineMs(), 1500)
  assert.deepEqual(requests.expire(1799), [other])
  assert.deepEqual(requests.expire(1800), [slow])
  assert.equal(requests.nextDeadlineMs(), Number.POSITIVE_INFINITY)
})

test('a request that reached nobody is closed', () => {
  const requests = table()
  const { opened } = requests.open(request('in.1'), 0)
  assert.deepEqual(requests.close(opened.reply), opened)
  assert.equal(requests.close(opened.reply), undefined)
  assert.deepEqual(requests.expire(5000), [])
})

test('too many requests: the oldest is given up', () => {
  const requests = table(2)
  const first = requests.open(request('in.1', { responseType: 'stream' }), 0).opened
  requests.open(request('in.2'), 1)
  requests.settle(first.reply, DELIVERED, 2)
  const third = requests.open(request('in.3'), 3)
  assert.deepEqual(third.givenUp, first)
  assert.equal(requests.size, 2)
  assert.equal(requests.find(first.reply), undefined)
  assert.equal(requests.find(third.opened.reply), third.opened)
})

test('a requester who listens no more loses what was for it alone', () => {
  const requests = table()
  const one = requests.open(request('in.1'), 0).opened
  const twin = requests.open(request('in.1'), 0).opened
  const other = requests.open(request('in.2'), 0).opened
  const abroad = requests.open(request('in.1', { importer: 'C' }), 0).opened
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
  const mine = requests.open(request('in.1'), 0).opened
  requests.open(request('in.1', { importer: 'C' }), 0)
  assert.deepEqual(
    requests.closeAll(({ importer }) => importer === 'B'),
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
      let model: { reply: string; replyTo: string; stream: boolean; ms: number; until: number }[] =
        []
      let now = 0
      for (const each of steps) {
        if (each.kind === 'open') {
          const { replyTo, stream, ms } = each
          const responseType = stream ? 'stream' : 'singleton'
          const more = { responseType, thresholdMs: ms } as const
          const { opened, givenUp } = requests.open(request(replyTo, more), now)
          const oldest = model.length === REQUESTS_MAX ? model.shift() : undefined
          assert.equal(givenUp?.reply, oldest?.reply)
          model.push({ reply: opened.reply, replyTo, stream, ms, until: now + ms })
        } else if (each.kind === 'settle') {
          const target = model[each.at % Math.max(model.length, 1)]
          if (target === undefined) continue
          const isLast = !target.stream || each.isEmpty
          const outcome = { isDelivered: true, isEmpty: each.isEmpty }
          assert.equal(requests.settle(target.reply, outcome, now), isLast)
          target.until = now + target.ms
          if (isLast) model = model.filter((entry) => entry !== target)
        } else if (each.kind === 'wait') {
          now += each.ms
          const expired = requests.expire(now).map(({ reply }) => reply)
          const over = model.filter(({ until }) => until <= now).map(({ reply }) => reply)
          assert.deepEqual(expired.sort(), over.sort())
          model = model.filter(({ until }) => until > now)
        } else {
          const lost = requests.loseInterest('B', each.subject, () => false)
          const gone = model.filter(({ replyTo }) => subjectMatches(each.subject, replyTo))
          assert.deepEqual(
            lost.map(({ reply }) => reply),
            gone.map(({ reply }) => reply),
          )
          model = model.filter((entry) => !gone.includes(entry))
        }
        assert.equal(requests.size, model.length)
        assert.equal(requests.nextDeadlineMs(), Math.min(...model.map(({ until }) => until)))
      }
    }),
  )
})
