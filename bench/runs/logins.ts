import { DriverGroup } from '../driver-group.ts'
import type { LatencyCommand, LatencyPhase } from '../drivers/tasks.ts'
import { LoginLoad } from '../login-load.ts'
import type { Measurement } from '../measurement.ts'
import type { LoginsScenario } from '../scenarios/types.ts'
import { HASHED_CREDENTIALS } from '../settings.ts'
import type { Site } from '../site.ts'
import { within } from '../within.ts'
import { amountsOf, type RunContext } from './context.ts'

const NS_PER_US = 1_000
const NS_PER_MS = 1_000_000
/** Time on top of a phase's own length before it counts as stuck. */
const GRACE_MS = 10_000
/** The first of all logins may have to wait for all others. */
const LOGIN_MS_MAX = 60_000

/** Requests at a fixed rate, alone, then the same while passwords are verified. */
export async function runLogins(
  scenario: LoginsScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const { payloadBytes } = scenario
  const { publishAt, subscribeAt } = site
  const { kernel, pool, size } = context
  const rate = context.rate ?? scenario.rate[size]
  const group = await DriverGroup.open<LatencyCommand, LatencyPhase>(pool, [
    { kind: 'latency', publishAt, subscribeAt, kernel, payloadBytes },
  ])
  const load = new LoginLoad({ ...publishAt, ...HASHED_CREDENTIALS })
  try {
    const run = async (command: LatencyCommand): Promise<LatencyPhase> => {
      const timeoutMs = command.durationMs + GRACE_MS
      const phases = await group.run(command, timeoutMs, () => `no end after ${timeoutMs} ms`)
      return phases[0]!
    }
    await run(warmup)
    const quiet = await run({ ...measured, rate })
    await load.start(scenario.logins[size])
    const busy = await Promise.race([run({ ...measured, rate }), load.failure])
    await within(LOGIN_MS_MAX, load.first, () => `no login after ${LOGIN_MS_MAX} ms`)
    return {
      metrics: {
        quietP99Us: quiet.p99Ns / NS_PER_US,
        loginsP99Us: busy.p99Ns / NS_PER_US,
        loginsGrowthMs: Math.max(0, busy.p99Ns - quiet.p99Ns) / NS_PER_MS,
        loginsPerSecond: load.perSecond(),
      },
      messages: busy.requests,
      latency: { closed: quiet, paced: busy },
    }
  } finally {
    load.stop()
    await group.end()
  }
}
