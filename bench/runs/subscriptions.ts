import { setTimeout as delay } from 'node:timers/promises'
import { DriverGroup } from '../driver-group.ts'
import type { SubscriptionsCommand, SubscriptionsPhase } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { residentBytes, startCpuMeter } from '../process-usage.ts'
import type { SubscriptionsScenario } from '../scenarios/types.ts'
import type { Server } from '../server-process.ts'
import type { RunContext } from './context.ts'

const COMMAND_MS_MAX = 120_000
const NS_PER_S = 1e9

/** How fast a server takes subscriptions, and what memory it has for each. */
export async function runSubscriptions(
  scenario: SubscriptionsScenario,
  server: Server,
  context: RunContext,
): Promise<Measurement> {
  const { pool, kernel, size } = context
  const { isSame } = scenario
  const count = context.subscriptions ?? scenario.subscriptions[size]
  const { endpoint, pid } = server
  const group = await DriverGroup.open<SubscriptionsCommand, SubscriptionsPhase>(pool, [
    { kind: 'subscriptions', endpoint, kernel, count, isSame },
  ])
  try {
    const run = async (command: SubscriptionsCommand): Promise<SubscriptionsPhase> => {
      const describe = (): string => `${command} took over ${COMMAND_MS_MAX} ms`
      const [phase] = await group.run(command, COMMAND_MS_MAX, describe)
      return phase!
    }
    const look = async (): Promise<number | undefined> => {
      await delay(scenario.settleMs[size])
      return pid === undefined ? undefined : residentBytes(pid)
    }
    const before = await look()
    const cpu = await startCpuMeter([pid])
    const phase = await run('subscribe')
    const cpuNs = await cpu.readNs()
    const after = await look()
    await run('prove')
    const isKnown = before !== undefined && after !== undefined
    return {
      metrics: {
        subscriptionsPerSecond: (count * NS_PER_S) / phase.elapsedNs,
        cpuNsPerSubscription: cpuNs === undefined ? undefined : cpuNs / count,
        subscriptionBytes: isKnown ? (after - before) / count : undefined,
      },
      generatorBusy: phase.cpuNs / phase.elapsedNs,
    }
  } finally {
    await group.end()
  }
}
