/** What the main thread finds out about a running broker for its monitors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PartialOptions } from '../../src/config/options.ts'
import type { SubscriptionReport } from '../../src/monitor/reports.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/wait.ts'
import { MonitoredBroker } from './monitored-broker.ts'

const ACCOUNTS: PartialOptions = {
  accounts: [
    {
      name: 'A',
      exports: [
        { kind: 'service', subject: 'svc.*', accounts: ['B'] },
        { kind: 'stream', subject: 'news' },
      ],
      mappings: [{ source: 'old', destinations: [{ subject: 'new', weight: 20, cluster: '' }] }],
    },
    {
      name: 'B',
      imports: [
        { kind: 'service', account: 'A', subject: 'svc.x', to: 'ask' },
        { kind: 'stream', account: 'A', subject: 'news', prefix: 'a' },
      ],
    },
  ],
  users: [
    { user: 'ann', pass: 'x', account: 'A' },
    { user: 'amy', pass: 'x', account: 'A' },
    { user: 'bob', pass: 'x', account: 'B' },
  ],
}

/** Subscriptions of a connection are told in no order, as by nats-server. */
function bySid(subscriptions: readonly SubscriptionReport[] = []): SubscriptionReport[] {
  return subscriptions.toSorted((a, b) => Number(a.sid) - Number(b.sid))
}

