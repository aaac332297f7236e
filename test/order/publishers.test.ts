import assert from 'node:assert/strict'
import type { WireClient, WireMessage } from './wire-client.ts'
import { onWorkers } from './worker-counts.ts'

const PUBLISHERS = 4
const SUBSCRIBERS = 4
const MESSAGES = 400
const PAYLOAD_BYTES_MAX = 300 * 1024

/** Source of all payloads: a message's is cut out at a place that its number tells. */
const PATTERN = Buffer.alloc(2 * PAYLOAD_BYTES_MAX)
for (let i = 0; i < PATTERN.length; i += 4) PATTERN.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)

/** Sizes around every limit on the way: chunks, carry, a quarter of a lane; most are small. */
const SIZES = [
  ...[0, 1, 5, 15, 16, 17, 63, 64, 100, 500, 1000, 4000, 4096, 5000, 20_000, 0, 3, 40, 200, 700],
  ...[65_000, 66_000, 130_000, 261_000, 262_144, 263_000, PAYLOAD_BYTES_MAX],
]

function payloadOf(publisher: number, number: number): Buffer {
  const size = SIZES[(number * 7 + publisher) % SIZES.length]!
  const from = (number * 613 + publisher * 101) % PAYLOAD_BYTES_MAX
  return PATTERN.subarray(from, from + size)
}

/** Checks each message against the one that must come next from its publisher. */
function expectInOrder(client: WireClient, subscriber: number): number[] {
  const next: number[] = Array.from({ length: PUBLISHERS }, () => 0)
  client.onMessage = ({ subject, reply, payload }: WireMessage) => {
    const publisher = Number(subject.split('.')[1])
    const number = Number(reply?.slice(2))
    const expected = next[publisher]!++
    const where = `publisher ${publisher}, subscriber ${subscriber}`
    if (number !== expected) client.errors.push(`${where}: number ${number} after ${expected - 1}`)
    if (!payload.equals(payloadOf(publisher, number))) {
      client.errors.push(`${where}: payload of number ${number}, ${payload.length} bytes, is wrong`)
    }
  }
  return next
}

/** Clients of a test read slower than the broker sends: none shall be closed for that. */
const SLOW_READERS = 'max_pending: 268435456'

onWorkers(
  'each subscriber gets each publisher in order, whatever the sizes',
  async (fixture) => {
    const publishers = await fixture.connectMany(PUBLISHERS)
    const subscribers = await fixture.connectMany(SUBSCRIBERS)
    const counts = subscribers.map(expectInOrder)
    for (const [i, subscriber] of subscribers.entries()) {
      if (i % 2 === 0) subscriber.subscribe('seq.>', 1)
      else for (let p = 0; p < PUBLISHERS; p++) subscriber.subscribe(`seq.${p}`, p)
    }
    await Promise.all(subscribers.map((subscriber) => subscriber.flush()))
    await Promise.all(
      publishers.map(async (publisher, p) => {
        for (let n = 0; n < MESSAGES; n++) {
          publisher.publish(`seq.${p}`, payloadOf(p, n), `n.${n}`)
          await publisher.drained()
        }
        await publisher.flush(30_000)
      }),
    )
    await Promise.all(subscribers.map((subscriber) => subscriber.flush(30_000)))
    for (const [i, subscriber] of subscribers.entries()) {
      assert.deepEqual(subscriber.errors, [], `subscriber ${i}`)
      assert.deepEqual(counts[i], Array(PUBLISHERS).fill(MESSAGES), `counts of subscriber ${i}`)
    }
  },
  SLOW_READERS,
)

onWorkers('a queue group gets each message once, its members share evenly', async (fixture) => {
  const publishers = await fixture.connectMany(2)
  const members = await fixture.connectMany(8)
  const perPublisher = 4000
  const seen = new Map<string, number>()
  const shares = members.map(() => 0)
  for (const [i, member] of members.entries()) {
    member.onMessage = ({ payload }) => {
      seen.set(`${payload}`, (seen.get(`${payload}`) ?? 0) + 1)
      shares[i]!++
    }
    // One group on three patterns: still one member for each message.
    member.subscribe(['q.work', 'q.*', 'q.>'][i % 3]!, 1, 'group')
  }
  await Promise.all(members.map((member) => member.flush()))
  await Promise.all(
    publishers.map(async (publisher, p) => {
      for (let n = 0; n < perPublisher; n++) publisher.publish('q.work', `${p}.${n}`)
      await publisher.flush()
    }),
  )
  await Promise.all(members.map((member) => member.flush()))
  const total = publishers.length * perPublisher
  const repeated = [...seen].filter(([, count]) => count !== 1)
  assert.deepEqual(repeated, [], 'messages that came more than once')
  assert.equal(seen.size, total, 'messages that came')
  const fair = total / members.length
  for (const [i, share] of shares.entries()) {
    // Ten standard deviations are a third of the fair share.
    assert.ok(share > fair * 0.66 && share < fair * 1.34, `share of member ${i}: ${shares}`)
  }
})

