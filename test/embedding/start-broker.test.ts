import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  BrokerError,
  OptionsError,
  type PartialOptions,
  type RunningBroker,
  startBroker,
} from '../../src/index.ts'
import {
  type ClientLibrary,
  type ConnectOptions,
  LIBRARIES,
  type TestConnection,
} from '../support/client-libraries.ts'
import { Collector, respondWith, settle, textOf } from '../support/collector.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/wait.ts'

const LOOPBACK = { host: '127.0.0.1', port: -1 } as const
const TIMEOUT_MS = 10_000
const [CLASSIC] = LIBRARIES as [ClientLibrary]

async function start(t: TestContext, options: PartialOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({ ...LOOPBACK, ...options })
  t.after(() => broker.close())
  return broker
}

async function connect(
  t: TestContext,
  broker: RunningBroker,
  options: ConnectOptions = {},
  library = CLASSIC,
): Promise<TestConnection> {
  const connection = await library.connect({ servers: broker.url, ...options })
  t.after(() => connection.close())
  return connection
}

/** A port with a listener on it. */
async function takenPort(t: TestContext): Promise<number> {
  const server = await listenOn(0)
  t.after(() => server.close())
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

function listenOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, LOOPBACK.host, () => resolve(server))
  })
}

async function assertFree(port: number): Promise<void> {
  const server = await listenOn(port)
  await new Promise((resolve) => server.close(resolve))
}

for (const library of LIBRARIES) {
  test(`a client of ${library.name} finds the broker under its url`, async (t) => {
    const broker = await start(t)
    assert.equal(broker.url, `nats://127.0.0.1:${broker.port}`)
    assert.ok(broker.port > 0)
    assert.equal(broker.leafPort, 0)
    const connection = await connect(t, broker, {}, library)
    respondWith(connection, 'echo', (text) => text.toUpperCase())
    const answer = await connection.request('echo', 'hello', { timeout: TIMEOUT_MS })
    assert.equal(textOf(answer), 'HELLO')
  })
}

test('the url of a broker on all addresses names one that can be connected to', async (t) => {
  const broker = await start(t, { host: '0.0.0.0' })
  assert.equal(broker.url, `nats://127.0.0.1:${broker.port}`)
  await (await connect(t, broker)).flush()
})

test('options are honoured', async (t) => {
  const broker = await start(t, { authorization: { token: 's3cr3t' }, maxPayload: 1000 })
  const { info } = await connect(t, broker, { token: 's3cr3t' })
  assert.equal(info?.max_payload, 1000)
  await assert.rejects(
    connect(t, broker, { token: 'other' }),
    (error) => CLASSIC.kindOf(error) === 'authorization',
  )
})

test('two brokers of one process know nothing of each other', async (t) => {
  const [a, b] = await Promise.all([start(t), start(t)])
  assert.notEqual(a.port, b.port)
  const [atA, atB] = [await connect(t, a), await connect(t, b)]
  const [seenA, seenB] = [new Collector(atA, 'shared'), new Collector(atB, 'shared')]
  await Promise.all([atA.flush(), atB.flush()])
  atA.publish('shared', 'a')
  atB.publish('shared', 'b')
  await settle(atA, atA)
  await settle(atB, atB)
  assert.deepEqual([seenA.texts, seenB.texts], [['a'], ['b']])
  await a.close()
  atB.publish('shared', 'still here')
  await settle(atB, atB)
  assert.deepEqual(seenB.texts, ['b', 'still here'])
})

test('two brokers of one process can be hub and leaf', async (t) => {
  const hub = await start(t, { leafnodes: { ...LOOPBACK } })
  assert.ok(hub.leafPort > 0)
  const remotes = [{ urls: [`nats-leaf://127.0.0.1:${hub.leafPort}`] }]
  const leaf = await start(t, { leafnodes: { remotes } })
  const [atHub, atLeaf] = [await connect(t, hub), await connect(t, leaf)]
  respondWith(atHub, 'hub.service', (text) => `hub ${text}`)
  const answer = await until('an answer from the hub', () =>
    atLeaf.request('hub.service', 'one', { timeout: TIMEOUT_MS }),
  )
  assert.equal(textOf(answer), 'hub one')
})

for (const [what, options, path] of [
  ['a port out of range', { port: 70_000 }, 'port'],
  ['an option nobody knows', { prot: 4222 }, 'prot'],
  ['a value of the wrong type', { maxPayload: '1MB' }, 'maxPayload'],
  ['a remote without a URL', { leafnodes: { remotes: [{ urls: ['::'] }] } }, 'leafnodes.remotes'],
] as const) {
  test(`${what} is an OptionsError that names it`, async () => {
    await assert.rejects(startBroker(options as unknown as PartialOptions), (error) => {
      assert.ok(error instanceof OptionsError)
      assert.ok(error.message.includes(path), error.message)
      return true
    })
  })
}

test('a port that is taken is a BrokerError that names it', async (t) => {
  const port = await takenPort(t)
  await assert.rejects(startBroker({ host: LOOPBACK.host, port }), (error) => {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.code, 'BRK_LISTEN')
    assert.deepEqual(error.context, { host: LOOPBACK.host, port })
    assert.match(error.message, /address already in use/)
    return true
  })
})

test('a leaf port that is taken leaves the client port free', async (t) => {
  const { port, close } = await startBroker(LOOPBACK)
  await close()
  const leafPort = await takenPort(t)
  await assert.rejects(
    startBroker({ host: LOOPBACK.host, port, leafnodes: { host: LOOPBACK.host, port: leafPort } }),
    (error) => error instanceof BrokerError && error.context['port'] === leafPort,
  )
  await assertFree(port)
})

test('a log file that cannot be opened is refused, and the port is free again', async () => {
  const { port, close } = await startBroker(LOOPBACK)
  await close()
  const logFile = '/nonexistent-folder/broker.log'
  await assert.rejects(startBroker({ host: LOOPBACK.host, port, logFile }), /nonexistent-folder/)
  await assertFree(port)
})

test('close ends all connections and frees the ports, and may be called twice', async (t) => {
  const broker = await start(t, { leafnodes: { ...LOOPBACK } })
  await using client = await RawClient.connect(broker.port)
  await client.readUntil('INFO ')
  await Promise.all([broker.close(), broker.close()])
  await client.readUntilClose()
  await assertFree(broker.port)
  await assertFree(broker.leafPort)
  await broker.close()
})

test('the log goes to the file that is named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'embedding-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const logFile = join(folder, 'broker.log')
  const broker = await startBroker({ ...LOOPBACK, logFile })
  await broker.close()
  const log = readFileSync(logFile, 'utf8')
  assert.match(log, /\[INF\] Server is ready\n/)
  assert.match(log, /\[INF\] Server Exiting\.\.\n$/)
})