test('connections of several accounts and threads', async (t) => {
  await using broker = await MonitoredBroker.start({
    workers: 2,
    ...ACCOUNTS,
    accounts: [{ name: 'A' }, { name: 'B' }],
  })
  const { source } = broker
  const beforeMs = Date.now()
  const ann = await broker.connect(
    { user: 'ann', pass: 'x', name: 'one', version: '1.2' },
    'SUB in.* 1\r\nSUB work q 2\r\n',
  )
  const amy = await broker.connect({ user: 'amy', pass: 'x', name: 'two' }, 'SUB out.> 7\r\n')
  const bob = await broker.connect({ user: 'bob', pass: 'x', name: 'three' })
  await amy.send('PUB in.a 5\r\nhello\r\nPUB in.b 3\r\nabc\r\nPING\r\n')
  await ann.readUntil('abc')
  await bob.send('PUB nobody 1\r\nx\r\nPING\r\n')
  await until('all counters', async () => (await broker.named('two'))?.in.msgs === 2)
  await until('all counters', async () => (await broker.named('three'))?.in.msgs === 1)

  await t.test('facts, counters and times', async () => {
    const one = (await broker.named('one', { withSubscriptions: true }))!
    assert.equal(one.kind, 'Client')
    assert.equal(one.type, 'nats')
    assert.equal(one.ip, '127.0.0.1')
    assert.ok(one.port > 0)
    assert.equal(one.lang, 'test')
    assert.equal(one.version, '1.2')
    assert.deepEqual([one.user, one.account, one.accountTag], ['ann', 'A', 'A'])
    assert.deepEqual(one.in, { msgs: 0, bytes: 0 })
    assert.deepEqual(one.out, { msgs: 2, bytes: 8 })
    assert.ok(one.startMs >= beforeMs && one.startMs <= one.lastActivityMs)
    assert.ok(one.lastActivityMs <= Date.now() + 1)
    assert.ok(one.rttNs > 0, 'CONNECT has told the round trip time')
    assert.deepEqual([one.stopMs, one.reason, one.pendingBytes, one.stalls], [0, '', 0, 0])
    assert.equal(one.subscriptions, 2)
    const owner = { cid: one.cid, account: '', accountTag: '' }
    assert.deepEqual(bySid(one.subscriptionList), [
      { subject: 'in.*', queue: '', sid: '1', msgs: 2, max: 0, ...owner },
      { subject: 'work', queue: 'q', sid: '2', msgs: 0, max: 0, ...owner },
    ])
  })

  await t.test('a PING is no activity, a subscription is', async () => {
    const before = (await broker.named('three'))!.lastActivityMs
    await until('the next millisecond', () => Date.now() > before + 2)
    await bob.send('PING\r\nPING\r\n')
    await until('PONGs', () => bob.received.toString().split('PONG').length > 4)
    assert.equal((await broker.named('three'))!.lastActivityMs, before)
    await bob.send('SUB more 9\r\nPING\r\n')
    await until('activity', async () => (await broker.named('three'))!.lastActivityMs > before)
  })

  await t.test('orders', async () => {
    const names = async (sort: 'cid' | 'msgs_to' | 'bytes_from' | 'subs' | 'uptime') =>
      (await broker.page({ sort })).connections.map(({ name }) => name)
    assert.deepEqual(await names('cid'), ['one', 'two', 'three'])
    assert.deepEqual(await names('msgs_to'), ['one', 'two', 'three'])
    assert.deepEqual(await names('bytes_from'), ['two', 'three', 'one'])
    assert.deepEqual(await names('subs'), ['one', 'two', 'three'])
    assert.deepEqual(await names('uptime'), ['three', 'two', 'one'])
  })

  await t.test('pages and filters: which of them change the total', async () => {
    const found = async (query: Parameters<typeof broker.page>[0]) => {
      const { connections, total } = await broker.page(query)
      return [connections.map(({ name }) => name).join(), total]
    }
    assert.deepEqual(await found({ limit: 2 }), ['one,two', 3])
    assert.deepEqual(await found({ offset: 2, limit: 2 }), ['three', 3])
    assert.deepEqual(await found({ offset: 99 }), ['', 3])
    assert.deepEqual(await found({ account: 'A' }), ['one,two', 2])
    assert.deepEqual(await found({ user: 'bob' }), ['three', 3])
    assert.deepEqual(await found({ account: 'A', user: 'bob' }), ['', 2])
    assert.deepEqual(await found({ account: 'A', filterSubject: 'in.x' }), ['one', 2])
    assert.deepEqual(await found({ account: 'A', filterSubject: '*.x' }), ['one,two', 2])
    assert.deepEqual(await found({ account: 'A', filterSubject: 'other' }), ['', 2])
    const { cid } = (await broker.named('two'))!
    assert.deepEqual(await found({ cid, limit: 1 }), ['two', 3])
    assert.deepEqual(await found({ cid: 999, limit: 1 }), ['', 3])
    assert.equal(await source.connections({ ...ANY_OF('nobody') }), undefined)
  })

  await t.test('subscriptions and their counts', async () => {
    const all = await source.subscriptions({ account: 'A', test: '', offset: 0, limit: 10 })
    assert.equal(all.total, 3)
    const [first] = all.subscriptions.filter(({ subject }) => subject === 'in.*')
    assert.deepEqual(
      [first?.sid, first?.msgs, first?.account, first?.accountTag],
      ['1', 2, 'A', 'A'],
    )
    assert.equal(first?.cid, (await broker.named('one'))!.cid)
    const paged = await source.subscriptions({ account: 'A', test: '', offset: 2, limit: 10 })
    assert.deepEqual([paged.subscriptions.length, paged.total], [1, 3])
    const tested = await source.subscriptions({ account: '', test: 'in.z', offset: 0, limit: 10 })
    assert.deepEqual(
      [tested.subscriptions.map(({ subject }) => subject), tested.total],
      [['in.*'], 1],
    )
    const none = await source.subscriptions({ account: 'nobody', test: '', offset: 0, limit: 10 })
    assert.deepEqual(none, { subscriptions: [], total: 0 })
    const sublist = await source.sublist('A')
    const before = await source.sublist('')
    assert.ok(before.subscriptions > sublist.subscriptions, 'the others have some, too')
    assert.equal(sublist.inserts - sublist.removes, sublist.subscriptions)
    assert.ok(before.matches >= 3 && before.cacheHits <= before.matches)
    assert.equal(sublist.matches, 2, 'what came in from the account')
    assert.ok(sublist.cached >= 2 && sublist.fanoutMax >= 1)
    assert.deepEqual((await source.sublist('nobody')).subscriptions, 0)
    await amy.send('UNSUB 7\r\nPING\r\n')
    await until('one less', async () => {
      const after = await source.sublist('A')
      return (
        after.subscriptions === sublist.subscriptions - 1 && after.removes === sublist.removes + 1
      )
    })
  })

  await t.test('accounts', async () => {
    assert.deepEqual([...(await source.accounts())].sort(), ['$G', '$SYS', 'A', 'B'])
    const stats = await source.accountStats()
    const a = stats.find(({ account }) => account === 'A')!
    assert.deepEqual([a.name, a.clients, a.leafs, a.totalConnections], ['A', 2, 0, 2])
    assert.deepEqual(
      [a.received, a.sent],
      [
        { msgs: 2, bytes: 8 },
        { msgs: 2, bytes: 8 },
      ],
    )
    assert.equal(stats.find(({ account }) => account === '$G')!.totalConnections, 0)
    const report = (await source.account('A'))!
    assert.deepEqual([report.clients, report.leafs, report.isSystem], [2, 0, false])
    assert.ok(report.updatedMs <= Date.now() && report.isComplete && !report.isExpired)
    assert.deepEqual(
      report.imports.map(({ account }) => account),
      Array(4).fill('$SYS'),
    )
    assert.equal((await source.account('$SYS'))?.isSystem, true)
    assert.equal(await source.account('nobody'), undefined)
  })

  await t.test('threads, and what stays when connections and threads end', async () => {
    const sums = async () => {
      const threads = await source.threads()
      const total = (of: (thread: (typeof threads)[number]) => number) =>
        threads.reduce((sum, thread) => sum + of(thread), 0)
      return {
        roles: threads.map(({ role }) => role).join(),
        clients: total(({ connections }) => connections.clients),
        in: total((thread) => thread.in.msgs),
        clientIn: total((thread) => thread.clientIn.msgs),
        outBytes: total((thread) => thread.out.bytes),
      }
    }
    const roles = 'routing,protocol,protocol'
    assert.deepEqual(await sums(), { roles, clients: 3, in: 3, clientIn: 3, outBytes: 8 })
    await amy.close()
    await until('the end', async () => (await sums()).clients === 2)
    assert.deepEqual(await sums(), { roles, clients: 2, in: 3, clientIn: 3, outBytes: 8 })
    broker.broker.supervisor.failThread(1)
    broker.broker.supervisor.failThread(2)
    await until('both gone', async () => (await sums()).clients === 0)
    assert.deepEqual(await sums(), { roles, clients: 0, in: 3, clientIn: 3, outBytes: 8 })
  })
})

