import { DriverGroup } from '../driver-group.ts'
import type { PhaseLimit, RequestsPhase } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { startCpuMeter } from '../process-usage.ts'
import type { RequestsScenario } from '../scenarios/types.ts'
import type { Site } from '../site.ts'
import { amountsOf, type RunContext } from './context.ts'

/** Time on top of a phase's own length before it counts as stuck. */
const GRACE_MS = 10_000

/**
 * Warm-up, then the measured phase, on the same connections. Each answer must be the next one, or
 * with several responders one of them.
 */
export async function runRequests(
  scenario: RequestsScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const { requesters, payloadBytes } = scenario
  const responders = scenario.responders?.[context.size] ?? 1
  const { publishAt, subscribeAt } = site
  const { kernel } = context
  const group = await DriverGroup.open<PhaseLimit, RequestsPhase>(context.pool, [
    { kind: 'requests', publishAt, subscribeAt, kernel, requesters, responders, payloadBytes },
  ])
  try {
    await site.settle()
    const run = async (limit: PhaseLimit): Promise<RequestsPhase> => {
      const timeoutMs = limit.durationMs + GRACE_MS
      const phases = await group.run(limit, timeoutMs, () => `no end after ${timeoutMs} ms`)
      return phases[0]!
    }
    await run(warmup)
    const cpu = await startCpuMeter(site.pids)
    const phase = await run(measured)
    const cpuNs = await cpu.readNs()
    const answers = phase.requests * responders
    const perSecond = (answers * 1e9) / phase.elapsedNs
    const cpuNsEach = cpuNs === undefined ? undefined : cpuNs / answers
    return {
      metrics:
        scenario.responders === undefined
          ? { pipelinedPerSecond: perSecond, cpuNsPerRequest: cpuNsEach }
          : { answersPerSecond: perSecond, cpuNsPerAnswer: cpuNsEach },
      messages: phase.requests,
      generatorBusy: phase.cpuNs / phase.elapsedNs,
    }
  } finally {
    await group.end()
  }
}
