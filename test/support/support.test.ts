import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { NOT_YET_HONOURED } from '../../src/config/not-yet-honoured.ts'
import { cutFrames } from './frames.ts'
import { notHonouredReason } from './not-yet-honoured.ts'
import { program, skipReason } from './peers.ts'
import { RawClient } from './raw-client.ts'
import { startServer } from './server-process.ts'
import { until, within } from './wait.ts'

async function listen(onSocket: (socket: Socket) => void): Promise<[Server, number]> {
  const server = createServer(onSocket)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return [server, address.port]
}

test('the raw client tells an orderly close from a reset', async () => {
  const [server, port] = await listen((socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes) => {
      socket.write('bye\r\n', () => {
        if (bytes.toString() === 'fin') socket.end()
        else socket.resetAndDestroy()
      })
    })
  })
  for (const how of ['fin', 'rst'] as const) {
    await using client = await RawClient.connect(port)
    await client.send(how)
    await client.readUntilClose()
    assert.equal(client.closedBy, how)
  }
  server.close()
})

test('the raw client sends pieces apart and keeps every byte value', async () => {
  const chunks: Buffer[] = []
  const [server, port] = await listen((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      socket.write(chunk)
    })
  })
  await using client = await RawClient.connect(port)
  await client.sendPieces(['a\xff', '\0b'], 50)
  assert.equal((await client.readBytes(4)).toString('latin1'), 'a\xff\0b')
  assert.equal(chunks.length, 2)
  server.close()
})

test('the raw client names what came when it waits in vain', async () => {
  const [server, port] = await listen((socket) => {
    socket.on('error', () => {})
    socket.write('something else')
  })
  await using client = await RawClient.connect(port)
  await client.readUntil('else')
  await assert.rejects(client.readUntil('PONG', 20), /waited 20 ms for "PONG".*something else/)
  server.close()
})

test('frames are cut by the sizes of their control lines', () => {
  const text = '+OK\r\nMSG a 1 4\r\n\r\n\r\n\r\nHMSG a 1 r 2 3\r\nabc\r\nMSG a 1 9\r\nab'
  assert.deepEqual(cutFrames(Buffer.from(text)), {
    frames: ['+OK\r\n', 'MSG a 1 4\r\n\r\n\r\n\r\n', 'HMSG a 1 r 2 3\r\nabc\r\n'],
    rest: 'MSG a 1 9\r\nab',
  })
})

test('waiting is bounded and says what it waited for', async () => {
  const never = new Promise<void>(() => {})
  await assert.rejects(within('nothing', never, 10), /waited 10 ms for nothing/)
  const failing = () => Promise.reject(new Error('not yet'))
  await assert.rejects(until('luck', failing, 10, 1), /waited 10 ms for luck; .*not yet/)
})

test('a missing peer is a reason to skip, a missing broker is not', () => {
  const missing = 'not here'
  assert.match(String(skipReason({ name: 'nats-server-2.9', path: '', missing })), /not here/)
  assert.equal(skipReason({ name: 'sable', path: '', missing }), false)
})

test('a program that ends at once is reported with what it wrote', async () => {
  const program = { name: 'sable', path: process.execPath, missing: null } as const
  await assert.rejects(startServer(program), /ended at start, exit code 9[\s\S]*bad option/)
})

test('a configuration with an option that is not honoured yet is a reason to skip for Sable', () => {
  const [sable, real] = [program('sable'), program('nats-server')]
  const inAuthorization = NOT_YET_HONOURED.authorization
  const inRemotes = NOT_YET_HONOURED['leafnodes.remotes']
  for (const option of inAuthorization) {
    const config = `authorization { user: a, ${option}: [] }`
    const reason = notHonouredReason(sable, config)
    assert.equal(reason, `sable does not honour yet: authorization.${option}`)
    assert.equal(notHonouredReason(real, config), false)
  }
  for (const option of inRemotes) {
    const config = `leaf { remotes = [ { url: "nats://a:1" }, { ${option.toUpperCase()}: x } ] }`
    const reason = notHonouredReason(sable, config)
    assert.equal(reason, `sable does not honour yet: leafnodes.remotes.${option}`)
  }
  assert.equal(notHonouredReason(sable, 'authorization { token: users }'), false)
  assert.equal(notHonouredReason(sable, undefined), false)
})
