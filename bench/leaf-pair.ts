import { randomUUID } from 'node:crypto'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Endpoint } from './drivers/tasks.ts'
import { LineConnection } from './line-connection.ts'
import type { LeafLink } from './scenarios/types.ts'
import { type Server, startServer } from './server-process.ts'
import type { Site } from './site.ts'
import { within } from './within.ts'

export const LOOPBACK = '127.0.0.1'

/** A leaf that finds no hub at first tries again after a second or two. */
const LINK_MS_MAX = 10_000
const PROBE_MS = 2

type Compression = LeafLink['compression']

/** Programs and arguments of the two ends. */
export interface PairCommands {
  readonly hub: readonly string[]
  readonly leaf: readonly string[]
}

/**
 * Starts a hub and a leaf, and waits until a message has crossed the link each way.
 *
 * @throws Error when a server does not start, or no link comes up
 */
export async function startLeafPair(commands: PairCommands, link: LeafLink): Promise<Site> {
  const [port] = await freePorts(1)
  const hub = await startHub(commands.hub, port!, link.compression)
  let leaf: Server | undefined
  const stop = async (): Promise<void> => {
    await Promise.all([leaf?.stop(), hub.stop()])
  }
  try {
    leaf = await startLeaf(commands.leaf, port!, link.compression)
    const ends = { hub: hub.endpoint, leaf: leaf.endpoint }
    const settle = async (): Promise<void> => {
      await crossInterest(ends.hub, ends.leaf)
      await crossInterest(ends.leaf, ends.hub)
    }
    await settle()
    const { publishersOn } = link
    const publishAt = ends[publishersOn]
    const subscribeAt = ends[publishersOn === 'leaf' ? 'hub' : 'leaf']
    return { publishAt, subscribeAt, pids: [hub.pid, leaf.pid], settle, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A server that accepts leafs on the port. */
export function startHub(
  command: readonly string[],
  leafPort: number,
  compression: Compression = 'default',
): Promise<Server> {
  return startEnd(command, compression, (options) => hubConfig(leafPort, options))
}

/** A server that dials a hub on the port. */
export function startLeaf(
  command: readonly string[],
  hubLeafPort: number,
  compression: Compression = 'default',
): Promise<Server> {
  return startEnd(command, compression, (options) => leafConfig(hubLeafPort, options))
}

/** Servers older than the option do not compress, and refuse its name. */
async function startEnd(
  command: readonly string[],
  compression: Compression,
  configOf: (options: string) => string,
): Promise<Server> {
  if (compression === 'off') {
    try {
      return await startServer(command, configOf('compression: off'))
    } catch (error) {
      if (!/unknown field "compression"/.test(String(error))) throw error
    }
  }
  return startServer(command, configOf(''))
}

function hubConfig(port: number, options: string): string {
  return `leafnodes {
  host: ${LOOPBACK}
  port: ${port}
  ${options}
}
`
}

function leafConfig(port: number, options: string): string {
  return `leafnodes {
  reconnect: 1
  remotes: [
    {
      url: "nats-leaf://${LOOPBACK}:${port}"
      ${options}
    }
  ]
}
`
}

/**
 * Different ports that are free now. Leaf ports are not in the ports file of every server, so they
 * are chosen here.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => net.createServer())
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((resolve, reject) => {
          server.once('error', reject).listen(0, LOOPBACK, resolve)
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/**
 * Resolves when a subscription made now at one end is known at the other, by a message that went
 * there and arrived. A link tells interest in order, so what was subscribed before is known too,
 * if the link was up then.
 */
async function crossInterest(subscribeAt: Endpoint, publishAt: Endpoint): Promise<void> {
  const subscriber = await LineConnection.openClient(subscribeAt)
  try {
    const publisher = await LineConnection.openClient(publishAt)
    try {
      await within(LINK_MS_MAX, probe(subscriber, publisher), () => 'the leaf link is not up')
    } finally {
      publisher.close()
    }
  } finally {
    subscriber.close()
  }
}

async function probe(subscriber: LineConnection, publisher: LineConnection): Promise<void> {
  const subject = `bench.probe.${randomUUID()}`
  let hasArrived = false
  subscriber.onLine = (line) => {
    hasArrived ||= line.startsWith(`MSG ${subject} `)
  }
  subscriber.write(`SUB ${subject} 1\r\n`)
  await subscriber.flush()
  while (!hasArrived) {
    publisher.write(`PUB ${subject} 0\r\n\r\n`)
    await Promise.race([delay(PROBE_MS), publisher.failure, subscriber.failure])
  }
}
