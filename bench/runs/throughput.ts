import { DriverGroup, type DriverPlan } from '../driver-group.ts'
import { FlowControl } from '../drivers/flow-control.ts'
import type { Stream, ThroughputCommand, ThroughputPhase } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { startCpuMeter } from '../process-usage.ts'
import { type Amount, type ThroughputScenario, WINDOW_BYTES } from '../scenarios.ts'
import type { Site } from '../site.ts'
import { amountsOf, type RunContext } from './context.ts'

/**
 * Without a message more or less for so long, some are lost: nothing here waits for more than a
 * window.
 */
const STALL_MS = 10_000

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
      ...(scenario.subscribersPerPublisher > 0 ? { hash } : {}),
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
type ThroughputShape = Pick<
  ThroughputScenario,
  'publishers' | 'subscribersPerPublisher' | 'subscribePrefix' | 'payloadBytes'
>

/** Publishers and subscribers on their connections, run phase after phase. */
export class ThroughputLoad {
  readonly #shape: ThroughputShape
  readonly #site: Site
  readonly #group: Group
  readonly #describe: () => string
  #phase = 0

  private constructor(shape: ThroughputShape, site: Site, group: Group, describe: () => string) {
    this.#shape = shape
    this.#site = site
    this.#group = group
    this.#describe = describe
  }

  /** @param amounts of the phases that are going to be run */
  static async open(
    shape: ThroughputShape,
    site: Site,
    context: RunContext,
    amounts: readonly Amount[],
  ): Promise<ThroughputLoad> {
    const layout = layOut(shape)
    const blockMessagesMax = Math.min(...amounts.map(({ messages }) => messages ?? Infinity))
    const plans = planDrivers(shape, site, context, layout, blockMessagesMax)
    const flow = new FlowControl(layout.counts, layout.subscribersOfStream)
    const describe = (): string => `run is stuck: ${describeFlow(flow, layout)}`
    return new ThroughputLoad(shape, site, await DriverGroup.open(context.pool, plans), describe)
  }

  /** @throws Error when not all messages of the phase arrive once, as they were published */
  async run(amount: Amount): Promise<PhaseFigures> {
    const cpu = await startCpuMeter(this.#site.pids)
    const phases = await this.#command({ ...amount, wantsHashes: false })
    const cpuNs = await cpu.readNs()
    const published = total(phases, (phase) => phase.published)
    const received = total(phases, (phase) => phase.received)
    const expected = published * this.#shape.subscribersPerPublisher
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
  async hash(): Promise<string> {
    return verify(await this.#command({ messages: 0, durationMs: 0, wantsHashes: true }))
  }

  async end(): Promise<void> {
    await this.#group.end()
  }

  #command(command: Omit<ThroughputCommand, 'phase'>): Promise<ThroughputPhase[]> {
    this.#phase += 1
    return this.#group.run({ ...command, phase: this.#phase }, STALL_MS, this.#describe)
  }
}

/** The time ends with the last arrival, so with one subscriber both rates are the same. */
function rates(
  { link, subscribersPerPublisher }: ThroughputScenario,
  { publishedPerSecond, deliveredPerSecond }: PhaseFigures,
): Measurement['metrics'] {
  if (link !== undefined) return { deliveredPerSecond }
  if (subscribersPerPublisher > 1) return { publishedPerSecond, deliveredPerSecond }
  return { publishedPerSecond }
}

interface FlowLayout {
  readonly counts: SharedArrayBuffer
  readonly streams: readonly Stream[]
  readonly subscribersOfStream: readonly (readonly number[])[]
}

function layOut(scenario: ThroughputShape): FlowLayout {
  const { publishers, subscribersPerPublisher, payloadBytes, subscribePrefix = '' } = scenario
  const streams = Array.from({ length: publishers }, (_, stream) => {
    const subject = `bench.${stream}`
    return { stream, subject, subscribedSubject: subscribePrefix + subject, payloadBytes }
  })
  const subscribersOfStream = streams.map(({ stream }) =>
    Array.from(
      { length: subscribersPerPublisher },
      (_, index) => stream * subscribersPerPublisher + index,
    ),
  )
  const counts = FlowControl.allocate(publishers, publishers * subscribersPerPublisher)
  return { counts, streams, subscribersOfStream }
}

/**
 * Publishers from the first driver on, subscribers from the last one back: with two, each has one
 * side of 1:1.
 */
function planDrivers(
  scenario: ThroughputShape,
  site: Site,
  context: RunContext,
  layout: FlowLayout,
  blockMessagesMax: number,
): DriverPlan[] {
  const { streams, subscribersOfStream, counts } = layout
  const connections = scenario.publishers * (1 + scenario.subscribersPerPublisher)
  const drivers = Math.min(context.drivers, connections)
  const subscribers = streams.flatMap((stream) =>
    subscribersOfStream[stream.stream]!.map((subscriber) => ({ ...stream, subscriber })),
  )
  return Array.from({ length: drivers }, (_, driver) => ({
    kind: 'throughput',
    publishAt: site.publishAt,
    subscribeAt: site.subscribeAt,
    kernel: context.kernel,
    publishers: streams.filter(({ stream }) => stream % drivers === driver),
    subscribers: subscribers.filter(
      ({ subscriber }) => drivers - 1 - (subscriber % drivers) === driver,
    ),
    counts,
    subscribersOfStream,
    blockMessagesMax,
    windowBytes: WINDOW_BYTES,
  }))
}

/** Checks what arrived and folds the subscribers' hashes into one. */
function verify(phases: readonly ThroughputPhase[]): string {
  const mismatches = total(phases, (phase) => phase.mismatches)
  if (mismatches > 0) throw new Error(`messages not as published: mismatches=${mismatches}`)
  let folded = 0n
  const hashes = phases.flatMap((phase) => phase.hashes)
  for (const { subscriber, actual, expected } of hashes.toSorted(
    (a, b) => a.subscriber - b.subscriber,
  )) {
    if (actual !== expected) throw new Error(`result hash differs: subscriber=${subscriber}`)
    folded = BigInt.asUintN(64, folded * 31n + actual)
  }
  return folded.toString(16).padStart(16, '0')
}

function describeFlow(flow: FlowControl, layout: FlowLayout): string {
  return layout.streams
    .map(({ stream, subject }) => {
      const received = layout.subscribersOfStream[stream]!.map((subscriber) =>
        flow.received(subscriber),
      )
      return `${subject} published=${flow.published(stream)} received=${received.join('/')}`
    })
    .join(', ')
}

function total(
  phases: readonly ThroughputPhase[],
  numberOf: (phase: ThroughputPhase) => number,
): number {
  return phases.reduce((sum, phase) => sum + numberOf(phase), 0)
}
