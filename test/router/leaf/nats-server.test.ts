import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeafSession } from '../../../src/router/leaf/leaf-session.ts'
import { program, skipReason } from '../../support/peers.ts'
import { RawClient } from '../../support/raw-client.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { until } from '../../support/wait.ts'
import { FakeBroker, hasLine } from './fake-broker.ts'
import { dial, type RealLink, RealListener } from './real-link.ts'

const PROGRAMS = ['nats-server', 'nats-server-2.10', 'nats-server-2.9'] as const
const LOOP = 'Loop detected for leafnode account="$G". Delaying attempt to reconnect for 30s'

const HUB = 'server_name: hub\nleafnodes { listen: "127.0.0.1:-1" }'

function leafOf(port: number, more = ''): string {
  return (
    `server_name: leaf\n${more}\n` +
    `leafnodes { reconnect: 1, remotes: [ { url: "nats-leaf://u:p@127.0.0.1:${port}" } ] }`
  )
}

/** What the server knows of its only leaf link; account services and loop subjects left out. */
async function subjectsOfLeaf(server: ServerProcess): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${server.monitorPort}/leafz?subs=1`)
  const { leafs } = (await answer.json()) as { leafs?: { subscriptions_list?: string[] }[] }
  return (leafs?.[0]?.subscriptions_list ?? []).filter((subject) => !subject.startsWith('$')).sort()
}

/** What the peer wants of us, without its account services and loop subject. */
function wanted(broker: FakeBroker, real: RealLink<LeafSession>): string[] {
  return broker.view(real.link).filter((key) => !key.startsWith('$'))
}

async function client(server: ServerProcess): Promise<RawClient> {
  const raw = await RawClient.connect(server.port)
  await raw.send('CONNECT {"verbose":false}\r\n')
  return raw
}

async function checkInterestBothWays(
  broker: FakeBroker,
  real: RealLink<LeafSession>,
  server: ServerProcess,
): Promise<void> {
  broker.change('later.*', undefined, 1)
  real.flush()
  await until('our interest at the server', async () => {
    const subjects = await subjectsOfLeaf(server)
    return subjects.join() === 'early,jobs,later.*'
  })
  const raw = await client(server)
  await raw.send('SUB news 1\r\nSUB jobs q 2\r\nSUB jobs q 3\r\nSUB $KV.b.> 4\r\nPING\r\n')
  await until(
    () => `interest of the server's client; there is ${broker.view(real.link)}`,
    () => wanted(broker, real).join() === 'jobs q 2,news',
  )
  await raw.send('PUB later.x 2\r\nhi\r\nPUB jobs 3\r\njob\r\nUNSUB 1\r\nUNSUB 3\r\nPING\r\n')
  await until('its end', () => wanted(broker, real).join() === 'jobs q 1')
  await until('the message', () => real.reader.messages.length > 0)
  assert.equal(real.reader.messages[0], 'LMSG later.x 2\r\nhi\r\n')
  broker.change('later.*', undefined, -1)
  broker.change('jobs', 'g', -1)
  real.flush()
  await until(
    'less interest at the server',
    async () => (await subjectsOfLeaf(server)).join() === 'early',
  )
  real.send('PING\r\n')
  await until('PONG', () => real.received.includes('PONG\r\n'))
  raw.close()
}

