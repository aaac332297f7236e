import { setTimeout as delay } from 'node:timers/promises'
import { monotonicNs } from '../drivers/clock.ts'
import { Gate } from '../gate.ts'
import { freePorts, LOOPBACK, type PairCommands, startHub, startLeaf } from '../leaf-pair.ts'
import { LineConnection } from '../line-connection.ts'
import type { Measurement } from '../measurement.ts'
import { residentBytes } from '../process-usage.ts'
import type { LeafInterestScenario } from '../scenarios/types.ts'
import type { Server } from '../server-process.ts'
import { within } from '../within.ts'
import type { RunContext } from './context.ts'

const PHASE_MS_MAX = 30_000
/** Servers announce in an order of their own: the last of a sample is nearly the last of all. */
const SAMPLE_MAX = 200
/** Subscribed first and last: the ends, for servers that keep the order. */
const EDGE = 10
/** Between two looks at which subjects the hub knows. */
const SAMPLE_MS = 5
const NS_PER_MS = 1e6

/**
 * The leaf has its subscriptions before there is a link: its port of the hub is a gate, which is
 * opened once the hub has been looked at. The hub has the interest when a message published there
 * to each of a sample of subjects has arrived at the leaf; then one to each of all proves it.
 *
 * The time begins with the TCP connection, so the handshake is in it.
 */
export async function runLeafInterest(
  scenario: LeafInterestScenario,
  commands: PairCommands,
  context: RunContext,
): Promise<Measurement> {
  const count = context.subscriptions ?? scenario.subscriptions[context.size]
  const settleMs = scenario.settleMs[context.size]
  const [gatePort, hubLeafPort] = await freePorts(2)
  const gate = new Gate(LOOPBACK, gatePort!, hubLeafPort!)
  const servers: Server[] = []
  const clients: LineConnection[] = []
  try {
    const leaf = await startLeaf(commands.leaf, gatePort!)
    servers.push(leaf)
    const hub = await startHub(commands.hub, hubLeafPort!)
    servers.push(hub)
    const subscriber = await LineConnection.openClient(leaf.endpoint)
    clients.push(subscriber)
    const publisher = await LineConnection.openClient(hub.endpoint)
    clients.push(publisher)
    const audience = new Audience(subscriber, publisher)

    await limited(audience.subscribe(count), 'the leaf did not take the subscriptions')
    const before = await settledBytes(hub, settleMs)
    const startNs = await limited(gate.open(), 'the leaf did not dial the hub')
    const endNs = await limited(audience.reached(sampleOf(count)), 'interest is missing')
    const after = await settledBytes(hub, settleMs)
    await limited(audience.deliverToEach(count), 'interest is missing for good')

    const isKnown = before !== undefined && after !== undefined
    return {
      metrics: {
        interestMs: (endNs - startNs) / NS_PER_MS,
        interestBytes: isKnown ? (after - before) / count : undefined,
      },
      messages: count,
    }
  } finally {
    for (const client of clients) client.close()
    gate.close()
    await Promise.all(servers.map((server) => server.stop()))
  }
}

/** Subscriptions numbered from 0, the sid of each being its number, and who publishes to them. */
class Audience {
  readonly #subscriber: LineConnection
  readonly #publisher: LineConnection

  constructor(subscriber: LineConnection, publisher: LineConnection) {
    this.#subscriber = subscriber
    this.#publisher = publisher
  }

  async subscribe(count: number): Promise<void> {
    const lines = Array.from(
      { length: count },
      (_, index) => `SUB ${subjectOf(index)} ${index}\r\n`,
    )
    this.#subscriber.write(lines.join(''))
    await this.#subscriber.flush()
  }

  /** Publishes to the numbers again and again until each has had one; returns when the last had. */
  async reached(numbers: readonly number[]): Promise<number> {
    const missing = new Set(numbers)
    let lastNs = 0
    this.#subscriber.onLine = (line) => {
      if (missing.delete(numberOf(line)) && missing.size === 0) lastNs = monotonicNs()
    }
    while (missing.size > 0) {
      this.#publish([...missing])
      await this.#orFailure(delay(SAMPLE_MS))
    }
    return lastNs
  }

  /** Publishes to every number once; resolves when each has had its message. */
  async deliverToEach(count: number): Promise<void> {
    const missing = new Set(Array.from({ length: count }, (_, index) => index))
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#subscriber.onLine = (line) => {
      if (missing.delete(numberOf(line)) && missing.size === 0) resolve()
    }
    this.#publish([...missing])
    await this.#orFailure(promise)
  }

  #publish(numbers: readonly number[]): void {
    this.#publisher.write(numbers.map((index) => `PUB ${subjectOf(index)} 0\r\n\r\n`).join(''))
  }

  #orFailure<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#subscriber.failure, this.#publisher.failure])
  }
}

/** The ends, and numbers spread over the whole. */
export function sampleOf(count: number): readonly number[] {
  const step = Math.max(1, Math.floor(count / SAMPLE_MAX))
  const spread = Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step)
  const edges = Array.from({ length: Math.min(EDGE, count) }, (_, index) => count - 1 - index)
  return [...new Set([...spread, ...edges])]
}

function subjectOf(index: number): string {
  return `bench.interest.${index}`
}

/** Of the line of a message; NaN for the empty line that is its payload. */
function numberOf(line: string): number {
  const [, , sid] = line.split(' ', 3)
  return Number(sid)
}

async function settledBytes(server: Server, settleMs: number): Promise<number | undefined> {
  await delay(settleMs)
  return server.pid === undefined ? undefined : residentBytes(server.pid)
}

function limited<T>(promise: Promise<T>, reason: string): Promise<T> {
  return within(PHASE_MS_MAX, promise, () => `${reason} after ${PHASE_MS_MAX} ms`)
}
