import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import {
  RELAY_WINDOW_BYTES,
  RelaySocket,
  relaySocket,
} from '../../../src/io/websocket/relay-socket.ts'
import { until, within } from '../../support/wait.ts'

/** peer ── TCP ── relaySocket ── port ── RelaySocket */
async function relayed(t: TestContext, head = new Uint8Array(0)) {
  const server = createServer({ noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const accepted = once(server, 'connection')
  const peer = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  peer.on('error', () => {})
  const [source] = (await accepted) as [Socket]
  const { port1, port2 } = new MessageChannel()
  const isClosed = Promise.withResolvers<void>()
  relaySocket(source, head, port1, isClosed.resolve)
  const socket = new RelaySocket(port2, { remoteAddress: '192.0.2.1', remotePort: 7 })
  socket.on('error', () => {})
  t.after(() => {
    peer.destroy()
    socket.destroy()
    server.close()
  })
  return { peer, socket, source, closed: isClosed.promise }
}

function noise(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 2654435761) >>> 24))
}

async function readAll(from: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of from) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('bytes and ends go both ways', async (t) => {
  const { peer, socket, closed } = await relayed(t, Buffer.from('head '))
  assert.deepEqual([socket.remoteAddress, socket.remotePort], ['192.0.2.1', 7])
  const bytes = noise(3 * RELAY_WINDOW_BYTES)
  const there = readAll(socket)
  const back = readAll(peer)
  peer.end(bytes)
  // A connection writes views of shared memory, several at a time.
  const shared = Buffer.from(new SharedArrayBuffer(bytes.length))
  bytes.copy(shared)
  socket.cork()
  socket.write(shared.subarray(0, 1000))
  socket.write(shared.subarray(1000))
  socket.uncork()
  socket.end()
  const expected = Buffer.concat([Buffer.from('head '), bytes])
  assert.ok((await within('all bytes', there)).equals(expected))
  assert.ok((await within('all bytes back', back)).equals(bytes))
  await within('the end', closed)
  await until('the end', () => socket.closed)
})

test('who does not read holds up the sender, and loses nothing', async (t) => {
  const { peer, socket, source } = await relayed(t)
  const block = noise(64 * 1024)
  let sent = 0
  for (let i = 0; i < 400; i++) {
    peer.write(block)
    sent += block.length
  }
  await until('the relay to pause', () => source.isPaused())
  await until('the buffer', () => socket.readableLength >= RELAY_WINDOW_BYTES / 2)
  assert.ok(source.bytesRead <= 2 * RELAY_WINDOW_BYTES, `${source.bytesRead} bytes were read`)
  assert.ok(socket.readableLength <= 2 * RELAY_WINDOW_BYTES)
  let received = 0
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  await until('all bytes', () => received === sent)
})

test('a peer that does not read holds up the writer', async (t) => {
  const { peer, socket, source } = await relayed(t)
  peer.pause()
  const block = noise(256 * 1024)
  let sent = 0
  // Until the buffers of the system are full, too.
  await until('a write to wait', async () => {
    socket.write(block)
    sent += block.length
    await new Promise((resolve) => setImmediate(resolve))
    return socket.writableLength > 16 * block.length
  })
  assert.ok(source.writableLength <= RELAY_WINDOW_BYTES + 17 * block.length)
  let received = 0
  peer.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  peer.resume()
  await until('all bytes', () => received === sent)
  assert.equal(socket.writableLength, 0)
})

test('what was written before the end still arrives', async (t) => {
  const { peer, socket } = await relayed(t)
  const bytes = noise(RELAY_WINDOW_BYTES)
  const received = readAll(peer)
  socket.write(bytes)
  socket.destroySoon()
  assert.ok((await within('all bytes', received)).equals(bytes))
})

test('a lost connection ends the stand-in, and the other way round', async (t) => {
  const first = await relayed(t)
  first.peer.resetAndDestroy()
  await until('the end', () => first.socket.destroyed)
  await within('the relay', first.closed)

  const second = await relayed(t)
  second.peer.resume()
  second.socket.destroy()
  await within('the relay', second.closed)
  await until('the end', () => second.peer.readableEnded || second.peer.destroyed)
})
