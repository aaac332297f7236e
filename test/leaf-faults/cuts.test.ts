/** Links over a network that fails, between all pairs of programs. */
import assert from 'node:assert/strict'
import { crossInterest, crossMessages, waitForNoResponders } from '../leaf-interop/cross.ts'
import { type Bench, eachPair, type LeafOptions, type Pair } from '../leaf-interop/pairs.ts'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { sleep, until } from '../support/wait.ts'
import { RawPeer } from './raw-peer.ts'
import { soonAgain } from './reconnect.ts'

const TIMEOUT_MS = 10_000
const BACK_MS_MAX = 30_000
const QUICK_PINGS = 'ping_interval: "200ms", ping_max: 2'

/** Leafs are told the address of the proxy, or else they would go round it. */
async function hubBehindProxy(bench: Bench, top = '') {
  const proxy = await FaultProxy.start()
  const hub = await bench.startHub({ top, leafnodes: `advertise: "127.0.0.1:${proxy.port}"` })
  proxy.targetPort = hub.leafPort
  return { hub, proxy }
}

/** A hub, a leaf that reaches it through a proxy, and a client at each. */
async function linkThroughProxy(bench: Bench, top = '', options: LeafOptions = {}) {
  const { hub, proxy } = await hubBehindProxy(bench, top)
  const leaf = await bench.startLeaf(proxy.port, {
    leafnodes: soonAgain(bench.pair.leaf),
    top,
    ...options,
  })
  const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
  return { hub, proxy, leaf, atHub, atLeaf }
}

function assertRising(texts: readonly string[], what: string): void {
  const wrong = texts.findIndex((text, at) => at > 0 && Number(text) <= Number(texts[at - 1]))
  assert.equal(wrong, -1, `${what}: ${texts[wrong - 1]} and then ${texts[wrong]}`)
}

const NO_FIRST_INFO_TIMEOUT = ({ leaf }: Pair) =>
  /2\.9|2\.10/.test(leaf.name) ? 'not every release of it has first_info_timeout' : false

