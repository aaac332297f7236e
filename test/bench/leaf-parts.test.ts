import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { Gate } from '../../bench/gate.ts'
import { freePorts, LOOPBACK } from '../../bench/leaf-pair.ts'
import { LineConnection } from '../../bench/line-connection.ts'
import { sampleOf } from '../../bench/runs/leaf-interest.ts'
import { within } from '../../bench/within.ts'

/** Runs `use` with the port of a server that handles each connection, and ends both. */
async function withServer(
  serve: (socket: net.Socket) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve))
  try {
    await use((server.address() as net.AddressInfo).port)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

test('the sample holds both ends, nothing twice, and nothing outside', () => {
  for (const count of [1, 2, 9, 10, 11, 199, 200, 1_000, 100_000]) {
    const sample = sampleOf(count)
    assert.equal(new Set(sample).size, sample.length)
    assert.ok(sample.includes(0) && sample.includes(count - 1))
    assert.ok(sample.every((index) => index >= 0 && index < count))
    assert.ok(sample.length <= 450, `${count}: ${sample.length}`)
  }
})

test('within fails late promises with the reason of that moment', async () => {
  assert.equal(await within(10_000, Promise.resolve(7), () => 'late'), 7)
  let state = 'before'
  const never = within(5, new Promise(() => {}), () => state)
  state = 'after'
  await assert.rejects(never, /^Error: after$/)
})

test('lines are put together from chunks, PING is answered, and -ERR ends it', async () => {
  let heard = ''
  const serve = (socket: net.Socket): void => {
    socket.setNoDelay(true)
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text
      if (heard === 'PING\r\n') {
        socket.write('PO')
        setImmediate(() => socket.write('NG\r\nMSG a 1 0\r\n\r\nPING\r\n'))
      }
      if (heard.endsWith('PONG\r\n')) socket.write("-ERR 'Go'\r\n")
    })
    socket.write('INFO {"a"')
    setImmediate(() => socket.write(':1}\r\n'))
  }
  await withServer(serve, async (port) => {
    const { connection, info } = await LineConnection.open({ host: LOOPBACK, port })
    try {
      assert.equal(info, 'INFO {"a":1}')
      const lines: string[] = []
      connection.onLine = (line) => lines.push(line)
      await connection.flush()
      await assert.rejects(connection.failure, /-ERR 'Go'/)
      assert.deepEqual(lines, ['MSG a 1 0', ''])
      assert.equal(heard, 'PING\r\nPONG\r\n')
      await assert.rejects(connection.flush(), /-ERR 'Go'/)
    } finally {
      connection.close()
    }
  })
})

test('who waits on a connection that is closed gets an error, not silence', async () => {
  const greet = (socket: net.Socket): void => {
    socket.write('INFO {}\r\n')
  }
  await withServer(greet, async (port) => {
    const { connection } = await LineConnection.open({ host: LOOPBACK, port })
    const waiting = connection.flush()
    connection.close()
    await assert.rejects(waiting, /connection closed/)
    await assert.rejects(connection.failure, /connection closed/)
  })
})

test('a gate refuses until it is opened, then leads to its target both ways', async () => {
  const echo = (socket: net.Socket): void => {
    socket.pipe(socket)
  }
  await withServer(echo, async (port) => {
    const [gatePort] = await freePorts(1)
    const gate = new Gate(LOOPBACK, gatePort!, port)
    const refused = LineConnection.open({ host: LOOPBACK, port: gatePort! })
    await assert.rejects(refused, /ECONNREFUSED/)
    const opened = gate.open()
    const socket = net.connect(gatePort!, LOOPBACK)
    try {
      assert.ok((await opened) > 0)
      const answer = new Promise((resolve) => socket.once('data', resolve))
      socket.write('to and fro')
      assert.equal(String(await answer), 'to and fro')
      const ended = new Promise((resolve) => socket.once('close', resolve))
      gate.close()
      await ended
    } finally {
      socket.destroy()
      gate.close()
    }
  })
})
