import assert from 'node:assert/strict'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { crossInterest, crossMessages } from './cross.ts'
import { eachPair } from './pairs.ts'

const TIMEOUT_MS = 10_000
/** What the leaf's user may do at the hub; the test's own markers have to pass, too. */
const RESTRICTED_USER = `
  authorization { users: [
    { user: admin, password: pa }
    { user: leaf, password: pl, permissions: {
        publish: { allow: ["out.>", "interest.>", "messages.>", "_INBOX.>"], deny: "out.secret.*" }
        subscribe: { allow: ["in.>", "interest.>", "messages.>", "_INBOX.>"], deny: "in.secret" } } }
  ] }`

eachPair('permissions of the leaf at its hub', (check) => {
  check('what the leaf may not send stays at home, and the link stays up', async (bench) => {
    const hub = await bench.startHub({ top: RESTRICTED_USER })
    const leaf = await bench.startLeaf(hub.leafPort, { credentials: 'leaf:pl' })
    const atHub = await bench.connect(hub, { user: 'admin', pass: 'pa' })
    const atLeaf = await bench.connect(leaf)
    const everything = new Collector(atHub, '>')
    await crossInterest(atHub, atLeaf)
    for (const subject of ['out.a', 'out.secret.b', 'elsewhere', 'out.secret', 'out.last']) {
      atLeaf.publish(subject, subject)
    }
    await crossMessages(atLeaf, atHub)
    const seen = everything.texts.filter((text) => text.startsWith('out') || text === 'elsewhere')
    assert.deepEqual(seen, ['out.a', 'out.secret', 'out.last'])
    assert.doesNotMatch(hub.log, /Violation/, 'the hub had to refuse something')
  })

  check('what the leaf may not receive does not come', async (bench) => {
    const hub = await bench.startHub({ top: RESTRICTED_USER })
    const leaf = await bench.startLeaf(hub.leafPort, { credentials: 'leaf:pl' })
    const atHub = await bench.connect(hub, { user: 'admin', pass: 'pa' })
    const atLeaf = await bench.connect(leaf)
    const everything = new Collector(atLeaf, 'in.>')
    const other = new Collector(atLeaf, 'private.x')
    await crossInterest(atLeaf, atHub)
    for (const subject of ['in.a', 'in.secret', 'private.x', 'in.last']) {
      atHub.publish(subject, subject)
    }
    await crossMessages(atHub, atLeaf)
    assert.deepEqual(everything.texts, ['in.a', 'in.last'])
    assert.deepEqual(other.texts, [])
  })

  check('a permitted request is answered through the link', async (bench) => {
    const hub = await bench.startHub({ top: RESTRICTED_USER })
    const leaf = await bench.startLeaf(hub.leafPort, { credentials: 'leaf:pl' })
    const atHub = await bench.connect(hub, { user: 'admin', pass: 'pa' })
    const atLeaf = await bench.connect(leaf)
    respondWith(atHub, 'out.service', (text) => text.toUpperCase())
    await crossInterest(atHub, atLeaf)
    const reply = await atLeaf.request('out.service', 'hello', { timeout: TIMEOUT_MS })
    assert.equal(textOf(reply), 'HELLO')
  })
})
