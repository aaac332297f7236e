import assert from 'node:assert/strict'
import test from 'node:test'
import { encodeHeaders, type Header } from '../../../src/protocol/headers.ts'
import {
  answeredRecord,
  encodeLatency,
  failedRecord,
  type LatencyFailure,
  sampleRequest,
} from '../../../src/router/accounts/service-latency.ts'

const NO_HEADERS = new Uint8Array(0)
const BY_HEADERS = { sampling: 0, subject: 'lat' }
const never = (): number => assert.fail('nothing is to be drawn')

function triggerOf(headers: readonly Header[], sampling = 0): Record<string, string[]> | undefined {
  const sample = sampleRequest({ sampling, subject: 'lat' }, encodeHeaders(headers), () => 99)
  if (sample === undefined) return undefined
  return Object.fromEntries(
    [...(sample.trigger ?? [])].map(([name, values]) => [name, [...values]]),
  )
}

test('an export without figures is not measured, one of 100 percent always', () => {
  assert.equal(sampleRequest(undefined, NO_HEADERS, never), undefined)
  const all = sampleRequest({ sampling: 100, subject: 'lat' }, NO_HEADERS, never)
  assert.deepEqual(all, { trigger: undefined })
  assert.equal(sampleRequest(BY_HEADERS, NO_HEADERS, never), undefined)
})

test('of 100 requests n and one more are measured, as nats-server does it', () => {
  const drawn = Array.from({ length: 100 }, (_, i) => i)
  const measured = drawn.filter((number) => {
    return sampleRequest({ sampling: 30, subject: 'lat' }, NO_HEADERS, () => number) !== undefined
  })
  assert.equal(measured.length, 31)
})

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const B3_ID = '80f198ee56343ba864fe8b2a57d3eff7'

const MEASURED: readonly (readonly Header[])[] = [
  [['Uber-Trace-Id', '0:0:0:1']],
  [['Uber-Trace-Id', '0:0:0:01']],
  [['Uber-Trace-Id', '0:0:0:5']],
  [['Uber-Trace-Id', '479fefe9525eddb:5adb976bfc1f95c1:479fefe9525eddb:1']],
  [['X-B3-Sampled', '1']],
  [['X-B3-TraceId', B3_ID]],
  [
    ['X-B3-TraceId', B3_ID],
    ['X-B3-Sampled', 'd'],
  ],
  [['B3', '0-0-1-0']],
  [['B3', '0-0-1']],
  [['B3', '0-0-d']],
  [['b3', `${B3_ID}-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90`]],
  [['traceparent', `00-${TRACE}-01`]],
  [['traceparent', `00-${TRACE}-27`]],
]

const NOT_MEASURED: readonly (readonly Header[])[] = [
  [['Other', '1']],
  [['Uber-Trace-Id', '0:0:0:0']],
  [['Uber-Trace-Id', '0:0:0:00']],
  [['Uber-Trace-Id', '0:0:0:001']],
  [['Uber-Trace-Id', '0:0:1']],
  [['Uber-Trace-Id', '0:0:0:x']],
  [['X-B3-Sampled', '0']],
  [
    ['X-B3-TraceId', B3_ID],
    ['X-B3-Sampled', '0'],
  ],
  [['B3', '0']],
  [['B3', '0-0-0-0']],
  [['B3', '0-0-0']],
  [['traceparent', `00-${TRACE}-00`]],
  [['traceparent', `00-${TRACE}-22`]],
  [['traceparent', `00-${TRACE}-81`]],
  [['traceparent', `00-${TRACE}`]],
  // The first kind of header decides.
  [
    ['Uber-Trace-Id', '0:0:0:0'],
    ['X-B3-Sampled', '1'],
  ],
]

for (const headers of MEASURED) {
  test(`headers ask for it: ${headers.join(' ')}`, () => {
    assert.ok(triggerOf(headers) !== undefined)
  })
}

for (const headers of NOT_MEASURED) {
  test(`headers do not ask for it: ${headers.join(' ')}`, () => {
    assert.equal(triggerOf(headers), undefined)
  })
}

test('headers ask for it even where chance said no', () => {
  assert.deepEqual(triggerOf([['X-B3-Sampled', '1']], 50), { 'X-B3-Sampled': ['1'] })
})

