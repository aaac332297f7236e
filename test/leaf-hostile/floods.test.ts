/** Peers that send far too much, or take nothing. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { RawHub, RawPeer } from '../leaf-faults/raw-peer.ts'
import { program } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { Bystander } from './bystander.ts'

const MIB = 1024 * 1024
const LINES = 100_000
const SUBSCRIPTIONS_MAX = 100
const REFUSED = /^-ERR 'maximum subscriptions exceeded'$/
const SETTINGS = `
  server_name: sable, max_subscriptions: ${SUBSCRIPTIONS_MAX}
  log_file: "server.log"
`

/** Runs an attack; the server may not need much more memory for it. */
async function assertBounded(
  bystander: Bystander,
  moreMibMax: number,
  attack: () => Promise<void>,
) {
  const beforeBytes = bystander.residentBytes()
  await Promise.all([attack(), bystander.ask()])
  await bystander.ask()
  const moreMib = Math.round((bystander.residentBytes() - beforeBytes) / MIB)
  assert.ok(moreMib < moreMibMax, `${moreMib} MiB more`)
}

describe('a hub that is flooded', () => {
  let server: ServerProcess
  let bystander: Bystander
  before(async () => {
    const config = `${SETTINGS}
      leafnodes {
        host: 127.0.0.1, port: -1, max_pending: 4mb
        authorization { timeout: 1 }
      }
    `
    server = await startServer(program('sable'), { config, leafListener: true })
    bystander = await Bystander.watch(server)
  })
  after(async () => {
    await bystander[Symbol.asyncDispose]()
    await server.stop()
  })

  test('100,000 subjects where 100 are allowed: each one above is refused', async () => {
    await assertBounded(bystander, 150, async () => {
      using leaf = await RawPeer.join(server.leafPort)
      const lines = Array.from({ length: LINES }, (_, i) => `LS+ flood.${i}\r\n`)
      leaf.send(lines.join(''))
      await leaf.sync()
      assert.equal(leaf.count(REFUSED), LINES - SUBSCRIPTIONS_MAX)
      assert.equal(leaf.closedBy, null)
    })
  })

  test('long subjects, 40 MB of them', async () => {
    await assertBounded(bystander, 150, async () => {
      using leaf = await RawPeer.join(server.leafPort)
      const tail = 'x'.repeat(4000)
      const lines = Array.from({ length: LINES / 10 }, (_, i) => `LS+ ${i}.${tail}\r\n`)
      leaf.send(lines.join(''))
      await leaf.sync()
      assert.equal(leaf.count(REFUSED), LINES / 10 - SUBSCRIPTIONS_MAX)
    })
  })

  test('one subject on and off 100,000 times: others hear how it ends', async () => {
    await assertBounded(bystander, 150, async () => {
      using leaf = await RawPeer.join(server.leafPort)
      using witness = await RawPeer.join(server.leafPort)
      leaf.send(`${'LS+ churn\r\nLS- churn\r\n'.repeat(LINES / 2)}LS+ churn\r\n`)
      await leaf.sync()
      await witness.sync()
      const told = witness.matches(/^LS. churn$/)
      assert.equal(told.at(-1), 'LS+ churn')
      // On and off in turn, so nothing is ever counted twice.
      assert.ok(told.every((line, at) => line === (at % 2 === 0 ? 'LS+ churn' : 'LS- churn')))
    })
  })

  test('the weight of a group 100,000 times: the last one counts', async () => {
    await assertBounded(bystander, 150, async () => {
      using leaf = await RawPeer.join(server.leafPort)
      using witness = await RawPeer.join(server.leafPort)
      const lines = Array.from({ length: LINES }, (_, i) => `LS+ weigh q ${(i % 1000) + 1}\r\n`)
      leaf.send(lines.join(''))
      await leaf.sync()
      await witness.sync()
      assert.equal(witness.matches(/^LS. weigh/).at(-1), 'LS+ weigh q 1000')
      leaf.end()
      await witness.line(/^LS- weigh q$/)
    })
  })

  test('500 connections that say nothing: all are gone after the time for CONNECT', async () => {
    const silent = await Promise.all(
      Array.from({ length: 500 }, () => RawClient.connect(server.leafPort)),
    )
    await bystander.ask()
    for (const client of silent) {
      const text = (await client.readUntilClose()).toString('latin1')
      assert.match(text, /-ERR 'Authentication Timeout'\r\n$/)
      client.close()
    }
  })

  test('a leaf that takes nothing is closed, and leaves others what they need', async () => {
    await assertBounded(bystander, 200, async () => {
      using leaf = await RawPeer.join(server.leafPort)
      leaf.send('LS+ firehose\r\n')
      await leaf.sync()
      leaf.socket.pause()
      using publisher = await RawPeer.connect(server.port)
      publisher.send('CONNECT {"verbose":false}\r\n')
      const frame = `PUB firehose 65536\r\n${'x'.repeat(65_536)}\r\n`
      for (let i = 0; i < 64; i += 1) {
        publisher.send(frame.repeat(16))
        await publisher.sync()
      }
      leaf.socket.resume()
      await leaf.closed()
    })
  })
})

