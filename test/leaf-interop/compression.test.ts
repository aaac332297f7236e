import assert from 'node:assert/strict'
import { CLASSIC } from '../support/client-libraries.ts'
import { Collector } from '../support/collector.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { sleep, until } from '../support/wait.ts'
import { crossInterest, crossMessages } from './cross.ts'
import { exchange } from './exchange.ts'
import { startTelling, type TellingServer } from './link-facts.ts'
import { eachPairOfEveryRelease, type Pair } from './pairs.ts'

/** Thresholds no round trip on this machine comes near. */
const AUTO = '{ mode: s2_auto, rtt_thresholds: ["10s", "20s", "30s"] }'
const MODES = [
  'off',
  'accept',
  's2_auto',
  's2_fast',
  's2_better',
  's2_best',
  'not_supported',
] as const
type Mode = (typeof MODES)[number]

const old = ({ hub, leaf }: Pair): string | false => {
  const found = [hub, leaf].find(({ name }) => name === 'nats-server-2.9')
  return found !== undefined && `${found.name} knows no compression`
}

const settingOf = (mode: Mode) => (mode === 's2_auto' ? AUTO : mode)

function hubConfig(mode: Mode, leafPort: number): string {
  return `
    server_name: "hub-${mode}"
    leafnodes { host: 127.0.0.1, port: ${leafPort}, compression: ${settingOf(mode)} }
  `
}

function leafConfig(mode: Mode, leafPort: number): string {
  return `
    server_name: "leaf-${mode}"
    leafnodes {
      reconnect: "50ms"
      remotes: [ { url: "nats-leaf://127.0.0.1:${leafPort}", compression: ${settingOf(mode)} } ]
    }
  `
}

/** What a side with the mode `own` comes to, with a peer of the mode `peer`. */
function settled(own: Mode, peer: Mode): string {
  if (own === 'not_supported' || peer === 'not_supported') return 'not supported'
  if (own === 'off' || peer === 'off') return 'off'
  const shown = (mode: Mode) => (mode === 's2_auto' ? 's2_uncompressed' : mode)
  if (own !== 'accept') return shown(own)
  if (peer === 'accept') return 'off'
  return peer === 's2_auto' ? 's2_fast' : peer
}

