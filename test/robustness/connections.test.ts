import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe } from 'node:test'
import { Flow } from '../failure/flow.ts'
import { type Fixture, serverTest } from '../order/worker-counts.ts'
import { until, within } from '../support/wait.ts'
import { ended, forEachOf, opened } from './many.ts'

const MIB = 1024 * 1024
const CONNECT = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'

/** Two clients whose traffic must not suffer from what `body` does. */
async function besideGoodTraffic(fixture: Fixture, body: () => Promise<void>): Promise<void> {
  const [a, b] = await fixture.connectMany(2)
  const there = (await new Flow(a!, 'good.there').to(b!)).start()
  await body()
  await there.advance(8)
  assert.deepEqual(await there.stop(), [])
  assert.deepEqual([...a!.errors, ...b!.errors], [])
  assert.doesNotMatch(fixture.server.log, /died/)
}

/** Sends everything and the end of it at once; returns what the server sends before its own end. */
async function answerAndEnd(port: number, text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const answered = new Promise<void>((resolve) => socket.once('end', () => resolve()))
  socket.on('error', () => {})
  socket.end(text)
  await within('the end of the answers', answered)
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1')
}

describe('connections', () => {
  serverTest('that send FIN at once still get all their answers', 2, '', async (fixture) => {
    await besideGoodTraffic(fixture, () =>
      forEachOf(300, 20, async (i) => {
        const text = await answerAndEnd(
          fixture.server.port,
          `${CONNECT}SUB fin.${i} 1\r\nSUB fin.${i} q 2\r\nPUB fin.${i} 5\r\nhello\r\nPING\r\n`,
        )
        assert.match(text, new RegExp(`MSG fin.${i} 1 5\r\nhello\r\n`), `connection ${i}`)
        assert.match(text, new RegExp(`MSG fin.${i} 2 5\r\nhello\r\n`), `connection ${i}`)
        assert.match(text, /PONG\r\n/, `connection ${i}`)
      }),
    )
  })

  serverTest('that are reset in the middle of anything are gone', 2, '', async (fixture) => {
    await besideGoodTraffic(fixture, () =>
      forEachOf(400, 20, async (i) => {
        const socket = await opened(fixture.server.port)
        const text =
          `${CONNECT}SUB reset.> 1\r\nPUB reset.a 3\r\none\r\n` +
          `PUB reset.b 400000\r\n${'x'.repeat(400_000)}\r\nPUB reset.c 9\r\nhalf`
        socket.write(text.slice(0, i * 1009))
        await new Promise((resolve) => setImmediate(resolve))
        socket.resetAndDestroy()
        await ended(socket)
      }),
    )
  })

  serverTest('of 50 clients with messages of max_payload at once', 2, '', async (fixture) => {
    const [subscriber] = await fixture.connectMany(1)
    const senders = await fixture.connectMany(50)
    const payload = Buffer.alloc(MIB, 'm')
    subscriber!.onMessage = ({ payload: got }) => {
      if (!got.equals(payload)) subscriber!.errors.push(`garbled, ${got.length} bytes`)
    }
    subscriber!.subscribe('max', 1)
    await subscriber!.flush()
    for (const sender of senders) sender.publish('max', payload)
    await Promise.all(senders.map((sender) => sender.flush(30_000)))
    await subscriber!.flush(30_000)
    assert.deepEqual(subscriber!.errors, [])
    assert.equal(subscriber!.messageCount, 50)
    assert.doesNotMatch(fixture.server.log, /Slow Consumer/)
  })

  serverTest(
    'that only open and close leave room for new ones',
    1,
    'max_connections: 50\n',
    async ({ server, connect: connectClient }) => {
      await forEachOf(1000, 20, async (i) => {
        const socket = await opened(server.port).catch(() => undefined)
        if (socket === undefined) return
        if (i % 2 === 0) socket.resetAndDestroy()
        else socket.destroy()
        await ended(socket)
      })
      // Counted connections that are gone must not be counted for long.
      const full = Array.from({ length: 49 }, () => undefined)
      await until('49 free places', async () => {
        const clients = await Promise.allSettled(full.map(() => connectClient()))
        const count = clients.filter(({ status }) => status === 'fulfilled').length
        for (const each of clients) if (each.status === 'fulfilled') each.value.close()
        return count === full.length
      })
    },
  )
})