describe('a leaf whose hub floods it', () => {
  test('lines, messages and nonsense: bounded, and its own clients are served', async () => {
    await using hub = await RawHub.listen()
    const config = `${SETTINGS}
      leafnodes {
        reconnect: "50ms"
        remotes [ { url: "nats-leaf://127.0.0.1:${hub.port}", compression: off } ]
      }
    `
    await using server = await startServer(program('sable'), { config })
    await using bystander = await Bystander.watch(server)
    const attacks: readonly ((peer: RawPeer) => Promise<unknown>)[] = [
      async (peer) => {
        peer.send(Array.from({ length: LINES }, (_, i) => `LS+ flood.${i}\r\n`).join(''))
        await peer.sync()
        assert.equal(peer.count(REFUSED), LINES - SUBSCRIPTIONS_MAX)
      },
      async (peer) => {
        peer.send(`LMSG nobody.there 1000\r\n${'x'.repeat(1000)}\r\n`.repeat(20_000))
        await peer.sync()
      },
      async (peer) => {
        peer.send(hub.infoLine({ leafnode_urls: [`127.0.0.1:${hub.port}`] }).repeat(5000))
        await peer.sync()
      },
      (peer) => {
        peer.send('LS+ '.repeat(100_000))
        return peer.line(/^-ERR 'maximum control line exceeded'$/)
      },
      (peer) => {
        peer.send('LMSG foo 999999999\r\n')
        return peer.line(/^-ERR 'Maximum Payload Violation'$/)
      },
      (peer) => {
        peer.send('CONNECT {}\r\n')
        return peer.closed()
      },
      (peer) => {
        peer.send(new Uint8Array(100_000))
        return peer.line(/^-ERR 'Unknown Protocol Operation'$/)
      },
    ]
    for (const [at, attack] of attacks.entries()) {
      await assertBounded(bystander, 150, async () => {
        const peer = await hub.admit(at + 1)
        await attack(peer)
        peer.end()
      })
    }
    await hub.admit(attacks.length + 1)
  })

  test('INFO lines that make no sense: the link ends, the next one stands', async () => {
    const wrong = [
      'INFO \r\n',
      'INFO []\r\n',
      'INFO {"server_id":\r\n',
      'INFO {"client_id":"x"}\r\n',
      'INFO {"client_id":1,"leafnode_urls":["a b"],"cluster":"a b"}\r\n',
      `INFO {"server_name":"${'x'.repeat(100_000)}"}\r\n`,
      'INFO {"client_id":1,"leafnode_urls":[],"info_on_connect":true,"compression":"zip"}\r\n',
      "-ERR 'Authorization Violation'\r\n",
      '\r\n\r\n\r\n',
    ]
    await using stack = new AsyncDisposableStack()
    const hubs: RawHub[] = []
    for (const bytes of wrong) hubs.push(stack.use(await RawHub.listen({}, bytes)))
    const remotes = hubs.map(
      ({ port }) => `{ url: "nats-leaf://127.0.0.1:${port}", first_info_timeout: "300ms" }`,
    )
    const config = `${SETTINGS}
      leafnodes { reconnect: "20ms", remotes: [ ${remotes.join(', ')} ] }
    `
    await using server = await startServer(program('sable'), { config })
    for (const [at, hub] of hubs.entries()) {
      const peer = await hub.peer(2)
      await peer.closed()
      assert.equal(hub.peers[0]!.count(/^CONNECT/), 0, wrong[at]!)
    }
    await using _ = await Bystander.watch(server)
  })
})
