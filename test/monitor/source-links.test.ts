/** Leaf links and TLS, as the main thread finds out about them for monitors. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { certificates, filesOf } from '../io/tls/pair.ts'
import { until } from '../support/wait.ts'
import { MonitoredBroker } from './monitored-broker.ts'

test('leaf links from both ends, and a client with TLS and a certificate', async (t) => {
  const { client } = certificates
  await using hub = await MonitoredBroker.start({
    workers: 1,
    serverName: 'hub',
    accounts: [{ name: 'A' }],
    users: [{ user: 'ann', pass: 'x', account: 'A' }],
    leafnodes: { host: '127.0.0.1', port: -1 },
    tls: { ...filesOf('server'), caFile: certificates.ca.certFile, verify: true },
  })
  await using leaf = await MonitoredBroker.start({
    workers: 1,
    serverName: 'leaf',
    leafnodes: { remotes: [{ urls: [`nats://ann:x@127.0.0.1:${hub.broker.leafPort}`] }] },
  })
  const linkOf = async (broker: MonitoredBroker, withSubscriptions = false) =>
    (await broker.page({ withSubscriptions })).connections.find(({ kind }) => kind === 'Leafnode')
  await until('both ends', async () => (await linkOf(hub)) && (await linkOf(leaf)))

  const raw = connectTcp({ host: '127.0.0.1', port: hub.broker.port })
  await new Promise((resolve) => raw.once('data', resolve))
  const secure = connectTls({
    socket: raw,
    rejectUnauthorized: false,
    cert: readFileSync(client.certFile),
    key: readFileSync(client.keyFile),
  })
  secure.on('error', () => {})
  secure.write('CONNECT {"user":"ann","pass":"x","name":"tls","verbose":false}\r\n')
  secure.write('SUB down.* 1\r\nPING\r\n')
  await new Promise((resolve) => secure.once('data', resolve))

  await t.test('TLS', async () => {
    const facts = (await hub.named('tls', { withAuth: true }))!
    const { certificates: shown, ...rest } = facts.tls!
    assert.deepEqual(rest, {
      version: '1.3',
      cipherSuite: 'TLS_AES_128_GCM_SHA256',
      isFirst: false,
    })
    const { raw: der } = new X509Certificate(readFileSync(client.certFile))
    const certSha256 = createHash('sha256').update(der).digest('hex')
    const subject = 'CN=derek,O=Example'
    assert.deepEqual(shown, [{ subject, spkiSha256: client.pin, certSha256 }])
    assert.deepEqual((await hub.named('tls'))!.tls?.certificates, [], 'only with auth')
  })

  await t.test('what each end says of the link', async () => {
    const publisher = await leaf.connect({ name: 'publisher' })
    const sublist = async () => (await linkOf(leaf, true))?.subscriptionList ?? []
    await until('the interest', async () => (await sublist()).some((s) => s.subject === 'down.*'))
    await publisher.send('PUB down.a 4\r\nfour\r\nPING\r\n')
    await until('the message', async () => (await linkOf(hub))?.in.msgs === 1)
    const above = (await linkOf(hub))!
    assert.deepEqual([above.name, above.user, above.account, above.type], ['leaf', 'ann', 'A', ''])
    assert.deepEqual(above.in, { msgs: 1, bytes: 4 })
    const below = (await linkOf(leaf))!
    assert.deepEqual([below.name, below.user, below.account], ['', '', '$G'])
    assert.deepEqual(below.out, { msgs: 1, bytes: 4 })
    assert.equal(below.port, hub.broker.leafPort)
    assert.equal((await sublist()).find(({ subject }) => subject === 'down.*')?.sid, 'down.*')
    assert.equal((await hub.page({ cid: above.cid })).connections.length, 0, 'no client')
    const [routing] = await hub.source.threads()
    assert.deepEqual(routing!.connections, { clients: 0, leafs: 1 })
    assert.deepEqual([routing!.in.msgs, routing!.clientIn.msgs], [1, 0])
    const account = (await hub.source.accountStats()).find((one) => one.account === 'A')!
    assert.deepEqual([account.clients, account.leafs], [1, 1])
    assert.deepEqual(account.leafsReceived, { msgs: 1, bytes: 4 })
    const listed = await hub.source.subscriptions({ account: 'A', test: '', offset: 0, limit: 9 })
    assert.deepEqual(
      listed.subscriptions.map(({ subject }) => subject),
      ['down.*'],
    )
  })

  await t.test('what has closed', async () => {
    secure.destroy()
    const failing = connectTcp({ host: '127.0.0.1', port: hub.broker.port })
    failing.on('error', () => {})
    await new Promise((resolve) => failing.once('data', resolve))
    failing.write('no handshake at all\r\n')
    await until('both', async () => (await hub.page({ state: 'closed' })).total === 2)
    const { connections } = await hub.page({ state: 'closed', withAuth: true })
    const known = connections.map(({ name, reason, tls }) => [name, reason, tls?.version])
    assert.deepEqual(known.sort(), [
      ['', 'TLS Handshake Failure', undefined],
      ['tls', 'Client Closed', '1.3'],
    ])
    await leaf.broker.close()
    await until('the link', async () => (await hub.page({ state: 'closed' })).total === 3)
    const last = (await hub.page({ state: 'closed', sort: 'stop' })).connections[0]!
    assert.deepEqual([last.kind, last.name, last.in.msgs], ['Leafnode', 'leaf', 1])
    const after = (await hub.source.accountStats()).find((one) => one.account === 'A')!
    assert.deepEqual([after.leafs, after.leafsReceived.msgs], [0, 1])
  })
})
