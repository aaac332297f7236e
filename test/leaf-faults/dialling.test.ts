/** Whom a leaf dials, when, and what it says: the hubs are spoken by hand. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLASSIC } from '../support/client-libraries.ts'
import { withLog } from '../support/failure-text.ts'
import { freePort } from '../support/free-port.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { Blackhole } from './blackhole.ts'
import { RawHub, type RawPeer } from './raw-peer.ts'

const SLOW_MS_MAX = 20_000

interface DialOptions {
  /** Text inside the remote. */
  readonly remote?: string
  readonly reconnect?: string
  /** `user:password@` or `token@`, for the first address. */
  readonly at?: string
}

async function listenMany(stack: AsyncDisposableStack, count: number): Promise<RawHub[]> {
  const hubs = await Promise.all(Array.from({ length: count }, () => RawHub.listen()))
  for (const hub of hubs) stack.use(hub)
  return hubs
}

function connectOf(peer: RawPeer): Record<string, unknown> {
  return JSON.parse(peer.matches(/^CONNECT /)[0]!.slice('CONNECT '.length))
}

/** Lines of the log come a moment later than what they tell of. */
async function assertLogged(leaf: ServerProcess, pattern: RegExp): Promise<void> {
  await until(`${pattern} in the log`, () => pattern.test(leaf.log))
}

