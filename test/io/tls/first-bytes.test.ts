import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { adoptSocket } from '../../../src/io/adopt-socket.ts'
import type { Connection } from '../../../src/io/connection.ts'
import { awaitFirstBytes } from '../../../src/io/tls/first-bytes.ts'
import { createServerTls } from '../../../src/io/tls/server-tls.ts'
import { assertTalking, certificates, filesOf, makePair, readText, tlsOptions } from './pair.ts'

/** Of a connection, what reading needs. */
function reader(): { connection: Connection; read: Buffer[] } {
  const memory = new Uint8Array(new SharedArrayBuffer(1024))
  const read: Buffer[] = []
  const connection = {
    isOpen: true,
    readTarget: () => memory,
    onRead: (count: number) => {
      read.push(Buffer.from(memory.slice(0, count)))
      return true
    },
  }
  return { connection: connection as unknown as Connection, read }
}

/** What the connection has read is `text`, once that many bytes are there. */
async function assertReads(read: readonly Buffer[], text: string): Promise<void> {
  while (Buffer.concat(read).length < text.length) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(Buffer.concat(read).toString(), text)
}

test('a client that shakes hands first', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const waiting = awaitFirstBytes(accepted, 20_000)
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  assert.equal(await waiting, 'bytes')
  const server = createServerTls(tlsOptions(filesOf('server'))).secure(accepted)
  await assertTalking(client, await server)
})

test('a client whose first bytes were there before', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await awaitFirstBytes(accepted, 20_000), 'bytes')
  const server = createServerTls(tlsOptions(filesOf('server'))).secure(accepted)
  await assertTalking(client, await server)
})

test('a silent client gets INFO in clear, and shakes hands then', async (t) => {
  const { accepted, dialled } = await makePair(t)
  assert.equal(await awaitFirstBytes(accepted, 1), 'silence')
  accepted.write('INFO {}\r\n')
  const server = createServerTls(tlsOptions(filesOf('server'))).secure(accepted)
  assert.equal(await readText(dialled, 9), 'INFO {}\r\n')
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  await assertTalking(client, await server)
})

test('after silence the socket is adopted, and no byte is lost', async (t) => {
  const { accepted, dialled } = await makePair(t)
  assert.equal(await awaitFirstBytes(accepted, 1), 'silence')
  dialled.write('late')
  // Turns of the loop in which a socket that still reads would take the bytes.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(accepted.readableLength, 0)
  const { connection, read } = reader()
  const socket = adoptSocket(accepted, connection)
  t.after(() => socket.destroy())
  socket.write('INFO {}\r\n')
  assert.equal(await readText(dialled, 9), 'INFO {}\r\n')
  dialled.write(' bytes')
  await assertReads(read, 'late bytes')
  const ended = once(socket, 'end')
  dialled.end()
  await ended
})

for (const [what, leave] of [
  ['closes', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
] as const) {
  test(`a client that ${what} is gone`, async (t) => {
    const { accepted, dialled } = await makePair(t)
    const waiting = awaitFirstBytes(accepted, 20_000)
    leave(dialled)
    assert.equal(await waiting, 'gone')
    assert.equal(accepted.destroyed, true)
  })
}
