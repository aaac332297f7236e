import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, connect as dialTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { connect, type NatsConnection } from 'nats'
import { makeCertificates } from '../support/certificates.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { WsClient } from './ws-client.ts'

const sable = program('sable')
const real = program('nats-server')
/** Hub and leaf. */
const PAIRS = [
  [sable, sable],
  [real, sable],
  [sable, real],
] as const
const PAYLOAD = Buffer.from(Array.from({ length: 100 * 1024 }, (_, i) => (i * 2654435761) >>> 24))

const folder = mkdtempSync(join(tmpdir(), 'ws-leafs-'))
after(() => rmSync(folder, { recursive: true }))
const certificates = makeCertificates(folder)

interface Setting {
  readonly isTls: boolean
  readonly compression: boolean
  readonly noMasking: boolean
}

function hubConfig({ isTls, compression }: Setting): string {
  const { certFile, keyFile } = certificates.server
  return `
    server_name: hub
    leafnodes { listen: "127.0.0.1:-1" }
    websocket {
      listen: "127.0.0.1:-1"
      compression: ${compression}
      ${isTls ? `tls { cert_file: "${certFile}", key_file: "${keyFile}" }` : 'no_tls: true'}
    }`
}

function leafConfig(url: string, { isTls, compression, noMasking }: Setting, more = ''): string {
  return `
    server_name: leaf
    leafnodes { reconnect: 1, remotes [ {
      url: "${url}"
      ws_compression: ${compression}
      ws_no_masking: ${noMasking}
      ${isTls ? `tls { ca_file: "${certificates.ca.certFile}" }` : ''}
      ${more}
    } ] }`
}

async function client(t: TestContext, server: ServerProcess): Promise<NatsConnection> {
  const connection = await connect({ servers: server.url })
  t.after(() => connection.close())
  return connection
}

/** A request from one side is answered by the other, with all its bytes. */
async function assertEcho(from: NatsConnection, to: NatsConnection, subject: string) {
  to.subscribe(subject, { callback: (_, message) => message.respond(message.data) })
  await to.flush()
  const answer = await until('the interest to arrive', () =>
    from.request(subject, PAYLOAD, { timeout: 2000 }),
  )
  assert.ok(PAYLOAD.equals(answer.data))
}

async function assertLinked(t: TestContext, hub: ServerProcess, leaf: ServerProcess) {
  const [atHub, atLeaf] = [await client(t, hub), await client(t, leaf)]
  await assertEcho(atHub, atLeaf, 'at.leaf')
  await assertEcho(atLeaf, atHub, 'at.hub')
}

const OPTIONS = [true, false]
const SETTINGS: readonly Setting[] = OPTIONS.flatMap((isTls) =>
  OPTIONS.flatMap((compression) => OPTIONS.map((noMasking) => ({ isTls, compression, noMasking }))),
)