eachPairOfEveryRelease('compression of leaf links', (check) => {
  check(
    'every mode with every other: what both ends say of it',
    async ({ pair }) => {
      await using servers = new AsyncDisposableStack()
      const first = await startTelling(pair.hub, hubConfig('off', -1), true)
      const { leafPort } = first
      await first[Symbol.asyncDispose]()
      const leafs = await Promise.all(
        MODES.map(async (mode) => {
          const server = await startTelling(pair.leaf, leafConfig(mode, leafPort), false)
          return { mode, server: servers.use(server) }
        }),
      )
      for (const mode of MODES) {
        await using hub = await startTelling(pair.hub, hubConfig(mode, leafPort), true)
        const seen = Object.fromEntries(MODES.map((leaf) => [`leaf-${leaf}`, settled(mode, leaf)]))
        await Promise.all([
          saysOfLinks(hub, seen),
          ...leafs.map(({ mode: leaf, server }) =>
            saysOfLinks(server, { [`hub-${mode}`]: settled(leaf, mode) }),
          ),
        ])
      }
    },
    old,
  )

  check(
    'messages of all sizes in every mode, and fewer bytes on the wire',
    async (bench) => {
      for (const mode of ['s2_fast', 's2_better', 's2_best', 'off'] as const) {
        const hub = await bench.startHub({ leafnodes: `compression: ${mode}` })
        await using proxy = await FaultProxy.start(hub.leafPort)
        const leaf = await bench.startLeaf(proxy.port, { remote: `compression: ${mode}` })
        const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
        await exchange(atHub, atLeaf)
        const seen = [new Collector(atHub, 'up'), new Collector(atLeaf, 'down')]
        await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
        const before = { ...proxy.readBytes }
        const text = Array.from({ length: 500 }, (_, at) => `{"number":${at}}`).join(',')
        for (let i = 0; i < 100; i += 1) {
          atLeaf.publish('up', text)
          atHub.publish('down', text)
        }
        await Promise.all([crossMessages(atHub, atLeaf), crossMessages(atLeaf, atHub)])
        assert.ok(
          seen.every(({ texts }) => texts.length === 100 && texts.every((one) => one === text)),
        )
        const payload = 100 * text.length
        for (const direction of ['up', 'down'] as const) {
          const share = (proxy.readBytes[direction] - before[direction]) / payload
          const isSmall = share <= 0.8
          assert.equal(isSmall, mode !== 'off', `${mode}: ${share} of the payload ${direction}`)
        }
      }
    },
    old,
  )

  check(
    '100,000 small messages both ways, in order',
    async (bench) => {
      const hub = await bench.startHub({ leafnodes: 'compression: s2_fast' })
      const leaf = await bench.startLeaf(hub.leafPort, { remote: 'compression: s2_better' })
      const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
      const count = 100_000
      const batch = 2_000
      const ends = [
        { from: atLeaf, to: atHub, subject: 'up' },
        { from: atHub, to: atLeaf, subject: 'down' },
      ]
      const arrivals = ends.map(({ to, subject }) => {
        const arrived = { count: 0, wrong: 0 }
        to.subscribe(subject, {
          callback: (_, { data }) => {
            if (Buffer.from(data).toString('latin1') !== String(arrived.count)) arrived.wrong += 1
            arrived.count += 1
          },
        })
        return arrived
      })
      await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
      for (let start = 0; start < count; start += batch) {
        for (const { from, subject } of ends) {
          for (let i = start; i < start + batch; i += 1) from.publish(subject, String(i))
        }
        await Promise.all(ends.map(({ from }) => from.flush()))
      }
      const what = () => `all messages, ${JSON.stringify(arrivals)}`
      await until(what, () => arrivals.every((arrived) => arrived.count >= count), 30_000)
      assert.deepEqual(arrivals, [
        { count, wrong: 0 },
        { count, wrong: 0 },
      ])
    },
    old,
  )

  check(
    'a compressed link outlives the time for the login',
    async (bench) => {
      const hub = await bench.startHub({
        leafnodes: 'authorization { timeout: 0.5 }, compression: s2_fast',
      })
      const leaf = await bench.startLeaf(hub.leafPort, { remote: 'compression: s2_fast' })
      const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
      await crossInterest(atHub, atLeaf)
      await sleep(1000)
      await exchange(atHub, atLeaf)
      assert.doesNotMatch(hub.log + leaf.log, /Authentication Timeout|connection closed/)
    },
    old,
  )

  check(
    's2_auto follows the round trip',
    async ({ pair }) => {
      const pings = 'ping_interval: "500ms"\nping_max: 50'
      const auto = 'compression: { mode: s2_auto, rtt_thresholds: ["150ms", "350ms", "450ms"] }'
      await using hub = await startTelling(
        pair.hub,
        `server_name: hub\n${pings}\nleafnodes { host: 127.0.0.1, port: -1, ${auto} }`,
        true,
      )
      await using proxy = await FaultProxy.start(hub.leafPort)
      await using leaf = await startTelling(
        pair.leaf,
        `server_name: leaf\n${pings}
       leafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:${proxy.port}", ${auto} } ] }`,
        false,
      )
      for (const [eachWayMs, level] of [
        [0, 'uncompressed'],
        [110, 'fast'],
        [200, 'better'],
        [0, 'uncompressed'],
      ] as const) {
        proxy.delayMs = { up: eachWayMs, down: eachWayMs }
        // The hub measures once, because it has no need of PINGs while its leaf sends them.
        await saysOfLinks(leaf, { hub: `s2_${level}` })
      }
      await using connections = new AsyncDisposableStack()
      const [atHub, atLeaf] = await Promise.all(
        [hub, leaf].map(async ({ port }) => {
          const connection = await CLASSIC.connect({ servers: `nats://127.0.0.1:${port}` })
          return connections.adopt(connection, (one) => one.close())
        }),
      )
      assert.ok(atHub !== undefined && atLeaf !== undefined)
      await exchange(atHub, atLeaf)
    },
    old,
  )
})

/** Waits until a server has exactly these links, by the name of the other end. */
async function saysOfLinks(server: TellingServer, wanted: Readonly<Record<string, string>>) {
  let seen: unknown
  await until(
    () => `links ${JSON.stringify(wanted)}; there are ${JSON.stringify(seen)}`,
    async () => {
      const links = await server.links()
      const found = Object.fromEntries(links.map(({ name, compression }) => [name, compression]))
      seen = found
      const names = Object.keys(wanted)
      return (
        Object.keys(found).length === names.length &&
        names.every((name) => found[name] === wanted[name])
      )
    },
    15_000,
  )
}