eachPair('leaf links over a network that fails', (check) => {
  check(
    'a link cut again and again under traffic: nothing is lost for good, nothing comes twice',
    async (bench) => {
      const { proxy, atHub, atLeaf } = await linkThroughProxy(bench)
      await using _ = proxy
      const [up, down] = [new Collector(atHub, 'up.*'), new Collector(atLeaf, 'down.>')]
      new Collector(atHub, 'up.>', { queue: 'q' })
      await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
      let sent = 0
      const traffic = setInterval(() => {
        for (let i = 0; i < 20; i += 1) {
          atLeaf.publish('up.x', String(sent))
          atHub.publish('down.x', String(sent))
          sent += 1
        }
      }, 1)
      try {
        for (let round = 0; round < 4; round += 1) {
          proxy.cut(round % 2 === 0 ? 'rst' : 'fin')
          await until(
            'the end of the link',
            () => proxy.openCount === 0 || proxy.acceptedCount > round + 1,
          )
          await crossInterest(atHub, atLeaf, BACK_MS_MAX)
          await crossInterest(atLeaf, atHub, BACK_MS_MAX)
          const [upCount, downCount] = [up.messages.length, down.messages.length]
          await up.waitFor(upCount + 50)
          await down.waitFor(downCount + 50)
        }
      } finally {
        clearInterval(traffic)
      }
      const whole = sent
      for (; sent < whole + 100; sent += 1) {
        atLeaf.publish('up.x', String(sent))
        atHub.publish('down.x', String(sent))
      }
      await Promise.all([crossMessages(atHub, atLeaf), crossMessages(atLeaf, atHub)])
      for (const [what, { texts }] of Object.entries({ up, down })) {
        assertRising(texts, what)
        const after = Array.from({ length: 100 }, (_, i) => String(whole + i))
        assert.deepEqual(texts.slice(-100), after, what)
      }
    },
  )

  check('other leafs hear of a cut as one LS- and one LS+ for each interest', async (bench) => {
    const { hub, proxy, atHub, atLeaf } = await linkThroughProxy(bench)
    await using _ = proxy
    new Collector(atHub, 'steady')
    new Collector(atLeaf, 'steady')
    new Collector(atLeaf, 'far')
    new Collector(atLeaf, 'far')
    new Collector(atLeaf, 'group', { queue: 'q' })
    new Collector(atLeaf, 'group', { queue: 'q' })
    await crossInterest(atLeaf, atHub)
    using witness = await RawPeer.join(hub.leafPort)
    const rounds = 4
    for (let round = 0; round < rounds; round += 1) {
      proxy.cut(round % 2 === 0 ? 'rst' : 'fin')
      // The same subject never ends twice without beginning in between, so counting is enough.
      await witness.until('the end of "far"', () => witness.count(/^LS- far$/) === round + 1)
      await witness.until('"far" again', () => witness.count(/^LS\+ far$/) === round + 2)
    }
    await crossInterest(atLeaf, atHub, BACK_MS_MAX)
    await witness.sync()
    const seen = (pattern: RegExp) => witness.matches(pattern)
    assert.deepEqual(seen(/^LS. steady/), ['LS+ steady'])
    const turns = (ends: string, begins: string) => [
      begins,
      ...Array.from({ length: rounds }, () => [ends, begins]).flat(),
    ]
    assert.deepEqual(seen(/^LS. far/), turns('LS- far', 'LS+ far'))
    // A group told with its weight at once counts as one for a hub of 2.9.
    if (bench.pair.hub.name === 'nats-server-2.9') return
    assert.deepEqual(
      seen(/^LS. group/).filter((line) => line !== 'LS+ group q 1'),
      turns('LS- group q', 'LS+ group q 2'),
    )
  })

  check('a link on which nothing comes any more is noticed and replaced', async (bench) => {
    const { hub, leaf, proxy, atHub, atLeaf } = await linkThroughProxy(bench, QUICK_PINGS)
    await using _ = proxy
    const [up, down] = [new Collector(atHub, 'up'), new Collector(atLeaf, 'down')]
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    proxy.freeze()
    await until('another link', () => proxy.acceptedCount > 1, BACK_MS_MAX)
    await crossInterest(atHub, atLeaf, BACK_MS_MAX)
    await crossInterest(atLeaf, atHub, BACK_MS_MAX)
    for (let i = 0; i < 100; i += 1) {
      atLeaf.publish('up', String(i))
      atHub.publish('down', String(i))
    }
    await Promise.all([crossMessages(atHub, atLeaf), crossMessages(atLeaf, atHub)])
    const wanted = Array.from({ length: 100 }, (_, i) => String(i))
    assert.deepEqual([up.texts, down.texts], [wanted, wanted])
    assert.doesNotMatch(hub.log + leaf.log, /loop detected/i)
  })

  check('a leaf that comes back before the hub has noticed takes its own place', async (bench) => {
    const { hub, leaf, proxy, atHub, atLeaf } = await linkThroughProxy(bench)
    await using _ = proxy
    const [up, down] = [new Collector(atHub, 'up'), new Collector(atLeaf, 'down')]
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    using witness = await RawPeer.join(hub.leafPort)
    proxy.freeze()
    proxy.cutClients()
    const replaced = () => hub.log.includes('Replacing connection from same server')
    const isOld = bench.pair.hub.name.endsWith('2.9') || bench.pair.leaf.name.endsWith('2.9')
    if (!isOld) await until('the old link to be replaced', replaced, BACK_MS_MAX)
    await crossInterest(atHub, atLeaf, BACK_MS_MAX)
    await crossInterest(atLeaf, atHub, BACK_MS_MAX)
    atLeaf.publish('up', 'u')
    atHub.publish('down', 'd')
    await Promise.all([crossMessages(atHub, atLeaf), crossMessages(atLeaf, atHub)])
    assert.deepEqual([up.texts, down.texts], [['u'], ['d']])
    assert.doesNotMatch(hub.log + leaf.log, /loop detected/i)
    await witness.sync()
    assert.ok(witness.count(/^LS\+ down$/) - witness.count(/^LS- down$/) === 1)
  })

  check(
    'a hub out of reach: the leaf serves its own, and is back when the hub is',
    async (bench) => {
      const { leaf, proxy, atHub, atLeaf } = await linkThroughProxy(bench)
      await using _ = proxy
      respondWith(atHub, 'hub.service', (text) => text)
      respondWith(atLeaf, 'leaf.service', (text) => `${text}!`)
      await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
      await proxy.refuse()
      proxy.cut('rst')
      const failures = () => leaf.log.match(/Error trying to connect as leafnode/g)?.length ?? 0
      await until('three attempts', () => failures() >= 3, BACK_MS_MAX)
      await waitForNoResponders(atLeaf, 'hub.service')
      await waitForNoResponders(atHub, 'leaf.service')
      const timeout = TIMEOUT_MS
      assert.equal(textOf(await atLeaf.request('leaf.service', 'a', { timeout })), 'a!')
      // What is subscribed meanwhile is told as well.
      respondWith(atLeaf, 'late.service', (text) => `late ${text}`)
      await proxy.refuse(false)
      await crossInterest(atHub, atLeaf, BACK_MS_MAX)
      await crossInterest(atLeaf, atHub, BACK_MS_MAX)
      assert.equal(textOf(await atLeaf.request('hub.service', 'b', { timeout })), 'b')
      assert.equal(textOf(await atHub.request('late.service', 'c', { timeout })), 'late c')
    },
  )

  check('a slow line: order and contents are kept, requests are answered', async (bench) => {
    const { proxy, atHub, atLeaf } = await linkThroughProxy(bench)
    await using _ = proxy
    const seen = new Collector(atHub, 'slow')
    respondWith(atHub, 'service', (text) => `${text}!`)
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    proxy.delayMs = { up: 100, down: 150 }
    proxy.rate = { up: 2_000_000, down: 2_000_000 }
    const payload = 'x'.repeat(1000)
    for (let i = 0; i < 1000; i += 1) atLeaf.publish('slow', `${i} ${payload}`)
    const answer = await atLeaf.request('service', 'a', { timeout: 30_000 })
    assert.equal(textOf(answer), 'a!')
    await seen.waitFor(1000, 30_000)
    assert.deepEqual(
      seen.texts,
      Array.from({ length: 1000 }, (_, i) => `${i} ${payload}`),
    )
  })

  check(
    'a first INFO that comes late is waited for as long as first_info_timeout says',
    async (bench) => {
      const { hub, proxy } = await hubBehindProxy(bench)
      await using _ = proxy
      proxy.delayMs = { up: 0, down: 1200 }
      const leaf = await bench.startLeaf(proxy.port, {
        leafnodes: soonAgain(bench.pair.leaf),
        remote: 'first_info_timeout: "4s"',
      })
      const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
      await until('a try', () => proxy.acceptedCount > 0)
      await sleep(300) // INFO is under way; what follows it need not be late
      proxy.delayMs = { up: 0, down: 0 }
      await crossInterest(atHub, atLeaf, BACK_MS_MAX)
      assert.equal(proxy.acceptedCount, 1, leaf.logTail)
    },
    NO_FIRST_INFO_TIMEOUT,
  )
})
