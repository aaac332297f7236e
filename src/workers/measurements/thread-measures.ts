import type { Connection } from '../../io/connection.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { Histogram, TIME_BOUNDS_MS } from '../../monitor/metrics/histogram.ts'
import type { OpenConnections, ThreadMeasurements } from '../../monitor/metrics/measurements.ts'
import type { ReportedSession } from '../reports/reported-session.ts'
import { DeliveryLatency } from './delivery-latency.ts'
import { EventLoopDelay } from './event-loop-delay.ts'

const TWO_32 = 2 ** 32

/** What one thread measures of itself. */
export class ThreadMeasures {
  readonly latency: DeliveryLatency
  /** Milliseconds. */
  readonly clientRtt = new Histogram(TIME_BOUNDS_MS)
  readonly ingressPauses = new Histogram(TIME_BOUNDS_MS)
  readonly eventLoopDelay = new EventLoopDelay()
  readonly #kernel: Kernel

  constructor(kernel: Kernel, thread: number) {
    this.#kernel = kernel
    this.latency = new DeliveryLatency(kernel, thread)
  }

  /** Asking for it keeps the measurement of the event loop's delay going. */
  report(connections: readonly (Connection | undefined)[]): ThreadMeasurements {
    this.eventLoopDelay.want()
    return {
      localLatency: this.latency.local.report(),
      laneLatency: this.latency.lanes.report(),
      laneBytes: this.latency.laneBytes.report(),
      clientRtt: this.clientRtt.report(),
      ingressPauses: this.ingressPauses.report(),
      eventLoopDelay: this.eventLoopDelay.histogram.report(),
      connections: openConnections(this.#kernel, connections),
    }
  }
}

function openConnections(
  { layout, words }: Kernel,
  connections: readonly (Connection | undefined)[],
): OpenConnections {
  const sums = { count: 0, subscriptions: 0, pendingBytes: 0 }
  const received = { msgs: 0, bytes: 0 }
  const sent = { msgs: 0, bytes: 0 }
  for (const connection of connections) {
    if (connection === undefined || !connection.isOpen) continue
    const { record, session } = connection
    const { isListed, subscriptionCount } = session as Partial<ReportedSession>
    if (isListed !== true) continue
    sums.count++
    sums.subscriptions += subscriptionCount ?? 0
    sums.pendingBytes += connection.pendingBytes
    received.msgs += longAt(words, record + layout.CONNECTION_IN_MSGS)
    received.bytes += longAt(words, record + layout.CONNECTION_IN_BYTES)
    sent.msgs += longAt(words, record + layout.CONNECTION_OUT_MSGS)
    sent.bytes += longAt(words, record + layout.CONNECTION_OUT_BYTES)
  }
  return { ...sums, in: received, out: sent }
}

/** Without a bigint for each: there may be very many connections. */
function longAt(words: Int32Array, address: number): number {
  return (words[address >> 2]! >>> 0) + (words[(address >> 2) + 1]! >>> 0) * TWO_32
}
