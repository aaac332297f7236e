import type { Kernel } from '../../kernel/kernel.ts'
import { Histogram, TIME_BOUNDS_MS } from '../../monitor/metrics/histogram.ts'
import type { OpenConnections, ThreadMeasurements } from '../../monitor/metrics/measurements.ts'
import { DeliveryLatency } from './delivery-latency.ts'
import { EventLoopDelay } from './event-loop-delay.ts'

/** What one thread measures of itself. */
export class ThreadMeasures {
  readonly latency: DeliveryLatency
  /** Milliseconds. */
  readonly clientRtt = new Histogram(TIME_BOUNDS_MS)
  readonly ingressPauses = new Histogram(TIME_BOUNDS_MS)
  readonly eventLoopDelay = new EventLoopDelay()

  constructor(kernel: Kernel, thread: number) {
    this.latency = new DeliveryLatency(kernel, thread)
  }

  /** Asking for it keeps the measurement of the event loop's delay going. */
  report(connections: OpenConnections): ThreadMeasurements {
    this.eventLoopDelay.want()
    return {
      localLatency: this.latency.local.report(),
      laneLatency: this.latency.lanes.report(),
      laneBytes: this.latency.laneBytes.report(),
      clientRtt: this.clientRtt.report(),
      ingressPauses: this.ingressPauses.report(),
      eventLoopDelay: this.eventLoopDelay.histogram.report(),
      connections,
    }
  }
}
