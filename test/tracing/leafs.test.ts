/** Traces that go on over leaf links, between nats-server and Sable in all combinations. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { program, type ServerProgram, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { TraceClient } from './trace-client.ts'
import { normalEvents } from './trace-events.ts'

const DEST = { 'Nats-Trace-Dest': 'tr.dest' }
const ONLY = { ...DEST, 'Nats-Trace-Only': 'true' }
const PARENT = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }

function hubConfig(): string {
  return `
server_name: hub
leafnodes { listen: "127.0.0.1:-1" }
accounts {
  A {
    users: [ { user: a, password: p }, { user: leaf, password: p }
      { user: kept, password: p, permissions: { subscribe: { deny: "kept.*" }, publish: ">" } } ]
    mappings: { "map.in": "far.mapped" }
    exports: [ { service: "svc.*", allow_trace: true } ]
    msg_trace: { dest: "acc.trace", sampling: 100 }
  }
  B {
    users: [ { user: b, password: p } ]
    imports: [ { service: { account: A, subject: "svc.far" } } ]
  }
}
`
}

function leafConfig(hub: ServerProcess, user: string): string {
  return `
server_name: ${user === 'leaf' ? 'spoke' : user}
leafnodes { remotes: [ { url: "nats-leaf://${user}:p@127.0.0.1:${hub.leafPort}" } ] }
`
}

interface Pair {
  readonly hub: ServerProcess
  readonly spoke: ServerProcess
}

type Outcome = Record<string, unknown>
type Scenario = (pair: Pair) => Promise<Outcome>

async function subjectsOf(client: TraceClient): Promise<string[]> {
  await client.flush()
  return client.messages.map(({ subject, sid }) => `${subject} ${sid}`).sort()
}

/** Interest made on one side is known on the other once a message gets across. */
async function awaitInterest(from: TraceClient, to: TraceClient, subject: string): Promise<void> {
  const before = to.messages.length
  await until('interest to cross the link', async () => {
    await from.publish(subject, { Probe: '1' })
    await to.flush()
    return to.messages.length > before
  })
  // What is still under way comes before what is sent from now on.
  await to.flush()
}

/** Publishes, and waits for all events of both servers. */
async function traced(
  publisher: TraceClient,
  watcher: TraceClient,
  publishes: readonly (readonly [to: string, headers: Record<string, string>, events: number])[],
): Promise<string[]> {
  const all: string[] = []
  for (const [to, headers, events] of publishes) {
    const before = watcher.messages.length
    await publisher.publish(to, headers)
    const messages = await watcher.waitForMessages(before + events)
    all.push(...normalEvents(messages.slice(before)))
  }
  return all
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'from the hub to the spoke': async ({ hub, spoke }) => {
    await using watcher = await TraceClient.connect(hub, { name: 'watcher', user: 'a' })
    await using publisher = await TraceClient.connect(hub, { name: 'pub', user: 'a' })
    await using near = await TraceClient.connect(hub, { name: 'near', user: 'a' })
    await using far = await TraceClient.connect(spoke, { name: 'far' })
    await near.subscribe('far.both 1')
    await far.subscribe('far.> 1', 'far.q grp 2')
    await watcher.subscribe('tr.dest 1')
    await awaitInterest(publisher, far, 'far.probe')
    const events = await traced(publisher, watcher, [
      ['far.one', DEST, 2],
      ['far.both', DEST, 2],
      ['far.q', DEST, 2],
      ['map.in', DEST, 2],
      ['far.one', ONLY, 2],
      ['nobody', DEST, 1],
    ])
    const got = (await subjectsOf(far)).filter((text) => !text.startsWith('far.probe'))
    return { events, got, near: await subjectsOf(near) }
  },

  'from the spoke to the hub': async ({ hub, spoke }) => {
    await using watcher = await TraceClient.connect(spoke, { name: 'watcher' })
    await using publisher = await TraceClient.connect(spoke, { name: 'pub' })
    await using far = await TraceClient.connect(hub, { name: 'far', user: 'a' })
    await far.subscribe('up.> 1', 'up.q grp 2')
    await watcher.subscribe('tr.dest 1')
    await awaitInterest(publisher, far, 'up.probe')
    const events = await traced(publisher, watcher, [
      ['up.one', DEST, 2],
      ['up.q', DEST, 2],
      ['up.one', ONLY, 2],
    ])
    return { events, got: (await subjectsOf(far)).filter((text) => !text.startsWith('up.probe')) }
  },

  'with a service at the spoke': async ({ hub, spoke }) => {
    await using watcher = await TraceClient.connect(hub, { name: 'watcher', user: 'b' })
    await using requester = await TraceClient.connect(hub, { name: 'req', user: 'b' })
    await using prober = await TraceClient.connect(hub, { name: 'probe', user: 'a' })
    await using far = await TraceClient.connect(spoke, { name: 'far' })
    await far.subscribe('svc.far 1')
    await watcher.subscribe('tr.dest 1')
    await requester.subscribe('inbox 1')
    await awaitInterest(prober, far, 'svc.far')
    const events = await traced(requester, watcher, [
      ['svc.far inbox', DEST, 2],
      ['svc.far inbox', ONLY, 2],
    ])
    return { events }
  },

  'by traceparent at the hub': async ({ hub, spoke }) => {
    await using watcher = await TraceClient.connect(hub, { name: 'watcher', user: 'a' })
    await using prober = await TraceClient.connect(spoke, { name: 'probe' })
    await using publisher = await TraceClient.connect(spoke, { name: 'pub' })
    await using far = await TraceClient.connect(hub, { name: 'far', user: 'a' })
    await far.subscribe('par.> 1')
    await watcher.subscribe('acc.trace 1')
    await awaitInterest(prober, far, 'par.probe')
    return { events: await traced(publisher, watcher, [['par.one', PARENT, 1]]) }
  },
}

