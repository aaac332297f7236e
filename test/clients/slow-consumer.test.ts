import assert from 'node:assert/strict'
import { Collector } from '../support/collector.ts'
import { RawClient } from '../support/raw-client.ts'
import { eachClient } from './each-client.ts'

/** Far more than max_pending and the socket buffers of both sides can hold. */
const FLOOD_BYTES = 64 * 1024 * 1024
const MESSAGE_BYTES = 64 * 1024
const CLOSE_MS_MAX = 30_000

eachClient('slow consumer', { config: 'max_pending: 2MB\n' }, (check) => {
  check('a client that stops reading is closed, others go on', async ({ connect, server }) => {
    await using lazy = await RawClient.connect(server.port)
    await lazy.send('CONNECT {"verbose":false,"pedantic":false}\r\nSUB slow.> 1\r\nPING\r\n')
    await lazy.readUntil('PONG')
    const [publisher, other] = [await connect(), await connect()]
    const seen = new Collector(other, 'fine')
    await other.flush()
    lazy.pause()
    const payload = Buffer.alloc(MESSAGE_BYTES, 'x')
    for (let sent = 0; sent < FLOOD_BYTES; sent += MESSAGE_BYTES) {
      publisher.publish('slow.x', payload)
      if (sent % (16 * MESSAGE_BYTES) === 0) await publisher.flush()
    }
    publisher.publish('fine', 'still here')
    await seen.waitFor(1)
    lazy.resume()
    await lazy.readUntilClose(CLOSE_MS_MAX)
    assert.ok(
      lazy.receivedBytes < FLOOD_BYTES / 2,
      `the slow client got ${lazy.receivedBytes} of ${FLOOD_BYTES} bytes before it was closed`,
    )
    assert.match(server.log, /Slow Consumer/)
  })
})