onWorkers('max messages of a subscription are exact, wherever they come from', async (fixture) => {
  const subscribers = await fixture.connectMany(4)
  const publishers = await fixture.connectMany(4)
  const max = 100
  for (const [i, subscriber] of subscribers.entries()) {
    subscriber.send(`SUB limited.${i} 7\r\nUNSUB 7 ${max}\r\nSUB limited.${i} 8\r\n`)
    subscriber.subscribe('limited.>', 9)
  }
  await Promise.all(subscribers.map((subscriber) => subscriber.flush()))
  const counts = subscribers.map(() => new Map<string, number>())
  for (const [i, subscriber] of subscribers.entries()) {
    const count = counts[i]!
    subscriber.onMessage = ({ sid }) => count.set(sid, (count.get(sid) ?? 0) + 1)
  }
  const each = 300
  await Promise.all(
    publishers.map(async (publisher) => {
      for (let n = 0; n < each; n++) {
        for (let i = 0; i < subscribers.length; i++) publisher.publish(`limited.${i}`, 'x')
      }
      await publisher.flush()
    }),
  )
  await Promise.all(subscribers.map((subscriber) => subscriber.flush()))
  const total = publishers.length * each
  for (const [i, count] of counts.entries()) {
    const facts = { limited: count.get('7'), plain: count.get('8'), all: count.get('9') }
    const expected = { limited: max, plain: total, all: total * subscribers.length }
    assert.deepEqual(facts, expected, `subscriber ${i}`)
  }
})

onWorkers('echo false keeps only the own messages away', async (fixture) => {
  const quiet = await fixture.connectMany(4, { echo: false })
  const texts = quiet.map(() => [] as string[])
  for (const [i, client] of quiet.entries()) {
    client.onMessage = ({ payload }) => texts[i]!.push(`${payload}`)
    client.subscribe('echo', 1)
    client.subscribe('echo.group', 2, `group${i}`)
  }
  await Promise.all(quiet.map((client) => client.flush()))
  for (const [i, client] of quiet.entries()) {
    client.publish('echo', `from ${i}`)
    client.publish('echo.group', `group from ${i}`)
  }
  await Promise.all(quiet.map((client) => client.flush()))
  await Promise.all(quiet.map((client) => client.flush()))
  for (const [i, own] of texts.entries()) {
    const others = [0, 1, 2, 3].filter((other) => other !== i)
    const expected = others.flatMap((other) => [`from ${other}`, `group from ${other}`])
    assert.deepEqual(own.toSorted(), expected.toSorted(), `client ${i}`)
  }
})

onWorkers('clients without headers get the payload alone', async (fixture) => {
  const withHeaders = await fixture.connectMany(4)
  const without = await fixture.connectMany(4, { headers: false })
  const got: { headers: string; text: string }[] = []
  for (const client of [...withHeaders, ...without]) {
    client.onMessage = ({ headers, payload }) => got.push({ headers, text: `${payload}` })
    client.subscribe('headed', 1)
  }
  await Promise.all([...withHeaders, ...without].map((client) => client.flush()))
  const block = 'NATS/1.0\r\nA: b\r\n\r\n'
  for (const [i, size] of [5, 300 * 1024].entries()) {
    const text = String(i).repeat(size)
    got.length = 0
    withHeaders[i]!.send(
      `HPUB headed ${block.length} ${block.length + size}\r\n${block}${text}\r\n`,
    )
    await withHeaders[i]!.flush()
    await Promise.all([...withHeaders, ...without].map((client) => client.flush()))
    assert.equal(got.length, 8, `receivers of ${size} bytes`)
    assert.equal(got.filter((message) => message.text === text).length, 8, 'whole payloads')
    assert.equal(got.filter(({ headers }) => headers === block).length, 4, 'with the block')
    assert.equal(got.filter(({ headers }) => headers === '').length, 4, 'without the block')
  }
})

onWorkers('requests find responders on all workers, and 503 without them', async (fixture) => {
  const clients = await fixture.connectMany(8)
  const answers = clients.map(() => [] as string[])
  for (const [i, client] of clients.entries()) {
    client.onMessage = ({ subject, reply, headers, payload }) => {
      if (subject.startsWith('service.')) client.publish(reply ?? '', `${payload} by ${i}`)
      else answers[i]!.push(headers.slice(0, 12) + payload)
    }
    client.subscribe(`_INBOX.${i}`, 1)
    if (i < 4) client.subscribe(`service.${i}`, 2)
  }
  await Promise.all(clients.map((client) => client.flush()))
  for (const [i, client] of clients.entries()) {
    for (let service = 0; service < 6; service++) {
      answers[i] = []
      client.publish(`service.${service}`, `${service}`, `_INBOX.${i}`)
      const hasAnswer = () => answers[i]!.length > 0
      await client.waitFor(`an answer to service.${service}`, hasAnswer)
      await client.flush()
      const expected = service < 4 ? `${service} by ${service}` : 'NATS/1.0 503'
      assert.deepEqual(answers[i], [expected], `answers to client ${i}`)
    }
  }
})
