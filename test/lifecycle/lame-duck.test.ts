/** A server that ends without a rush: SIGUSR2, as nats-server takes it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RawHub, RawPeer } from '../leaf-faults/raw-peer.ts'
import { crossInterest, crossMessages } from '../leaf-interop/cross.ts'
import { CLASSIC, type TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { withLog } from '../support/failure-text.ts'
import { program, programsUnderTest, type ServerProgram, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { sleep, until } from '../support/wait.ts'

const TIMEOUT_MS = 10_000
/** In a file it takes 30 s at least; few clients are closed at most 1 s apart. */
const DURATION = 'lame_duck_duration: "30s"'
const SHORT = `${DURATION}, lame_duck_grace_period: "100ms"`
const LONG = `${DURATION}, lame_duck_grace_period: "20s"`
const LEAF_PORT = 'host: 127.0.0.1, port: -1'
const NATS_SERVER = program('nats-server')
const SABLE = program('sable')

class Bench implements AsyncDisposable {
  readonly #servers: ServerProcess[] = []
  readonly #clients: TestConnection[] = []

  async start(config: string, server: ServerProgram = SABLE): Promise<ServerProcess> {
    const started = await startServer(server, { config, leafListener: config.includes(LEAF_PORT) })
    this.#servers.push(started)
    return started
  }

  hub(name: string, top: string, server?: ServerProgram): Promise<ServerProcess> {
    return this.start(`server_name: ${name}, ${top}, leafnodes { ${LEAF_PORT} }`, server)
  }

  leaf(hubs: readonly ServerProcess[], server?: ServerProgram): Promise<ServerProcess> {
    const urls = hubs.map(({ leafPort }) => `"nats-leaf://127.0.0.1:${leafPort}"`)
    return this.start(
      `server_name: leaf
      leafnodes {
        reconnect: "50ms", remotes [ { urls: [ ${urls.join(', ')} ], no_randomize: true } ]
      }`,
      server,
    )
  }

  async connect(server: ServerProcess): Promise<TestConnection> {
    const client = await CLASSIC.connect({ servers: server.url, reconnect: false })
    this.#clients.push(client)
    return client
  }

