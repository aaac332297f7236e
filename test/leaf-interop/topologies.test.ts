/** More than two servers: who hears of whom, and which member of a group is chosen. */
import assert from 'node:assert/strict'
import { RawPeer } from '../leaf-faults/raw-peer.ts'
import { soonAgain } from '../leaf-faults/reconnect.ts'
import { CLASSIC, type TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { until } from '../support/wait.ts'
import { crossInterest, crossMessages, waitForNoResponders } from './cross.ts'
import { eachPair, type Pair } from './pairs.ts'

const TIMEOUT_MS = 10_000
const BACK_MS_MAX = 20_000
const LISTENER = 'host: 127.0.0.1, port: -1'

const isOld = (name: string) => /2\.9|2\.10/.test(name)
const NEEDS_ISOLATION = ({ hub, leaf }: Pair) =>
  isOld(hub.name) || isOld(leaf.name) ? 'isolation is since 2.12' : false

async function ask(client: TestConnection, subject: string, text: string): Promise<string> {
  return textOf(await client.request(subject, text, { timeout: TIMEOUT_MS }))
}

async function assertNobodyThere(client: TestConnection, subject: string): Promise<void> {
  await assert.rejects(
    client.request(subject, '', { timeout: TIMEOUT_MS }),
    (error) => CLASSIC.kindOf(error) === 'no responders',
  )
}

eachPair('more than two servers', (check) => {
  check('a leaf that comes later reaches subscribers of an earlier one', async (bench) => {
    const hub = await bench.startHub()
    const early = await bench.connect(await bench.startLeaf(hub.leafPort, { name: 'early' }))
    const seen = new Collector(early, 'news.*')
    respondWith(early, 'service', (text) => `${text}!`)
    await crossInterest(early, await bench.connect(hub))
    const late = await bench.connect(await bench.startLeaf(hub.leafPort, { name: 'late' }))
    await crossInterest(early, late)
    for (let i = 0; i < 10; i += 1) late.publish(`news.${i}`, String(i))
    await crossMessages(late, early)
    assert.deepEqual(seen.texts, [...'0123456789'])
    assert.equal(await ask(late, 'service', 'a'), 'a!')
  })

  check('a chain whose top restarts: its far end is heard of again', async (bench) => {
    const { hub, leaf } = bench.pair
    const top = await bench.startHub({ name: 'top' })
    const leafnodes = `${LISTENER}, ${soonAgain(leaf)}`
    const middle = await bench.startLeaf(top.leafPort, { name: 'middle', leafnodes }, leaf)
    const low = { name: 'bottom', leafnodes: soonAgain(hub) }
    const bottom = await bench.startLeaf(middle.leafPort, low, hub)
    const [atTop, atBottom] = [await bench.connect(top), await bench.connect(bottom)]
    respondWith(atBottom, 'low', (text) => `low ${text}`)
    respondWith(atTop, 'high', (text) => `high ${text}`, 'q')
    await Promise.all([crossInterest(atTop, atBottom), crossInterest(atBottom, atTop)])
    const { port, leafPort } = top
    await top.stop('SIGKILL')
    await bench.startHub({ name: 'top', port, leafPort })
    await crossInterest(atBottom, atTop, BACK_MS_MAX)
    await crossInterest(atTop, atBottom, BACK_MS_MAX)
    assert.equal(await ask(atTop, 'low', 'a'), 'low a')
    assert.equal(await ask(atBottom, 'high', 'b'), 'high b')
    await middle.stop()
    await waitForNoResponders(atTop, 'low')
    await waitForNoResponders(atBottom, 'high')
  })

  for (const [form, hubText, remoteText] of [
    ['by the hub', 'isolate_leafnode_interest: true', ''],
    ['by request of the leaf', '', 'request_isolation: true'],
  ] as const) {
    check(
      `isolation ${form}: hub and leafs know each other, leafs do not`,
      async (bench) => {
        const hub = await bench.startHub({ leafnodes: hubText })
        const options = { remote: remoteText }
        const one = await bench.startLeaf(hub.leafPort, { name: 'one', ...options })
        const two = await bench.startLeaf(hub.leafPort, { name: 'two', ...options })
        const [atHub, atOne] = [await bench.connect(hub), await bench.connect(one)]
        const atTwo = await bench.connect(two)
        respondWith(atOne, 'one.service', (text) => `one ${text}`)
        const group = respondWith(atOne, 'one.group', (text) => `one ${text}`, 'q')
        respondWith(atHub, 'hub.service', (text) => `hub ${text}`)
        await crossInterest(atOne, atHub)
        // What the hub has heard of before this it would have told the other leaf before it.
        await crossInterest(atHub, atTwo)
        await crossInterest(atHub, atOne)
        for (const leaf of [atOne, atTwo])
          assert.equal(await ask(leaf, 'hub.service', 'a'), 'hub a')
        assert.equal(await ask(atHub, 'one.service', 'b'), 'one b')
        assert.equal(await ask(atHub, 'one.group', 'c'), 'one c')
        await assertNobodyThere(atTwo, 'one.service')
        await assertNobodyThere(atTwo, 'one.group')
        group.unsubscribe()
        await crossInterest(atOne, atHub)
        await assertNobodyThere(atHub, 'one.group')
      },
      NEEDS_ISOLATION,
    )
  }

  check(
    'isolation by a hub that dials: what its leafs want is kept to itself',
    async (bench) => {
      const { hub } = bench.pair
      const spoke = await bench.startHub({ name: 'spoke' })
      const center = await bench.startLeaf(spoke.leafPort, {
        name: 'center',
        remote: 'hub: true, isolate_leafnode_interest: true',
        leafnodes: LISTENER,
      })
      const other = await bench.startLeaf(center.leafPort, { name: 'other' }, hub)
      const [atSpoke, atCenter] = [await bench.connect(spoke), await bench.connect(center)]
      const atOther = await bench.connect(other)
      respondWith(atOther, 'other.service', (text) => `other ${text}`)
      respondWith(atCenter, 'center.service', (text) => `center ${text}`)
      const news = new Collector(atSpoke, 'news')
      await crossInterest(atOther, atCenter)
      await crossInterest(atCenter, atSpoke)
      await crossInterest(atSpoke, atCenter)
      await crossInterest(atCenter, atOther)
      assert.equal(await ask(atSpoke, 'center.service', 'a'), 'center a')
      assert.equal(await ask(atCenter, 'other.service', 'b'), 'other b')
      atOther.publish('news', 'c')
      await news.waitFor(1)
      await assertNobodyThere(atSpoke, 'other.service')
    },
    NEEDS_ISOLATION,
  )

  check(
    'a leaf of two hubs: nothing comes twice, and neither is told what the other wants',
    async (bench) => {
      const [one, two] = [
        await bench.startHub({ name: 'one' }),
        await bench.startHub({ name: 'two' }),
      ]
      const remote = `}, { url: "nats-leaf://127.0.0.1:${two.leafPort}"`
      const leaf = await bench.startLeaf(one.leafPort, { remote })
      const [atOne, atTwo] = [await bench.connect(one), await bench.connect(two)]
      const atLeaf = await bench.connect(leaf)
      const [seenOne, seenTwo] = [new Collector(atOne, 'all.>'), new Collector(atTwo, 'all.>')]
      const seenLeaf = new Collector(atLeaf, 'all.>')
      respondWith(atTwo, 'two.service', (text) => text)
      await Promise.all([crossInterest(atOne, atLeaf), crossInterest(atTwo, atLeaf)])
      await Promise.all([crossInterest(atLeaf, atOne), crossInterest(atLeaf, atTwo)])
      atLeaf.publish('all.leaf', 'leaf')
      await crossMessages(atLeaf, atOne)
      await crossMessages(atLeaf, atTwo)
      atOne.publish('all.one', 'one')
      await crossMessages(atOne, atLeaf)
      atTwo.publish('all.two', 'two')
      await crossMessages(atTwo, atLeaf)
      await crossMessages(atLeaf, atOne)
      assert.deepEqual(seenLeaf.texts, ['leaf', 'one', 'two'])
      // Messages go where they are wanted, though the hubs do not know of each other.
      await crossMessages(atLeaf, atTwo)
      assert.deepEqual(seenOne.texts, ['leaf', 'one', 'two'])
      assert.deepEqual(seenTwo.texts, ['leaf', 'one', 'two'])
      await assertNobodyThere(atOne, 'two.service')
      assert.equal(await ask(atLeaf, 'two.service', 'x'), 'x')
    },
  )

  check('a group at the hub and at another leaf: the hub comes first', async (bench) => {
    const hub = await bench.startHub()
    const near = await bench.connect(await bench.startLeaf(hub.leafPort, { name: 'near' }))
    const far = await bench.connect(await bench.startLeaf(hub.leafPort, { name: 'far' }))
    const atHub = await bench.connect(hub)
    const here = new Collector(atHub, 'work', { queue: 'q' })
    const there = new Collector(far, 'work', { queue: 'q' })
    await crossInterest(far, near)
    await crossInterest(atHub, near)
    for (let i = 0; i < 40; i += 1) near.publish('work', String(i))
    await here.waitFor(40)
    here.subscription.unsubscribe()
    await crossInterest(atHub, near)
    for (let i = 40; i < 80; i += 1) near.publish('work', String(i))
    await there.waitFor(40)
    await crossMessages(near, far)
    assert.deepEqual([here.messages.length, there.messages.length], [40, 40])
  })

  check(
    'the weight of a group is right after each member that goes, however it goes',
    async (bench) => {
      const hub = await bench.startHub()
      const leaf = await bench.startLeaf(hub.leafPort)
      using witness = await RawPeer.join(hub.leafPort)
      const [atHub, other] = [await bench.connect(hub), await bench.connect(hub)]
      const atLeaf = await bench.connect(leaf, { reconnect: false })
      const weight = async (wanted: string) => {
        await until(`"${wanted}"`, () => witness.matches(/^LS. work/).at(-1) === wanted)
      }
      new Collector(atHub, 'work', { queue: 'q' })
      await weight('LS+ work q 1')
      new Collector(other, 'work', { queue: 'q' })
      await weight('LS+ work q 2')
      for (let i = 0; i < 3; i += 1) new Collector(atLeaf, 'work', { queue: 'q' })
      await weight('LS+ work q 5')
      await other.close()
      await weight('LS+ work q 4')
      leaf.kill()
      await weight('LS+ work q 1')
      await atHub.close()
      await weight('LS- work q')
    },
  )
})
