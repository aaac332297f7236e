import assert from 'node:assert/strict'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { until } from '../support/wait.ts'
import { crossInterest, crossMessages, waitForNoResponders } from './cross.ts'
import { eachPair } from './pairs.ts'

const TIMEOUT_MS = 10_000
/** Refused leafs try again after 1 s to 2 s. */
const RETRY_MS_MAX = 15_000
const LEAF_USER = 'authorization { user: leaf, password: s3cr3t }'
/** bcrypt of "s3cr3t". */
const HASH = '$2b$04$PsGmJFK0OkHWxdCDZvXLZeXLQl0HggVUnECZbJ0Bq8OEOnMgPchN6'

eachPair('authorization of leafs', (check) => {
  check('user and password of the leafnodes block', async (bench) => {
    const hub = await bench.startHub({ leafnodes: LEAF_USER })
    const leaf = await bench.startLeaf(hub.leafPort, { credentials: 'leaf:s3cr3t' })
    await crossInterest(await bench.connect(hub), await bench.connect(leaf))
  })

  check('a password kept as bcrypt', async (bench) => {
    const leafnodes = `authorization { user: leaf, password: "${HASH}" }`
    const hub = await bench.startHub({ leafnodes })
    const leaf = await bench.startLeaf(hub.leafPort, { credentials: 'leaf:s3cr3t' })
    await crossInterest(await bench.connect(hub), await bench.connect(leaf))
  })

  check('a wrong password: the leaf keeps trying, nobody else is disturbed', async (bench) => {
    const hub = await bench.startHub({ leafnodes: LEAF_USER })
    const good = await bench.startLeaf(hub.leafPort, { name: 'good', credentials: 'leaf:s3cr3t' })
    const bad = await bench.startLeaf(hub.leafPort, { name: 'bad', credentials: 'leaf:wrong' })
    const [atHub, atGood] = [await bench.connect(hub), await bench.connect(good)]
    const atBad = await bench.connect(bad)
    respondWith(atHub, 'service', (text) => text)
    await crossInterest(atHub, atGood)
    const refusals = () => hub.log.match(/authentication error/gi)?.length ?? 0
    await until('three refusals in the log of the hub', () => refusals() >= 3, RETRY_MS_MAX)
    await waitForNoResponders(atBad, 'service')
    assert.equal(textOf(await atGood.request('service', 'a', { timeout: TIMEOUT_MS })), 'a')
    respondWith(atBad, 'own', (text) => text)
    assert.equal(textOf(await atBad.request('own', 'b', { timeout: TIMEOUT_MS })), 'b')
    assert.doesNotMatch(hub.log + bad.log, /:wrong@/, 'a password in a log')
  })

  check('no password at all is refused', async (bench) => {
    const hub = await bench.startHub({ leafnodes: LEAF_USER })
    const leaf = await bench.startLeaf(hub.leafPort)
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    respondWith(atHub, 'service', (text) => text)
    await atHub.flush()
    const isRefused = () => /authentication error/i.test(hub.log)
    await until('a refusal in the log of the hub', isRefused, RETRY_MS_MAX)
    await waitForNoResponders(atLeaf, 'service')
  })

  check(
    "the hub's own token",
    async (bench) => {
      const hub = await bench.startHub({ top: 'authorization { token: t0ken }' })
      const leaf = await bench.startLeaf(hub.leafPort, { credentials: 't0ken' })
      const atHub = await bench.connect(hub, { token: 't0ken' })
      await crossInterest(atHub, await bench.connect(leaf))
    },
    ({ leaf }) => leaf.name === 'nats-server-2.9' && 'nats-server 2.9 sends no token as a leaf',
  )

  check("the hub's own users", async (bench) => {
    const top = 'authorization { users: [ { user: a, password: pa }, { user: b, password: pb } ] }'
    const hub = await bench.startHub({ top })
    const leaf = await bench.startLeaf(hub.leafPort, { credentials: 'b:pb' })
    const atHub = await bench.connect(hub, { user: 'a', pass: 'pa' })
    await crossInterest(atHub, await bench.connect(leaf))
  })

  check('a leaf user is bound to its account', async (bench) => {
    const hub = await bench.startHub({
      leafnodes: 'authorization { users: [ { user: x, password: px, account: X } ] }',
      top: `accounts {
        X: { users: [ { user: cx, password: p } ] }
        Y: { users: [ { user: cy, password: p } ] }
      }`,
    })
    const leaf = await bench.startLeaf(hub.leafPort, { credentials: 'x:px' })
    const inX = await bench.connect(hub, { user: 'cx', pass: 'p' })
    const inY = await bench.connect(hub, { user: 'cy', pass: 'p' })
    const atLeaf = await bench.connect(leaf)
    const [seenX, seenY] = [new Collector(inX, 'from.leaf'), new Collector(inY, 'from.leaf')]
    const seenLeaf = new Collector(atLeaf, 'from.hub')
    await inY.flush()
    await Promise.all([crossInterest(inX, atLeaf), crossInterest(atLeaf, inX)])
    atLeaf.publish('from.leaf', 'up')
    inY.publish('from.hub', 'not for the leaf')
    await inY.flush()
    inX.publish('from.hub', 'down')
    await crossMessages(atLeaf, inX)
    await crossMessages(inX, atLeaf)
    await inY.flush()
    assert.deepEqual([seenX.texts, seenY.texts, seenLeaf.texts], [['up'], [], ['down']])
  })

  check('a remote is bound to a local account', async (bench) => {
    const hub = await bench.startHub()
    const leaf = await bench.startLeaf(hub.leafPort, {
      remote: 'account: X',
      top: `accounts {
        X: { users: [ { user: cx, password: p } ] }
        Y: { users: [ { user: cy, password: p } ] }
      }`,
    })
    const atHub = await bench.connect(hub)
    const inX = await bench.connect(leaf, { user: 'cx', pass: 'p' })
    const inY = await bench.connect(leaf, { user: 'cy', pass: 'p' })
    const [seenX, seenY] = [new Collector(inX, 'down'), new Collector(inY, 'down')]
    await inY.flush()
    await crossInterest(inX, atHub)
    atHub.publish('down', 'x')
    await crossMessages(atHub, inX)
    await inY.flush()
    assert.deepEqual([seenX.texts, seenY.texts], [['x'], []])
  })

  check('deny_imports and deny_exports of a remote', async (bench) => {
    const hub = await bench.startHub()
    const leaf = await bench.startLeaf(hub.leafPort, {
      remote: 'deny_imports: "no.in.>", deny_exports: "no.out.>"',
    })
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    const [up, down] = [new Collector(atHub, '*.*.x'), new Collector(atLeaf, '*.*.x')]
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    atHub.publish('no.in.x', 'hidden')
    atHub.publish('is.in.x', 'seen')
    await crossMessages(atHub, atLeaf)
    atLeaf.publish('no.out.x', 'hidden')
    atLeaf.publish('is.out.x', 'seen')
    await crossMessages(atLeaf, atHub)
    assert.deepEqual(
      down.messages.map(({ subject }) => subject),
      ['is.in.x', 'no.out.x', 'is.out.x'],
    )
    assert.deepEqual(
      up.messages.map(({ subject }) => subject),
      ['no.in.x', 'is.in.x', 'is.out.x'],
    )
  })
})