function ANY_OF(account: string) {
  const sort = 'cid' as const
  const state = 'open' as const
  const none = { cid: 0, user: '', filterSubject: '', withSubscriptions: false }
  return { sort, state, account, offset: 0, limit: 10, ...none }
}

test('closed connections, with all there is to know of them', async (t) => {
  await using broker = await MonitoredBroker.start({
    workers: 1,
    maxClosedClients: 5,
    authorization: { timeoutMs: 200 },
    ...ACCOUNTS,
  })
  const closed = async () => (await broker.page({ state: 'closed' })).connections
  const ann = await broker.connect(
    { user: 'ann', pass: 'x', name: 'one' },
    'SUB a 1\r\nSUB b q 2\r\n',
  )
  const silent = await RawClient.connect(broker.broker.port)
  const wrong = await RawClient.connect(broker.broker.port)
  await wrong.send('CONNECT {"user":"eve","pass":"y","name":"wrong"}\r\n')
  await until('the refusal', () => wrong.closedBy !== null)
  await ann.send('PUB x 2\r\nhi\r\nPING\r\n')
  await until('the message', async () => (await broker.named('one'))?.in.msgs === 1)
  await ann.close()
  const bad = await broker.connect({ user: 'bob', pass: 'x', name: 'bad' })
  await bad.send('NONSENSE\r\n')
  await until('all four', async () => (await closed()).length === 4)

  await t.test('reasons', async () => {
    const reasons = (await closed()).map(({ name, reason }) => [name, reason].join(': '))
    assert.deepEqual(reasons.sort(), [
      ': Authentication Timeout',
      'bad: Protocol Violation',
      'one: Client Closed',
      'wrong: Authentication Failure',
    ])
    assert.ok(silent.closedBy !== null)
  })

  await t.test('one of them', async () => {
    const query = { state: 'closed', withSubscriptions: true, user: 'ann' } as const
    const { connections, total } = await broker.page(query)
    assert.equal(total, 4)
    const [one] = connections
    assert.ok(one !== undefined && connections.length === 1)
    assert.deepEqual([one.account, one.user, one.in], ['A', 'ann', { msgs: 1, bytes: 2 }])
    assert.ok(one.stopMs >= one.startMs && one.stopMs <= Date.now())
    assert.equal(one.subscriptions, 2)
    const owner = { cid: one.cid, account: 'A', accountTag: 'A' }
    assert.deepEqual(bySid(one.subscriptionList), [
      { subject: 'a', queue: '', sid: '1', msgs: 0, max: 0, ...owner },
      { subject: 'b', queue: 'q', sid: '2', msgs: 0, max: 0, ...owner },
    ])
    const byId = await broker.page({ state: 'all', cid: one.cid, limit: 1 })
    assert.deepEqual(
      byId.connections.map(({ reason }) => reason),
      ['Client Closed'],
    )
    assert.equal((await broker.page({ cid: one.cid, limit: 1 })).connections.length, 0)
  })

  await t.test('accounts, orders and both states together', async () => {
    assert.equal((await broker.page({ state: 'closed', account: 'A' })).total, 1)
    const byReason = await broker.page({ state: 'closed', sort: 'reason' })
    const reasons = byReason.connections.map(({ reason }) => reason)
    assert.deepEqual(reasons, reasons.toSorted())
    const stops = (await broker.page({ state: 'closed', sort: 'stop' })).connections
    assert.deepEqual(
      stops.map(({ stopMs }) => stopMs),
      stops.map(({ stopMs }) => stopMs).toSorted((a, b) => b - a),
    )
    await broker.connect({ user: 'amy', pass: 'x', name: 'open' })
    const both = await broker.page({ state: 'all' })
    assert.deepEqual([both.total, both.connections.at(-1)?.name], [5, 'open'])
  })

  await t.test('no more of them than configured', async () => {
    for (let i = 0; i < 4; i++) {
      const client = await broker.connect({ user: 'amy', pass: 'x', name: `last ${i}` })
      await client.close()
    }
    await until('the last one', async () => (await closed()).at(-1)?.name === 'last 3')
    const names = (await closed()).map(({ name }) => name)
    assert.equal(names.length, 5)
    assert.deepEqual(names.slice(1), ['last 0', 'last 1', 'last 2', 'last 3'])
  })

  await t.test('what accounts offer, use, map and owe', async () => {
    const { source } = broker
    const ann = await broker.connect({ user: 'ann', pass: 'x' }, 'SUB svc.* 1\r\n')
    const bob = await broker.connect({ user: 'bob', pass: 'x' }, 'SUB inbox 1\r\n')
    await bob.send('PUB ask inbox 1\r\n?\r\nPING\r\n')
    await ann.readUntil('svc.x')
    const [, reply = ''] = /svc\.x 1 (\S+) /.exec(ann.received.toString()) ?? []
    const a = (await source.account('A'))!
    const service = { needsToken: false, latency: undefined, revokedActivations: new Map() }
    assert.deepEqual(a.exports, [
      {
        ...service,
        type: 'service',
        subject: 'svc.*',
        responseType: 'Singleton',
        approvedAccounts: ['B'],
      },
      { ...service, type: 'stream', subject: 'news', responseType: '', approvedAccounts: [] },
    ])
    assert.deepEqual(a.mappings, [
      {
        source: 'old',
        destinations: [
          { subject: 'new', weight: 20, cluster: '' },
          { subject: 'old', weight: 100, cluster: '' },
        ],
      },
    ])
    const owed = a.responses.get(reply)
    assert.deepEqual([a.responses.size, owed?.subject, owed?.account], [1, 'inbox', 'B'])
    const b = (await source.account('B'))!
    const used = b.imports.filter(({ account }) => account === 'A')
    assert.deepEqual(
      used.map(({ type, subject, localSubject }) => [type, subject, localSubject]),
      [
        ['stream', 'news', 'a.news'],
        ['service', 'svc.x', 'ask'],
      ],
    )
    await ann.send(`PUB ${reply} 1\r\n!\r\nPING\r\n`)
    await bob.readUntil('!')
    assert.equal((await source.account('A'))!.responses.size, 0)
  })
})