for (const [hubProgram, leafProgram] of PAIRS) {
  const pair = `${leafProgram.name} at ${hubProgram.name}`
  const skip = skipReason(hubProgram, leafProgram)

  for (const setting of SETTINGS) {
    const { isTls, compression, noMasking } = setting
    const title = `${pair}: ${isTls ? 'wss' : 'ws'}, compression ${compression}, no masking ${noMasking}`
    test(title, { skip }, async (t) => {
      await using hub = await startServer(hubProgram, { config: hubConfig(setting) })
      const url = `${isTls ? 'wss' : 'ws'}://127.0.0.1:${hub.websocketPort}/some/path`
      await using leaf = await startServer(leafProgram, { config: leafConfig(url, setting) })
      await assertLinked(t, hub, leaf)
      assert.match(hub.log, / - lid_ws:\d+ - Leafnode connection created/)
      assert.match(leaf.log, / - lid_ws:\d+ - Leafnode connection created for account: \$G/)
    })
  }

  test(`${pair}: the link comes back after its hub did`, { skip }, async (t) => {
    const setting = { isTls: false, compression: false, noMasking: false }
    const hub = await startServer(hubProgram, { config: hubConfig(setting) })
    const port = hub.websocketPort
    const url = `ws://127.0.0.1:${port}`
    await using leaf = await startServer(leafProgram, { config: leafConfig(url, setting) })
    try {
      await assertLinked(t, hub, leaf)
    } finally {
      await hub.stop()
    }
    const config = hubConfig(setting).replace(/(websocket \{\s+listen: "127.0.0.1:)-1/, `$1${port}`)
    await using again = await startServer(hubProgram, { config })
    await assertLinked(t, again, leaf)
  })
}

for (const target of ['leafnodes', 'websocket'] as const) {
  test(`a leaf goes through an HTTP proxy to ${target}`, async (t) => {
    const requests: string[] = []
    const proxy = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (head: Buffer) => {
        requests.push(head.toString('latin1'))
        const port = Number(/^CONNECT \S+:(\d+) /.exec(requests[0]!)?.[1])
        const to = dialTcp(port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          socket.pipe(to).pipe(socket)
        })
        to.on('error', () => {})
      })
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    t.after(() => proxy.close())
    const { port } = proxy.address() as { port: number }

    const setting = { isTls: false, compression: false, noMasking: false }
    const config = hubConfig(setting)
    await using hub = await startServer(sable, { config, leafListener: true })
    const url =
      target === 'leafnodes'
        ? `nats-leaf://127.0.0.1:${hub.leafPort}`
        : `ws://127.0.0.1:${hub.websocketPort}`
    const more = `proxy { url: "http://127.0.0.1:${port}", username: u, password: p }`
    await using leaf = await startServer(sable, { config: leafConfig(url, setting, more) })
    await assertLinked(t, hub, leaf)
    assert.match(requests[0]!, /^CONNECT 127\.0\.0\.1:\d+ HTTP\/1\.1\r\n/)
    assert.match(requests[0]!, /\r\nProxy-Authorization: Basic dTpw\r\n/)
  })
}

test('an answer that is no upgrade is told in the log', async () => {
  const answers = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
  })
  await new Promise<void>((resolve) => answers.listen(0, '127.0.0.1', resolve))
  const { port } = answers.address() as { port: number }
  const setting = { isTls: false, compression: true, noMasking: true }
  const config = leafConfig(`ws://127.0.0.1:${port}`, setting)
  await using leaf = await startServer(sable, { config })
  const text = 'Error soliciting websocket connection: invalid websocket connection'
  await until('the line', () => leaf.log.includes(text))
  answers.close()
})

test('a leaf is turned away, without a word, where leafs are not accepted', async () => {
  const config = 'websocket { listen: "127.0.0.1:-1", no_tls: true }'
  await using server = await startServer(sable, { config })
  await using ws = await WsClient.connect(`ws://127.0.0.1:${server.websocketPort}/leafnode`)
  assert.deepEqual(await ws.readClose(), { code: 1006, reason: '' })
  assert.equal(ws.text, '')
  await until('the line', () =>
    server.log.includes('[ERR] Not configured to accept leaf node connections'),
  )
})

test('connections that were relayed leave nothing behind', async () => {
  const setting = { isTls: false, compression: false, noMasking: false }
  const config = `max_connections: 2\n${hubConfig(setting)}`
  await using server = await startServer(sable, { config })
  const url = `ws://127.0.0.1:${server.websocketPort}/leafnode`
  for (let i = 0; i < 5; i++) {
    await using ws = await WsClient.connect(url)
    await ws.readUntil('INFO ')
    ws.socket.close()
    await ws.readClose()
  }
  // They counted as connections of the worker that passed on their bytes.
  await until('a free place', async () => {
    await using client = await RawClient.connect(server.port)
    await client.send('PING\r\n')
    await client.readUntil('PONG', 1000)
    return true
  })
})
