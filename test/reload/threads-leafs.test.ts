import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachServer } from '../operator/each-server.ts'
import type { ServerProgram } from '../support/peers.ts'
import { until } from '../support/wait.ts'
import { type Client, Reloading } from './reloading.ts'

const TIMEOUT_MS = 60_000
const CREATED = /Leafnode connection created/g

function hubConfig(block = ''): string {
  return `leafnodes { listen: "127.0.0.1:-1"${block} }
accounts { A { users: [ { user: hub, password: h }, { user: leaf, password: l } ] } }`
}

function leafConfig(...remotes: string[]): string {
  return `leafnodes { reconnect: "100ms", remotes: [ ${remotes.join(', ')} ] }`
}

function remote(hub: Reloading, more = ''): string {
  return `{ urls: [ "nats://leaf:l@127.0.0.1:${hub.server.leafPort}" ]${more} }`
}

function linksMade({ server }: Reloading): number {
  return (server.log.match(CREATED) ?? []).length
}

/** A leaf and two hubs, of which one or the other is to have what is published at the leaf. */
class Triangle {
  readonly #publisher: Client
  readonly #subscribers: readonly Client[]
  #count = 0

  constructor(publisher: Client, ...subscribers: Client[]) {
    this.#publisher = publisher
    this.#subscribers = subscribers
  }

  /** Waits until exactly these hubs get what is published. */
  async reaches(...expected: readonly boolean[]): Promise<void> {
    let got: boolean[] = []
    await until(
      () => `messages to reach ${expected}, not ${got}`,
      async () => {
        got = await this.#publish()
        return got.every((has, hub) => has === expected[hub]) || undefined
      },
    )
  }

  async #publish(): Promise<boolean[]> {
    const subject = `m.${++this.#count}`
    await this.#publisher.say(`PUB ${subject} 1`, 'x')
    const heard: string[] = []
    for (const subscriber of this.#subscribers) heard.push(await subscriber.say())
    return heard.map((text) => text.includes(`MSG ${subject} `))
  }
}

eachServer('reload, leaf links', (program) => {
  it('remotes come, go and change', { timeout: TIMEOUT_MS }, () => remotesChange(program))
})

async function remotesChange(program: ServerProgram): Promise<void> {
  await using one = await Reloading.start(program, hubConfig(), true)
  await using two = await Reloading.start(program, hubConfig(), true)
  await using leaf = await Reloading.start(program, leafConfig(remote(one)))
  const login = { user: 'hub', pass: 'h' }
  const triangle = new Triangle(
    await leaf.client({}),
    await one.client(login, 'SUB m.> 1'),
    await two.client(login, 'SUB m.> 1'),
  )
  await triangle.reaches(true, false)

  // A second one, which leaves the first alone.
  const before = linksMade(one)
  await leaf.reload(leafConfig(remote(one), remote(two)))
  await triangle.reaches(true, true)
  assert.equal(linksMade(one), before)

  await leaf.reload(leafConfig(remote(two), remote(one, ', disabled: true')))
  await triangle.reaches(false, true)
  await leaf.reload(leafConfig(remote(one)))
  await triangle.reaches(true, false)
  await leaf.reload(leafConfig(remote(one), remote(two, ', disabled: true')))
  await triangle.reaches(true, false)
  await leaf.reload(leafConfig(remote(two), remote(one)))
  await triangle.reaches(true, true)

  // Compression: only what has to be agreed anew makes a new link.
  const agreed = linksMade(one)
  await leaf.reload(leafConfig(remote(two), remote(one, ', compression: s2_best')))
  await triangle.reaches(true, true)
  assert.equal(linksMade(one), agreed)
  await leaf.reload(leafConfig(remote(two), remote(one, ', compression: off')))
  await until('a link without compression', () => linksMade(one) > agreed)
  await triangle.reaches(true, true)
  const plain = linksMade(one)
  const other = linksMade(two)
  await one.reload(hubConfig(', compression: off'))
  await two.reload(hubConfig(', compression: off'))
  await until('another link without compression', () => linksMade(two) > other)
  await triangle.reaches(true, true)
  assert.equal(linksMade(one), plain)

  // A user that is gone keeps its link with nats-server until that ends; not here.
  await one.reload(hubConfig(', compression: off').replace(', { user: leaf, password: l }', ''))
  await triangle.reaches(program.name !== 'sable', true)
}
