import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { LineLogger } from '../../src/base/log-line.ts'
import { Broker } from '../../src/broker.ts'
import { optionsFromObject } from '../../src/config/options.ts'
import { WireClient } from '../order/wire-client.ts'
import { RawClient } from '../support/raw-client.ts'
import { DEADLINE_MS, until } from '../support/wait.ts'
import { type Family, parsePrometheus, sampleOf } from './prometheus-text.ts'

/** Every kernel assertion is on. */
process.env['SABLE_CHECKED'] = '1'

const ROUNDS = 50
const PENDING_MAX = 1024 * 1024

let broker: Broker

async function get(path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${broker.monitorPort}${path}`)
  assert.equal(response.status, 200, path)
  return response.text()
}

async function scrape(): Promise<ReadonlyMap<string, Family>> {
  return parsePrometheus(await get('/metrics'))
}

async function slowEvents(query = ''): Promise<SlowEventJson[]> {
  return JSON.parse(await get(`/slowz?limit=1000${query}`)).events
}

interface SlowEventJson {
  readonly event: string
  readonly reason: string
  readonly cid: number
  readonly name?: string
  readonly account: string
  readonly pending_bytes: number
  readonly subjects?: readonly { subject: string; msgs: number; bytes: number }[]
  readonly stalled_by?: { cid: number; name?: string }
}

before(async () => {
  broker = await Broker.start({
    options: optionsFromObject({
      host: '127.0.0.1',
      port: -1,
      workers: 2,
      maxPending: PENDING_MAX,
      httpHost: '127.0.0.1',
      httpPort: -1,
    }),
    log: Promise.resolve({
      logger: new LineLogger({ debug: false, trace: false }, () => {}),
      lostLineCount: 0,
      accept: () => {},
      reopen: () => {},
      reconfigure: () => {},
      drain: async () => {},
      close: () => {},
    }),
    configPath: '',
    configDigest: '',
    onFatal: assert.fail,
  })
})

after(async () => {
  await broker?.close()
})

describe('/metrics of a broker', () => {
  test('has the traffic, and histograms that grow with it', async () => {
    // Connections are dealt out in turn: the first and the third are on one thread.
    await using publisher = await WireClient.connect(broker.port)
    await using far = await WireClient.connect(broker.port)
    await using near = await WireClient.connect(broker.port)
    for (const receiver of [far, near]) {
      receiver.subscribe('foo', 1)
      await receiver.flush()
    }
    const first = await scrape()
    for (let i = 0; i < ROUNDS; i++) {
      publisher.publish('foo', 'hello')
      await publisher.flush()
    }
    await far.waitFor('all messages', () => far.messageCount === ROUNDS)
    await near.waitFor('all messages', () => near.messageCount === ROUNDS)
    const second = await scrape()
    const grown = (name: string, labels = {}) =>
      sampleOf(second, name, labels) - sampleOf(first, name, labels)
    assert.equal(grown('sable_delivery_latency_seconds_count', { path: 'local' }), ROUNDS)
    const fromLanes = grown('sable_delivery_latency_seconds_count', { path: 'lane' })
    // The last ones wait for the next mark.
    assert.ok(fromLanes > 0 && fromLanes <= ROUNDS, `${fromLanes}`)
    assert.ok(grown('sable_lane_occupancy_bytes_count') > 0)
    assert.ok(grown('sable_delivery_latency_seconds_sum', { path: 'local' }) > 0)
    assert.ok(sampleOf(second, 'sable_client_rtt_seconds_count') >= 3)
    assert.equal(grown('gnatsd_connz_in_msgs'), ROUNDS)
    assert.equal(grown('gnatsd_connz_out_bytes'), 2 * ROUNDS * 'hello'.length)
    assert.equal(sampleOf(second, 'gnatsd_connz_num_connections'), 3)
    const thread = { thread: 'protocol-1' }
    assert.equal(grown('sable_thread_messages_total', { ...thread, direction: 'in' }), ROUNDS)
    assert.ok(grown('sable_plan_cache_hits_total', thread) >= ROUNDS - 2)
    assert.ok(sampleOf(second, 'sable_thread_busy_seconds_total', thread) > 0)
    const free = sampleOf(second, 'sable_arena_free_bytes', thread)
    assert.ok(free > 0 && free < sampleOf(second, 'sable_arena_bytes', thread))
  })

  test('has at rest what /varz has', async () => {
    await using client = await WireClient.connect(broker.port)
    client.publish('nobody', 'listens')
    await client.flush()
    const families = await scrape()
    const varz = JSON.parse(await get('/varz'))
    const members = ['in_msgs', 'out_msgs', 'in_bytes', 'out_bytes', 'connections', 'max_payload']
    for (const member of members) {
      assert.equal(sampleOf(families, `gnatsd_varz_${member}`), varz[member], member)
    }
    assert.ok(varz.in_msgs > 0)
  })

  test('measures the delay of event loops while somebody scrapes', async () => {
    for (const thread of ['main', 'routing', 'protocol-1', 'protocol-2']) {
      await until(`a delay of ${thread}`, async () => {
        const count = sampleOf(await scrape(), 'sable_event_loop_delay_seconds_count', { thread })
        return count > 0
      })
    }
  })

  test('is one answer for all who ask at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/metrics')))
    for (const answer of answers) parsePrometheus(answer)
    assert.match(await get('/'), /\/metrics/)
  })
})

test('the subjects with the most messages are counted over all threads', async () => {
  await using one = await WireClient.connect(broker.port)
  await using two = await WireClient.connect(broker.port)
  await broker.measures.topSubjects(10)
  await until('counts of both threads', async () => {
    for (const client of [one, two]) {
      client.publish('top.most', '')
      client.publish('top.most', '')
      client.publish('top.less', '')
      await client.flush()
    }
    const { seconds, subjects } = await broker.measures.topSubjects(2)
    if (subjects.length < 2) return false
    assert.ok(seconds > 0)
    const [most, less] = subjects
    assert.deepEqual(
      [most!.account, most!.subject, less!.subject, most!.msgs],
      ['$G', 'top.most', 'top.less', 2 * less!.msgs],
    )
    return true
  })
})

describe('/slowz of a broker', () => {
  test('shows a slow consumer with what waited for it, and whom it held up', async () => {
    await using lazy = await RawClient.connect(broker.port)
    await lazy.send('CONNECT {"name":"lazy","verbose":false}\r\nSUB slow.> 1\r\nPING\r\n')
    await lazy.readUntil('PONG')
    await using publisher = await WireClient.connect(broker.port)
    lazy.pause()
    const payload = Buffer.alloc(32 * 1024, 'x')
    let isClosed = false
    const deadlineMs = performance.now() + DEADLINE_MS
    while (!isClosed && performance.now() < deadlineMs) {
      for (let i = 0; i < 16; i++) {
        publisher.publish(i % 4 === 0 ? 'slow.b' : 'slow.a', payload)
        // One at a time: a single read could go from below the stall mark to above the limit.
        await publisher.flush()
      }
      isClosed = (await slowEvents()).some(({ event }) => event === 'slow_consumer')
    }
    const events = await slowEvents()
    const closed = events.find(({ event }) => event === 'slow_consumer')
    assert.ok(closed !== undefined, JSON.stringify(events))
    assert.deepEqual([closed.name, closed.account, closed.reason], ['lazy', '$G', 'max_pending'])
    assert.ok(closed.pending_bytes > PENDING_MAX / 2)
    const [most, less] = closed.subjects ?? []
    assert.deepEqual([most?.subject, less?.subject], ['slow.a', 'slow.b'])
    assert.ok(most!.bytes > less!.bytes && less!.bytes >= payload.length)
    const stall = events.find(({ event }) => event === 'stall')
    assert.equal(stall?.stalled_by?.cid, closed.cid)
    assert.notEqual(stall.cid, closed.cid)
    assert.deepEqual(await slowEvents('&acc=NOBODY'), [])
    const families = await scrape()
    assert.equal(sampleOf(families, 'sable_slow_total', { kind: 'slow_consumer' }), 1)
    assert.ok(sampleOf(families, 'sable_slow_total', { kind: 'stall' }) > 0)
    assert.equal(sampleOf(families, 'gnatsd_varz_slow_consumers'), 1)
  })
})