for (const name of PROGRAMS) {
  const peer = program(name)
  const options = { skip: skipReason(peer) }

  test(`a ${name} hub and this leaf exchange interest`, options, async () => {
    await using hub = await startServer(peer, {
      config: HUB,
      flags: ['-m', '-1', '-D'],
      leafListener: true,
    })
    const broker = new FakeBroker('us')
    broker.change('early', undefined, 1)
    broker.change('jobs', 'g', 1)
    broker.change('$KV.b.k', undefined, 1)
    const real = await dial(broker, hub.leafPort)
    await until('the handshake', () => broker.interest.announcedTo(real.session) !== undefined)
    await checkInterestBothWays(broker, real, hub)
    real.close()
    await until('the end of the link', () => real.session.isEnded)
    assert.deepEqual(broker.view(real.link), [])
    assert.doesNotMatch(hub.log, /\[ERR\]/)
  })

  test(`this hub and a ${name} leaf exchange interest`, options, async () => {
    const broker = new FakeBroker('us')
    broker.change('early', undefined, 1)
    broker.change('jobs', 'g', 1)
    broker.change('$KV.b.k', undefined, 1)
    const seen: string[] = []
    await using listener = new RealListener(broker, {
      authenticate: ({ user, pass }) => {
        seen.push(`${user}:${pass}`)
        return { ok: true }
      },
    })
    const config = leafOf(await listener.listen())
    await using leaf = await startServer(peer, { config, flags: ['-m', '-1', '-D'] })
    const real = await until('the handshake', () =>
      listener.links.find(({ session }) => broker.interest.announcedTo(session) !== undefined),
    )
    await checkInterestBothWays(broker, real, leaf)
    // A server that does not know of lame ducks in INFO passes over it.
    real.received = ''
    real.session.tellLameDuck()
    real.flush()
    real.send('PING\r\n')
    await until('PONG after INFO', () => real.received.includes('PONG\r\n'))
    assert.equal(real.session.isEnded, false)
    assert.deepEqual(seen, ['u:p'])
    assert.equal(real.link.peer?.name, 'leaf')
    assert.equal(real.link.peer?.cluster, 'leaf')
    assert.equal(real.link.peer?.headers, true)
    assert.match(leaf.log, /Leafnode connection created for account: \$G/)
    assert.doesNotMatch(leaf.log, /\[ERR\]/)
  })

  test(`${name} and this broker find the loop when they dial each other`, options, async () => {
    const broker = new FakeBroker('us')
    await using listener = new RealListener(broker)
    const config = `server_name: both
      leafnodes { listen: "127.0.0.1:-1", remotes: [ { url: "nats-leaf://127.0.0.1:${await listener.listen()}" } ] }`
    await using server = await startServer(peer, { config, leafListener: true })
    await until('the first link', () => broker.interest.size === 1)
    const back = await dial(broker, server.leafPort)
    await until('the loop', () => hasLine(broker.log, `ERR ${LOOP} - `))
    await until('its end', () => back.session.isEnded || listener.links[0]!.session.isEnded)
    back.flush()
    await until('the server to know', () => server.log.includes(LOOP))
    back.close()
  })

  test(`the client port of ${name} is recognised as the wrong port`, options, async () => {
    await using server = await startServer(peer)
    const broker = new FakeBroker('us')
    const real = await dial(broker, server.port)
    await until('the end of the link', () => real.session.isEnded)
    assert.equal(real.link.closedWith, 'incorrectPort')
    real.close()
  })

  test(`a ${name} leaf that is refused says why`, options, async () => {
    const broker = new FakeBroker('us')
    await using listener = new RealListener(broker, {
      authenticate: async () => ({ ok: false, why: 'authorization' }),
    })
    const config = leafOf(await listener.listen())
    await using leaf = await startServer(peer, { config })
    await until('the refusal', () => {
      for (const link of listener.links) link.flush()
      return leaf.log.includes("Leafnode Error 'Authorization Violation'")
    })
    assert.equal(broker.interest.size, 0)
  })

  test(
    `a ${name} leaf and hub of our own cluster name are refused on both sides`,
    options,
    async () => {
      const broker = new FakeBroker('us', undefined, { cluster: 'same' })
      await using listener = new RealListener(broker)
      const config = leafOf(await listener.listen(), 'cluster { name: same }')
      await using leaf = await startServer(peer, { config })
      const line = 'Leafnode connection dropped with same cluster name error'
      await until('the leaf to know', () => leaf.log.includes(line))

      let penaltyMs = -1
      await using hub = await startServer(peer, {
        config: `cluster { name: same }\n${HUB}`,
        leafListener: true,
      })
      const real = await dial(broker, hub.leafPort, {
        onEnd: ({ penaltyMs: penalty }) => {
          penaltyMs = penalty
        },
      })
      await until('the end of the link', () => real.session.isEnded)
      assert.equal(penaltyMs, 30_000)
    },
  )
}
