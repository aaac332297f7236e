import { setTimeout as delay } from 'node:timers/promises'
import { DriverGroup } from '../driver-group.ts'
import type { IdleCommand, IdlePhase } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { residentBytes } from '../process-usage.ts'
import type { IdleScenario } from '../scenarios/types.ts'
import type { Server } from '../server-process.ts'
import type { RunContext } from './context.ts'

/**
 * Opened before the first look at the memory, so that what the first connections load does not
 * count.
 */
const WARMUP_CONNECTIONS = 16

const COMMAND_MS_MAX = 60_000

/**
 * Growth of the server's resident memory over the connections; then one message to each proves that
 * all live.
 */
export async function runIdle(
  scenario: IdleScenario,
  server: Server,
  context: RunContext,
): Promise<Measurement> {
  const connections = context.connections ?? scenario.connections[context.size]
  const settleMs = scenario.settleMs[context.size]
  const group = await DriverGroup.open<IdleCommand, IdlePhase>(context.pool, [
    {
      kind: 'idle',
      endpoint: server.endpoint,
      kernel: context.kernel,
      connections: connections + WARMUP_CONNECTIONS,
    },
  ])
  try {
    const run = async (action: IdleCommand['action'], count: number): Promise<IdlePhase> => {
      const describe = (): string => `idle connections: ${action} took over ${COMMAND_MS_MAX} ms`
      const phases = await group.run({ action, connections: count }, COMMAND_MS_MAX, describe)
      return phases[0]!
    }
    const look = async (): Promise<number | undefined> => {
      await delay(settleMs)
      return server.pid === undefined ? undefined : residentBytes(server.pid)
    }
    await run('open', WARMUP_CONNECTIONS)
    const before = await look()
    await run('open', connections)
    const after = await look()
    const delivered = await run('deliver', 0)
    if (delivered.received !== delivered.connections) {
      throw new Error(
        `not one message each: received=${delivered.received} connections=${delivered.connections}`,
      )
    }
    const isKnown = before !== undefined && after !== undefined
    return { metrics: { idleBytes: isKnown ? (after - before) / connections : undefined } }
  } finally {
    await group.end()
  }
}
