import assert from 'node:assert/strict'
import type { WireClient, WireMessage } from './wire-client.ts'
import { onWorkers } from './worker-counts.ts'

const CHAINS = 8
const ROUNDS = 250

/** Subject to subscribe to, subject to publish on, queue group; fresh for each round. */
const SHAPES: readonly ((id: string) => readonly [string, string, string])[] = [
  (id) => [`v.${id}`, `v.${id}`, ''],
  (id) => [id, id, ''],
  (id) => [`v.${id}.*`, `v.${id}.x`, ''],
  (id) => [`v.${id}.>`, `v.${id}.x.y`, ''],
  (id) => [`*.${id}`, `w.${id}`, ''],
  (id) => [`v.${id}`, `v.${id}`, 'group'],
  (id) => [`*.${id}.>`, `w.${id}.z`, 'group'],
]

/** Runs `round` for all chains at once, each with a pair of clients of its own. */
async function inChains(
  clients: readonly WireClient[],
  round: (
    a: WireClient,
    b: WireClient,
    id: string,
    shape: (typeof SHAPES)[number],
  ) => Promise<void>,
): Promise<void> {
  const chain = async (number: number) => {
    for (let i = 0; i < ROUNDS; i++) {
      const a = clients[number]!
      const b = clients[CHAINS + ((number + i) % CHAINS)]!
      const id = `${number}_${i}`
      await round(a, b, id, SHAPES[(number + i) % SHAPES.length]!)
    }
  }
  await Promise.all(Array.from({ length: CHAINS }, (_, number) => chain(number)))
}

/** Counts messages by subscription id. */
function counting(client: WireClient): Map<string, WireMessage[]> {
  const bySid = new Map<string, WireMessage[]>()
  client.onMessage = (message) => {
    const list = bySid.get(message.sid)
    if (list === undefined) bySid.set(message.sid, [message])
    else list.push(message)
  }
  return bySid
}

onWorkers('what is published after the PONG to a SUB finds it', async ({ connectMany }) => {
  const clients = await connectMany(2 * CHAINS)
  const received = new Map(clients.map((client) => [client, counting(client)]))
  await inChains(clients, async (a, b, id, shape) => {
    const [pattern, subject, queue] = shape(id)
    // Leaves a plan without receivers in the cache of b's worker.
    b.publish(subject, 'too early')
    await b.flush()
    a.subscribe(pattern, id, queue)
    await a.flush()
    b.publish(subject, id)
    await b.flush()
    await a.flush()
    const got = received
      .get(a)
      ?.get(id)
      ?.map(({ payload }) => payload.toString())
    assert.deepEqual(got, [id], `SUB ${pattern} ${queue}, PUB ${subject}`)
    a.send(`UNSUB ${id}\r\n`)
  })
})

onWorkers('a request after the PONG to an UNSUB gets 503', async ({ connectMany }) => {
  const clients = await connectMany(2 * CHAINS)
  const received = new Map(clients.map((client) => [client, counting(client)]))
  for (const client of clients) client.subscribe(`_INBOX.${clients.indexOf(client)}.*`, 'inbox')
  await Promise.all(clients.map((client) => client.flush()))
  await inChains(clients, async (a, b, id, shape) => {
    const [pattern, subject, queue] = shape(id)
    a.subscribe(pattern, id, queue)
    await a.flush()
    b.publish(subject, 'counts')
    await b.flush()
    a.send(`UNSUB ${id}\r\n`)
    await a.flush()
    const reply = `_INBOX.${clients.indexOf(b)}.${id}`
    b.publish(subject, 'unanswered', reply)
    await b.flush()
    const status = received
      .get(b)
      ?.get('inbox')
      ?.find((message) => message.subject === reply)
    assert.match(status?.headers ?? 'no answer', /^NATS\/1\.0 503\r\n/, `UNSUB of ${pattern}`)
    assert.equal(received.get(a)?.get(id)?.length, 1, `messages of ${pattern}`)
  })
})

onWorkers('a SUB is in force for the next line of its own connection', async (fixture) => {
  const clients = await fixture.connectMany(CHAINS)
  const received = clients.map(counting)
  const chain = async (client: WireClient, number: number) => {
    for (let i = 0; i < ROUNDS; i++) {
      const id = `${number}_${i}`
      const [pattern, subject, queue] = SHAPES[i % SHAPES.length]!(id)
      // One write: nothing but the server's own care keeps the PUB behind the SUB.
      client.send(
        `SUB ${pattern} ${queue} ${id}\r\nPUB ${subject} 3\r\none\r\n` +
          `UNSUB ${id}\r\nPUB ${subject} 3\r\ntwo\r\n`,
      )
    }
    await client.flush()
    for (let i = 0; i < ROUNDS; i++) {
      const got = received[number]!.get(`${number}_${i}`)?.map(({ payload }) => `${payload}`)
      assert.deepEqual(got, ['one'], `SUB, PUB, UNSUB, PUB number ${i} of connection ${number}`)
    }
  }
  await Promise.all(clients.map(chain))
})

onWorkers('many SUBs in one write are all in force after their PONG', async (fixture) => {
  const [subscriber, publisher] = (await fixture.connectMany(2)) as [WireClient, WireClient]
  const count = 20_000
  const got = new Set<string>()
  subscriber.onMessage = ({ sid }) => got.add(sid)
  let lines = ''
  for (let i = 0; i < count; i++) lines += `SUB many.${i} ${i}\r\n`
  subscriber.send(lines)
  await subscriber.flush()
  for (let i = 0; i < count; i++) publisher.send(`PUB many.${i} 0\r\n\r\n`)
  await publisher.flush()
  await subscriber.flush()
  assert.equal(got.size, count, 'subscriptions that got their message')
})
