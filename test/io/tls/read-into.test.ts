import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { type ByteTarget, readByCopy } from '../../../src/io/read-by-copy.ts'
import { createClientTls } from '../../../src/io/tls/client-tls.ts'
import { readInto } from '../../../src/io/tls/read-into.ts'
import { createServerTls } from '../../../src/io/tls/server-tls.ts'
import { filesOf, makePair, tlsOptions } from './pair.ts'

class Target implements ByteTarget {
  isOpen = true
  isReading = true
  count = 0
  readonly hash = createHash('sha256')
  readonly #memory: Uint8Array
  #onBytes: (() => void) | undefined

  constructor(bytes: number) {
    this.#memory = new Uint8Array(new SharedArrayBuffer(bytes))
  }

  readTarget(): Uint8Array {
    return this.#memory
  }

  onRead(bytes: number): boolean {
    this.hash.update(this.#memory.slice(0, bytes))
    this.count += bytes
    this.#onBytes?.()
    return this.isReading
  }

  async until(count: number): Promise<void> {
    while (this.count < count) {
      await new Promise<void>((resolve) => {
        this.#onBytes = resolve
      })
    }
  }
}

async function makeSecurePair(t: TestContext): Promise<[TLSSocket, TLSSocket]> {
  const { accepted, dialled } = await makePair(t)
  const client = createClientTls(tlsOptions({ insecure: true }))
  return await Promise.all([
    createServerTls(tlsOptions(filesOf('server'))).secure(accepted),
    client.secure(dialled, { serverName: 'localhost' }),
  ])
}

const DATA = randomBytes(1_000_000)
const DIGEST = createHash('sha256').update(DATA).digest('hex')

for (const [what, read] of [
  ['without a copy', readInto],
  ['by copies', readByCopy],
] as const) {
  for (const memoryBytes of [65_536, 1000, 1]) {
    test(`all bytes are read ${what} into ${memoryBytes} bytes of shared memory`, async (t) => {
      const [server, client] = await makeSecurePair(t)
      const target = new Target(memoryBytes)
      const data = memoryBytes === 1 ? DATA.subarray(0, 20_000) : DATA
      assert.notEqual(read(server, target), false)
      const ended = once(server, 'end')
      client.end(data)
      await ended
      assert.equal(target.count, data.length)
      const digest = createHash('sha256').update(data).digest('hex')
      assert.equal(target.hash.digest('hex'), digest)
    })
  }

  test(`bytes that came before are read first ${what}`, async (t) => {
    const [server, client] = await makeSecurePair(t)
    client.write('early ')
    while (server.readableLength === 0) await new Promise((resolve) => setImmediate(resolve))
    const target = new Target(100)
    read(server, target)
    client.write('late')
    await target.until(10)
    const digest = createHash('sha256').update('early late').digest('hex')
    assert.equal(target.hash.digest('hex'), digest)
  })
}

test('reading stops when the target says so, and goes on', async (t) => {
  const [server, client] = await makeSecurePair(t)
  const target = new Target(65_536)
  target.isReading = false
  readInto(server, target)
  client.write(DATA)
  await target.until(1)
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(target.count < DATA.length, `${target.count} bytes`)
  target.isReading = true
  server.resume()
  await target.until(DATA.length)
  assert.equal(target.hash.digest('hex'), DIGEST)
})

test('a target that asks to wait at once is heard', async (t) => {
  const [server, client] = await makeSecurePair(t)
  client.write('early')
  while (server.readableLength === 0) await new Promise((resolve) => setImmediate(resolve))
  const target = new Target(100)
  target.isReading = false
  readInto(server, target)
  client.write('late')
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(target.count, 5)
  target.isReading = true
  server.resume()
  await target.until(9)
})

test('a paused socket reads nothing until it is resumed', async (t) => {
  const [server, client] = await makeSecurePair(t)
  const target = new Target(65_536)
  readInto(server, target)
  client.write('x')
  await target.until(1)
  server.pause()
  client.write('y')
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(target.count, 1)
  server.resume()
  await target.until(2)
})

test('our own bytes go out beside', async (t) => {
  const [server, client] = await makeSecurePair(t)
  const target = new Target(65_536)
  readInto(server, target)
  const echoed = new Target(65_536)
  readInto(client, echoed)
  client.write(DATA)
  server.write(DATA)
  await Promise.all([target.until(DATA.length), echoed.until(DATA.length)])
  assert.equal(target.hash.digest('hex'), DIGEST)
  assert.equal(echoed.hash.digest('hex'), DIGEST)
})

test('garbage is an error, not a crash', async (t) => {
  const [server, client] = await makeSecurePair(t)
  client.on('error', () => {})
  const target = new Target(65_536)
  readInto(server, target)
  const failed = once(server, 'error')
  ;(client as unknown as { _parent: TLSSocket })._parent.write('PING\r\nthis is in clear')
  const [error] = (await failed) as [Error]
  assert.match(error.message, /SSL routines/)
})
