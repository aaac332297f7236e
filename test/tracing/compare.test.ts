/** The same messages are traced on nats-server and on Sable: the events must be the same. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { program, type ServerProgram, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { TraceClient } from './trace-client.ts'
import { normalEvent, normalEvents } from './trace-events.ts'

const DEST = { 'Nats-Trace-Dest': 'tr.dest' }
const ONLY = { ...DEST, 'Nats-Trace-Only': 'true' }
const SAMPLED = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }

const CONFIG = `
server_name: one
max_payload: 2000
accounts {
  A {
    users: [
      { user: a, password: p }
      { user: few, password: p, permissions: { publish: { allow: ["ok.>", "tr.dest"] } } }
      { user: none, password: p, permissions: { publish: { deny: ["tr.>"] } } }
      { user: deaf, password: p, permissions: { subscribe: { allow: ">", deny: ["deny.*"] } } }
    ]
    mappings: { "map.in": "map.out", "map.to.*": "map.{{wildcard(1)}}.more" }
    exports: [ { stream: "st.>" }, { stream: "sx.>" }, { stream: "sr.*" } ]
  }
  B {
    users: [ { user: b, password: p } ]
    imports: [
      { stream: { account: A, subject: "st.>" }, prefix: "imp", allow_trace: true }
      { stream: { account: A, subject: "sx.>" } }
      { stream: { account: A, subject: "sr.*" }, to: "renamed.*", allow_trace: true }
      { service: { account: C, subject: "svc.open" }, to: "local.open" }
      { service: { account: C, subject: "svc.shut" } }
      { service: { account: C, subject: "chain.one" } }
    ]
    msg_trace: { dest: "acc.trace", sampling: 100 }
  }
  C {
    users: [ { user: c, password: p } ]
    exports: [
      { service: "svc.open", allow_trace: true }
      { service: "svc.shut" }
      { service: "chain.one", allow_trace: true }
    ]
    imports: [ { service: { account: D, subject: "chain.two" }, to: "chain.one" } ]
  }
  D {
    users: [ { user: d, password: p } ]
    exports: [ { service: "chain.two", allow_trace: true } ]
  }
}
`

/** What a scenario has found out, for comparison. */
type Outcome = Record<string, unknown>

interface Bench {
  client(
    name: string,
    options?: { user?: string; echo?: boolean; noResponders?: boolean },
  ): Promise<TraceClient>
  readonly server: ServerProcess
}

/** Traces of user a's publishes, and who got what. */
type Scenario = (bench: Bench) => Promise<Outcome>

/** Publishes one after the other; each must bring one event. */
async function traced(
  bench: Bench,
  publisher: TraceClient,
  publishes: readonly (readonly [to: string, headers: Record<string, string>])[],
  watched: { user?: string; dest?: string } = {},
): Promise<string[]> {
  const { user = 'a', dest = 'tr.dest' } = watched
  await using watcher = await bench.client('watcher', { user })
  await watcher.subscribe(`${dest} 1`)
  const events: string[] = []
  for (const [to, headers] of publishes) {
    await publisher.publish(to, headers)
    const messages = await watcher.waitForMessages(events.length + 1)
    events.push(normalEvent(messages.at(-1)!.payload.toString()))
  }
  return events
}

/** Publishes what must not be traced, then one that is: its event is the only one. */
async function untraced(
  bench: Bench,
  publisher: TraceClient,
  publishes: readonly (readonly [to: string, headers: Record<string, string>])[],
): Promise<string[]> {
  await using watcher = await bench.client('watcher', { user: 'a' })
  await watcher.subscribe('tr.dest 1')
  for (const [to, headers] of publishes) await publisher.publish(to, headers)
  await using other = await bench.client('last', { user: 'a' })
  await other.publish('the.last', DEST)
  return normalEvents(await watcher.waitForMessages(1))
}

