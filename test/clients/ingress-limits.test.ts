import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { program } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

/** Messages a second that a limited sender may send. */
const RATE = 1000
/** Sent at once. A burst of a tenth of a second is free, and the last read is not waited for. */
const SENT = 900
const FREE_MS = 350

const CONFIG = `
  accounts {
    A {
      users [
        { user: one, password: p, max_msgs_per_second: ${RATE} }
        { user: other, password: p }
        { user: bytes, password: p, max_bytes_per_second: 100000 }
      ]
    }
    B { users [ { user: b1, password: p }, { user: b2, password: p } ]
      limits { max_msgs_per_second: ${RATE} }
    }
  }
`

describe('what is read from clients is limited', () => {
  let server: ServerProcess
  before(async () => {
    server = await startServer(program('sable'), { config: CONFIG })
  })
  after(() => server.stop())

  async function connect(user: string): Promise<RawClient> {
    const client = await RawClient.connect(server.port)
    const options = { user, pass: 'p', verbose: false }
    await client.send(`CONNECT ${JSON.stringify(options)}\r\nPING\r\n`)
    await client.readUntil('PONG\r\n')
    return client
  }

  /** Publishes all at once. @returns milliseconds until all of it was taken */
  async function publish(user: string, count: number, payload = 'x'): Promise<number> {
    const client = await connect(user)
    const beganMs = performance.now()
    await client.send(`PUB a ${payload.length}\r\n${payload}\r\n`.repeat(count))
    await client.send('PING\r\n')
    await client.waitFor('all to be taken', () => countOf(client, 'PONG') === 2)
    const tookMs = performance.now() - beganMs
    client.close()
    return tookMs
  }

  it('by messages, and nobody else is', async () => {
    const subscriber = await connect('other')
    await subscriber.send('SUB a 1\r\nPING\r\n')
    await subscriber.waitFor('the SUB', () => countOf(subscriber, 'PONG') === 2)
    const slow = publish('one', SENT)
    await publish('other', SENT)
    assert.ok(countOf(subscriber, 'MSG') < 2 * SENT, 'the other user does not wait for this one')
    assert.ok((await slow) >= (SENT / RATE) * 1000 - FREE_MS)
    await subscriber.waitFor('every message', () => countOf(subscriber, 'MSG') === 2 * SENT)
    subscriber.close()
  })

  it('by bytes', async () => {
    assert.ok((await publish('bytes', 100, 'x'.repeat(1000))) >= 1000 - FREE_MS)
  })

  it('over all connections of a user, and of an account', async () => {
    const byUser = await Promise.all([publish('one', SENT / 2), publish('one', SENT / 2)])
    assert.ok(Math.max(...byUser) >= (SENT / RATE) * 1000 - FREE_MS)
    const byAccount = await Promise.all([publish('b1', SENT / 2), publish('b2', SENT / 2)])
    assert.ok(Math.max(...byAccount) >= (SENT / RATE) * 1000 - FREE_MS)
  })
})

describe('what is read from each client is limited', () => {
  it('without users, by the option of the server', async () => {
    const config = `max_msgs_per_second: ${RATE}`
    const server = await startServer(program('sable'), { config })
    try {
      const client = await RawClient.connect(server.port)
      const beganMs = performance.now()
      await client.send(`CONNECT {"verbose":false}\r\n${'PUB a 0\r\n\r\n'.repeat(SENT)}PING\r\n`)
      await client.readUntil('PONG\r\n')
      assert.ok(performance.now() - beganMs >= (SENT / RATE) * 1000 - FREE_MS)
      client.close()
    } finally {
      await server.stop()
    }
  })
})

function countOf(client: RawClient, verb: string): number {
  return client.received.toString('latin1').split(`${verb}`).length - 1
}
