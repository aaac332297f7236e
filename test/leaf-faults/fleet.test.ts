/** A hub with many leafs. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { program } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { RawPeer } from './raw-peer.ts'

const LEAFS = 100

function startHub(): Promise<ServerProcess> {
  const config = 'server_name: hub, leafnodes { host: 127.0.0.1, port: -1 }'
  return startServer(program('sable'), { config, leafListener: true })
}

async function joinAll(
  stack: DisposableStack,
  port: number,
  connectOf: (at: number) => object,
): Promise<RawPeer[]> {
  const joining = Array.from({ length: LEAFS }, (_, at) => RawPeer.join(port, connectOf(at)))
  const leafs = await Promise.all(joining)
  for (const leaf of leafs) stack.use(leaf)
  return leafs
}

const named = (at: number) => ({ name: `leaf${at}`, cluster: `leaf${at}`, remote_account: '$G' })

describe('a hub with a hundred leafs', { concurrency: 2 }, () => {
  test('what one wants all others hear of, once, and its end as well', async () => {
    await using hub = await startHub()
    using stack = new DisposableStack()
    const leafs = await joinAll(stack, hub.leafPort, named)
    const [first, ...others] = leafs
    first!.send('LS+ one.thing\r\nLS+ one.group q 3\r\n')
    await first!.sync()
    await Promise.all(others.map((leaf) => leaf.sync()))
    for (const leaf of others) {
      assert.deepEqual(leaf.matches(/^LS. one/).sort(), ['LS+ one.group q 3', 'LS+ one.thing'])
    }
    assert.equal(first!.count(/^LS. one/), 0)
    others[0]!.send('LMSG one.thing 2\r\nhi\r\n')
    assert.equal(await first!.line(/^LMSG/), 'LMSG one.thing 2 hi')
    first!.end()
    await Promise.all(others.map((leaf) => leaf.line(/^LS- one\.thing$/)))
    await Promise.all(others.map((leaf) => leaf.line(/^LS- one\.group q$/)))
  })

  test('everybody wants the same: each hears of it once, and no more until the last goes', async () => {
    await using hub = await startHub()
    using stack = new DisposableStack()
    const leafs = await joinAll(stack, hub.leafPort, named)
    for (const leaf of leafs) leaf.send('LS+ common\r\nLS+ common.group q 1\r\n')
    await Promise.all(leafs.map((leaf) => leaf.sync()))
    await Promise.all(leafs.map((leaf) => leaf.sync()))
    for (const leaf of leafs) {
      assert.deepEqual(leaf.matches(/^LS. common$/), ['LS+ common'])
      assert.equal(leaf.matches(/^LS. common\.group/).at(-1), `LS+ common.group q ${LEAFS - 1}`)
    }
    leafs[0]!.send('LMSG common 2\r\nhi\r\n')
    await Promise.all(leafs.slice(1).map((leaf) => leaf.line(/^LMSG common 2 hi$/)))
    const last = leafs.at(-1)!
    for (const leaf of leafs.slice(0, -1)) leaf.end()
    await last.line(/^LS- common$/)
    await last.line(/^LS- common\.group q$/)
    assert.deepEqual(last.matches(/^LS. common$/), ['LS+ common', 'LS- common'])
    assert.equal(last.count(/^LMSG/), 1)
  })

  test('those who ask for isolation hear of no other leaf', async () => {
    await using hub = await startHub()
    using stack = new DisposableStack()
    const connectOf = (at: number) => ({ ...named(at), isolate: at % 2 === 1 })
    const leafs = await joinAll(stack, hub.leafPort, connectOf)
    leafs[0]!.send('LS+ one.thing\r\n')
    leafs[1]!.send('LS+ other.thing\r\n')
    await Promise.all([leafs[0]!.sync(), leafs[1]!.sync()])
    using client = await RawPeer.connect(hub.port)
    client.send('CONNECT {"verbose":false}\r\nSUB hub.thing 1\r\n')
    await client.sync()
    await Promise.all(leafs.map((leaf) => leaf.line(/^LS\+ hub\.thing$/)))
    for (const [at, leaf] of leafs.entries()) {
      if (at < 2) continue
      const wanted = at % 2 === 1 ? [] : ['LS+ one.thing', 'LS+ other.thing']
      assert.deepEqual(leaf.matches(/^LS. (one|other)/).sort(), wanted, `leaf ${at}`)
      if (at % 2 === 1) assert.equal(leaf.count(/^LS. \$LDS/), 1)
    }
    // What isolated leafs want the hub knows.
    client.send('PUB other.thing 2\r\nhi\r\n')
    await leafs[1]!.line(/^LMSG other\.thing 2 hi$/)
  })

  test('half of them gone without a word, the others are served', async () => {
    await using hub = await startHub()
    using stack = new DisposableStack()
    const leafs = await joinAll(stack, hub.leafPort, () => ({}))
    for (const [at, leaf] of leafs.entries()) leaf.send(`LS+ leaf.${at}\r\n`)
    await Promise.all(leafs.map((leaf) => leaf.sync()))
    for (const leaf of leafs.slice(0, LEAFS / 2)) leaf.socket.resetAndDestroy()
    const rest = leafs.slice(LEAFS / 2)
    for (const leaf of rest) {
      await leaf.until('the end of half of them', () => leaf.count(/^LS- leaf\./) === LEAFS / 2)
    }
    rest[0]!.send(`LMSG leaf.${LEAFS - 1} 2\r\nhi\r\n`)
    await rest.at(-1)!.line(/^LMSG leaf\.99 2 hi$/)
  })
})
