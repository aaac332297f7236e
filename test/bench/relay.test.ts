import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { Relay } from '../../bench/relay/relay-connection.ts'

/** One connection to a relay: what it has said so far. */
class Peer {
  said = ''
  readonly #socket: net.Socket

  constructor(socket: net.Socket) {
    this.#socket = socket
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.said += text
      this.#socket.emit('said')
    })
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  close(): void {
    this.#socket.destroy()
  }

  async until(end: string): Promise<string> {
    while (!this.said.endsWith(end)) await once(this.#socket, 'said')
    return this.said
  }
}

async function startRelay(t: TestContext): Promise<() => Promise<Peer>> {
  const relay = new Relay()
  const server = net.createServer({ pauseOnConnect: true }, (socket) => relay.accept(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peers: Peer[] = []
  t.after(() => {
    for (const peer of peers) peer.close()
    server.close()
  })
  return async () => {
    const { port } = server.address() as net.AddressInfo
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const peer = new Peer(socket)
    peers.push(peer)
    await peer.until('}\r\n')
    peer.write('CONNECT {}\r\nPING\r\n')
    assert.match(await peer.until('PONG\r\n'), /^INFO \{.*\}\r\nPONG\r\n$/)
    peer.said = ''
    return peer
  }
}

async function receiver(connect: () => Promise<Peer>): Promise<Peer> {
  const peer = await connect()
  peer.write('SUB bench.0 1\r\nPI')
  peer.write('NG\r\n')
  await peer.until('PONG\r\n')
  peer.said = ''
  return peer
}

test('what a publisher sends goes to every receiver as it is, and its PING is answered', async (t) => {
  const connect = await startRelay(t)
  const receivers = [await receiver(connect), await receiver(connect)]
  const publisher = await connect()
  publisher.write('MSG bench.0 1 2\r\nab\r\nMSG bench.0 1 0\r\n\r\n')
  publisher.write('PING\r\n')
  assert.equal(await publisher.until('PONG\r\n'), 'PONG\r\n')
  for (const peer of receivers) {
    assert.equal(await peer.until('0\r\n\r\n'), 'MSG bench.0 1 2\r\nab\r\nMSG bench.0 1 0\r\n\r\n')
  }
})

test('bytes that look like the start of a PING arrive, and a PING in two parts is one', async (t) => {
  const connect = await startRelay(t)
  const peer = await receiver(connect)
  const publisher = await connect()
  publisher.write('MSG bench.0 1 9\r\nPIN')
  await peer.until('9\r\n') // the part was read alone
  publisher.write('G\r\nPIN')
  await peer.until('PING\r\n')
  publisher.write('\r\n')
  await peer.until('PIN\r\n')
  publisher.write('PI')
  publisher.write('NG\r\n')
  assert.equal(await publisher.until('PONG\r\n'), 'PONG\r\n')
  assert.equal(peer.said, 'MSG bench.0 1 9\r\nPING\r\nPIN\r\n')
})

test('a receiver that does not read holds the publisher back, and then gets all', async (t) => {
  const connect = await startRelay(t)
  const peer = await receiver(connect)
  const publisher = await connect()
  const bytes = 32 * 1024 * 1024 // more than the system's buffers take
  publisher.write(`MSG bench.0 1 ${bytes}\r\n${'x'.repeat(bytes)}\r\nPING\r\n`)
  await publisher.until('PONG\r\n')
  await peer.until('x\r\n')
  assert.equal(peer.said.length, `MSG bench.0 1 ${bytes}\r\n`.length + bytes + 2)
})
