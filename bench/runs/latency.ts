import { DriverGroup } from '../driver-group.ts'
import type { LatencyCommand, LatencyPhase } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { startCpuMeter } from '../process-usage.ts'
import type { LatencyScenario } from '../scenarios/types.ts'
import type { Site } from '../site.ts'
import { amountsOf, type RunContext } from './context.ts'

const NS_PER_US = 1000
/** Time on top of a phase's own length before it counts as stuck. */
const GRACE_MS = 10_000

/**
 * Warm-up, closed loop, then paced; all on the same two connections. Every reply must match its
 * request.
 */
export async function runLatency(
  scenario: LatencyScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const { payloadBytes } = scenario
  const { publishAt, subscribeAt } = site
  const rate = context.rate ?? scenario.rate[context.size]
  const group = await DriverGroup.open<LatencyCommand, LatencyPhase>(context.pool, [
    { kind: 'latency', publishAt, subscribeAt, kernel: context.kernel, payloadBytes },
  ])
  try {
    await site.settle()
    const run = async (command: LatencyCommand): Promise<LatencyPhase> => {
      const timeoutMs = command.durationMs + GRACE_MS
      const phases = await group.run(command, timeoutMs, () => `no end after ${timeoutMs} ms`)
      return phases[0]!
    }
    await run(warmup)
    const cpu = await startCpuMeter(site.pids)
    const closed = await run(measured)
    const cpuNs = await cpu.readNs()
    const paced = await run({ ...measured, rate })
    return {
      metrics: {
        requestsPerSecond: (closed.requests * 1e9) / closed.elapsedNs,
        closedP50Us: closed.p50Ns / NS_PER_US,
        closedP99Us: closed.p99Ns / NS_PER_US,
        cpuNsPerRequest: cpuNs === undefined ? undefined : cpuNs / closed.requests,
        pacedP50Us: paced.p50Ns / NS_PER_US,
        pacedP99Us: paced.p99Ns / NS_PER_US,
      },
      messages: closed.requests,
      latency: { closed, paced },
    }
  } finally {
    await group.end()
  }
}
