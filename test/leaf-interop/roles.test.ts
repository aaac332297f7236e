import assert from 'node:assert/strict'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { crossInterest, crossMessages, waitForNoResponders } from './cross.ts'
import { assertApart, assertLinked, logged } from './exchange.ts'
import { eachPair, type Pair } from './pairs.ts'

const TIMEOUT_MS = 10_000
const isOld = ({ hub, leaf }: Pair, what: string): string | false => {
  const found = [hub, leaf].find(({ name }) => name.startsWith('nats-server-2.'))
  return found !== undefined && `${found.name} knows no ${what}`
}

eachPair('roles of the two ends', (check) => {
  check('hub: true: the one that dials takes the hub role', async (bench) => {
    const spoke = await bench.startHub({ name: 'spoke' })
    const hub = await bench.startLeaf(spoke.leafPort, {
      name: 'dialling-hub',
      remote: 'hub: true, deny_exports: "no.out.>", deny_imports: "no.in.>"',
    })
    const [atSpoke, atHub] = [await bench.connect(spoke), await bench.connect(hub)]
    await assertLinked(bench, spoke, hub)
    const [down, up] = [new Collector(atSpoke, '*.*.x'), new Collector(atHub, '*.*.x')]
    respondWith(atHub, 'work', () => 'hub', 'q')
    await Promise.all([crossInterest(atHub, atSpoke), crossInterest(atSpoke, atHub)])
    atHub.publish('no.out.x', 'hidden')
    atHub.publish('is.out.x', 'seen')
    await crossMessages(atHub, atSpoke)
    atSpoke.publish('no.in.x', 'hidden')
    atSpoke.publish('is.in.x', 'seen')
    await crossMessages(atSpoke, atHub)
    const subjects = (seen: Collector) => seen.messages.map(({ subject }) => subject)
    assert.deepEqual(subjects(down), ['is.out.x', 'no.in.x', 'is.in.x'])
    assert.deepEqual(subjects(up), ['no.out.x', 'is.out.x', 'is.in.x'])
    assert.equal(textOf(await atSpoke.request('work', '', { timeout: TIMEOUT_MS })), 'hub')
    assert.doesNotMatch(hub.log + spoke.log, /Violation|connection closed/)
  })

  check('two hubs of one leaf do not hear of each other', async (bench) => {
    const hubs = await Promise.all(['one', 'two'].map((name) => bench.startHub({ name })))
    const [one, two] = hubs
    assert.ok(one !== undefined && two !== undefined)
    const leaf = await bench.startLeaf(one.leafPort, {
      top: `leafnodes { remotes: [ ${hubs
        .map(({ leafPort }) => `{ url: "nats-leaf://127.0.0.1:${leafPort}" }`)
        .join(', ')} ] }`,
    })
    const [atOne, atTwo, atLeaf] = await Promise.all(
      [one, two, leaf].map((at) => bench.connect(at)),
    )
    assert.ok(atOne !== undefined && atTwo !== undefined && atLeaf !== undefined)
    respondWith(atOne, 'service', () => 'one')
    await crossInterest(atOne, atLeaf)
    await Promise.all([crossInterest(atLeaf, atTwo), crossInterest(atTwo, atLeaf)])
    assert.equal(textOf(await atLeaf.request('service', '', { timeout: TIMEOUT_MS })), 'one')
    await waitForNoResponders(atTwo, 'service')
  })

  check(
    'isolation: leafs reach the hub and not each other',
    async (bench) => {
      const asked = await bench.startHub({ name: 'asked' })
      const isolating = await bench.startHub({
        name: 'isolating',
        leafnodes: 'isolate_leafnode_interest: true',
      })
      for (const [hub, remote] of [
        [asked, 'request_isolation: true'],
        [isolating, ''],
      ] as const) {
        const [a, b] = await Promise.all(
          ['a', 'b'].map((name) => bench.startLeaf(hub.leafPort, { name, remote })),
        )
        assert.ok(a !== undefined && b !== undefined)
        await Promise.all([a, b].map((leaf) => assertLinked(bench, hub, leaf)))
        const [atA, atB] = [await bench.connect(a), await bench.connect(b)]
        respondWith(atA, 'service.a', () => 'a')
        await crossInterest(atA, await bench.connect(hub))
        await assertApart(bench, b, a)
        await waitForNoResponders(atB, 'service.a')
      }
    },
    (pair) => isOld(pair, 'isolation'),
  )

  check('min_version: too old a leaf is told, and waits', async (bench) => {
    const hub = await bench.startHub({ leafnodes: 'min_version: "2.99.0"' })
    const leaf = await bench.startLeaf(hub.leafPort)
    const text = /connection rejected since minimum version required is "2\.99\.0"/
    await logged(hub, text)
    await logged(leaf, text)
    const waits = !leaf.program.name.startsWith('nats-server-2.')
    if (waits) await logged(leaf, /Delaying attempt to reconnect for 5s/)
    await assertApart(bench, hub, leaf)
    const open = await bench.startHub({ name: 'open', leafnodes: 'min_version: "2.9.0"' })
    await assertLinked(bench, open, await bench.startLeaf(open.leafPort, { name: 'other' }))
  })

  check('both ends with one name of cluster: told, and delayed', async (bench) => {
    // A server with remotes and no cluster says its own name.
    const hub = await bench.startHub({
      name: 'same',
      leafnodes: 'remotes: [ { url: "nats-leaf://127.0.0.1:1" } ]',
    })
    const leaf = await bench.startLeaf(hub.leafPort, { name: 'same' })
    await logged(leaf, /remote leafnode has same cluster name/)
    await logged(leaf, /Delaying attempt to reconnect for 30s/)
    await logged(hub, /remote leafnode has same cluster name|Cluster Names Identical/)
    await assertApart(bench, hub, leaf)
  })

  check(
    'a remote that is disabled is not dialled',
    async (bench) => {
      const hub = await bench.startHub()
      const idle = await bench.startLeaf(hub.leafPort, { name: 'idle', remote: 'disabled: true' })
      const busy = await bench.startLeaf(hub.leafPort, { name: 'busy' })
      await assertLinked(bench, hub, busy)
      await assertApart(bench, hub, idle)
      assert.doesNotMatch(idle.log, /Leafnode connection/)
    },
    (pair) => isOld(pair, 'disabled'),
  )
})
