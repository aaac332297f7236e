import { DriverGroup, type DriverPlan } from '../driver-group.ts'
import { FlowControl } from '../drivers/flow-control.ts'
import type { Stream, ThroughputCommand, ThroughputPhase } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { startCpuMeter } from '../process-usage.ts'
import { type ThroughputScenario, WINDOW_BYTES } from '../scenarios.ts'
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
  const layout = layOut(scenario)
  const blockMessagesMax = Math.min(warmup.messages ?? Infinity, measured.messages ?? Infinity)
  const plans = planDrivers(scenario, site, context, layout, blockMessagesMax)
  const flow = new FlowControl(layout.counts, layout.subscribersOfStream)
  const describe = (): string => `run is stuck: ${describeFlow(flow, layout)}`
  const group: Group = await DriverGroup.open(context.pool, plans)
  try {
    await site.settle()
    const run = (command: ThroughputCommand): Promise<ThroughputPhase[]> =>
      group.run(command, STALL_MS, describe)
    await run({ phase: 1, ...warmup, wantsHashes: false })
    const cpu = await startCpuMeter(site.pids)
    const phases = await run({ phase: 2, ...measured, wantsHashes: false })
    const cpuNs = await cpu.readNs()
    const hashed = await run({ phase: 3, messages: 0, durationMs: 0, wantsHashes: true })

    const published = total(phases, (phase) => phase.published)
    const received = total(phases, (phase) => phase.received)
    const hash = verify(scenario, hashed, published, received)
    const elapsedNs =
      Math.max(...phases.map(({ endNs }) => endNs)) -
      Math.min(...phases.map(({ startNs }) => startNs))
    return {
      metrics: {
        ...rates(scenario, (published * 1e9) / elapsedNs, (received * 1e9) / elapsedNs),
        cpuNsPerMessage: cpuNs === undefined ? undefined : cpuNs / published,
      },
      ...(scenario.subscribersPerPublisher > 0 ? { hash } : {}),
      messages: published,
      generatorBusy: Math.max(...phases.map((phase) => phase.cpuNs)) / elapsedNs,
    }
  } finally {
    await group.end()
  }
}

/** The time ends with the last arrival, so with one subscriber both rates are the same. */
function rates(
  { link, subscribersPerPublisher }: ThroughputScenario,
  publishedPerSecond: number,
  deliveredPerSecond: number,
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

function layOut(scenario: ThroughputScenario): FlowLayout {
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
  scenario: ThroughputScenario,
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

/** Checks the run and folds the subscribers' hashes into one. */
function verify(
  scenario: ThroughputScenario,
  phases: readonly ThroughputPhase[],
  published: number,
  received: number,
): string {
  const expected = published * scenario.subscribersPerPublisher
  if (received !== expected) {
    throw new Error(`messages lost or doubled: received=${received} expected=${expected}`)
  }
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
