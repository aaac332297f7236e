import { DriverGroup, type DriverPlan } from '../driver-group.ts'
import { FlowControl, type FlowLayout, type Receiver } from '../drivers/flow-control.ts'
import type { SubscriberPlan, ThroughputCommand, ThroughputPhase } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { startCpuMeter } from '../process-usage.ts'
import { BLOCK_BYTES, type BlockLimits, type Publication } from '../publish-block.ts'
import { WINDOW_BYTES } from '../scenarios/amounts.ts'
import type { Amount, Size, ThroughputScenario } from '../scenarios/types.ts'
import type { Site } from '../site.ts'
import type { Wire } from '../wire.ts'
import { amountsOf, type RunContext } from './context.ts'

/**
 * Without a message more or less for so long, some are lost: nothing here waits for more than a
 * window.
 */
const STALL_MS = 10_000

/** Copies of messages under way, of all receivers together: servers may have to keep them all. */
const COPIES_BYTES_MAX = 10 * WINDOW_BYTES

/** A window is at least so many blocks. */
const WINDOW_BLOCKS = 4

const QUEUE = 'bench'

type Group = DriverGroup<ThroughputCommand, ThroughputPhase>

/**
 * Warm-up, then the measured phase, on the same connections. Every message published must arrive,
 * in order, at every subscriber: by count, by sequence number, and by hash.
 *
 * @throws Error when that is not so, or a connection fails, or a phase does not end
 */
export async function runThroughput(
  scenario: ThroughputScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const load = await ThroughputLoad.open(scenario, site, context, [warmup, measured])
  try {
    await site.settle()
    await load.run(warmup)
    const phase = await load.run(measured)
    const hash = await load.hash()
    const { published, cpuNs, generatorBusy } = phase
    return {
      metrics: {
        ...rates(scenario, phase),
        cpuNsPerMessage: cpuNs === undefined ? undefined : cpuNs / published,
      },
      hash,
      messages: published,
      generatorBusy,
    }
  } finally {
    await load.end()
  }
}

/** One phase, all drivers together. */
export interface PhaseFigures {
  readonly published: number
  readonly publishedPerSecond: number
  readonly deliveredPerSecond: number
  /** Processor time of the servers; undefined when not known. */
  readonly cpuNs: number | undefined
  readonly generatorBusy: number
}

/** What the workload of a throughput scenario is made of. */
export type ThroughputShape = Pick<
  ThroughputScenario,
  | 'publishers'
  | 'subscribers'
  | 'audience'
  | 'subject'
  | 'queue'
  | 'subscribePrefix'
  | 'subjects'
  | 'payloadBytes'
  | 'headerBytes'
>

/** Publishers and subscribers on their connections, run phase after phase. */
export class ThroughputLoad {
  readonly #site: Site
  readonly #group: Group
  readonly #layout: Layout
  readonly #flow: FlowControl
  #phase = 0
  /** Of all phases. */
  #received = 0

  private constructor(site: Site, group: Group, layout: Layout, flow: FlowControl) {
    this.#site = site
    this.#group = group
    this.#layout = layout
    this.#flow = flow
  }

  /** @param amounts of the phases that are going to be run */
  static async open(
    shape: ThroughputShape,
    site: Site,
    context: RunContext,
    amounts: readonly Amount[],
  ): Promise<ThroughputLoad> {
    const layout = layOut(shape, context.size, site.publishAt.wire)
    const blockMessagesMax = Math.min(...amounts.map(({ messages }) => messages ?? Infinity))
    const counts = FlowControl.allocate(layout.flow)
    const plans = planDrivers(layout, site, context, counts, blockMessagesMax)
    const group: Group = await DriverGroup.open(context.pool, plans)
    return new ThroughputLoad(site, group, layout, new FlowControl(counts, layout.flow))
  }

  /** @throws Error when not all messages of the phase arrive once, as they were published */
  async run(amount: Amount): Promise<PhaseFigures> {
    const cpu = await startCpuMeter(this.#site.pids)
    const phases = await this.#command({ ...amount, wantsHashes: false })
    const cpuNs = await cpu.readNs()
    const published = total(phases, (phase) => phase.published)
    const received = total(phases, (phase) => phase.received)
    const expected = this.#expected() - this.#received
    this.#received += received
    if (received !== expected) {
      throw new Error(`messages lost or doubled: received=${received} expected=${expected}`)
    }
    const elapsedNs =
      Math.max(...phases.map(({ endNs }) => endNs)) -
      Math.min(...phases.map(({ startNs }) => startNs))
    return {
      published,
      publishedPerSecond: (published * 1e9) / elapsedNs,
      deliveredPerSecond: (received * 1e9) / elapsedNs,
      cpuNs,
      generatorBusy: Math.max(...phases.map((phase) => phase.cpuNs)) / elapsedNs,
    }
  }

  /**
   * The subscribers' hashes of all phases folded into one, in hexadecimal.
   *
   * @throws Error when one is not that of what was published
   */
  async hash(): Promise<string | undefined> {
    return verify(await this.#command({ messages: 0, durationMs: 0, wantsHashes: true }))
  }

  async end(): Promise<void> {
    await this.#group.end()
  }

  #command(command: Omit<ThroughputCommand, 'phase'>): Promise<ThroughputPhase[]> {
    this.#phase += 1
    const describe = (): string => `run is stuck: ${this.#describe()}`
    return this.#group.run({ ...command, phase: this.#phase }, STALL_MS, describe)
  }

  /** Messages that all receivers together must have got. */
  #expected(): number {
    const published = (stream: number): number => this.#flow.published(stream)
    const { receivers } = this.#layout.flow
    return total(receivers, ({ streams }) => total(streams, published))
  }