async function subjectsOf(client: TraceClient): Promise<string[]> {
  await client.flush()
  return client.messages.map(({ subject, sid, headers }) => `${subject} ${sid} ${headers}`).sort()
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'plain and queue subscriptions': async (bench) => {
    await using publisher = await bench.client('pub', { user: 'a' })
    await using quiet = await bench.client('quiet', { user: 'a', echo: false })
    await using sub = await bench.client('sub', { user: 'a' })
    await using other = await bench.client('', { user: 'a' })
    await sub.subscribe('foo 1', 'foo.* 2', 'q.one grp 3', 'both 7', 'both grp 8')
    await other.subscribe('foo 1', '*.bar 4', 'q.one other 5')
    await quiet.subscribe('echo 1', 'foo 2')
    const events = await traced(bench, publisher, [
      ['foo', DEST],
      ['foo.bar', DEST],
      ['q.one', DEST],
      ['both', DEST],
      ['nobody', DEST],
      ['foo.bar', { ...DEST, 'X-Other': 'a', 'x-other': 'b', Empty: '' }],
    ])
    events.push(
      ...(await traced(bench, quiet, [
        ['echo', DEST],
        ['foo', DEST],
      ])),
    )
    return {
      events,
      sub: await subjectsOf(sub),
      other: await subjectsOf(other),
      quiet: await subjectsOf(quiet),
    }
  },

  'only for the trace': async (bench) => {
    await using publisher = await bench.client('pub', { user: 'a', noResponders: true })
    await using sub = await bench.client('sub', { user: 'a' })
    await sub.subscribe('foo 1', 'foo grp 2')
    await publisher.subscribe('inbox 9')
    const events = await traced(bench, publisher, [
      ['foo', ONLY],
      ['foo inbox', { ...ONLY, 'Nats-Trace-Only': '1' }],
      ['foo', { ...ONLY, 'Nats-Trace-Only': 'ON' }],
      ['foo', { ...ONLY, 'Nats-Trace-Only': 'no' }],
      ['nobody inbox', ONLY],
    ])
    return { events, sub: await subjectsOf(sub), publisher: await subjectsOf(publisher) }
  },

  mappings: async (bench) => {
    await using publisher = await bench.client('pub', { user: 'a' })
    await using sub = await bench.client('sub', { user: 'a' })
    await sub.subscribe('map.> 1')
    const events = await traced(bench, publisher, [
      ['map.in', DEST],
      ['map.to.there', DEST],
      ['map.in', ONLY],
    ])
    return { events, sub: await subjectsOf(sub) }
  },

  'stream exports': async (bench) => {
    await using publisher = await bench.client('pub', { user: 'a' })
    await using own = await bench.client('own', { user: 'a' })
    await using sub = await bench.client('sub', { user: 'b' })
    await own.subscribe('st.x 1')
    await sub.subscribe('imp.st.* 1', 'sx.> 2', 'imp.st.q grp 3', 'renamed.* 4', 'sx.q grp 5')
    const events = await traced(bench, publisher, [
      ['st.x', DEST],
      ['sx.y', DEST],
      ['st.q', DEST],
      ['sr.z', DEST],
      ['sx.q', ONLY],
      ['st.x', ONLY],
    ])
    return { events, own: await subjectsOf(own), sub: await subjectsOf(sub) }
  },

  'service imports': async (bench) => {
    await using requester = await bench.client('req', { user: 'b' })
    await using service = await bench.client('svc', { user: 'c' })
    await using last = await bench.client('last', { user: 'd' })
    await requester.subscribe('inbox 1')
    await service.subscribe('svc.* 1')
    await last.subscribe('chain.two workers 1')
    const watched = { user: 'b' }
    const events = await traced(
      bench,
      requester,
      [
        ['local.open inbox', DEST],
        ['local.open', DEST],
        ['svc.shut inbox', DEST],
        ['chain.one inbox', DEST],
        ['local.open inbox', ONLY],
        ['svc.shut inbox', ONLY],
      ],
      watched,
    )
    await service.flush()
    const got = service.messages.map(({ headers }) => /Nats-Trace-Dest: \S+/.exec(headers)?.[0])
    return {
      events,
      got: got.map((text) => text?.slice(0, 20)),
      last: (await subjectsOf(last)).length,
    }
  },

  permissions: async (bench) => {
    await using few = await bench.client('few', { user: 'few' })
    await using none = await bench.client('none', { user: 'none' })
    await using deaf = await bench.client('deaf', { user: 'deaf' })
    await using sub = await bench.client('sub', { user: 'a' })
    await deaf.subscribe('> 1', '> grp 2')
    await sub.subscribe('ok.1 1', 'foo 2')
    const refused = await traced(bench, few, [
      ['ok.1', DEST],
      ['not.ok', DEST],
      ['ok.1 _R_.x', DEST],
      ['_GR_.x', DEST],
    ])
    const silent = await untraced(bench, none, [
      ['foo', DEST],
      ['foo', ONLY],
    ])
    await using publisher = await bench.client('pub', { user: 'a' })
    const denied = await traced(bench, publisher, [['deny.me', DEST]])
    return {
      ...{ refused, silent, denied, sub: await subjectsOf(sub) },
      ...{ few: few.errors, none: none.errors },
    }
  },

  'what is no trace': async (bench) => {
    await using publisher = await bench.client('pub', { user: 'a' })
    await using sub = await bench.client('sub', { user: 'a' })
    await sub.subscribe('foo 1')
    const events = await untraced(bench, publisher, [
      ['foo', { 'nats-trace-dest': 'tr.dest' }],
      ['foo', { 'Nats-Trace-Dest': 'trace disabled' }],
      ['foo', { 'Nats-Trace-Dest': 'not.*.valid', 'Nats-Trace-Only': 'true' }],
      ['foo', { ...DEST, 'Nats-Trace-Origin-Account': 'A' }],
      ['foo', { ...ONLY, 'Nats-Trace-Origin-Account': 'A' }],
      ['foo', SAMPLED],
      ['foo', { 'Nats-Trace-Only': 'true' }],
      ['foo', { 'X-Nats-Trace-Dest': 'tr.dest' }],
    ])
    return { events, sub: await subjectsOf(sub) }
  },

  traceparent: async (bench) => {
    await using publisher = await bench.client('pub', { user: 'b' })
    const watched = { user: 'b', dest: 'acc.trace' }
    const publishes: [string, Record<string, string>][] = [
      ['foo', SAMPLED],
      ['foo', { TraceParent: SAMPLED.traceparent }],
      ['foo', { ...SAMPLED, 'Nats-Trace-Only': 'true' }],
    ]
    const unsampled: [string, Record<string, string>][] = [
      ['foo', { traceparent: SAMPLED.traceparent.replace(/01$/, '00') }],
      ['foo', { traceparent: 'nonsense' }],
    ]
    for (const [to, headers] of unsampled) await publisher.publish(to, headers)
    return { events: await traced(bench, publisher, publishes, watched) }
  },

  compression: async (bench) => {
    await using watcher = await bench.client('watcher', { user: 'a' })
    await watcher.subscribe('tr.dest 1')
    await using publisher = await bench.client('pub', { user: 'a' })
    for (const accepted of ['gzip', 'identity, GZIP', 'zstd']) {
      await publisher.publish('foo', { ...DEST, 'Accept-Encoding': accepted })
    }
    const messages = await watcher.waitForMessages(3)
    const events = messages.map(({ headers, payload }) => {
      const text = headers.includes('gzip') ? gunzipSync(payload) : payload
      return [headers, normalEvent(text.toString())]
    })
    await publisher.publish('foo', { ...DEST, 'Accept-Encoding': 'snappy' })
    const { headers, payload } = (await watcher.waitForMessages(4)).at(-1)!
    return { events, snappy: [headers, payload.toString('latin1', 0, 10)] }
  },

  'a payload too large': async (bench) => {
    await using watcher = await bench.client('watcher', { user: 'a' })
    await watcher.subscribe('tr.dest 1')
    await using publisher = await bench.client('pub', { user: 'a' })
    const block = 'NATS/1.0\r\nNats-Trace-Dest: tr.dest\r\n\r\n'
    const total = block.length + 3000
    await publisher.raw.send(`HPUB foo ${block.length} ${total}\r\n${block}${'x'.repeat(100)}`)
    await publisher.raw.readUntilClose()
    return { events: normalEvents(await watcher.waitForMessages(1)), errors: publisher.errors }
  },
}

async function run(server: ServerProgram): Promise<Record<string, Outcome>> {
  await using process = await startServer(server, { config: CONFIG })
  const outcomes: Record<string, Outcome> = {}
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    outcomes[name] = await scenario({
      server: process,
      client: (client, options) => TraceClient.connect(process, { name: client, ...options }),
    })
  }
  return outcomes
}

const real = program('nats-server')
const sable = program('sable')

describe('traces on one server', { skip: skipReason(real) }, async () => {
  const expected = skipReason(real) === false ? run(real) : Promise.resolve({})
  const actual = expected.then(() => run(sable))
  for (const name of Object.keys(SCENARIOS)) {
    test(name, async () => {
      const wanted = (await expected) as Record<string, Outcome>
      const got = (await actual) as Record<string, Outcome>
      assert.notEqual(wanted[name], undefined)
      assert.deepEqual(got[name], wanted[name])
    })
  }
})
