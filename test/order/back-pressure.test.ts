import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { sleep, until } from '../support/wait.ts'
import type { WireClient } from './wire-client.ts'
import { onWorkers, serverTest } from './worker-counts.ts'

const KIB = 1024
const MIB = 1024 * KIB
const BLOCK = Buffer.alloc(64 * KIB, 'b')

/** Publishes numbered messages, as fast as the server takes them. */
async function flood(
  publisher: WireClient,
  subject: string,
  messageCount: number,
  messageBytes: number,
): Promise<void> {
  const filler = 'f'.repeat(messageBytes)
  for (let n = 0; n < messageCount; n++) {
    publisher.publish(subject, `${n}:${filler}`.slice(0, messageBytes))
    await publisher.drained()
  }
  await publisher.flush(40_000)
}

/** Expects messages 0, 1, 2, …; returns how many came. */
function expectNumbers(client: WireClient): { count: number } {
  const state = { count: 0 }
  client.onMessage = ({ payload }) => {
    const number = Number.parseInt(payload.toString('latin1', 0, 12), 10)
    if (number !== state.count) client.errors.push(`number ${number} after ${state.count - 1}`)
    state.count = number + 1
  }
  return state
}

onWorkers(
  'a fast publisher of a subject with many subscribers loses nothing',
  async ({ connectMany }) => {
    // Each record on a lane is many deliveries on its other end: the lane fills up.
    const clients = await connectMany(16)
    const publishers = await connectMany(4)
    const counts = clients.map(() => 0)
    const [messageCount, messageBytes] = [3000, 800]
    for (const [i, client] of clients.entries()) {
      client.onMessage = () => {
        counts[i]!++
      }
      for (let sid = 0; sid < 8; sid++) client.subscribe('fan', sid)
    }
    await Promise.all(clients.map((client) => client.flush()))
    await Promise.all(publishers.map((each) => flood(each, 'fan', messageCount / 4, messageBytes)))
    await Promise.all(clients.map((client) => client.flush(40_000)))
    assert.deepEqual(counts, Array(clients.length).fill(messageCount * 8), 'messages by client')
  },
  'max_pending: 512MB\n',
)

onWorkers(
  'two workers that flood each other both get everything',
  async ({ connectMany }) => {
    const clients = await connectMany(4)
    const states = clients.map(expectNumbers)
    for (const [i, client] of clients.entries()) client.subscribe(`both.${i}`, 1)
    await Promise.all(clients.map((client) => client.flush()))
    const [messageCount, messageBytes] = [150, 270 * KIB]
    await Promise.all(
      clients.map((client, i) => flood(client, `both.${(i + 1) % 4}`, messageCount, messageBytes)),
    )
    await Promise.all(clients.map((client) => client.flush(40_000)))
    for (const [i, client] of clients.entries()) {
      assert.deepEqual(client.errors, [], `client ${i}`)
      assert.equal(states[i]!.count, messageCount, `messages of client ${i}`)
    }
  },
  'max_pending: 256MB\n',
)

onWorkers(
  'a client that does not read is closed at max_pending, its neighbours lose nothing',
  async ({ connectMany, server }) => {
    const clients = await connectMany(8)
    const [lazy, ...others] = clients as [WireClient, ...WireClient[]]
    const readers = others.slice(0, 4)
    const states = readers.map(expectNumbers)
    for (const client of [lazy, ...readers]) client.subscribe('heavy', 1)
    await Promise.all(clients.map((client) => client.flush()))
    lazy.pause()
    const publisher = others.at(-1)!
    for (let n = 0; n < 400; n++) {
      publisher.publish('heavy', `${n}:${BLOCK}`)
      // In step with the readers: only one of all subscribers is slow.
      if (n % 8 === 7) await Promise.all([publisher, ...readers].map((client) => client.flush()))
    }
    await publisher.flush()
    await Promise.all(readers.map((client) => client.flush()))
    for (const [i, reader] of readers.entries()) {
      assert.deepEqual(reader.errors, [], `reader ${i}`)
      assert.equal(states[i]!.count, 400, `messages of reader ${i}`)
    }
    await until('the log line', () =>
      /Slow Consumer Detected: MaxPending of 4194304 Exceeded/.test(server.log),
    )
    lazy.resume()
    await lazy.waitFor('the end of the lazy client', () => lazy.isClosed)
    assert.ok(lazy.messageCount < 300, `the lazy client got ${lazy.messageCount} of 400 messages`)
  },
  'max_pending: 4MB\n',
)

onWorkers(
  'a client that takes nothing for the write deadline is closed',
  async ({ connectMany, server }) => {
    const [lazy, publisher, reader] = (await connectMany(3)) as [WireClient, WireClient, WireClient]
    const state = expectNumbers(reader)
    for (const client of [lazy, reader]) client.subscribe('deadline', 1)
    await Promise.all([lazy.flush(), reader.flush()])
    lazy.pause()
    await flood(publisher, 'deadline', 400, 64 * KIB)
    await reader.flush()
    assert.equal(state.count, 400, 'messages of the client that reads')
    await until('the log line', () =>
      /Slow Consumer Detected: WriteDeadline of 500ms exceeded with \d+ chunks of \d+ total/.test(
        server.log,
      ),
    )
    lazy.resume()
    await lazy.waitFor('the end of the lazy client', () => lazy.isClosed)
  },
  'write_deadline: "500ms"\nmax_pending: 512MB\n',
)

onWorkers(
  'a client that reads slowly, below max_pending, loses nothing',
  async ({ connectMany }) => {
    const [slow, publisher] = (await connectMany(2)) as [WireClient, WireClient]
    const state = expectNumbers(slow)
    slow.subscribe('slow', 1)
    await slow.flush()
    const sips = (async () => {
      for (let i = 0; i < 40; i++) {
        slow.pause()
        await sleep(20)
        slow.resume()
        await sleep(1)
      }
    })()
    await flood(publisher, 'slow', 600, 40 * KIB)
    await sips
    await slow.flush(40_000)
    assert.deepEqual(slow.errors, [])
    assert.equal(state.count, 600, 'messages of the slow client')
  },
)

describe('no_fast_producer_stall', () => {
  const config = 'no_fast_producer_stall: true\nmax_pending: 4MB\n'
  for (const workerCount of [1, 2]) {
    const title = `what a slow consumer cannot take is lost to it, and nothing else, ${workerCount} workers`
    serverTest(title, workerCount, config, async ({ connectMany, server }) => {
      const [lazy, publisher] = (await connectMany(2)) as [WireClient, WireClient]
      lazy.subscribe('drop', 1)
      await lazy.flush()
      lazy.pause()
      await flood(publisher, 'drop', 500, 64 * KIB)
      assert.ok(500 * 64 * KIB > 16 * MIB, 'more than max_pending and the sockets hold')
      // Small ones find the last gap before the bound: then there is none for a PONG either.
      await flood(publisher, 'drop', 10_000, 12)
      const answered = Array.from({ length: 30 }, () => lazy.flush())
      await publisher.flush()
      lazy.resume()
      await Promise.all(answered)
      assert.deepEqual(lazy.errors, [])
      assert.ok(lazy.messageCount < 10_500, 'something had to be dropped')
      const before = lazy.messageCount
      publisher.publish('drop', 'after')
      await publisher.flush()
      await lazy.flush()
      assert.equal(lazy.messageCount, before + 1, 'messages after it caught up')
      assert.doesNotMatch(server.log, /Slow Consumer/)
    })
  }
})