  async run(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      throw withLog(error, this.#servers)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    await Promise.all(this.#servers.map((server) => server.stop('SIGINT')))
  }
}

/** A test that is told which servers it had when it fails. */
function benchTest(
  name: string,
  body: (bench: Bench) => Promise<void>,
  skip: string | false = false,
) {
  test(name, { timeout: 60_000, skip }, async () => {
    await using bench = new Bench()
    await bench.run(() => body(bench))
  })
}

for (const under of programsUnderTest()) {
  const suite = { skip: skipReason(under), concurrency: 4 }
  describe(`a lame duck and its clients, ${under.name}`, suite, () => {
    benchTest('clients are told, nobody new is let in, all are closed in time', async (bench) => {
      const server = await bench.start(SHORT, under)
      const clients: RawPeer[] = []
      for (let i = 0; i < 4; i += 1) {
        const client = await RawPeer.connect(server.port)
        client.send('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n')
        await client.line(/^PONG$/)
        clients.push(client)
      }
      server.signal('SIGUSR2')
      for (const client of clients) {
        await client.line(/^INFO .*"ldm":true/)
        await client.closed()
        client.end()
      }
      await assert.rejects(RawPeer.connect(server.port))
      await server.exited()
      assert.equal(server.exitCode, 0)
      assert.match(server.log, /Entering lame duck mode, stop accepting new clients/)
      assert.match(server.log, /Closing existing clients/)
    })

    benchTest('during the grace period everything goes on', async (bench) => {
      const server = await bench.start(LONG, under)
      const [one, two] = [await bench.connect(server), await bench.connect(server)]
      respondWith(two, 'service', (text) => `${text}!`)
      await two.flush()
      server.signal('SIGUSR2')
      await until('lame duck mode', () => server.log.includes('Entering lame duck mode'))
      assert.equal(textOf(await one.request('service', 'a', { timeout: TIMEOUT_MS })), 'a!')
      await assert.rejects(RawPeer.connect(server.port))
    })

    benchTest('SIGTERM has no effect then, nor has SIGUSR2; SIGINT ends it', async (bench) => {
      const server = await bench.start(LONG, under)
      const client = await bench.connect(server)
      server.signal('SIGUSR2')
      await until('lame duck mode', () => server.log.includes('Entering lame duck mode'))
      server.signal('SIGTERM')
      server.signal('SIGUSR2')
      await until('SIGTERM', () => server.log.includes('Trapped "terminated" signal'))
      await client.flush()
      await sleep(200)
      await client.flush()
      assert.equal(server.hasExited, false)
      assert.equal(server.log.match(/Entering lame duck mode/g)?.length, 1)
      server.signal('SIGINT')
      await server.exited()
    })
  })
}

describe('a lame duck and its leafs', { concurrency: 4 }, () => {
  benchTest('a leaf moves to its other hub, and a late reply still arrives', async (bench) => {
    const [first, second] = [await bench.hub('first', LONG), await bench.hub('second', LONG)]
    const leaf = await bench.leaf([first, second])
    const [atFirst, atSecond] = [await bench.connect(first), await bench.connect(second)]
    const atLeaf = await bench.connect(leaf)
    let answer = () => {}
    const isAsked = new Promise<void>((resolve) => {
      atLeaf.subscribe('slow.service', {
        callback: (_, message) => {
          answer = () => message.respond('at last')
          resolve()
        },
      })
    })
    respondWith(atLeaf, 'service', (text) => `${text}!`)
    await crossInterest(atLeaf, atFirst)
    const late = atFirst.request('slow.service', '', { timeout: TIMEOUT_MS })
    await isAsked
    first.signal('SIGUSR2')
    await crossInterest(atLeaf, atSecond)
    await crossInterest(atSecond, atLeaf)
    answer()
    assert.equal(textOf(await late), 'at last')
    const moved = await atSecond.request('service', 'b', { timeout: TIMEOUT_MS })
    assert.equal(textOf(moved), 'b!')
    // The first hub ends, which the leaf need not care about.
    const closed = () => leaf.log.match(/Leafnode connection closed/g)?.length ?? 0
    const before = closed()
    first.signal('SIGINT')
    await first.exited()
    await until('the end of the old link', () => closed() === before + 1)
    assert.equal(textOf(await atSecond.request('service', 'c', { timeout: TIMEOUT_MS })), 'c!')
    assert.doesNotMatch(leaf.log, /loop detected/i)
  })

  benchTest('while a leaf moves, each message goes to one hub, and none is lost', async (bench) => {
    const [first, second] = [await bench.hub('first', LONG), await bench.hub('second', LONG)]
    const leaf = await bench.leaf([first, second])
    const [atFirst, atSecond] = [await bench.connect(first), await bench.connect(second)]
    const atLeaf = await bench.connect(leaf)
    const [before, after] = [new Collector(atFirst, 'up'), new Collector(atSecond, 'up')]
    await crossInterest(atFirst, atLeaf)
    await atSecond.flush()
    let sent = 0
    const traffic = setInterval(() => {
      for (let i = 0; i < 10; i += 1) {
        atLeaf.publish('up', String(sent))
        sent += 1
      }
    }, 1)
    try {
      await before.waitFor(200)
      first.signal('SIGUSR2')
      await after.waitFor(200)
    } finally {
      clearInterval(traffic)
    }
    await crossMessages(atLeaf, atSecond)
    const [seenBefore, seenAfter] = [before.texts.map(Number), after.texts.map(Number)]
    const wanted = Array.from({ length: sent }, (_, i) => i)
    assert.deepEqual([...seenBefore, ...seenAfter], wanted)
  })

  benchTest('the only hub of a leaf: the link stays as long as the hub does', async (bench) => {
    const hub = await bench.hub('only', LONG)
    const leaf = await bench.leaf([hub])
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    respondWith(atLeaf, 'service', (text) => `${text}!`)
    await crossInterest(atLeaf, atHub)
    hub.signal('SIGUSR2')
    await until('the news', () => /about to end/.test(leaf.log))
    for (let i = 0; i < 20; i += 1) {
      const answer = await atHub.request('service', String(i), { timeout: TIMEOUT_MS })
      assert.equal(textOf(answer), `${i}!`)
      await sleep(10)
    }
    // Interest that is new is told as well.
    respondWith(atLeaf, 'new.service', (text) => `new ${text}`)
    await crossInterest(atLeaf, atHub)
    await crossInterest(atHub, atLeaf)
    assert.doesNotMatch(leaf.log, /Leafnode connection closed/)
    hub.signal('SIGINT')
    await until('the end of the link', () => /Leafnode connection closed/.test(leaf.log))
    const { leafPort } = hub
    const config = `server_name: next, leafnodes { host: 127.0.0.1, port: ${leafPort} }`
    await hub.exited()
    const next = await bench.start(config)
    await crossInterest(atLeaf, await bench.connect(next), 20_000)
  })

  benchTest(
    'a leaf of nats-server is not disturbed before the end',
    async (bench) => {
      const hub = await bench.hub('hub', LONG)
      const leaf = await bench.leaf([hub], NATS_SERVER)
      const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
      const [up, down] = [new Collector(atHub, 'up'), new Collector(atLeaf, 'down')]
      await Promise.all([crossInterest(atLeaf, atHub), crossInterest(atHub, atLeaf)])
      hub.signal('SIGUSR2')
      await until('lame duck mode', () => hub.log.includes('Entering lame duck mode'))
      for (let i = 0; i < 100; i += 1) {
        atLeaf.publish('up', String(i))
        atHub.publish('down', String(i))
      }
      await Promise.all([crossMessages(atLeaf, atHub), crossMessages(atHub, atLeaf)])
      const wanted = Array.from({ length: 100 }, (_, i) => String(i))
      assert.deepEqual([up.texts, down.texts], [wanted, wanted])
      assert.doesNotMatch(leaf.log, /Leafnode (?:connection closed|Error)/)
      hub.signal('SIGINT')
      await until('the end', () => /Leafnode connection closed/.test(leaf.log))
    },
    skipReason(NATS_SERVER),
  )

  benchTest('a leaf is told by INFO, which asks nothing else of it', async (bench) => {
    const hub = await bench.hub('hub', SHORT)
    using peer = await RawPeer.join(hub.leafPort)
    hub.signal('SIGUSR2')
    const line = await peer.line(/^INFO .*"ldm":true/)
    const info = JSON.parse(line.slice('INFO '.length))
    assert.equal(info.connect_info, undefined)
    assert.equal(info.nonce, undefined)
    await peer.closed()
    await hub.exited()
    assert.equal(hub.exitCode, 0)
  })

  test('the leaf asks nothing more of the old hub, once the new one knows all', async () => {
    await using second = await RawHub.listen()
    await using first = await RawHub.listen({ leafnode_urls: [] })
    const urls = [first, second].map(({ port }) => `"nats-leaf://127.0.0.1:${port}"`)
    const config = `leafnodes {
      reconnect: "50ms"
      remotes [ { urls: [ ${urls.join(', ')} ], no_randomize: true, compression: off } ]
    }`
    await using leaf = await startServer(SABLE, { config })
    const client = await CLASSIC.connect({ servers: leaf.url })
    client.subscribe('foo')
    await client.flush()
    const old = await first.admit()
    await old.line(/^LS\+ foo$/)
    old.send('LS+ wanted\r\nLS+ inbox.old\r\n')
    await old.sync()
    old.send(first.infoLine({ ldm: true, leafnode_urls: [] }))
    const fresh = await second.peer()
    await fresh.line(/^CONNECT /)
    assert.equal(old.count(/^LS- foo$/), 0, 'the old link is in use until the new one stands')
    fresh.send(second.infoLine({ connect_info: true, remote_account: '$G' }))
    fresh.send('LS+ wanted\r\n')
    await fresh.line(/^LS\+ foo$/)
    await old.line(/^LS- foo$/)
    await fresh.sync()
    await old.sync()
    client.publish('wanted', 'once')
    client.publish('inbox.old', 'late')
    await client.flush()
    await Promise.all([fresh.sync(), old.sync()])
    assert.deepEqual(fresh.matches(/^LMSG/), ['LMSG wanted 4 once'])
    assert.deepEqual(old.matches(/^LMSG/), ['LMSG inbox.old 4 late'])
    assert.equal(old.closedBy, null)
    old.end()
    await client.flush()
    await fresh.sync()
    assert.equal(fresh.closedBy, null)
    await client.close()
  })
})
