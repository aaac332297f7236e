import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyMask, encodeFrameHeader } from '../../src/protocol/websocket/frame-header.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until, within } from '../support/wait.ts'
import { WsClient } from './ws-client.ts'

const CONFIG = 'websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }\n'
const REQUEST =
  'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n'
const CONNECTIONS = 150
/** More than the buffers of the system and those of the server hold. */
const FLOOD_BYTES_MAX = 400_000_000

/** Upgraded; what the server sends is not looked at. */
async function upgraded(server: ServerProcess): Promise<Socket> {
  const socket = connect(server.websocketPort, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(REQUEST)
  await within('the upgrade', new Promise((resolve) => socket.once('data', resolve)))
  return socket
}

async function assertServes(server: ServerProcess): Promise<void> {
  await using ws = await WsClient.connect(`ws://127.0.0.1:${server.websocketPort}`)
  await ws.greet()
  ws.send('SUB a 1\r\nPUB a 2\r\nok\r\n')
  await ws.readUntil('MSG a 1 2\r\nok\r\n')
  assert.equal(server.hasExited, false)
}

const text = fc.constantFrom(
  ...['CONNECT {}\r\n', 'PING\r\n', 'SUB a 1\r\n', 'SUB a', ' 1\r\n', 'PUB a 3\r\nabc\r\n'],
  ...['PUB a 100000\r\n', 'PUB a', ' 5\r\nab', 'UNSUB 1\r\n', 'NONSENSE\r\n', '\r\n', 'PONG\r\n'],
)
const payload = fc.oneof(
  text.map((line) => Buffer.from(line)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
)
/** Mostly right, so that it gets somewhere. */
const frame = fc
  .record({
    payload,
    opcode: fc.oneof(
      { weight: 10, arbitrary: fc.constantFrom(2, 2, 1, 9, 10) },
      { weight: 1, arbitrary: fc.nat(15) },
    ),
    isFinal: fc.oneof({ weight: 8, arbitrary: fc.constant(true) }, fc.boolean()),
    isCompressed: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.boolean()),
    mask: fc.nat(0xffffffff),
    excess: fc.oneof({ weight: 10, arbitrary: fc.constant(0) }, fc.nat(2 ** 31)),
  })
  .map(({ payload: plain, excess, ...rest }) => {
    const body = Buffer.from(plain)
    applyMask(body, rest.mask)
    const header = encodeFrameHeader({ ...rest, payloadBytes: body.length + excess })
    return Buffer.concat([header, body])
  })

for (const tested of programsUnderTest()) {
  const { name } = tested
  const skip = skipReason(tested)

  test(`${name}: frames of any kind do no harm to others`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    const wires = fc.sample(fc.array(frame, { minLength: 1, maxLength: 20 }), CONNECTIONS)
    for (const frames of wires) {
      const socket = await upgraded(server)
      socket.resume()
      for (const bytes of frames) socket.write(bytes)
      await new Promise((resolve) => socket.write('', resolve))
      socket.destroy()
    }
    await assertServes(server)
  })

  test(`${name}: who sends pings and reads no pong is closed`, { skip }, async () => {
    await using server = await startServer(tested, { config: `max_pending: 8MB\n${CONFIG}` })
    const socket = await upgraded(server)
    socket.pause()
    const ping = Buffer.concat([Buffer.of(0x89, 0x80 | 125, 0, 0, 0, 0), Buffer.alloc(125, 'p')])
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => ping))
    let sent = 0
    await until(
      () => `the end of the connection; ${sent} bytes were sent`,
      async () => {
        while (!socket.destroyed && socket.writableLength < 2 * pings.length) {
          socket.write(pings)
          sent += pings.length
          if (sent > FLOOD_BYTES_MAX) assert.fail('the server takes all of it')
          await new Promise((resolve) => setImmediate(resolve))
        }
        return socket.destroyed
      },
      30_000,
    )
    await assertServes(server)
  })
}
