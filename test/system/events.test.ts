import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { program } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { ACCOUNTS, BOTH_MISSING, EACH } from './each-server.ts'
import { masked, maskedText } from './masked.ts'
import { type Json, PeerClient } from './peer-client.ts'

const CONFIG = `${ACCOUNTS}
leafnodes { listen: 127.0.0.1:-1 }
authorization { timeout: 1 }
`

const AUTH_ERROR = '$SYS.ACCOUNT.CLIENT.AUTH.ERR'
/** A public account key; nobody has to own it, because nobody answers. */
const ISSUER = 'ACV5GYOL6AECRO2WFVJF6WJTRJ6IQPSRJZ2BEVM6V4RG3HV74I4ANM7Q'

/** What somebody in the system account hears of everything that can happen to connections. */
class Story {
  readonly told: [string, Json][] = []
  readonly #sys: PeerClient
  readonly #server: ServerProcess

  constructor(server: ServerProcess, sys: PeerClient) {
    this.#server = server
    this.#sys = sys
  }

  async #event(what: string, subject: string, fits: (event: Json) => boolean = () => true) {
    this.told.push([what, masked(await this.#sys.eventWhere(subject, fits))])
  }

  async tell(): Promise<void> {
    await this.#client()
    await this.#tooMany()
    await this.#strangers()
    await this.#leaf()
  }

  async #client(): Promise<void> {
    const { port } = this.#server
    const client = await PeerClient.as(port, 'a', { name: 'app', lang: 'go', version: '1.2' })
    await this.#event('connect', '$SYS.ACCOUNT.A.CONNECT')
    const counts = (event: Json) => event.conns === 1
    await this.#event('first connection', '$SYS.ACCOUNT.A.SERVER.CONNS', counts)
    await this.#event('the same, old subject', '$SYS.SERVER.ACCOUNT.A.CONNS', counts)
    await client.subscribe('x.>')
    await client.publish('x.1', 'hello')
    await client.flush()
    client.close()
    await this.#event('disconnect', '$SYS.ACCOUNT.A.DISCONNECT')
    const isLast = (event: Json) => event.conns === 0
    await this.#event('no connection', '$SYS.ACCOUNT.A.SERVER.CONNS', isLast)
  }

  async #tooMany(): Promise<void> {
    const { port } = this.#server
    const clients = await Promise.all([1, 2, 3].map(() => PeerClient.as(port, 'al')))
    const fourth = await PeerClient.open(port, { user: 'al', pass: 'p' })
    await fourth.raw.readUntilClose()
    await this.#event('too many', '$SYS.ACCOUNT.A.DISCONNECT')
    for (const client of clients) {
      client.close()
      await this.#sys.event('$SYS.ACCOUNT.A.DISCONNECT')
    }
  }