  #describe(): string {
    const { publications, flow } = this.#layout
    const published = publications.map(({ stream }) => this.#flow.published(stream))
    const received = Array.from({ length: flow.subscriberCount }, (_, subscriber) =>
      this.#flow.received(subscriber),
    )
    return `published=${published.join('/')} received=${received.join('/')}`
  }
}

/** The time ends with the last arrival, so with one copy of each both rates are the same. */
function rates(
  { link }: ThroughputScenario,
  { publishedPerSecond, deliveredPerSecond }: PhaseFigures,
): Measurement['metrics'] {
  if (link !== undefined) return { deliveredPerSecond }
  if (deliveredPerSecond <= publishedPerSecond) return { publishedPerSecond }
  return { publishedPerSecond, deliveredPerSecond }
}

interface Layout {
  readonly publications: readonly Publication[]
  readonly subscribers: readonly SubscriberPlan[]
  readonly flow: FlowLayout
}

export function layOut(shape: ThroughputShape, size: Size, wire?: Wire): Layout {
  const { publishers, subjects, payloadBytes, headerBytes, audience = 'own' } = shape
  const count = shape.subscribers[size]
  const publications = Array.from({ length: publishers }, (_, stream) => ({
    stream,
    subject: shape.subject ?? `bench.${stream}`,
    payloadBytes,
    wire,
    ...(subjects === undefined ? {} : { subjects }),
    ...(headerBytes === undefined ? {} : { headerBytes }),
  }))
  const all = publications.map(({ stream }) => stream)
  const receivers = receiversOf(audience, all, count)
  const prefix = shape.subscribePrefix ?? ''
  const subscribers = receivers.flatMap(({ streams, subscribers: members }, receiver) =>
    members.map((subscriber) => ({
      subscriber,
      receiver,
      subject: `${prefix}${shape.subject ?? ownSubject(streams)}${subjects ? '.*' : ''}`,
      ...(audience === 'queue' ? { queue: shape.queue ?? QUEUE } : {}),
    })),
  )
  const flow = { streamCount: publishers, subscriberCount: subscribers.length, receivers }
  return { publications, subscribers, flow }
}

function ownSubject(streams: readonly number[]): string {
  return `bench.${streams.length > 1 ? '*' : streams[0]}`
}

/** `count` subscribers of each stream; of all streams together if they are not their own. */
function receiversOf(
  audience: NonNullable<ThroughputShape['audience']>,
  streams: readonly number[],
  count: number,
): Receiver[] {
  const subscribers = Array.from({ length: count }, (_, subscriber) => subscriber)
  switch (audience) {
    case 'own':
      return streams.flatMap((stream) =>
        subscribers.map((index) => ({ streams: [stream], subscribers: [stream * count + index] })),
      )
    case 'all':
      return subscribers.map((subscriber) => ({ streams, subscribers: [subscriber] }))
    case 'queue':
      return [{ streams, subscribers }]
  }
}

/**
 * Publishers from the first driver on, subscribers from the last one back: with two, each has one
 * side of 1:1.
 */
function planDrivers(
  { publications, subscribers, flow }: Layout,
  site: Site,
  context: RunContext,
  counts: SharedArrayBuffer,
  blockMessagesMax: number,
): DriverPlan[] {
  const drivers = Math.min(context.drivers, publications.length + subscribers.length)
  const copies = flow.receivers.filter(({ streams }) => streams.includes(0)).length
  const windowBytes = Math.min(WINDOW_BYTES, COPIES_BYTES_MAX / Math.max(1, copies))
  const blockBytes = Math.min(BLOCK_BYTES, windowBytes / WINDOW_BLOCKS)
  const blocks: BlockLimits = { messages: blockMessagesMax, bytes: blockBytes }
  return Array.from({ length: drivers }, (_, driver) => ({
    kind: 'throughput',
    publishAt: site.publishAt,
    subscribeAt: site.subscribeAt,
    kernel: context.kernel,
    publications,
    streams: publications.map(({ stream }) => stream).filter((n) => n % drivers === driver),
    subscribers: subscribers.filter(
      ({ subscriber }) => drivers - 1 - (subscriber % drivers) === driver,
    ),
    counts,
    layout: flow,
    blocks,
    windowBytes,
  }))
}

/** Checks what arrived and folds the receivers' hashes into one; undefined without receivers. */
function verify(phases: readonly ThroughputPhase[]): string | undefined {
  const mismatches = total(phases, (phase) => phase.mismatches)
  if (mismatches > 0) throw new Error(`messages not as published: mismatches=${mismatches}`)
  const hashes = Map.groupBy(
    phases.flatMap((phase) => phase.hashes),
    ({ receiver }) => receiver,
  )
  if (hashes.size === 0) return undefined
  let folded = 0n
  for (const [receiver, members] of [...hashes].toSorted(([a], [b]) => a - b)) {
    const actual = BigInt.asUintN(
      64,
      members.reduce((sum, member) => sum + member.actual, 0n),
    )
    const expected = members.find((member) => member.expected !== undefined)?.expected
    if (actual !== expected) throw new Error(`result hash differs: receiver=${receiver}`)
    folded = BigInt.asUintN(64, folded * 31n + actual)
  }
  return folded.toString(16).padStart(16, '0')
}

function total<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + numberOf(item), 0)
}
