import assert from 'node:assert/strict'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { freePort } from '../support/free-port.ts'
import { sleep, until } from '../support/wait.ts'
import { crossInterest, crossMessages, waitForNoResponders } from './cross.ts'
import { eachPairOfEveryRelease } from './pairs.ts'

const TIMEOUT_MS = 10_000
/** A lost link comes back after the reconnect interval of 1 s, or by chance up to twice that. */
const RECONNECT_MS_MAX = 20_000
const LOOP_MS_MAX = 20_000
/** How long a server that saw a loop waits before it dials again, with Sable's jitter. */
const LOOP_DELAY_MS = 33_000

eachPairOfEveryRelease('life of leaf links', (check) => {
  check('the hub restarts: the leaf comes back, interest of both ends too', async (bench) => {
    const hub = await bench.startHub()
    const { port, leafPort } = hub
    const leaf = await bench.startLeaf(leafPort)
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    const [hubSeen, leafSeen] = [new Collector(atHub, 'to.hub'), new Collector(atLeaf, 'to.leaf.*')]
    respondWith(atLeaf, 'service', (text) => `${text}!`)
    await Promise.all([crossInterest(atLeaf, atHub), crossInterest(atHub, atLeaf)])
    await hub.stop()
    await waitForNoResponders(atLeaf, 'to.hub')
    await bench.startHub({ port, leafPort })
    await crossInterest(atLeaf, atHub, RECONNECT_MS_MAX)
    await crossInterest(atHub, atLeaf, RECONNECT_MS_MAX)
    atHub.publish('to.leaf.x', 'down')
    atLeaf.publish('to.hub', 'up')
    await Promise.all([hubSeen.waitFor(1), leafSeen.waitFor(1)])
    assert.equal(textOf(await atHub.request('service', 'a', { timeout: TIMEOUT_MS })), 'a!')
    await crossMessages(atHub, atLeaf)
    await crossMessages(atLeaf, atHub)
    assert.deepEqual([hubSeen.texts.at(-1), leafSeen.texts], ['up', ['down']])
  })

  check('the leaf restarts: interest of both ends comes back', async (bench) => {
    const hub = await bench.startHub()
    const leaf = await bench.startLeaf(hub.leafPort)
    const { port } = leaf
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    const hubSeen = new Collector(atHub, 'to.hub')
    respondWith(atLeaf, 'service', (text) => `${text}!`)
    await Promise.all([crossInterest(atLeaf, atHub), crossInterest(atHub, atLeaf)])
    await leaf.stop()
    await waitForNoResponders(atHub, 'service')
    await bench.startLeaf(hub.leafPort, { port })
    await crossInterest(atLeaf, atHub, RECONNECT_MS_MAX)
    atLeaf.publish('to.hub', 'up')
    await hubSeen.waitFor(1)
    assert.equal(textOf(await atHub.request('service', 'a', { timeout: TIMEOUT_MS })), 'a!')
  })

  check('the leaf is killed: its interest is gone at once', async (bench) => {
    const hub = await bench.startHub()
    const leaf = await bench.startLeaf(hub.leafPort)
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    respondWith(atLeaf, 'service', (text) => text)
    await crossInterest(atLeaf, atHub)
    leaf.kill()
    await waitForNoResponders(atHub, 'service')
  })

  check('the leaf starts first and serves its own clients', async (bench) => {
    const leafPort = await freePort()
    const leaf = await bench.startLeaf(leafPort)
    const [atLeaf, other] = [await bench.connect(leaf), await bench.connect(leaf)]
    respondWith(atLeaf, 'service', (text) => `${text}!`)
    await atLeaf.flush()
    assert.equal(textOf(await other.request('service', 'a', { timeout: TIMEOUT_MS })), 'a!')
    const hub = await bench.startHub({ leafPort })
    const atHub = await bench.connect(hub)
    await crossInterest(atLeaf, atHub, RECONNECT_MS_MAX)
    assert.equal(textOf(await atHub.request('service', 'b', { timeout: TIMEOUT_MS })), 'b!')
  })

  check('two leafs of one hub talk through it', async (bench) => {
    const hub = await bench.startHub()
    const leafs = [
      await bench.startLeaf(hub.leafPort, { name: 'leaf1' }),
      await bench.startLeaf(hub.leafPort, { name: 'leaf2' }),
    ] as const
    const [one, two] = [await bench.connect(leafs[0]), await bench.connect(leafs[1])]
    const atHub = await bench.connect(hub)
    const seen = [one, two, atHub].map((connection) => new Collector(connection, 'all'))
    respondWith(two, 'service', (text) => `${text}!`)
    const group = new Collector(two, 'work', { queue: 'q' })
    await Promise.all([crossInterest(two, one), crossInterest(one, two)])
    await Promise.all([crossInterest(atHub, one), crossInterest(two, atHub)])
    one.publish('all', 'hello')
    for (let i = 0; i < 10; i += 1) one.publish('work', String(i))
    await crossMessages(one, two)
    await crossMessages(one, atHub)
    for (const { texts } of seen) assert.deepEqual(texts, ['hello'])
    assert.equal(group.messages.length, 10)
    assert.equal(textOf(await one.request('service', 'a', { timeout: TIMEOUT_MS })), 'a!')
    await leafs[1].stop()
    await waitForNoResponders(one, 'service')
  })

  check('a chain of three: both ends reach each other', async (bench) => {
    const { hub, leaf } = bench.pair
    const top = await bench.startHub({ name: 'top' })
    const listener = 'host: 127.0.0.1, port: -1'
    const middle = await bench.startLeaf(
      top.leafPort,
      { name: 'middle', leafnodes: listener },
      leaf,
    )
    const bottom = await bench.startLeaf(middle.leafPort, { name: 'bottom' }, hub)
    const [atTop, atBottom] = [await bench.connect(top), await bench.connect(bottom)]
    const atMiddle = await bench.connect(middle)
    const seen = [atTop, atMiddle, atBottom].map((one) => new Collector(one, 'all.*'))
    respondWith(atTop, 'top.service', (text) => `top ${text}`)
    const low = respondWith(atBottom, 'low.service', (text) => `low ${text}`, 'q')
    await Promise.all([crossInterest(atTop, atBottom), crossInterest(atBottom, atTop)])
    await Promise.all([crossInterest(atMiddle, atTop), crossInterest(atMiddle, atBottom)])
    atTop.publish('all.1', 'from the top')
    await crossMessages(atTop, atBottom)
    atBottom.publish('all.2', 'from below')
    await crossMessages(atBottom, atTop)
    await crossMessages(atBottom, atMiddle)
    for (const { texts } of seen) assert.deepEqual(texts, ['from the top', 'from below'])
    const timeout = TIMEOUT_MS
    assert.equal(textOf(await atTop.request('low.service', 'x', { timeout })), 'low x')
    assert.equal(textOf(await atBottom.request('top.service', 'x', { timeout })), 'top x')
    low.unsubscribe()
    await crossInterest(atBottom, atTop)
    await waitForNoResponders(atTop, 'low.service')
  })

  check('two servers that dial each other notice the loop and keep one link', async (bench) => {
    const { hub, leaf } = bench.pair
    const [portA, portB] = [await freePort(), await freePort()]
    const listenA = `host: 127.0.0.1, port: ${portA}`
    const listenB = `host: 127.0.0.1, port: ${portB}`
    const a = await bench.startLeaf(portB, { name: 'a', leafnodes: listenA }, hub)
    const b = await bench.startLeaf(portA, { name: 'b', leafnodes: listenB }, leaf)
    await until(
      'a log line about the loop',
      () => /loop detected/i.test(a.log + b.log),
      LOOP_MS_MAX,
    )
    const [atA, atB] = [await bench.connect(a), await bench.connect(b)]
    const [seenA, seenB] = [new Collector(atA, 'ring'), new Collector(atB, 'ring')]
    // Both links may be gone for 30 s, until one side dials again; nats-server has no jitter there.
    await crossInterest(atB, atA, 2 * LOOP_DELAY_MS + RECONNECT_MS_MAX)
    await crossInterest(atA, atB, RECONNECT_MS_MAX)
    for (let i = 0; i < 10; i += 1) atA.publish('ring', String(i))
    await crossMessages(atA, atB)
    await crossMessages(atB, atA)
    assert.deepEqual(seenA.texts, [...'0123456789'])
    assert.deepEqual(seenB.texts, [...'0123456789'])
  })

  check('many leafs come and go while messages flow', async (bench) => {
    const hub = await bench.startHub()
    const steady = await bench.startLeaf(hub.leafPort, { name: 'steady' })
    const [atHub, atSteady] = [await bench.connect(hub), await bench.connect(steady)]
    const seen = new Collector(atSteady, 'flow')
    await crossInterest(atSteady, atHub)
    let published = 0
    for (let round = 0; round < 3; round += 1) {
      const visitor = await bench.startLeaf(hub.leafPort, { name: `visitor${round}` })
      const atVisitor = await bench.connect(visitor, { reconnect: false })
      const visits = new Collector(atVisitor, 'flow')
      await crossInterest(atVisitor, atHub)
      for (let i = 0; i < 100; i += 1) atHub.publish('flow', String(published++))
      await visits.waitFor(100)
      await visitor.stop('SIGKILL')
      for (let i = 0; i < 100; i += 1) atHub.publish('flow', String(published++))
      await atHub.flush()
      await sleep(20)
    }
    await seen.waitFor(published)
    assert.deepEqual(
      seen.texts,
      Array.from({ length: published }, (_, i) => String(i)),
    )
  })
})