  async #strangers(): Promise<void> {
    const { port } = this.#server
    const authError = `$SYS.SERVER.${this.#sys.info.server_id}.CLIENT.AUTH.ERR`
    for (const members of [{ user: 'nobody', pass: 'x', name: 'bad' }, { auth_token: 'secret' }]) {
      const client = await PeerClient.open(port, members)
      await client.raw.readUntilClose()
      await this.#event('auth error', authError)
      await this.#event('its end', '$SYS.ACCOUNT.$G.DISCONNECT')
    }
    const eager = await RawClient.connect(port)
    await eager.send('PUB x 1\r\n\r\n')
    await eager.readUntilClose()
    await this.#event('no CONNECT first', authError)
    await this.#event('its end', '$SYS.ACCOUNT.$G.DISCONNECT')
    const gone = await RawClient.connect(port)
    await gone.readUntil('INFO')
    gone.close()
    await this.#event('gone without a word', '$SYS.ACCOUNT.$G.DISCONNECT')
    const mute = await RawClient.connect(port)
    await mute.readUntilClose()
    await this.#event('timeout', '$SYS.ACCOUNT.$G.DISCONNECT')
  }

  async #leaf(): Promise<void> {
    const { leafPort } = this.#server
    const connect = (members: object) =>
      `CONNECT ${JSON.stringify({ version: '2.15.0', name: 'leafy', server_id: 'L', ...members })}\r\n`
    const leaf = await RawClient.connect(leafPort)
    await leaf.readUntil('INFO')
    await leaf.send(`${connect({ user: 'al', pass: 'p' })}PING\r\n`)
    await leaf.readUntil('PONG')
    const isLeaf = (event: Json) => event.client.kind === 'Leafnode'
    await this.#event('leaf', '$SYS.ACCOUNT.A.CONNECT', isLeaf)
    const counts = (event: Json) => event.leafnodes === 1
    await this.#event('leaf counted', '$SYS.ACCOUNT.A.SERVER.CONNS', counts)
    leaf.close()
    await this.#event('leaf gone', '$SYS.ACCOUNT.A.DISCONNECT')
    const stranger = await RawClient.connect(leafPort)
    await stranger.readUntil('INFO')
    await stranger.send(connect({ user: 'al', pass: 'wrong' }))
    await stranger.readUntilClose()
    const authError = `$SYS.SERVER.${this.#sys.info.server_id}.CLIENT.AUTH.ERR`
    await this.#event('leaf refused', authError)
  }
}

