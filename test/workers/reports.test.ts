/** The pure parts of what threads report to monitors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CONNECTION_SORTS } from '../../src/monitor/reports.ts'
import { ClosedConnections } from '../../src/workers/reports/closed-connections.ts'
import {
  type ClosedConnection,
  closedReport,
  decodeClosed,
  encodeClosed,
} from '../../src/workers/reports/closed-rows.ts'
import { firstOf, sortKey } from '../../src/workers/reports/connection-order.ts'
import {
  CID,
  NUMBERS,
  OpenRowReader,
  secretsOf,
  shownRow,
  VERSION,
} from '../../src/workers/reports/open-rows.ts'
import type { SessionFacts } from '../../src/workers/reports/reported-session.ts'
import { presentedUser, shownRtt } from '../../src/workers/reports/session-report.ts'
import { readSubscriptions, subscriptionLine } from '../../src/workers/reports/subscription-text.ts'

const CLOSED: ClosedConnection = {
  cid: 7,
  account: 'A',
  user: 'ann',
  reason: 'Client Closed',
  kind: 'Client',
  type: 'nats',
  ip: '::1',
  port: 4,
  startMs: 1000,
  lastActivityMs: 1500,
  stopMs: 2000,
  rttNs: 5,
  pendingBytes: 6,
  inMsgs: 1,
  inBytes: 2,
  outMsgs: 3,
  outBytes: 4,
  stalls: 5,
  subscriptions: 1,
  name: 'two\nlines "quoted"',
  lang: 'go',
  version: '1',
  accountTag: 'tag',
  jwt: 'j',
  issuerKey: 'k',
  nameTag: 'n',
  tags: ['a', 'b'],
  proxyKey: 'p',
  tls: { version: '1.3', cipherSuite: 'C', isFirst: true, certificates: [] },
  subscriptionText: subscriptionLine('a.b', 'q', '1', 3, 9),
}

test('the first of many are those that sorting all of them puts first', () => {
  const ones = fc.array(fc.integer({ min: -3, max: 3 }))
  fc.assert(
    fc.property(ones, fc.nat(40), fc.boolean(), (some, count, isOrdered) => {
      const all = isOrdered ? some.toSorted((a, b) => a - b) : some
      const places = [...all.keys()].sort((a, b) => all[a]! - all[b]! || a - b)
      assert.deepEqual([...firstOf(Float64Array.from(all), count)], places.slice(0, count))
    }),
  )
})

test('each order has its key, and its direction', () => {
  const more = { ...CLOSED, cid: 8, startMs: 900 }
  for (const field of ['lastActivityMs', 'stopMs', 'rttNs', 'pendingBytes'] as const)
    more[field] += 1
  for (const field of ['inMsgs', 'inBytes', 'outMsgs', 'outBytes'] as const) more[field] += 1
  more.subscriptions += 1
  const ascending = new Set(['cid', 'start', 'idle', 'uptime', 'reason'])
  for (const sort of CONNECTION_SORTS) {
    const isAfter = sortKey(sort, more, 3000) > sortKey(sort, CLOSED, 3000)
    assert.equal(isAfter, ascending.has(sort), sort)
  }
  assert.equal(sortKey('uptime', CLOSED, 3000), 1000, 'until its end')
  assert.equal(sortKey('uptime', { ...CLOSED, stopMs: 0 }, 3000), 2000, 'until now')
})

test('subscriptions as text, and back', () => {
  const owner = { cid: 3, account: 'A', accountTag: 'A' }
  const latin1 = Buffer.from('grüße').toString('latin1')
  const text = subscriptionLine('a.*', '', '1', 5, 0) + subscriptionLine(latin1, 'q', 'x y', 0, 2)
  assert.deepEqual(readSubscriptions(text, owner), [
    { subject: 'a.*', queue: '', sid: '1', msgs: 5, max: 0, ...owner },
    { subject: 'grüße', queue: 'q', sid: 'x y', msgs: 0, max: 2, ...owner },
  ])
  assert.deepEqual(readSubscriptions('', owner), [])
})

test('an open connection is sent as a line once, and again when something in it has changed', () => {
  const facts: SessionFacts = {
    kind: 'Client',
    type: 'websocket',
    name: 'two\nlines "quoted"',
    lang: 'go',
    version: '1',
    user: 'ann',
    account: 'A',
    accountTag: 'tag',
    jwt: 'j',
    issuerKey: 'k',
    nameTag: 'n',
    tags: ['a', 'b'],
    proxyKey: 'p',
    tls: { version: '1.3', cipher: 'C', names: [], certificates: [], isVerified: false },
    isTlsFirst: true,
  }
  const place = { remoteAddress: '::1', remotePort: 4 }
  const first = shownRow(facts, place, 1000, undefined)
  assert.equal(shownRow({ ...facts }, { ...place }, 1000, first), first)
  const changes: Partial<SessionFacts>[] = [
    ...(['name', 'lang', 'version', 'user', 'account', 'accountTag', 'jwt'] as const),
    ...(['issuerKey', 'nameTag', 'proxyKey'] as const),
  ].map((field) => ({ [field]: 'other' }))
  changes.push({ tags: ['c'] }, { tls: undefined }, { isTlsFirst: false })
  changes.push({ kind: 'Leafnode' }, { type: 'nats' })
  for (const change of changes) {
    const other = shownRow({ ...facts, ...change }, place, 1000, first)
    assert.ok(other.version > first.version, JSON.stringify(change))
  }
  const moved = shownRow(facts, { remoteAddress: '::2', remotePort: 4 }, 1000, first)

  const cids = Float64Array.of(6, 7, 8)
  const numbers = new Float64Array(NUMBERS)
  numbers[CID] = 7
  const reader = new OpenRowReader()
  const read = (row: string, version: number, secrets: string[] = []) => {
    numbers[VERSION] = version
    const known = reader.known(cids)
    const rows = { rows: [row], secrets, numbers, subscriptionTexts: ['a\t\t1\t2\t3\n'] }
    const [report, ...more] = reader.read(rows, cids, known)
    assert.equal(more.length, 0)
    return report!
  }
  const report = read(first.row, first.version)
  const { jwt, tls, isTlsFirst, ...shown } = facts
  assert.deepEqual(
    Object.fromEntries(Object.keys(shown).map((key) => [key, Reflect.get(report, key)])),
    shown,
  )
  assert.deepEqual(
    [report.cid, report.ip, report.port, report.startMs, report.jwt],
    [7, '::1', 4, 1000, ''],
  )
  assert.deepEqual(report.tls, {
    version: tls?.version,
    cipherSuite: tls?.cipher,
    isFirst: isTlsFirst,
    certificates: [],
  })
  assert.equal(report.subscriptionList?.[0]?.subject, 'a')
  assert.deepEqual(
    reader.known(cids).map(({ version }) => version),
    [0, first.version, 0],
  )
  assert.deepEqual(read('', first.version), report)
  assert.equal(read('', first.version, [secretsOf(first)]).jwt, jwt)
  assert.equal(read(moved.row, moved.version).ip, '::2')
  assert.equal(read('', moved.version).ip, '::2')
})

test('a closed connection as a line, and back', () => {
  assert.deepEqual(decodeClosed(encodeClosed(CLOSED)), CLOSED)
  const plain = { ...CLOSED, tls: undefined, tags: [] }
  assert.deepEqual(decodeClosed(encodeClosed(plain)), plain)
  const report = closedReport(CLOSED, true)
  assert.deepEqual(report.in, { msgs: 1, bytes: 2 })
  assert.deepEqual(report.out, { msgs: 3, bytes: 4 })
  const owner = { cid: 7, account: 'A', accountTag: 'tag' }
  const [one] = report.subscriptionList ?? []
  assert.deepEqual(one, { subject: 'a.b', queue: 'q', sid: '1', msgs: 3, max: 9, ...owner })
  assert.equal('subscriptionText' in report, false)
  assert.equal(closedReport(CLOSED, false).subscriptionList, undefined)
})

test('the last closed connections are kept, within bounds', () => {
  const closed = new ClosedConnections(3)
  const add = (cid: number, more: Partial<ClosedConnection> = {}) =>
    closed.add(1, { rows: [encodeClosed({ ...CLOSED, cid, ...more })], traffic: [] })
  for (let cid = 1; cid <= 20; cid++) add(cid, { account: cid % 2 === 0 ? 'A' : '$G' })
  const cids = (account: string) => closed.of(account).map(({ cid }) => cid)
  assert.deepEqual(cids(''), [18, 19, 20])
  assert.deepEqual(cids('A'), [18, 20])
  assert.deepEqual(cids('$G'), [], 'as nats-server')
  const huge = 'x'.repeat(33 * 2 ** 20)
  add(21, { subscriptionText: huge })
  add(22, { subscriptionText: huge })
  assert.deepEqual(cids(''), [22])
  const none = new ClosedConnections(0)
  none.add(1, { rows: [encodeClosed(CLOSED)], traffic: [] })
  assert.equal(none.count, 0)
})

test('what closed connections have done adds up by thread and account', () => {
  const closed = new ClosedConnections(0)
  const clients = [1, 2, 3, 4, 1, 0, 1]
  const leafs = [5, 6, 7, 8, 0, 1, 1]
  closed.addTraffic(2, [{ account: 'A', clients, leafs }])
  closed.addTraffic(2, [{ account: 'A', clients, leafs: [0, 0, 0, 0, 0, 0, 0] }])
  closed.addTraffic(2, [{ account: 'B', clients, leafs }])
  assert.deepEqual(closed.trafficOf(2), [
    { account: 'A', clients: [2, 4, 6, 8, 2, 0, 2], leafs },
    { account: 'B', clients, leafs },
  ])
  assert.deepEqual(closed.trafficOf(1), [])
})

test('who somebody says to be, and round trip times, are shown as nats-server shows them', () => {
  const nobody = { nkey: '', user: '', jwt: '', authToken: '' }
  assert.equal(presentedUser({ ...nobody, nkey: 'U1', user: 'u' }), 'U1')
  assert.equal(presentedUser({ ...nobody, user: 'u', authToken: 't' }), 'u')
  assert.equal(presentedUser({ ...nobody, authToken: 'secret' }), '[REDACTED]')
  assert.equal(presentedUser({ ...nobody, jwt: 'j', authToken: 'secret' }), '')
  assert.equal(presentedUser(nobody), '')
  assert.deepEqual(
    [0, 999, 1000, 1999, 999_999, 1_000_001].map(shownRtt),
    [0, 999, 1000, 1000, 999_000, 1_000_001],
  )
})