test('what asked is told with all that belongs to it, under canonical names', () => {
  const other: Header = ['Some-Other', 'value']
  assert.deepEqual(
    triggerOf([
      other,
      ['x-b3-traceid', B3_ID],
      ['X-B3-ParentSpanId', '05e3ac9a4f6e3b90'],
      ['X-B3-SpanId', 'e457b5a2e4d86bd1'],
      ['X-B3-Sampled', '1'],
    ]),
    {
      'X-B3-Traceid': [B3_ID],
      'X-B3-Parentspanid': ['05e3ac9a4f6e3b90'],
      'X-B3-Spanid': ['e457b5a2e4d86bd1'],
      'X-B3-Sampled': ['1'],
    },
  )
  assert.deepEqual(
    triggerOf([['uber-trace-id', '0:0:0:1'], other, ['uberctx-x', 'foo'], ['Uberctx-X', 'bar']]),
    { 'Uber-Trace-Id': ['0:0:0:1'], 'Uberctx-X': ['foo', 'bar'] },
  )
  assert.deepEqual(
    triggerOf([['traceparent', `00-${TRACE}-01`], other, ['tracestate', 'rojo=0,congo=t6']]),
    { Traceparent: [`00-${TRACE}-01`], Tracestate: ['rojo=0,congo=t6'] },
  )
})

// ── records ──────────────────────────────────────────────────────────────────────────────────

const FORWARDED = 1_700_000_000_000_000_000n
const ms = (count: number): number => count * 1_000_000

function answered(serviceMs: number, requestorMs: number, responderMs: number, systemMs: number) {
  const answeredNs = FORWARDED + BigInt(ms(serviceMs))
  return answeredRecord({
    forwardedNs: FORWARDED,
    answeredNs,
    deliveredNs: answeredNs + BigInt(ms(systemMs)),
    requestor: { account: 'B', rttNs: ms(requestorMs) },
    responder: { account: 'A', rttNs: ms(responderMs) },
    trigger: undefined,
  })
}

test('round-trip times are taken off the service and added to the total', () => {
  const record = answered(25, 4, 5, 1)
  assert.equal(record.serviceNs, ms(20))
  assert.equal(record.systemNs, ms(1))
  assert.equal(record.totalNs, ms(30))
  assert.equal(record.startNs, FORWARDED - BigInt(ms(4)))
})

test('no figure is negative', () => {
  const record = answered(3, 0, 5, 1)
  assert.equal(record.serviceNs, 0)
  assert.equal(record.totalNs, ms(4))
})

test('without the round-trip time of the responder the server has no share of its own', () => {
  const record = answered(3, 2, 0, 1)
  assert.equal(record.systemNs, 0)
  assert.equal(record.totalNs, ms(5))
})

const ID = 'Zk0hQ1Zk0hQ1Zk0hQ1Zk0h'

test('a record is written as nats-server writes it', () => {
  const record = answeredRecord({
    forwardedNs: FORWARDED + 123_456_000n,
    answeredNs: FORWARDED + 223_456_000n,
    deliveredNs: FORWARDED + 223_456_789n,
    requestor: { account: 'B', rttNs: 1000 },
    responder: { account: 'A', name: 'svc <1>', rttNs: 2000, server: 's', kind: 'Client' },
    trigger: new Map([
      ['X-B3-Traceid', ['id']],
      ['X-B3-Sampled', ['\xc3\xa4']],
    ]),
  })
  assert.equal(
    encodeLatency(record, ID, FORWARDED + 500_000_000n),
    `{"type":"io.nats.server.metric.v1.service_latency","id":"${ID}",` +
      '"timestamp":"2023-11-14T22:13:20.5Z","status":200,"requestor":{"acc":"B","rtt":1000},' +
      '"responder":{"acc":"A","name":"svc \\u003c1\\u003e","rtt":2000,"server":"s","kind":"Client"},' +
      '"header":{"X-B3-Sampled":["ä"],"X-B3-Traceid":["id"]},' +
      '"start":"2023-11-14T22:13:20.123455Z","service":99998000,"system":789,"total":100001789}',
  )
})

const FAILURES: readonly (readonly [LatencyFailure, number, string])[] = [
  ['noReply', 400, 'Bad Request'],
  ['interestLost', 408, 'Request Timeout'],
  ['notDelivered', 503, 'Service Unavailable'],
  ['timeout', 504, 'Service Timeout'],
]

for (const [failure, status, description] of FAILURES) {
  test(`a failed request is told: ${status} ${description}`, () => {
    const requestor = { account: 'B', rttNs: 1_000_000_000 }
    const record = failedRecord(failure, { forwardedNs: FORWARDED, requestor, trigger: undefined })
    assert.equal(
      encodeLatency(record, ID, FORWARDED),
      `{"type":"io.nats.server.metric.v1.service_latency","id":"${ID}",` +
        `"timestamp":"2023-11-14T22:13:20Z","status":${status},"description":"${description}",` +
        '"requestor":{"acc":"B","rtt":1000000000},"start":"2023-11-14T22:13:19Z",' +
        '"service":0,"system":0,"total":0}',
    )
  })
}

test('a requester that is gone is not told of', () => {
  const record = failedRecord('interestLost', {
    forwardedNs: FORWARDED,
    requestor: undefined,
    trigger: undefined,
  })
  assert.ok(!encodeLatency(record, ID, FORWARDED).includes('requestor'))
})
