/** What a leaf may do that logs in as a user of an account, seen from a leaf spoken by hand. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { RawPeer } from '../leaf-faults/raw-peer.ts'
import { logged } from '../leaf-interop/exchange.ts'
import { eachServer } from '../operator/each-server.ts'
import { CLASSIC, type TestConnection } from '../support/client-libraries.ts'
import { Collector } from '../support/collector.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

const CONFIG = `
  server_name: hub
  leafnodes { host: 127.0.0.1, port: -1 }
  accounts {
    A { users: [
      { user: all, password: p }
      { user: some, password: p, permissions: {
          publish: { allow: ["pub.>", "ü.*"], deny: "pub.no" }
          subscribe: { allow: ["sub.>", "ä.*"], deny: ["sub.no", "sub.q group"] } } }
      { user: answers, password: p, permissions: {
          publish: "own", subscribe: ["svc.>", "own"], allow_responses: { max: 2 } } }
      { user: nothing, password: p, permissions: {
          publish: { deny: ">" }, subscribe: "svc.>", allow_responses: true } }
      ]
      mappings: { "pub.mapped": "inside.mapped" } }
    SMALL { users: [ { user: small, password: p } ]
      limits: { max_leafnodes: 1, max_subscriptions: 2, max_payload: 10 } }
  }`
const REFUSED_PUBLISH = /^-ERR 'Permissions Violation for Publish to "([^"]*)"'$/
const REFUSED_SUBSCRIBE = /^-ERR 'Permissions Violation for Subscription to "([^"]*)"'$/

eachServer('a leaf as a user of an account', (program) => {
  let server: ServerProcess
  let client: TestConnection
  let count = 0

  before(async () => {
    server = await startServer(program, { config: CONFIG, leafListener: true, flags: ['-D'] })
    client = await CLASSIC.connect({ servers: server.url, user: 'all', pass: 'p' })
  })
  after(async () => {
    await client.close()
    await server.stop()
  })

  const join = async (user: string) => {
    count += 1
    const name = `leaf${count}`
    const peer = await RawPeer.join(server.leafPort, { name, server_id: name, user, pass: 'p' })
    await peer.line(/"connect_info":true/)
    return peer
  }
  const announced = (peer: RawPeer) =>
    peer.matches(/^LS\+ (?!\$LDS|\$SYS|_R_)/).map((line) => line.slice('LS+ '.length))
  const messages = (peer: RawPeer) => peer.matches(/^[HL]MSG /).map((line) => line.trim())
  /** What the client has published so far has reached the leafs. */
  const settled = async (peer: RawPeer) => {
    await client.flush()
    await peer.sync()
  }

  test('is told what it may do, and of interest that it may serve', async () => {
    const wanted = ['pub.a', 'pub.*', 'pub.no', 'other', 'ü.x', '>'].map(
      (subject) => new Collector(client, subject),
    )
    await client.flush()
    using leaf = await join('some')
    const { import: imports, export: exports } = JSON.parse(
      (await leaf.line(/"connect_info":true/)).slice('INFO '.length),
    ) as Record<string, { allow: string[]; deny: string[] }>
    assert.equal(exports?.deny.join(), 'pub.no')
    assert.equal(imports?.deny.join(), 'sub.no,sub.q group')
    await leaf.sync()
    const told = announced(leaf).filter((subject) => subject !== 'pub.mapped')
    const own = ['pub.a', 'pub.*', Buffer.from('ü.x').toString('latin1'), '>']
    assert.deepEqual(told.sort(), own.sort())
    for (const { subscription } of wanted) subscription.unsubscribe()
  })

  test('gets only what it may have, and no group what is denied to it', async () => {
    using leaf = await join('some')
    leaf.send('LS+ >\r\nLS+ sub.q group 1\r\nLS+ sub.q other 1\r\n')
    await leaf.sync()
    for (const subject of ['sub.a', 'sub.no', 'elsewhere', 'ä.x', 'ö.x']) client.publish(subject)
    client.publish('sub.q')
    await settled(leaf)
    assert.deepEqual(messages(leaf), [
      ...['LMSG sub.a 0', `LMSG ${Buffer.from('ä.x').toString('latin1')} 0`],
      'LMSG sub.q | other 0',
    ])
  })

  test('is cut off for what it must not send', async () => {
    const everything = new Collector(client, '>')
    await client.flush()
    for (const subject of ['pub.no', 'elsewhere', '$MQTT.x']) {
      using leaf = await join('some')
      leaf.send(`LMSG pub.ok 1\r\n1\r\nLMSG ${subject} 1\r\n2\r\n`)
      const [, refused] = REFUSED_PUBLISH.exec(await leaf.line(REFUSED_PUBLISH)) ?? []
      assert.equal(refused, subject)
      await leaf.closed()
    }
    await logged(server, /Publish Violation on "pub\.no" - Check other side configuration/)
    await client.flush()
    assert.deepEqual(everything.texts, ['1', '1', '1'])
    everything.subscription.unsubscribe()
  })

  test('is cut off for wanting what it must not have, unless by a wildcard', async () => {
    for (const line of ['sub.no', 'elsewhere', 'elsewhere group 1', '$JS.API.INFO']) {
      using leaf = await join('some')
      leaf.send(`LS+ elsewhere.*\r\nLS+ $LDS.other\r\nLS+ sub.ok\r\nLS+ ${line}\r\n`)
      const [, refused] = REFUSED_SUBSCRIBE.exec(await leaf.line(REFUSED_SUBSCRIBE)) ?? []
      assert.equal(refused, line.split(' ')[0])
      await leaf.closed()
    }
    await logged(server, /Subscription Violation on "sub\.no" - Check other side configuration/)
  })

  test('needs permission for the subject it sends, not for what that is mapped to', async () => {
    const inside = new Collector(client, 'inside.mapped')
    await client.flush()
    using leaf = await join('some')
    leaf.send('LMSG pub.mapped 1\r\nx\r\n')
    await inside.waitFor(1)
    leaf.send('LMSG inside.mapped 1\r\ny\r\n')
    await leaf.closed()
    assert.deepEqual(inside.texts, ['x'])
    inside.subscription.unsubscribe()
  })

  test('may answer what it was asked, as often as it may', async () => {
    const answers = new Collector(client, 'inbox.*')
    const own = new Collector(client, 'own')
    await client.flush()
    using leaf = await join('answers')
    leaf.send('LS+ svc.*\r\nLS+ svc.q group 1\r\n')
    await leaf.sync()
    const headers = CLASSIC.headers()
    headers.set('a', 'b')
    client.publish('svc.plain', 'x', { reply: 'inbox.1' })
    client.publish('svc.q', 'x', { reply: 'inbox.2', headers })
    client.publish('svc.own', 'x', { reply: 'own' })
    await settled(leaf)
    assert.equal(messages(leaf).length, 3)
    for (const to of ['inbox.1', 'inbox.2', 'own', 'own', 'own', 'inbox.1', 'inbox.2']) {
      leaf.send(`LMSG ${to} ${to.length}\r\n${to}\r\n`)
    }
    await leaf.sync()
    leaf.send('LMSG inbox.2 5\r\nthird\r\n')
    assert.match(await leaf.line(REFUSED_PUBLISH), /"inbox\.2"/)
    await client.flush()
    assert.deepEqual(answers.texts, ['inbox.1', 'inbox.2', 'inbox.1', 'inbox.2'])
    assert.equal(own.messages.length, 3)
    for (const { subscription } of [answers, own]) subscription.unsubscribe()
  })

  // nats-server lets it answer only what it may not subscribe to.
  const skip = program.name === 'sable' ? false : 'a defect of nats-server'
  test('may answer even if it may send nothing else', { skip }, async () => {
    const answers = new Collector(client, 'inbox')
    await client.flush()
    using leaf = await join('nothing')
    leaf.send('LS+ svc.*\r\n')
    await leaf.sync()
    client.publish('svc.a', 'x', { reply: 'inbox' })
    await settled(leaf)
    leaf.send('LMSG inbox 2\r\nok\r\n')
    await answers.waitFor(1)
    leaf.send('LMSG inbox 2\r\nno\r\n')
    await leaf.closed()
    assert.deepEqual(answers.texts, ['ok'])
    answers.subscription.unsubscribe()
  })

  test('has the limits of its account', async () => {
    using leaf = await join('small')
    using second = await RawPeer.connect(server.leafPort)
    second.send(`CONNECT ${JSON.stringify({ name: 'second', user: 'small', pass: 'p' })}\r\n`)
    await second.line(/^-ERR 'maximum account active connections exceeded'$/)
    await second.closed()
    leaf.send('LS+ a\r\nLS+ b\r\nLS+ c\r\nLMSG x 10\r\n0123456789\r\n')
    await leaf.line(/^-ERR 'maximum subscriptions exceeded'$/)
    await leaf.sync()
    leaf.send('LMSG x 11\r\n01234567890\r\n')
    await leaf.line(/^-ERR 'Maximum Payload Violation'$/)
    await leaf.closed()
    using third = await join('small')
    await third.sync()
  })
})