describe('events of the system account', () => {
  test('are the same as of nats-server', { skip: BOTH_MISSING, timeout: 60_000 }, async () => {
    const stories = await Promise.all(
      EACH.map(async (name) => {
        const options = { config: CONFIG, leafListener: true }
        await using server = await startServer(program(name), options)
        await using sys = await PeerClient.as(server.port, 'sys')
        await sys.subscribe('$SYS.ACCOUNT.>')
        await sys.subscribe('$SYS.SERVER.>')
        const story = new Story(server, sys)
        await story.tell()
        return story.told
      }),
    )
    const [ours, theirs] = stories
    for (const [place, [what, event]] of theirs!.entries()) {
      assert.equal(maskedText(ours![place]![1]), maskedText(event), what)
    }
  })

  test('accounts hear of who was not let in', { skip: BOTH_MISSING, timeout: 60_000 }, async () => {
    const configs = [
      'authorization { users: [ { user: own, password: p } ] }',
      `accounts { AUTH: { users: [ { user: own, password: p } ] } }
       authorization {
         timeout: 1
         auth_callout { issuer: ${ISSUER}, account: AUTH, auth_users: [ own ] }
       }`,
    ]
    for (const config of configs) {
      const [ours, theirs] = await Promise.all(
        EACH.map(async (name) => {
          await using server = await startServer(program(name), {
            config: `server_name: n1\n${config}`,
          })
          await using own = await PeerClient.as(server.port, 'own')
          await own.subscribe(AUTH_ERROR)
          const stranger = await PeerClient.open(server.port, { user: 'x', pass: 'y', name: 'z' })
          await stranger.raw.readUntilClose()
          return maskedText(await own.event(AUTH_ERROR))
        }),
      )
      assert.equal(ours, theirs)
    }
  })

  test('of a server without users reach a hub', {
    skip: BOTH_MISSING,
    timeout: 60_000,
  }, async () => {
    const stories = await Promise.all(
      EACH.map(async (name) => {
        const config = `${ACCOUNTS}\nleafnodes { listen: 127.0.0.1:-1 }`
        await using hub = await startServer(program('sable'), { config, leafListener: true })
        await using sys = await PeerClient.as(hub.port, 'sys')
        await sys.subscribe('$SYS.ACCOUNT.$G.*')
        const url = (user: string) => `nats-leaf://${user}:p@127.0.0.1:${hub.leafPort}`
        await using spoke = await startServer(program(name), {
          config: `
            server_name: spoke
            leafnodes {
              reconnect: 1
              remotes: [ { url: "${url('sys')}", account: "$SYS" }, { url: "${url('al')}" } ]
            }`,
        })
        // Interest has to arrive there first.
        await sys.subscribe('links')
        const leafz: Json = await until('the links', async () => {
          const asked = JSON.stringify({ server_name: 'spoke' })
          await sys.publish('$SYS.REQ.SERVER.PING.LEAFZ', asked, 'links')
          await sys.flush()
          const answers = sys.pending('links').map(({ payload }) => JSON.parse(payload.toString()))
          return answers.find(({ data }) => data.leafnodes === 2)
        })
        const client = await PeerClient.connect(spoke.port, { name: 'app', user: 'anybody' })
        // That of the link itself may have come, too.
        const isClient = (event: Json) => event.client.kind === 'Client'
        const told = [await sys.eventWhere('$SYS.ACCOUNT.$G.CONNECT', isClient)]
        await client.publish('a', 'hello')
        await client.flush()
        client.close()
        told.push(await sys.event('$SYS.ACCOUNT.$G.DISCONNECT'))
        const id = leafz.server.id
        const link = leafz.data.leafs.find(({ account }: Json) => account === '$G')
        await sys.json(`$SYS.REQ.SERVER.${id}.KICK`, { cid: link.id })
        const gone = await sys.event('$SYS.ACCOUNT.$G.DISCONNECT')
        // Only there if the link has answered a PING by now.
        delete gone.client.rtt
        told.push(gone, await sys.event('$SYS.ACCOUNT.$G.CONNECT'))
        return told.map(maskedText)
      }),
    )
    assert.deepEqual(stories[0], stories[1])
  })

  for (const name of EACH) {
    const target = program(name)
    const skip = name === 'sable' ? false : BOTH_MISSING
    test(`${name}: tell the figures, and that it ends`, { skip, timeout: 60_000 }, async () => {
      await using server = await startServer(target, {
        config: `${ACCOUNTS}\nlame_duck_duration: "30s"\nlame_duck_grace_period: "20s"`,
      })
      await using sys = await PeerClient.as(server.port, 'sys')
      const id = sys.info.server_id
      await sys.subscribe('$SYS.SERVER.>')
      const { statsz } = await sys.event(`$SYS.SERVER.${id}.STATSZ`)
      assert.equal(statsz.connections, 1)
      assert.deepEqual(Object.keys(statsz), [
        'start',
        'mem',
        'cores',
        'cpu',
        'connections',
        'total_connections',
        'active_accounts',
        'subscriptions',
        'sent',
        'sent_to_clients',
        'received',
        'received_from_clients',
        'slow_consumers',
        'active_servers',
        'gomaxprocs',
      ])
      // Without a reply everybody is told, however lately that was.
      for (let i = 0; i < 2; i++) {
        await sys.publish('$SYS.REQ.SERVER.PING')
        await sys.event(`$SYS.SERVER.${id}.STATSZ`)
      }
      server.signal('SIGUSR2')
      assert.equal((await sys.event(`$SYS.SERVER.${id}.LAMEDUCK`)).id, id)
      // A lame duck ends in its own time otherwise.
      await server.stop('SIGINT')
    })
  }

  test('the end reaches who listens before the connection is closed', async () => {
    await using server = await startServer(program('sable'), { config: ACCOUNTS })
    const listeners = await Promise.all([1, 2, 3].map(() => PeerClient.as(server.port, 'sys')))
    const subject = `$SYS.SERVER.${listeners[0]!.info.server_id}.SHUTDOWN`
    for (const listener of listeners) await listener.subscribe(subject)
    server.signal('SIGINT')
    for (const listener of listeners) {
      assert.deepEqual(Object.keys(await listener.event(subject)).slice(0, 3), [
        'name',
        'host',
        'id',
      ])
      await listener.raw.readUntilClose()
    }
  })
})
