import { DriverGroup } from '../driver-group.ts'
import type { LatencyCommand, LatencyPhase } from '../drivers/tasks.ts'
import { LoginLoad } from '../login-load.ts'
import type { Measurement } from '../measurement.ts'
import type { LoginsScenario, StormScenario } from '../scenarios/types.ts'
import { HASHED_CREDENTIALS } from '../settings.ts'
import type { Site } from '../site.ts'
import type { StormLoad } from '../storm-load.ts'
import { SubscriptionLoad } from '../subscription-load.ts'
import { within } from '../within.ts'
import { amountsOf, type RunContext } from './context.ts'

const NS_PER_US = 1_000
const NS_PER_MS = 1_000_000
/** Time on top of a phase's own length before it counts as stuck. */
const GRACE_MS = 10_000
/** The first of all logins may have to wait for all others. */
const FIRST_MS_MAX = 60_000

/** Requests at a fixed rate, alone, then the same while passwords are verified. */
export async function runLogins(
  scenario: LoginsScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const load = new LoginLoad({ ...site.publishAt, ...HASHED_CREDENTIALS })
  const { quiet, busy } = await runBeside(scenario, scenario.logins, load, site, context)
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
}

/** Requests at a fixed rate, alone, then the same while others connect, or subscribe. */
export async function runStorm(
  scenario: StormScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const isOfConnections = scenario.storm === 'connections'
  const load = new (isOfConnections ? LoginLoad : SubscriptionLoad)(site.publishAt)
  let perSecond = 0
  const { quiet, busy } = await runBeside(scenario, scenario.clients, load, site, context, () => {
    perSecond = load.perSecond()
  })
  return {
    metrics: {
      ...(isOfConnections
        ? { connectionsPerSecond: perSecond }
        : { subscriptionsPerSecond: perSecond }),
      stormQuietP99Us: quiet.p99Ns / NS_PER_US,
      stormP99Us: busy.p99Ns / NS_PER_US,
    },
    messages: busy.requests,
    latency: { closed: quiet, paced: busy },
  }
}

type Paced = Pick<StormScenario, 'payloadBytes' | 'rate' | 'amounts'>

/** @param onEnd called while the load still runs */
async function runBeside(
  scenario: Paced,
  clients: StormScenario['clients'],
  load: StormLoad,
  { publishAt, subscribeAt }: Site,
  context: RunContext,
  onEnd: () => void = () => {},
): Promise<{ quiet: LatencyPhase; busy: LatencyPhase }> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const { payloadBytes } = scenario
  const { kernel, pool, size } = context
  const rate = context.rate ?? scenario.rate[size]
  const group = await DriverGroup.open<LatencyCommand, LatencyPhase>(pool, [
    { kind: 'latency', publishAt, subscribeAt, kernel, payloadBytes },
  ])
  try {
    const run = async (command: LatencyCommand): Promise<LatencyPhase> => {
      const timeoutMs = command.durationMs + GRACE_MS
      const phases = await group.run(command, timeoutMs, () => `no end after ${timeoutMs} ms`)
      return phases[0]!
    }
    await run(warmup)
    const quiet = await run({ ...measured, rate })
    await load.start(clients[size])
    const busy = await Promise.race([run({ ...measured, rate }), load.failure])
    await within(FIRST_MS_MAX, load.first, () => `nobody let in after ${FIRST_MS_MAX} ms`)
    onEnd()
    return { quiet, busy }
  } finally {
    load.stop()
    await group.end()
  }
}
