/** Links that make a ring, and servers that cannot be told apart. */
import assert from 'node:assert/strict'
import { soonAgain } from '../leaf-faults/reconnect.ts'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/wait.ts'
import { crossInterest } from './cross.ts'
import { eachPair, type Pair } from './pairs.ts'

const LOG_MS_MAX = 20_000
const TIMEOUT_MS = 10_000

/** 2.9 does not say which account a link belongs to, so nobody can tell that it is a second one. */
const KNOWS_ACCOUNTS = ({ hub, leaf }: Pair) =>
  hub.name === 'nats-server-2.9' || leaf.name === 'nats-server-2.9' ? 'unknown to 2.9' : false

eachPair('loops of leaf links', (check) => {
  check('a ring of three: one of them notices, and nothing goes round', async (bench) => {
    const { hub, leaf } = bench.pair
    const ports = [await freePort(), await freePort(), await freePort()] as const
    const listen = (port: number) => ({ leafnodes: `host: 127.0.0.1, port: ${port}` })
    const a = await bench.startLeaf(ports[1], { name: 'a', ...listen(ports[0]) }, hub)
    const b = await bench.startLeaf(ports[2], { name: 'b', ...listen(ports[1]) }, leaf)
    const c = await bench.startLeaf(ports[0], { name: 'c', ...listen(ports[2]) }, hub)
    const servers = [a, b, c]
    const logs = () => servers.map(({ log }) => log).join('')
    await until('a line about the loop', () => /loop detected/i.test(logs()), LOG_MS_MAX)
    const clients = await Promise.all(servers.map((server) => bench.connect(server)))
    const seen = clients.map((client) => new Collector(client, 'ring'))
    await Promise.all(clients.map((client) => client.flush()))
    for (let i = 0; i < 10; i += 1) clients[0]!.publish('ring', String(i))
    await seen[0]!.waitFor(10)
    await Promise.all(clients.map((client) => client.flush()))
    assert.deepEqual(seen[0]!.texts, [...'0123456789'])
    for (const { texts } of seen) assert.equal(new Set(texts).size, texts.length, texts.join())
  })

  check(
    'a server that closes a triangle: it is noticed, and nothing comes twice',
    async (bench) => {
      const { hub, leaf } = bench.pair
      const top = await bench.startHub({ name: 'top' })
      const listener = 'host: 127.0.0.1, port: -1'
      const middle = await bench.startLeaf(
        top.leafPort,
        { name: 'middle', leafnodes: listener },
        leaf,
      )
      const [atTop, atMiddle] = [await bench.connect(top), await bench.connect(middle)]
      const [seenTop, seenMiddle] = [new Collector(atTop, 'all'), new Collector(atMiddle, 'all')]
      await crossInterest(atMiddle, atTop)
      const second = `}, { url: "nats-leaf://127.0.0.1:${middle.leafPort}"`
      const closer = await bench.startLeaf(top.leafPort, { name: 'closer', remote: second }, hub)
      const logs = () => top.log + middle.log + closer.log
      await until('a line about the loop', () => /loop detected/i.test(logs()), LOG_MS_MAX)
      for (let i = 0; i < 10; i += 1) atTop.publish('all', String(i))
      await seenTop.waitFor(10)
      await atMiddle.flush()
      assert.deepEqual(seenTop.texts, [...'0123456789'])
      assert.equal(new Set(seenMiddle.texts).size, seenMiddle.texts.length)
    },
  )

  check('both ends have one cluster name: both say so, and wait', async (bench) => {
    const elsewhere = await freePort()
    const remotes = `remotes [ { url: "nats-leaf://127.0.0.1:${elsewhere}" } ]`
    const hub = await bench.startHub({ name: 'same', leafnodes: remotes })
    const leaf = await bench.startLeaf(hub.leafPort, { name: 'same' })
    const pattern = /remote leafnode has same cluster name/
    await until('the line at the hub', () => pattern.test(hub.log), LOG_MS_MAX)
    const told = /Leafnode connection dropped with same cluster name error\. Delaying/
    await until('the line at the leaf', () => told.test(leaf.log), LOG_MS_MAX)
    const client = await bench.connect(hub)
    respondWith(client, 'service', (text) => text)
    assert.equal(textOf(await client.request('service', 'x', { timeout: TIMEOUT_MS })), 'x')
  })

  check(
    'two servers of one name take turns, and both ends say so',
    async (bench) => {
      const hub = await bench.startHub()
      const options = { name: 'twin', leafnodes: soonAgain(bench.pair.leaf) }
      const twins = [
        await bench.startLeaf(hub.leafPort, options),
        await bench.startLeaf(hub.leafPort, options),
      ]
      const replaced = () => hub.log.match(/Replacing connection from same server/g)?.length ?? 0
      await until('three replacements', () => replaced() >= 3, LOG_MS_MAX)
      for (const { log } of twins) assert.match(log, /Duplicate Remote LeafNode Connection/)
      const client = await bench.connect(hub)
      respondWith(client, 'service', (text) => text)
      assert.equal(textOf(await client.request('service', 'x', { timeout: TIMEOUT_MS })), 'x')
    },
    KNOWS_ACCOUNTS,
  )

  check(
    'two remotes that lead to one hub: it is noticed, and nothing comes twice',
    async (bench) => {
      const hub = await bench.startHub()
      const second = `}, { url: "nats-leaf://localhost:${hub.leafPort}"`
      const leaf = await bench.startLeaf(hub.leafPort, { remote: second })
      const told = /Duplicate Remote LeafNode Connection|loop detected/i
      await until('a line about it', () => told.test(leaf.log), LOG_MS_MAX)
      const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
      const seen = new Collector(atHub, 'up')
      await crossInterest(atHub, atLeaf)
      for (let i = 0; i < 100; i += 1) atLeaf.publish('up', String(i))
      await atLeaf.flush()
      await atHub.flush()
      assert.equal(new Set(seen.texts).size, seen.texts.length)
    },
    KNOWS_ACCOUNTS,
  )
})