/** A spoke that may not have everything, of a release that knows no traces. */
async function toOldSpoke(hubProgram: ServerProgram): Promise<Outcome> {
  await using hub = await startServer(hubProgram, { config: hubConfig(), leafListener: true })
  await using spoke = await startServer(old, { config: leafConfig(hub, 'kept') })
  await using watcher = await TraceClient.connect(hub, { name: 'watcher', user: 'a' })
  await using publisher = await TraceClient.connect(hub, { name: 'pub', user: 'a' })
  await using far = await TraceClient.connect(spoke, { name: 'far' })
  await far.subscribe('> 1')
  await watcher.subscribe('tr.dest 1')
  await awaitInterest(publisher, far, 'far.probe')
  const events = await traced(publisher, watcher, [
    ['far.one', DEST, 1],
    ['far.one', ONLY, 1],
    ['kept.one', DEST, 1],
  ])
  await publisher.publish('far.last', {})
  await far.raw.readUntil('far.last')
  const got = (await subjectsOf(far)).filter((text) => /^(far.one|kept)/.test(text))
  return { events, got }
}

async function run(hubProgram: ServerProgram, spokeProgram: ServerProgram) {
  await using hub = await startServer(hubProgram, { config: hubConfig(), leafListener: true })
  await using spoke = await startServer(spokeProgram, { config: leafConfig(hub, 'leaf') })
  const outcomes: Record<string, Outcome> = {}
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    outcomes[name] = await scenario({ hub, spoke })
  }
  return outcomes
}

const real = program('nats-server')
const old = program('nats-server-2.10')
const sable = program('sable')
const PAIRS = [
  [sable, real],
  [real, sable],
  [sable, sable],
] as const

describe('traces over a leaf link', { skip: skipReason(real) }, async () => {
  const expected = skipReason(real) === false ? run(real, real) : Promise.resolve({})
  for (const [hub, spoke] of PAIRS) {
    test(`hub ${hub.name}, spoke ${spoke.name}`, async (t) => {
      const wanted = (await expected) as Record<string, Outcome>
      const got = (await run(hub, spoke)) as Record<string, Outcome>
      for (const name of Object.keys(SCENARIOS)) {
        await t.test(name, () => assert.deepEqual(got[name], wanted[name]))
      }
    })
  }
})

describe('traces towards a server that knows none', { skip: skipReason(real, old) }, () => {
  test('from nats-server and from Sable', async () => {
    assert.deepEqual(await toOldSpoke(sable), await toOldSpoke(real))
  })
})