for (const program of programsUnderTest()) {
  const options = { skip: skipReason(program), timeout: 60_000 }
  const isSable = program.name === 'sable'

  /** Starts a leaf with one remote of those ports, runs the test, ends the leaf. */
  const dialing = async (
    ports: readonly number[],
    { remote = '', reconnect = '50ms', at = '' }: DialOptions,
    body: (leaf: ServerProcess) => Promise<void>,
  ): Promise<void> => {
    const urls = ports.map((port, i) => `"nats-leaf://${i === 0 ? at : ''}127.0.0.1:${port}"`)
    const config = `
      server_name: leaf
      leafnodes { reconnect: "${reconnect}", remotes: [ { urls: [${urls.join(', ')}], ${remote} } ] }
    `
    await using leaf = await startServer(program, { config })
    try {
      await body(leaf)
    } catch (error) {
      throw withLog(error, [leaf])
    }
  }

  describe(`a leaf that dials, ${program.name}`, { ...options, concurrency: 4 }, () => {
    const turns = isSable ? false : 'its turn starts anew with every INFO'
    test('addresses are tried in turn, in the order given', { skip: turns }, async () => {
      await using stack = new AsyncDisposableStack()
      const hubs = await listenMany(stack, 4)
      const visits: number[] = []
      const ports = hubs.map(({ port }) => port)
      await dialing(ports, { remote: 'no_randomize: true' }, async () => {
        for (const [at, hub] of [...hubs, ...hubs].entries()) {
          const peer = await hub.admit(at < hubs.length ? 1 : 2)
          visits.push(hubs.reduce((sum, { peers }) => sum + peers.length, 0))
          peer.end()
        }
      })
      // Nobody was dialled out of turn.
      assert.deepEqual(visits, [1, 2, 3, 4, 5, 6, 7, 8])
    })

    test('addresses are tried in another order by default', { skip: turns }, async () => {
      await using stack = new AsyncDisposableStack()
      const hubs = await listenMany(stack, 10)
      const order: RawHub[] = []
      const ports = hubs.map(({ port }) => port)
      await dialing(ports, {}, async () => {
        // By chance they come in the order given once in 3.6 million runs.
        while (order.length < hubs.length) {
          const isNew = (hub: RawHub) => hub.peers.length > 0 && !order.includes(hub)
          const hub = await until('the next hub', () => hubs.find(isNew), SLOW_MS_MAX, 2)
          order.push(hub)
          hub.peers[0]!.end()
        }
      })
      assert.notDeepEqual(order, hubs)
    })

    test('gossiped addresses come first, with the credentials of the configured one', async () => {
      await using second = await RawHub.listen()
      await using first = await RawHub.listen({
        leafnode_urls: [`127.0.0.1:${second.port}`, 'no address', '127.0.0.1:70000'],
      })
      await dialing([first.port], { at: 'anna:s3cr3t@' }, async (leaf) => {
        const peer = await first.admit()
        peer.end()
        const other = await second.admit()
        const { user, pass } = connectOf(other)
        assert.deepEqual({ user, pass }, { user: 'anna', pass: 's3cr3t' })
        other.end()
        await first.peer(2)
        assert.doesNotMatch(leaf.log, /s3cr3t/)
      })
    })

    test('gossip that comes later replaces what was told before', async () => {
      await using third = await RawHub.listen()
      await using second = await RawHub.listen()
      await using first = await RawHub.listen({ leafnode_urls: [`127.0.0.1:${second.port}`] })
      await dialing([first.port], {}, async () => {
        const peer = await first.admit()
        peer.send(first.infoLine({ leafnode_urls: [`127.0.0.1:${third.port}`] }))
        await peer.sync()
        peer.end()
        await third.admit()
        assert.equal(second.peers.length, 0)
      })
    })

    test('ignore_discovered_servers: only what is configured is dialled', async () => {
      await using second = await RawHub.listen()
      await using first = await RawHub.listen({ leafnode_urls: [`127.0.0.1:${second.port}`] })
      await dialing([first.port], { remote: 'ignore_discovered_servers: true' }, async () => {
        for (const number of [1, 2, 3]) (await first.admit(number)).end()
        assert.equal(second.peers.length, 0)
      })
    })

    test('a disabled remote is not dialled, another one is', async () => {
      await using off = await RawHub.listen()
      await using on = await RawHub.listen()
      const other = `disabled: true }, { url: "nats-leaf://127.0.0.1:${on.port}"`
      await dialing([off.port], { remote: other }, async () => {
        for (const number of [1, 2, 3]) (await on.admit(number)).end()
        assert.equal(off.peers.length, 0)
      })
    })

    test('after a link ends: a wait as long as reconnect says, not twice at once', async () => {
      await using hub = await RawHub.listen()
      await dialing([hub.port], { reconnect: '200ms' }, async () => {
        for (let number = 1; number < 4; number += 1) {
          const peer = await hub.admit(number)
          const endMs = performance.now()
          peer.end()
          await hub.peer(number + 1)
          const waitedMs = performance.now() - endMs
          assert.ok(waitedMs >= 180 && waitedMs < 5000, `${waitedMs} ms`)
        }
        assert.equal(hub.peers.length, 4)
      })
    })

    test('nobody there: told once, and tried again until there is', async () => {
      const port = await freePort()
      await dialing([port], { reconnect: '100ms' }, async (leaf) => {
        const startMs = performance.now()
        const attempts = () => leaf.log.match(/attempt \d+/g)?.length ?? 0
        await until('an attempt', () => attempts() > 0)
        await assertLogged(
          leaf,
          /\[ERR\] Error trying to connect as leafnode to remote server "127\.0\.0\.1:\d+"/,
        )
        const why = /\(attempt 1\): dial tcp 127\.0\.0\.1:\d+: connect: connection refused/
        await assertLogged(leaf, why)
        // Never connected: one line for 3600 attempts; the third attempt can be seen by its link.
        await sleep(250)
        assert.equal(attempts(), 1)
        await using hub = await RawHub.listen({}, undefined, port)
        await hub.admit()
        assert.ok(performance.now() - startMs < SLOW_MS_MAX)
      })
    })

    for (const [what, info, firstBytes] of [
      ['a client port', { leafnode_urls: undefined, info_on_connect: undefined }, undefined],
      ['a route port', { client_id: undefined }, undefined],
    ] as const) {
      test(`${what}: told as the wrong one, and tried again`, async () => {
        await using hub = await RawHub.listen(info, firstBytes)
        await dialing([hub.port], {}, async (leaf) => {
          await hub.peer(3, SLOW_MS_MAX)
          await assertLogged(leaf, /\[ERR\] .* attempted to connect to wrong port/)
          await assertLogged(leaf, /Leafnode connection closed: Incorrect Port/)
          assert.equal(hub.peers[0]!.count(/^CONNECT/), 0)
        })
      })
    }

    test('the client port of a real server: the same', async () => {
      await using server = await startServer(program)
      await dialing([server.port], {}, async (leaf) => {
        const told = () => leaf.log.match(/attempted to connect to wrong port/g)?.length ?? 0
        await until('two complaints', () => told() >= 2, SLOW_MS_MAX)
      })
    })

    for (const [what, bytes] of [
      ['a web server', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
      ['something else', '\x00\x01\x02\xff\r\n'],
      ['a server that speaks before it says who it is', 'PING\r\nLS+ foo\r\nLMSG foo 1\r\nx\r\n'],
    ] as const) {
      test(`${what}: the link ends, the next attempt follows`, async () => {
        await using hub = await RawHub.listen({}, bytes)
        await dialing([hub.port], { remote: 'first_info_timeout: "300ms"' }, async (leaf) => {
          await hub.peer(2, SLOW_MS_MAX)
          await hub.peers[0]!.closed()
          await assertLogged(leaf, /Leafnode connection closed/)
          assert.equal(hub.peers[0]!.count(/^CONNECT/), 0)
        })
      })
    }

    test('a listener that says nothing: given up after first_info_timeout', async () => {
      await using hub = await RawHub.listen({}, '')
      await dialing([hub.port], { remote: 'first_info_timeout: "250ms"' }, async (leaf) => {
        const startMs = performance.now()
        await hub.peer(1)
        await hub.peers[0]!.closed()
        assert.ok(performance.now() - startMs >= 100)
        await assertLogged(leaf, /Leafnode connection closed: Read Error/)
        await hub.peer(2)
      })
    })

    test('a hub that never answers CONNECT: given up after 2 s', async () => {
      await using hub = await RawHub.listen()
      await dialing([hub.port], {}, async (leaf) => {
        const peer = await hub.peer()
        await peer.line(/^CONNECT /)
        await peer.line(/^-ERR 'Stale Leaf Node Connection - Closing'$/)
        await peer.closed()
        await assertLogged(leaf, /Leafnode connection closed: Stale Connection/)
        await hub.peer(2)
      })
    })

    test('an address where nothing answers: left after dial_timeout for the next', async () => {
      await using hole = await Blackhole.open()
      await using hub = await RawHub.listen()
      const remote = 'no_randomize: true, dial_timeout: "300ms"'
      await dialing([hole.port, hub.port], { remote }, async (leaf) => {
        await hub.admit()
        await assertLogged(leaf, new RegExp(`dial tcp 127.0.0.1:${hole.port}: i/o timeout`))
      })
    })

    test('told of a loop, or of the same cluster name: no attempt for a long while', async () => {
      for (const text of [
        'Loop detected for leafnode account="$G". Delaying attempt to reconnect for 30s',
        'remote leafnode has same cluster name',
        'connection rejected since minimum version required is "9.0.0"',
      ]) {
        await using hub = await RawHub.listen()
        await dialing([hub.port], { reconnect: '20ms' }, async (leaf) => {
          const peer = await hub.admit()
          peer.send(`-ERR '${text}'\r\n`)
          await until('the error in the log', () => leaf.log.includes(text))
          peer.end()
          await until('the end', () => leaf.log.includes('Leafnode connection closed'))
          await sleep(400)
          assert.equal(hub.peers.length, 1, text)
        })
      }
    })

    const skip = isSable ? false : 'a matter of Sable'
    test('refused again and again: each wait is twice as long', { skip }, async () => {
      await using hub = await RawHub.listen()
      await dialing([hub.port], { reconnect: '100ms' }, async () => {
        const waits: number[] = []
        for (let number = 1; number <= 4; number += 1) {
          const peer = await hub.peer(number, SLOW_MS_MAX)
          await peer.line(/^CONNECT /)
          peer.send("-ERR 'Authorization Violation'\r\n")
          peer.socket.end()
          const endMs = performance.now()
          await hub.peer(number + 1, SLOW_MS_MAX)
          waits.push(performance.now() - endMs)
        }
        for (const [at, leastMs] of [90, 190, 390, 790].entries()) {
          assert.ok(waits[at]! >= leastMs, `waits were ${waits.join(', ')} ms`)
        }
      })
    })

    test('each link is told everything once, whatever the last one was told', async () => {
      await using hub = await RawHub.listen()
      await dialing([hub.port], { reconnect: '20ms' }, async (leaf) => {
        const client = await CLASSIC.connect({ servers: leaf.url })
        try {
          client.subscribe('foo')
          client.subscribe('foo')
          for (let i = 0; i < 3; i += 1) client.subscribe('bar', { queue: 'q' })
          await client.flush()
          for (const number of [1, 2, 3, 4]) {
            const peer = await hub.admit(number)
            await peer.line(/^LS\+ bar q 3$/)
            await peer.line(/^LS\+ foo$/)
            await peer.sync()
            const told = peer.matches(/^LS. (foo|bar)/).filter((line) => !/ q [12]$/.test(line))
            assert.deepEqual(told.sort(), ['LS+ bar q 3', 'LS+ foo'])
            peer.end()
          }
        } finally {
          await client.close()
        }
      })
    })
  })
}
